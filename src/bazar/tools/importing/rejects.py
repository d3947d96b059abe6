"""The file of the rows that were not taken in, to be mended and imported from there.

It opens in a spreadsheet. Its last column is named for what the file says, so that one that
somebody has worked on is known, and never written over.
"""

import csv
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import IO, Any

from bazar.formats.books import Fault
from bazar.formats.header import REJECT_COLUMNS, REJECT_MARK
from bazar.kit.http.idempotency import KEY_LENGTH_MAX
from bazar.tools.importing.options import ImportFileError, ImportOptions
from bazar.tools.importing.reading import ReadRow
from bazar.tools.importing.report import VALUE_LENGTH_MAX, Noted
from bazar.wire.imports import FILES_BEFORE_MAX, ImportResult

_MARK_LENGTH = 16
_MARK = re.compile(REJECT_MARK.encode() + rb"([0-9a-f]{%d})" % _MARK_LENGTH)
_MARKED = re.compile(
    rf"{REJECT_MARK}[0-9a-f]{{{_MARK_LENGTH}}}((?:\.[\w-]{{1,{KEY_LENGTH_MAX}}})*)"
)
_UNMARKED = "0" * _MARK_LENGTH
_HEAD_BYTES = 1024 * 1024
"""In which the header of a file of rejected rows ends."""
_PIECE_BYTES = 1024 * 1024
_BETWEEN = " | "
_KEY = "."
"""Stands behind the mark before the key of each file whose rejected rows these are."""


class Rejects:
    """The rejected rows: all in a file, if there is one, the first of them here."""

    def __init__(self) -> None:
        """Begin with none, and without a file."""
        self.noted = Noted()
        self.file: Path | None = None
        """Where they are, once all are written."""
        self._writer: Any = None
        self._columns = 0

    def write_to(
        self, file: IO[str], header: list[str], delimiter: str, keys: Sequence[str]
    ) -> None:
        """Write all that come into a file, under this header, as rejected rows of other files."""
        self._writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        self._columns = len(header)
        self._writer.writerow(
            [*header, *REJECT_COLUMNS, _KEY.join([REJECT_MARK + _UNMARKED, *keys])]
        )

    def add(self, row: ReadRow, result: ImportResult) -> None:
        """Note why a row was not taken in."""
        shown = row.texts.get(result.column, "")
        faults = row.faults or [Fault(result.column, shown, result.reason)]
        self.noted.add(result.row, faults)
        if self._writer is not None:
            missing = [""] * (self._columns - len(row.cells))
            told = [
                ", ".join(dict.fromkeys(filter(None, (one.column for one in faults)))),
                _BETWEEN.join(filter(None, (one.value[:VALUE_LENGTH_MAX] for one in faults))),
                "; ".join(one.reason for one in faults),
            ]
            cells = [*row.cells, *missing][: self._columns]
            self._writer.writerow([*cells, result.row, *told, ""])


def rest_of(header: Sequence[str]) -> list[str]:
    """Return the keys of the files whose rejected rows are under a header, the last one first."""
    found = _MARKED.fullmatch(header[-1])
    return found[1].split(_KEY)[1:][:FILES_BEFORE_MAX] if found else []


def rejects_path(options: ImportOptions) -> Path:
    """Return where rejected rows go; nothing that somebody has worked on is there.

    Raises:
        ImportFileError: a person names a file that cannot be written, or must not be.
    """
    if options.rejects is None:
        return _free(Path(f"{_stem(options.file)}.rejects.csv"))
    path = options.rejects
    if path.is_dir() or path.resolve() == options.file.resolve():
        message = f"{options.file} cannot have its rejects in {path}"
        raise ImportFileError(message)
    if not path.parent.is_dir():
        message = f"{options.file} cannot have its rejects in {path}: there is no such folder"
        raise ImportFileError(message)
    if path.exists() and not is_ours(path):
        message = (
            f"{path} holds what no import has written, or what was changed since: "
            "import it, move it, or name another with --rejects"
        )
        raise ImportFileError(message)
    return path


def _stem(file: Path) -> str:
    if str(file) in {"-", "/dev/stdin"}:
        return "stdin"
    return "pipe" if file.parent.name == "fd" else file.stem


def _free(path: Path) -> Path:
    """Return a path, or the first one like it, where nothing is that must be kept."""
    for number in count(2):
        if not path.exists() or is_ours(path):
            return path
        stem = re.sub(r"(\.rejects)(-\d+)?$", rf"\1-{number}", path.stem)
        path = path.with_name(f"{stem}{path.suffix}")
    raise AssertionError


def is_ours(path: Path) -> bool:
    """Tell whether a file is as an import has written it."""
    try:
        with path.open("rb") as file:
            found = _MARK.search(file.read(_HEAD_BYTES))
            return found is not None and _sum(file, found.start(1)) == found[1]
    except OSError:
        return False


def _sum(file: IO[bytes], mark_at: int) -> bytes:
    """Return what the mark of a file must be, wherever it stands in its header."""
    file.seek(0)
    said = sha256(file.read(mark_at) + _UNMARKED.encode())
    file.seek(mark_at + _MARK_LENGTH)
    while piece := file.read(_PIECE_BYTES):
        said.update(piece)
    return said.hexdigest()[:_MARK_LENGTH].encode()


def _mark(path: Path) -> None:
    with path.open("r+b") as file:
        found = _MARK.search(file.read(_HEAD_BYTES))
        if found is not None:  # a header longer than that stays unmarked, and is never written over
            mark = _sum(file, found.start(1))
            file.seek(found.start(1))
            file.write(mark)


@contextmanager
def rejects_file(
    options: ImportOptions, header: list[str], delimiter: str, keys: Sequence[str]
) -> Iterator[Rejects]:
    """Write beside the rejects file, and put it into its place at the end, if there are any.

    Without any an older one goes, unless somebody has changed it. A dry run writes nothing.
    """
    rejects = Rejects()
    path = rejects_path(options)
    if options.dry_run:
        yield rejects
        return
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8-sig", newline="") as file:
            rejects.write_to(file, header, delimiter, keys)
            yield rejects
        if rejects.noted.rows:
            _mark(part)
            rejects.file = _free(path)  # somebody may have come meanwhile
            part.replace(rejects.file)
        elif is_ours(path):
            path.unlink()
    except OSError as error:
        message = f"{error.filename or path}: {error.strerror}"
        raise ImportFileError(message) from error
    finally:
        with suppress(OSError):
            part.unlink()
