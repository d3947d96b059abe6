"""The customers: so many at once, or so many arriving a second, on one event loop.

**Closed loop**: each client asks, waits for the answer, thinks, and asks again. A slow shop is
asked less.

**Open loop**: customers arrive at moments that are planned beforehand, whatever the shop does. A
customer whom no client is free to serve waits in line, and that wait is part of the latency, which
counts from the arrival. Otherwise a shop that hangs for a second would show one slow answer
instead of a second's worth of them (coordinated omission).

A purchase has a key of its own. One without a definite answer is not repeated here: it is kept,
and asked for again at the end, with its key.
"""

import asyncio
import random
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic, process_time
from typing import NamedTuple

from pyreqwest.client import Client
from pyreqwest.exceptions import RequestError, RequestTimeoutError

from bazar.kit.http.idempotency import KEY_HEADER, format_key
from bazar.kit.peers.answers import heed_cancel
from bazar.kit.peers.client import plain_client
from bazar.load.measure import OK, Measurements, merged
from bazar.load.plan import Act, Item, Plan, arrivals
from bazar.load.purchases import Purchases, problem_of

TIMEOUT = timedelta(seconds=10)
CLIENTS_DEFAULT = 64
CLIENTS_DEFAULT_OPEN = 512
WATCH_INTERVAL_S = 0.5
REFUSED_PAUSE_S = 0.05
"""After a connection was refused, so that a shop that is away does not keep a core busy."""
_OK = 200


@dataclass(frozen=True, slots=True)
class Pace:
    """How hard to press, and for how long."""

    duration_s: float
    clients: int = CLIENTS_DEFAULT
    think_s: float = 0.0
    """Between an answer and the same client's next question, on average; closed loop only."""
    rate: float | None = None
    """Arrivals a second; None is a closed loop."""
    seed: int = 1
    no_cache: bool = False
    """Whether each question is asked past the front's cache."""


class Snapshot(NamedTuple):
    """How far a run got."""

    elapsed_s: float
    duration_s: float
    rate_s: float
    """Good answers a second, lately."""
    p50_ms: float
    p99_ms: float
    bought: int
    failures: int


def new_load_client() -> Client:
    """Return an HTTP client for a load."""
    return plain_client().timeout(TIMEOUT).build()


class Load:
    """One run of customers against a front."""

    def __init__(self, url: str, client: Client, plan: Plan, pace: Pace) -> None:
        """Prepare a run; `run` it once."""
        self.measured = Measurements(pace.duration_s)
        self.purchases = Purchases()
        self._url = url
        self._client = client
        self._plan = plan
        self._pace = pace
        self._keys = f"load-{secrets.token_hex(6)}"
        self._asked = 0
        self._started_s = 0.0
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """End early: ask nothing more, and wait only for what is in flight."""
        self._stopped.set()

    async def run(self, watch: Callable[[Snapshot], None] = lambda _snapshot: None) -> None:
        """Ask until the time is up or `stop` was called.

        Args:
            watch: is told every half second how far it got.
        """
        self._started_s, busy_s = monotonic(), process_time()
        clock = asyncio.get_running_loop().call_later(self._pace.duration_s, self._stopped.set)
        watching = asyncio.create_task(self._watch(watch))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._end(busy_s))
                if self._pace.rate:
                    group.create_task(self._open(self._pace.rate))
                else:
                    for number in range(self._pace.clients):
                        group.create_task(self._client_of_its_own(number))
        finally:
            clock.cancel()
            watching.cancel()

    async def _end(self, busy_s: float) -> None:
        await self._stopped.wait()
        self.measured.elapsed_s = monotonic() - self._started_s
        self.measured.busy_s = process_time() - busy_s

    async def _client_of_its_own(self, number: int) -> None:
        dice = random.Random(f"{self._pace.seed}-{number}")  # noqa: S311  repeatable
        while not self._stopped.is_set():
            answered = await self._ask(*self._plan.next(), monotonic())
            pause_s = 0.0 if answered else REFUSED_PAUSE_S
            if self._pace.think_s:
                pause_s += dice.expovariate(1 / self._pace.think_s)
            if pause_s:
                await self._wait(pause_s)

    async def _open(self, rate: float) -> None:
        line: asyncio.Queue[float | None] = asyncio.Queue()

        async def client() -> None:
            while (arrived_s := await line.get()) is not None:
                await self._ask(*self._plan.next(), arrived_s)

        async with asyncio.TaskGroup() as group:
            for _ in range(self._pace.clients):
                group.create_task(client())
            for moment in arrivals(rate, self._pace.duration_s, self._pace.seed):
                due_s = self._started_s + moment
                if due_s > monotonic():
                    await self._wait(due_s - monotonic())
                if self._stopped.is_set() and due_s > monotonic():
                    break
                # The timer may ring a little early; that customer has not waited yet.
                line.put_nowait(min(due_s, monotonic()))
            await self._stopped.wait()
            while not line.empty():
                line.get_nowait()
                self.measured.unsent += 1
            for _ in range(self._pace.clients):
                line.put_nowait(None)

    async def _wait(self, pause_s: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), pause_s)

    async def _ask(self, act: Act, item: Item, since_s: float) -> bool:
        """Ask once, and measure; return whether anybody answered."""
        url, key = self._url + item.path(act), ""
        if act == "buy":
            self._asked += 1
            key = f"{self._keys}-{self._asked}"
            request = self._client.post(url).header(KEY_HEADER, format_key(key))
        else:
            request = self._client.get(url)
            if self._pace.no_cache:
                request = request.header("cache-control", "no-cache")
        status, body = 0, b""
        try:
            response = await request.build().send()
            status, body = response.status, (await response.bytes()).to_bytes()
        except RequestTimeoutError:
            outcome = "timeout"
        except RequestError:
            heed_cancel()
            outcome = "no-answer"
        else:
            outcome = OK if status == _OK else ""
        now_s = monotonic()
        if act == "buy":
            outcome = self.purchases.heard(key, item.book_id, status, body) or outcome
        elif not outcome:
            outcome = problem_of(status, body).code
        latency_us = (now_s - since_s) * 1e6
        self.measured.record(act, outcome, latency_us, now_s - self._started_s)
        return bool(status)

    async def _watch(self, watch: Callable[[Snapshot], None]) -> None:
        while True:
            await asyncio.sleep(WATCH_INTERVAL_S)
            watch(self.snapshot())

    def snapshot(self) -> Snapshot:
        """Return how far the run got, with the last full window's figures."""
        measured, elapsed_s = self.measured, monotonic() - self._started_s
        now = int(elapsed_s / measured.width_s)
        lately = merged(w.total() for w in measured.windows[max(0, now - 1) : max(1, now)])
        return Snapshot(
            elapsed_s=min(elapsed_s, self._pace.duration_s),
            duration_s=self._pace.duration_s,
            rate_s=lately.count / min(measured.width_s, elapsed_s),
            p50_ms=lately.percentile_ms(0.5),
            p99_ms=lately.percentile_ms(0.99),
            bought=len(self.purchases.acknowledged),
            failures=sum(window.failures() for window in measured.windows),
        )
