"""Orders and purchases as the public sees them."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from bazar.kit.identity import ID_LENGTH
from bazar.wire.limits import LINES_MAX, BookId, Limit, Price, Quantity


class Line(Struct, frozen=True, forbid_unknown_fields=True, rename={"book_id": "id"}):
    """Some copies of one book."""

    book_id: BookId
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


class OrderLine(Struct, frozen=True, kw_only=True, rename={"book_id": "id"}):
    """A line of an order; title and price are there once the catalog has decided."""

    book_id: int
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
    after: Annotated[str, Meta(max_length=ID_LENGTH)] = ""
    """The last order id of the page before."""
    limit: Limit = 20
    by: Literal["placed", "id"] = "placed"
    """In the order in which they were stored, for whoever follows the list; or by their ids."""


class StuckOrder(Struct, frozen=True):
    """An order that the catalog does not take, although it answers."""

    order_id: str
    reason: str
    tries: int
    since_s: float
    """How long ago it was refused first, by this process."""
