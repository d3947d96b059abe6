"""The steps of orders as lines of the log, where somebody watches; else these do nothing."""

from collections.abc import Iterable, Mapping, Sequence

from bazar.kit.errors import BazarError
from bazar.kit.steps import lines_text, steps
from bazar.order.domain import StoredOrder
from bazar.order.upstream import Decision, Undecided
from bazar.wire.placing import Placement, PlacementAnswer

Asking = tuple[StoredOrder | BazarError, Placement]
"""A new order, or what is wrong with it, and what asked for it."""


def write_received(placements: Sequence[Placement], call: str) -> None:
    """Write that placements came in one call."""
    if steps.on:
        for one in placements:
            batch, left_ms = len(placements), one.deadline_ms
            steps.write("received", **_about(one), call=call, batch=batch, left_ms=left_ms)


def write_answers(
    placements: Sequence[Placement], answers: Sequence[PlacementAnswer], call: str
) -> None:
    """Write what is answered to the placements of one call."""
    if steps.on:
        for one, answer in zip(placements, answers, strict=True):
            order_id, status = answer.order_id, answer.status
            steps.write("answer", **_about(one), call=call, order_id=order_id, status=status)


def write_stored(asked: Iterable[Asking], inserted: set[str]) -> None:
    """Write which new orders are stored now."""
    if steps.on:
        for order, placement in asked:
            if isinstance(order, StoredOrder) and order.order_id in inserted:
                lines = lines_text((line.book_id, line.quantity) for line in order.lines)
                steps.write("stored", **_about(placement), order_id=order.order_id, lines=lines)


def write_found(found: Iterable[Asking], inserted: set[str]) -> None:
    """Write which placements got no new order: refused, or placed before."""
    if steps.on:
        for one, placement in found:
            if isinstance(one, BazarError):
                steps.write("refused", **_about(placement), code=one.code)
            elif one.order_id not in inserted:
                order_id, status = one.order_id, one.status
                steps.write("replayed", **_about(placement), order_id=order_id, status=status)


def write_undecided(orders: Iterable[StoredOrder], request_ids: Mapping[str, str]) -> None:
    """Write which orders have no decision in the time of those who wait."""
    if steps.on:
        for one in orders:
            request_id = request_ids.get(one.order_id, "")
            steps.write("undecided", order_id=one.order_id, request_id=request_id)


def write_heard(orders: Sequence[StoredOrder], answers: Sequence[Decision | Undecided]) -> None:
    """Write what the catalog said of some orders."""
    if steps.on:
        for order, answer in zip(orders, answers, strict=True):
            if isinstance(answer, Undecided):
                steps.write("not-heard", order_id=order.order_id, reason=answer.reason)
                continue
            outcome = answer.outcome
            code = outcome.rejection.code if outcome.rejection else ""
            steps.write("heard", order_id=order.order_id, outcome=outcome.status, code=code)


def write_of(step: str, orders: Iterable[StoredOrder]) -> None:
    """Write a step of some orders as they are now."""
    if steps.on:
        for one in orders:
            steps.write(step, order_id=one.order_id, status=one.status, progress=one.progress)


def _about(placement: Placement) -> dict[str, str]:
    return {"request_id": placement.request_id, "key": placement.key}
