"""What happened in one run: every call with its answer, every fault, and how the shop ended.

One file of JSON lines in the order of their ends. The checker needs nothing else, so a history
that was kept can be judged again. All times are of one monotonic clock, in seconds.
"""

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import msgspec
from msgspec import Struct

Act = Literal["add", "restock", "buy", "look", "cancel", "read", "replay"]
"""`look` is at an order, `read` at a book; a `replay` is a `buy` after the end of everything."""
Lines = tuple[tuple[int, int], ...]
"""Books and copies."""


class Call(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="record", tag="call"):
    """One request and its answer."""

    errand: int
    """Whose it was; 0 for the harness itself."""
    act: Act
    started_s: float
    ended_s: float
    status: int = 0
    """Of the answer; 0 where the client gave up or the connection failed."""
    lines: Lines = ()
    """What was asked for, of a book that is read without copies."""
    key: str = ""
    order_id: str = ""
    body: str = ""
    location: str = ""
    front: str = ""
    """Through which one it went, by its name; empty where the catalog was asked itself."""
    sold_now: bool = False
    """Whether the catalog was asked for this answer, so that the front heard the new version."""


class Fault(Struct, frozen=True, tag_field="record", tag="fault"):
    """One fault that struck."""

    kind: str
    target: str
    started_s: float
    lasts_s: float


class Started(Struct, frozen=True, kw_only=True, tag_field="record", tag="started"):
    """A process of a service was started; any process that it had before was dead by then."""

    service: str
    """Its name: `front`, or `catalog-2` for the second of several."""
    at_s: float


class Ended(Struct, frozen=True, kw_only=True, tag_field="record", tag="ended"):
    """A process of a service ended by itself, without a fault of ours."""

    service: str
    at_s: float
    code: int


class KeptOrder(Struct, frozen=True):
    """An order as the order service keeps it in the end."""

    order_id: str
    status: str
    lines: Lines


class KeptMovement(Struct, frozen=True):
    """A row of the stock ledger; those of one book in the order of their commits."""

    book_id: int
    kind: str
    copies: int
    order_id: str | None = None


class Final(Struct, frozen=True, kw_only=True, tag_field="record", tag="final"):
    """The shop after the last client left, before anything was replayed."""

    settled_after_s: float
    """From the end of faults and clients to the end of the last pending order."""
    bound_s: float
    """How long that may take."""
    stock: dict[int, int]
    movements: tuple[KeptMovement, ...]
    orders: tuple[KeptOrder, ...]
    differences: tuple[str, ...]
    """What `bazar audit` says."""


Record = Call | Fault | Started | Ended | Final
_decode = msgspec.json.Decoder(Record).decode


class History:
    """The records of one run, in memory and in a file."""

    def __init__(self, path: Path) -> None:
        """Write a new file."""
        self.path = path
        self.records: list[Record] = []
        self._file = path.open("wb")

    def __enter__(self) -> Self:
        """Promise to close the file."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._file.close()

    def add(self, record: Record) -> None:
        """Take in what happened."""
        self.records.append(record)
        self._file.write(msgspec.json.encode(record) + b"\n")


def read(path: Path) -> list[Record]:
    """Return the records of a file."""
    with path.open("rb") as lines:
        return list(decoded(lines))


def decoded(lines: Iterable[bytes]) -> Iterable[Record]:
    """Yield the records of lines."""
    return (_decode(line) for line in lines)
