"""Rows of a file: what each says of a book, what is wrong with it, and which are none."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from bazar.formats.books import Fault, Marks, Reader, Row
from bazar.formats.cells import Typed
from bazar.formats.columns import Reading
from bazar.formats.csv import Record
from bazar.formats.header import Layout, Wanted
from bazar.formats.totals import is_total
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
    """A bad one costs the row unless another is good: mended, it would be another book.

    Spreadsheets destroy ISBN-13 where ISBN-10 beside them stay as they are: that costs nothing.
    """
    found = rows(
        reader("title;price;isbn;isbn13"),
        "A;1;;9780439023481",
        "B;1;0439023484;9780439023481",
        "C;1;;9.78E+12",
        "D;1;0000000000;9.78E+12",
        "E;1;0439023484;9.78E+12",
        "F;1;;9780439023482",
        "G;1;N/A;12345",
    )
    assert ["9780439023481", "9780439023481", None, None] == [
        row.book.isbn for row in found if row.book
    ]
    assert [0, 1, 1, 2, 1, 0, 1] == [len(row.warnings) for row in found]
    assert [["isbn"], ["isbn"]] == [[one.column for one in row.faults] for row in found[5:]]
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


def test_a_barcode_beside_an_isbn_is_no_mistyped_isbn() -> None:
    """A shop numbers its things as it likes, as long as it does not look like the number of one."""
    found = rows(reader("title;price;isbn;EAN"), "A;1;;200001", "B;1;;9780439023482")
    assert [[], ["isbn"]] == [[one.column for one in row.faults] for row in found]


@pytest.mark.parametrize(
    ("header", "line", "expected"),
    [
        ("title;price;SKU", "A;1;978-0-439-02348-1", "9780439023481"),
        ("title;price;isbn;Artikelnummer", "A;1;;9780439023481", "9780439023481"),
        ("title;price;isbn;SKU", "A;1;9780141439587;9780439023481", "9780141439587"),
        ("title;price;SKU", "A;1;0439023483", None),
        ("title;price;SKU", "A;1;4006381333931", None),
        ("title;price;SKU", "A;1;X9780439023481", None),
    ],
)
def test_the_number_of_a_thing_in_a_shop_may_be_its_isbn(
    header: str, line: str, expected: str | None
) -> None:
    """Where it can be nothing else, and nothing better is there."""
    found = reader(header)
    (row,) = rows(found, line)
    assert row.book is not None
    assert expected == row.book.isbn
    assert [] == row.warnings


def test_a_mistyped_isbn_among_the_numbers_of_a_shop_costs_the_row() -> None:
    """As it does in a column of ISBNs."""
    (row,) = rows(reader("title;price;SKU"), "A;1;9780439023482")
    assert ["isbn"] == [fault.column for fault in row.faults]


def test_two_columns_together_name_an_author() -> None:
    """The first name first; what stands there already is not said twice."""
    found = rows(
        reader("Autor;Vorname;Titel;Preis"),
        "Mann;Thomas;A;1",
        "Mann, Heinrich;Heinrich;B;1",
        ";;C;1",
    )
    assert ["Thomas Mann", "Mann, Heinrich", ""] == [row.book.author for row in found if row.book]


@pytest.mark.parametrize(
    ("header", "line"),
    [
        ("Handle;Title;Variant Price;Status", "a;A;1;Draft"),
        ("Handle;Title;Variant Price;Published", "a;A;1;FALSE"),
        ("URL handle;Title;Price;Option1 value;Status", "a;A;1;;archived"),
        ("ID;Type;SKU;Name;Regular price;Published", "1;simple;;A;1;-1"),
        ("ID;Type;SKU;Name;Regular price;Published", "1;simple;;A;1;0"),
        ("Token;Item Name;Variation Name;SKU;Price;Archived", "1;A;;;1;Y"),
    ],
)
def test_what_is_not_on_sale_there_is_not_put_on_sale(header: str, line: str) -> None:
    """A draft, or what was put away; the reason names its column."""
    name, said = header.rpartition(";")[2], line.rpartition(";")[2]
    (row,) = rows(reader(header), line)
    assert [f"{name} is {said}: it is not on sale there"] == [fault.reason for fault in row.faults]


def test_variants_of_a_draft_are_drafts() -> None:
    """Only the first row of a product says what it is."""
    found = reader("Handle;Title;Variant Price;Status;Variant SKU")
    assert [False, False] == [
        row.book is not None for row in rows(found, "a;A;1;draft;1", "a;;2;;2")
    ]


def test_a_count_that_may_be_another_is_refused() -> None:
    """Three places behind a decimal comma are thousands, unless the column shows otherwise."""
    header = ["title", "price", "quantity"]
    for mark, text in ((",", "1,000"), (".", "2.500"), (",", "1,000 Stk")):
        reading = Reading("EUR", {"quantity": mark})  # type: ignore[dict-item]
        row = Reader(Layout(header, Wanted()), reading).read(Record(2, ["A", "1", text]))
        assert row is not None
        assert ["quantity"] == [fault.column for fault in row.faults]
    found = Marks(Layout(header, Wanted()))
    found.add(["A", "1,50", "0,000"])
    reading = Reading("EUR", found.found(), found.thousandths)
    row = Reader(Layout(header, Wanted()), reading).read(Record(2, ["A", "1", "5,000"]))
    assert row is not None
    assert row.book is not None
    assert 5 == row.book.quantity


def test_a_book_for_nothing_is_told() -> None:
    """Unless a person has said so, or it is our own export."""
    for header, line, wanted, expected in (
        ("title;price", "A;0.00", Wanted(), ["price"]),
        ("title;price", "A;", Wanted(defaults={"price": "0"}), []),
        ("bazar_id;title;price", "1;A;0.00", Wanted(), []),
    ):
        (row,) = rows(reader(header, wanted), line)
        assert row.book is not None
        assert expected == [one.column for one in row.warnings]


def test_a_condition_that_nobody_understands_is_told_to_be_new() -> None:
    """Numbers mean something in the files of one program alone."""
    (row,) = rows(reader("title;price;condition"), "A;1;2")
    assert row.warnings[0].reason.endswith("; a new book goes in as new")
    found = rows(reader("item-name;seller-sku;price;asin1;item-condition"), "A;;1;;2", "B;;1;;11")
    assert ["very-good", "new"] == [row.book.condition for row in found if row.book]


def test_the_path_of_a_picture_is_no_format() -> None:
    """A column called `Cover` may hold either."""
    for text in ("covers/a b.jpg", "https://example.org/1"):
        (row,) = rows(reader("title;price;cover", strict=True), f"A;1;{text}")
        assert [] == row.faults
    header = "author_sort;authors;title;uuid;price;cover"
    assert "format" not in Layout(header.split(";"), Wanted()).used


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ("Summe;;;12", True),
        ("TOTAL: 12;;;", True),
        ("Gesamt (3);;;4", True),
        (";;Total général;3", True),
        ("المجموع;;;٣", True),
        ("Total;Ann A.;;1", False),
        ("Total;;9780439023481;1", False),
        ("Total Recall;;;1", False),
        (";;;", False),
    ],
)
def test_a_row_may_add_up_those_above(cells: str, expected: bool) -> None:  # noqa: FBT001
    """It says so, and names no author and no ISBN."""
    layout = Layout(["title", "author", "isbn", "price"], Wanted())
    assert expected == is_total(layout, cells.split(";"))


def test_an_escaped_line_end_is_one_where_a_program_writes_them_so() -> None:
    """Elsewhere a backslash is a backslash."""
    shop = reader("ID;Type;SKU;Name;Regular price;Description")
    (woo,) = rows(shop, "1;simple;;A;1;One\\ntwo")
    (other,) = rows(reader("title;price;description"), "A;1;C:\\new")
    assert woo.book is not None
    assert other.book is not None
    assert ("One\ntwo", "C:\\new") == (woo.book.description, other.book.description)
