"""The shop's own errors: what they know of an order or a book stands in their documents."""

import msgspec
import pytest

from bazar.kit.errors import BazarError, Unavailable
from bazar.wire.problems import (
    PLACING_ERRORS,
    REJECTIONS,
    BookNotFound,
    OutOfStock,
    PlacingProblem,
    PurchaseUnavailable,
)


def test_a_problem_tells_what_is_known_after_what_every_problem_tells() -> None:
    """The members have one order, and those that are not known are left out."""
    error = OutOfStock("few", order_id="o", book_id=7, requested=2, available=1)
    problem = msgspec.json.decode(msgspec.json.encode(error.problem()))
    assert ["definite", "order_id", "book_id", "requested", "available"] == list(problem)[-5:]
    assert ("o", 7, 2, 1) == tuple(problem.values())[-4:]
    unknown = msgspec.json.decode(msgspec.json.encode(OutOfStock("few", book_id=None).problem()))
    assert "definite" == list(unknown)[-1]


@pytest.mark.parametrize("kind", REJECTIONS.values())
def test_every_rejection_can_tell_of_its_order(kind: type[BazarError]) -> None:
    """Whatever the catalog rejected, its document has room for what it said of it."""
    problem = kind("no", order_id="o", book_id=7, requested=2, available=1).problem()
    assert isinstance(problem, PlacingProblem)
    assert ("o", 7) == (problem.order_id, problem.book_id)
    assert (2, 1) == (problem.requested, problem.available)


def test_who_hears_nothing_of_a_purchase_is_told_its_key() -> None:
    """In the document and in a header, quoted as the header takes it; else it is as any other."""
    error = PurchaseUnavailable("away", 'my "own"')
    told = r'"my \"own\""'
    assert (*Unavailable.headers, (b"idempotency-key", told.encode())) == error.headers
    problem = error.problem()
    assert isinstance(problem, PlacingProblem)
    assert told == problem.idempotency_key
    assert Unavailable("away").problem().definite is problem.definite is False
    assert PurchaseUnavailable in PLACING_ERRORS


def test_an_error_that_knows_a_book_names_it() -> None:
    """As the number that it was asked for with."""
    assert b'"book_id":7}' in msgspec.json.encode(BookNotFound("no", book_id=7).problem())
