"""Records of a CSV text, each with the line it starts on; a damaged line is a record of its own."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from bazar.formats.columns import NEEDED


class Record(NamedTuple):
    """The header, or a row."""

    line: int
    """The first of its lines, counted from 1."""
    cells: list[str]
    problem: str = ""
    """Why it cannot be read; its only cell is then the damaged line."""


class BrokenText(ValueError):
    """The text cannot be read to its end; the message starts with the number of a line."""


def records(lines: Iterable[str]) -> Iterator[Record]:
    """Yield the header and each row; blank lines and rows of empty cells are passed over.

    Args:
        lines: with their ends, decoded with `surrogateescape`, which keeps bytes that are no UTF-8.

    Raises:
        BrokenText: it is not UTF-8, or a quotation mark is left open.
    """
    watched = _Watched(lines)
    reader = csv.reader(watched, strict=True)
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if reader.line_num > number:  # nobody can tell where the next row starts
                message = f"lines {number} to {reader.line_num}: {error}; is a quote open?"
                raise BrokenText(message) from error
            yield Record(number, [watched.latest.strip()], f"cannot be read: {error}")
        else:
            if any(map(str.strip, cells)):
                yield Record(number, cells)


class _Watched:
    """Lines on their way to the reader, which tells nobody what it could not read."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._numbered = enumerate(lines, 1)
        self.latest = ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        number, self.latest = next(self._numbered)
        if re.search("[\udc80-\udcff]", self.latest):
            message = f"line {number} is not UTF-8; save the file as UTF-8"
            raise BrokenText(message)
        return self.latest


def header_problems(
    header: list[str], mapping: Mapping[str, str], defaults: Mapping[str, str]
) -> Iterator[str]:
    """Yield why books cannot be read under this header, each with a way out.

    Args:
        header: the names of the file's columns, trimmed.
        mapping: our columns to those of the file.
        defaults: our columns to the values of missing ones.
    """
    for name in sorted({name for name in header if name and header.count(name) > 1}):
        yield f"has the column {name!r} more than once"
    for column, name in mapping.items():
        if name not in header:
            yield f"has no column {name!r} for --map {column}={name}"
    if len(header) == 1 and (separator := re.search("[;\t]", header[0])):
        yield f"seems to have {separator[0]!r} between its cells: save it with commas"
    for column in NEEDED:
        if column not in {*header, *mapping, *defaults}:
            yield f"has no column {column!r}: use --map {column}=... or --default {column}=..."
