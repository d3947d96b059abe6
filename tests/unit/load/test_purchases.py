"""What is kept about a purchase, from what the shop said about it."""

import msgspec
import pytest

from bazar.kit.errors import BazarError, Overloaded, Unavailable
from bazar.load.purchases import Purchases, problem_of
from bazar.wire.problems import OutOfStock

KEY, BOOK_ID = "key", 7


def bought(book_id: int = BOOK_ID, quantity: int = 1) -> bytes:
    """Return the answer to a purchase."""
    return msgspec.json.encode({"order_id": "a", "id": book_id, "quantity": quantity})


def problem(error: type[BazarError]) -> bytes:
    """Return a problem document."""
    return msgspec.json.encode(error("no").problem())


@pytest.fixture
def purchases() -> Purchases:
    """Return those of a load that bought nothing yet."""
    return Purchases()


def test_a_confirmed_purchase_is_an_acknowledged_order(purchases: Purchases) -> None:
    """Its order must be found at the end."""
    assert "ok" == purchases.heard(KEY, BOOK_ID, 201, bought())
    assert ({"a": BOOK_ID}, {}, {}) == (
        purchases.acknowledged,
        purchases.accepted,
        purchases.unknown,
    )
    assert ({BOOK_ID: 1}, []) == (purchases.sold(), purchases.differences)


def test_an_accepted_purchase_is_to_be_decided(purchases: Purchases) -> None:
    """It is not sold yet."""
    assert "accepted" == purchases.heard(KEY, BOOK_ID, 202, msgspec.json.encode({"order_id": "a"}))
    assert ({"a": BOOK_ID}, {}) == (purchases.accepted, purchases.sold())


def test_a_definite_no_leaves_nothing_to_ask(purchases: Purchases) -> None:
    """Neither sold out nor refused for overload bought anything."""
    assert "out-of-stock" == purchases.heard(KEY, BOOK_ID, 409, problem(OutOfStock))
    assert "overloaded" == purchases.heard("other", BOOK_ID, 503, problem(Overloaded))
    assert (2, {}, {}) == (purchases.asked, purchases.unknown, purchases.acknowledged)


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (0, b"", ""),
        (503, problem(Unavailable), "unavailable"),
        (502, b"<html>Bad Gateway</html>", "status-502"),
        (500, b'{"code":"x"}', "status-500"),
        (500, b"\xff", "status-500"),
        (201, b"not JSON", "bad-answer"),
        (201, b"{}", "bad-answer"),
    ],
)
def test_everything_else_is_unknown_until_it_is_asked_again(
    purchases: Purchases, status: int, body: bytes, outcome: str
) -> None:
    """No answer, an indefinite one and a torn one: it may have been bought."""
    assert outcome == purchases.heard(KEY, BOOK_ID, status, body)
    assert {KEY: BOOK_ID} == purchases.unknown
    assert not purchases.heard_again(KEY, status, body)
    assert {KEY: BOOK_ID} == purchases.unknown


def test_a_refusal_says_nothing_about_the_first_try(purchases: Purchases) -> None:
    """The second try was not made, the first one may have sold: ask on."""
    purchases.heard(KEY, BOOK_ID, 0, b"")
    assert not purchases.heard_again(KEY, 503, problem(Overloaded))
    assert {KEY: BOOK_ID} == purchases.unknown


@pytest.mark.parametrize(
    ("status", "body", "sold"), [(201, bought(), 1), (202, bought(), 0), (409, b"", 0)]
)
def test_a_second_try_makes_the_first_known(
    purchases: Purchases, status: int, body: bytes, sold: int
) -> None:
    """Sold, taken, or definitely not: the key is not asked for again."""
    purchases.heard(KEY, BOOK_ID, 0, b"")
    assert purchases.heard_again(KEY, status, body or problem(OutOfStock))
    assert ({}, sold, 1) == (purchases.unknown, purchases.sold()[BOOK_ID], purchases.asked)


@pytest.mark.parametrize(
    ("body", "told"),
    [(bought(book_id=8), "told of 1 of book 8"), (bought(quantity=2), "told of 2 of book 7")],
)
def test_another_book_or_number_than_asked_for_is_a_difference(
    purchases: Purchases, body: bytes, told: str
) -> None:
    """The answer must be to the question."""
    purchases.heard(KEY, BOOK_ID, 201, body)
    assert [f"order a: asked for 1 copy of book 7, {told}"] == purchases.differences


@pytest.mark.parametrize("status", [201, 202])
def test_one_order_for_two_purchases_is_a_difference(purchases: Purchases, status: int) -> None:
    """Two keys are two orders."""
    purchases.heard(KEY, BOOK_ID, 201, bought())
    purchases.heard("other", BOOK_ID, status, bought())
    assert ["order a was the answer to two purchases"] == purchases.differences


def test_a_problem_document_is_read_as_it_is() -> None:
    """Code and definiteness are the shop's own."""
    assert Overloaded("no").problem() == problem_of(503, problem(Overloaded))
