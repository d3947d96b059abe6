"""Lazy writes and batches: what is visible and durable when, told by one suite for each engine."""

import asyncio
import time

from bazar.kit.data.database import Database, Transaction, Work
from bazar.kit.data.group import LAZY_DELAY_MAX_S
from support.notes import bodies, note


async def test_a_lazy_write_is_visible_as_soon_as_it_returns(
    database: Database, batches: list[int]
) -> None:
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
    assert sum(batches) <= 5


async def test_a_lazy_write_is_durable_within_its_delay(
    database: Database, batches: list[int]
) -> None:
    """One flush follows by itself, for all that came in the meantime, and no second one."""
    await database.write(note("lazy"), lazy=True)
    await database.write(note("lazier"), lazy=True)
    assert [] == batches
    await asyncio.sleep(LAZY_DELAY_MAX_S * 4)
    assert 2 == sum(batches)
    assert len(batches) <= 2
    await asyncio.sleep(LAZY_DELAY_MAX_S * 2)
    assert len(batches) <= 2


async def test_a_durable_write_takes_the_lazy_ones_before_it_along(
    database: Database, batches: list[int]
) -> None:
    """Its flush is theirs too, whether they share its batch or were committed before."""
    await asyncio.gather(
        database.write(note("lazy"), lazy=True),
        database.write(note("lazier"), lazy=True),
        database.write(note("urgent")),
    )
    assert [3] == batches
    await database.write(note("laziest"), lazy=True)
    assert 1 == await database.write(lambda t: t.run("UPDATE notes SET body = body WHERE rowid=1"))
    assert [3, 2] == batches
    await asyncio.sleep(LAZY_DELAY_MAX_S * 2)
    assert [3, 2] == batches


async def test_a_long_batch_gives_the_event_loop_its_turn(
    database: Database, batches: list[int]
) -> None:
    """Units that come after 20 ms wait for the next batch, in their order, and none is lost."""

    def slow(body: str) -> Work[int]:
        async def work(transaction: Transaction) -> int:
            time.sleep(0.015)  # noqa: ASYNC251  as a heavy statement would
            return await transaction.run("INSERT INTO notes (body) VALUES (?1)", body)

        return work

    wanted = [str(number) for number in range(6)]
    await asyncio.gather(*(database.write(slow(body)) for body in wanted))
    assert wanted == await database.read(bodies)
    assert max(batches) <= 2


async def test_a_long_batch_in_which_a_unit_raises_loses_none_either(
    database: Database, batches: list[int]
) -> None:
    """Where it runs one by one, the rest waits for the next batch as well."""

    def slow(number: int) -> Work[int]:
        async def work(transaction: Transaction) -> int:
            time.sleep(0.012)  # noqa: ASYNC251  as a heavy statement would
            if number == 1:
                message = "on purpose"
                raise LookupError(message)
            return await transaction.run("INSERT INTO notes (body) VALUES (?1)", str(number))

        return work

    results = await asyncio.gather(
        *(database.write(slow(number)) for number in range(6)), return_exceptions=True
    )
    assert [1, 1, 1, 1, 1] == [one for one in results if not isinstance(one, BaseException)]
    assert isinstance(results[1], LookupError)
    assert ["0", "2", "3", "4", "5"] == await database.read(bodies)
    assert max(batches) <= 2


async def test_a_unit_that_raises_that_it_was_cancelled_is_rolled_back_alone(
    database: Database,
) -> None:
    """Whatever a unit raises, its batch mates commit, and later writes find the way free."""

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
