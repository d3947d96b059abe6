"""A fault strikes a service while customers keep coming: what happened when, and who noticed.

Customers arrive at moments that are planned beforehand, whatever the shop does, and a wait counts
from the arrival: otherwise a shop that is away would show one slow answer instead of many.
"""

import asyncio
import os
import signal
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic, time
from typing import NamedTuple

import msgspec
from pyreqwest.client import Client
from pyreqwest.exceptions import RequestError

from bazar.experiment.lab import ExperimentError, OwnShop
from bazar.experiment.machine import Process
from bazar.experiment.settings import Fault, Service
from bazar.kit.peers.answers import heed_cancel
from bazar.kit.peers.client import plain_client
from bazar.kit.process.loop import run_fast
from bazar.load.clients import CLIENTS_DEFAULT_OPEN, Load, Pace, new_load_client
from bazar.load.measure import ACCEPTED, OK, Measurements
from bazar.load.plan import Act, Plan, Tastes
from bazar.load.purchases import Purchases

FAULT_SHARE = 0.3
"""Of the timeline, before the fault."""
LOOK_INTERVAL_S = 0.01
LOOK_TIMEOUT = timedelta(seconds=0.25)
CALM_S = 0.25
"""So long all has to be as fast as before, to count as recovered."""
USUAL_SHARE = 0.95
"""Of the purchases before the fault; no slower than these is as fast as before."""
SIGNALS: dict[Fault, signal.Signals] = {"kill": signal.SIGKILL, "hang": signal.SIGSTOP}
_SEEN = frozenset({"restarting", "not-answering"})
_READY = 200


class Heard(NamedTuple):
    """One answer, or the lack of one."""

    act: Act
    outcome: str
    at_s: float
    """Its arrival, since the start."""
    ms: float
    """From its arrival until it was answered."""

    @property
    def is_good(self) -> bool:
        """Tell whether the customer got what was asked for."""
        return self.outcome == OK


@dataclass(slots=True)
class Timeline:
    """What happened; times in seconds since the start, None where it was not seen."""

    length_s: float
    fault_s: float
    detected_s: float | None
    ready_s: float | None
    heard: list[Heard]
    purchases: Purchases = field(repr=False)

    @property
    def until_s(self) -> float:
        """Return when the service was back, or the end where it was not seen to be."""
        return self.length_s if self.ready_s is None else self.ready_s

    def before(self, act: Act) -> list[Heard]:
        """Return the good answers of those who came and went before the fault."""
        return [
            one
            for one in self.heard
            if one.act == act and one.is_good and one.at_s + one.ms / 1000 < self.fault_s
        ]

    def meanwhile(self, act: Act) -> list[Heard]:
        """Return those who were there while the service was away: some came just before."""
        return [
            one
            for one in self.heard
            if one.act == act
            and one.at_s + one.ms / 1000 >= self.fault_s
            and one.at_s <= self.until_s
        ]

    def after(self, act: Act) -> list[Heard]:
        """Return all who were answered after the fault."""
        return [
            one for one in self.heard if one.act == act and one.at_s + one.ms / 1000 >= self.fault_s
        ]

    def calm_s(self) -> float | None:
        """Return from when on buyers were served as fast as before; None where never."""
        usual = sorted(one.ms for one in self.before("buy"))
        if not usual or self.ready_s is None:
            return None
        limit_ms = usual[int(USUAL_SHARE * (len(usual) - 1))]
        came = sorted(
            (one for one in self.heard if one.act == "buy" and one.at_s >= self.ready_s),
            key=lambda one: one.at_s,
        )
        for number, first in enumerate(came):
            lately = [one.ms for one in came[number:] if one.at_s <= first.at_s + CALM_S]
            if first.at_s + CALM_S <= self.length_s and _share_within(lately, limit_ms) >= 0.5:  # noqa: PLR2004  half
                return first.at_s
        return None


def _share_within(values: Sequence[float], limit: float) -> float:
    return sum(value <= limit for value in values) / len(values)


class _Noted(Measurements):
    """Keeps each answer, too."""

    def __init__(self, duration_s: float) -> None:
        super().__init__(duration_s)
        self.heard: list[Heard] = []

    def record(self, act: Act, outcome: str, latency_us: float, at_s: float) -> None:
        super().record(act, outcome, latency_us, at_s)
        self.heard.append(Heard(act, outcome, at_s - latency_us / 1e6, latency_us / 1000))


@dataclass(frozen=True, slots=True)
class Strike:
    """What is done to a shop."""

    service: Service
    fault: Fault
    length_s: float
    rate: float
    """Customers arriving a second; half of them query, half buy."""
    seed: int
    zipf: float


def strike(own: OwnShop, what: Strike) -> Timeline:
    """Let customers come, strike one process of a service, and see how it goes on.

    Raises:
        ExperimentError: no process of the service is found.
    """
    found = own.serving(what.service)
    if not found:
        message = f"no process of the {what.service} service is found"
        raise ExperimentError(message)
    return run_fast(_struck(own, what, found[0]))


async def _struck(own: OwnShop, what: Strike, victim: Process) -> Timeline:
    stock, front = own.books, own.remote.addresses.front
    plan = Plan(Tastes({"browse": 0.5, "buy": 0.5}, what.zipf, what.seed), stock.shelf, stock.shelf)
    pace = Pace(what.length_s, CLIENTS_DEFAULT_OPEN, rate=what.rate, seed=what.seed)
    noted = _Noted(what.length_s)
    async with new_load_client() as client, _new_looker() as looker:
        load = Load(front, client, plan, pace)
        load.measured = noted
        began_s, began_at_s = monotonic(), time()
        loading = asyncio.create_task(load.run())
        try:
            await asyncio.sleep(FAULT_SHARE * what.length_s)
            fault_s = monotonic() - began_s
            with suppress(ProcessLookupError):
                os.kill(victim.pid, SIGNALS[what.fault])
            back = asyncio.create_task(_back(looker, victim))
            await loading
        finally:
            loading.cancel()
        ready_s = back.result() - began_s if back.done() else None
        if not back.done():
            ready_s = await _late(back, began_s)
    detected_s = detection(
        own.log.read_bytes().splitlines(), what.service, _port(victim), began_at_s + fault_s
    )
    return Timeline(
        length_s=what.length_s,
        fault_s=fault_s,
        detected_s=None if detected_s is None else detected_s - began_at_s,
        ready_s=ready_s,
        heard=noted.heard,
        purchases=load.purchases,
    )


LATE_S = 30.0
"""A service that is not back at the end of the timeline gets so long, before the next fault."""


async def _late(back: "asyncio.Task[float]", began_s: float) -> float | None:
    try:
        return await asyncio.wait_for(back, LATE_S) - began_s
    except TimeoutError:
        return None


def _new_looker() -> Client:
    return plain_client().timeout(LOOK_TIMEOUT).build()


def _port(process: Process) -> int:
    return int(process.words[process.words.index("--port") + 1])


async def _back(client: Client, victim: Process) -> float:
    """Return when a service that was struck was ready again, once it was seen to be away."""
    url, away = f"http://127.0.0.1:{_port(victim)}/readyz", False
    while True:
        try:
            ready = (await client.get(url).build().send()).status == _READY
        except RequestError:
            heed_cancel()
            ready = False
        if away and ready:
            return monotonic()
        away = away or not ready
        await asyncio.sleep(LOOK_INTERVAL_S)


class _LogLine(msgspec.Struct):
    event: str
    at: datetime
    service: str = ""
    port: int = 0


def detection(lines: Iterable[bytes], service: str, port: int, since_s: float) -> float | None:
    """Return when the supervisor noted that a service is gone, in seconds since 1970.

    Args:
        lines: of the shop's log, JSON among others.
        service: its name.
        port: of the process.
        since_s: when the fault struck; what was noted before is of another one.
    """
    for line in lines:
        try:
            said = msgspec.json.decode(line, type=_LogLine)
        except msgspec.DecodeError:
            continue
        of_it = (said.service, said.port) == (service, port) and said.event in _SEEN
        if of_it and said.at.timestamp() >= since_s - LOOK_INTERVAL_S:
            return said.at.timestamp()
    return None


def counted(heard: Sequence[Heard]) -> tuple[int, int, int, int]:
    """Return how many there are: all, good ones, accepted to be decided later, and the rest."""
    good = sum(one.is_good for one in heard)
    later = sum(one.outcome == ACCEPTED for one in heard)
    return len(heard), good, later, len(heard) - good - later


def together(timelines: Iterable[Timeline]) -> Purchases:
    """Return all purchases of some timelines, to be checked at once."""
    found = Purchases()
    for one in timelines:
        found.asked += one.purchases.asked
        found.acknowledged |= one.purchases.acknowledged
        found.accepted |= one.purchases.accepted
        found.unknown |= one.purchases.unknown
        found.differences += one.purchases.differences
    return found
