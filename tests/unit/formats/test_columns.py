"""Our columns: the rules of their cells, where a file has them, and the book that a row makes."""

from decimal import Decimal

import pytest

from bazar.formats.columns import (
    COLUMNS,
    NEEDED,
    BadCell,
    Layout,
    new_book,
    parse_cell,
    with_defaults,
)
from bazar.wire.books import NewBook

EMPTY = dict.fromkeys(COLUMNS, "")


def test_the_rules_are_those_of_the_catalog() -> None:
    """The words about a column should state the limits that its type has."""
    told = {"isbn", "language"}  # by what they are
    for name, column in COLUMNS.items():
        for limit in getattr(column.kind, "__metadata__", ()):
            for bound in (limit.le, limit.max_length if name not in told else None):
                assert bound is None or str(bound) in column.wanted


def test_every_member_of_a_new_book_has_a_column() -> None:
    """Nothing that the catalog takes is out of reach of a file."""
    assert set(NewBook.__struct_fields__) == set(COLUMNS)


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        ("id", "007", 7),
        ("year", "-720.0", -720),
        ("isbn", "439023483", "9780439023481"),
        ("pages", "320.0", 320),
        ("format", "Hardcover", "hardback"),
        ("format", "MAP", "map"),
        ("condition", "As-New", "as-new"),
        ("language", "ar-EG", "ar-EG"),
        ("low_at", "0", 0),
    ],
)
def test_a_cell_is_read_as_it_was_meant(column: str, text: str, value: object) -> None:
    """Zeros in front do not matter; spreadsheets add some to years, and take them off ISBNs."""
    assert value == parse_cell(column, text)


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("format", "scroll"),
        ("condition", "worn"),
        ("pages", "0"),
        ("pages", "12.5"),
        ("language", "e"),
        ("low_at", "-1"),
        ("shelf", "x" * 41),
        ("publisher", "x" * 201),
    ],
)
def test_a_cell_that_says_nothing_we_know_is_bad(column: str, text: str) -> None:
    """The message says what the column takes."""
    with pytest.raises(BadCell, match=f"^{column} must be "):
        parse_cell(column, text)


@pytest.mark.parametrize("text", ["", "1999.", "1999.5", ".0", "19 99", "1999\n"])
def test_a_year_that_is_none_is_bad(text: str) -> None:
    """Half years neither."""
    with pytest.raises(BadCell, match=r"^year must be a whole number from -5000 to 3000$"):
        parse_cell("year", text)


def test_a_bad_cell_names_its_column() -> None:
    """Whether our own rule or the check digit says so."""
    for column, text, message in (
        ("price", "1,99", "price must be a plain decimal"),
        ("isbn", "439023484", "is not an ISBN: "),
    ):
        with pytest.raises(BadCell) as caught:
            new_book(EMPTY | {"title": "T", "price": "1"} | {column: text})
        assert column == caught.value.column
        assert str(caught.value).startswith(message)


@pytest.mark.parametrize("column", NEEDED)
def test_a_needed_value_cannot_be_left_out(column: str) -> None:
    """All others can, and have built-in values."""
    needed = {"title": "T", "price": "1.50"}
    expected = NewBook(title="T", price=Decimal("1.50"), topic="general", quantity=0)
    assert expected == new_book(with_defaults(EMPTY | needed))
    with pytest.raises(BadCell, match=f"{column} must be "):
        new_book(with_defaults(EMPTY | needed | {column: ""}))


def test_a_layout_finds_the_cell_of_each_column() -> None:
    """The mapped one, else the one of our name that no other column has taken, else the default."""
    layout = Layout(
        ["name", "title", "writer"], {"title": "name", "author": "writer"}, {"price": "9.99"}
    )
    found = [layout.values(cells) for cells in (["A", "B", "C"], [" ", " B "])]
    assert [EMPTY | {"title": "A", "author": "C"}, EMPTY | {"title": "B"}] == [
        values | {"price": ""} for values in found
    ]
    assert {"9.99"} == {values["price"] for values in found}
    swapped = Layout(["title", "author"], {"title": "author", "author": "title"}, {})
    assert ("", "A") == (swapped.values(["A"])["title"], swapped.values(["A"])["author"])
