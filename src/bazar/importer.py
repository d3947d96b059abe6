"""Read a CSV file of books and send it to the catalog, row by row accounted for.

A file that cannot be used is refused whole before anything is sent; after that a bad row is
rejected alone, with its row, column, value and reason. The same file twice changes nothing.
"""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from msgspec import Struct

from bazar.remote import Shop
from bazar.wire import (
    IMPORT_BODY_BYTES_MAX,
    ImportRow,
)

NEEDED = ("title", "price")
BUILT_IN_DEFAULTS = {"topic": "general", "quantity": "0"}
REJECT_COLUMNS = ["row", "column", "value", "reason"]
REJECTS_KEPT_MAX = 1000
TOPIC_LENGTH_MAX = 100
VALUE_SHOWN_MAX = 200
BATCH_BYTES_MAX = IMPORT_BODY_BYTES_MAX - 1024
"""The rows of one request; the rest of its body takes less than 1 KiB."""

_WHOLE = re.compile(r"[+-]?[0-9]{1,19}")
_YEAR_AS_FLOAT = re.compile(r"([+-]?[0-9]{1,19})\.0*")
_PRICE = re.compile(r"[0-9]{1,20}(\.[0-9]{1,6})?|\.[0-9]{1,6}")
_ISBN_WITHOUT_ZEROS = re.compile(r"[0-9]{6,8}[0-9Xx]")
_ISBN_AS_FLOAT = re.compile(r"[0-9]+([.,][0-9]+)?[eE]\+?[0-9]+")


class ImportFileError(Exception):
    """The file, or what was said about it, cannot be used; definite, for a person to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What to import, and how."""

    file: Path
    update: Literal["none", "stock", "all"]
    """What happens to books that are there already."""
    dry_run: bool
    mapping: dict[str, str]
    """Our column to a column of the file."""
    defaults: dict[str, str]
    """Our column to the value of cells that are empty and columns that are missing."""
    rejects: Path
    """Where the rejected rows go."""


class Reject(Struct, frozen=True):
    """Why a row was not taken in; only its first bad cell is named."""

    row: int
    """Line of the file on which the row starts; the header is line 1."""
    column: str
    """One of ours; empty where the row as a whole is bad."""
    value: str
    """At most 200 characters of it."""
    reason: str


class ImportReport(Struct, frozen=True, kw_only=True):
    """What became of a file: rows = created + updated + unchanged + rejected."""

    rows: int
    created: int
    updated: int
    unchanged: int
    rejected: int
    rejects: list[Reject]
    """The first 1,000."""
    rejects_file: str | None
    """Where all of them are."""


def parse_pairs(texts: Sequence[str], what: str, *, several: bool = True) -> dict[str, str]:
    """Return our columns with what was said about each, from texts like `title=name`.

    Args:
        texts: of a repeated option.
        what: the option's name, for messages.
        several: whether commas separate pairs inside a text; otherwise a value may hold commas.

    Raises:
        ImportFileError: a pair is malformed or given twice, or its column is not one of ours.
    """
    pairs: dict[str, str] = {}
    for text in (part for given in texts for part in (given.split(",") if several else [given])):
        column, equals, value = (part.strip() for part in text.partition("="))
        if not (column and equals and value):
            message = f"{what} wants COLUMN=VALUE, not {text!r}"
            raise ImportFileError(message)
        if column not in _RULES:
            message = f"{what} {text}: {column!r} is not one of our columns: {', '.join(_RULES)}"
            raise ImportFileError(message)
        if column in pairs:
            message = f"{what} names {column} twice: {pairs[column]!r} and {value!r}"
            raise ImportFileError(message)
        pairs[column] = value
    return pairs


def import_file(
    shop: Shop, options: ImportOptions, progress: Callable[[int], None]
) -> ImportReport:
    """Send the rows of a CSV file to the catalog, 500 at a time, and report on each.

    A cell's value is that of the mapped column; where that is empty, of the file's own column of
    our name, unless another of our columns is mapped to it; else the default. A row without any
    value is passed over like a blank line. Rejected rows go to the rejects file with the file's
    own columns, so that it can be mended and imported; without any, an older one is removed.

    Args:
        shop: whose catalog takes the rows.
        options: what to read, and how; the file is UTF-8, with or without a byte order mark.
        progress: is told the number of rows done since it was last told.

    Raises:
        ImportFileError: definite, and nothing was sent, unless a file or disk failed midway.
        RemoteError: indefinite; some rows may be in. Import the file again.
    """
    layout = _layout(options)
    tally: Counter[str] = Counter()
    rejects: list[Reject] = []
    with _rejects_writer(options.rejects, layout) as write:
        for batch in _batches(_rows(options.file, layout)):
            results = _send(shop, options, [row.parsed for row in batch])
            for row in batch:
                result = results.get(row.number)
                tally[result.status if result else "rejected"] += 1
                reject = _reject(row, result)
                if reject is not None:
                    write(reject, row.cells)
                    rejects[REJECTS_KEPT_MAX - 1 :] or rejects.append(reject)
            progress(len(batch))
    return ImportReport(
        rows=tally.total(),
        created=tally["created"],
        updated=tally["updated"],
        unchanged=tally["unchanged"],
        rejected=tally["rejected"],
        rejects=rejects,
        rejects_file=str(options.rejects) if rejects else None,
    )


class _Record(NamedTuple):
    """A row as the file has it; or, where it cannot be read, no cells but the problem."""

    number: int
    cells: list[str]
    problem: str = ""


class _Row(NamedTuple):
    """A row with the values of our columns, and what they make."""

    number: int
    cells: list[str]
    values: dict[str, str]
    parsed: ImportRow | Reject


@dataclass(frozen=True, slots=True)
class _Layout:
    header: list[str]
    sources: dict[str, list[int]]
    """Our column to the places where its value may stand, best first."""
    defaults: dict[str, str]


def _layout(options: ImportOptions) -> _Layout:
    """Check the whole file and all that was said about it."""
    if options.rejects.resolve() == options.file.resolve():
        message = f"{options.file} cannot be its own rejects file; name another one"
        raise ImportFileError(message)
    records = _records(options.file)
    first = next(records, None)
    if first is None or first.problem:
        problem = f"line 1 {first.problem}" if first else "is empty"
        message = f"{options.file} {problem}; its first line must name the columns"
        raise ImportFileError(message)
    header = [cell.strip() for cell in first.cells]
    _check_columns(options, header)
    for _record in records:
        pass  # so that a file that breaks off midway is refused before its first half is sent
    layout = _Layout(header, {}, BUILT_IN_DEFAULTS | options.defaults)
    for column in _RULES:
        names = [options.mapping.get(column, column)]
        if column not in options.mapping.values():
            names.append(column)
        layout.sources[column] = [
            header.index(name) for name in dict.fromkeys(names) if name in header
        ]
    return layout


def _check_columns(options: ImportOptions, header: list[str]) -> None:
    columns = ", ".join(repr(name) for name in header)
    twice = [name for name, count in Counter(filter(None, header)).items() if count > 1]
    if twice:
        message = f"{options.file} has the column {twice[0]!r} more than once: {columns}"
        raise ImportFileError(message)
    for column, name in options.mapping.items():
        if name not in header:
            message = f"--map {column}={name}: {options.file} has no column {name!r}, but {columns}"
            raise ImportFileError(message)
    for column in NEEDED:
        if not {column, options.mapping.get(column, column)} & {*header, *options.defaults}:
            message = (
                f"{options.file} has no column {column!r}, but {columns}; use "
                f"--map {column}=COLUMN, or --default {column}=VALUE for one value in all rows"
            )
            raise ImportFileError(message)
    for column, value in options.defaults.items():
        try:
            _RULES[column](value)
        except ValueError as error:
            message = f"--default {column}={value}: {error}"
            raise ImportFileError(message) from error
        if column in {"id", "isbn"}:
            message = f"--default {column}={value}: two books cannot have the same {column}"
            raise ImportFileError(message)


@contextmanager
def _file_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"{path}: {error.strerror}"
        raise ImportFileError(message) from error


def _lines(file: Path) -> Iterator[str]:
    with (
        _file_errors(file),
        file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream,
    ):
        for number, line in enumerate(stream, 1):
            try:
                line.encode()
            except UnicodeEncodeError as error:
                message = f"{file}, line {number}: not UTF-8; save the file as 'CSV UTF-8'"
                raise ImportFileError(message) from error
            yield line


def _records(file: Path) -> Iterator[_Record]:
    """Yield the header and the rows; lines without any value are left out.

    A damaged line is yielded as a problem. Damage inside a cell of several lines ends it all:
    nobody can tell where the next row starts, and half a cell must not become a book.
    """
    reader = csv.reader(_lines(file), strict=True)
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if reader.line_num > number:
                message = f"{file}, lines {number} to {reader.line_num}: {error}; is a quote open?"
                raise ImportFileError(message) from error
            yield _Record(number, [], f"cannot be read: {error}")
        else:
            if any(map(str.strip, cells)):
                yield _Record(number, cells)


def _rows(file: Path, layout: _Layout) -> Iterator[_Row]:
    records = _records(file)
    next(records)
    for number, cells, problem in records:
        values = {
            column: next(
                (
                    cells[place].strip()
                    for place in places
                    if "".join(cells[place : place + 1]).strip()
                ),
                layout.defaults.get(column, ""),
            )
            for column, places in layout.sources.items()
        }
        yield _Row(number, cells, values, _parse(number, values))
