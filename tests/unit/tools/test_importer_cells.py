"""Importing a file: the rules of its cells, and the rows that break them."""

import csv
from decimal import Decimal

import pytest

from bazar.tools.importing import Reject
from support.importing import Desk, row_of

COLUMN_VALUES = [
    ("id", "1", 1),
    ("id", "007", 7),
    ("id", str(10**15), 10**15),
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
        ("id", text)
        for text in ["0", "-1", "1.5", "1.0", "1e3", "x", "٣", str(10**15 + 1), "9" * 5000]
    ),
    *(("isbn", text) for text in ["439023484", "9780439023482", "9.78043902348e+12", "12345"]),
    *(("isbn", text) for text in ["-", "x", "X439023483", "٤٣٩٠٢٣٤٨٣"]),
    *(("title", text) for text in ["", "t" * 501]),
    ("author", "a" * 501),
    *(("year", text) for text in ["-5001", "3001", "2008.5", "MCM", "2e3", "1_000", "nan"]),
    ("topic", "t" * 101),
    *(("price", text) for text in ["", "19,99", "-1", "-0.01", "NaN", "inf", "1e3", "$5", "5 USD"]),
    *(("price", text) for text in ["1,299.00", "+1", "1.", ".", "0x10", "9" * 5000]),
    *(("quantity", text) for text in ["-1", "1000000001", "1.5", "5.0", "many", "1e3"]),
    ("description", "d" * 5001),
]


@pytest.mark.parametrize(("column", "text", "value"), COLUMN_VALUES)
def test_a_good_cell_is_taken(desk: Desk, column: str, text: str, value: object) -> None:
    """Every form that people and spreadsheets write should give the value that was meant."""
    cells = {"title": "A", "price": "1"} | {column: text}
    report = desk.take(row_of(list(cells)) + row_of(list(cells.values())))
    assert [] == report.rejects
    assert [value] == [getattr(book, column) for book in desk.shop.books]


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
    assert reject.reason.startswith(("is not an ISBN", f"{column} must be "))


def test_a_row_with_several_bad_cells_is_rejected_once(desk: Desk) -> None:
    """The first bad cell should be named, so that rejects count rows."""
    report = desk.take("title,price,year\n,x,y\n")
    assert (1, 1) == (report.rows, report.rejected)
    assert ["title"] == [reject.column for reject in report.rejects]


def test_a_row_with_more_cells_than_the_header_is_rejected(desk: Desk) -> None:
    """A comma too many shifts the cells, so the row should not be guessed at."""
    report = desk.take("title,price\nA,1,\nB,2\n")
    reason = "the row has 3 cells, the header 2"
    assert [Reject(2, "", "A,1,", reason)] == report.rejects
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
