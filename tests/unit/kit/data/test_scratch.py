"""A database for the moment: transactions, off the event loop, and errors that stop nothing."""

import asyncio
import threading

import pytest

from bazar.kit.data.database import Transaction
from bazar.kit.data.scratch import Scratch
from bazar.kit.errors import Unavailable


async def numbers(transaction: Transaction) -> list[object]:
    """Return what is in the table."""
    return [row[0] for row in await transaction.all("SELECT n FROM t ORDER BY n")]


async def test_what_raises_is_undone_and_the_rest_is_kept() -> None:
    """A transaction is whole or not at all."""
    scratch = Scratch()
    await scratch.write(lambda t: t.script("CREATE TABLE t (n INTEGER)"))
    await scratch.write(lambda t: t.run("INSERT INTO t VALUES (1)"))

    async def fail(transaction: Transaction) -> None:
        await transaction.run("INSERT INTO t VALUES (2)")
        raise LookupError

    with pytest.raises(LookupError):
        await scratch.write(fail)
    assert [1] == await scratch.read(numbers)
    await asyncio.gather(*(scratch.write(lambda t: t.run("INSERT INTO t VALUES (3)")),) * 1)
    assert [1, 3] == await scratch.scan(numbers)
    await scratch.close()


async def test_the_event_loop_goes_on_meanwhile() -> None:
    """Its work is done by another thread, one after the other."""
    scratch = Scratch()
    threads: list[int] = []

    async def work(transaction: Transaction) -> None:
        threads.append(threading.get_ident())
        await transaction.one("SELECT 1")

    await asyncio.gather(*(scratch.write(work) for _ in range(5)))
    assert threading.get_ident() not in threads
    assert 5 == len(threads)
    await scratch.close()


async def test_a_database_that_breaks_down_stops_nothing() -> None:
    """Its user hears that it is away, and the process goes on."""
    scratch = Scratch()
    with pytest.raises(Unavailable, match="broke down"):
        await scratch.write(lambda t: t.run("INSERT INTO nowhere VALUES (1)"))
    await scratch.close()
    with pytest.raises(Unavailable):
        await scratch.write(lambda t: t.one("SELECT 1"))
