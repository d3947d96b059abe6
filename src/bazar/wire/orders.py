"""Orders and purchases as the public sees them."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from bazar.kit.identity import ID_LENGTH
from bazar.wire.limits import (
    CITY_LENGTH_MAX,
    EMAIL_LENGTH_MAX,
    LINES_MAX,
    NAME_LENGTH_MAX,
    NOTE_LENGTH_MAX,
    POSTCODE_LENGTH_MAX,
    STREET_LENGTH_MAX,
    TEL_LENGTH_MAX,
    TRACKING_LENGTH_MAX,
    BookId,
    Limit,
    Price,
    Quantity,
)

Delivery = Literal["collect", "post"]
"""How the books get to their buyer: fetched in the shop, or by post."""
Payment = Literal["shop", "invoice"]
"""Paid in the shop when they are collected, or on invoice."""
Language = Literal["en", "ar"]
"""Of pages and mails, by its code. Source: BCP 47"""
Channel = Literal["api", "web", "counter"]
"""Where an order was placed: the open interface, the shop's pages, or its counter."""
Progress = Literal["to_pick", "ready", "collected", "packed", "sent"]
"""How far the shop is with a confirmed order: collect goes to_pick, ready, collected; post goes
to_pick, packed, sent. The last step of either fulfils the order."""


REFERENCE_LENGTH = 6
"""In letters of the order id, its last; the others stay the buyer's secret."""
_HEARD = str.maketrans("oil", "011", " -")
"""How letters that no reference has are meant, and what people put between them."""
_REFERENCE_LETTERS = frozenset("0123456789abcdefghjkmnpqrstvwxyz")


def reference_of(order_id: str) -> str:
    """Return what people call an order: short, and rarely that of another too."""
    return order_id[-REFERENCE_LENGTH:].upper()


def heard_reference(text: str) -> str:
    """Return the reference that a text may be, as it ends an order id; nothing where it is none.

    Args:
        text: as somebody wrote it down or read it out: `K7Q 2T4`, `k7q-2t4`.
    """
    letters = text.lower().translate(_HEARD)
    is_one = len(letters) == REFERENCE_LENGTH and _REFERENCE_LETTERS.issuperset(letters)
    return letters if is_one else ""


class Line(
    Struct,
    frozen=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    rename={"book_id": "id"},
):
    """Some copies of one book."""

    book_id: BookId
    quantity: Quantity = 1
    price: Price | None = None
    """Of one copy, as its buyer saw it: at another price nothing is bought."""


class Buyer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who orders, and how the books and the money get where they belong."""

    name: Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH_MAX)]
    email: Annotated[str, Meta(min_length=3, max_length=EMAIL_LENGTH_MAX)]
    tel: Annotated[str, Meta(max_length=TEL_LENGTH_MAX)] = ""
    delivery: Delivery = "collect"
    street: Annotated[str, Meta(max_length=STREET_LENGTH_MAX)] = ""
    """With its number; like the rest of the address only for the post."""
    street2: Annotated[str, Meta(max_length=STREET_LENGTH_MAX)] = ""
    postcode: Annotated[str, Meta(max_length=POSTCODE_LENGTH_MAX)] = ""
    city: Annotated[str, Meta(max_length=CITY_LENGTH_MAX)] = ""
    country: Annotated[str, Meta(pattern="^([A-Z]{2})?$")] = ""
    """By its code. Source: ISO 3166-1 alpha-2"""
    payment: Payment = "shop"
    note: Annotated[str, Meta(max_length=NOTE_LENGTH_MAX)] = ""
    """From the buyer to the shop."""
    language: Language = "en"


class PurchaseRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """How many copies of the book in the path."""

    quantity: Quantity = 1


Lines = Annotated[list[Line], Meta(min_length=1, max_length=LINES_MAX)]


class OrderRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Several books, all or nothing."""

    lines: Lines
    buyer: Buyer | None = None


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


class OrderLine(Struct, frozen=True, kw_only=True, rename={"book_id": "id"}):
    """A line of an order; title and price are there once the catalog has decided."""

    book_id: int
    quantity: int
    title: str | None = None
    price: Price | None = None


class Receipt(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="status", tag="confirmed"
):
    """Several books, bought. The same for every later request with the same key."""

    order_id: str
    message: str
    lines: list[OrderLine]
    total: Price
    """Delivery too."""
    currency: str
    delivery_price: Price | None = None
    """Where it costs something."""


class Accepted(Struct, frozen=True, kw_only=True, tag_field="status", tag="pending"):
    """The order is safe but not decided yet; it will be, without another request."""

    order_id: str
    message: str


OrderStatus = Literal["pending", "confirmed", "rejected", "cancelled", "fulfilled"]


class Order(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An order as it stands now."""

    order_id: str
    status: OrderStatus
    lines: list[OrderLine]
    total: Price | None
    currency: str | None
    reason: str | None
    """Why it was rejected, as an error code."""
    placed_at: datetime
    reference: str = ""
    """What people call it: the last six letters of its id, such as `K7Q2T4`."""
    channel: Channel = "api"
    buyer: Buyer | None = None
    delivery_price: Price | None = None
    """Where it costs something; it is in the total."""
    progress: Progress | None = None
    """Of an order that is or was confirmed."""
    progress_at: datetime | None = None
    ended_at: datetime | None = None
    """When it was cancelled or fulfilled."""
    tracking: str = ""
    """Where the post tells how far it is: an address or a number."""
    mailed: bool = False
    """Whether mail tells its buyer what becomes of it."""


class ProgressRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """How far the shop is with an order now."""

    progress: Progress
    tracking: Annotated[str, Meta(max_length=TRACKING_LENGTH_MAX)] = ""
    """Where the post tells how far it is: an address or a number; empty leaves what is there."""


class OrderEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that people did to an order."""

    at: datetime
    what: OrderStatus | Progress
    """The step of the shop that it is at since then, or its status."""
    by: str = ""
    """Who did it, as the caller named them in `bazar-actor`."""
    detail: str = ""
    """Such as where the post tells how far it is."""


class MailTest(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to send a mail that only shows that mail arrives."""

    to: Annotated[str, Meta(min_length=3, max_length=EMAIL_LENGTH_MAX)]


class OrderQuery(
    Struct, frozen=True, forbid_unknown_fields=True, rename={"since": "from", "until": "to"}
):
    """Which orders to list: the oldest first for who follows them, the newest for who looks."""

    status: OrderStatus | None = None
    after: Annotated[str, Meta(max_length=ID_LENGTH)] = ""
    """The last order id of the page before, oldest first."""
    limit: Limit = 20
    by: Literal["placed", "id"] = "placed"
    """In the order in which they were stored, for whoever follows the list; or by their ids."""
    sort: Literal["placed_at", "-placed_at"] = "placed_at"
    """Oldest first, or newest first; what follows goes with the newest first alone."""
    before: Annotated[str, Meta(max_length=ID_LENGTH)] = ""
    """The last order id of the page before, newest first."""
    progress: Progress | None = None
    """Those that are at a step now."""
    channel: Channel | None = None
    since: Annotated[datetime, Meta(tz=True)] | None = None
    """Placed then or later."""
    until: Annotated[datetime, Meta(tz=True)] | None = None
    """Placed before then."""
    q: Annotated[str, Meta(max_length=EMAIL_LENGTH_MAX)] = ""
    """An order's id or address, its reference, an e-mail address, or how a name begins."""


ORDERS_COUNTED_MAX = 10_000


class OrderCounts(Struct, frozen=True):
    """How many orders a question for the newest finds."""

    orders: int
    """At most `ORDERS_COUNTED_MAX`; from there on it is not counted further."""


class StuckOrder(Struct, frozen=True):
    """An order that the catalog does not take, although it answers."""

    order_id: str
    reason: str
    tries: int
    since_s: float
    """How long ago it was refused first, by this process."""
