"""Importing a file: the rules of its cells, and the rows that break them."""

import csv
from decimal import Decimal

import pytest

from bazar.tools.importing import Reject
from bazar.wire.books import NewBook
from support.importing import Desk, row_of

COLUMN_VALUES = [
    ("bazar_id", "1", 1),
    ("bazar_id", "007", 7),
    ("bazar_id", "7.0", 7),
    ("bazar_id", str(10**15), 10**15),
    ("isbn", "", None),
    ("isbn", "9780439023481", "9780439023481"),
    ("isbn", "978-0-439-02348-1", "9780439023481"),
    ("isbn", "0439023483", "9780439023481"),
    ("isbn", "0-439-02348-3", "9780439023481"),
    ("isbn", "043965548X", "9780439655484"),
    ("isbn", "439023483", "9780439023481"),
    ("isbn", "43965548X", "9780439655484"),
    ("isbn", "43965548x", "9780439655484"),
    ("isbn", "61120081", "9780061120084"),
    ("isbn", "7442912", "9780007442911"),
    ("title", "t" * 500, "t" * 500),
    ("title", "12", "12"),
    ("author", "a" * 500, "a" * 500),
    ("year", "2008", 2008),
    ("year", "2008.0", 2008),
    ("year", "-720.0", -720),
    ("year", "-5000", -5000),
    ("year", "3000", 3000),
    ("year", "", None),
    ("topic", "t" * 100, "t" * 100),
    ("price", "0", Decimal(0)),
    ("price", "19.99", Decimal("19.99")),
    ("price", "1299.5", Decimal("1299.5")),
    ("quantity", "0", 0),
    ("quantity", "1000000000", 10**9),
    ("description", "d" * 5000, "d" * 5000),
]

BAD_COLUMN_VALUES = [
    *(
        ("bazar_id", text)
        for text in ["0", "-1", "1.5", "1e3", "x", "\u0663", str(10**15 + 1), "9" * 5000]
    ),
    *(("isbn", text) for text in ["439023484", "9780439023482", "9.78043902348e+12", "12345"]),
    *(("isbn", text) for text in ["x", "X439023483", "\u0664\u0663\u0669\u0660\u0662\u0663\u0664"]),
    *(("title", text) for text in ["", "t" * 501]),
    *(("price", text) for text in ["", "-1", "-0.01", "NaN", "inf", "1e3", "\u00a35", "5 GBP"]),
    *(("price", text) for text in ["+1", "1.", ".", "0x10", "9" * 5000, "1.234", "(5.00)", "free"]),
    *(("price", text) for text in ["N/A", "NULL", "1.500", "1,2,3"]),
]
LEFT_OUT = [
    *(("year", text) for text in ["-5001", "3001", "2008.5", "MCM", "2e3", "1_000", "nan"]),
    *(("year", text) for text in ["c1987", "[1816]", "N/A", "-", "NULL", "0", "0101-01-01"]),
    ("topic", "t" * 101),
    ("topic", ".."),
    *(("quantity", text) for text in ["-1", "1000000001", "1.5", "many", "1e3", "NULL"]),
    ("format", "scroll"),
    ("pages", "0"),
    ("language", "Klingon"),
    ("condition", "eaten"),
    ("shelf", "s" * 41),
    *(("isbn", text) for text in ["NULL", "none", "0", "0000000000", "9780000000002"]),
]


@pytest.mark.parametrize(("column", "text", "value"), COLUMN_VALUES)
def test_a_good_cell_is_taken(desk: Desk, column: str, text: str, value: object) -> None:
    """Every form that people and spreadsheets write should give the value that was meant."""
    cells = {"title": "A", "price": "1"} | {column: text}
    report = desk.take(row_of(list(cells)) + row_of(list(cells.values())))
    assert [] == report.rejects
    member = "id" if column == "bazar_id" else column
    assert [value] == [getattr(book, member) for book in desk.shop.books]


@pytest.mark.parametrize(("column", "text"), BAD_COLUMN_VALUES)
def test_a_bad_cell_rejects_its_row_alone(desk: Desk, column: str, text: str) -> None:
    """The reject should name row, column, value and a reason; the next row should go in."""
    good = {"title": "A", "price": "1"}
    bad = good | {column: text}
    rows = [list(bad), list(bad.values()), [good.get(name, "") for name in bad]]
    report = desk.take("".join(map(row_of, rows)))
    assert ["A"] == [book.title for book in desk.shop.books]
    assert (2, 1, 1) == (report.rows, report.created, report.rejected)
    (reject,) = report.rejects
    assert (2, column, text[:200]) == (reject.row, reject.column, reject.value)
    assert reject.reason.startswith(("is not an ISBN", f"{column} "))


@pytest.mark.parametrize(("column", "text"), LEFT_OUT)
def test_an_optional_cell_that_cannot_be_read_is_left_out(
    desk: Desk, column: str, text: str
) -> None:
    """The book goes in without it, with a warning; with --strict it does not."""
    good = {"title": "A", "price": "1"}
    rows = row_of([*good, column]) + row_of([*good.values(), text])
    report = desk.take(rows, update="all")
    assert (1, 1, 0) == (report.created, report.warned, report.rejected)
    (warning,) = report.warnings
    assert (2, column, text) == (warning.row, warning.column, warning.value)
    assert [["title", "price"]] == [row.given for row in desk.shop.sent[0].rows]
    plain = NewBook(title="A", price=Decimal(1), topic="general")
    assert [plain] == desk.shop.books
    desk.shop.sent.clear()
    report = desk.take(rows, strict=True)
    assert (0, 0, 1) == (report.created, report.warned, report.rejected)
    assert [warning] == report.rejects


def test_a_default_serves_for_a_cell_that_says_nothing(desk: Desk) -> None:
    """N/A is an empty cell to whoever typed it; that it was one is told."""
    report = desk.take("title,price\nA,N/A\nB,2\n", defaults={"price": "9.99"})
    assert [Decimal("9.99"), Decimal(2)] == [book.price for book in desk.shop.books]
    assert [(2, "price", "N/A")] == [(one.row, one.column, one.value) for one in report.warnings]


def test_a_long_text_is_cut(desk: Desk) -> None:
    """Most of a description is better than none; what is cut is told."""
    report = desk.take(row_of(["title", "price", "description"]) + row_of(["A", "1", "d" * 6000]))
    assert ["d" * 5000] == [book.description for book in desk.shop.books]
    assert ["is cut to 5000 characters"] == [one.reason for one in report.warnings]


def test_a_row_with_more_cells_than_the_header_is_rejected(desk: Desk) -> None:
    """A comma too many shifts the cells, so the row should not be guessed at; empty ones do not."""
    report = desk.take("title,price\nA,1,x\nB,2,, ,\n")
    reason = "the row has 3 cells, the header 2"
    assert [Reject(2, "", "A,1,x", reason)] == report.rejects
    assert ["B"] == [book.title for book in desk.shop.books]


def test_a_cell_over_the_limit_of_the_csv_module_rejects_its_row(desk: Desk) -> None:
    """A huge cell should be a reject with a reason, and the next row should go in."""
    report = desk.take(f"title,price\n{'A' * (csv.field_size_limit() + 1)},1\nB,2\n")
    reason = f"cannot be read: field larger than field limit ({csv.field_size_limit()})"
    assert [Reject(2, "", "A" * 200, reason)] == report.rejects
    assert ["B"] == [book.title for book in desk.shop.books]


@pytest.mark.parametrize("line", ['"A"a,1', '"A,1'])
def test_a_line_with_a_stray_quotation_mark_is_rejected(desk: Desk, line: str) -> None:
    """Damage within a line should reject it with the line as its value, last line or not."""
    report = desk.take(f"title,price\nB,2\n{line}")
    assert [(3, "", line)] == [(r.row, r.column, r.value) for r in report.rejects]
    assert report.rejects[0].reason.startswith("cannot be read: ")
    assert ["B"] == [book.title for book in desk.shop.books]
