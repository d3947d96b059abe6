"""What the catalog's store promises to imports and to the audit, told for every engine."""

import pytest
from msgspec.structs import replace

from bazar.catalog.store import (
    AFTER_ALL_ORDERS,
    AFTER_ALL_ROWS,
    KeptWrite,
    ReservationDifference,
    Store,
)
from bazar.kit.data.database import Database, Transaction
from bazar.wire.audit import KeptDecision
from support.stored_books import NOW_MS, Engine, added, book, rejected, reserved

ALL = (0, AFTER_ALL_ROWS)


# ------------------------------------------------------------------- files of rows


async def test_files_are_numbered_as_they_come(database: Database, store: Store) -> None:
    """A key has one number for ever, and a new one the next."""

    async def note(transaction: Transaction, key: str) -> int:
        import_id = await store.import_id(transaction, key)
        await store.save_import(transaction, import_id, key, NOW_MS)
        return import_id

    assert [1, 2, 1, 3] == [
        await database.write(lambda t, key=key: note(t, key))  # type: ignore[misc]
        for key in ("a", "b", "a", "c")
    ]
    assert (4, 2) == (
        await database.read(lambda t: store.import_id(t, "d")),
        await database.read(lambda t: store.import_id(t, "b")),
    )


async def test_the_last_book_is_the_one_with_the_highest_id(
    database: Database, store: Store
) -> None:
    """The next one gets a higher id."""
    assert None is await database.read(store.last_book)
    last, _first = await added(database, store, book(book_id=40), book(book_id=7))
    assert last == await database.read(store.last_book)


async def test_the_last_keyed_writes_are_kept(database: Database, store: Store) -> None:
    """Each with what it asked and its answer; those before are forgotten, a key is there once."""
    for key in ("a", "b", "c"):
        await database.write(lambda t, key=key: store.keep_write(t, key, "q" + key, "r", 2))  # type: ignore[misc]
    found = [
        await database.read(lambda t, key=key: store.kept_write(t, key))  # type: ignore[misc]
        for key in ("a", "b", "c")
    ]
    assert [None, KeptWrite("qb", "r"), KeptWrite("qc", "r")] == found
    with pytest.raises(Exception, match="keyed_writes"):
        await database.write(lambda t: store.keep_write(t, "c", "other", "r", 2))


# ------------------------------------------------------------------- the audit


async def test_the_ledger_numbers_its_rows_without_gaps(
    database: Database, store: Store, kept: Engine
) -> None:
    """A write that is rolled back takes no number, and a row that is gone leaves its number.

    Where many write at once, numbers have gaps, and only the rows are counted.
    """
    with_gaps = kept.name != "sqlite"
    assert (0, 0) == await database.scan(store.ledger_numbers)
    await added(database, store, *(book(stock=5) for _ in range(3)))
    await database.write(lambda t: store.move_stock(t, 1, "adjusted", 1, None, NOW_MS))

    async def too_much(transaction: Transaction) -> None:
        await store.move_stock(transaction, 2, "adjusted", 1, None, NOW_MS)
        await store.move_stock(transaction, 1, "adjusted", -9, None, NOW_MS)

    with pytest.raises(Exception, match="books_stock_not_negative"):
        await database.write(too_much)
    await database.write(lambda t: store.move_stock(t, 1, "adjusted", -1, None, NOW_MS))
    assert (5, 5) == await database.scan(store.ledger_numbers)
    table = " ON movements" if with_gaps else ""
    await database.write(lambda t: t.script(f"DROP TRIGGER movements_never_go{table}"))
    last = "(SELECT max(movement_id) FROM movements)"
    await database.write(lambda t: t.run(f"DELETE FROM movements WHERE movement_id = {last}"))
    assert (4, 4 if with_gaps else 5) == await database.scan(store.ledger_numbers)


async def test_stock_and_ledger_are_read_in_steps(database: Database, store: Store) -> None:
    """Of books by id, of rows by number, each after one and up to another."""
    await added(database, store, *(book(stock=copies) for copies in (5, 0, 7)))
    await database.write(lambda t: store.move_stock(t, 1, "adjusted", -1, None, NOW_MS))
    assert [(2, 0), (3, 7)] == await database.scan(lambda t: store.stocks_after(t, 1, 9))
    assert [(1, 4)] == await database.scan(lambda t: store.stocks_after(t, 0, 1))
    assert 2 == await database.scan(lambda t: store.ledger_until(t, 0, 2))
    assert 3 == await database.scan(lambda t: store.ledger_until(t, 2, 1))
    assert AFTER_ALL_ROWS == await database.scan(lambda t: store.ledger_until(t, 2, 2))
    first = await database.scan(lambda t: store.ledger_sums(t, (0, 2), ALL))
    assert [(1, 5), (3, 7)] == first
    second = await database.scan(lambda t: store.ledger_sums(t, (2, 3), ALL))
    assert [(1, -1)] == second
    assert [(3, 7)] == await database.scan(lambda t: store.ledger_sums(t, ALL, (1, 3)))


async def test_decisions_and_their_ledger_are_read_in_steps(
    database: Database, store: Store
) -> None:
    """By order id; a step ends where so many decisions do, or so many rows of the ledger."""
    await added(database, store, book(stock=50))
    decided = [reserved("o1", (1, 1, 3)), rejected("o2"), reserved("o3", (1, 1, 4))]
    await database.write(lambda t: store.sell(t, decided, NOW_MS))
    assert "o2" == await database.scan(lambda t: store.orders_until(t, "", 2))
    assert AFTER_ALL_ORDERS == await database.scan(lambda t: store.orders_until(t, "o1", 3))
    await database.write(lambda t: store.move_stock(t, 1, "sold", -1, "o11", NOW_MS))
    assert "o11" == await database.scan(lambda t: store.orders_until(t, "", 2))
    assert 2 == await database.scan(lambda t: store.count_decisions(t, "", "o2"))
    assert 2 == await database.scan(lambda t: store.count_decisions(t, "o1", AFTER_ALL_ORDERS))
    for step, wanted in (
        (("", "o1"), []),
        (("o1", "o2"), [ReservationDifference("o11", 1, 0, -1)]),
        (("o11", AFTER_ALL_ORDERS), []),
    ):
        assert wanted == await database.scan(
            lambda t, step=step: store.reservation_differences(t, *step)  # type: ignore[misc]
        )


async def test_decisions_are_shown_as_they_are_kept(database: Database, store: Store) -> None:
    """Column and document, whatever they say; and which order id is the last."""
    await added(database, store, book(stock=50))
    await database.write(lambda t: store.sell(t, [rejected("o1"), rejected("o3")], NOW_MS))
    await database.write(
        lambda t: t.run("UPDATE reservations SET status = 'released', outcome = '{'")
    )
    kept = [KeptDecision(order_id, "released", "{") for order_id in ("o1", "o3")]
    assert kept == await database.scan(lambda t: store.kept_decisions(t, "", 9))
    assert kept[1:] == await database.scan(lambda t: store.kept_decisions(t, "o1", 1))
    assert kept[0] == await database.read(lambda t: store.kept_decision(t, "o1"))
    assert None is await database.read(lambda t: store.kept_decision(t, "o2"))
    assert "o3" == await database.read(store.last_order_id)
    await database.write(lambda t: store.move_stock(t, 1, "sold", -1, "o9", NOW_MS))
    assert "o9" == await database.read(store.last_order_id)
    assert [] == await database.scan(
        lambda t: store.reservation_differences(t, "", "o3")  # a broken document has no lines
    )


async def test_faults_of_the_file_are_named(database: Database, store: Store) -> None:
    """None in a sound one; a row whose book is gone is one."""
    await added(database, store, book(stock=5))
    assert [] == await database.scan(store.faults)


async def test_a_reservation_that_is_not_its_ledger_is_found(
    database: Database, store: Store
) -> None:
    """Sold without a row, a row without a sale, and a release that gave nothing back."""
    await added(database, store, book(stock=50))
    await database.write(
        lambda t: store.sell(t, [reserved(f"o{n}", (1, n, n + 2)) for n in (1, 2, 3)], NOW_MS)
    )
    await database.write(lambda t: store.add_outcome(t, reserved("o0", (1, 4, 9)), NOW_MS))
    await database.write(lambda t: store.save_outcome(t, rejected("o1")))
    released = replace(reserved("o2", (1, 2, 9)), status="released")
    await database.write(lambda t: store.save_outcome(t, released))
    await database.write(lambda t: store.move_stock(t, 1, "sold", -7, "o9", NOW_MS))
    assert [
        ReservationDifference("o0", 1, -4, 0),
        ReservationDifference("o1", 1, 0, -1),
        ReservationDifference("o2", 1, 0, -2),
        ReservationDifference("o9", 1, 0, -7),
    ] == await database.scan(lambda t: store.reservation_differences(t, "", AFTER_ALL_ORDERS))
