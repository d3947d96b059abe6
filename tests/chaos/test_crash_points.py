"""A service dies at its Nth flush, write or answer, again and again, while buyers buy.

Each death is followed by the next start, which recovers and then dies at another point: a chain
costs one start a point, and a crash within the recovery from a crash is met as well.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos import faults
from chaos.faults import KILL, SIGKILL_STATUS, Rush, ended, fault
from cluster.running import ThreeServices

COPIES = 1_000_000
IN_MIGRATION = [("fdatasync", n) for n in (1, 2, 3, 4)] + [("pwrite64", n) for n in (1, 3, 9, 14)]
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


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[ThreeServices]:
    """Run services by hand, under strace where it is available."""
    faults.need_strace()
    with ThreeServices(tmp_path) as running:
        yield running


@pytest.mark.parametrize("service", ["catalog", "order"])
async def test_a_service_that_dies_while_it_makes_its_database_makes_it_at_a_later_start(
    shop: ThreeServices, service: str
) -> None:
    """Whatever half of the database is there, the next start completes it, and the shop sells."""
    deaths = []
    for call, number in IN_MIGRATION:
        shop.start(service, before=fault(call, KILL, number))
        if await ended(shop, service, idle_s=0) == SIGKILL_STATUS:
            deaths.append(f"{call} {number}")
        else:
            shop.end(service)
    assert len(deaths) >= 4, (deaths, shop.log())
    shop.open()
    book_id = shop.add_book(COPIES)
    async with shop.customers() as customers:
        async with Rush(customers, book_id, "after") as rush:
            while len(rush.answers) < 10:
                await faults.pause()
            await rush.end()
        await faults.check(shop, rush, deaths)


@pytest.mark.timeout(150)
@pytest.mark.parametrize("service", ["catalog", "order"])
async def test_a_service_that_dies_at_any_flush_write_or_answer_loses_and_doubles_nothing(
    shop: ThreeServices, service: str
) -> None:
    """Every buyer ends with one answer, and the shop agrees with every word that it said."""
    shop.open()
    book_id = shop.add_book(COPIES)
    shop.stop(service)
    deaths = []
    async with shop.customers() as customers:
        async with Rush(customers, book_id, "chain") as rush:
            for call, number in IN_PURCHASES:
                shop.start(service, before=fault(call, KILL, number))
                status = await ended(shop, service)
                assert status == SIGKILL_STATUS, (call, number, status, shop.log()[-6000:])
                deaths.append(f"{call} {number}")
            shop.open(service)
            await rush.end()
        await faults.check(shop, rush, deaths)
    assert len(rush.answers) >= len(deaths)
