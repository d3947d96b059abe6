"""Exports: a row at a time, whatever the shop holds."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from bazar.formats.exports import TABLES, Exported
from bazar.tools.exporter import write_csv
from bazar.tools.remote import Addresses
from bazar.tools.shop import Shop
from bazar.wire.books import Book
from bazar.wire.orders import Buyer, Order, OrderLine
from bazar.wire.stock import Movement

AT = datetime(2026, 11, 27, 4, 37, tzinfo=UTC)
BOOK = Book(
    id=7,
    title="=1+1",
    topic="t",
    quantity=3,
    price=Decimal("9.50"),
    currency="EUR",
    author="'Tis",
    year=-400,
    isbn="9780441172719",
    description="a\nb",
    version=2,
    retired=True,
)
BUYER = Buyer(name="@Ada", email="ada@example.org", tel="+49 30 1", note="-1")
ORDER = Order(
    order_id="01m8305m92xkwqsj041tznent2",
    status="confirmed",
    lines=[
        OrderLine(book_id=7, quantity=2, title="=1+1", price=Decimal("9.50")),
        OrderLine(book_id=8, quantity=1),
    ],
    total=Decimal("19.00"),
    currency="EUR",
    reason=None,
    placed_at=AT,
    reference="NENT2",
    buyer=BUYER,
)
MOVEMENT = Movement(
    id=1, book_id=7, kind="adjusted", copies=-1, order_id=None, moved_at=AT, note="="
)


class Kept(Shop):
    """A shop whose lists are given, and that notes how many were asked for."""

    def __init__(self, *items: object, number: int = 1) -> None:
        """Hold so many of these."""
        super().__init__(Addresses(), "")
        self.items = items
        self.number = number
        self.asked = 0

    def pages(self, *_where: Any, **_how: Any) -> Iterator[Any]:  # noqa: ANN401
        """Yield them."""
        for _one in range(self.number):
            for item in self.items:
                self.asked += 1
                yield item


def exported(what: Exported, *items: object) -> list[dict[str, str]]:
    """Return the rows of a file, by their columns."""
    file = io.BytesIO()
    rows = write_csv(Kept(*items), what, file, lambda _rows: None)
    text = file.getvalue().decode("utf-8-sig")
    assert file.getvalue().startswith(b"\xef\xbb\xbf")
    assert text.endswith("\r\n")
    found = list(csv.DictReader(io.StringIO(text, newline="")))
    assert rows == len(found)
    return found


def test_a_book_has_every_column_that_there_is() -> None:
    """What a book tells of itself is there, under our names; its number is `bazar_id`."""
    (row,) = exported("books", BOOK)
    said = {name: str(value) for name, value in msgspec.structs.asdict(BOOK).items()}
    said |= {"title": "'=1+1", "isbn": "978-0-441-17271-9", "retired": "yes", "pages": ""}
    said["quantity_exported"] = "3"
    del said["version"]
    assert {"bazar_id": said.pop("id"), **said} == row


def test_an_order_says_who_ordered_and_its_lines_what() -> None:
    """What a buyer typed runs nowhere; a line that is not sold has no price."""
    (row,) = exported("orders", ORDER)
    assert ("'@Ada", "'+49 30 1", "'-1", "3") == (
        row["name"],
        row["tel"],
        row["note"],
        row["copies"],
    )
    assert ("19.00", "EUR", "2026-11-27T04:37:00+00:00") == (
        row["total"],
        row["currency"],
        row["placed_at"],
    )
    sold, unsold = exported("order-lines", ORDER)
    assert ("1", "7", "'=1+1", "2", "9.50", "19.00") == tuple(
        sold[name] for name in ("line", "bazar_id", "title", "quantity", "price", "amount")
    )
    assert ("2", "8", "", "") == tuple(
        unsold[name] for name in ("line", "bazar_id", "price", "amount")
    )
    (bare,) = exported("orders", msgspec.structs.replace(ORDER, buyer=None))
    assert "" == bare["name"]


def test_a_row_of_the_ledger_has_its_number_as_a_number() -> None:
    """A minus is no formula where a number follows by right."""
    (row,) = exported("ledger", MOVEMENT)
    assert ("-1", "'=") == (row["copies"], row["note"])


def test_every_kind_has_as_many_cells_as_columns() -> None:
    """Under each name stands what it says."""
    for what, item in {
        "books": BOOK,
        "orders": ORDER,
        "order-lines": ORDER,
        "ledger": MOVEMENT,
    }.items():
        table = TABLES[what]  # type: ignore[index]
        assert {len(table.columns)} == {len(row) for row in table.rows(item)}


def test_rows_are_written_as_they_come() -> None:
    """So a million of them take no more memory than one."""
    shop = Kept(BOOK, number=2000)
    ahead: list[int] = []

    class File(io.BytesIO):
        def write(self, data: Any) -> int:  # noqa: ANN401
            self.rows = getattr(self, "rows", -1) + 1
            ahead.append(shop.asked - self.rows)
            return len(data)

    assert 2000 == write_csv(shop, "books", File(), lambda _rows: None)
    assert 0 == max(ahead)
