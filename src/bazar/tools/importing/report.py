"""What became of a file, and how it was understood."""

import re
from collections import Counter

import msgspec

from bazar.formats.books import Fault

NOTES_KEPT_MAX = 1000
REASONS_MAX = 200
VALUE_LENGTH_MAX = 200


class Reject(msgspec.Struct, frozen=True):
    """What is wrong with a row, which a spreadsheet shows under this number: one of its faults."""

    row: int
    column: str  # one of ours; empty where the row as a whole is bad
    value: str  # at most 200 characters
    reason: str


class Tally(msgspec.Struct, frozen=True):
    """How many rows there are with one fault; numbers in a reason are shown as N."""

    column: str
    reason: str
    rows: int


class Understood(msgspec.Struct, frozen=True):
    """Where one of our columns was found."""

    column: str
    names: list[str]  # of the file, the best first; where its cell is empty the next serves
    decimals: str = ""  # what begins them, where the numbers of the column show it


class FileUnderstood(msgspec.Struct, frozen=True):
    """How a file was read."""

    kind: str = ""  # CSV or workbook
    encoding: str = ""  # empty for a workbook
    encoding_guessed: bool = False
    sample: str = ""  # a cell that shows whether the guess is right
    delimiter: str = ""
    sheet: str = ""
    other_sheets: list[str] = []
    header_row: int = 1
    program: str = ""  # that wrote it, where its header tells
    columns: list[Understood] = []
    unused: list[str] = []  # names of columns that nothing was taken from
    defaults: dict[str, str] = {}  # that the program's files are known to mean
    notes: list[str] = []


class ImportReport(msgspec.Struct, frozen=True):
    """What became of a file: rows = created + updated + unchanged + rejected."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    repeated: int = 0  # rows whose count was taken before, or after that of a later file
    stocks: int = 0  # rows that changed the stock of a book that was there
    as_exported: int = 0  # rows whose copies are those of our export, so that they count none
    warned: int = 0  # rows with warnings, such as those read without some of their cells
    rejects: list[Reject] = []  # the first 1,000
    rejects_by: list[Tally] = []  # the most frequent first
    rejects_file: str | None = None
    warnings: list[Reject] = []  # the first 1,000: values that were left out, or cut
    warnings_by: list[Tally] = []
    file: FileUnderstood = FileUnderstood()


class Noted:
    """Faults of rows: all counted, the first kept."""

    def __init__(self) -> None:
        """Begin with none."""
        self.rows = 0
        self.first: list[Reject] = []
        self._reasons: Counter[tuple[str, str]] = Counter()

    def add(self, line: int, faults: list[Fault]) -> None:
        """Note what is wrong with a row."""
        self.rows += 1
        for column, value, reason in faults:
            if len(self.first) < NOTES_KEPT_MAX:
                self.first.append(Reject(line, column, value[:VALUE_LENGTH_MAX], reason))
            key = column, re.sub("[0-9]+", "N", reason)
            if key in self._reasons or len(self._reasons) < REASONS_MAX:
                self._reasons[key] += 1
            else:
                self._reasons[column, "other reasons"] += 1

    @property
    def by_reason(self) -> list[Tally]:
        """How many there are of each, the most frequent first."""
        return [Tally(column, reason, n) for (column, reason), n in self._reasons.most_common()]
