"""Read a CSV file of books: whole once, to refuse a bad one unsent, then row by row."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import msgspec

from bazar.formats.columns import BadCell, Layout, new_book, parse_cell, with_defaults
from bazar.formats.csv import BrokenText, Record, header_problems, records
from bazar.kit.identity import new_key
from bazar.tools.importing.options import ImportFileError, ImportOptions
from bazar.wire.imports import ImportResult, ImportRow


class Row(NamedTuple):
    """A row of the file, on its way."""

    cells: list[str]
    """As they stand in the file."""
    values: dict[str, str]
    """What they say about each of our columns."""
    checked: ImportRow | ImportResult
    """What the catalog gets; or, of a bad row, why it gets nothing."""


@contextmanager
def opened(file: Path) -> Iterator[Iterator[Record]]:
    """Open a file, and give the header and the rows in it."""
    with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as lines:
        try:
            yield records(lines)
        except BrokenText as error:
            message = f"{file}, {error}"
            raise ImportFileError(message) from error


def checked_file(options: ImportOptions) -> tuple[list[str], str]:
    """Read the whole file once, so that one that breaks off midway is refused unsent.

    Returns:
        Its header, and a key of what it says, however its name, its quotes and its line ends are.
    """
    said = sha256(
        msgspec.json.encode([sorted(options.mapping.items()), sorted(options.defaults.items())])
    )
    with opened(options.file) as found:
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


def read_row(record: Record, layout: Layout, update: str) -> Row:
    """Return what a record says about a book, or why it cannot be one."""
    line, cells, problem = record
    columns = len(layout.header)
    if not problem and len(cells) > columns:
        problem = f"the row has {len(cells)} cells, the header {columns}"
    if problem:
        bad = ImportResult(row=line, status="rejected", reason=problem)
        return Row([] if record.problem else cells, {"": ",".join(cells)}, bad)
    said = layout.values(cells)
    given = None if update == "none" else [column for column, value in said.items() if value]
    values = with_defaults(said)
    try:
        return Row(cells, values, ImportRow(row=line, book=new_book(values), given=given))
    except BadCell as error:
        bad = ImportResult(row=line, status="rejected", column=error.column, reason=str(error))
        return Row(cells, values, bad)
