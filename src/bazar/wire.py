"""Messages that cross between services or reach the public: the only types that services share.

Outside, a price is an exact decimal with a currency; between order and catalog it is integer
minor units, so that what is stored is what was decided.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from bazar.kit.request import ID_MAX

QUANTITY_MAX = 1000
ORDER_ID_LENGTH_MAX = 64
"""For the catalog, which keeps whatever id an order service gives an order."""
LINES_MAX = 100
PAGE_MAX = 100
RESERVE_BATCH_MAX = 512
PLACEMENT_BATCH_MAX = 256
IMPORT_BATCH_MAX = 500
IMPORT_BODY_BYTES_MAX = 2 * 1024 * 1024
INTERNAL_BODY_BYTES_MAX = 8 * 1024 * 1024
"""512 reservations of 100 lines each still fit."""
STOCK_MAX = 10**9
TITLE_LENGTH_MAX = 500
DESCRIPTION_LENGTH_MAX = 5000

GIVEN_ID_MAX = 10**15
"""The catalog counts on from the highest id that it has, so there must be room above."""

BookId = Annotated[int, Meta(ge=1, le=ID_MAX)]
GivenId = Annotated[int, Meta(ge=1, le=GIVEN_ID_MAX)]
Quantity = Annotated[int, Meta(ge=1, le=QUANTITY_MAX)]
Limit = Annotated[int, Meta(ge=1, le=PAGE_MAX)]
Title = Annotated[str, Meta(min_length=1, max_length=TITLE_LENGTH_MAX)]
Author = Annotated[str, Meta(max_length=TITLE_LENGTH_MAX)]
Topic = Annotated[str, Meta(min_length=1, max_length=100)]
Description = Annotated[str, Meta(max_length=DESCRIPTION_LENGTH_MAX)]
Year = Annotated[int, Meta(ge=-5000, le=3000)]
Stock = Annotated[int, Meta(ge=0, le=STOCK_MAX)]
Change = Annotated[int, Meta(ge=-STOCK_MAX, le=STOCK_MAX)]
Isbn = Annotated[str, Meta(max_length=20)]
Text = Annotated[str, Meta(max_length=200)]


Price = Annotated[Decimal, Meta(description="exactly the decimals of the currency")]


RejectionCode = Literal["book-not-found", "out-of-stock", "mixed-currencies"]


class BookTitle(Struct, frozen=True):
    """A search result of the lab's interface."""

    id: int
    title: str


class Book(Struct, frozen=True, kw_only=True):
    """A book as the public sees it."""

    id: int
    title: str
    topic: str
    quantity: int
    """Copies in stock."""
    price: Price
    currency: str
    author: str
    year: int | None
    isbn: str | None
    description: str
    version: int
    """Rises with every change to the book, its stock too."""


class TopicCount(Struct, frozen=True):
    """A topic and how many books it has."""

    topic: str
    books: int


class BookQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which books to list."""

    topic: Text | None = None
    q: Text | None = None
    isbn: Isbn | None = None
    after: Annotated[str, Meta(max_length=200)] | None = None
    limit: Limit = 20


class TopicQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which topic to look in, in the lab's form."""

    topic: str


class NewBook(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A book to add."""

    title: Title
    topic: Topic
    price: Price
    id: GivenId | None = None
    isbn: Isbn | None = None
    author: Author = ""
    year: Year | None = None
    quantity: Stock = 0
    description: Description = ""


class BookEdit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change about a book; what is left out stays. Stock has routes of its own."""

    title: Title | msgspec.UnsetType = msgspec.UNSET
    topic: Topic | msgspec.UnsetType = msgspec.UNSET
    price: Price | msgspec.UnsetType = msgspec.UNSET
    isbn: Isbn | msgspec.UnsetType | None = msgspec.UNSET
    author: Author | msgspec.UnsetType = msgspec.UNSET
    year: Year | msgspec.UnsetType | None = msgspec.UNSET
    description: Description | msgspec.UnsetType = msgspec.UNSET


class Line(Struct, frozen=True, forbid_unknown_fields=True):
    """Some copies of one book."""

    id: BookId
    quantity: Quantity = 1


class PurchaseRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """How many copies of the book in the path."""

    quantity: Quantity = 1


Lines = Annotated[list[Line], Meta(min_length=1, max_length=LINES_MAX)]


class OrderRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Several books, all or nothing."""

    lines: Lines


class Purchase(Struct, frozen=True, kw_only=True, tag_field="status", tag="confirmed"):
    """One book, bought. The same for every later request with the same key."""

    order_id: str
    message: str
    id: int
    title: str
    quantity: int
    price: Price
    """Of one copy."""
    total: Price
    currency: str


class OrderLine(Struct, frozen=True, kw_only=True):
    """A line of an order; title and price are there once the catalog has decided."""

    id: int
    quantity: int
    title: str | None = None
    price: Price | None = None


class Receipt(Struct, frozen=True, kw_only=True, tag_field="status", tag="confirmed"):
    """Several books, bought. The same for every later request with the same key."""

    order_id: str
    message: str
    lines: list[OrderLine]
    total: Price
    currency: str


class Accepted(Struct, frozen=True, kw_only=True, tag_field="status", tag="pending"):
    """The order is safe but not decided yet; it will be, without another request."""

    order_id: str
    message: str


OrderStatus = Literal["pending", "confirmed", "rejected", "cancelled", "fulfilled"]


class Order(Struct, frozen=True, kw_only=True):
    """An order as it stands now."""

    order_id: str
    status: OrderStatus
    lines: list[OrderLine]
    total: Price | None
    currency: str | None
    reason: str | None
    """Why it was rejected, as an error code."""
    placed_at: datetime


class OrderQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which orders to list, oldest first."""

    status: OrderStatus | None = None
    after: Annotated[str, Meta(max_length=26)] = ""
    limit: Limit = 20


class Reserve(Struct, frozen=True):
    """Ask the catalog to sell the lines of an order."""

    order_id: Annotated[str, Meta(min_length=1, max_length=ORDER_ID_LENGTH_MAX)]
    lines: Lines
    request_id: Annotated[str, Meta(max_length=64)] = ""


ReserveBatch = Annotated[list[Reserve], Meta(min_length=1, max_length=RESERVE_BATCH_MAX)]


Kind = Literal["purchase", "order"]
"""Of what places an order: its route, which decides the form of the answer."""


class Placement(Struct, frozen=True):
    """One purchase, from front to order service."""

    kind: Kind
    lines: Lines
    key: Annotated[str, Meta(min_length=1, max_length=255)]
    request_id: Annotated[str, Meta(max_length=64)] = ""
    deadline_ms: Annotated[int, Meta(ge=0, le=30_000)] = 5000
    """After which the client does not wait any more."""


PlacementBatch = Annotated[list[Placement], Meta(min_length=1, max_length=PLACEMENT_BATCH_MAX)]


class PlacementAnswer(Struct, frozen=True, omit_defaults=True):
    """What its client is told: status and body as they are, and what headers are made of."""

    status: int
    body: msgspec.Raw
    order_id: str = ""
    """Of the order that was placed, confirmed or pending."""
    changed: str = ""
    """Books and their new versions, as in the header `bazar-changed`."""
    timing: str = ""
    """Of the catalog, as in a Server-Timing header."""


class SoldLine(Struct, frozen=True):
    """A line as it was sold."""

    id: int
    quantity: int
    title: str
    price_minor: int
    currency: str
    version: int
    """Of the book, after the sale."""


class Rejection(Struct, frozen=True, omit_defaults=True):
    """Why an order was not sold."""

    code: RejectionCode
    detail: str
    book_id: int | None = None
    requested: int | None = None
    available: int | None = None


class Outcome(Struct, frozen=True, omit_defaults=True):
    """What the catalog decided about an order, once and for all but for a release."""

    order_id: str
    status: Literal["reserved", "rejected", "released"]
    lines: list[SoldLine] = []
    rejection: Rejection | None = None


class MovementsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which part of the stock ledger to read."""

    after: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    limit: Limit = 100


class ReservationsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which reservations to read, by order id."""

    after: Annotated[str, Meta(max_length=64)] = ""
    limit: Limit = 100


MovementKind = Literal["received", "sold", "released", "adjusted"]


class Movement(Struct, frozen=True, kw_only=True):
    """One row of the stock ledger: copies that came (positive) or went (negative)."""

    id: int
    book_id: int
    kind: MovementKind
    copies: int
    order_id: str | None
    moved_at: datetime


class StockReport(Struct, frozen=True, kw_only=True):
    """The catalog's own books, checked in one snapshot."""

    books: int
    movements: int
    reservations: int
    differences: list[str]


class BookChanged(Struct, frozen=True):
    """An event of the change feed."""

    book_id: int
    version: int
    listed: bool = False
    """Whether what lists show may have changed: it is new, or its description changed."""


VERSION_HEADER = "bazar-version"
"""Of the book that an answer shows, between catalog and front."""
CHANGED_HEADER = "bazar-changed"
"""Books and their new versions after a purchase or a cancel, such as `2=17,3=5`."""


class ImportRow(Struct, frozen=True, kw_only=True):
    """One row of an import, checked field by field by whoever reads the file."""

    row: int
    book: NewBook
    given: list[Text] | None = None
    """The columns about which the row says something; only those are updated. None for all."""


class ImportRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows to take in, in one transaction."""

    rows: Annotated[list[ImportRow], Meta(min_length=1, max_length=IMPORT_BATCH_MAX)]
    update: Literal["none", "stock", "all"] = "none"
    dry_run: bool = False


class ImportResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one row."""

    row: int
    status: Literal["created", "updated", "unchanged", "rejected"]
    id: int | None = None
    column: str = ""
    reason: str = ""
