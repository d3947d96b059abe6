"""The file of the rows that were not taken in, to be mended and imported from there."""

import csv
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from bazar.tools.importing.options import ImportFileError
from bazar.tools.importing.reading import Row
from bazar.tools.importing.report import Reject
from bazar.wire.imports import ImportResult

REJECT_COLUMNS = ["row", "column", "value", "reason"]
REJECTS_KEPT_MAX = 1000
VALUE_LENGTH_MAX = 200


class Rejects:
    """The rejected rows: all in a file, the first of them here."""

    def __init__(self, file: Any) -> None:  # noqa: ANN401
        """Write to this file; `begin` comes first."""
        self._writer = csv.writer(file, lineterminator="\n")
        self._passed_over = 0
        self.count = 0
        self.first: list[Reject] = []

    def begin(self, header: list[str], *, passed_over: int) -> None:
        """Write the header, without the columns that an import before has put in front."""
        self._passed_over = passed_over
        self._writer.writerow([*REJECT_COLUMNS, *header[passed_over:]])

    def add(self, row: Row, result: ImportResult) -> None:
        """Note why a row was not taken in."""
        value = row.values.get(result.column, "")[:VALUE_LENGTH_MAX]
        reject = Reject(result.row, result.column, value, result.reason)
        self._writer.writerow([*msgspec.structs.astuple(reject), *row.cells[self._passed_over :]])
        self.count += 1
        if self.count <= REJECTS_KEPT_MAX:
            self.first.append(reject)


@contextmanager
def rejects_file(path: Path) -> Iterator[Rejects]:
    """Write beside the rejects file, and put it into its place at the end, if there are any."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            rejects = Rejects(file)
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
