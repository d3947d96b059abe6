"""Records of a sheet of a workbook: .xlsx, .xlsm, .xlsb, .xls and .ods."""

import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import IO, NamedTuple
from xml.parsers.expat import ExpatError, ParserCreate

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError
from python_calamine import SheetTypeEnum as SheetType
from python_calamine import SheetVisibleEnum as SheetVisible

from bazar.formats.cells import Typed
from bazar.formats.csv import Record
from bazar.formats.kinds import WORKBOOK, archive_kind

UNPACKED_BYTES_MAX = 1024**3
"""Of a workbook: it is read whole."""
CELLS_MAX = 50_000_000
"""Between the first cell and the last; the empty ones take room too."""
_FAR_CELL = re.compile(rb'\br="([A-Z]{2,3})[0-9]+"[^>/]*>')
_ROW = re.compile(rb'<row[^>]*?\br="([0-9]+)"')
_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError),
    *(NotImplementedError, RuntimeError, OverflowError, MemoryError, struct.error),
)
"""What comes of unpacking an archive that was damaged, or made to do harm."""
_PIECE_BYTES = 1024 * 1024
_OVERLAP_BYTES = 256

Value = int | float | str | bool | time | date | datetime | timedelta


class BadWorkbook(ValueError):
    """A workbook cannot be read; the message is for a person."""


class Sheet(NamedTuple):
    """A sheet of a workbook."""

    name: str
    others: list[str]
    """The names of the other sheets that can be seen."""
    sheet: CalamineSheet

    def records(self) -> Iterator[Record]:
        """Yield each row that holds anything, with its number in the sheet."""
        rows = enumerate(self.sheet.iter_rows(), 1)
        while (found := _next(rows)) is not None:
            number, row = found
            cells = [_text(value) for value in row]
            if any(cells):
                yield Record(number, cells)


def _next(rows: Iterator[tuple[int, list[Value]]]) -> tuple[int, list[Value]] | None:
    """Return the next row of a sheet, or None behind the last.

    Raises:
        BadWorkbook: it cannot be read.
    """
    try:
        return next(rows, None)
    except CalamineError as error:
        message = f"cannot be read as a spreadsheet, and may be damaged ({error})"
        raise BadWorkbook(message) from error


def sheets(file: IO[bytes]) -> list[Sheet]:
    """Return the sheets of a workbook that can be seen, in its order.

    Raises:
        BadWorkbook: it is damaged, has a password, is too large, or is no workbook.
    """
    _check(file)
    file.seek(0)
    try:
        book = CalamineWorkbook.from_filelike(file)
        seen = [
            one.name
            for one in book.sheets_metadata
            if one.visible == SheetVisible.Visible and one.typ == SheetType.WorkSheet
        ]
        return [
            Sheet(name, [other for other in seen if other != name], book.get_sheet_by_name(name))
            for name in seen
        ]
    except PasswordError as error:
        message = "has a password: save it without one"
        raise BadWorkbook(message) from error
    except (CalamineError, OSError, ValueError) as error:
        if "assword" in str(error) or "encrypted" in str(error).lower():
            message = "has a password: save it without one"
            raise BadWorkbook(message) from error
        message = f"cannot be read as a spreadsheet, and may be damaged ({error})"
        raise BadWorkbook(message) from error


def _check(file: IO[bytes]) -> None:
    """Look at an archive before it is unpacked."""
    file.seek(0)
    if file.read(2) != b"PK":
        return
    try:
        with zipfile.ZipFile(file) as archive:
            _check_archive(archive)
    except BadWorkbook:
        raise
    except _DAMAGED as error:
        message = f"is a damaged spreadsheet or archive ({error})"
        raise BadWorkbook(message) from error


def _check_archive(archive: zipfile.ZipFile) -> None:
    names = archive.namelist()
    mime_type = ""
    if "mimetype" in names:
        mime_type = archive.read("mimetype")[:200].decode("ascii", "replace").strip()
    kind = archive_kind(names, mime_type)
    if kind != WORKBOOK:
        raise BadWorkbook(kind)
    if sum(one.file_size for one in archive.infolist()) > UNPACKED_BYTES_MAX:
        message = "is too large for a spreadsheet: save it as CSV"
        raise BadWorkbook(message)
    for name in names:
        if name.endswith((".xml", ".rels")):
            _check_well_formed(archive, name)
        if name.startswith("xl/worksheets/") and name.endswith(".xml"):
            _check_extent(archive, name)


def _check_well_formed(archive: zipfile.ZipFile, name: str) -> None:
    """Refuse a part that breaks off, over which the library would wait for ever."""
    try:
        with archive.open(name) as part:
            ParserCreate().ParseFile(part)
    except ExpatError as error:
        message = f"is damaged: its part {name} cannot be read ({error})"
        raise BadWorkbook(message) from error


def _check_extent(archive: zipfile.ZipFile, name: str) -> None:
    """Refuse a sheet with a cell so far from the others that all between take too much room."""
    columns, rows, rest = 26, 1, b""
    with archive.open(name) as sheet:
        while piece := sheet.read(_PIECE_BYTES):
            text = rest + piece
            for far in set(_FAR_CELL.findall(text)):
                columns = max(columns, _column_number(far))
            if found := _ROW.findall(text):
                rows = max(rows, int(found[-1]))
            rest = text[-_OVERLAP_BYTES:]
    if columns * rows > CELLS_MAX:
        message = f"has cells in {columns} columns and {rows} rows: save the list alone, or as CSV"
        raise BadWorkbook(message)


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + letter - ord("A") + 1
    return number


def _text(value: Value) -> str:
    """Return a cell as a text; a number as one that needs no guess."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int):
        return Typed(value)
    if isinstance(value, float):
        return Typed(int(value) if value.is_integer() else repr(value))
    return value.isoformat() if not isinstance(value, timedelta) else str(value)
