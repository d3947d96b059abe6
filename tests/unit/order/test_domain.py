"""The rules of the order service: the life of an order, and what its client is told."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import product
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bazar.kit.errors import BazarError, InvalidRequest
from bazar.kit.http.answers import encode
from bazar.kit.money import DECIMALS, PRICE_MINOR_MAX, to_price
from bazar.order.domain import (
    TRANSITIONS,
    StoredLine,
    StoredOrder,
    asks_for,
    can_become,
    cancelled,
    check_delivery,
    check_lines,
    decided,
    first_answer,
    misfit,
    public,
    stored_lines,
)
from bazar.wire.limits import QUANTITY_MAX
from bazar.wire.orders import Accepted, Line, OrderStatus, Purchase, Receipt
from bazar.wire.placing import Kind
from bazar.wire.problems import (
    BookNotFound,
    MixedCurrencies,
    OrderCancelled,
    OrderRejected,
    OutOfStock,
    PriceChanged,
)
from bazar.wire.stock import Outcome, Rejection, SoldLine
from support.buyers import LINA, OMAR

STATUSES: tuple[OrderStatus, ...] = get_args(OrderStatus)
ORDER_ID = "01h000000000000000000000aa"

PENDING = StoredOrder(
    order_id=ORDER_ID,
    key="k",
    kind="purchase",
    status="pending",
    settled=False,
    rejection=None,
    placed_at_ms=1_700_000_000_000,
    lines=(StoredLine(7, 2),),
)
RESERVED = Outcome(ORDER_ID, "reserved", [SoldLine(7, 2, "RPCs for Noobs", 1999, "USD", 3)])
RELEASED = Outcome(ORDER_ID, "released")
REJECTED = Outcome(
    ORDER_ID, "rejected", rejection=Rejection("out-of-stock", "0 in stock, 2 asked for", 7, 2, 0)
)
CONFIRMED = decided(PENDING, RESERVED)
OF_STATUS: dict[OrderStatus, StoredOrder] = {
    "pending": PENDING,
    "confirmed": CONFIRMED,
    "rejected": decided(PENDING, REJECTED),
    "cancelled": replace(CONFIRMED, status="cancelled"),
    "fulfilled": replace(CONFIRMED, status="fulfilled"),
}


def several(order: StoredOrder) -> StoredOrder:
    """Return a confirmed order as one of two lines."""
    return replace(
        order,
        kind="order",
        lines=(*order.lines, StoredLine(8, 1, "Impatient Undergrad", 500, "USD")),
    )


def wanted(lines: Sequence[Line], kind: Kind = "purchase") -> StoredOrder:
    """Return the new order that a request for these lines makes."""
    return replace(PENDING, order_id="another", kind=kind, lines=stored_lines(lines))


def test_the_transitions_are_those_of_the_diagram() -> None:
    """Only these five steps are legal, and every status has its row."""
    legal = {
        ("pending", "confirmed"),
        ("pending", "rejected"),
        ("pending", "cancelled"),
        ("confirmed", "cancelled"),
        ("confirmed", "fulfilled"),
    }
    assert set(STATUSES) == set(TRANSITIONS)
    walked = {(a, b) for a, b in product(STATUSES, STATUSES) if can_become(a, b)}
    assert legal == walked


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("outcome", [RESERVED, REJECTED, RELEASED], ids=lambda one: one.status)
def test_a_decision_moves_only_a_pending_order(status: OrderStatus, outcome: Outcome) -> None:
    """A pending order follows the catalog; one that is not pending stays the same object."""
    order = OF_STATUS[status]
    after = decided(order, outcome)
    if status == "pending":
        expected = {"reserved": "confirmed", "rejected": "rejected", "released": "cancelled"}
        assert expected[outcome.status] == after.status
        assert after.settled
    else:
        assert order is after


def test_a_reserved_order_keeps_what_it_was_sold_as() -> None:
    """Title, price and currency of each line come from the catalog's decision."""
    assert (StoredLine(7, 2, "RPCs for Noobs", 1999, "USD"),) == CONFIRMED.lines
    assert CONFIRMED.sold
    assert CONFIRMED.rejection is None


def test_a_rejected_order_keeps_its_reason_and_its_lines() -> None:
    """The rejection is kept as the catalog gave it, and nothing counts as sold."""
    order = decided(PENDING, REJECTED)
    assert REJECTED.rejection == order.rejection
    assert PENDING.lines == order.lines
    assert not order.sold


def test_a_released_order_is_cancelled_and_was_not_sold() -> None:
    """A pending order whose release came first ends cancelled, with nothing sold."""
    order = decided(PENDING, RELEASED)
    assert "cancelled" == order.status
    assert not order.sold


def test_a_released_sale_is_cancelled_and_was_sold() -> None:
    """Its buyer may have heard of the sale before a crash, and must hear the same again."""
    released = Outcome(ORDER_ID, "released", RESERVED.lines)
    for order in (
        decided(PENDING, released),
        cancelled(replace(PENDING, status="cancelled"), released),
    ):
        assert "cancelled" == order.status
        assert order.settled
        assert first_answer(CONFIRMED) == first_answer(order)


def test_while_it_is_not_known_whether_a_cancelled_order_was_sold_the_answer_is_open() -> None:
    """Neither the sale nor its absence may be told before the release says which it was."""
    order = replace(PENDING, status="cancelled", settled=False)
    assert isinstance(first_answer(order), Accepted)


def test_lines_may_not_name_a_book_twice() -> None:
    """A doubled book is refused, whatever its quantities; different books pass."""
    check_lines([])
    check_lines([Line(1, 2), Line(2, 2)])
    with pytest.raises(InvalidRequest, match="book 1 is in two lines") as refused:
        check_lines([Line(1, 2), Line(2), Line(1, 3)])
    assert refused.value.definite


def test_a_repetition_is_told_by_what_it_asks_for_not_by_its_spelling() -> None:
    """A quantity that is written out asks for the same as the default one."""
    for text in (b'{"quantity": 1, "id": 7}', b'{"id":7}'):
        line = msgspec.json.decode(text, type=Line)
        assert asks_for(replace(PENDING, lines=(StoredLine(7, 1),)), wanted([line]))


def test_different_requests_are_told_apart() -> None:
    """Another book, quantity, kind, number or order of lines each asks for something else."""
    requests: list[tuple[Kind, list[Line]]] = [
        ("order", [Line(1)]),
        ("order", [Line(2)]),
        ("order", [Line(1, 2)]),
        ("order", [Line(1), Line(2)]),
        ("order", [Line(2), Line(1)]),
        ("order", [Line(1, 2), Line(2)]),
        ("order", [Line(1), Line(2, 2)]),
        ("order", [Line(11)]),
        ("order", [Line(1, 11)]),
        ("purchase", [Line(1)]),
    ]
    for (kind, lines), (other_kind, others) in product(requests, requests):
        order = wanted(lines, kind)
        same = (kind, lines) == (other_kind, others)
        assert same == asks_for(order, wanted(others, other_kind))


def test_a_release_that_adds_a_member_to_a_line_knows_older_requests() -> None:
    """The order was stored before the member was there; its buyer's repetition is still the same.

    Nothing is compared but what is stored, so a default that is new changes nothing.
    """

    class LineToMorrow(Line, frozen=True):
        gift: bool = False

    asked = [LineToMorrow(7, 2)]
    assert asks_for(PENDING, wanted(asked))
    assert not asks_for(PENDING, wanted([LineToMorrow(7, 3)]))


@pytest.mark.parametrize(
    "change",
    [
        {"buyer": None},
        {"buyer": msgspec.structs.replace(OMAR, street="2 Olive Street")},
        {"buyer": msgspec.structs.replace(OMAR, name="Omar B.")},
        {"buyer": msgspec.structs.replace(OMAR, language="ar")},
        {"delivery_minor": 451},
        {"channel": "counter"},
        {"lines": (StoredLine(7, 2, price_seen="19.98"),)},
        {"lines": (StoredLine(7, 2),)},
    ],
    ids=str,
)
def test_a_repetition_asks_for_the_same_to_the_same_person(change: dict[str, Any]) -> None:
    """Buyer, address, what delivery costs, the price seen and the channel are compared too."""
    placed = replace(
        PENDING,
        kind="order",
        buyer=OMAR,
        delivery_minor=450,
        channel="web",
        lines=(StoredLine(7, 2, price_seen="19.99"),),
    )
    again = replace(placed, order_id="another", placed_at_ms=2)
    assert asks_for(placed, again)
    assert asks_for(decided(placed, RESERVED), again)
    assert not asks_for(placed, replace(again, **change))


def test_an_amount_is_compared_not_its_noughts() -> None:
    """A price of 20 was seen as 20.00."""
    seen = [wanted([Line(7, 2, Decimal(text))]) for text in ("20", "20.00", "2E+1")]
    assert all(asks_for(seen[0], one) for one in seen)
    assert not asks_for(seen[0], wanted([Line(7, 2, Decimal("20.01"))]))


def test_what_was_asked_for_stays_the_same_to_the_byte() -> None:
    """Before the order is sold, after it, and where its release came first."""
    order = replace(PENDING, lines=stored_lines([Line(7, 2, Decimal("19.990"))]))
    asked = msgspec.json.encode(order.asked())
    assert b'[{"id":7,"quantity":2,"price":"19.99"}]' == asked
    for outcome in (RESERVED, REJECTED, Outcome(ORDER_ID, "released", RESERVED.lines)):
        assert asked == msgspec.json.encode(decided(order, outcome).asked())


def test_delivery_is_in_the_total_and_beside_it() -> None:
    """In the order and in the receipt; where it costs nothing neither tells of it."""
    order = replace(CONFIRMED, kind="order", buyer=OMAR, delivery_minor=450)
    receipt = first_answer(order)
    assert isinstance(receipt, Receipt)
    for answer in (receipt, public(order)):
        assert ("44.48", "4.50") == (str(answer.total), str(answer.delivery_price))
    assert OMAR == public(order).buyer
    free = first_answer(replace(order, delivery_minor=0))
    assert b"delivery_price" not in bytes(encode(free))
    pending = public(replace(PENDING, kind="order", buyer=OMAR, delivery_minor=450))
    assert (None, None) == (pending.total, pending.delivery_price)


def test_delivery_to_nobody_and_a_buyer_of_one_book_are_refused() -> None:
    """What is collected has no price of delivery; a purchase has no place for either."""
    check_delivery("order", None, 0)
    check_delivery("order", OMAR, 450)
    for kind, buyer, delivery_minor, member in (
        ("purchase", LINA, 0, "buyer"),
        ("order", None, 1, "delivery_minor"),
        ("order", LINA, 1, "delivery_minor"),
    ):
        with pytest.raises(InvalidRequest) as refused:
            check_delivery(kind, buyer, delivery_minor)  # type: ignore[arg-type]
        assert member == refused.value.member


def test_a_changed_price_is_told_with_what_it_is_now() -> None:
    """As an amount of its currency."""
    rejection = Rejection("price-changed", "why", 7, price_minor=1500, currency="JOD")
    order = decided(PENDING, Outcome(ORDER_ID, "rejected", rejection=rejection))
    with pytest.raises(PriceChanged) as refused:
        first_answer(order)
    document = msgspec.json.decode(encode(refused.value.problem()))
    assert (7, 1.5, "JOD") == tuple(document[name] for name in ("book_id", "price", "currency"))
    assert b'"price":1.500' in bytes(encode(refused.value.problem()))


def test_people_call_an_order_by_its_last_letters() -> None:
    """Which are six, in capitals."""
    assert "0000AA" == public(PENDING).reference


def test_a_confirmed_order_is_to_be_picked_until_someone_does() -> None:
    """One that was never sold has no such state; a step that was stored is shown."""
    assert "to_pick" == public(CONFIRMED).progress
    assert None is public(PENDING).progress
    assert "ready" == public(replace(CONFIRMED, progress="ready")).progress


def test_an_order_whose_lines_are_lost_refuses_no_repetition() -> None:
    """A definite refusal could be a lie: it may be the very order that was sold."""
    assert asks_for(replace(PENDING, lines=()), wanted([Line(7, 2)]))


def test_a_pending_order_is_accepted() -> None:
    """Its buyer hears the order id and that it is not decided."""
    answer = first_answer(PENDING)
    assert isinstance(answer, Accepted)
    assert ORDER_ID == answer.order_id
    assert b'"status":"pending"' in msgspec.json.encode(answer)


def test_a_purchase_answers_price_and_total_of_its_currency() -> None:
    """Two copies at 19.99 USD total 39.98 USD; 12.500 JOD keeps its three decimals."""
    answer = first_answer(CONFIRMED)
    assert isinstance(answer, Purchase)
    assert ("19.99", "39.98", "USD") == (str(answer.price), str(answer.total), answer.currency)
    assert "bought book RPCs for Noobs" == answer.message
    dinars = first_answer(replace(CONFIRMED, lines=(StoredLine(7, 2, "T", 12500, "JOD"),)))
    assert isinstance(dinars, Purchase)
    assert ("12.500", "25.000") == (str(dinars.price), str(dinars.total))


@given(
    st.integers(0, PRICE_MINOR_MAX),
    st.integers(1, QUANTITY_MAX),
    st.sampled_from(sorted(DECIMALS)),
)
def test_a_total_is_written_as_its_minor_units_are(
    minor: int, quantity: int, currency: str
) -> None:
    """Whatever the decimals of the currency, price and total are exact, to the byte."""
    line = StoredLine(7, quantity, "T", minor, currency)
    answer = first_answer(replace(CONFIRMED, lines=(line,)))
    assert isinstance(answer, Purchase)
    assert encode(to_price(minor, currency)) == encode(answer.price)
    assert encode(to_price(minor * quantity, currency)) == encode(answer.total)


def test_an_order_of_several_lines_answers_all_of_them() -> None:
    """The receipt has every line and the sum of all copies."""
    answer = first_answer(several(CONFIRMED))
    assert isinstance(answer, Receipt)
    assert [7, 8] == [line.book_id for line in answer.lines]
    assert "44.98" == str(answer.total)
    assert "bought 3 copies of 2 books" == answer.message


def test_one_copy_is_not_called_copies() -> None:
    """The receipt of one copy of one book speaks of one."""
    order = replace(CONFIRMED, kind="order", lines=(StoredLine(7, 1, "T", 1999, "USD"),))
    answer = first_answer(order)
    assert isinstance(answer, Receipt)
    assert "bought 1 copy of 1 book" == answer.message


@pytest.mark.parametrize("lines", ["one", "several"])
def test_the_answer_never_changes_after_the_sale(lines: str) -> None:
    """Confirmed, cancelled after the sale and fulfilled give the same bytes."""
    sold = CONFIRMED if lines == "one" else several(CONFIRMED)
    answers = {
        msgspec.json.encode(first_answer(replace(sold, status=status, settled=settled)))
        for status in ("confirmed", "cancelled", "fulfilled")
        for settled in (False, True)
    }
    assert 1 == len(answers)


def test_an_order_cancelled_before_its_sale_says_so() -> None:
    """Nothing was bought, and the order id is in the error."""
    with pytest.raises(OrderCancelled) as refused:
        first_answer(decided(PENDING, RELEASED))
    assert 409 == refused.value.status
    assert {"order_id": ORDER_ID} == refused.value.members


@pytest.mark.parametrize(
    ("code", "error", "status"),
    [
        ("out-of-stock", OutOfStock, 409),
        ("book-not-found", BookNotFound, 404),
        ("mixed-currencies", MixedCurrencies, 409),
    ],
)
def test_a_rejected_order_raises_its_reason(
    code: str, error: type[BazarError], status: int
) -> None:
    """Each reason has its error, with the figures that the catalog gave."""
    rejection = Rejection(code, "why", 7, 2, 1)
    order = decided(PENDING, Outcome(ORDER_ID, "rejected", rejection=rejection))
    with pytest.raises(error) as refused:
        first_answer(order)
    assert status == refused.value.status
    members = {"order_id": ORDER_ID, "book_id": 7, "requested": 2, "available": 1}
    assert members == refused.value.members


def test_a_reason_of_a_newer_catalog_is_told_as_it_is() -> None:
    """It is as definite as any other, under its own code and with a general title."""
    rejection = Rejection("only-for-schools", "sold to schools alone", 7, 2)
    order = decided(PENDING, Outcome(ORDER_ID, "rejected", rejection=rejection))
    with pytest.raises(OrderRejected) as refused:
        first_answer(order)
    problem = refused.value.problem()
    assert ("only-for-schools", 409, True) == (problem.code, problem.status, problem.definite)
    assert "urn:bazar:error:only-for-schools" == problem.type
    assert "sold to schools alone" == problem.detail
    assert "only-for-schools" == public(order).reason


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(ORDER_ID, "reserved"),
        Outcome(ORDER_ID, "rejected"),
        Outcome(ORDER_ID, "reserved", [SoldLine(7, 1, "T", 1999, "USD", 3)]),
        Outcome(ORDER_ID, "reserved", [SoldLine(8, 2, "T", 1999, "USD", 3)]),
        Outcome(ORDER_ID, "reserved", [SoldLine(7, 2, "T", 1999, "USD", 3)] * 2),
    ],
)
def test_an_outcome_that_is_not_of_the_order_is_found_out(outcome: Outcome) -> None:
    """Sold otherwise than asked for, sold without lines, or refused without a reason."""
    assert misfit(PENDING, outcome)


@pytest.mark.parametrize("outcome", [RESERVED, REJECTED, RELEASED], ids=lambda one: one.status)
def test_an_outcome_of_the_order_fits(outcome: Outcome) -> None:
    """Each of the three that a catalog gives."""
    assert "" == misfit(PENDING, outcome)


@pytest.mark.parametrize(
    "damaged",
    [
        replace(CONFIRMED, lines=()),
        replace(CONFIRMED, lines=(StoredLine(7, 2, "T"),)),
        replace(CONFIRMED, lines=(StoredLine(7, 2, "T", 1999),)),
        replace(CONFIRMED, lines=(*CONFIRMED.lines, StoredLine(8, 1))),
        replace(CONFIRMED, lines=(StoredLine(0, 0),)),
        replace(PENDING, placed_at_ms=-(2**63)),
        replace(PENDING, placed_at_ms=2**63 - 1),
        replace(CONFIRMED, lines=(StoredLine(7, 2, "T", 2**63 - 1, "nothing"),)),
    ],
)
def test_of_a_damaged_order_is_shown_what_is_left(damaged: StoredOrder) -> None:
    """It spoils no list, and its buyer is told something that is no lie."""
    assert ORDER_ID == msgspec.json.decode(encode(public(damaged)))["order_id"]
    assert isinstance(first_answer(damaged), Accepted | Purchase)
    assert not can_become("of another release", "confirmed")  # type: ignore[arg-type]


@pytest.mark.parametrize("status", STATUSES)
def test_the_public_view_follows_the_status(status: OrderStatus) -> None:
    """The view says the status as it is now, prices once sold, and the reason of a rejection."""
    view = public(OF_STATUS[status])
    assert status == view.status
    sold = status in {"confirmed", "cancelled", "fulfilled"}
    assert ("39.98" if sold else None) == (None if view.total is None else str(view.total))
    assert ("out-of-stock" if status == "rejected" else None) == view.reason
    assert view.placed_at.tzinfo is not None
