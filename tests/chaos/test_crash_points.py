"""A service dies at its Nth flush, write or answer, again and again, while buyers buy.

Each death is followed by the next start, which recovers and then dies at another point: a chain
costs one start a point, and a crash within the recovery from a crash is met as well.
"""

import asyncio
from pathlib import Path

import pytest

from chaos import faults
from chaos.faults import KILL, SIGKILL_STATUS, Rush, ended, fault
from cluster.running import ThreeServices

COPIES = 1_000_000
IN_MIGRATION = [
    ("pwrite64", 1),
    ("fdatasync", 1),
    ("pwrite64", 9),
    ("fdatasync", 3),
    ("pwrite64", 14),
]
IN_PURCHASES = [
    ("fdatasync", 1),
    ("writev", 1),
    ("pwrite64", 2),
    ("writev", 2),
    ("fdatasync", 3),
    ("pwrite64", 5),
    ("writev", 7),
    ("fdatasync", 6),
    ("pwrite64", 17),
    ("fdatasync", 11),
    ("writev", 18),
    ("pwrite64", 40),
]


async def die_in_migration(folder: Path, service: str) -> None:
    """Let a service die at each point of making its database; then the shop must sell."""
    with ThreeServices(folder) as shop:
        deaths = []
        for call, number in IN_MIGRATION:
            shop.start(service, before=fault(call, KILL, number))
            if await ended(shop, service, idle_s=0) == SIGKILL_STATUS:
                deaths.append(f"{call} {number}")
            else:
                shop.end(service)
        assert len(deaths) >= 3, (deaths, shop.log())
        await asyncio.to_thread(shop.open)
        book_id = shop.add_book(COPIES)
        async with shop.customers() as customers:
            async with Rush(customers, book_id, "after") as rush:
                await rush.served(10)
                await rush.end()
            await faults.check(shop, rush, deaths)


async def die_in_purchases(folder: Path, service: str) -> None:
    """Let a service die at each point while buyers buy; then everything must add up."""
    with ThreeServices(folder) as shop:
        await asyncio.to_thread(shop.open)
        book_id = shop.add_book(COPIES)
        await asyncio.to_thread(shop.stop, service)
        deaths = []
        async with shop.customers() as customers:
            async with Rush(customers, book_id, "chain") as rush:
                for call, number in IN_PURCHASES:
                    shop.start(service, before=fault(call, KILL, number))
                    status = await ended(shop, service)
                    assert status == SIGKILL_STATUS, (call, number, status, shop.log()[-6000:])
                    deaths.append(f"{call} {number}")
                answers = len(rush.answers)
                await asyncio.to_thread(shop.open, service)
                await rush.end()
            await faults.check(shop, rush, deaths)
        assert answers >= len(deaths), "the points must lie among purchases, not before them"


async def test_a_service_that_dies_while_it_makes_its_database_makes_it_at_a_later_start(
    tmp_path: Path,
) -> None:
    """Whatever half of the database is there, the next start completes it, and the shop sells."""
    faults.need_strace()
    await faults.for_both(die_in_migration, tmp_path)


@pytest.mark.timeout(150)
async def test_a_service_that_dies_at_any_flush_write_or_answer_loses_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    """Every buyer ends with one answer, and the shop agrees with every word that it said."""
    faults.need_strace()
    await faults.for_both(die_in_purchases, tmp_path)
