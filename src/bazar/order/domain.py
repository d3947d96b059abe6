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
from bazar.order.buyers import price_of, price_seen
from bazar.order.progress import FIRST
from bazar.wire.orders import (
    Accepted,
    Buyer,
    Channel,
    Delivery,
    Line,
    Order,
    OrderLine,
    OrderStatus,
    Progress,
    Purchase,
    Receipt,
    reference_of,
)
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
_TIME_MS_MAX = 253_402_300_799_999
"""The end of the year 9999: no date is later."""


class StoredLine(msgspec.Struct, frozen=True):
    """A line of an order as it is kept; title, price and currency are None until it was sold."""

    book_id: int
    quantity: int
    title: str | None = None
    price_minor: int | None = None
    currency: str | None = None
    price_seen: str | None = None
    """Of one copy, as `buyers.price_seen` makes it, where its buyer said so."""

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
    channel: Channel = "api"
    buyer: Buyer | None = None
    delivery_minor: int = 0
    """In the currency of what was sold."""
    progress: Progress | None = None
    """None: the first step, as soon as it is confirmed."""
    progress_at_ms: int | None = None
    ended_at_ms: int | None = None
    tracking: str = ""

    @property
    def sold(self) -> bool:
        """Tell whether the catalog has ever sold it, cancelled later or not."""
        return bool(self.lines) and all(line.sold for line in self.lines)

    @property
    def delivery(self) -> Delivery:
        """Tell how the books get to their buyer; who said nothing fetches them."""
        return self.buyer.delivery if self.buyer else "collect"

    def asked(self) -> list[Line]:
        """Return the lines as they were asked for, always to the byte the same."""
        return [Line(line.book_id, line.quantity, price_of(line.price_seen)) for line in self.lines]


def line_count(order: StoredOrder) -> int:
    """Return how many lines an order has: what it costs to read and to write is about theirs."""
    return len(order.lines)


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


def check_delivery(kind: Kind, buyer: Buyer | None, delivery_minor: int) -> None:
    """Refuse a buyer where the answer has no place for delivery, and delivery to nobody.

    Raises:
        InvalidRequest: definite.
    """
    if kind == "purchase" and buyer is not None:
        message = "a purchase of one book has no buyer; place an order"
        raise InvalidRequest(message, member="buyer")
    if delivery_minor and (buyer is None or buyer.delivery == "collect"):
        message = "nothing is posted, so delivery has no price"
        raise InvalidRequest(message, member="delivery_minor")


def stored_lines(lines: Sequence[Line]) -> tuple[StoredLine, ...]:
    """Return lines that were asked for as they are kept.

    Raises:
        InvalidRequest: definite; a price that its buyer saw can be none.
    """
    return tuple(
        [
            StoredLine(line.book_id, line.quantity)
            if line.price is None
            else StoredLine(
                line.book_id,
                line.quantity,
                price_seen=price_seen(line.price, f"lines[{number}].price"),
            )
            for number, line in enumerate(lines)
        ]
    )


def asks_for(order: StoredOrder, wanted: StoredOrder) -> bool:
    """Tell whether a new order asks for what an older one was placed for.

    What is stored is compared, member by member, not an encoding or a hash of it: those change
    with a release that adds a member, and a repetition across it would be refused. A member that
    changes what is bought, for whom or for how much has to be stored, and compared here.

    Of an order whose lines are lost nobody can tell; to refuse it might be a lie.
    """
    return not order.lines or _wish(order) == _wish(wanted)


def _wish(order: StoredOrder) -> tuple[object, ...]:
    """Return all that is compared of what was asked for.

    What delivery costs is part of it where its buyer saw it, on a page. A client of the open
    interface did not say it: when the shop has another price meanwhile, it asks for the same.
    """
    lines = [(line.book_id, line.quantity, line.price_seen) for line in order.lines]
    delivery_minor = order.delivery_minor if order.channel == "web" else 0
    return order.kind, order.channel, lines, order.buyer, delivery_minor


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
    return _sold_lines(order, outcome) if _sells(order, outcome) else order.lines


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
    return _decided(order, "confirmed", None, _sold_lines(order, outcome))


def _sold_lines(order: StoredOrder, outcome: Outcome) -> tuple[StoredLine, ...]:
    return tuple(
        [
            StoredLine(
                sold.book_id,
                sold.quantity,
                sold.title,
                sold.price_minor,
                sold.currency,
                line.price_seen,
            )
            for line, sold in zip(order.lines, outcome.lines, strict=True)
        ]
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
        BookNotFound, OutOfStock, PriceChanged, BookRetired, MixedCurrencies, OrderRejected,
            OrderCancelled: definite; nothing was sold.
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
    if rejection.price_minor is not None and rejection.currency is not None:
        members["price"] = to_price(rejection.price_minor, rejection.currency)
        members["currency"] = rejection.currency
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
        delivery_price=view.delivery_price,
    )


def public(order: StoredOrder, *, mailed: bool = False) -> Order:
    """Return an order as its buyer sees it now; of a damaged one, what is left of it.

    Args:
        order: as it is kept.
        mailed: whether mail tells its buyer what becomes of it.
    """
    currency = order.lines[0].currency if order.sold else None
    total = delivery_price = None
    if currency is not None:
        minor = sum((line.price_minor or 0) * line.quantity for line in order.lines)
        total = to_price(minor + order.delivery_minor, currency)
        if order.delivery_minor:
            delivery_price = to_price(order.delivery_minor, currency)
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
        placed_at=_time(order.placed_at_ms),
        reference=reference_of(order.order_id),
        channel=order.channel,
        buyer=order.buyer,
        delivery_price=delivery_price,
        progress=order.progress or (FIRST if order.sold else None),
        progress_at=_time_or_none(order.progress_at_ms),
        ended_at=_time_or_none(order.ended_at_ms),
        tracking=order.tracking,
        mailed=mailed,
    )


def _time_or_none(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else _time(at_ms)


def _time(at_ms: int) -> datetime:
    return as_datetime(max(0, min(at_ms, _TIME_MS_MAX)))
