"""Power cuts: a whole shop over disks that forget what was not flushed, cut at random moments.

Catalog and order service run in this process, each on a disk of its own (chaos/disk.py), while
buyers buy, cancel and restock. Then the power fails, under one of the two or under both. What the
disks have left is read as it is, the services start on it again, and everything that a buyer ever
heard must still be so.
"""

import asyncio
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any, Self, TypeVar

import apsw
import msgspec
from pyreqwest.client import ClientBuilder
from pyreqwest.middleware import Next
from pyreqwest.middleware.asgi import ASGITestMiddleware
from pyreqwest.request import Request
from pyreqwest.response import Response
from structlog.testing import capture_logs

from bazar.catalog.app import catalog_app
from bazar.kit.errors import Problem, StartupError
from bazar.kit.http.app import HttpApp
from bazar.kit.process.server import SWITCH_INTERVAL_S
from bazar.order.app import order_app
from bazar.tools import remote
from bazar.tools.audit import audit
from bazar.tools.shop import Shop as RemoteShop
from chaos.buyers import Buyers
from chaos.disk import REAL, Disk, Power
from chaos.report import Progress, Report
from support.shops import CATALOG_URL, ORDER_URL, SECRET, Caller, InProcess
from support.wires import lost, nobody

T = TypeVar("T")

SIDE_BY_SIDE = 4
"""Shops at a time, since one waits most of the time."""
CUTS_A_SHOP = 15
"""After so many a new shop opens, so that what is to be checked does not grow without end."""
VIOLATIONS_MAX = 20
BUYERS = 8
CALLS_MAX = 150
ANSWERS_MAX = 40
MOMENTS = ("call", "call", "call", "answer", "answer", "opening", "closing")
"""At a call that changes a disk; right after an answer; while a service opens, or closes."""
VICTIMS = (("catalog", "order"), ("catalog", "order"), ("catalog",), ("order",))
STEP_S = 30.0
SETTLE_S = 20.0
PAUSE_S = 0.01
COUNTED = {
    "cuts": "cuts",
    "  at a call that changes a disk": "call",
    "  right after an answer": "answer",
    "  while a service opens": "opening",
    "  while a service closes": "closing",
    "shops": "shops",
    "changes that the disks forgot or tore": "forgotten",
    "purchases that were confirmed": "confirmed",
    "purchases that were refused": "refused",
    "cancels that were acknowledged": "cancelled",
    "restocks that were acknowledged": "restocks",
    "confirmations that a cut undid, all derived again": "undone",
}
"""The lines of the report, and what is counted for each."""


class Cable(ASGITestMiddleware):
    """The way to a service; nothing passes any more once the power is out at one of its ends."""

    def __init__(self, app: HttpApp, *ends: Disk) -> None:
        """Lead to a service."""
        super().__init__(app)
        self._ends = ends

    async def __call__(self, request: Request, following: Next) -> Response:
        """Carry a request there and its answer back."""
        if not all(end.on for end in self._ends):
            raise nobody()
        response = await super().__call__(request, following)
        if not all(end.on for end in self._ends):
            raise lost()
        return response


@dataclass
class Machine:
    """A service and the disk under it."""

    disk: Disk
    app: HttpApp
    network: InProcess
    stack: AsyncExitStack


class Auditor(RemoteShop):
    """The shop as the audit sees it, from a thread of its own."""

    def __init__(self, **callers: Caller) -> None:
        """Call these services in the running event loop."""
        super().__init__(remote.Addresses())
        self._callers = callers
        self._loop = asyncio.get_running_loop()

    def call(
        self,
        service: str,
        method: str,
        path: str,
        kind: type[T],
        *,
        body: Any = None,  # noqa: ANN401
        key: str | None = None,  # noqa: ARG002  the audit only reads
        timeout: timedelta = remote.TIMEOUT,
    ) -> T:
        """Call a service and return its answer as a struct."""
        asked = self._callers[service].call(method, path, body)
        reply = asyncio.run_coroutine_threadsafe(asked, self._loop).result(timeout.total_seconds())
        if reply.status != 200:
            raise remote.RemoteError(path, msgspec.json.decode(reply.content, type=Problem))
        return msgspec.json.decode(reply.content, type=kind)


class Shop:
    """One shop, from its first start through cut after cut."""

    def __init__(self, power: Power, folder: Path, chance: Random, tally: Counter[str]) -> None:
        """Have two empty disks.

        Args:
            power: that its disks hang on.
            folder: for its disks.
            chance: decides what happens.
            tally: counts what happened.
        """
        self._power = power
        self._dark = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._folder = folder
        self._chance = chance
        self._tally = tally
        self._number = 0
        self._machines: dict[str, Machine] = {}
        self._left: dict[str, dict[str, bytes]] = {"catalog": {}, "order": {}}
        self._ending: list[asyncio.Task[None]] = []
        self._network = InProcess()
        self._client = ClientBuilder().with_middleware(self._network).build()
        catalog = Caller(CATALOG_URL, self._client, SECRET)
        order = Caller(ORDER_URL, self._client, SECRET)
        self._auditor = Auditor(catalog=catalog, order=order)
        self.buyers = Buyers(catalog, order, chance)

    async def __aenter__(self) -> Self:
        """Promise to end what is started."""
        return self

    async def __aexit__(self, *_error: object) -> None:
        """End whatever runs, on cut disks too."""
        for name in ("order", "catalog"):
            if name in self._machines:
                self._end(name)
        await self._ended()
        await self._client.close()

    async def open(self, aim: int = 0) -> None:
        """Start what a cut has ended, on what it has left; the next cut may come meanwhile."""
        disks = {}
        self._number += 1
        for name, left in self._left.items():
            folder = self._folder / f"{self._number}" / name
            disks[name] = self._power.disk(folder, left, self._on_cut)
        self._left = {}
        if aim:
            self._power.aim(aim, *disks.values())
        for name in ("catalog", "order"):  # the order service calls the catalog at once
            if name in disks:
                self._machines[name] = await self._started(name, disks[name])
            self._connect()

    def _on_cut(self) -> None:
        self._loop.call_soon_threadsafe(self._dark.set)

    async def _started(self, name: str, disk: Disk) -> Machine:
        network, stack = InProcess(), AsyncExitStack()
        opened: AbstractAsyncContextManager[HttpApp]
        if name == "catalog":
            opened = catalog_app(disk.folder / "catalog.db", SECRET)
        else:
            catalog = self._machines["catalog"]
            network.apps[CATALOG_URL] = Cable(catalog.app, catalog.disk, disk)
            client = ClientBuilder().with_middleware(network).build()
            await stack.enter_async_context(client)
            opened = order_app(disk.folder / "order.db", CATALOG_URL, SECRET, client)
        return Machine(disk, await stack.enter_async_context(opened), network, stack)

    def _connect(self) -> None:
        """Lay the cables anew, to the services that run now."""
        catalog, order = self._machines.get("catalog"), self._machines.get("order")
        if catalog is not None:
            self._network.apps[CATALOG_URL] = Cable(catalog.app, catalog.disk)
        if order is not None:
            self._network.apps[ORDER_URL] = Cable(order.app, order.disk)
        if catalog is not None and order is not None:
            order.network.apps[CATALOG_URL] = Cable(catalog.app, catalog.disk, order.disk)

    def _end(self, name: str) -> None:
        """Let a service run out, unheard where its power is off."""
        machine = self._machines.pop(name)
        self._ending.append(asyncio.create_task(machine.stack.aclose()))

    async def _ended(self) -> None:
        await asyncio.gather(*self._ending)
        self._ending.clear()

    async def cut(self, moment: str, names: tuple[str, ...]) -> None:
        """Have the power fail under some services, at a moment of a kind."""
        await self._ended()
        self._dark.clear()
        if moment == "opening":
            names = tuple(self._left)
            await self.open(aim=self._chance.randint(1, 30))
        else:
            await self._rush(moment, names)
        if moment == "closing":
            self._power.aim(self._chance.randint(1, 10), *self._disks(names))
            for name in reversed(names):
                await self._machines[name].stack.aclose()
        self._power.cut(*self._disks(names))
        for name in reversed(names):
            disk = self._machines[name].disk
            self._left[name] = disk.left
            self._tally["forgotten"] += disk.forgotten
            self._end(name)
        self._tally[moment] += 1

    def _disks(self, names: tuple[str, ...]) -> list[Disk]:
        return [self._machines[name].disk for name in names]

    async def _rush(self, moment: str, names: tuple[str, ...]) -> None:
        async with self.buyers.rush(BUYERS):
            if moment == "call":
                calls = int(CALLS_MAX ** self._chance.random())
                self._power.aim(calls, *self._disks(names))
                await asyncio.wait_for(self._dark.wait(), STEP_S)
            else:
                await self.buyers.heard_more(self._chance.randint(1, ANSWERS_MAX))
                if moment == "answer":
                    self._power.cut(*self._disks(names))

    def read(self) -> list[str]:
        """Read what the last cut has left, with nobody's help; return what is wrong with it."""
        found = []
        for name, left in self._left.items():
            folder = self._folder / f"{self._number}" / f"{name}.read"
            Disk(folder, left, lambda: None)
            found += self.buyers.read(name, folder / f"{name}.db")
        return found

    async def check(self, *, whole: bool = False) -> list[str]:
        """Let the shop recover, then hold it against all that was heard."""
        give_up_s = monotonic() + SETTLE_S
        while self._unsettled():
            if monotonic() > give_up_s:
                return [f"{self._unsettled()} orders are unsettled for ever"]
            await asyncio.sleep(PAUSE_S)
        found = await asyncio.to_thread(audit, self._auditor)
        return [*self.buyers.wrong, *found.differences, *await self.buyers.check(whole=whole)]

    def _unsettled(self) -> int:
        """Return how many orders the recovery loop still has to drive."""
        path = self._machines["order"].disk.folder / "order.db"
        with closing(apsw.Connection(str(path), apsw.SQLITE_OPEN_READONLY, REAL)) as connection:
            count = connection.execute("SELECT count(*) FROM orders WHERE settled = 0").get
            assert isinstance(count, int)
            return count


def run(*, cuts: int, seed: int, folder: Path, progress: Progress) -> Report:
    """Cut the power so many times; report what happened, and what was lost.

    Args:
        cuts: 1 or more; fewer where so much is wrong that more would say nothing new.
        seed: decides what is bought, when the power fails, and what the disks keep.
        folder: for the databases.
        progress: is told after each cut.
    """
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL_S)  # as a service does
    try:
        with capture_logs():
            return asyncio.run(_run(cuts, seed, folder, progress))
    finally:
        sys.setswitchinterval(interval_s)
        progress.end()


async def _run(cuts: int, seed: int, folder: Path, progress: Progress) -> Report:
    report = Report(f"Power cuts (seed {seed})")
    tally, started_s = Counter[str](), monotonic()
    shops = -(-cuts // CUTS_A_SHOP)
    with Power(Random(seed)) as power:
        run = Run(power, cuts, iter(range(shops)), seed, folder, tally, report, progress)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(shops, SIDE_BY_SIDE)):
                group.create_task(run.shops())
    for name, counted in COUNTED.items():
        report.add(name, tally[counted])
    report.add("seconds", round(monotonic() - started_s, 1))
    return report


@dataclass
class Run:
    """Shops one after the other, until there were enough cuts."""

    power: Power
    cuts: int
    numbers: Iterator[int]
    seed: int
    folder: Path
    tally: Counter[str]
    report: Report
    progress: Progress

    async def shops(self) -> None:
        """Open the next shop, and the next."""
        for number in self.numbers:
            if len(self.report.violations) >= VIOLATIONS_MAX:
                return
            chance = Random(f"{self.seed} {number}")
            folder = self.folder / f"shop-{number}"
            async with Shop(self.power, folder, chance, self.tally) as shop:
                cuts = min(CUTS_A_SHOP, self.cuts - number * CUTS_A_SHOP)
                try:
                    found = await self._live(shop, cuts, chance)
                except (TimeoutError, StartupError, apsw.Error) as error:
                    found = [f"it stood still, or did not start: {error!r}"]
            self.tally["shops"] += 1
            self.report.violations += [f"shop {number}, {text}" for text in found]
            shutil.rmtree(folder)

    async def _live(self, shop: Shop, cuts: int, chance: Random) -> list[str]:
        """Lead a shop from cut to cut, until something is wrong with it."""
        try:
            for number in range(1, cuts + 1):
                moment, names = chance.choice(MOMENTS), chance.choice(VICTIMS)
                if moment != "opening":
                    await shop.open()
                    if found := await shop.check():
                        return [f"before cut {number}: {text}" for text in found]
                    await shop.buyers.set_up()
                await shop.cut(moment, names)
                self.tally["cuts"] += 1
                self.progress.say(
                    f"{self.tally['cuts']} of {self.cuts} cuts, "
                    f"{len(self.report.violations)} violations"
                )
                if found := shop.read():
                    return [f"cut {number} ({moment}): {text}" for text in found]
            await shop.open()
            return [f"at its end: {text}" for text in await shop.check(whole=True)]
        finally:
            shop.buyers.count(self.tally)
