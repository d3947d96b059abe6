"""What became of a file."""

import msgspec


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
