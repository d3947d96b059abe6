"""Our columns of a file of books: what each must be, and how a row becomes a book.

The rules are those of the catalog, so that a bad cell is found where the file is read.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, get_args

import msgspec

from bazar.formats.isbn import isbn13
from bazar.wire.books import Condition, Format, NewBook
from bazar.wire.limits import (
    DESCRIPTION_LENGTH_MAX,
    GIVEN_ID_MAX,
    PAGES_MAX,
    PUBLISHER_LENGTH_MAX,
    SHELF_LENGTH_MAX,
    STOCK_MAX,
    TITLE_LENGTH_MAX,
    Author,
    Description,
    GivenId,
    Isbn,
    LanguageTag,
    Pages,
    Price,
    Publisher,
    Shelf,
    Stock,
    Title,
    Topic,
    Year,
)

Value = int | str | Decimal


class Column(NamedTuple):
    """What the cells of one of our columns must be."""

    form: str
    """A pattern of the whole text."""
    value: Callable[[str], Value]
    kind: Any
    """The type of the wire, with its limits."""
    wanted: str
    """The same in words."""


def _whole(text: str) -> int:
    return int(text.partition(".")[0])


def _format(text: str) -> str:
    return {"hardcover": "hardback", "softcover": "paperback"}.get(text.lower(), text.lower())


def _choices(kind: object) -> str:
    return ", ".join(filter(None, get_args(kind)))


def _isbn(text: str) -> str:
    lost_zeros = re.fullmatch(r"[0-9]{6,8}[0-9Xx]", text)  # in a spreadsheet
    return isbn13(text.zfill(10) if lost_zeros else text)


_TEXT = r"(?s:.*)"
_WHOLE = r"[+-]?[0-9]{1,19}"
_WHOLE_OF_SPREADSHEETS = rf"{_WHOLE}(\.0+)?"
_DECIMAL = r"[0-9]{1,15}(\.[0-9]{1,6})?"
_PRICE_WANTED = "a plain decimal such as 1299.99: no sign, comma, currency or exponent"
COLUMNS = {
    "id": Column(_WHOLE, int, GivenId, f"a whole number from 1 to {GIVEN_ID_MAX}"),
    "isbn": Column(_TEXT, _isbn, Isbn, "an ISBN"),
    "title": Column(_TEXT, str, Title, f"1 to {TITLE_LENGTH_MAX} characters"),
    "author": Column(_TEXT, str, Author, f"at most {TITLE_LENGTH_MAX} characters"),
    "year": Column(_WHOLE_OF_SPREADSHEETS, _whole, Year, "a whole number from -5000 to 3000"),
    "topic": Column(_TEXT, str, Topic, "1 to 100 characters"),
    "price": Column(_DECIMAL, Decimal, Price, _PRICE_WANTED),
    "quantity": Column(_WHOLE, int, Stock, f"a whole number from 0 to {STOCK_MAX}"),
    "description": Column(_TEXT, str, Description, f"at most {DESCRIPTION_LENGTH_MAX} characters"),
    "subtitle": Column(_TEXT, str, Author, f"at most {TITLE_LENGTH_MAX} characters"),
    "publisher": Column(_TEXT, str, Publisher, f"at most {PUBLISHER_LENGTH_MAX} characters"),
    "format": Column(_TEXT, _format, Format, f"one of {_choices(Format)}"),
    "pages": Column(_WHOLE_OF_SPREADSHEETS, _whole, Pages, f"a whole number from 1 to {PAGES_MAX}"),
    "language": Column(_TEXT, str, LanguageTag, "a language tag such as en"),
    "condition": Column(_TEXT, str.lower, Condition, f"one of {_choices(Condition)}"),
    "shelf": Column(_TEXT, str, Shelf, f"at most {SHELF_LENGTH_MAX} characters"),
    "low_at": Column(_WHOLE, int, Stock, f"a whole number from 0 to {STOCK_MAX}"),
}
NEEDED = ("title", "price")
BUILT_IN_DEFAULTS = {"topic": "general", "quantity": "0"}


class BadCell(ValueError):
    """A cell is not what its column must hold; the message is for a person."""

    def __init__(self, column: str, message: str) -> None:
        """Keep which of our columns it is."""
        super().__init__(message)
        self.column = column


def parse_cell(column: str, text: str) -> Value:
    """Return the value of a trimmed cell.

    Raises:
        BadCell: it is not what this column of ours must hold.
    """
    form, value, kind, wanted = COLUMNS[column]
    message = f"{column} must be {wanted}"
    if not re.fullmatch(form, text):
        raise BadCell(column, message)
    try:
        parsed: Value = msgspec.convert(value(text), kind)
    except msgspec.ValidationError as error:
        raise BadCell(column, message) from error
    except ValueError as error:  # an ISBN says itself what is wrong with it
        raise BadCell(column, str(error)) from error
    return parsed


def new_book(values: Mapping[str, str]) -> NewBook:
    """Return the book that a row describes.

    Args:
        values: a text for each of our columns; an empty one says nothing.

    Raises:
        BadCell: about the first cell that is not what its column must hold.
    """
    fields: dict[str, Any] = {
        column: parse_cell(column, text)
        for column, text in values.items()
        if text or column in NEEDED
    }
    return NewBook(**fields)


def with_defaults(values: Mapping[str, str]) -> dict[str, str]:
    """Return the values, and built-in ones where they say nothing."""
    return {column: text or BUILT_IN_DEFAULTS.get(column, "") for column, text in values.items()}


class Layout:
    """Where a file has our columns."""

    def __init__(
        self, header: Sequence[str], mapping: Mapping[str, str], defaults: Mapping[str, str]
    ) -> None:
        """Look for our columns.

        Args:
            header: the names of the file's columns.
            mapping: our columns to those of the file; all others are called alike.
            defaults: our columns to the values of empty cells and missing columns.
        """
        self.header = header
        self._defaults = defaults
        taken = set(mapping.values())
        self._names = {
            column: [mapping.get(column, column), *({column} - taken)] for column in COLUMNS
        }

    def values(self, cells: Sequence[str]) -> dict[str, str]:
        """Return what a row says about each of our columns; empty where it says nothing.

        It is the mapped cell; where that is empty, the one of our own name, unless another column
        of ours is mapped to it; else the default.
        """
        cell = dict(zip(self.header, map(str.strip, cells), strict=False))
        return {
            column: next(filter(None, map(cell.get, names)), self._defaults.get(column, ""))
            for column, names in self._names.items()
        }
