"""The settings of the shop and the ledger of one book, as every engine keeps them."""

from datetime import UTC, datetime
from decimal import Decimal

from msgspec.structs import replace

from bazar.catalog.store import AFTER_ALL_ROWS, Store, Why
from bazar.kit.data.database import Database, Transaction
from bazar.wire.shop import Shop
from bazar.wire.stock import Movement
from support.stored_books import NOW_MS, added, book, reserved

SHOP = Shop(
    version=1,
    currency="JOD",
    name="مكتبة",
    address="1 Sea Road\nAmman",
    deliveries=["collect", "post"],
    post_price=Decimal("1.500"),
    countries=["JO"],
    texts={"imprint": "We."},
    picks=[3, 1],
)


async def test_settings_come_back_as_they_were_stored(database: Database, store: Store) -> None:
    """There are none at first; later ones take the place of the earlier, prices to the decimal."""
    assert None is await database.read(store.shop)
    await database.write(lambda t: store.save_shop(t, SHOP))
    found = await database.read(store.shop)
    assert SHOP == found
    assert "1.500" == str(found.post_price)
    changed = replace(SHOP, version=2, post_price=None, texts={})
    await database.write(lambda t: store.save_shop(t, changed))
    assert changed == await database.read(store.shop)


async def test_what_is_not_stored_has_its_default(database: Database, store: Store) -> None:
    """So a member that a later release brings, and one that it takes away, do no harm."""
    await database.write(
        lambda t: t.run(
            "INSERT INTO shop (shop_id, version, currency, settings) VALUES (1, 7, 'EUR', ?1)",
            '{"name": "Sea Books", "fax": "none"}',
        )
    )
    wanted = Shop(version=7, currency="EUR", name="Sea Books")
    assert wanted == await database.read(store.shop)


async def moved(database: Database, store: Store) -> tuple[int, int]:
    """Return two books, of which the first had five movements and the second one."""
    first, second = await added(database, store, book(stock=5), book(stock=9))

    async def work(transaction: Transaction) -> None:
        await store.sell(transaction, [reserved("o1", (first.book_id, 2, 3))], NOW_MS)
        why = Why("damaged", "by rain", "Lina")
        await store.move_stock(transaction, first.book_id, "adjusted", -1, None, NOW_MS, why)
        await store.move_stock(transaction, first.book_id, "received", 4, None, NOW_MS)
        await store.move_stock(transaction, first.book_id, "released", 2, "o1", NOW_MS)

    await database.write(work)
    return first.book_id, second.book_id


async def test_the_ledger_of_a_book_tells_the_stock_after_each_row(
    database: Database, store: Store
) -> None:
    """The newest first, a page at a time, of that book alone, and whatever was noted with it."""
    first, second = await moved(database, store)

    async def page(book_id: int, before: int, limit: int) -> list[Movement]:
        return await database.scan(lambda t: store.movements_of_book(t, book_id, before, limit))

    rows = await page(first, AFTER_ALL_ROWS, 9)
    wanted = [("released", 2, 8), ("received", 4, 6), ("adjusted", -1, 2), ("sold", -2, 3)]
    wanted.append(("received", 5, 5))
    assert wanted == [(row.kind, row.copies, row.stock_after) for row in rows]
    assert rows[:2] == await page(first, AFTER_ALL_ROWS, 2)
    assert rows[2:4] == await page(first, rows[1].id, 2)
    assert [] == await page(first, rows[-1].id, 2)
    assert [9] == [row.stock_after for row in await page(second, AFTER_ALL_ROWS, 9)]
    assert [] == await page(99, AFTER_ALL_ROWS, 9)


async def test_a_row_of_the_ledger_tells_why_and_who(database: Database, store: Store) -> None:
    """Where it was said; the whole ledger tells it too, without the stock."""
    await moved(database, store)
    rows = await database.scan(lambda t: store.movements_after(t, 0, 99))
    at = datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC)
    wanted = Movement(
        id=4,
        book_id=1,
        kind="adjusted",
        copies=-1,
        order_id=None,
        moved_at=at,
        reason="damaged",
        note="by rain",
        actor="Lina",
    )
    assert wanted == rows[3]
    assert {(None, "", "")} == {(row.reason, row.note, row.actor) for row in rows if row.id != 4}
