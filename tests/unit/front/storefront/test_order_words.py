"""What an order's page says: how far it is, how it is paid, and when it looks again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bazar.front.storefront.order_words import (
    payment_of,
    qr_code,
    reason_words,
    refresh_s,
    spaced,
    steps_of,
)
from bazar.kit.web.texts import texts
from bazar.wire.orders import Buyer, Order, OrderLine
from bazar.wire.problems import REJECTIONS
from bazar.wire.shop import Shop

ENGLISH = texts("bazar.words", "en")
SHOP = Shop(version=1, currency="USD", time_zone="Asia/Amman", keep_days=14)
AT = datetime(2026, 11, 26, 9, 42, tzinfo=UTC)
LATER = AT + timedelta(days=1)
LINA = Buyer(name="Lina", email="lina@example.org")
POST = Buyer(name="Lina", email="lina@example.org", delivery="post", payment="invoice")


def order(**members: Any) -> Order:  # noqa: ANN401  whatever a test needs
    """Return an order of Lina's."""
    given: dict[str, Any] = {
        "status": "confirmed",
        "buyer": LINA,
        "progress": "to_pick",
        "placed_at": AT,
    } | members
    return Order(
        order_id="01m82zv8608cd1ksdgzxvk7q2t4"[-26:],
        lines=[OrderLine(book_id=8, quantity=1)],
        total=None,
        currency=None,
        reason=None,
        **given,
    )


def steps(one: Order) -> list[tuple[str, str, str]]:
    """Return the steps of an order."""
    return [(step.state, step.title, step.text) for step in steps_of(one, SHOP, ENGLISH)]


def test_the_first_step_is_under_way() -> None:
    """It was ordered at a time of the shop's own zone, and is being picked."""
    assert [
        ("done", "Ordered", "Thursday 26 November, 12:42"),
        ("now", "Being picked", ""),
        ("to-come", "Ready to collect", ""),
        ("to-come", "Collected", ""),
    ] == steps(order())


def test_mail_is_promised_only_where_it_is_sent() -> None:
    """A shop without mail says nothing of it."""
    assert ("to-come", "Ready to collect", "We will e-mail you") == steps(order(mailed=True))[2]


def test_what_is_ready_is_kept_until_a_day() -> None:
    """The days of the shop's settings count from the moment at which it was ready."""
    one = order(progress="ready", progress_at=AT)
    assert ("now", "Ready to collect", "We keep it until 10 December.") == steps(one)[2]


def test_the_last_step_is_done_when_it_was_handed_over() -> None:
    """Collected or sent, all steps are done, the last at its time."""
    collected = steps(order(status="fulfilled", progress="collected", ended_at=LATER))
    assert {"done"} == {state for state, _title, _text in collected}
    assert ("done", "Collected", "Friday 27 November, 12:42") == collected[3]
    sent = steps(order(buyer=POST, status="fulfilled", progress="sent", ended_at=LATER))
    assert ["Ordered", "Being picked", "Being packed", "Sent"] == [step[1] for step in sent]


def test_an_order_of_the_open_interface_has_steps_too() -> None:
    """Nobody knows its buyer, nor how it is paid."""
    bare = order(buyer=None, progress=None)
    assert ["done", "now", "to-come", "to-come"] == [step[0] for step in steps(bare)]
    assert payment_of(bare, ENGLISH) is None


@pytest.mark.parametrize(
    ("buyer", "status", "pill"),
    [
        (LINA, "confirmed", "To pay"),
        (LINA, "fulfilled", "Paid"),
        (POST, "confirmed", "By invoice"),
        (POST, "fulfilled", "By invoice"),
    ],
)
def test_how_an_order_is_paid(buyer: Buyer, status: str, pill: str) -> None:
    """At the counter with the books; of an invoice the page does not say that it is paid."""
    paying = payment_of(order(buyer=buyer, status=status), ENGLISH)
    assert paying is not None
    assert pill == paying.pill


def test_an_undecided_order_is_looked_at_less_and_less() -> None:
    """Every 5 seconds, after a minute every 15, after ten every 60."""
    ages_ms = (0, 59_999, 60_000, 599_999, 600_000, 10**9)
    assert [5, 5, 15, 15, 60, 60] == [refresh_s(age_ms) for age_ms in ages_ms]


def test_a_reference_is_read_out_in_halves() -> None:
    """Also where the order service gave none: it is the end of the id."""
    assert "K7Q 2T4" == spaced(order())
    assert "ABC DEF" == spaced(order(reference="ABCDEF"))


def test_a_code_is_a_picture_without_a_style() -> None:
    """The content policy lets no style in; sizes are attributes."""
    drawn = qr_code("https://shop.example/order/01m82zv8608cd1ksdgzxvk7q2t")
    assert drawn.startswith("<svg viewBox=")
    assert "style=" not in drawn


def test_every_refusal_has_words_or_none_that_are_wrong() -> None:
    """Why an order was not possible is said where a reader can do something with it."""
    told = {code for code in REJECTIONS if reason_words(code, ENGLISH)}
    assert {"out-of-stock", "price-changed", "book-retired", "book-not-found"} == told
    assert "" == reason_words(None, ENGLISH)
