"""What people do to an order, and what becomes of it then: pure rules, no I/O.

Each returns the very same order where there is nothing to change, so that asking twice does no
more than asking once.
"""

from msgspec import Struct
from msgspec.structs import replace

from bazar.kit.clock import as_datetime
from bazar.kit.errors import BazarError, Unavailable
from bazar.order.domain import StoredOrder, can_become
from bazar.order.progress import FIRST, can_progress, last_step
from bazar.wire.orders import OrderEvent, OrderStatus, Progress
from bazar.wire.problems import OrderNotCancellable, OrderNotFulfillable, ProgressNotPossible


def cancel(order: StoredOrder, at_ms: int) -> StoredOrder:
    """Return an order as its cancel leaves it; the catalog has to be told of it.

    Raises:
        OrderNotCancellable: definite.
    """
    if order.status == "cancelled":
        return order
    if not can_become(order.status, "cancelled"):
        raise _refusal(OrderNotCancellable, order)
    return replace(order, status="cancelled", settled=False, ended_at_ms=at_ms)


def fulfil(order: StoredOrder, at_ms: int) -> StoredOrder:
    """Return an order as handing it over leaves it.

    Raises:
        OrderNotFulfillable: definite.
        Unavailable: indefinite; it may be confirmed, which only the catalog knows.
    """
    if order.status == "fulfilled":
        return order
    _check_decided(order)
    if not can_become(order.status, "fulfilled"):
        raise _refusal(OrderNotFulfillable, order)
    return _at_step(order, last_step(order.delivery), at_ms)


def advance(order: StoredOrder, step: Progress, tracking: str, at_ms: int) -> StoredOrder:
    """Return an order as a step of the shop leaves it; the last one fulfils it.

    Args:
        order: as it stands.
        step: that it is at now.
        tracking: where the post tells how far it is; empty leaves what is there.
        at_ms: when.

    Raises:
        ProgressNotPossible: definite.
        Unavailable: indefinite; it may be confirmed, which only the catalog knows.
    """
    _check_decided(order)
    tracking = tracking or order.tracking
    now: Progress = order.progress or FIRST
    known: tuple[OrderStatus, ...] = ("confirmed", "fulfilled")
    if order.status in known and now == step:
        return order if tracking == order.tracking else replace(order, tracking=tracking)
    if order.status != "confirmed" or not can_progress(order.delivery, now, step):
        message = (
            f"order {order.order_id} is {order.status}, {now}, to {order.delivery}; not {step}"
        )
        raise ProgressNotPossible(message, order_id=order.order_id)
    return replace(_at_step(order, step, at_ms), tracking=tracking)


class Event(Struct, frozen=True):
    """Something that people did to an order."""

    at_ms: int
    what: OrderStatus | Progress
    by: str = ""
    detail: str = ""

    def public(self) -> OrderEvent:
        """Return it as the keeper sees it."""
        return OrderEvent(
            at=as_datetime(self.at_ms), what=self.what, by=self.by, detail=self.detail
        )


def event_of(before: StoredOrder, after: StoredOrder, at_ms: int, by: str) -> Event:
    """Return what a change was, for the list of all that was done to the order."""
    step = after.progress or FIRST
    if after.status == "cancelled":
        return Event(at_ms, "cancelled", by)
    return Event(at_ms, step, by, "" if after.tracking == before.tracking else after.tracking)


def _at_step(order: StoredOrder, step: Progress, at_ms: int) -> StoredOrder:
    moved = replace(order, progress=None if step == FIRST else step, progress_at_ms=at_ms)
    if step != last_step(order.delivery):
        return moved
    assert can_become(order.status, "fulfilled")
    return replace(moved, status="fulfilled", settled=True, ended_at_ms=at_ms)


def _check_decided(order: StoredOrder) -> None:
    if order.status == "pending":
        message = f"order {order.order_id} is not decided yet"
        raise Unavailable(message)


def _refusal(kind: type[BazarError], order: StoredOrder) -> BazarError:
    message = f"order {order.order_id} is {order.status}"
    return kind(message, order_id=order.order_id)
