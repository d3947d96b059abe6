"""Prove that nothing was lost, duplicated or oversold, or say exactly what differs.

The catalog checks its own books in one snapshot: stock against ledger, ledger against
reservations. Then every order is compared with its reservation, across the two services. The
shop may be running meanwhile: what looks wrong is asked for again, on its own, before it counts.
"""

from collections.abc import Callable
from datetime import timedelta
from time import sleep
from typing import TypeVar

import msgspec

from bazar.tools.remote import RemoteError
from bazar.tools.shop import Shop
from bazar.wire.orders import Order, OrderStatus
from bazar.wire.stock import Outcome

T = TypeVar("T")

NOT_FOUND = 404
STOCK_REPORT_TIMEOUT = timedelta(minutes=10)
RECHECKS = 5
RECHECK_PAUSE_S = 0.3

ALLOWED: dict[OrderStatus, frozenset[str]] = {
    "pending": frozenset({"none", "reserved", "rejected", "released"}),
    "confirmed": frozenset({"reserved"}),
    "fulfilled": frozenset({"reserved"}),
    "rejected": frozenset({"rejected"}),
    "cancelled": frozenset({"released"}),
}
"""For each status of an order, what the catalog may hold about it."""


class AuditReport(msgspec.Struct, kw_only=True):
    """What was compared, and every difference."""

    books: int
    movements: int
    reservations: int
    orders: int
    pending: int
    """Orders that are not decided yet; they are not a difference."""
    copies_sold: int
    """In orders that are confirmed or fulfilled now."""
    differences: list[str]


def audit(shop: Shop) -> AuditReport:
    """Compare ledger, stock, reservations and orders across both services.

    Raises:
        RemoteError: a service does not answer.
    """
    for service in (shop.catalog, shop.order):  # one that hangs is found out soon
        service.ready()
    stock = shop.catalog.stock_report(STOCK_REPORT_TIMEOUT)
    outcomes = {outcome.order_id: outcome for outcome in shop.catalog.reservations()}
    orders = {order.order_id: order for order in shop.order.orders()}
    suspicious = [
        order_id
        for order_id in orders.keys() | outcomes.keys()
        if difference(orders.get(order_id), outcomes.get(order_id))
    ]
    found = [recheck(shop, order_id) for order_id in sorted(suspicious)]
    return AuditReport(
        books=stock.books,
        movements=stock.movements,
        reservations=len(outcomes),
        orders=len(orders),
        pending=sum(order.status == "pending" for order in orders.values()),
        copies_sold=sum(
            line.quantity
            for order in orders.values()
            if order.status in {"confirmed", "fulfilled"}
            for line in order.lines
        ),
        differences=[*stock.differences, *(text for text in found if text)],
    )


def recheck(shop: Shop, order_id: str) -> str | None:
    """Compare one order again, in case it was only seen at two different moments."""
    text = None
    for attempt in range(RECHECKS):
        if attempt:
            sleep(RECHECK_PAUSE_S)
        outcome = _if_there(shop.catalog.reservation, order_id)
        text = difference(_if_there(shop.order.order, order_id), outcome)
        if text is None:
            return None
    return text


def difference(order: Order | None, outcome: Outcome | None) -> str | None:
    """Say how an order and the catalog's decision about it differ, or None."""
    if order is None:
        assert outcome is not None
        if outcome.status == "released" and not outcome.lines:
            return None  # somebody cancelled what was never ordered; nothing was taken
        return f"order {outcome.order_id}: the catalog holds a decision, but there is no order"
    held = outcome.status if outcome else "none"
    if held not in ALLOWED[order.status]:
        return f"order {order.order_id}: it is {order.status}, but the catalog says {held}"
    if outcome is not None and outcome.status == "reserved":
        asked = sorted((line.book_id, line.quantity) for line in order.lines)
        sold = sorted((line.book_id, line.quantity) for line in outcome.lines)
        if asked != sold:
            return f"order {order.order_id}: its lines are {asked}, the catalog sold {sold}"
    return None


def _if_there(ask: Callable[[str], T], order_id: str) -> T | None:
    try:
        return ask(order_id)
    except RemoteError as error:
        if error.problem is not None and error.problem.status == NOT_FOUND:
            return None
        raise
