"""What a keeper's question for orders means."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bazar.kit.errors import InvalidRequest
from bazar.order.finding import Sought, Wanted, check_query, sought, wanted
from bazar.wire.orders import OrderQuery

ORDER_ID = "01h0000000000000000k7q2t4a"[:26]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (" ", None),
        ("K7Q2T4", Sought(reference="k7q2t4", name_key="k7q2t4")),
        ("k7q 2t4", Sought(reference="k7q2t4", name_key="k7q 2t4")),
        ("K7Q-2T4", Sought(reference="k7q2t4", name_key="k7q-2t4")),
        ("KOQ ILT", Sought(reference="k0q11t", name_key="koq ilt")),
        ("K7Q2TU", Sought(name_key="k7q2tu")),
        ("K7Q2T", Sought(name_key="k7q2t")),
        ("  Lina ", Sought(name_key="lina")),
        ("LINA@example.org", Sought(email_key="lina@example.org")),
        (ORDER_ID, Sought(order_id=ORDER_ID)),
        (f"https://shop.example/order/{ORDER_ID.upper()}/", Sought(order_id=ORDER_ID)),
    ],
)
def test_a_text_is_taken_for_what_it_may_mean(text: str, meant: Sought | None) -> None:
    """A reference with or without a space, an id, an order's address, an e-mail address, a name."""
    assert meant == sought(text)


@pytest.mark.parametrize(
    ("question", "member"),
    [
        ({"before": "a"}, "before"),
        ({"progress": "ready"}, "progress"),
        ({"channel": "web"}, "channel"),
        ({"since": datetime(2026, 1, 1, tzinfo=UTC)}, "from"),
        ({"until": datetime(2026, 1, 1, tzinfo=UTC)}, "to"),
        ({"q": "lina"}, "q"),
        ({"sort": "-placed_at", "after": "a"}, "after"),
        ({"sort": "-placed_at", "by": "id"}, "by"),
        ({"status": "pending", "by": "id"}, "by"),
    ],
)
def test_questions_that_do_not_fit_together_are_refused(
    question: dict[str, Any], member: str
) -> None:
    """And the one that is too much is named as it stands in the question."""
    with pytest.raises(InvalidRequest) as refused:
        check_query(OrderQuery(**question))
    assert member == refused.value.member


def test_a_step_implies_a_status() -> None:
    """One that contradicts it has no orders at all."""
    question = OrderQuery(sort="-placed_at", progress="packed", limit=5)
    check_query(question)
    assert Wanted(progress="packed", status="confirmed", limit=5) == wanted(question)
    both = OrderQuery(sort="-placed_at", progress="sent", status="fulfilled")
    assert Wanted(progress="sent", status="fulfilled", limit=20) == wanted(both)
    assert None is wanted(OrderQuery(sort="-placed_at", progress="sent", status="confirmed"))
