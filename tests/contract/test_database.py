"""What every database engine promises, told by one suite that runs on each of them."""

import asyncio
import gc
import threading
from functools import partial
from pathlib import Path
from typing import cast

import pytest

from bazar.kit.data import group, postgres
from bazar.kit.data.database import Database, Row, Transaction
from bazar.kit.errors import Overloaded, Unavailable
from support.engines import Opener
from support.notes import bodies, create, failing_note, note, opened


async def test_a_write_is_seen_by_read_and_scan(database: Database) -> None:
    """What a write committed is what the next read and the next scan show."""
    assert 1 == await database.write(note("hello"))
    assert ["hello"] == await database.read(bodies)
    assert ["hello"] == await database.scan(bodies)


async def insert(transaction: Transaction, row: Row) -> int:
    """Insert a row of four kinds of values."""
    return await transaction.run("INSERT INTO kinds VALUES (?1, ?2, ?3, ?4)", *row)


async def test_values_of_every_kind_come_back_as_they_went(database: Database) -> None:
    """Whole numbers, floats, text, bytes and None survive the way there and back, as a tuple."""
    await database.write(
        lambda t: t.script("CREATE TABLE kinds (a BIGINT, b DOUBLE PRECISION, c TEXT, d BYTEA)")
    )
    values = (2**63 - 1, 0.1, "é\t💥", b"\x00\xff")
    nothing = (None, None, None, None)
    for row in (values, nothing):
        await database.write(partial(insert, row=row))
    rows = await database.read(lambda t: t.all("SELECT a, b, c, d FROM kinds ORDER BY a IS NULL"))
    assert [values, nothing] == rows
    assert [tuple, tuple] == [type(row) for row in rows]


async def test_one_row_is_none_where_nothing_matches(database: Database) -> None:
    """A look-up without a match gives None, and a list without a match is empty."""
    assert None is await database.read(lambda t: t.one("SELECT body FROM notes"))
    assert [] == await database.read(lambda t: t.all("SELECT body FROM notes"))


async def test_a_run_tells_how_many_rows_it_changed(database: Database) -> None:
    """The number of changed rows is that of the statement, 0 where nothing matched."""
    await asyncio.gather(*(database.write(note(str(number))) for number in range(3)))
    assert 3 == await database.write(lambda t: t.run("UPDATE notes SET body = body || '!'"))
    assert 0 == await database.write(lambda t: t.run("DELETE FROM notes WHERE note_id = 99"))


async def test_many_runs_tell_how_many_rows_they_changed_in_all(database: Database) -> None:
    """What a run left alone does not count, and no runs changed nothing."""
    sql = "INSERT INTO notes (body) VALUES (?1) ON CONFLICT (body) DO NOTHING"
    rows: list[Row] = [("a",), ("b",), ("a",)]
    assert 2 == await database.write(lambda t: t.count_many(sql, rows))
    assert 0 == await database.write(lambda t: t.count_many(sql, rows))
    assert 0 == await database.write(lambda t: t.count_many(sql, []))


async def test_a_statement_runs_once_for_each_row_of_values(database: Database) -> None:
    """What the runs return comes back in their order, and only of those that return something."""

    async def work(transaction: Transaction) -> list[Row]:
        await transaction.run_many("INSERT INTO notes (body) VALUES (?1)", [("b",), ("a",)])
        return await transaction.all_many(
            "INSERT INTO notes (body) VALUES (?1) ON CONFLICT (body) DO NOTHING RETURNING body",
            [("d",), ("a",), ("c",), ("d",)],
        )

    assert [("d",), ("c",)] == await database.write(work)
    look_up = "SELECT body FROM notes WHERE body = ?1"
    asked: list[Row] = [("c",), ("nobody",), ("b",)]
    assert [("c",), ("b",)] == await database.read(lambda t: t.all_many(look_up, asked))
    assert [] == await database.read(lambda t: t.all_many(look_up, []))


async def test_rows_of_values_are_all_taken_or_none(database: Database) -> None:
    """The third one breaks a rule, so the first two are not there either."""
    rows: list[Row] = [("a",), ("b",), ("a",)]
    with pytest.raises(Exception, match=r"(?i)unique"):
        await database.write(lambda t: t.run_many("INSERT INTO notes (body) VALUES (?1)", rows))
    assert (0,) == await database.read(lambda t: t.one("SELECT count(*) FROM notes"))


async def test_a_unit_that_raises_is_rolled_back_alone(database: Database) -> None:
    """Its error goes to its own caller, its changes vanish, and those beside it commit."""
    results = await asyncio.gather(
        database.write(note("first")),
        database.write(failing_note("never")),
        database.write(note("first")),  # one of the two breaks the UNIQUE rule
        database.write(note("second")),
        return_exceptions=True,
    )
    assert 1 == results[3]
    assert isinstance(results[1], LookupError)
    assert [False, True] == sorted(isinstance(results[at], Exception) for at in (0, 2))
    assert ["first", "second"] == sorted(await database.read(bodies))


async def test_half_of_a_unit_is_never_visible(database: Database) -> None:
    """A reader sees all of a unit or nothing of it, and all of it once the caller is answered."""

    async def two_notes(transaction: Transaction) -> None:
        await transaction.run("INSERT INTO notes (body) VALUES ('left')")
        await transaction.run("INSERT INTO notes (body) VALUES ('right')")

    writing = asyncio.ensure_future(database.write(two_notes))
    while not writing.done():
        assert len(await database.read(bodies)) in {0, 2}
        assert len(await database.scan(bodies)) in {0, 2}
    assert ["left", "right"] == await database.read(bodies)


async def test_increments_at_the_same_time_are_all_counted(database: Database) -> None:
    """Two hundred units that read and then write give exactly two hundred."""

    async def increment(transaction: Transaction) -> None:
        await transaction.lock("a")  # whoever looks and then writes keeps others away
        row = await transaction.one("SELECT total FROM counters WHERE name = 'a'")
        assert row is not None
        await transaction.run(
            "UPDATE counters SET total = ?1 WHERE name = 'a'", cast("int", row[0]) + 1
        )

    async def client() -> None:
        for _ in range(10):
            await database.write(increment)

    await asyncio.gather(*(client() for _ in range(20)))
    assert (200,) == await database.read(lambda t: t.one("SELECT total FROM counters"))


async def test_a_scan_sees_one_snapshot(database: Database) -> None:
    """Two statements of one scan see the same state, whatever is committed in between."""
    await database.write(note("before"))
    counted, written = threading.Event(), threading.Event()

    async def count_twice(transaction: Transaction) -> tuple[int, int]:
        first = len(await bodies(transaction))
        counted.set()
        while not written.is_set():
            await transaction.one("SELECT 1")
        return first, len(await bodies(transaction))

    counting = asyncio.ensure_future(database.scan(count_twice))
    await asyncio.to_thread(counted.wait, 10)
    await database.write(note("between"))
    written.set()
    assert (1, 1) == await counting
    assert ["before", "between"] == await database.scan(bodies)


async def test_scans_run_side_by_side_with_writes(database: Database) -> None:
    """Scans neither block writes nor fail because of them, and each sees whole units only."""

    async def pair(transaction: Transaction) -> None:
        await transaction.run("UPDATE counters SET total = total + 1")
        await transaction.run("INSERT INTO notes (body) SELECT 'n' || total FROM counters")

    async def check(transaction: Transaction) -> bool:
        row = await transaction.one("SELECT (SELECT count(*) FROM notes) = total FROM counters")
        return row == (1,)

    results = await asyncio.gather(
        *(database.write(pair) for _ in range(50)), *(database.scan(check) for _ in range(20))
    )
    assert [True] * 20 == results[50:]


async def test_a_scan_that_raises_leaves_the_next_one_unharmed(database: Database) -> None:
    """An error inside a scan reaches its caller, and its thread goes on to serve others."""

    async def broken(transaction: Transaction) -> None:
        await transaction.one("SELECT 1")
        message = "on purpose"
        raise LookupError(message)

    for _ in range(4):
        with pytest.raises(LookupError):
            await database.scan(broken)
    await database.write(note("after"))
    assert ["after"] == await database.scan(bodies)


async def test_lazy_writes_are_there_after_close(engine: Opener, tmp_path: Path) -> None:
    """Closing commits what waits, and answers who waits for it."""
    path = tmp_path / "test.db"
    batches: list[int] = []
    async with opened(engine, path, batches) as database:
        await database.write(create)
        waiting = asyncio.ensure_future(database.write(note("lazy"), lazy=True))
        await asyncio.sleep(0)
    assert waiting.done()
    assert 1 == waiting.result()
    async with opened(engine, path, batches) as database:
        assert ["lazy"] == await database.read(bodies)


async def test_close_finishes_a_flush_that_is_under_way(engine: Opener, tmp_path: Path) -> None:
    """Writes that were accepted before the close are committed and answered, all of them."""
    path = tmp_path / "test.db"
    async with opened(engine, path, []) as database:
        await database.write(create)
        waiting = [asyncio.ensure_future(database.write(note(str(n)))) for n in range(20)]
        await asyncio.sleep(0)  # every write is in the queue
        await asyncio.sleep(0)  # the first flush is under way
        waiting.append(asyncio.ensure_future(database.write(note("late"))))
        await asyncio.sleep(0)
    assert [1] * 21 == [write.result() for write in waiting]
    async with opened(engine, path, []) as database:
        assert 21 == len(await database.read(bodies))


async def test_a_cancelled_caller_does_not_lose_the_write(engine: Opener, tmp_path: Path) -> None:
    """A caller that goes away after the call changes nothing: the write is committed."""
    async with opened(engine, tmp_path / "test.db", []) as database:
        await database.write(create)
        early = asyncio.ensure_future(database.write(note("early")))
        await asyncio.sleep(0)
        early.cancel()
        late = asyncio.ensure_future(database.write(note("late")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        late.cancel()
        await database.write(note("last"))
        assert early.cancelled()
        assert late.cancelled()
    async with opened(engine, tmp_path / "test.db", []) as database:
        assert ["early", "last", "late"] == sorted(await database.read(bodies))


async def test_a_cancelled_caller_does_not_harm_those_beside_it(
    engine: Opener, tmp_path: Path
) -> None:
    """The others are answered as if nothing had happened."""
    async with opened(engine, tmp_path / "test.db", []) as database:
        await database.write(create)
        writes = [asyncio.ensure_future(database.write(note(str(n)))) for n in range(5)]
        await asyncio.sleep(0)
        writes[2].cancel()
        results = await asyncio.gather(*writes, return_exceptions=True)
        assert [1, 1, 1, 1] == [result for result in results if result == 1]
    async with opened(engine, tmp_path / "test.db", []) as database:
        assert 5 == len(await database.read(bodies))


async def test_an_error_of_a_unit_whose_caller_is_gone_is_nobodys(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """The event loop complains of no error that was never looked at."""
    writing = asyncio.ensure_future(database.write(failing_note("never")))
    await asyncio.sleep(0)
    writing.cancel()
    await database.write(note("after"))
    del writing
    gc.collect()
    assert [] == caplog.records


async def test_a_script_may_be_empty(database: Database) -> None:
    """Nothing, or a remark alone, does nothing."""
    await database.write(lambda t: t.script(""))
    await database.write(lambda t: t.script("-- nothing"))
    await database.write(lambda t: t.script("; ;"))
    assert [] == await database.read(bodies)


async def test_a_write_after_close_is_refused(engine: Opener, tmp_path: Path) -> None:
    """A closed database answers Unavailable at once instead of waiting for ever."""
    async with opened(engine, tmp_path / "test.db", []) as database:
        await database.write(create)
    with pytest.raises(Unavailable):
        await database.write(note("late"))


async def test_too_many_waiting_writes_are_refused_at_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond so many waiting writes the next is refused, those that wait are all done."""
    monkeypatch.setattr(postgres, "WAIT_S_MAX", 60.0)  # however slow this machine is
    most = 400
    for engine in (group, postgres):
        monkeypatch.setattr(engine, "QUEUE_MAX", most)
    waiting = [
        asyncio.ensure_future(database.write(note(str(number)), lazy=True))
        for number in range(most)
    ]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await database.write(note("one too many"))
    assert [1] * most == await asyncio.gather(*waiting)
    assert 1 == await database.write(note("room again"))
    assert (most + 1,) == await database.read(lambda t: t.one("SELECT count(*) FROM notes"))


async def test_the_database_can_be_opened_again_after_close(engine: Opener, tmp_path: Path) -> None:
    """Closing lets go of the file, and what was written is there."""
    path = tmp_path / "folder that is not there yet" / "test.db"
    async with opened(engine, path, []) as database:
        await database.write(create)
        assert 1 == await database.write(note("kept"), idempotent=True, limit_s=60)
    async with opened(engine, path, []) as database:
        assert ["kept"] == await database.read(bodies)
