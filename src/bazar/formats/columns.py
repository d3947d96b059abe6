"""Our columns of a file of books: what each must be, and how the text of a cell becomes its value.

The rules are those of the catalog, so that a bad cell is found where the file is read.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple, get_args

import msgspec

from bazar.formats import numbers
from bazar.formats.cells import Typed, fact, is_no_title, is_nothing, plain
from bazar.formats.exports import unguarded
from bazar.formats.isbn import Destroyed, OtherNumber, Placeholder, isbn13
from bazar.formats.names import normal
from bazar.formats.vocabulary import CONDITIONS, FORMATS, LANGUAGES, MONTHS
from bazar.kit.money import to_minor
from bazar.wire.books import Condition, Format, topic_key
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


class Reading(NamedTuple):
    """How the cells of a file are read."""

    currency: str = ""
    """Of the shop; empty where nobody knows it."""
    marks: Mapping[str, numbers.Mark] = {}
    """What begins the decimals in each of our columns."""
    thousandths: frozenset[str] = frozenset()
    """Our columns in which a number shows three decimals, so that `5.000` is five."""
    barcodes: bool = False
    """Whether the column of ISBNs holds the numbers of other things too."""
    escaped: bool = False
    """Whether a backslash and an `n` in a text are the end of a line."""
    verbatim: bool = False
    """Whether it is our own export, in which every cell says what it says."""

    def mark(self, column: str) -> numbers.Mark:
        """Return what begins the decimals in one of our columns."""
        return self.marks.get(column, "")


class BadCell(ValueError):
    """A cell is not what its column must hold; the message is for a person."""

    def __init__(self, column: str, message: str) -> None:
        """Keep which of our columns it is."""
        super().__init__(message)
        self.column = column


class LeftOut(BadCell):
    """A cell says nothing that could be taken; the row goes on without it."""


class DestroyedCell(BadCell):
    """A spreadsheet has lost what the cell said."""


class Ambiguous(BadCell):
    """A cell may say one of two things."""


class Column(NamedTuple):
    """What the cells of one of our columns must be."""

    value: Callable[[str, str, Reading], Value]
    """Its value, from the column's name, a cell's text and how to read it."""
    kind: Any
    """The type of the wire, with its limits."""
    wanted: str
    """The same in words."""
    is_text: bool = False
    cut_to: int = 0
    """The length to which a longer text is cut; 0: it is not taken at all."""


_DATE = re.compile(
    r"(?P<iso>\d{4})(?:[-/]\d{1,2}|[-/.]\d{1,2}[-/.]\d{1,2})(?:[T ].*)?"
    r"|\d{1,2}[-/.]\s?\d{1,2}[-/.]\s?(?P<last>\d{4})(?:[T ,].*)?"
    r"|(?P<solid>1[4-9]\d\d|20\d\d)(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
    r"|(?:\d{1,2}[a-z]{0,2}[-. ]*)?(?:of |de )?(?P<month>[^\W\d_]{2,12})[-. ]+(?:de )?"
    r"(?:\d{1,2}(?:st|nd|rd|th)?,? +)?(?P<named>\d{4})"
)
_YEAR_WORD = re.compile(r"(\d{4})\s?(?:\u5e74|\ub144|\u0433\.?|\u0645)")
"""A year and the word for one, or for its calendar: Japanese, Korean, Russian, Arabic."""
_YEAR = re.compile(r"[-+]?\d{1,19}(?:[.,]0+)?|\d[.,]\d{3}")


def _year(column: str, text: str, reading: Reading) -> int:
    if _YEAR.fullmatch(text) and not re.fullmatch(r"\d{8}", text):
        number = numbers.whole(text, "." if re.search(r"\.0+$", text) else reading.mark(column))
        if number or reading.verbatim:
            return number
        raise LeftOut(column, "is no value")
    if behind := _YEAR_WORD.fullmatch(text):
        return numbers.whole(behind[1], "")
    date = _DATE.fullmatch(text)
    if not date or (date["month"] and normal(date["month"])[:3] not in MONTHS):
        raise ValueError
    return int(date["iso"] or date["last"] or date["solid"] or date["named"])


def _isbn(column: str, text: str, reading: Reading) -> str:
    try:
        return isbn13(text, lost_zeros=True)
    except Placeholder as error:
        raise LeftOut(column, str(error)) from error
    except OtherNumber as error:
        if reading.barcodes:
            raise LeftOut(column, f"{error}; it goes in without, if it is a book") from error
        raise BadCell(column, str(error)) from error
    except Destroyed as error:
        raise DestroyedCell(column, str(error)) from error
    except ValueError as error:
        raise BadCell(column, str(error)) from error


def _price(column: str, text: str, reading: Reading) -> Decimal:
    try:
        price = numbers.amount(text, reading.currency, reading.mark(column))
        if reading.currency:
            to_minor(price, reading.currency)
    except ValueError as error:
        if str(error):
            raise BadCell(column, f"{column} {error}") from error
        raise
    return price


def _count(column: str, text: str, reading: Reading) -> int:
    try:
        return numbers.whole(text, reading.mark(column), thousandths=column in reading.thousandths)
    except ValueError as error:
        if str(error):
            raise Ambiguous(column, f"{column} {error}") from error
        raise


def _pages(column: str, text: str, reading: Reading) -> int:
    if text == "0":
        raise LeftOut(column, "is no value")
    return _count(column, text, reading)


def _id(_column: str, text: str, _reading: Reading) -> int:
    if not re.fullmatch(r"[0-9]{1,19}(\.0+)?", text):
        raise ValueError
    return int(text.partition(".")[0])


def _text(column: str, text: str, reading: Reading) -> str:
    if reading.escaped:
        text = text.replace("\\n", "\n")
    value = str(unguarded(text) if reading.verbatim else plain(text))
    if "\0" in value:
        raise BadCell(column, f"{column} must not hold a NUL character")
    return value


def _topic(column: str, text: str, reading: Reading) -> str:
    """Return a topic without what no address of its page could hold."""
    topic = " ".join(_text(column, text, reading).rstrip("/ ").split())
    if topic in {".", ".."} or not topic_key(topic):
        raise ValueError
    return topic


def _known(words: Mapping[str, str]) -> Callable[[str, str, Reading], str]:
    def read(_column: str, text: str, _reading: Reading) -> str:
        return words.get(normal(text), text.lower())

    return read


def _language(_column: str, text: str, _reading: Reading) -> str:
    """Return a language as its tag, if anybody knows it by another name."""
    if tag := LANGUAGES.get(normal(text)):
        return tag
    tag = text.replace("_", "-")
    if len(tag.partition("-")[0]) > 3:  # noqa: PLR2004  no tag in use begins with a longer part
        raise ValueError
    return tag


def _choices(kind: object) -> str:
    return ", ".join(filter(None, get_args(kind)))


def _long(kind: object, length_max: int, wanted: str = "at most {} characters") -> Column:
    return Column(_text, kind, wanted.format(length_max), is_text=True, cut_to=length_max)


COLUMNS = {
    "bazar_id": Column(_id, GivenId, f"a whole number from 1 to {GIVEN_ID_MAX}"),
    "isbn": Column(_isbn, Isbn, "an ISBN"),
    "title": Column(_text, Title, f"1 to {TITLE_LENGTH_MAX} characters", is_text=True),
    "author": _long(Author, TITLE_LENGTH_MAX),
    "year": Column(_year, Year, "a whole number from -5000 to 3000"),
    "topic": Column(_topic, Topic, "1 to 100 characters", is_text=True),
    "price": Column(_price, Price, "an amount such as 1299.99"),
    "quantity": Column(_count, Stock, f"a whole number from 0 to {STOCK_MAX}"),
    "description": _long(Description, DESCRIPTION_LENGTH_MAX),
    "subtitle": _long(Author, TITLE_LENGTH_MAX),
    "publisher": _long(Publisher, PUBLISHER_LENGTH_MAX),
    "format": Column(_known(FORMATS), Format, f"one of {_choices(Format)}"),
    "pages": Column(_pages, Pages, f"a whole number from 1 to {PAGES_MAX}"),
    "language": Column(_language, LanguageTag, "a language, or its tag such as en"),
    "condition": Column(_known(CONDITIONS), Condition, f"one of {_choices(Condition)}"),
    "shelf": Column(_text, Shelf, f"at most {SHELF_LENGTH_MAX} characters", is_text=True),
    "low_at": Column(_count, Stock, f"a whole number from 0 to {STOCK_MAX}"),
}
MEMBERS = {"bazar_id": "id"}
"""Columns that have another name where the catalog is asked."""
NEEDED = ("title", "price")
IDENTITY = ("bazar_id", "isbn")
"""What says which book a row is about: where one cannot be read, the row is not taken."""
NUMBERS = ("price", "quantity", "pages", "low_at", "year")
BUILT_IN_DEFAULTS = {"topic": "general", "quantity": "0"}


def parse_cell(column: str, text: str, reading: Reading = Reading()) -> Value:  # noqa: B008  immutable
    """Return the value of a cell as it is shown, which is not empty.

    Raises:
        LeftOut: it says nothing.
        BadCell: it is not what this column of ours must hold.
    """
    value, kind, wanted, is_text, cut_to = COLUMNS[column]
    if column == "title" and (not text or (not reading.verbatim and is_no_title(text))):
        raise BadCell(column, f"{column} must be {wanted}")
    if not reading.verbatim and column != "title" and is_nothing(text, is_text=is_text):
        raise LeftOut(column, "is no value")
    if not is_text and not isinstance(text, Typed):
        text = fact(text)
    try:
        found = value(column, text, reading)
        if cut_to and isinstance(found, str) and len(found) > cut_to:
            raise CutOff(column, found[:cut_to])
        parsed: Value = msgspec.convert(found, kind)
    except BadCell:
        raise
    except (ValueError, msgspec.ValidationError) as error:
        raise BadCell(column, f"{column} must be {wanted}") from error
    return parsed


class CutOff(BadCell):
    """A text is too long, and is taken without its end."""

    def __init__(self, column: str, kept: str) -> None:
        """Keep what is taken."""
        super().__init__(column, f"is cut to {len(kept)} characters")
        self.kept = kept
