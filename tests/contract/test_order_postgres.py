"""What PostgreSQL's order store does for those who use the database at the same time."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import asyncpg
import pytest
from msgspec.structs import replace

from bazar.kit.data.database import Database, Transaction
from bazar.kit.data.migrate import migrate, steps
from bazar.order.app import POSTGRES_SCHEMA, SCHEMA
from bazar.order.domain import StoredOrder
from bazar.order.letters import LetterKind
from bazar.order.store.postgres import PostgresStore
from support.engines import POSTGRES, with_tables
from support.halfway import Halfway, waits_for
from support.stored_orders import SOLD, pending

STORE = PostgresStore()


@pytest.fixture(params=POSTGRES)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """Open an empty database with the service's tables."""
    async with with_tables(request.param, tmp_path / "order", POSTGRES_SCHEMA) as database:
        yield database


async def test_a_list_ends_before_what_may_still_come(database: Database) -> None:
    """An order that is committed late has its place before later ones, which wait for it."""
    await database.write(lambda t: STORE.insert(t, [pending("m", "m")]))
    late = Halfway(database, lambda t: STORE.insert(t, [pending("z", "z")]))
    await late.there()
    await database.write(lambda t: STORE.insert(t, [pending("a", "a")]))

    async def listed(after: str) -> list[str]:
        page = await database.scan(lambda t: STORE.page(t, after, None, 9))
        pending_ones = await database.scan(lambda t: STORE.page(t, after, "pending", 9))
        assert page == pending_ones
        return [order.order_id for order in page]

    assert ["m"] == await listed("")
    assert [] == await listed("m")
    await late.end()
    assert ["z", "a"] == await listed("m")
    assert ["a"] == await listed("z")


async def test_a_letter_that_is_noted_late_is_not_passed_over(database: Database) -> None:
    """Whoever reads on after the last letter that was read finds it before later ones."""
    await database.write(lambda t: STORE.insert(t, [pending("a", "a"), pending("b", "b")]))
    late = Halfway(database, lambda t: STORE.add_letters(t, [("a", "confirmed")], 1))
    await late.there()
    due: list[tuple[str, LetterKind]] = [("b", "confirmed"), ("b", "ready")]
    await database.write(lambda t: STORE.add_letters(t, due, 2))
    assert [] == await database.read(lambda t: STORE.letters_after(t, 0, 9))
    await late.end()
    letters = await database.read(lambda t: STORE.letters_after(t, 0, 9))
    assert [("a", "confirmed"), *due] == [(one.order_id, one.kind) for one in letters]


async def test_one_reads_what_the_other_has_changed(database: Database) -> None:
    """An order that is locked is read whole, lines too, as the one before has left it."""
    order = pending("a", "a")
    confirmed = replace(order, status="confirmed", settled=True, lines=SOLD)
    await database.write(lambda t: STORE.insert(t, [order]))
    first = Halfway(database, lambda t: STORE.confirm(t, [confirmed]))
    await first.there()

    async def read(transaction: Transaction) -> StoredOrder | None:
        await STORE.lock(transaction, ["a"])
        return await STORE.by_id(transaction, "a")

    second = asyncio.create_task(database.write(read))
    await waits_for(database, "Lock")
    await first.end()
    assert confirmed == await second


async def test_one_that_was_cancelled_just_before_is_not_confirmed(database: Database) -> None:
    """Whoever confirms waits for the one who cancels, and sees it; its lines stay unsold."""
    order, other = pending("a", "a"), pending("b", "b")
    cancelled = replace(order, status="cancelled")
    await database.write(lambda t: STORE.insert(t, [order, other]))
    first = Halfway(database, lambda t: STORE.update(t, [cancelled]))
    await first.there()
    sold = [replace(one, lines=SOLD) for one in (other, order)]
    second = asyncio.create_task(database.write(lambda t: STORE.confirm(t, sold), lazy=True))
    await waits_for(database, "Lock")
    await first.end()
    assert {"b"} == await second
    assert cancelled == await database.read(lambda t: STORE.by_id(t, "a"))


async def test_a_key_is_taken_by_the_first_of_two(database: Database) -> None:
    """The second waits until the first is committed, and places nothing."""
    first, second = pending("a", "a"), replace(pending("b", "b"), key="a")
    placing = Halfway(database, lambda t: STORE.insert(t, [first]))
    await placing.there()
    twin = asyncio.create_task(database.write(lambda t: STORE.insert(t, [second]), single=True))
    await waits_for(database, "Lock")
    await placing.end()
    assert set() == await twin
    assert first == await database.read(lambda t: STORE.by_key(t, "a"))
    assert None is await database.read(lambda t: STORE.by_id(t, "b"))


async def take(transaction: Transaction, kind: str, names: str) -> None:
    """Take orders, or the keys of new ones, in one batch that names them in this order."""
    orders = [pending(f"{name}-new" if kind == "insert" else name, name) for name in names]
    if kind == "insert":
        await STORE.insert(transaction, orders)
    elif kind == "confirm":
        await STORE.confirm(transaction, [replace(order, lines=SOLD) for order in orders])
    else:
        await STORE.lock(transaction, list(names))


async def take_one(transaction: Transaction, kind: str, name: str) -> None:
    """Take one of them, and keep it to the end of a transaction."""
    if kind == "insert":
        await transaction.run(
            "INSERT INTO orders (sequence, order_id, idempotency_key, kind, status, settled, "
            "placed_at_ms) VALUES (ascii(?1), ?1, ?1, 'order', 'pending', 0, 1)",
            name,
        )
    else:
        await STORE.lock(transaction, [name])


@pytest.mark.parametrize("kind", ["insert", "confirm", "lock"])
async def test_a_batch_that_waits_for_its_first_holds_no_other(
    database: Database, kind: str
) -> None:
    """It takes them by id or key, however it names them, so two never wait for each other."""
    names = "abcdefghij"
    if kind != "insert":
        await database.write(lambda t: STORE.insert(t, [pending(name, name) for name in names]))
    runs: list[str] = []  # each unit again, if a deadlock ends it

    async def batch(transaction: Transaction) -> None:
        runs.append("batch")
        await take(transaction, kind, names[::-1])

    async def meet(transaction: Transaction) -> None:
        runs.append("meet")
        await take_one(transaction, kind, "a")
        batches.append(asyncio.create_task(database.write(batch)))
        await waits_for(database, "Lock")
        for name in names[1:]:
            await take_one(transaction, kind, name)

    batches: list[asyncio.Task[None]] = []
    await database.write(meet)
    await batches[0]
    assert ["meet", "batch"] == runs


async def test_places_of_another_server_stay_below_new_ones(database: Database) -> None:
    """As after a dump was restored on a server that has done less: new orders come after them."""
    await database.write(lambda t: STORE.insert(t, [pending("b", "b"), pending("c", "c")]))
    await database.write(
        lambda t: t.run("UPDATE orders SET sequence = sequence + (1::bigint << 50)")
    )
    await database.write(STORE.adopt)
    await database.write(lambda t: STORE.insert(t, [pending("a", "a")]))
    await database.write(STORE.adopt)
    page = await database.scan(lambda t: STORE.page(t, "", None, 9))
    assert ["b", "c", "a"] == [order.order_id for order in page]
    place = await database.read(STORE.next_place)
    unsettled = await database.scan(lambda t: STORE.unsettled_after(t, "c", place, 9))
    assert ["a"] == [order.order_id for order in unsettled]


async def test_lost_orders_are_faults(database: Database) -> None:
    """Rows whose order is gone are named, each kind of them."""
    await database.write(lambda t: STORE.insert(t, [pending("a", "a")]))
    await database.write(lambda t: STORE.add_letters(t, [("a", "confirmed")], 1))
    await database.write(
        lambda t: t.script(
            "SET LOCAL session_replication_role = replica; DELETE FROM orders; "
            'INSERT INTO order_events (order_id, at_ms, what, "by", detail) '
            "VALUES ('a', 1, 'sent', '', '')"
        )
    )
    assert [
        "order_events of a: the order is gone",
        "order_lines of a: the order is gone",
        "outbox of a: the order is gone",
    ] == sorted(await database.scan(STORE.faults))


async def test_a_row_that_cannot_be_is_refused(database: Database) -> None:
    """Under the name that its constraint has on every engine."""
    await database.write(lambda t: STORE.insert(t, [pending("a", "a")]))
    with pytest.raises(asyncpg.CheckViolationError, match="orders_pending_is_unsettled"):
        await database.write(lambda t: t.run("UPDATE orders SET settled = 1"))


async def test_both_engines_have_the_same_tables(database: Database) -> None:
    """Table by table the columns, which may be empty, and the names of constraints and indexes."""
    sqlite = apsw.Connection(":memory:")
    for _number, _name, sql in steps(SCHEMA):
        sqlite.execute(sql).fetchall()
    tables = [
        str(name)
        for (name,) in sqlite.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        )
    ]
    assert {"orders", "order_lines", "buyers", "wishes", "outbox", "order_events"} == set(tables)
    for table in tables:
        mine = await database.read(
            lambda t, table=table: t.all(  # type: ignore[misc]
                "SELECT attname::text FROM pg_attribute "
                "WHERE attrelid = (?1::text)::regclass AND attnum > 0 ORDER BY attnum",
                table,
            )
        )
        columns = sqlite.execute("SELECT name FROM pragma_table_info(?)", (table,))
        assert [tuple(row) for row in columns] == [tuple(row) for row in mine], table
        (text,) = sqlite.execute(
            "SELECT group_concat(sql, ' ') FROM sqlite_schema WHERE tbl_name = ?", (table,)
        ).fetchall()
        named = {*re.findall(r"(?:CONSTRAINT|INDEX|TRIGGER) (\w+)", str(text[0]))}
        theirs = await database.read(
            lambda t, table=table: t.all(  # type: ignore[misc]
                "SELECT conname::text FROM pg_constraint WHERE conrelid = (?1::text)::regclass "
                "UNION SELECT indexname::text FROM pg_indexes WHERE tablename = ?1 "
                "UNION SELECT tgname::text FROM pg_trigger WHERE tgrelid = (?1::text)::regclass",
                table,
            )
        )
        assert set() == named - {str(row[0]) for row in theirs}, table
    assert [] == await migrate(database, POSTGRES_SCHEMA)
