r"""The life of an order, and what its client is told: pure rules, no I/O.

pending ----> confirmed ----> fulfilled
   |   \          |
   |    \         v
   |     `---> cancelled
   v
rejected
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from bazar.kit.clock import as_datetime
from bazar.kit.errors import BazarError, InvalidRequest
from bazar.kit.money import to_price
from bazar.wire.orders import Accepted, Line, Order, OrderLine, OrderStatus, Purchase, Receipt
from bazar.wire.placing import Kind
from bazar.wire.problems import REJECTIONS, OrderCancelled, OrderRejected
from bazar.wire.stock import Outcome, Rejection

TRANSITIONS: dict[OrderStatus, frozenset[OrderStatus]] = {
    "pending": frozenset({"confirmed", "rejected", "cancelled"}),
    "confirmed": frozenset({"cancelled", "fulfilled"}),
    "rejected": frozenset(),
    "cancelled": frozenset(),
    "fulfilled": frozenset(),
}
"""From each status, the statuses that may follow it."""
UNREADABLE = Rejection("order-rejected", "why it was refused is not readable any more")
_PLACED_AT_MS_MAX = 253_402_300_799_999
"""The end of the year 9999: no date is later."""


class StoredLine(msgspec.Struct, frozen=True):
    """A line of an order as it is kept; the last three are None until it was sold."""

    book_id: int
    quantity: int
    title: str | None = None
    price_minor: int | None = None
    currency: str | None = None

    @property
    def sold(self) -> bool:
        """Tell whether all is there that says how it was sold."""
        return None not in (self.title, self.price_minor, self.currency)


class StoredOrder(msgspec.Struct, frozen=True):
    """An order as it is kept; a damaged one may have no lines, or half of what it was sold as."""

    order_id: str
    key: str
    kind: Kind
    status: OrderStatus
    settled: bool
    rejection: Rejection | None
    placed_at_ms: int
    lines: tuple[StoredLine, ...]

    @property
    def sold(self) -> bool:
        """Tell whether the catalog has ever sold it, cancelled later or not."""
        return bool(self.lines) and all(line.sold for line in self.lines)

    def asked(self) -> list[Line]:
        """Return the lines as they were asked for."""
        return [Line(line.book_id, line.quantity) for line in self.lines]


def check_lines(lines: Sequence[Line]) -> None:
    """Refuse an order that names a book twice.

    Raises:
        InvalidRequest: definite.
    """
    seen: set[int] = set()
    for line in lines:
        if line.book_id in seen:
            message = f"book {line.book_id} is in two lines; put its quantity into one"
            raise InvalidRequest(message, member="lines")
        seen.add(line.book_id)


def asks_for(order: StoredOrder, kind: Kind, lines: Sequence[Line]) -> bool:
    """Tell whether a request asks for what an order was placed for.

    What is stored is compared, member by member, not an encoding or a hash of it: those change
    with a release that adds a member, and a repetition across it would be refused. A member that
    changes what is bought has to be stored, and compared here.

    Of an order whose lines are lost nobody can tell; to refuse it might be a lie.
    """
    asked = [(line.book_id, line.quantity) for line in lines]
    return not order.lines or (order.kind == kind and _asked(order) == asked)


def _asked(order: StoredOrder) -> list[tuple[int, int]]:
    return [(line.book_id, line.quantity) for line in order.lines]


def can_become(status: OrderStatus, following: OrderStatus) -> bool:
    """Tell whether a status may follow another."""
    return following in TRANSITIONS.get(status, ())


def misfit(order: StoredOrder, outcome: Outcome) -> str:
    """Say why an outcome cannot be that of an order; empty where it can."""
    if outcome.status == "rejected":
        return "" if outcome.rejection else "the catalog rejects it without a reason"
    if outcome.status == "reserved" and not (outcome.lines and _sells(order, outcome)):
        return "the catalog sold something else than what was ordered"
    return ""


def _sells(order: StoredOrder, outcome: Outcome) -> bool:
    return _asked(order) == [(line.book_id, line.quantity) for line in outcome.lines]


def cancelled(order: StoredOrder, outcome: Outcome) -> StoredOrder:
    """Return a cancelled order after its release.

    If it had been sold before, then its buyer may have heard so, and must hear the same again.
    """
    return replace(order, settled=True, lines=_released_lines(order, outcome))


def _released_lines(order: StoredOrder, outcome: Outcome) -> tuple[StoredLine, ...]:
    return _sold_lines(outcome) if _sells(order, outcome) else order.lines


def decided(order: StoredOrder, outcome: Outcome) -> StoredOrder:
    """Return an order as the catalog's decision leaves it.

    An order that is not pending any more stays as it is: the decision was applied before, or the
    order was cancelled meanwhile and its release decides.
    """
    if order.status != "pending":
        return order
    if outcome.status == "rejected":
        return _decided(order, "rejected", outcome.rejection, order.lines)
    if outcome.status == "released":
        return _decided(order, "cancelled", None, _released_lines(order, outcome))
    return _decided(order, "confirmed", None, _sold_lines(outcome))


def _sold_lines(outcome: Outcome) -> tuple[StoredLine, ...]:
    return tuple(
        StoredLine(sold.book_id, sold.quantity, sold.title, sold.price_minor, sold.currency)
        for sold in outcome.lines
    )


def _decided(
    order: StoredOrder,
    status: OrderStatus,
    rejection: Rejection | None,
    lines: tuple[StoredLine, ...],
) -> StoredOrder:
    assert can_become(order.status, status)
    return replace(order, status=status, settled=True, rejection=rejection, lines=lines)


def first_answer(order: StoredOrder) -> Purchase | Receipt | Accepted:
    """Return what the buyer is told, now and at every later request with the same key.

    It depends only on what never changes again once the order is decided, so that a later cancel
    or fulfilment leaves it as it was, to the byte.

    Raises:
        BookNotFound, OutOfStock, MixedCurrencies, OrderRejected, OrderCancelled: definite; nothing
            was sold.
    """
    if order.sold:
        return _purchase(order) if order.kind == "purchase" else _receipt(order)
    if order.rejection is not None:
        raise _refusal(order.order_id, order.rejection)
    if order.status == "cancelled" and order.settled:
        message = "the order was cancelled before it was sold; nothing was bought"
        raise OrderCancelled(message, order_id=order.order_id)
    return Accepted(
        order_id=order.order_id,
        message="the order is safe but not decided yet; it will be, without another request",
    )


def _refusal(order_id: str, rejection: Rejection) -> BazarError:
    members: dict[str, Any] = {
        "order_id": order_id,
        "book_id": rejection.book_id,
        "requested": rejection.requested,
        "available": rejection.available,
    }
    known = REJECTIONS.get(rejection.code)
    if known is not None:
        return known(rejection.detail, **members)
    return OrderRejected(rejection.detail, reason=rejection.code, **members)


def _purchase(order: StoredOrder) -> Purchase:
    (line,) = order.lines
    assert line.title is not None
    assert line.price_minor is not None
    assert line.currency is not None
    price = to_price(line.price_minor, line.currency)
    return Purchase(
        order_id=order.order_id,
        message=f"bought book {line.title}",
        id=line.book_id,
        title=line.title,
        quantity=line.quantity,
        price=price,
        total=price * line.quantity,  # exact, and with the decimals of the price
        currency=line.currency,
    )


def _receipt(order: StoredOrder) -> Receipt:
    view = public(order)
    assert view.total is not None
    assert view.currency is not None
    copies = sum(line.quantity for line in order.lines)
    noun = "copy" if copies == 1 else "copies"
    return Receipt(
        order_id=order.order_id,
        message=f"bought {copies} {noun} of {len(order.lines)} "
        f"{'book' if len(order.lines) == 1 else 'books'}",
        lines=view.lines,
        total=view.total,
        currency=view.currency,
    )


def public(order: StoredOrder) -> Order:
    """Return an order as its buyer sees it now; of a damaged one, what is left of it."""
    currency = order.lines[0].currency if order.sold else None
    total = None
    if currency is not None:
        minor = sum((line.price_minor or 0) * line.quantity for line in order.lines)
        total = to_price(minor, currency)
    return Order(
        order_id=order.order_id,
        status=order.status,
        lines=[
            OrderLine(
                book_id=line.book_id,
                quantity=line.quantity,
                title=line.title,
                price=None
                if line.price_minor is None or line.currency is None
                else to_price(line.price_minor, line.currency),
            )
            for line in order.lines
        ],
        total=total,
        currency=currency,
        reason=order.rejection.code if order.rejection else None,
        placed_at=_placed_at(order),
    )


def _placed_at(order: StoredOrder) -> datetime:
    return as_datetime(max(0, min(order.placed_at_ms, _PLACED_AT_MS_MAX)))
