"""The catalog's reservations and releases, its ledger, and the check of its stock."""

import asyncio
from pathlib import Path

import apsw
import pytest

from bazar.catalog.app import POSTGRES_SCHEMA
from bazar.kit.data.postgres import PostgresDatabase
from support.catalog_calls import ledger, release, reserve
from support.engines import POSTGRES, on_every_engine, url_with_tables
from support.shops import Caller, Shop

pytestmark = on_every_engine


async def test_a_reservation_takes_its_copies(shop: Shop) -> None:
    """The outcome says what was sold at which price, and the ledger has a row for it."""
    book_id = await shop.add_book(quantity=5)
    outcome = await reserve(shop.catalog, "o1", (book_id, 2))
    line = {
        "id": book_id,
        "quantity": 2,
        "title": "RPCs for Noobs",
        "price_minor": 1999,
        "currency": "USD",
        "version": 3,
    }
    assert {"order_id": "o1", "status": "reserved", "lines": [line]} == outcome
    book = (await shop.catalog.get(f"/info/{book_id}")).json
    assert (3, 3) == (book["quantity"], book["version"])
    assert (book_id, "sold", -2, "o1") == (await ledger(shop.catalog))[-1]
    assert outcome == (await shop.catalog.get("/reservations/o1")).json


async def test_a_batch_is_answered_in_its_order(shop: Shop) -> None:
    """Each request of a batch gets its own outcome, and later ones see what earlier ones took."""
    book_id = await shop.add_book(quantity=3)
    batch = [
        {"order_id": "o1", "lines": [{"id": book_id, "quantity": 2}]},
        {"order_id": "o2", "lines": [{"id": book_id, "quantity": 2}]},
        {"order_id": "o3", "lines": [{"id": 999}]},
        {"order_id": "o4", "lines": [{"id": book_id}]},
        {"order_id": "o1", "lines": [{"id": book_id, "quantity": 2}]},
    ]
    outcomes = (await shop.catalog.post("/reservations", batch)).json
    assert ["o1", "o2", "o3", "o4", "o1"] == [outcome["order_id"] for outcome in outcomes]
    assert ["reserved", "rejected", "rejected", "reserved", "reserved"] == [
        outcome["status"] for outcome in outcomes
    ]
    assert outcomes[0] == outcomes[4]
    rejections = [outcome.get("rejection") for outcome in outcomes]
    assert "book-not-found" == rejections[2]["code"]
    detail = rejections[1].pop("detail")
    assert "1 in stock, 2 asked for" in detail
    wanted = {"code": "out-of-stock", "book_id": book_id, "requested": 2, "available": 1}
    assert wanted == rejections[1]
    assert 0 == await shop.stock(book_id)


async def test_the_same_order_again_gets_the_stored_outcome(shop: Shop) -> None:
    """Even if it asks for something else now; nothing is sold twice."""
    first = await shop.add_book(quantity=5)
    second = await shop.add_book(quantity=5)
    outcome = await reserve(shop.catalog, "o1", (first, 2))
    assert outcome == await reserve(shop.catalog, "o1", (first, 2))
    assert outcome == await reserve(shop.catalog, "o1", (second, 5), (first, 1))
    await shop.catalog.call("PATCH", f"/books/{first}", {"title": "Renamed", "price": 1})
    assert outcome == await reserve(shop.catalog, "o1", (first, 2))
    assert (3, 5) == (await shop.stock(first), await shop.stock(second))


async def test_a_delayed_duplicate_after_a_rejection_and_a_restock_does_not_sell(
    shop: Shop,
) -> None:
    """A rejection is stored: the same order stays rejected however much stock there is now."""
    book_id = await shop.add_book(quantity=0)
    rejected = await reserve(shop.catalog, "o1", (book_id, 1))
    assert "rejected" == rejected["status"]
    await shop.catalog.call("PUT", f"/update/{book_id}/amount_of_items/10")
    assert rejected == await reserve(shop.catalog, "o1", (book_id, 1))
    assert 10 == await shop.stock(book_id)
    assert "reserved" == (await reserve(shop.catalog, "o2", (book_id, 1)))["status"]


async def test_several_lines_are_sold_all_or_none(shop: Shop) -> None:
    """One line that cannot be sold keeps all the others in stock."""
    plenty = await shop.add_book(quantity=5)
    scarce = await shop.add_book(quantity=1)
    rejected = await reserve(shop.catalog, "o1", (plenty, 2), (scarce, 2))
    assert scarce == rejected["rejection"]["book_id"]
    unknown = await reserve(shop.catalog, "o2", (plenty, 2), (999, 1))
    assert "book-not-found" == unknown["rejection"]["code"]
    assert (5, 1) == (await shop.stock(plenty), await shop.stock(scarce))
    sold = await reserve(shop.catalog, "o3", (plenty, 5), (scarce, 1))
    assert "reserved" == sold["status"]
    assert (0, 0) == (await shop.stock(plenty), await shop.stock(scarce))


async def test_a_book_in_two_lines_of_an_order_harms_nobody_else(shop: Shop) -> None:
    """Together the lines ask for more than there is: no sale, and the batch mates are decided."""
    book_id = await shop.add_book(quantity=5)
    lines = [{"id": book_id, "quantity": 3}, {"id": book_id, "quantity": 3}]
    batch = [
        {"order_id": "twice", "lines": lines},
        {"order_id": "once", "lines": [{"id": book_id}]},
    ]
    reply = await shop.catalog.post("/reservations", batch)
    assert reply.status in {200, 400}
    if reply.status == 200:
        assert ["rejected", "reserved"] == [outcome["status"] for outcome in reply.json]
        assert 4 == await shop.stock(book_id)
    else:
        assert 5 == await shop.stock(book_id)


async def test_every_copy_is_sold_once_to_concurrent_orders(shop: Shop) -> None:
    """Of forty orders at once for ten copies, ten are sold."""
    book_id = await shop.add_book(quantity=10)
    outcomes = await asyncio.gather(
        *(reserve(shop.catalog, f"o{number}", (book_id, 1)) for number in range(40))
    )
    assert 10 == sum(outcome["status"] == "reserved" for outcome in outcomes)
    assert 0 == await shop.stock(book_id)
    assert [] == (await shop.catalog.get("/stock-report")).json["differences"]


async def test_the_same_order_many_times_at_once_is_sold_once(shop: Shop) -> None:
    """All twenty callers get one and the same outcome."""
    book_id = await shop.add_book(quantity=10)
    outcomes = await asyncio.gather(*(reserve(shop.catalog, "o1", (book_id, 1)) for _ in range(20)))
    assert [outcomes[0]] * 20 == outcomes
    assert 9 == await shop.stock(book_id)


async def test_a_release_returns_the_stock_once(shop: Shop) -> None:
    """The second release changes nothing, and the ledger has one row for it."""
    book_id = await shop.add_book(quantity=5)
    await reserve(shop.catalog, "o1", (book_id, 3))
    first = await release(shop.catalog, "o1")
    assert "released" == first["status"]
    assert 5 == await shop.stock(book_id)
    assert first == await release(shop.catalog, "o1")
    await asyncio.gather(*(release(shop.catalog, "o1") for _ in range(5)))
    assert 5 == await shop.stock(book_id)
    assert [(book_id, "released", 3, "o1")] == [
        row for row in await ledger(shop.catalog) if row[1] == "released"
    ]


async def test_a_reservation_after_its_release_is_refused(shop: Shop) -> None:
    """The order stays released: a late duplicate takes nothing."""
    book_id = await shop.add_book(quantity=5)
    await reserve(shop.catalog, "o1", (book_id, 3))
    await release(shop.catalog, "o1")
    assert "released" == (await reserve(shop.catalog, "o1", (book_id, 3)))["status"]
    assert 5 == await shop.stock(book_id)


async def test_a_release_that_overtakes_its_reservation_wins(shop: Shop) -> None:
    """An unknown order can be released; the reservation that arrives later is refused."""
    book_id = await shop.add_book(quantity=5)
    assert "released" == (await release(shop.catalog, "o1"))["status"]
    assert "released" == (await reserve(shop.catalog, "o1", (book_id, 1)))["status"]
    assert 5 == await shop.stock(book_id)
    assert "released" == (await shop.catalog.get("/reservations/o1")).json["status"]


async def test_a_release_of_a_rejected_order_returns_nothing(shop: Shop) -> None:
    """It took nothing, so nothing comes back; it is released from then on."""
    book_id = await shop.add_book(quantity=1)
    await reserve(shop.catalog, "o1", (book_id, 2))
    assert "released" == (await release(shop.catalog, "o1"))["status"]
    assert 1 == await shop.stock(book_id)
    assert "released" == (await reserve(shop.catalog, "o1", (book_id, 1)))["status"]


async def test_a_release_and_a_reservation_at_once_leave_no_copy_lost(shop: Shop) -> None:
    """Whichever comes first, the stock is whole once the order is released."""
    book_id = await shop.add_book(quantity=8)
    for number in range(8):
        await asyncio.gather(
            reserve(shop.catalog, f"o{number}", (book_id, 1)),
            release(shop.catalog, f"o{number}"),
        )
    assert 8 == await shop.stock(book_id)
    assert [] == (await shop.catalog.get("/stock-report")).json["differences"]


WRONG_BATCHES: list[object] = [
    [],
    {},
    [{"order_id": "o", "lines": []}],
    [{"order_id": "", "lines": [{"id": 1}]}],
    [{"order_id": "x" * 65, "lines": [{"id": 1}]}],
    [{"order_id": "o", "lines": [{"id": 1, "quantity": 0}]}],
    [{"order_id": "o", "lines": [{"id": 1, "quantity": 1001}]}],
    [{"order_id": "o", "lines": [{"id": 1, "quantity": -1}]}],
    [{"order_id": "o", "lines": [{"id": 0}]}],
    [{"order_id": "o", "lines": [{"id": 1, "surprise": 1}]}],
    [{"order_id": "o", "lines": [{"id": n} for n in range(1, 102)]}],
    [{"order_id": f"o{n}", "lines": [{"id": 1}]} for n in range(513)],
]


async def test_a_batch_beyond_its_limits_is_refused(catalog: Caller) -> None:
    """1 to 512 reservations, each of 1 to 100 lines of 1 to 1000 copies; nothing is decided."""
    for batch in WRONG_BATCHES:
        reply = await catalog.post("/reservations", batch)
        assert (400, "invalid-request") == (reply.status, reply.code), batch
    assert [] == (await catalog.get("/reservations")).json


async def test_a_batch_at_its_limits_is_decided(shop: Shop) -> None:
    """512 reservations in one call, and 100 lines in one order."""
    books = [await shop.add_book(quantity=10) for _ in range(100)]
    wide = await reserve(shop.catalog, "wide", *((book_id, 1) for book_id in books))
    assert ("reserved", 100) == (wide["status"], len(wide["lines"]))
    batch = [{"order_id": f"o{n}", "lines": [{"id": books[n % 100]}]} for n in range(512)]
    outcomes = (await shop.catalog.post("/reservations", batch)).json
    assert {"reserved"} == {outcome["status"] for outcome in outcomes}


async def test_decisions_are_listed_by_order_id(shop: Shop) -> None:
    """Pages continue after an order id; an unknown order is not found."""
    book_id = await shop.add_book(quantity=1)
    for order_id in ("c", "a", "b"):
        await reserve(shop.catalog, order_id, (book_id, 1))
    whole = (await shop.catalog.get("/reservations")).json
    assert [("a", "rejected"), ("b", "rejected"), ("c", "reserved")] == [
        (outcome["order_id"], outcome["status"]) for outcome in whole
    ]
    assert whole[1:2] == (await shop.catalog.get("/reservations?after=a&limit=1")).json
    reply = await shop.catalog.get("/reservations/nobody")
    assert (404, "reservation-not-found") == (reply.status, reply.code)
    too_long = "c" * 65
    for reply in (
        await shop.catalog.get(f"/reservations/{too_long}"),
        await shop.catalog.post(f"/reservations/{too_long}/release"),
    ):
        assert (400, "invalid-request") == (reply.status, reply.code)


# ------------------------------------------------------------------- the ledger and its check


async def test_the_ledger_is_read_in_pages(shop: Shop) -> None:
    """Rows come in the order in which they were written, after an id, at most so many."""
    first = await shop.add_book(quantity=1)
    second = await shop.add_book(quantity=2)
    await reserve(shop.catalog, "o1", (second, 2))
    rows = (await shop.catalog.get("/movements")).json
    assert [first, second, second] == [row["book_id"] for row in rows]
    assert all(row["moved_at"].endswith("Z") for row in rows)
    after = rows[0]["id"]
    assert rows[1:2] == (await shop.catalog.get(f"/movements?after={after}&limit=1")).json
    for query in ("after=-1", f"after={2**63}", "limit=0", "limit=101", "x=1"):
        assert 400 == (await shop.catalog.get(f"/movements?{query}")).status


async def test_the_stock_report_is_empty_when_all_is_well(shop: Shop) -> None:
    """After sales, rejections, releases and corrections nothing differs."""
    book_id = await shop.add_book(quantity=5)
    await reserve(shop.catalog, "o1", (book_id, 2))
    await reserve(shop.catalog, "o2", (book_id, 9))
    await reserve(shop.catalog, "o3", (book_id, 1))
    await release(shop.catalog, "o1")
    await release(shop.catalog, "o2")
    await release(shop.catalog, "o4")
    await shop.catalog.call("PUT", f"/update/{book_id}/amount_of_items/-1")
    report = (await shop.catalog.get("/stock-report")).json
    assert {"books": 1, "movements": 5, "reservations": 4, "differences": []} == report


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE books SET stock = stock + 1 WHERE book_id = 1", ["book 1: stock is 4"]),
        ("UPDATE movements SET copies = copies + 2 WHERE kind = 'received'", ["book 1: stock"]),
        (
            "DELETE FROM movements WHERE kind = 'sold'",
            ["the ledger has 1 rows", "book 1: stock", "order o1, book 1"],
        ),
        (
            "UPDATE movements SET copies = -1 WHERE kind = 'sold'",
            ["book 1: stock", "order o1, book 1"],
        ),
        ("DELETE FROM reservations WHERE order_id = 'o1'", ["order o1, book 1"]),
        ("UPDATE reservations SET status = 'released' WHERE order_id = 'o1'", ["order o1, book 1"]),
        (
            "INSERT INTO movements VALUES (3, 1, 'released', 2, 'o1', 0, NULL, '', '')",
            ["book 1: stock", "order o1, book 1"],
        ),
        (
            "INSERT INTO movements VALUES (3, 1, 'sold', -1, 'ghost', 0, NULL, '', '')",
            ["book 1: stock", "order ghost, book 1"],
        ),
    ],
)
async def test_the_stock_report_finds_what_was_tampered_with(
    shop: Shop, tmp_path: Path, catalog_engine: str, statement: str, expected: list[str]
) -> None:
    """Each change behind the catalog's back is named, with the book and the order.

    A row of the ledger that is gone is told by its number too, where numbers have no gaps.
    """
    book_id = await shop.add_book(quantity=5)
    await reserve(shop.catalog, "o1", (book_id, 2))
    await tamper(catalog_engine, tmp_path / "catalog.db", statement)
    differences = (await shop.catalog.get("/stock-report")).json["differences"]
    if catalog_engine in POSTGRES:
        expected = [one for one in expected if not one.startswith("the ledger has")]
    assert len(expected) == len(differences)
    for wanted, found in zip(expected, differences, strict=True):
        assert found.startswith(wanted)


async def tamper(engine: str, path: Path, statement: str) -> None:
    """Change the catalog's database as nobody may."""
    if engine in POSTGRES:
        database = PostgresDatabase(url_with_tables(engine, path, POSTGRES_SCHEMA))
        free = "ALTER TABLE movements DISABLE TRIGGER USER"
        await database.write(lambda t: t.script(f"{free}; {statement}"))
        await database.close()
        return
    connection = apsw.Connection(str(path))
    connection.execute("DROP TRIGGER movements_never_change; DROP TRIGGER movements_never_go")
    connection.execute(statement)
    connection.close()
