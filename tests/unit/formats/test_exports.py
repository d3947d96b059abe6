"""What a shop writes for spreadsheets: no formula in it, and not a character lost."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bazar.formats.exports import csv_row, guarded, isbn_cell, unguarded

FORMULAS = "=+-@\t\r\n＝＋－＠"  # noqa: RUF001  full width runs too
hostile = st.text(st.one_of(st.sampled_from(FORMULAS + ";,'\" a1"), st.characters()), max_size=12)


def read(line: str, separator: str = ",") -> list[list[str]]:
    """Return the rows of a CSV text."""
    return list(csv.reader(io.StringIO(line, newline=""), delimiter=separator))


@given(hostile)
@example("''=1")
@example("\t=1")
@example('a;"=1')
def test_every_text_comes_back(text: str) -> None:
    """What guards a text is taken off again exactly, and nothing else of it."""
    assert text == unguarded(guarded(text))


@given(hostile)
def test_what_was_never_guarded_stays(text: str) -> None:
    """A foreign text changes only where it looks like a guarded one."""
    bare = unguarded(text)
    assert text in {bare, guarded(bare)} or len(bare) < len(text)


@pytest.mark.parametrize("first", FORMULAS)
def test_a_text_that_begins_a_formula_is_guarded(first: str) -> None:
    """Each character that makes a formula of a cell gets an apostrophe in front."""
    assert f"'{first}1+1" == guarded(f"{first}1+1")
    assert f"''{first}1+1" == guarded(f"'{first}1+1")


@pytest.mark.parametrize("title", ["'Tis Pity She's a Whore", "Catch-22", "1984", "'", "", "a; -b"])
def test_other_texts_stay_as_they_are(title: str) -> None:
    """An apostrophe of a title's own is no guard, and needs none."""
    assert title == guarded(title)
    assert title == unguarded(title)


@given(st.lists(hostile, min_size=1, max_size=4))
def test_no_cell_is_a_formula_whatever_the_separator(cells: list[str]) -> None:
    """Read with a semicolon or a tab between cells too, none begins as formulas do."""
    line = csv_row(cells)
    for separator in ",;\t":
        for cell in (cell for row in read(line, separator) for cell in row):
            assert not cell.startswith(tuple("=+-@＝＋－＠"))  # noqa: RUF001


@given(st.lists(hostile, min_size=1, max_size=4))
def test_a_row_is_one_row_of_the_same_cells(cells: list[str]) -> None:
    """Quotes, commas and line ends in a cell break no row."""
    line = csv_row(cells)
    assert line.endswith("\r\n")
    assert [cells] == [[unguarded(cell) for cell in row] for row in read(line)] or cells == [""]


def test_numbers_and_times_are_plain() -> None:
    """Money is a plain decimal, a time ISO 8601 with its offset, and nothing is an empty cell."""
    at = datetime(2026, 11, 27, 4, 37, tzinfo=UTC)
    row = csv_row([-3, Decimal("1E+2"), Decimal("9.50"), at, None, "x"])
    assert "-3,100,9.50,2026-11-27T04:37:00+00:00,,x\r\n" == row


def test_an_isbn_has_its_hyphens() -> None:
    """So a spreadsheet takes it for a text, and keeps its digits."""
    assert "978-0-441-17271-9" == isbn_cell("9780441172719")
    assert None is isbn_cell(None)
