"""Records of a CSV text, each with its row in a spreadsheet; a damaged line is one of its own."""

import csv
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Literal, NamedTuple

from bazar.formats.header import Layout, Wanted

if TYPE_CHECKING:
    import _csv

DELIMITERS = (",", ";", "\t", "|")
"""What is tried where a file does not say it itself."""
SAMPLE_LINES = 200
"""Of a file, by which its delimiter is found."""
HEADER_LINES = 20
"""Among which a header is looked for: some programs write what a list is about above it."""
_SAID = re.compile(r'"?sep=(?P<delimiter>.)"?\s*', re.IGNORECASE)


class Record(NamedTuple):
    """The header, or a row."""

    row: int
    """Where a spreadsheet shows it: counted from 1, blank ones too, whatever lines its cells hold.

    A first line that only names the delimiter is none there."""
    cells: list[str]
    problem: str = ""
    """Why it cannot be read; its only cell is then the damaged line."""


class Dialect(NamedTuple):
    """How a text is written."""

    delimiter: str = ","
    quotes: Literal["doubled", "escaped", "letters"] = "doubled"
    """How a quotation mark stands in a cell: twice, behind a backslash, or as any letter does."""


class BrokenText(ValueError):
    """The text cannot be read to its end; the message starts with the number of a line."""


def records(lines: Iterable[str], dialect: Dialect = Dialect()) -> Iterator[Record]:  # noqa: B008  immutable
    """Yield the header and each row; blank lines and rows of empty cells are passed over.

    Args:
        lines: with their ends.
        dialect: how they are written. A first line such as `sep=;` is passed over.

    Raises:
        BrokenText: a quotation mark is left open.
    """
    watched = _Watched(lines)
    reader = _reader(watched, dialect)
    number = 0
    while True:
        number += 1
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if reader.line_num > line:  # nobody can tell where the next row starts
                message = f"lines {line} to {reader.line_num}: {error}; is a quote open?"
                raise BrokenText(message) from error
            mended = _mended(watched.latest, dialect)
            problem = "" if mended else f"cannot be read: {error}"
            yield Record(number, mended or [watched.latest.strip()], problem)
        else:
            if line == 1 and said_delimiter(watched.latest):
                number = 0
                continue
            if any(map(str.strip, cells)):
                yield Record(number, cells)


def _reader(lines: Iterable[str], dialect: Dialect) -> "_csv.Reader":
    return csv.reader(
        lines,
        strict=True,
        skipinitialspace=True,
        delimiter=dialect.delimiter,
        doublequote=dialect.quotes == "doubled",
        escapechar="\\" if dialect.quotes == "escaped" else None,
        quoting=csv.QUOTE_NONE if dialect.quotes == "letters" else csv.QUOTE_MINIMAL,
    )


def _mended(line: str, dialect: Dialect) -> list[str]:
    """Return the cells of a damaged line in which spaces stand behind quotation marks, or none."""
    closer = re.sub(f'" +(?={re.escape(dialect.delimiter)}|[\r\n]*$)', '"', line)
    if closer != line:
        with suppress(csv.Error):
            return next(_reader([closer], dialect))
    return []


class _Watched:
    """Lines on their way to the reader, which tells nobody what it could not read."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.latest = ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self.latest = next(self._lines)
        return self.latest


def said_delimiter(line: str) -> str:
    """Return the delimiter that the first line of a file names, such as `sep=;`, or nothing."""
    said = _SAID.fullmatch(line)
    return said["delimiter"] if said else ""


def found_delimiter(lines: list[str], wanted: Wanted) -> str:
    """Return what stands between the cells of a file.

    It is what its first line says, else that under which most of our columns are found, else that
    which parts its lines alike into most cells.

    Args:
        lines: the first of the file.
        wanted: what a person says about its columns.
    """
    if lines and (said := said_delimiter(lines[0])):
        return said
    return max(DELIMITERS, key=lambda delimiter: _fit(lines, delimiter, wanted))


def _fit(lines: list[str], delimiter: str, wanted: Wanted) -> tuple[int, int]:
    found = beginning(records(lines, Dialect(delimiter)), SAMPLE_LINES)
    if len(found) <= 1 < len(lines):
        found = beginning(records(lines, Dialect(delimiter, "letters")), SAMPLE_LINES) or found
    if not found:
        return 0, 0
    at = header_at(found[:HEADER_LINES], wanted)
    width = len(found[at].cells)
    alike = sum(len(record.cells) == width for record in found[at:])
    return likeness(found[at], wanted), width if width > 1 and 2 * alike > len(found) - at else 0


def beginning(found: Iterator[Record], records_max: int) -> list[Record]:
    """Return the first records of a text, as far as it can be read."""
    first: list[Record] = []
    with suppress(BrokenText):
        first.extend(islice(found, records_max))
    return first


def header_at(found: list[Record], wanted: Wanted) -> int:
    """Return which of the first records names the columns: the first, unless one looks more so."""
    for at, record in enumerate(found):
        layout = Layout(record.cells, wanted)
        named = layout.places.keys() & {"title", "isbn", "bazar_id"}
        if named and (at == 0 or likeness(record, wanted) > 1):
            return at
    return 0


def likeness(record: Record, wanted: Wanted) -> int:
    """Return how many of our columns a header names."""
    return 0 if record.problem else len(Layout(record.cells, wanted).used)
