"""Sheets of workbooks: their rows as texts, and workbooks that cannot be read."""

import io

import pytest

from bazar.formats import workbook
from bazar.formats.cells import Typed
from bazar.formats.csv import Record
from bazar.formats.workbook import BadWorkbook, sheets
from support.workbooks import Rows, cell, ods, packed, xlsx


def refused(content: bytes) -> str:
    """Return why a workbook is not read."""
    with pytest.raises(BadWorkbook) as caught:
        sheets(io.BytesIO(content))
    return str(caught.value)


def test_numbers_are_texts_that_need_no_guess() -> None:
    """An ISBN keeps its digits, a year has no decimals; rows have the numbers that people see."""
    rows: Rows = [["title", "isbn"], [], ["Süß", 9780141439587.0], [1984.0, None], [None, 9.99]]
    (sheet,) = sheets(io.BytesIO(xlsx({"Books": rows})))
    found = list(sheet.records())
    assert [
        Record(1, ["title", "isbn"]),
        Record(3, ["Süß", "9780141439587"]),
        Record(4, ["1984", ""]),
        Record(5, ["", "9.99"]),
    ] == found
    assert isinstance(found[3].cells[1], Typed)
    assert found == list(sheet.records())


def test_sheets_that_nobody_sees_are_left_out() -> None:
    """The others are named, so that one can be asked for."""
    content = xlsx({"A": [["x"]], "Secret": [["y"]], "B": [["z"]]}, hidden=["Secret"])
    assert [("A", ["B"]), ("B", ["A"])] == [
        (sheet.name, sheet.others) for sheet in sheets(io.BytesIO(content))
    ]


def test_open_documents_are_read_too() -> None:
    """With dates as ISO 8601 writes them."""
    (sheet,) = sheets(io.BytesIO(ods([["titre", "année"], ["Émile", "1999-05-01"], [1.5, 2]])))
    assert [["titre", "année"], ["Émile", "1999-05-01"], ["1.5", "2"]] == [
        record.cells for record in sheet.records()
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"PK\x03\x04\x14\x00\x06", "is a damaged spreadsheet or archive"),
        (xlsx({"A": [["x"]]})[:-30], "is a damaged spreadsheet or archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "cannot be read as a spreadsheet"),
        (packed({"books.csv": "title"}), "is a zip archive"),
        (packed({"word/document.xml": ""}), "word processor"),
        (packed({"xl/workbook.xml": "<workbook/>"}), "cannot be read as a spreadsheet"),
        (packed({"xl/workbook.xml": "<workbook"}), "its part xl/workbook.xml cannot be read"),
        (packed({"content.xml": "<a><b></a>"}), "its part content.xml cannot be read"),
        (packed({"mimetype": "application/epub+zip"}), "is no spreadsheet, but application/epub"),
    ],
)
def test_what_is_no_workbook_is_called_by_its_name(content: bytes, told: str) -> None:
    """Damaged or another thing."""
    assert told in refused(content)


def test_a_cell_far_away_does_not_take_all_memory() -> None:
    """Between it and the first all cells are there; the sheet is refused before it is read."""
    far = f'<row r="1048576">{cell("XFD1048576", 1)}</row></sheetData>'
    files = {
        "xl/workbook.xml": "<workbook/>",
        "xl/worksheets/sheet1.xml": f"<worksheet><sheetData>{far}</worksheet>",
    }
    assert "has cells in 16384 columns and 1048576 rows" in refused(packed(files))


def test_a_workbook_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few bytes may be packed from very many."""
    monkeypatch.setattr(workbook, "UNPACKED_BYTES_MAX", 100_000)
    bomb = packed({"xl/workbook.xml": "<w/>" + " " * 200_000})
    assert len(bomb) < 1000
    assert "is too large for a spreadsheet: save it as CSV" in refused(bomb)
