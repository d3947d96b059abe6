"""A file to import, opened: what it is, in which letters, and its records, as often as needed.

What can be read only once, such as a pipe, is kept in a temporary file first.
"""

import io
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from os import fstat
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Protocol

from bazar.formats.csv import (
    HEADER_LINES,
    SAMPLE_LINES,
    BrokenText,
    Dialect,
    Record,
    beginning,
    found_delimiter,
    header_at,
    likeness,
    records,
)
from bazar.formats.encoding import NAMES, OTHERS, Encoding, Finder, named
from bazar.formats.header import Wanted
from bazar.formats.kinds import ARCHIVE, HEAD_BYTES, TEXT, WORKBOOK, kind_of
from bazar.formats.workbook import BadWorkbook, Sheet, sheets
from bazar.tools.importing.options import ImportFileError, ImportOptions

STANDARD_INPUT = Path("-")
LINE_LENGTH_MAX = 16 * 1024 * 1024
"""Of a line: a file without ends of lines must not take all memory."""
_PIECE_BYTES = 1024 * 1024
_DELIMITERS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}


class Source(Protocol):
    """A list of records that can be read again."""

    @property
    def header(self) -> Record:
        """The record that names the columns."""

    def all_records(self) -> Iterator[Record]:
        """Yield every record from the header on."""


@dataclass(frozen=True)
class TextSource:
    """Records of a text."""

    file: IO[bytes]
    encoding: Encoding
    dialect: Dialect
    header: Record

    def all_records(self) -> Iterator[Record]:
        """Yield every record from the header on.

        Raises:
            BrokenText: it cannot be read to its end.
        """
        found = records(_lines(self.file, self.encoding), self.dialect)
        return (record for record in found if record.row >= self.header.row)

    def has(self, text: str) -> bool:
        """Tell whether a text of one line is anywhere in the file."""
        return any(text in line for line in _lines(self.file, self.encoding))

    def written(self, dialect: Dialect) -> "TextSource":
        """Return the same, read as if it were written otherwise."""
        return replace(self, dialect=dialect)


@dataclass(frozen=True)
class SheetSource:
    """Records of a sheet of a workbook."""

    sheet: Sheet
    header: Record

    def all_records(self) -> Iterator[Record]:
        """Yield every record from the header on."""
        return (one for one in self.sheet.records() if one.row >= self.header.row)


@contextmanager
def opened(options: ImportOptions, wanted: Wanted) -> Iterator[TextSource | SheetSource]:
    """Open the file, and find out what it is.

    Raises:
        ImportFileError: it cannot be opened, or is no list of books; or it breaks off while the
            records are read inside.
    """
    name = shown_name(options)
    try:
        with _seekable(options.file) as file:
            yield _source(file, options, wanted)
    except OSError as error:
        message = f"{error.filename or name}: {error.strerror}"
        raise ImportFileError(message) from error
    except BrokenText as error:
        message = f"{name}, {error}"
        raise ImportFileError(message) from error
    except BadWorkbook as error:
        message = f"{name} {error}"
        raise ImportFileError(message) from error


def shown_name(options: ImportOptions) -> str:
    """Return what the file is called in messages."""
    return "standard input" if options.file == STANDARD_INPUT else str(options.file)


@contextmanager
def _seekable(path: Path) -> Iterator[IO[bytes]]:
    """Open a file; what is no ordinary one is copied first, whole."""
    if path == STANDARD_INPUT:
        with TemporaryFile() as kept:
            shutil.copyfileobj(sys.stdin.buffer, kept)
            yield kept
        return
    with path.open("rb") as file:
        if stat.S_ISREG(fstat(file.fileno()).st_mode):
            yield file
            return
        with TemporaryFile() as kept:
            shutil.copyfileobj(file, kept)
            yield kept


def _source(file: IO[bytes], options: ImportOptions, wanted: Wanted) -> TextSource | SheetSource:
    file.seek(0)
    kind = kind_of(file.read(HEAD_BYTES))
    if kind in {WORKBOOK, ARCHIVE}:
        return _sheet_source(file, options.sheet, wanted)
    if kind != TEXT:
        message = f"{shown_name(options)} {kind}"
        raise ImportFileError(message)
    if options.sheet:
        message = (
            f"{shown_name(options)} is a text and has no sheets, so no --sheet {options.sheet}"
        )
        raise ImportFileError(message)
    encoding = _encoding(file, options.encoding)
    source = _text_source(file, encoding, options, wanted)
    if not encoding.guessed:
        return source
    others = [Encoding(codec, NAMES[codec], guessed=True) for codec in OTHERS]
    sources = [source, *(_text_source(file, other, options, wanted) for other in others)]
    return max(sources, key=lambda one: likeness(one.header, wanted))  # the first of the best


def _text_source(
    file: IO[bytes], encoding: Encoding, options: ImportOptions, wanted: Wanted
) -> TextSource:
    sample = list(islice(_lines(file, encoding), SAMPLE_LINES))
    dialect = Dialect(_delimiter(options.delimiter) or found_delimiter(sample, wanted))
    first = beginning(records(_lines(file, encoding), dialect), HEADER_LINES)
    if not first:
        message = f"{shown_name(options)} is empty"
        raise ImportFileError(message)
    return TextSource(file, encoding, dialect, first[header_at(first, wanted)])


def _encoding(file: IO[bytes], given: str) -> Encoding:
    if given:
        try:
            return named(given)
        except LookupError:
            message = f"nobody knows an encoding {given!r}; some are utf-8, cp1252 and utf-16"
            raise ImportFileError(message) from None
    finder = Finder()
    file.seek(0)
    while piece := file.read(_PIECE_BYTES):
        finder.feed(piece)
    return finder.found()


def _delimiter(given: str) -> str:
    delimiter = _DELIMITERS.get(given.lower(), given)
    if len(delimiter) > 1 or delimiter in {'"', "\n", "\r"}:
        message = f"--delimiter wants one character, or tab, and not {given!r}"
        raise ImportFileError(message)
    return delimiter


def _lines(file: IO[bytes], encoding: Encoding) -> Iterator[str]:
    """Yield the lines of a file from its beginning, with their ends.

    Raises:
        BrokenText: a line is too long, or is not in this encoding.
    """
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=encoding.codec, newline="")
    number = 0
    try:
        while line := text.readline(LINE_LENGTH_MAX):
            number += 1
            if len(line) == LINE_LENGTH_MAX:
                message = f"line {number} has no end: is it a text?"
                raise BrokenText(message)
            yield line.removeprefix("\ufeff") if number == 1 else line
    except UnicodeError as error:
        message = f"behind line {number}: it is not {encoding.name}; name another with --encoding"
        raise BrokenText(message) from error
    finally:
        with suppress(ValueError):
            text.detach()  # or its end would close the file


def _sheet_source(file: IO[bytes], name: str, wanted: Wanted) -> SheetSource:
    """Return the sheet of this name, or else the one that looks most like a list of books."""
    found = sheets(file)
    if name and name not in [sheet.name for sheet in found]:
        message = f"has no sheet {name!r}; it has {', '.join(sheet.name for sheet in found)}"
        raise BadWorkbook(message)
    best: SheetSource | None = None
    best_columns = -1
    for sheet in found:
        first = list(islice(sheet.records(), HEADER_LINES))
        if not first or (name and sheet.name != name):
            continue
        header = first[header_at(first, wanted)]
        if (columns := likeness(header, wanted)) > best_columns:
            best, best_columns = SheetSource(sheet, header), columns
    if best is None:
        message = "is empty"
        raise BadWorkbook(message)
    return best
