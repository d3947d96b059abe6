"""Rows of files that a shop writes for spreadsheets, and the inverse of what guards their cells.

A text that a spreadsheet would run as a formula gets an apostrophe in front, and so does each part
of it that would be a cell of its own to a program that takes other separators than ours. Whoever
reads such a file takes just these apostrophes off: `unguarded(guarded(text))` is `text`, for every
text, those that begin with an apostrophe too.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from bazar.formats.isbn import grouped

Cell = str | int | Decimal | datetime | None
"""Of a row: a text is guarded, None is an empty cell."""

BOM = "\ufeff"
"""Begins a file; without it spreadsheets take UTF-8 for something else."""
_FORMULAS = "=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20"
"""What makes a formula of a cell, also in full width. Source: OWASP, CSV Injection"""
_SEPARATORS = ";\t\r\n"
"""Behind one of them, a cell begins for a spreadsheet that takes it for a separator."""
_UNSAFE = re.compile(f"(?:^|(?<=[{_SEPARATORS}]))(?=['\"]*[{_FORMULAS}])")
_GUARDED = re.compile(f"(?:^|(?<=[{_SEPARATORS}]))'(?=['\"]*[{_FORMULAS}])")
_QUOTED = re.compile(f'[",{_SEPARATORS}]|^\\s|\\s$')


def guarded(text: str) -> str:
    """Return a text that no spreadsheet runs as a formula."""
    return _UNSAFE.sub("'", text)


def unguarded(text: str) -> str:
    """Return the text that `guarded` was given; one that it cannot have returned stays as it is.

    A leading apostrophe goes where a character that begins a formula follows, such as in `'=1+1`
    or in `'+49 30 1234`, and stays elsewhere, such as in `'Tis Pity She's a Whore`.
    """
    return _GUARDED.sub("", text)


def csv_row(cells: Iterable[Cell]) -> str:
    """Return a row of a CSV file with its end.

    Source: RFC 4180
    """
    return ",".join(map(_written, cells)) + "\r\n"


def isbn_cell(isbn: str | None) -> str | None:
    """Return an ISBN with its hyphens: of 13 bare digits a spreadsheet makes `9.78044E+12`."""
    return None if isbn is None else grouped(isbn)


def _written(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.isoformat()
    if not isinstance(cell, str):
        return f"{cell:f}" if isinstance(cell, Decimal) else str(cell)
    text = guarded(cell)
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text
