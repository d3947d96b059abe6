"""Import a CSV file of books: a bad file is refused before a row is sent, a bad row alone."""

import csv
import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import msgspec

from bazar.formats.isbn import isbn13
from bazar.tools.shop import Shop
from bazar.wire.books import NewBook
from bazar.wire.imports import ImportRequest, ImportResult, ImportRow
from bazar.wire.limits import (
    DESCRIPTION_LENGTH_MAX,
    GIVEN_ID_MAX,
    IMPORT_BATCH_MAX,
    IMPORT_BODY_BYTES_MAX,
    STOCK_MAX,
    TITLE_LENGTH_MAX,
    Author,
    Description,
    GivenId,
    Isbn,
    Price,
    Stock,
    Title,
    Topic,
    Year,
)

NEEDED = ("title", "price")
BUILT_IN_DEFAULTS = {"topic": "general", "quantity": "0"}
REJECT_COLUMNS = ["row", "column", "value", "reason"]
REJECTS_KEPT_MAX = 1000
VALUE_LENGTH_MAX = 200
BATCH_BYTES_MAX = IMPORT_BODY_BYTES_MAX - 1024  # the rest of a body takes less than 1 KiB
COLUMNS: dict[str, tuple[Any, str]] = {
    "id": (GivenId, f"a whole number from 1 to {GIVEN_ID_MAX}"),
    "isbn": (Isbn, "an ISBN"),
    "title": (Title, f"1 to {TITLE_LENGTH_MAX} characters"),
    "author": (Author, f"at most {TITLE_LENGTH_MAX} characters"),
    "year": (Year, "a whole number from -5000 to 3000"),
    "topic": (Topic, "1 to 100 characters"),
    "price": (Price, "a plain decimal such as 1299.99: no sign, comma, currency or exponent"),
    "quantity": (Stock, f"a whole number from 0 to {STOCK_MAX}"),
    "description": (Description, f"at most {DESCRIPTION_LENGTH_MAX} characters"),
}
"""Ours, with the type of each, and what it must be in words."""
_FORMS = {int: r"[+-]?[0-9]{1,19}", Decimal: r"[0-9]{1,15}(\.[0-9]{1,6})?", str: r"(?s:.*)"}


class ImportFileError(Exception):
    """The file, or what was said about it, cannot be used; the message is for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What to import, and how."""

    file: Path
    update: Literal["none", "stock", "all"]
    dry_run: bool
    mapping: dict[str, str]  # our column to a column of the file
    defaults: dict[str, str]  # our column to the value of empty cells and missing columns
    rejects: Path


class Reject(msgspec.Struct, frozen=True):
    """Why the row that starts on this line (the header is 1) was not taken in: its first fault."""

    row: int
    column: str  # one of ours; empty where the row as a whole is bad
    value: str  # at most 200 characters
    reason: str


class ImportReport(msgspec.Struct):
    """What became of a file: rows = created + updated + unchanged + rejected."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    rejects: list[Reject] = []  # the first 1,000
    rejects_file: str | None = None


def parse_pairs(texts: Sequence[str], what: str, *, several: bool = True) -> dict[str, str]:
    """Return our columns with what was said about each, from texts like `title=name`.

    Args:
        texts: of a repeated option.
        what: the option's name, for messages.
        several: whether commas separate the pairs of a text; otherwise a value may hold commas.

    Raises:
        ImportFileError: a pair is malformed or given twice, or its column is not one of ours.
    """
    pairs: dict[str, str] = {}
    for pair in (part for text in texts for part in (text.split(",") if several else [text])):
        column, _, value = (part.strip() for part in pair.partition("="))
        message = ""
        if not (column and value):
            message = f"{what} wants COLUMN=VALUE, not {pair!r}"
        elif column not in COLUMNS:
            message = f"{what} {pair}: {column!r} is not one of our columns: {', '.join(COLUMNS)}"
        elif column in pairs:
            message = f"{what} names {column} twice: {pairs[column]!r} and {value!r}"
        if message:
            raise ImportFileError(message)
        pairs[column] = value
    return pairs


def import_file(
    shop: Shop, options: ImportOptions, progress: Callable[[int], None]
) -> ImportReport:
    """Send the rows of a UTF-8 CSV file to the catalog, 500 at a time, and report on each.

    A value is that of the mapped column; where its cell is empty, of the file's own column of our
    name, unless another of ours is mapped to that; else the default. A row without any value is
    passed over like a blank line. Rejected rows go to the rejects file with all their cells, to be
    mended and imported from there; without any, an older rejects file is removed.

    Args:
        shop: whose catalog takes the rows.
        options: what to import, and how.
        progress: is told the number of rows done since it was last told.

    Raises:
        ImportFileError: definite; nothing was sent, unless a disk failed midway.
        RemoteError: indefinite; some rows may be in. Import the file again.
    """
    report = ImportReport()
    with _rejects_file(options.rejects, report) as writer:
        header = _header(options)
        added = len(REJECT_COLUMNS) if header[: len(REJECT_COLUMNS)] == REJECT_COLUMNS else 0
        writer.writerow([*REJECT_COLUMNS, *header[added:]])
        for row, result in _settled(shop, options, _rows(options, header), progress):
            report.rows += 1
            setattr(report, result.status, getattr(report, result.status) + 1)
            if result.status == "rejected":
                value = row.values.get(result.column, "")[:VALUE_LENGTH_MAX]
                reject = Reject(row.made.row, result.column, value, result.reason)
                writer.writerow([*msgspec.structs.astuple(reject), *row.cells[added:]])
                report.rejects += [reject] if report.rejected <= REJECTS_KEPT_MAX else []
    return report


class _Row(NamedTuple):
    cells: list[str]
    values: dict[str, str]
    made: ImportRow | ImportResult


@contextmanager
def _rejects_file(path: Path, report: ImportReport) -> Iterator[Any]:
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            yield csv.writer(file, lineterminator="\n")
        if report.rejected:
            report.rejects_file = str(part.replace(path))
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        message = f"{error.filename or path}: {error.strerror}"
        raise ImportFileError(message) from error
    finally:
        with suppress(OSError):
            part.unlink()


def _header(options: ImportOptions) -> list[str]:
    """Read the whole file once, so that one that breaks off midway is refused unsent."""
    records = _records(options.file)
    _, cells, problem = next(records, (1, [], "is empty"))
    header = [cell.strip() for cell in cells]
    problems = [problem] if problem else list(_problems(options, header))
    if problems:
        message = f"{options.file} {'; it '.join(problems)}. Its columns: {header or 'none'}"
        raise ImportFileError(message)
    deque(records, maxlen=0)
    return header


def _problems(options: ImportOptions, header: list[str]) -> Iterator[str]:
    rejects = options.rejects
    if rejects.is_dir() or rejects.resolve() == options.file.resolve():
        yield f"cannot have its rejects in {rejects}"
    elif not rejects.parent.is_dir():
        yield f"cannot have its rejects in {rejects}: there is no folder {rejects.parent}"
    yield from _column_problems(options, header)
    for column, value in options.defaults.items():
        try:
            _parsed(column, value)
        except ValueError as error:
            yield f"cannot have --default {column}={value}: {error}"


def _column_problems(options: ImportOptions, header: list[str]) -> Iterator[str]:
    for name in sorted({name for name in header if name and header.count(name) > 1}):
        yield f"has the column {name!r} more than once"
    for column, name in options.mapping.items():
        if name not in header:
            yield f"has no column {name!r} for --map {column}={name}"
    if len(header) == 1 and (separator := re.search("[;\t]", header[0])):
        yield f"seems to have {separator[0]!r} between its cells: save it with commas"
    for column in NEEDED:
        if column not in {*header, *options.mapping, *options.defaults}:
            yield f"has no column {column!r}: use --map {column}=... or --default {column}=..."


def _lines(file: Path, latest: deque[str]) -> Iterator[str]:
    with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        for number, line in enumerate(text, 1):
            if re.search("[\udc80-\udcff]", line):
                message = f"{file}, line {number} is not UTF-8; save the file as UTF-8"
                raise ImportFileError(message)
            latest.append(line)
            yield line


def _records(file: Path) -> Iterator[tuple[int, list[str], str]]:
    """Yield line number and cells of the header and each row; or a bad line and its problem."""
    latest: deque[str] = deque(maxlen=1)
    reader = csv.reader(_lines(file, latest), strict=True)
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if reader.line_num > number:  # nobody can tell where the next row starts
                message = f"{file}, lines {number} to {reader.line_num}: {error}; is a quote open?"
                raise ImportFileError(message) from error
            yield number, [latest[0].strip()], f"cannot be read: {error}"
        else:
            if any(map(str.strip, cells)):
                yield number, cells, ""


def _rows(options: ImportOptions, header: list[str]) -> Iterator[_Row]:
    mapped, taken = options.mapping.get, {*options.mapping.values()}
    names = {column: [mapped(column, column), *({column} - taken)] for column in COLUMNS}
    for number, cells, problem in islice(_records(options.file), 1, None):
        if problem or len(cells) > len(header):
            reason = problem or f"the row has {len(cells)} cells, the header {len(header)}"
            made = ImportResult(row=number, status="rejected", reason=reason)
            yield _Row([] if problem else cells, {"": ",".join(cells)}, made)
            continue
        cell = dict(zip(header, map(str.strip, cells), strict=False))
        values = {
            column: next(filter(None, map(cell.get, names[column])), options.defaults.get(column))
            for column in COLUMNS
        }
        given = [column for column, value in values.items() if value]
        known = {
            column: value or BUILT_IN_DEFAULTS.get(column, "") for column, value in values.items()
        }
        yield _Row(cells, known, _made(number, known, None if options.update == "none" else given))


def _made(number: int, values: dict[str, str], given: list[str] | None) -> ImportRow | ImportResult:
    fields: dict[str, Any] = {}
    for column, text in values.items():
        try:
            if text or column in NEEDED:
                fields[column] = _parsed(column, text)
        except ValueError as error:
            reason = str(error)
            return ImportResult(row=number, status="rejected", column=column, reason=reason)
    return ImportRow(row=number, book=NewBook(**fields), given=given)


def _parsed(column: str, text: str) -> int | str | Decimal:
    kind, wanted = COLUMNS[column]
    if column == "isbn":
        lost_zeros = re.fullmatch(r"[0-9]{6,8}[0-9Xx]", text)  # in a spreadsheet
        return isbn13(text.zfill(10) if lost_zeros else text)
    if column == "year":
        text = re.sub(r"\.0+$", "", text)  # as spreadsheets write years
    if re.fullmatch(_FORMS[kind.__origin__], text):
        with suppress(msgspec.ValidationError):
            return cast("int | str | Decimal", msgspec.convert(kind.__origin__(text), kind))
    message = f"{column} must be {wanted}"
    raise ValueError(message)


def _batches(rows: Iterable[_Row]) -> Iterator[list[_Row]]:
    batch: list[_Row] = []
    bytes_free = BATCH_BYTES_MAX
    for row in rows:
        size = len(msgspec.json.encode(row.made)) + 1
        if len(batch) == IMPORT_BATCH_MAX or size > bytes_free:
            yield batch
            batch, bytes_free = [], BATCH_BYTES_MAX
        batch.append(row)
        bytes_free -= size
    if batch:
        yield batch


def _settled(
    shop: Shop,
    options: ImportOptions,
    rows: Iterable[_Row],
    progress: Callable[[int], None],
) -> Iterator[tuple[_Row, ImportResult]]:
    for batch in _batches(rows):
        made = [row.made for row in batch if isinstance(row.made, ImportRow)]
        results: dict[int, ImportResult] = {}
        if made:
            body = ImportRequest(rows=made, update=options.update, dry_run=options.dry_run)
            answer = shop.catalog.import_rows(body)
            results = {result.row: result for result in answer}
        for row in batch:
            yield row, results[row.made.row] if isinstance(row.made, ImportRow) else row.made
        progress(len(batch))
