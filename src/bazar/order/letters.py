"""Which letter a change of an order calls for, and whether it is still true: pure rules, no I/O."""

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from bazar.order.domain import StoredOrder
from bazar.wire.orders import OrderStatus

LetterKind = Literal["confirmed", "not-available", "ready", "sent", "cancelled", "back-in-stock"]
LetterState = Literal["waiting", "sent", "dropped", "dead"]
"""Dropped: the order was another before it could be sent. Dead: it was tried too often."""

_DECIDED: dict[OrderStatus, LetterKind] = {
    "confirmed": "confirmed",
    "rejected": "not-available",
    "cancelled": "cancelled",
}
_TRUE_WHILE: dict[LetterKind, Callable[[StoredOrder], bool]] = {
    "confirmed": lambda order: order.status in {"confirmed", "fulfilled"},
    "not-available": lambda order: order.status == "rejected",
    "ready": lambda order: order.status == "confirmed" and order.progress == "ready",
    "sent": lambda order: order.progress == "sent",
    "cancelled": lambda order: order.status == "cancelled",
    "back-in-stock": lambda _order: False,  # about no order
}


class Letter(Struct, frozen=True):
    """A mail that is to be sent to the buyer of an order, or to who waits for a book."""

    letter_id: int
    """In the order in which they were called for."""
    order_id: str
    """Empty where it is about a wish."""
    kind: LetterKind
    tries: int
    """Those that count: the first one after a restart does not."""
    wish_id: int = 0
    """0 where it is about an order."""


def letter_for(before: StoredOrder, after: StoredOrder) -> LetterKind | None:
    """Return which letter a change calls for; one without a buyer calls for none."""
    if after.buyer is None:
        return None
    if before.status == "pending":
        return _DECIDED.get(after.status)
    if after.status == "cancelled" != before.status:
        return "cancelled"
    if after.progress == before.progress:
        return None
    return "ready" if after.progress == "ready" else "sent" if after.progress == "sent" else None


def still_true(kind: LetterKind, order: StoredOrder) -> bool:
    """Tell whether an order is still as a letter says: one that waited for long may not be."""
    return order.buyer is not None and _TRUE_WHILE[kind](order)
