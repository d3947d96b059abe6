"""What people do to an order: which change is possible, and what it leaves."""

from collections.abc import Callable
from itertools import product
from typing import get_args

import pytest
from msgspec.structs import replace

from bazar.kit.errors import BazarError, Unavailable
from bazar.order.changes import advance, cancel, fulfil
from bazar.order.domain import StoredLine, StoredOrder
from bazar.order.progress import STEPS, can_progress
from bazar.wire.orders import Delivery, OrderStatus, Progress
from bazar.wire.problems import OrderNotCancellable, OrderNotFulfillable, ProgressNotPossible
from support.buyers import LINA, OMAR

AT_MS = 1_700_000_000_000
CONFIRMED = StoredOrder(
    "01h000000000000000000000aa",
    "k",
    "order",
    "confirmed",
    settled=True,
    rejection=None,
    placed_at_ms=1,
    lines=(StoredLine(7, 2, "T", 1999, "USD"),),
)
STATUSES: tuple[OrderStatus, ...] = get_args(OrderStatus)


@pytest.mark.parametrize("buyer", [None, LINA, OMAR], ids=("nobody", "collect", "post"))
def test_every_step_that_may_not_be_is_refused_and_names_where_the_order_is(
    buyer: object,
) -> None:
    """From each step to each, of both ways; one that may be moves the order and nothing else."""
    delivery: Delivery = "post" if buyer is OMAR else "collect"
    order = replace(CONFIRMED, buyer=buyer)
    steps: tuple[Progress, ...] = get_args(Progress)
    for step, following in product(STEPS[delivery][:-1], steps):
        at = replace(order, progress=None if step == "to_pick" else step)
        if step == following:
            assert at is advance(at, following, "", AT_MS)
        elif can_progress(delivery, step, following):
            after = advance(at, following, "", AT_MS)
            last = following == STEPS[delivery][-1]
            stored = None if following == "to_pick" else following
            ended = replace(at, status="fulfilled", ended_at_ms=AT_MS) if last else at
            assert replace(ended, progress=stored, progress_at_ms=AT_MS) == after
        else:
            with pytest.raises(ProgressNotPossible, match=step):
                advance(at, following, "", AT_MS)


@pytest.mark.parametrize("status", STATUSES)
def test_only_a_confirmed_order_goes_on(status: OrderStatus) -> None:
    """Of a pending one nobody knows yet whether it will."""
    order = replace(
        CONFIRMED, status=status, progress="collected" if status == "fulfilled" else None
    )
    if status == "confirmed":
        assert "ready" == advance(order, "ready", "", AT_MS).progress
        return
    with pytest.raises(Unavailable if status == "pending" else ProgressNotPossible):
        advance(order, "ready", "", AT_MS)


def test_tracking_is_kept_until_another_is_told() -> None:
    """Also once the order is sent; the step again changes no time."""
    sent = advance(replace(CONFIRMED, buyer=OMAR), "sent", "RR1", AT_MS)
    assert ("fulfilled", "sent", "RR1") == (sent.status, sent.progress, sent.tracking)
    assert sent is advance(sent, "sent", "", AT_MS + 1)
    assert sent is advance(sent, "sent", "RR1", AT_MS + 1)
    assert replace(sent, tracking="RR2") == advance(sent, "sent", "RR2", AT_MS + 1)
    packed = advance(replace(CONFIRMED, buyer=OMAR), "packed", "RR1", AT_MS)
    assert "RR1" == advance(packed, "sent", "", AT_MS).tracking


@pytest.mark.parametrize(
    ("buyer", "last"), [(None, "collected"), (LINA, "collected"), (OMAR, "sent")]
)
def test_to_fulfil_is_the_last_step(buyer: object, last: str) -> None:
    """From wherever the order is."""
    order = replace(CONFIRMED, buyer=buyer)
    fulfilled = fulfil(order, AT_MS)
    assert ("fulfilled", last, AT_MS, AT_MS) == (
        fulfilled.status,
        fulfilled.progress,
        fulfilled.progress_at_ms,
        fulfilled.ended_at_ms,
    )
    assert fulfilled is fulfil(fulfilled, AT_MS + 1)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(
    ("change", "possible", "refusal"),
    [
        (cancel, {"pending", "confirmed", "cancelled"}, OrderNotCancellable),
        (fulfil, {"confirmed", "fulfilled"}, OrderNotFulfillable),
    ],
)
def test_what_is_not_possible_is_refused(
    status: OrderStatus,
    change: Callable[[StoredOrder, int], StoredOrder],
    possible: set[str],
    refusal: type[BazarError],
) -> None:
    """And what is done already stays as it is."""
    order = replace(CONFIRMED, status=status)
    if status in possible:
        changed = change(order, AT_MS)
        assert (changed is order) == (status in {"cancelled", "fulfilled"})
        return
    with pytest.raises(Unavailable if (change, status) == (fulfil, "pending") else refusal):
        change(order, AT_MS)


def test_a_cancelled_order_waits_for_its_release() -> None:
    """And tells when it was cancelled."""
    after = cancel(CONFIRMED, AT_MS)
    assert ("cancelled", False, AT_MS) == (after.status, after.settled, after.ended_at_ms)
