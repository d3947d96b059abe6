"""Which letter a change of an order calls for, and whether one is still true."""

import pytest
from msgspec.structs import replace

from bazar.order.domain import StoredLine, StoredOrder
from bazar.order.letters import LetterKind, letter_for, still_true
from support.buyers import LINA, OMAR

PENDING = StoredOrder(
    "01h000000000000000000000aa",
    "k",
    "order",
    "pending",
    settled=False,
    rejection=None,
    placed_at_ms=1,
    lines=(StoredLine(7, 2, "T", 1999, "USD"),),
    buyer=LINA,
)
CONFIRMED = replace(PENDING, status="confirmed", settled=True)
REJECTED = replace(PENDING, status="rejected", settled=True)
CANCELLED = replace(PENDING, status="cancelled")
READY = replace(CONFIRMED, progress="ready")
COLLECTED = replace(CONFIRMED, status="fulfilled", progress="collected")
POSTED = replace(CONFIRMED, buyer=OMAR)
PACKED = replace(POSTED, progress="packed")
SENT = replace(POSTED, status="fulfilled", progress="sent")


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (PENDING, CONFIRMED, "confirmed"),
        (PENDING, REJECTED, "not-available"),
        (PENDING, CANCELLED, "cancelled"),
        (CONFIRMED, CANCELLED, "cancelled"),
        (CANCELLED, replace(CANCELLED, settled=True), None),
        (CONFIRMED, READY, "ready"),
        (READY, CONFIRMED, None),
        (READY, COLLECTED, None),
        (CONFIRMED, COLLECTED, None),
        (POSTED, PACKED, None),
        (PACKED, SENT, "sent"),
        (POSTED, SENT, "sent"),
        (SENT, replace(SENT, tracking="RR1"), None),
    ],
)
def test_a_change_calls_for_its_letter(
    before: StoredOrder, after: StoredOrder, kind: LetterKind | None
) -> None:
    """And for none where there is nobody to write to."""
    assert kind == letter_for(before, after)
    assert None is letter_for(replace(before, buyer=None), replace(after, buyer=None))


@pytest.mark.parametrize(
    ("kind", "true"),
    [
        ("confirmed", [CONFIRMED, READY, COLLECTED, PACKED, SENT]),
        ("not-available", [REJECTED]),
        ("ready", [READY]),
        ("sent", [SENT]),
        ("cancelled", [CANCELLED]),
    ],
)
def test_a_letter_that_is_not_true_any_more_is_known(
    kind: LetterKind, true: list[StoredOrder]
) -> None:
    """A letter that waited may speak of what was undone since."""
    orders = (PENDING, CONFIRMED, REJECTED, CANCELLED, READY, COLLECTED, PACKED, SENT)
    assert true == [order for order in orders if still_true(kind, order)]
