"""Lazy writes: what is visible when, told by one suite for each engine."""

import asyncio

from bazar.kit.data.database import Database, Transaction
from bazar.kit.data.group import LAZY_DELAY_MAX_S
from support.notes import bodies, note


async def test_a_lazy_write_is_visible_as_soon_as_it_returns(database: Database) -> None:
    """It waits for no flush: every read and scan that starts after it shows it."""
    loop = asyncio.get_running_loop()
    took_s = []
    for number in range(5):
        started_s = loop.time()
        assert 1 == await database.write(note(str(number)), lazy=True)
        took_s.append(loop.time() - started_s)
        assert str(number) == (await database.read(bodies))[-1]
        assert str(number) == (await database.scan(bodies))[-1]
    assert min(took_s) < LAZY_DELAY_MAX_S / 2


async def test_a_unit_that_raises_that_it_was_cancelled_is_rolled_back_alone(
    database: Database,
) -> None:
    """Whatever a unit raises, those beside it commit, and later writes find the way free."""

    async def cancelled(transaction: Transaction) -> None:
        await transaction.run("INSERT INTO notes (body) VALUES ('never')")
        raise asyncio.CancelledError

    results = await asyncio.gather(
        database.write(note("first")), database.write(cancelled), return_exceptions=True
    )
    assert 1 == results[0]
    assert isinstance(results[1], asyncio.CancelledError)
    assert 1 == await database.write(note("second"))
    assert ["first", "second"] == await database.read(bodies)
