"""What the store of the catalog locks, and in which order its ledger is read, where many write."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bazar.catalog.app import POSTGRES_SCHEMA
from bazar.catalog.store import NO_ROW, FileRow, Seen, Store
from bazar.catalog.store.postgres import PostgresStore
from bazar.kit.data.database import Database, Transaction, Work
from support.engines import POSTGRES, with_tables
from support.stored_books import KEPT, NOW_MS, Engine, added, book, rejected

ISBN = "9780131103627"
_BOOKS = "SELECT book_id FROM books ORDER BY book_id FOR NO KEY UPDATE SKIP LOCKED"
_DECISIONS = "SELECT order_id FROM reservations ORDER BY order_id FOR NO KEY UPDATE SKIP LOCKED"
_WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'"""


@pytest.fixture
def store() -> PostgresStore:
    """Return the store of PostgreSQL."""
    return PostgresStore()


@pytest.fixture(params=sorted(POSTGRES))
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """Open a database with the catalog's tables in each PostgreSQL."""
    async with with_tables(request.param, tmp_path / "catalog", POSTGRES_SCHEMA) as database:
        yield database


async def locked(database: Database, work: Work[object]) -> tuple[set[object], set[object]]:
    """Return which books and which decisions no other can change after a unit's work."""

    async def every(transaction: Transaction, sql: str) -> set[object]:
        return {row[0] for row in await transaction.all(sql)}

    async def unit(transaction: Transaction) -> tuple[set[object], set[object]]:
        await work(transaction)
        free = [await database.write(lambda t, q=sql: every(t, q)) for sql in (_BOOKS, _DECISIONS)]  # type: ignore[misc]
        books = await every(transaction, "SELECT book_id FROM books")
        decisions = await every(transaction, "SELECT order_id FROM reservations")
        return books - free[0], decisions - free[1]

    return await database.write(unit)


async def test_what_is_looked_at_for_a_change_is_locked(database: Database, store: Store) -> None:
    """That alone, and only where it was asked for."""
    await added(database, store, book("A", isbn=ISBN), book("B"), book("C"), book("D"))
    await database.write(lambda t: store.sell(t, [rejected("o1"), rejected("o2")], NOW_MS))
    nothing: set[object] = set()
    for lock in (False, True):
        works: list[tuple[Work[object], set[object], set[object]]] = [
            (lambda t, k=lock: store.book(t, 2, lock=k), {2}, nothing),  # type: ignore[misc]
            (lambda t, k=lock: store.books(t, [4, 2, 9], lock=k), {2, 4}, nothing),  # type: ignore[misc]
            (lambda t, k=lock: store.book_by_isbn(t, ISBN, lock=k), {1}, nothing),  # type: ignore[misc]
            (lambda t, k=lock: store.counted_books(t, [4, 2, 9], lock=k), {2, 4}, nothing),  # type: ignore[misc]
            (lambda t, k=lock: store.outcome(t, "o2", lock=k), nothing, {"o2"}),  # type: ignore[misc]
        ]
        for work, books, decisions in works:
            wanted = (books, decisions) if lock else (nothing, nothing)
            assert wanted == await locked(database, work)


async def test_who_waited_for_a_book_knows_how_it_was_counted_meanwhile(
    database: Database, store: Store
) -> None:
    """And who waited for none does not take that count away."""
    await added(database, store, book())
    await database.write(lambda t: store.save_import(t, 1, "k", NOW_MS))
    row = FileRow(1, 5)

    async def file(transaction: Transaction) -> FileRow:
        found = await store.counted_books(transaction, [1], lock=True)
        return found[1].counted

    async def keeper(transaction: Transaction) -> asyncio.Task[FileRow]:
        await store.book(transaction, 1, lock=True)
        waiting = asyncio.create_task(database.write(file))
        while await database.read(lambda t: t.one(_WAITING)) != (1,):  # noqa: ASYNC110  the server's
            await asyncio.sleep(0)
        await store.save_counts(transaction, [1])
        return waiting

    seen = await (await database.write(keeper))
    assert row < seen
    await database.write(lambda t: store.save_seen(t, [Seen(1, NO_ROW, row)]))
    assert seen == await database.write(file)


@pytest.mark.parametrize("kept", KEPT[:1], ids=lambda kept: kept.name)
async def test_where_one_alone_writes_nothing_is_locked(kept: Engine, tmp_path: Path) -> None:
    """And a lock may be asked for all the same."""
    store = kept.store()
    async with kept.opened(tmp_path / "catalog.db") as database:
        (one,) = await added(database, store, book())
        assert one == await database.write(lambda t: store.book(t, one.book_id, lock=True))
        await database.write(lambda t: store.counted_books(t, [one.book_id], lock=True))


async def test_no_row_of_the_ledger_comes_into_sight_behind_a_reader(
    database: Database, store: Store
) -> None:
    """Who pages through it misses none, whichever of two that write at once ends first."""
    await added(database, store, book(), book())
    read: list[int] = []

    async def follow() -> None:
        after = read[-1] if read else 0
        rows = await database.scan(lambda t: store.movements_after(t, after, 9))
        read.extend(row.id for row in rows)

    async def slow(transaction: Transaction) -> None:
        await store.move_stock(transaction, 1, "received", 1, None, NOW_MS)
        await database.write(lambda t: store.move_stock(t, 2, "received", 2, None, NOW_MS))
        await follow()
        await store.move_stock(transaction, 1, "received", 3, None, NOW_MS)

    await database.write(slow)
    await follow()
    await database.write(lambda t: store.move_stock(t, 1, "received", 4, None, NOW_MS))
    await follow()
    every = await database.read(lambda t: t.all("SELECT movement_id FROM movements"))
    assert {row[0] for row in every} == set(read)
    assert 4 == len(read)
    assert read != sorted(read)


async def test_a_ledger_that_came_from_another_server_stands_before_all_that_is_new(
    database: Database, store: PostgresStore
) -> None:
    """Though that server had begun more transactions than this one; nobody misses a row of it."""
    await added(database, store, book(stock=1))
    foreign = """
INSERT INTO movements (book_id, kind, copies, moved_at_ms, written_by)
SELECT 1, 'received', n, 0, (4000000000 + n)::text::xid8 FROM generate_series(1, 5) AS n"""
    await database.write(lambda t: t.run(foreign))

    async def seen() -> list[int]:
        rows = await database.scan(lambda t: store.movements_after(t, 0, 99))
        return [row.id for row in rows]

    assert [1] == await seen()
    adopted = [await database.write(lambda t: store.adopt(t, 3)) for _ in range(3)]
    assert [3, 2, 0] == adopted
    assert [2, 3, 4, 5, 6, 1] == await seen()
    await database.write(lambda t: store.move_stock(t, 1, "received", 1, None, NOW_MS))
    assert [2, 3, 4, 5, 6, 1, 7] == await seen()
    with pytest.raises(Exception, match="append-only"):
        await database.write(lambda t: t.run("UPDATE movements SET copies = 9"))
