"""Import a CSV file of books: a bad file is refused before a row is sent, a bad row alone."""

import csv
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from bazar.formats.columns import COLUMNS, BadCell, Layout, new_book, parse_cell, with_defaults
from bazar.formats.csv import BrokenText, Record, header_problems, records
from bazar.kit.identity import new_key
from bazar.tools.shop import Shop
from bazar.wire.imports import ImportRequest, ImportResult, ImportRow
from bazar.wire.limits import IMPORT_BATCH_MAX, IMPORT_BODY_BYTES_MAX

REJECT_COLUMNS = ["row", "column", "value", "reason"]
REJECTS_KEPT_MAX = 1000
VALUE_LENGTH_MAX = 200
BATCH_BYTES_MAX = IMPORT_BODY_BYTES_MAX - 1024  # the rest of a body takes less than 1 KiB


class ImportFileError(Exception):
    """The file, or what was said about it, cannot be used; the message is for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What to import, and how."""

    file: Path
    update: Literal["none", "stock", "all"]
    dry_run: bool
    again: bool = False  # take the counts of a file anew that was imported before
    mapping: dict[str, str]  # our column to a column of the file
    defaults: dict[str, str]  # our column to the value of empty cells and missing columns
    rejects: Path


class Reject(msgspec.Struct, frozen=True):
    """Why the row that starts on this line (the header is 1) was not taken in: its first fault."""

    row: int
    column: str  # one of ours; empty where the row as a whole is bad
    value: str  # at most 200 characters
    reason: str


class ImportReport(msgspec.Struct, frozen=True):
    """What became of a file: rows = created + updated + unchanged + rejected."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    repeated: int = 0  # rows whose count was taken before, or after that of a later file
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
        RemoteError: indefinite; some rows may be in. Import the file again: that takes in the rest.
    """
    with _rejects_file(options.rejects) as rejects:
        header, key = _checked_file(options)
        layout = Layout(header, options.mapping, options.defaults)
        added = len(REJECT_COLUMNS) if header[: len(REJECT_COLUMNS)] == REJECT_COLUMNS else 0
        rejects.begin(header, passed_over=added)
        batches = _Batches(shop, options, rejects, progress, key)
        with _opened(options.file) as found:
            for record in islice(found, 1, None):
                batches.add(_read_row(record, layout, options.update))
        batches.send()
    counts = batches.counts
    return ImportReport(
        rows=counts.total(),
        created=counts["created"],
        updated=counts["updated"],
        unchanged=counts["unchanged"],
        rejected=rejects.count,
        repeated=batches.repeated,
        rejects=rejects.first,
        rejects_file=str(options.rejects) if rejects.count else None,
    )


class _Row(NamedTuple):
    """A row of the file, on its way."""

    cells: list[str]
    """As they stand in the file."""
    values: dict[str, str]
    """What they say about each of our columns."""
    checked: ImportRow | ImportResult
    """What the catalog gets; or, of a bad row, why it gets nothing."""


class _Rejects:
    """The rejected rows: all in a file, the first of them here."""

    def __init__(self, file: Any) -> None:  # noqa: ANN401
        self._writer = csv.writer(file, lineterminator="\n")
        self._passed_over = 0
        self.count = 0
        self.first: list[Reject] = []

    def begin(self, header: list[str], *, passed_over: int) -> None:
        """Write the header, without the columns that an import before has put in front."""
        self._passed_over = passed_over
        self._writer.writerow([*REJECT_COLUMNS, *header[passed_over:]])

    def add(self, row: _Row, result: ImportResult) -> None:
        value = row.values.get(result.column, "")[:VALUE_LENGTH_MAX]
        reject = Reject(result.row, result.column, value, result.reason)
        self._writer.writerow([*msgspec.structs.astuple(reject), *row.cells[self._passed_over :]])
        self.count += 1
        if self.count <= REJECTS_KEPT_MAX:
            self.first.append(reject)


@contextmanager
def _rejects_file(path: Path) -> Iterator[_Rejects]:
    """Write beside the rejects file, and put it into its place at the end, if there are any."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            rejects = _Rejects(file)
            yield rejects
        if rejects.count:
            part.replace(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        message = f"{error.filename or path}: {error.strerror}"
        raise ImportFileError(message) from error
    finally:
        with suppress(OSError):
            part.unlink()


@contextmanager
def _opened(file: Path) -> Iterator[Iterator[Record]]:
    """Open a file, and give the header and the rows in it."""
    with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as lines:
        try:
            yield records(lines)
        except BrokenText as error:
            message = f"{file}, {error}"
            raise ImportFileError(message) from error


def _checked_file(options: ImportOptions) -> tuple[list[str], str]:
    """Read the whole file once, so that one that breaks off midway is refused unsent.

    Returns:
        Its header, and a key of what it says, however its name, its quotes and its line ends are.
    """
    said = sha256(
        msgspec.json.encode([sorted(options.mapping.items()), sorted(options.defaults.items())])
    )
    with _opened(options.file) as found:
        first = next(found, Record(1, [], "is empty"))
        _line, cells, problem = first
        header = [cell.strip() for cell in cells]
        problems = [problem] if problem else list(_problems(options, header))
        if problems:
            message = f"{options.file} {'; it '.join(problems)}. Its columns: {header or 'none'}"
            raise ImportFileError(message)
        for record in chain([first], found):
            said.update(msgspec.json.encode(record) + b"\n")
    again = f"-{new_key()}" if options.again else ""
    return header, said.hexdigest() + again


def _problems(options: ImportOptions, header: list[str]) -> Iterator[str]:
    rejects = options.rejects
    if rejects.is_dir() or rejects.resolve() == options.file.resolve():
        yield f"cannot have its rejects in {rejects}"
    elif not rejects.parent.is_dir():
        yield f"cannot have its rejects in {rejects}: there is no folder {rejects.parent}"
    yield from header_problems(header, options.mapping, options.defaults)
    for column, value in options.defaults.items():
        try:
            parse_cell(column, value)
        except BadCell as error:
            yield f"cannot have --default {column}={value}: {error}"


def _read_row(record: Record, layout: Layout, update: str) -> _Row:
    line, cells, problem = record
    columns = len(layout.header)
    if not problem and len(cells) > columns:
        problem = f"the row has {len(cells)} cells, the header {columns}"
    if problem:
        bad = ImportResult(row=line, status="rejected", reason=problem)
        return _Row([] if record.problem else cells, {"": ",".join(cells)}, bad)
    said = layout.values(cells)
    given = None if update == "none" else [column for column, value in said.items() if value]
    values = with_defaults(said)
    try:
        return _Row(cells, values, ImportRow(row=line, book=new_book(values), given=given))
    except BadCell as error:
        bad = ImportResult(row=line, status="rejected", column=error.column, reason=str(error))
        return _Row(cells, values, bad)


@dataclass(slots=True)
class _Batches:
    """Sends as many rows at a time as the catalog takes, and counts what becomes of each."""

    shop: Shop
    options: ImportOptions
    rejects: _Rejects
    progress: Callable[[int], None]
    key: str
    run: str = field(default_factory=new_key)
    repeated: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    _rows: list[_Row] = field(default_factory=list)
    _bytes: int = 0

    def add(self, row: _Row) -> None:
        """Take a row, and first send those before it where it finds no room beside them."""
        size = len(msgspec.json.encode(row.checked)) + 1
        if len(self._rows) == IMPORT_BATCH_MAX or self._bytes + size > BATCH_BYTES_MAX:
            self.send()
        self._rows.append(row)
        self._bytes += size

    def send(self) -> None:
        """Send the good rows that are waiting, and note what became of them and of the bad."""
        if not self._rows:
            return
        good = [row.checked for row in self._rows if isinstance(row.checked, ImportRow)]
        answers: dict[int, ImportResult] = {}
        if good:
            request = ImportRequest(
                rows=good,
                update=self.options.update,
                key=self.key,
                dry_run=self.options.dry_run,
                run=self.run if self.options.dry_run else None,
            )
            answers = {answer.row: answer for answer in self.shop.catalog.import_rows(request)}
        for row in self._rows:
            checked = row.checked
            result = checked if isinstance(checked, ImportResult) else answers[checked.row]
            self.counts[result.status] += 1
            self.repeated += result.repeated
            if result.status == "rejected":
                self.rejects.add(row, result)
        self.progress(len(self._rows))
        self._rows, self._bytes = [], 0
