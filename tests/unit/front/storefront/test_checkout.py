"""What came of a try to order: each answer of the order service means one thing to a buyer."""

import msgspec
import pytest

from bazar.front.storefront.basket import BasketLine
from bazar.front.storefront.checkout import (
    MANY_IN_ALL,
    MANY_OF_ONE,
    Busy,
    OpenOrders,
    Outcome,
    Placed,
    Refused,
    Reused,
    TooMany,
    Unknown,
    outcome_of,
    over_limits,
)
from bazar.kit.errors import BazarError, InternalError, InvalidRequest, Overloaded, Unavailable
from bazar.kit.http.answers import encode
from bazar.wire.orders import Accepted
from bazar.wire.placing import PlacementAnswer
from bazar.wire.problems import (
    PLACING_ERRORS,
    BookNotFound,
    BookRetired,
    KeyReused,
    MixedCurrencies,
    OrderCancelled,
    OrderRejected,
    OutOfStock,
    PriceChanged,
    TooManyOpenOrders,
)
from bazar.wire.shop import Shop

SHOP = Shop(version=1, currency="USD", copies_a_line_max=10, copies_an_order_max=20)


def outcome(error: BazarError, order_id: str = "") -> Outcome:
    """Return what an error means for a buyer."""
    return outcome_of(PlacementAnswer(error.status, encode(error.problem()), order_id))


@pytest.mark.parametrize("status", [201, 202])
def test_a_confirmed_and_an_undecided_order_are_there(status: int) -> None:
    """Both have a page, which tells the one from the other."""
    body = msgspec.Raw(msgspec.json.encode(Accepted(order_id="x", message="")))
    assert Placed("x") == outcome_of(PlacementAnswer(status, body, "x"))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OutOfStock("", book_id=8), Refused("out-of-stock", 8)),
        (PriceChanged("", book_id=8), Refused("price-changed", 8)),
        (BookRetired("", book_id=8), Refused("book-retired", 8)),
        (BookNotFound("", book_id=8), Refused("book-not-found", 8)),
        (MixedCurrencies(""), Refused("mixed-currencies")),
        (OrderRejected("", reason="of-the-future"), Refused("of-the-future")),
        (OrderCancelled(""), Refused("order-cancelled")),
        (InvalidRequest(""), Refused("invalid-request")),
        (TooManyOpenOrders(""), OpenOrders()),
        (KeyReused(""), Reused("")),
        (Overloaded(""), Busy()),
        (Unavailable(""), Unknown()),
        (InternalError(""), Unknown()),
    ],
)
def test_each_error_means_one_thing(error: BazarError, expected: Outcome) -> None:
    """Only what is definite is told as nothing ordered."""
    assert expected == outcome(error)


def test_every_error_of_placing_is_known_here() -> None:
    """An error that is indefinite is never told as a refusal, and the other way round."""
    errors = [kind for kind in PLACING_ERRORS if kind.definite]
    meant = {type(outcome(Unavailable("")))} | {
        type(outcome_of(PlacementAnswer(kind.status, encode(_problem_of(kind))))) for kind in errors
    }
    assert {Unknown, Refused, OpenOrders, Reused} == meant


def _problem_of(kind: type[BazarError]) -> object:
    return {"type": "", "title": "", "status": kind.status, "code": kind.code} | {
        "detail": "",
        "hint": "",
        "definite": kind.definite,
    }


def test_a_key_that_was_used_leads_to_its_order() -> None:
    """The order service says which order the key has placed."""
    assert Reused("x") == outcome(KeyReused(""), "x")


def test_an_answer_that_makes_no_sense_is_indefinite() -> None:
    """Who cannot read the answer does not know whether it was ordered."""
    assert Unknown() == outcome_of(PlacementAnswer(409, msgspec.Raw(b"{}")))
    assert Unknown() == outcome_of(PlacementAnswer(500, msgspec.Raw(b'"x"')))


def test_a_stranger_cannot_empty_the_shop() -> None:
    """So many copies a line and an order, and not one more."""
    one, two = BasketLine(1, 10, 1), BasketLine(2, 10, 1)
    assert over_limits((one, two), SHOP) is None
    assert TooMany(MANY_OF_ONE, 10) == over_limits((BasketLine(1, 11, 1),), SHOP)
    assert TooMany(MANY_IN_ALL, 20) == over_limits((one, two, BasketLine(3, 1, 1)), SHOP)
