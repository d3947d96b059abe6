"""Crash points: each service dies at its Nth flush, write or answer, while buyers buy.

Each death is followed by the next start, which recovers and then dies at another point: a chain
costs one start a point, and a crash within the recovery from a crash is met as well. Three chains
run side by side, one for each service, each on a shop of its own.

The calls are those that the kernel sees: `fdatasync` flushes a database, `pwrite64` writes to it,
and `writev` carries every answer to a caller and every request to another service. (`sendto`,
which one might expect, is never called.) strace counts them for each thread on its own.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic
from typing import NamedTuple

from chaos.faults import BUYERS, KILL, SIGKILL_STATUS, Rush, broken, ended, fault
from chaos.report import Progress, Report
from support.processes import LOG_SHOWN
from support.running import ThreeServices

COPIES = 1_000_000
POINTS_A_SHOP = 25
"""After so many a new shop opens, so that what is to be checked does not grow without end."""
DATABASE_CALLS = {"fdatasync": 25, "pwrite64": 160, "writev": 40}
"""The calls of a service with a database, each with the largest N."""
CALLS = {"catalog": DATABASE_CALLS, "order": DATABASE_CALLS, "front": {"writev": 60}}
"""The front has no database: it dies at what it sends, to buyers and to the other two."""
IN_MIGRATION_MIN = 3
IDLE_S = 15.0
"""How long a service may live on among buyers before a point counts as out of reach."""


class Point(NamedTuple):
    """Where a service dies: at its Nth call of a kind."""

    call: str
    number: int

    def __str__(self) -> str:
        """Return it as a report shows it."""
        return f"{self.call} {self.number}"


IN_MIGRATION = (
    Point("pwrite64", 1),
    Point("fdatasync", 1),
    Point("pwrite64", 9),
    Point("fdatasync", 3),
    Point("pwrite64", 14),
)
"""Points while a database is made; at the later ones nothing may be left to do."""


def plan(service: str, points: int, chance: Random) -> list[Point]:
    """Draw points for a service: each call as often as the others, N mostly small."""
    calls = sorted(CALLS[service])
    drawn = []
    for count in range(points):
        call = calls[count % len(calls)]
        drawn.append(Point(call, int(CALLS[service][call] ** chance.random())))
    return drawn


def run(*, points: int, seed: int, folder: Path, progress: Progress) -> Report:
    """Let the three services die at so many points; report where they did, and what was lost.

    Args:
        points: among purchases, 3 or more, a third for each service; a few more lie where a
            database is made.
        seed: decides the points.
        folder: for the shops.
        progress: is told after each death.
    """
    report = Report(f"Crash points (seed {seed})")
    started_s = monotonic()
    deaths = Deaths(points, progress)
    asyncio.run(_run(deaths, seed, folder, report))
    report.add("points among purchases", deaths.met.total())
    for what, count in sorted(deaths.met.items()):
        report.add(f"  {what}", count)
    report.add("points while a database is made", deaths.in_migration)
    report.add("shops", deaths.shops)
    report.add("purchases answered between deaths", deaths.answers)
    report.add("seconds", round(monotonic() - started_s, 1))
    progress.end()
    return report


@dataclass
class Deaths:
    """What was met until now."""

    wanted: int
    progress: Progress
    met: Counter[str] = field(default_factory=Counter)
    """By service and call, among purchases."""
    in_migration: int = 0
    shops: int = 0
    answers: int = 0

    def among_purchases(self, service: str, point: Point) -> None:
        """Count a death."""
        self.met[f"{service}, {point.call}"] += 1
        self.progress.say(f"{self.met.total()} of {self.wanted} points, {self.shops} shops checked")


async def _run(deaths: Deaths, seed: int, folder: Path, report: Report) -> None:
    async def chain(service: str, share: int) -> None:
        points = plan(service, share, Random(f"{seed} {service}"))
        for begin in range(0, share, POINTS_A_SHOP):
            place = folder / f"{service}-{begin}"
            place.mkdir(parents=True)
            try:
                found = await _lead(place, service, points[begin : begin + POINTS_A_SHOP], deaths)
            except AssertionError as error:
                found = [str(error)]
            report.violations += [f"the shop whose {service} died: {text}" for text in found]

    async with asyncio.TaskGroup() as group:
        for number, service in enumerate(CALLS):
            group.create_task(chain(service, (deaths.wanted + number) // len(CALLS)))


async def _lead(folder: Path, service: str, points: list[Point], deaths: Deaths) -> list[str]:
    """Lead a new shop through the deaths of one of its services; return what is wrong then.

    Raises:
        AssertionError: a point was not reached, or the shop does not recover.
    """
    with ThreeServices(folder) as shop:
        if "fdatasync" in CALLS[service]:
            await _die_in_migration(shop, service, deaths)
        await asyncio.to_thread(shop.open)
        book_id = await asyncio.to_thread(shop.add_book, COPIES)
        async with shop.customers() as customers:
            async with Rush(customers, book_id, "chain") as rush:
                await rush.served(BUYERS)
                await asyncio.to_thread(shop.stop, service)
                before = len(rush.answers)
                for point in points:
                    shop.start(service, before=fault(point.call, KILL, point.number))
                    status = await ended(shop, service, IDLE_S)
                    assert status == SIGKILL_STATUS, (str(point), status, shop.log()[-LOG_SHOWN:])
                    deaths.among_purchases(service, point)
                deaths.answers += len(rush.answers) - before
                await asyncio.to_thread(shop.open, service)
                await rush.end()
            deaths.shops += 1
            return await broken(shop, rush)


async def _die_in_migration(shop: ThreeServices, service: str, deaths: Deaths) -> None:
    """Let a service die at each point of making its database."""
    count = 0
    for point in IN_MIGRATION:
        shop.start(service, before=fault(point.call, KILL, point.number))
        if await ended(shop, service, idle_s=0) == SIGKILL_STATUS:
            count += 1
        else:
            shop.end(service)
    assert count >= IN_MIGRATION_MIN, (count, shop.log()[-LOG_SHOWN:])
    deaths.in_migration += count
