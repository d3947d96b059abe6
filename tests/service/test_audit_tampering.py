"""The audit finds what somebody changed behind the shop: each change that two places tell of."""

from pathlib import Path
from typing import NamedTuple

import apsw
import pytest

from bazar.catalog import checking
from bazar.kit.data import pages
from support.auditing import differences, stock_differences
from support.catalog_calls import reserve
from support.shops import Shop
from support.wires import until

BOOKS = 9
COPIES = 20
ROWS_OF_BOOKS = BOOKS
"""Of the ledger: each book was received once."""
C, O = "catalog", "order"  # noqa: E741  as the databases are called


class Sold(NamedTuple):
    """A shop with one order of each kind, and its databases."""

    shop: Shop
    folder: Path
    ids: dict[str, str]

    def change(self, database: str, sql: str) -> None:
        """Change a database as nobody may; the orders are named as `{one}`."""
        connection = apsw.Connection(str(self.folder / f"{database}.db"))
        connection.execute("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON")
        if database == C:
            for trigger in ("movements_never_change", "movements_never_go"):
                connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        before = connection.total_changes()
        for name, order_id in self.ids.items():
            sql = sql.replace(f"{{{name}}}", order_id)
        connection.execute(sql)
        assert before < connection.total_changes(), "the tampering changed nothing"
        connection.close()


@pytest.fixture
async def sold(shop: Shop, tmp_path: Path) -> Sold:
    """Sell, reject, cancel and fulfil."""
    for _ in range(BOOKS):
        await shop.add_book(quantity=COPIES)
    front = shop.front
    ids = {
        "one": (await front.post("/purchase/2", {"quantity": 3})).json["order_id"],
        "two": (
            await front.post(
                "/orders", {"lines": [{"id": 4, "quantity": 2}, {"id": 5, "quantity": 1}]}
            )
        ).json["order_id"],
        "rejected": (await front.post("/purchase/2", {"quantity": 1000})).json["order_id"],
        "cancelled": (await front.post("/purchase/6", {"quantity": 2})).json["order_id"],
        "fulfilled": (await front.post("/purchase/7")).json["order_id"],
        "last": (await front.post("/purchase/8")).json["order_id"],
    }
    await front.post(f"/orders/{ids['cancelled']}/cancel")

    async def settled() -> bool:
        return not (await shop.order.get("/audit/orders?unsettled=true")).json

    await until(settled)
    await shop.order.post(f"/orders/{ids['fulfilled']}/fulfil")
    assert [] == await differences(shop)
    return Sold(shop, tmp_path, ids)


TAMPERED = [
    ("an order gone", O, ("DELETE FROM order_lines WHERE order_id = '{one}';"
     "DELETE FROM orders WHERE order_id = '{one}'"), "there is no order"),
    ("the lines of an order", O, "DELETE FROM order_lines WHERE order_id = '{one}'", "no lines"),
    ("the lines of a rejected order", O, "DELETE FROM order_lines WHERE order_id = '{rejected}'",
     "no lines"),
    ("one of two lines", O, "DELETE FROM order_lines WHERE order_id = '{two}' AND line_number = 1",
     "its lines are"),
    ("quantity", O, "UPDATE order_lines SET quantity = 1 WHERE order_id = '{one}'",
     "its lines are [(2, 1)], the catalog sold [(2, 3)]"),
    ("quantity, cancelled", O, "UPDATE order_lines SET quantity = 1 WHERE order_id = '{cancelled}'",
     "its lines are"),
    ("quantity, rejected", O, "UPDATE order_lines SET quantity = 1 WHERE order_id = '{rejected}'",
     "it was rejected for 1000 of book 2, but asks for [(2, 1)]"),
    ("book of a line", O, "UPDATE order_lines SET book_id = 9 WHERE order_id = '{one}'",
     "its lines are"),
    ("book of a rejected line", O,
     "UPDATE order_lines SET book_id = 9 WHERE order_id = '{rejected}'", "it was rejected for"),
    ("price", O, "UPDATE order_lines SET price_minor = 1 WHERE order_id = '{one}'", "sold as"),
    ("title", O, "UPDATE order_lines SET title = 'x' WHERE order_id = '{fulfilled}'", "sold as"),
    ("currency", O, "UPDATE order_lines SET currency = 'JPY' WHERE order_id = '{cancelled}'",
     "sold as"),
    ("what it was sold as", O, ("UPDATE order_lines SET title = NULL, price_minor = NULL,"
     " currency = NULL WHERE order_id = '{one}'"), "sold as [(None, None, None)]"),
    ("sold, though rejected", O, ("UPDATE order_lines SET title = 'T', price_minor = 1,"
     " currency = 'USD' WHERE order_id = '{rejected}'"), "the catalog says nothing"),
    ("confirmed to rejected", O, ("UPDATE orders SET status = 'rejected', rejection = '{}'"
     " WHERE order_id = '{one}'"), "it is rejected, but the catalog says reserved"),
    ("confirmed to cancelled", O, "UPDATE orders SET status = 'cancelled' WHERE order_id = '{one}'",
     "it is cancelled, but the catalog says reserved"),
    ("rejected to confirmed", O, ("UPDATE orders SET status = 'confirmed', rejection = NULL"
     " WHERE order_id = '{rejected}'"), "it is confirmed, but the catalog says rejected"),
    ("cancelled to confirmed", O, ("UPDATE orders SET status = 'confirmed'"
     " WHERE order_id = '{cancelled}'"), "it is confirmed, but the catalog says released"),
    ("a status that is none", O, "UPDATE orders SET status = 'lost' WHERE order_id = '{one}'",
     "its status is 'lost'"),
    ("reason", O, ("""UPDATE orders SET rejection = '{"code":"book-not-found","detail":"x"}'"""
     " WHERE order_id = '{rejected}'"), "it says that it was rejected for"),
    ("a reason of what was sold", O, "UPDATE orders SET rejection = '{}' WHERE order_id = '{one}'",
     "but has a reason"),
    ("a reason that is none", O, "UPDATE orders SET rejection = '{' WHERE order_id = '{rejected}'",
     "cannot be read"),
    ("the id of an order", O, ("PRAGMA foreign_keys = OFF;"
     "UPDATE orders SET order_id = '00000000000000000000000001' WHERE order_id = '{one}';"
     "UPDATE order_lines SET order_id = '00000000000000000000000001' WHERE order_id = '{one}'"),
     "it is confirmed, but the catalog says none"),
    ("a decision gone", C, "DELETE FROM reservations WHERE order_id = '{one}'",
     "its reservation took 0 copies, the ledger says 3"),
    ("a sale of the catalog's", C, ("DELETE FROM reservations WHERE order_id = '{one}';"
     "DELETE FROM movements WHERE order_id = '{one}';"
     "UPDATE books SET stock = stock + 3 WHERE book_id = 2"), "the catalog says none"),
    ("status of a decision", C, ("UPDATE reservations SET status = 'released'"
     " WHERE order_id = '{one}'"), "its reservation took 0 copies"),
    ("status of a rejection", C, ("UPDATE reservations SET status = 'released'"
     " WHERE order_id = '{rejected}'"),
     "the catalog's decision says released, its document says rejected"),
    ("document of a decision", C, """UPDATE reservations
     SET outcome = replace(outcome, '"reserved"', '"released"') WHERE order_id = '{one}'""",
     "its document says released"),
    ("order of a document", C, ("UPDATE reservations SET outcome = replace(outcome, '{one}',"
     " '{two}') WHERE order_id = '{one}'"), "its document says reserved of order"),
    ("a document that is none", C, "UPDATE reservations SET outcome = '{' WHERE order_id = '{one}'",
     "the catalog's decision cannot be read"),
    ("quantity of a decision", C, """UPDATE reservations
     SET outcome = replace(outcome, '"quantity":3', '"quantity":2') WHERE order_id = '{one}'""",
     "its reservation took 2 copies, the ledger says 3"),
    ("price of a decision", C, """UPDATE reservations
     SET outcome = replace(outcome, '"price_minor":1999', '"price_minor":1')
     WHERE order_id = '{one}'""", "sold as"),
    ("a row of the ledger", C, "DELETE FROM movements WHERE order_id = '{one}'",
     "the ledger has 15 rows, but its numbers go up to 16"),
    ("the last row of the ledger", C, "DELETE FROM movements WHERE movement_id = 16",
     "the ledger has 15 rows, but its numbers go up to 16"),
    ("a row twice", C, ("INSERT INTO movements (book_id, kind, copies, order_id, moved_at_ms)"
     " SELECT book_id, kind, copies, order_id, 1 FROM movements WHERE order_id = '{one}'"),
     "book 2: stock is 17, the ledger sums to 14"),
    ("a row of another book", C, "UPDATE movements SET book_id = 3 WHERE order_id = '{one}'",
     "book 3: stock is 20, the ledger sums to 17"),
    ("stock", C, "UPDATE books SET stock = stock + 1 WHERE book_id = 2", "book 2: stock is 18"),
    ("copies that came", C, ("UPDATE books SET stock = 0 WHERE book_id = 9;"
     "DELETE FROM movements WHERE book_id = 9"), "the ledger has 15 rows"),
    ("a book", C, "DELETE FROM books WHERE book_id = 9",
     "book 9: it is gone, but the ledger has rows of it, which sum to 20"),
    ("a sold book", C, "DELETE FROM books WHERE book_id = 2", "book 2: it is gone"),
    ("a book and its ledger", C, ("DELETE FROM movements WHERE book_id = 9;"
     "DELETE FROM books WHERE book_id = 9"), "the ledger has 15 rows"),
    ("a release", C, ("DELETE FROM movements WHERE order_id = '{cancelled}' AND kind = 'released';"
     "UPDATE books SET stock = stock - 2 WHERE book_id = 6"), "its reservation took 0 copies"),
    ("a stock below zero", C, ("UPDATE books SET stock = -5 WHERE book_id = 9;"
     "UPDATE movements SET copies = -5 WHERE book_id = 9"),
     "book 9: stock is -5, the ledger sums to -5"),
    ("all orders", O, "DELETE FROM order_lines; DELETE FROM orders", "there is no order"),
    ("all decisions", C, "DELETE FROM reservations", "its reservation took 0 copies"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("database", "sql", "says"), [one[1:] for one in TAMPERED], ids=[one[0] for one in TAMPERED]
)
async def test_what_was_tampered_with_is_named(
    sold: Sold, database: str, sql: str, says: str
) -> None:
    """Whatever differs between stock, ledger, decisions and orders, or cannot be read."""
    sold.change(database, sql)
    found = await differences(sold.shop)
    assert any(says in one for one in found), found


async def test_a_sale_that_vanished_everywhere_leaves_its_numbers(sold: Sold) -> None:
    """The ledger never gives a number twice, and leaves none out."""
    sold.change(C, "DELETE FROM movements WHERE order_id = '{one}'")
    sold.change(C, "DELETE FROM reservations WHERE order_id = '{one}'")
    sold.change(C, "UPDATE books SET stock = stock + 3 WHERE book_id = 2")
    sold.change(O, "DELETE FROM order_lines WHERE order_id = '{one}'")
    sold.change(O, "DELETE FROM orders WHERE order_id = '{one}'")
    wanted = "the ledger has 15 rows, but its numbers go up to 16"
    assert [wanted] == await differences(sold.shop)


async def test_parts_and_pages_of_any_size_find_the_same(
    sold: Sold, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Books, rows of the ledger, decisions: one to a step, and a part for each step."""
    sold.change(C, "UPDATE books SET stock = stock + 1 WHERE book_id IN (2, 9)")
    sold.change(C, "DELETE FROM books WHERE book_id = 4")
    sold.change(C, "DELETE FROM reservations WHERE order_id IN ('{one}', '{last}')")
    sold.change(O, "DELETE FROM order_lines WHERE order_id = '{two}'")
    whole = await differences(sold.shop)
    for name in ("BOOKS_A_STEP", "MOVEMENTS_A_STEP", "ORDERS_A_STEP", "PAGE_BYTES_MAX"):
        monkeypatch.setattr(checking, name, 1)
    monkeypatch.setattr(pages, "STEP_ROWS", 1)
    assert whole == await differences(sold.shop)
    monkeypatch.setattr(checking, "monotonic", iter(range(1000)).__next__)
    assert whole == await differences(sold.shop)
    assert 8 == len(whole), whole


async def test_a_part_tells_where_the_next_begins(
    sold: Sold, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each book and each decision is in one part, and the ledger is counted in the first."""
    monkeypatch.setattr(checking, "BOOKS_A_STEP", 4)
    monkeypatch.setattr(checking, "ORDERS_A_STEP", 4)
    monkeypatch.setattr(checking, "monotonic", iter(range(1000)).__next__)
    parts, path = [], "/stock-report"
    while path:
        part = (await sold.shop.catalog.get(path)).json
        parts.append((part["books"], part["reservations"], part["movements"]))
        path = f"/stock-report?after={part['next']}" if "next" in part else ""
    assert [(4, 0, 16), (4, 0, 0), (1, 0, 0)] == parts[:3]
    assert {(0, 0)} == {(books, movements) for books, _, movements in parts[3:]}
    assert 6 == sum(reservations for _, reservations, _ in parts)
    assert max(reservations for _, reservations, _ in parts) <= 4


@pytest.mark.parametrize("cursor", ["books", "books:x", "books:-1", "stock:1", f"books:{2**63}"])
async def test_a_cursor_of_another_make_is_refused(shop: Shop, cursor: str) -> None:
    """With 400, and its name."""
    reply = await shop.catalog.get(f"/stock-report?after={cursor}")
    assert (400, "invalid-request", "after") == (reply.status, reply.code, reply.json["member"])


async def test_a_ledger_of_a_decision_alone_is_a_difference(shop: Shop) -> None:
    """A sale past the order service adds up in the catalog, and has no order."""
    await shop.add_book(quantity=5)
    await reserve(shop.catalog, "by-hand", (1, 2))
    assert [] == await stock_differences(shop.catalog)
    wanted = "order by-hand: the catalog holds a decision, but there is no order"
    assert [wanted] == await differences(shop)


async def test_a_sound_file_has_no_faults_and_a_damaged_one_names_them(sold: Sold) -> None:
    """Both services look on request: at the file, and at rows whose like is gone."""
    for service in (sold.shop.catalog, sold.shop.order):
        assert {"faults": []} == (await service.get("/audit/integrity")).json
    sold.change(C, "DELETE FROM books WHERE book_id = 2")
    sold.change(O, "DELETE FROM orders WHERE order_id = '{one}'")
    sold.change(O, "UPDATE order_lines SET quantity = 5000 WHERE order_id = '{two}'")
    catalog, order = [
        (await service.get("/audit/integrity")).json["faults"]
        for service in (sold.shop.catalog, sold.shop.order)
    ]
    assert ["its row of books is gone" in one for one in catalog].count(True)
    assert any("its row of orders is gone" in one for one in order)
    assert any("order_lines" in one and "CHECK" in one for one in order)
