"""A database of an earlier release opens, with all of its orders, damaged ones too."""

from pathlib import Path

import apsw
import pytest

from bazar.kit.data.migrate import migrate, steps
from bazar.kit.data.sqlite import SqliteDatabase
from bazar.order.app import SCHEMA
from bazar.order.domain import UNREADABLE
from bazar.order.letters import Letter
from bazar.order.store.sqlite import SqliteStore
from bazar.order.store.wishes import WishStore
from bazar.order.wishes import Wish


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return a database of the first release, with five orders whose ids are out of order."""
    path = tmp_path / "order.db"
    connection = apsw.Connection(str(path))
    _number, _name, first = steps(SCHEMA)[0]
    connection.execute(
        "CREATE TABLE schema_history (number INTEGER PRIMARY KEY, name TEXT NOT NULL, "
        "applied_at_ms INTEGER NOT NULL); INSERT INTO schema_history VALUES (1, 'first', 0);"
    )
    connection.execute(first)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    rows = [
        ("d", "confirmed", 1, None),
        ("b", "pending", 0, None),
        ("a", "rejected", 1, "{"),
        ("c", "cancelled", 0, None),
        ("e", "of another release", 0, None),
    ]
    connection.executemany(
        "INSERT INTO orders VALUES (?1, ?1 || '-key', x'00', 'purchase', ?2, ?3, ?4, 1)", rows
    )
    lines = [("d", 7, 2, "T", 1999, "USD"), ("b", 0, 0, None, None, None)]
    connection.executemany("INSERT INTO order_lines VALUES (?, 0, ?, ?, ?, ?, ?)", lines)
    connection.close()
    return path


async def test_an_older_database_keeps_its_orders_and_gets_their_sequence(old: Path) -> None:
    """In the order of their ids, which was that of the list; what comes now comes after them."""
    database, store = SqliteDatabase(old), SqliteStore()
    try:
        applied = await migrate(database, SCHEMA)
        assert "0002_sequence.sql" in applied
        page = await database.scan(lambda t: store.page(t, "", None, 9))
        assert ["a", "b", "c", "d", "e"] == [order.order_id for order in page]
        assert UNREADABLE == page[0].rejection
        assert [(0, 0)] == [(line.book_id, line.quantity) for line in page[1].lines]
        assert page[3].sold
        assert () == page[4].lines
        unsettled = await database.scan(lambda t: store.unsettled_after(t, "", 9, 9))
        assert ["b", "c", "e"] == [order.order_id for order in unsettled]
        await database.write(lambda t: t.run("DELETE FROM order_lines WHERE order_id = 'b'"))
        with pytest.raises(apsw.ConstraintError, match="orders_status"):
            await database.write(lambda t: t.run("UPDATE orders SET status = 'x'"))
        with pytest.raises(apsw.ConstraintError, match="FOREIGN KEY"):
            await database.write(
                lambda t: t.run(
                    "INSERT INTO order_lines (order_id, line_number, book_id, quantity) "
                    "VALUES ('z', 0, 1, 1)"
                )
            )
    finally:
        await database.close()


async def test_letters_of_an_older_database_are_kept(tmp_path: Path) -> None:
    """With their numbers, none of which is given again; and letters about wishes have room."""
    path = tmp_path / "order.db"
    connection = apsw.Connection(str(path))
    connection.execute(
        "CREATE TABLE schema_history (number INTEGER PRIMARY KEY, name TEXT NOT NULL, "
        "applied_at_ms INTEGER NOT NULL);"
    )
    for number, name, sql in steps(SCHEMA)[:5]:
        connection.execute(sql)
        connection.execute("INSERT INTO schema_history VALUES (?, ?, 0)", (number, name))
    connection.execute(
        "INSERT INTO orders (order_id, idempotency_key, kind, status, settled, placed_at_ms) "
        "VALUES ('a', 'k', 'order', 'confirmed', 1, 1);"
        "INSERT INTO outbox VALUES (3, 'a', 'confirmed', 'waiting', 2, 5, NULL, 'away');"
        "INSERT INTO outbox VALUES (9, 'a', 'ready', 'dropped', 0, 6, 7, NULL);"
        "DELETE FROM outbox WHERE letter_id = 9;"
    )
    connection.close()
    database, store, wishes = SqliteDatabase(path), SqliteStore(), WishStore()
    try:
        await migrate(database, SCHEMA)
        assert [Letter(3, "a", "confirmed", 2)] == await database.read(
            lambda t: store.letters_after(t, 0, 9)
        )
        await database.write(lambda t: wishes.add_wish(t, Wish(0, 8, "a@b.c", "0" * 32, "en", 1)))
        await database.write(lambda t: wishes.note_wishes(t, [1], 8))
        (letter,) = await database.read(lambda t: store.letters_after(t, 3, 9))
        assert (10, 1) == (letter.letter_id, letter.wish_id)
    finally:
        await database.close()
