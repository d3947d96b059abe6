"""Prove that nothing was lost, duplicated or oversold, or say exactly what differs.

The catalog checks its own books, a part at a time: stock against ledger, ledger against decisions.
Then every order is compared with the catalog's decision about it, in one walk through two lists
that both stand in the order of the order ids, so that no list is ever held as a whole. The shop may
be running meanwhile: what looks wrong is asked for again, on its own, before it counts.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from time import sleep
from typing import Any, TypeVar

import msgspec

from bazar.tools.remote import RemoteError
from bazar.tools.shop import Shop
from bazar.wire.audit import KeptDecision, KeptOrder
from bazar.wire.stock import WITHDRAWN, SoldLine

T = TypeVar("T")

NOT_FOUND = 404
RECHECKS = 5
RECHECK_PAUSE_S = 0.3
SUSPECTS_MAX = 1000
"""So many orders are asked for again together."""
DIFFERENCES_MAX = 1000
"""After which the audit ends: a shop that is so wrong needs no longer list."""

ALLOWED: dict[str, frozenset[str]] = {
    "pending": frozenset({"none", "reserved", "rejected", "released"}),
    "confirmed": frozenset({"reserved"}),
    "fulfilled": frozenset({"reserved"}),
    "rejected": frozenset({"rejected"}),
    "cancelled": frozenset({"released"}),
}
"""For each status of an order that is settled, what the catalog may hold about it."""
_SOLD = frozenset({"confirmed", "fulfilled"})

Pair = tuple[KeptOrder | None, KeptDecision | None]


class AuditReport(msgspec.Struct, kw_only=True):
    """What was compared, and every difference."""

    books: int = 0
    movements: int = 0
    reservations: int = 0
    orders: int = 0
    pending: int = 0
    """Orders that are not decided yet, or not released; they are not a difference."""
    copies_sold: int = 0
    """In orders that are confirmed or fulfilled now."""
    differences: list[str] = msgspec.field(default_factory=list)
    """At most about a thousand; then the last one says that there are more."""

    @property
    def full(self) -> bool:
        """Whether so much differs that the audit ends."""
        return len(self.differences) >= DIFFERENCES_MAX


class _Outcome(msgspec.Struct, frozen=True):
    """What the document of a decision says, its words unbound: the audit judges them."""

    order_id: str
    status: str
    lines: list[SoldLine] = []
    rejection: dict[str, Any] | None = None


_outcome = msgspec.json.Decoder(_Outcome).decode


def audit(shop: Shop, *, integrity: bool = False) -> AuditReport:
    """Compare ledger, stock, decisions and orders across both services.

    Args:
        shop: may be open.
        integrity: have both databases look for faults in themselves first; they read all of
            their files for that.

    Raises:
        RemoteError: a service does not answer, or makes no sense.
    """
    for service in (shop.catalog, shop.order):  # one that hangs is found out soon
        service.ready()
    report = AuditReport()
    if integrity:
        for service in (shop.catalog, shop.order):
            report.differences += [f"{service.name}.db: {fault}" for fault in service.faults()]
    _check_stock(shop, report)
    if not report.full:
        _check_orders(shop, report)
    if report.full:
        report.differences.append(
            f"the audit ends after {DIFFERENCES_MAX} differences; there may be more"
        )
    return report


def _check_stock(shop: Shop, report: AuditReport) -> None:
    """Have the catalog check its own books."""
    for part in shop.catalog.stock_report():
        report.books += part.books
        report.movements += part.movements
        report.differences += part.differences[: DIFFERENCES_MAX - len(report.differences)]
        if report.full:
            return


def _check_orders(shop: Shop, report: AuditReport) -> None:
    """Compare every order that there was at the beginning with the decision about it."""
    last = max(shop.catalog.last_order_id(), shop.order.last_order_id())
    suspects: list[str] = []
    for order, decision in pairs(
        takewhile(lambda one: one.order_id <= last, shop.order.kept_orders()),
        takewhile(lambda one: one.order_id <= last, shop.catalog.kept_decisions()),
    ):
        _count(report, order, decision)
        if difference(order, decision):
            suspects.append(_order_id(order, decision))
        if len(suspects) == SUSPECTS_MAX:
            report.differences += recheck(shop, suspects)
            suspects.clear()
        if report.full:
            return
    report.differences += recheck(shop, suspects)


def _count(report: AuditReport, order: KeptOrder | None, decision: KeptDecision | None) -> None:
    report.reservations += decision is not None
    if order is not None:
        report.orders += 1
        report.pending += _on_its_way(order)
        if order.status in _SOLD:
            report.copies_sold += sum(line.quantity for line in order.lines)


def pairs(orders: Iterator[KeptOrder], decisions: Iterator[KeptDecision]) -> Iterator[Pair]:
    """Yield each order with the decision about it; None where one of them is missing.

    Args:
        orders: by order id.
        decisions: by order id.
    """
    order, decision = next(orders, None), next(decisions, None)
    while order is not None or decision is not None:
        if decision is None or (order is not None and order.order_id < decision.order_id):
            yield order, None
            order = next(orders, None)
        elif order is None or decision.order_id < order.order_id:
            yield None, decision
            decision = next(decisions, None)
        else:
            yield order, decision
            order, decision = next(orders, None), next(decisions, None)


def _order_id(order: KeptOrder | None, decision: KeptDecision | None) -> str:
    kept = order or decision
    assert kept is not None
    return kept.order_id


def recheck(shop: Shop, order_ids: list[str]) -> list[str]:
    """Compare orders again, in case they were only seen at two different moments.

    Returns:
        What still differs after five looks.
    """
    found = dict.fromkeys(order_ids, "")
    for attempt in range(RECHECKS):
        if attempt and found:
            sleep(RECHECK_PAUSE_S)
        again = {order_id: _look(shop, order_id) for order_id in found}
        found = {order_id: text for order_id, text in again.items() if text is not None}
    return list(found.values())


def _look(shop: Shop, order_id: str) -> str | None:
    decision = _if_there(shop.catalog.kept_decision, order_id)
    order = _if_there(shop.order.kept_order, order_id)
    return difference(order, decision)


def _if_there(ask: Callable[[str], T], order_id: str) -> T | None:
    try:
        return ask(order_id)
    except RemoteError as error:
        if error.problem is not None and error.problem.status == NOT_FOUND:
            return None
        raise


def difference(order: KeptOrder | None, decision: KeptDecision | None) -> str | None:
    """Say how an order and the catalog's decision about it differ, or None."""
    if order is None and decision is None:
        return None
    text = _wrong(order, decision)
    return text and f"order {_order_id(order, decision)}: {text}"


def _wrong(order: KeptOrder | None, decision: KeptDecision | None) -> str | None:
    """Say what is wrong first with an order, with the decision, or between the two."""
    outcome = None
    if decision is not None:
        try:
            outcome = _outcome(decision.outcome)
        except msgspec.DecodeError as error:
            return f"the catalog's decision cannot be read: {error}"
        if (outcome.order_id, outcome.status) != (decision.order_id, decision.status):
            return (
                f"the catalog's decision says {decision.status}, its document says "
                f"{outcome.status} of order {outcome.order_id}"
            )
    if order is None:
        assert outcome is not None
        if outcome.status == "released" and not outcome.lines:
            return None  # somebody cancelled what was never ordered; nothing was taken
        return "the catalog holds a decision, but there is no order"
    return (
        _wrong_status(order, outcome)
        or _wrong_lines(order, outcome)
        or _wrong_reason(order, outcome)
    )


def _on_its_way(order: KeptOrder) -> bool:
    """Tell whether the catalog may still be asked about an order."""
    return order.status == "pending" or (order.status == "cancelled" and not order.settled)


def _is_withdrawn(order: KeptOrder) -> bool:
    """Tell whether the order service rejected an order itself, without asking the catalog."""
    try:
        reason = msgspec.json.decode(order.rejection or "null")
    except msgspec.DecodeError:
        return False
    is_one = order.status == "rejected" and order.settled and isinstance(reason, dict)
    return is_one and reason.get("code") == WITHDRAWN


def _wrong_status(order: KeptOrder, outcome: _Outcome | None) -> str | None:
    held = outcome.status if outcome else "none"
    if order.status not in ALLOWED:
        return f"its status is {order.status!r}, which is none"
    if outcome is None and _is_withdrawn(order):
        return None
    if held not in ALLOWED["pending" if _on_its_way(order) else order.status]:
        return f"it is {order.status}, but the catalog says {held}"
    return None


def _wrong_lines(order: KeptOrder, outcome: _Outcome | None) -> str | None:
    """Compare what was asked for, and what it was sold as, on both sides."""
    if not order.lines:
        return "it has no lines"
    sold_as = [
        (line.book_id, line.quantity, line.title, line.price_minor, line.currency)
        for line in order.lines
    ]
    unsold = [(*line[:2], None, None, None) for line in sold_as]
    taken = [
        (line.book_id, line.quantity, line.title, line.price_minor, line.currency)
        for line in (outcome.lines if outcome else ())
    ]
    if taken and [line[:2] for line in taken] != [line[:2] for line in sold_as]:
        return (
            f"its lines are {[line[:2] for line in sold_as]}, "
            f"the catalog sold {[line[:2] for line in taken]}"
        )
    if _on_its_way(order) and sold_as == unsold:
        return None  # it does not know yet what it was sold as
    if sold_as != (taken or unsold):
        return f"it says that it was sold as {_told(sold_as)}, the catalog says {_told(taken)}"
    return None


def _told(lines: Sequence[tuple[int, int, str | None, int | None, str | None]]) -> str:
    return str([line[2:] for line in lines]) if lines else "nothing"


def _wrong_reason(order: KeptOrder, outcome: _Outcome | None) -> str | None:
    """Compare why an order was rejected, on both sides and with what it asked for."""
    if order.status != "rejected":
        return None if order.rejection is None else f"it is {order.status}, but has a reason"
    if outcome is None:
        return None  # it was withdrawn before the catalog heard of it
    try:
        reason = msgspec.json.decode(order.rejection or "null")
    except msgspec.DecodeError as error:
        return f"the reason of its rejection cannot be read: {error}"
    if reason is None or reason != outcome.rejection:
        return f"it says that it was rejected for {reason}, the catalog says {outcome.rejection}"
    book_id, requested = reason.get("book_id"), reason.get("requested")
    asked = {line.book_id: line.quantity for line in order.lines}
    if book_id is not None and (
        book_id not in asked or (requested is not None and requested != asked[book_id])
    ):
        return (
            f"it was rejected for {requested or 'some'} of book {book_id}, but asks for "
            f"{list(asked.items())}"
        )
    return None
