"""What order service and catalog say to each other about stock, and the ledger of it."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from bazar.kit.identity import REQUEST_ID_LENGTH_MAX
from bazar.wire.limits import (
    CHECK_CURSOR_LENGTH_MAX,
    ORDER_ID_LENGTH_MAX,
    RESERVE_BATCH_MAX,
    BookId,
    Change,
    Limit,
    Note,
    Stock,
)
from bazar.wire.orders import Lines


class Reserve(Struct, frozen=True):
    """Ask the catalog to sell the lines of an order."""

    order_id: Annotated[str, Meta(min_length=1, max_length=ORDER_ID_LENGTH_MAX)]
    lines: Lines
    request_id: Annotated[str, Meta(max_length=REQUEST_ID_LENGTH_MAX)] = ""


ReserveBatch = Annotated[list[Reserve], Meta(min_length=1, max_length=RESERVE_BATCH_MAX)]


class SoldLine(Struct, frozen=True, rename={"book_id": "id"}):
    """A line as it was sold."""

    book_id: int
    quantity: int
    title: str
    price_minor: int
    currency: str
    version: int
    """Of the book, after the sale."""


class Rejection(Struct, frozen=True, omit_defaults=True):
    """Why an order was not sold."""

    code: str
    """One of `problems.REJECTIONS`, or one that only a newer catalog knows."""
    detail: str
    book_id: int | None = None
    requested: int | None = None
    available: int | None = None
    price_minor: int | None = None
    """Of one copy, now, where it is another than the buyer saw."""
    currency: str | None = None


WITHDRAWN = "withdrawn"
"""Code of the rejection that the order service stores itself, under the key of a form that a page
has refused; the catalog hears nothing of it."""


class Outcome(Struct, frozen=True, omit_defaults=True):
    """What the catalog decided about an order, once and for all but for a release."""

    order_id: str
    status: Literal["reserved", "rejected", "released"]
    lines: list[SoldLine] = []
    rejection: Rejection | None = None


class StockQuestion(Struct, frozen=True, forbid_unknown_fields=True):
    """Ask which books can be bought now."""

    book_ids: Annotated[list[BookId], Meta(min_length=1, max_length=RESERVE_BATCH_MAX)]


class InStock(Struct, frozen=True):
    """A book of which copies are there, and which is sold."""

    book_id: int
    title: str


class MovementsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which part of the stock ledger to read."""

    after: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    limit: Limit = 100


class ReservationsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which reservations to read, by order id."""

    after: Annotated[str, Meta(max_length=ORDER_ID_LENGTH_MAX)] = ""
    limit: Limit = 100


Reason = Literal["counted", "damaged", "lost", "found", "returned-to-supplier", "gift", "other"]
"""Why a keeper corrects a stock."""


class StockChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Copies that came or went, or a new count; one of the two."""

    change: Change | None = None
    """Positive ones are received where there is no reason."""
    count: Stock | None = None
    """Copies that were counted on the shelf."""
    reason: Reason | None = None
    note: Note = ""


class LedgerQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which part of one book's ledger to read, the newest first."""

    before: Annotated[int, Meta(ge=1, le=2**63 - 1)] | None = None
    limit: Limit = 20


ACTOR_HEADER = "bazar-actor"
"""Who changes something in the catalog, in UTF-8: kept with the change."""
ACTOR_LENGTH_MAX = 100


MovementKind = Literal["received", "sold", "released", "adjusted"]


class Movement(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of the stock ledger: copies that came (positive) or went (negative)."""

    id: int
    book_id: int
    kind: MovementKind
    copies: int
    order_id: str | None
    moved_at: datetime
    reason: Reason | None = None
    note: str = ""
    actor: str = ""
    stock_after: int | None = None
    """Copies in stock after it; only the ledger of one book tells them."""


class StockReportQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which part of the check to make."""

    after: Annotated[str, Meta(max_length=CHECK_CURSOR_LENGTH_MAX)] = ""


class StockReport(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of the check of the catalog's own books."""

    books: int
    """Compared in this part, as are the reservations."""
    movements: int
    """All rows of the ledger, in the first part; else 0."""
    reservations: int
    differences: list[str]
    next: str | None = None
    """Where the next part begins; without it this was the last one."""
