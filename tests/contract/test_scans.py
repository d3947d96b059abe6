"""Scans end in time, in lanes of their own; told by one suite for each engine."""

import asyncio
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import cast

import pytest

from bazar.kit.data.database import KEEPERS, READERS, SEARCHERS, Database, Lane, Transaction
from bazar.kit.errors import Overloaded, Unavailable
from support.engines import Opener
from support.notes import bodies, create, note, opened

ENDLESS = """
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1000000000)
SELECT count(*) FROM numbers"""
HASTY = Lane("hasty ones", threads=1, scans_max=3, patience_s=0.1, limit_s=0.2)
SOON_S = 1.0
"""Far less than an endless scan would take, and more than a busy machine needs."""


async def endless(transaction: Transaction) -> None:
    """Run a statement that takes minutes."""
    await transaction.one(ENDLESS)


async def endlessly_many(transaction: Transaction) -> None:
    """Run statements of which none takes long."""
    while True:
        await transaction.one("SELECT 1")
        time.sleep(0.001)  # noqa: ASYNC251  as work between two statements


class Holding:
    """A scan that goes on until it is let go."""

    def __init__(self) -> None:
        """Hold."""
        self.started = threading.Event()
        self.release = threading.Event()

    async def __call__(self, transaction: Transaction) -> None:
        """Run as a scan."""
        self.started.set()
        while not self.release.is_set():
            await transaction.one("SELECT 1")


async def took_s(database: Database, lane: Lane) -> float:
    """Return how long a short scan takes, once there is room for it."""
    started_s = time.monotonic()
    await database.scan(bodies, lane)
    return time.monotonic() - started_s


@pytest.mark.parametrize("work", [endless, endlessly_many])
async def test_a_scan_ends_when_its_time_is_over(database: Database, work: object) -> None:
    """Its asker is told so, and its thread is free for the next, which nothing interrupts."""
    started_s = time.monotonic()
    with pytest.raises(Overloaded, match=r"longer than the 0\.2 s that hasty ones have"):
        await database.scan(cast("type[endless]", work), HASTY)  # type: ignore[valid-type]
    assert 0.19 <= time.monotonic() - started_s < 0.2 + SOON_S
    for _ in range(20):
        assert await took_s(database, HASTY) < SOON_S


@pytest.mark.parametrize("lane", [READERS, SEARCHERS, KEEPERS], ids=lambda lane: lane.name)
async def test_a_scan_ends_when_its_asker_is_gone(database: Database, lane: Lane) -> None:
    """However many leave, the next one finds a thread at once."""
    for _ in range(3):
        leaving = [asyncio.ensure_future(database.scan(endless, lane)) for _ in range(8)]
        await asyncio.sleep(0.05)
        for one in leaving:
            one.cancel()
        assert await took_s(database, lane) < SOON_S


async def test_a_scan_that_nobody_waits_for_is_not_even_started(database: Database) -> None:
    """Whoever left the lane left nothing behind in it."""
    holding = Holding()
    held = asyncio.ensure_future(database.scan(holding, HASTY))
    await asyncio.to_thread(holding.started.wait)
    ran: list[bool] = []

    async def late(_transaction: Transaction) -> None:
        ran.append(True)

    leaving = asyncio.ensure_future(database.scan(late, HASTY))
    await asyncio.sleep(0)
    leaving.cancel()
    tired = asyncio.ensure_future(database.scan(late, HASTY))
    with pytest.raises(Overloaded, match=r"waited for 0\.1 s behind other hasty ones"):
        await tired
    holding.release.set()
    with suppress(Overloaded):
        await held
    await took_s(database, HASTY)
    assert [] == ran


async def test_scans_that_wait_are_bounded(database: Database) -> None:
    """One too many is refused at once, and there is room again as soon as one leaves."""
    lane = Lane("few", threads=1, scans_max=3, patience_s=9, limit_s=9)
    holding = Holding()
    held = [asyncio.ensure_future(database.scan(holding, lane)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded, match="3 few wait already"):
        await database.scan(bodies, lane)
    held[2].cancel()
    await asyncio.sleep(0)
    waiting = asyncio.ensure_future(database.scan(bodies, lane))
    await asyncio.sleep(0)
    holding.release.set()
    assert [] == await waiting


async def test_no_crowd_in_one_lane_keeps_another_waiting(database: Database) -> None:
    """Searchers who take every place of theirs leave those of readers and keepers as they are."""
    crowd = [
        asyncio.ensure_future(database.scan(endless, SEARCHERS)) for _ in range(SEARCHERS.scans_max)
    ]
    await asyncio.sleep(0.05)
    assert await took_s(database, READERS) < SOON_S
    assert await took_s(database, KEEPERS) < SOON_S
    assert 1 == await database.write(note("meanwhile"))
    for one in crowd:
        one.cancel()
    await asyncio.gather(*crowd, return_exceptions=True)


async def test_closing_ends_the_scans_that_run_and_those_that_wait(
    engine: Opener, tmp_path: Path
) -> None:
    """Nobody waits for the end of a scan that takes minutes, and every asker is told."""
    async with opened(engine, tmp_path / "closing.db", []) as database:
        await database.write(create)
        scans = [asyncio.ensure_future(database.scan(endless)) for _ in range(5)]
        await asyncio.sleep(0.05)
        started_s = time.monotonic()
    assert time.monotonic() - started_s < SOON_S
    answers = await asyncio.gather(*scans, return_exceptions=True)
    assert [Unavailable] * 5 == [type(answer) for answer in answers]
    with pytest.raises(Unavailable):
        await database.scan(bodies)
