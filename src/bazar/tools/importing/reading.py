"""Read a file of books: whole once, to refuse a bad one unsent, then row by row."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from typing import NamedTuple

import msgspec

from bazar.formats.books import Fault, Marks, Reader, Row
from bazar.formats.columns import Reading
from bazar.formats.csv import BrokenText, Record
from bazar.formats.header import Layout, Wanted
from bazar.formats.totals import is_total
from bazar.kit.identity import new_key
from bazar.tools.importing.options import ImportFileError, ImportOptions
from bazar.tools.importing.source import SheetSource, TextSource, shown_name
from bazar.wire.imports import ImportResult, ImportRow

SAMPLE_LENGTH_MAX = 60
_FOREIGN = re.compile(r"(?![a-zA-Z])[^\W\d_]")
"""A letter that is another one in another encoding."""
_LETTERS_FOR = frozenset("\t|")
"""Delimiters of files in which a quotation mark often is a letter like any other."""


class ReadRow(NamedTuple):
    """A row of the file, on its way."""

    cells: list[str]
    """As they stand in the file."""
    texts: dict[str, str]
    """What they show in each of our columns."""
    faults: list[Fault]
    checked: ImportRow | ImportResult
    """What the catalog gets; or, of a bad row, why it gets nothing."""


@dataclass(frozen=True)
class Plan:
    """A file that was read whole, and how its rows are read."""

    source: TextSource | SheetSource
    layout: Layout
    reading: Reading
    key: str
    """Of what the file says, however its name, its quotes and its line ends are."""
    totals_from: int
    """The row from which on all only add up those above; 0 where there is none."""

    def records(self) -> Iterator[Record]:
        """Yield the rows as they stand in the file."""
        return islice(self.source.all_records(), 1, None)


class _Pass(NamedTuple):
    """What reading a whole file found."""

    damaged: int
    """Records that cannot be read."""
    key: str
    reading: Reading
    totals_from: int


def planned(
    source: TextSource | SheetSource, options: ImportOptions, wanted: Wanted, currency: str
) -> Plan:
    """Read a file whole, so that one that breaks off midway is refused unsent.

    Raises:
        ImportFileError: books cannot be read under its header.
        BrokenText: it cannot be read to its end.
    """
    header = source.header
    layout = Layout(header.cells, wanted)
    problems = [header.problem] if header.problem else list(layout.problems(currency))
    if problems:
        names = layout.header or "none"
        message = f"{shown_name(options)} {'; it '.join(problems)}. Its columns: {names}"
        raise ImportFileError(message)
    source, found = _best_pass(source, layout, wanted, currency)
    key = found.key + (f"-{new_key()}" if options.again else "")
    return Plan(source, layout, found.reading, key, found.totals_from)


def _best_pass(
    source: TextSource | SheetSource, layout: Layout, wanted: Wanted, currency: str
) -> tuple[TextSource | SheetSource, _Pass]:
    """Read a file in the way of writing quotation marks that leaves the fewest lines unread."""
    broken: BrokenText | None = None
    best: tuple[TextSource | SheetSource, _Pass] | None = None
    for one in _ways(source):
        try:
            found = _passed(one, layout, wanted, currency)
        except BrokenText as error:
            broken = broken or error
            continue
        if best is None or found.damaged < best[1].damaged:
            best = one, found
        if not found.damaged:
            break
    if best is None:
        assert broken is not None
        raise broken
    return best


def _ways(source: TextSource | SheetSource) -> Iterator[TextSource | SheetSource]:
    yield source
    if isinstance(source, TextSource):
        if source.has('\\"'):
            yield source.written(source.dialect._replace(quotes="escaped"))
        if source.dialect.delimiter in _LETTERS_FOR:
            yield source.written(source.dialect._replace(quotes="letters"))


def _passed(
    source: TextSource | SheetSource, layout: Layout, wanted: Wanted, currency: str
) -> _Pass:
    said = sha256(
        msgspec.json.encode([sorted(wanted.mapping.items()), sorted(wanted.defaults.items())])
    )
    marks, damaged, totals_from = Marks(layout), 0, 0
    for record in source.all_records():
        line, cells, problem = record
        said.update(msgspec.json.encode([line, list(map(str, cells)), problem]) + b"\n")
        if problem:
            damaged += 1
            totals_from = 0
        elif record.row != source.header.row:
            marks.add(cells)
            totals_from = (totals_from or line) if is_total(layout, cells) else 0
    how = Reading(currency, marks.found(), marks.thousandths)
    return _Pass(damaged, said.hexdigest(), how, totals_from)


def sample(source: TextSource | SheetSource) -> str:
    """Return a cell by which a person sees whether the guess of an encoding is right."""
    if not isinstance(source, TextSource) or not source.encoding.guessed:
        return ""
    cells = (cell for record in source.all_records() for cell in record.cells)
    return next((cell[:SAMPLE_LENGTH_MAX] for cell in cells if _FOREIGN.search(cell)), "")


def for_catalog(row: Row, update: str) -> ReadRow:
    """Return a row as the catalog is asked about it, or why it is not."""
    if row.faults:
        column, _value, reason = row.faults[0]
        bad = ImportResult(row=row.line, status="rejected", column=column, reason=reason)
        return ReadRow(row.cells, row.texts, row.faults, bad)
    given = None if update == "none" or row.known is not None else row.given
    good = ImportRow(row=row.line, book=row.book, known=row.known, given=given)
    return ReadRow(row.cells, row.texts, [], good)


def reader(plan: Plan, *, strict: bool) -> Reader:
    """Return what reads the rows of a file."""
    return Reader(plan.layout, plan.reading, strict=strict, totals_from=plan.totals_from)
