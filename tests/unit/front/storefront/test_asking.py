"""What is asked for is read kindly from the address, and written back into it."""

from decimal import Decimal

import pytest

from bazar.front.storefront.asking import Asked, asked, typed_price


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("5", "5.00"),
        (" 4,50 ", "4.50"),
        ("\u0667\u066b\u0665", "7.50"),
        ("1.005", "1.00"),
        ("0", "0.00"),
    ],
)
def test_a_price_may_be_typed_as_people_do(text: str, amount: str) -> None:
    """With a comma, in Arabic digits, with spaces around."""
    assert Decimal(amount) == typed_price(text, "USD")


@pytest.mark.parametrize("text", ["", "x", "-1", "nan", "inf", "1e99"])
def test_what_is_no_price_counts_as_not_asked(text: str) -> None:
    """Nothing is refused."""
    assert None is typed_price(text, "USD")


def test_what_is_not_understood_is_left_out() -> None:
    """A sort that does not exist, a list of the keeper's, and what a newsletter adds."""
    given = {
        "q": "  sea   wolf ",
        "sort": "best",
        "list": "low",
        "fbclid": "abc",
        "in_stock": "yes",
    }
    assert Asked(q="sea wolf") == asked(given, "USD")


def test_a_long_query_is_cut() -> None:
    """The first 200 letters count."""
    assert 200 == len(asked({"q": "x" * 500}, "USD").q)


def test_the_address_holds_all_that_was_chosen() -> None:
    """And reads back as the same."""
    wanted = Asked(q="sea", topic="novel", min=Decimal("1.00"), in_stock=True, sort="-price")
    assert "/find?q=sea&topic=novel&min=1.00&in_stock=1&sort=-price" == wanted.path()
    assert wanted.path("here").endswith("&after=here")
    assert 4 == wanted.filters
    assert "/find?q=sea" == wanted.cleared


def test_nothing_asked_is_empty() -> None:
    """Wherever a list would begin."""
    assert asked({"after": "x"}, "USD").is_empty
    assert not asked({"list": "new"}, "USD").is_empty
