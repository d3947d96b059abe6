"""Rows of a file: what each says of a book, what is wrong with it, and which are none."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from bazar.formats.books import Fault, Marks, Reader, Row
from bazar.formats.cells import Typed
from bazar.formats.columns import Reading
from bazar.formats.csv import Record
from bazar.formats.header import Layout, Wanted
from bazar.wire.books import NewBook
from bazar.wire.imports import KnownBook


def reader(header: str, wanted: Wanted = Wanted(), *, strict: bool = False) -> Reader:  # noqa: B008  immutable
    """Return what reads rows under a header, with semicolons between its names."""
    return Reader(Layout(header.split(";"), wanted), Reading("USD"), strict=strict)


def rows(found: Reader, *lines: str) -> list[Row]:
    """Return those rows that are about a book."""
    records = [Record(number, line.split(";")) for number, line in enumerate(lines, 2)]
    return [row for record in records if (row := found.read(record))]


def marks(header: str, columns: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return what begins decimals in the columns of a file of these rows."""
    found = Marks(Layout(header.split(";"), Wanted()))
    for cells in columns:
        found.add(cells)
    return dict(found.found())


def test_a_whole_column_tells_what_begins_its_decimals() -> None:
    """A comma only where no point speaks against it; where nothing is told, as the others do."""
    header = "title;price;quantity"
    comma = marks(header, [["A", "9,50", "1.000"], ["B", "12", "2"]])
    assert (",", ",") == (comma["price"], comma["quantity"])
    mixed = marks(header, [["A", "9,50", "1"], ["B", "9.50", "2"]])
    assert (".", ".") == (mixed["price"], mixed["quantity"])
    apart = marks(header, [["A", "9,50", "1.0"], ["B", "8,50", "2.0"]])
    assert (",", ".") == (apart["price"], apart["quantity"])
    assert "" == marks(header, [["A", "1.500", "1"], ["B", "9", "1"]])["price"]
    typed = marks(header, [["A", Typed("9.5"), "1"], ["B", "9,50", "2"]])
    assert "," == typed["price"]


def test_a_row_is_read_with_all_that_is_wrong_with_it() -> None:
    """Faults in the order of our columns; what is only left out is told beside them."""
    (row,) = rows(reader("title;price;isbn;year"), ";x;0439023484;c1816")
    assert [("isbn", "0439023484"), ("title", ""), ("price", "x")] == [
        (fault.column, fault.value) for fault in row.faults
    ]
    assert ["year"] == [one.column for one in row.warnings]
    (strict,) = rows(reader("title;price;year", strict=True), "A;1;c1816")
    assert ["year"] == [one.column for one in strict.faults]
    assert (None, []) == (strict.book, strict.warnings)


def test_of_several_isbns_the_first_that_can_be_read_is_taken() -> None:
    """A bad one in the best column costs the row, unless another is good; in another it does not.

    Spreadsheets destroy ISBN-13 where ISBN-10 beside them stay as they are.
    """
    found = rows(
        reader("title;price;isbn;isbn13"),
        "A;1;;9780439023481",
        "B;1;0439023484;9780439023481",
        "C;1;;9.78E+12",
        "D;1;0000000000;9.78E+12",
        "E;1;0439023484;9.78E+12",
    )
    assert ["9780439023481", "9780439023481", None, None] == [
        row.book.isbn for row in found if row.book
    ]
    assert [0, 1, 1, 2, 1] == [len(row.warnings) for row in found]
    assert [Fault("isbn", "0439023484", "is not an ISBN: its check digit is wrong")] == (
        found[4].faults
    )


def test_a_currency_beside_a_price_must_be_that_of_the_shop() -> None:
    """Money is not changed here."""
    good, bad, odd, empty = rows(
        reader("title;price;currency"), "A;1;usd", "B;1;EUR", "C;1;shells", "D;1;"
    )
    assert [] == good.faults == empty.faults
    assert ["currency is in EUR; the shop's prices are in USD"] == [f.reason for f in bad.faults]
    assert ["currency is not the code of a currency"] == [f.reason for f in odd.faults]


def test_a_row_without_a_title_is_about_a_book_that_is_there() -> None:
    """It needs to say which one, and a quantity or a price that can be read."""
    found = rows(
        reader("isbn;quantity;price", Wanted(updates=True)),
        "0439023483;5;",
        "0439023483;N/A;1.50",
        ";5;1",
        "0439023483;many;1",
        "0439023483;;",
    )
    assert [
        KnownBook(isbn="9780439023481", quantity=5),
        KnownBook(isbn="9780439023481", price=Decimal("1.50")),
        *(None, None, None),
    ] == [row.known for row in found]
    assert [[], [], ["isbn"], ["quantity"], ["quantity"]] == [
        [fault.column for fault in row.faults] for row in found
    ]


SHOPIFY = (
    "Handle;Title;Body (HTML);Vendor;Variant SKU;Variant Price;Variant Barcode;Option1 Value;Image"
)


def test_rows_of_a_product_are_books_or_pictures() -> None:
    """A variant is a book with the texts of the first row; a picture is none, and is counted."""
    found = reader(SHOPIFY)
    books = [
        row.book
        for row in rows(
            found,
            "emma;Emma;<p>A novel.</p>;Penguin;E1;9.50;9780141439587;Paperback;1.jpg",
            "emma;;;;E2;19.50;;Hardcover;",
            "emma;;;;;;;;2.jpg",
            "dune;Dune;;Ace;D1;8.00;;Default Title;3.jpg",
            "lost;;;;L1;8.00;;Paperback;",
        )
    ]
    common = {"topic": "general", "publisher": "Penguin", "description": "A novel."}
    assert [
        NewBook(
            title="Emma",
            price=Decimal("9.50"),
            isbn="9780141439587",
            format="paperback",
            **common,  # type: ignore[arg-type]
        ),
        NewBook(
            title="Emma (Hardcover)",
            price=Decimal("19.50"),
            format="hardback",
            **common,  # type: ignore[arg-type]
        ),
        NewBook(title="Dune", price=Decimal("8.00"), topic="general", publisher="Ace"),
        None,
    ] == books
    assert (1, {"a picture of the product above": 1}) == (found.variants, found.passed_over)


def test_rows_that_only_hold_others_together_are_none() -> None:
    """What they hold together are rows of their own."""
    found = reader("ID;Type;SKU;Name;Regular price;Categories")
    names = [
        row.book.title
        for row in rows(
            found,
            "1;variable;E;Emma;;Books > Classics, Novels",
            "2;variation;E1;Emma - Paperback;9.50;Books > Classics, Novels",
        )
        if row.book and row.book.topic == "Classics"
    ]
    assert ["Emma - Paperback"] == names
    assert {"Type is variable": 1} == found.passed_over


def test_what_is_known_of_a_program_serves_for_empty_cells() -> None:
    """Each row of AbeBooks is at least one copy; what a person says comes first."""
    header = "listingid;title;price;quantity"
    (row,) = rows(reader(header), "1;A;1;")
    assert row.book is not None
    assert 1 == row.book.quantity
    (row,) = rows(reader(header, Wanted(defaults={"quantity": "7"})), "1;A;1;")
    assert row.book is not None
    assert 7 == row.book.quantity


@pytest.mark.parametrize("text", ["9.5", "9,5"])
def test_the_same_text_as_a_number_and_as_a_text_is_not_mistaken(text: str) -> None:
    """A workbook may hold both in one column, and values are remembered by their texts."""
    found = Reader(Layout(["title", "price"], Wanted()), Reading("USD", {"price": ","}))
    first = found.read(Record(2, ["A", Typed("9.5")]))
    second = found.read(Record(3, ["B", text]))
    assert first is not None
    assert second is not None
    assert first.book is not None
    assert Decimal("9.5") == first.book.price
    assert ([] if "," in text else ["price"]) == [fault.column for fault in second.faults]
