"""The terms of the shop for one buyer."""

import msgspec
import pytest

from bazar.front.upstream.terms import Terms, terms_for
from bazar.kit.errors import InvalidRequest
from bazar.wire.orders import Buyer
from bazar.wire.shop import Shop

SHOP = msgspec.convert(
    {
        "version": 1,
        "currency": "USD",
        "deliveries": ["collect", "post"],
        "payments": ["shop", "invoice"],
        "post_price": "4.50",
        "countries": ["IE", "DE"],
        "open_orders_max": 2,
    },
    Shop,
    strict=False,
)


def buyer(**members: str) -> Buyer:
    """Return a buyer."""
    return msgspec.convert({"name": "Lina", "email": "lina@example.org", **members}, Buyer)


def test_the_post_costs_what_the_shop_says_and_collecting_is_free() -> None:
    """The delivery's price comes from the settings, never from the client."""
    post = buyer(delivery="post", country="DE", payment="invoice")
    assert Terms(450, 2) == terms_for(SHOP, post)
    assert Terms(0, 2) == terms_for(SHOP, buyer())


@pytest.mark.parametrize(
    ("members", "wrong"),
    [
        ({"delivery": "post", "country": "FR", "payment": "invoice"}, "buyer.country"),
        ({"delivery": "post", "payment": "invoice"}, "buyer.country"),
        ({"delivery": "post", "country": "DE", "payment": "shop"}, "buyer.payment"),
    ],
)
def test_what_the_shop_does_not_offer_is_refused_by_name(
    members: dict[str, str], wrong: str
) -> None:
    """A country that it does not post to, and paying in the shop for what is never there."""
    with pytest.raises(InvalidRequest) as refused:
        terms_for(SHOP, buyer(**members))
    assert wrong == refused.value.problem().member


def test_a_shop_that_only_hands_over_posts_nothing() -> None:
    """The detail names what is offered."""
    collects = msgspec.structs.replace(SHOP, deliveries=["collect"])
    with pytest.raises(InvalidRequest, match="offers as delivery: collect; not post"):
        terms_for(collects, buyer(delivery="post", country="DE"))
