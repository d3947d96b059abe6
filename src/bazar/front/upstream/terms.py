"""On what terms the shop takes the order of a buyer: what delivery costs, how many may be open."""

from msgspec import Struct

from bazar.kit.errors import InvalidRequest
from bazar.kit.money import to_minor
from bazar.wire.orders import Buyer
from bazar.wire.shop import Shop


class Terms(Struct, frozen=True):
    """What the shop asks of one buyer."""

    delivery_minor: int = 0
    """In the shop's currency."""
    open_orders_max: int = 0
    """Of one e-mail address; 0: any number."""


NO_TERMS = Terms()
"""Of an order without a buyer."""


def post_minor(shop: Shop) -> int:
    """Return what the post costs, in minor units."""
    return to_minor(shop.post_price, shop.currency) if shop.post_price is not None else 0


def terms_for(shop: Shop, buyer: Buyer) -> Terms:
    """Return the terms for a buyer.

    Raises:
        InvalidRequest: definite; the shop does not deliver so, or is not paid so.
    """
    for name, chosen, offered in (
        ("delivery", buyer.delivery, shop.deliveries),
        ("payment", buyer.payment, shop.payments),
    ):
        if chosen not in offered:
            message = f"this shop offers as {name}: {', '.join(offered)}; not {chosen}"
            raise InvalidRequest(message, member=f"buyer.{name}")
    by_post = buyer.delivery == "post"
    if by_post and buyer.country not in shop.countries:
        message = f"this shop posts to {', '.join(shop.countries)}, not to {buyer.country!r}"
        raise InvalidRequest(message, member="buyer.country")
    if by_post and buyer.payment == "shop":
        message = "what goes by post cannot be paid in the shop"
        raise InvalidRequest(message, member="buyer.payment")
    return Terms(post_minor(shop) if by_post else 0, shop.open_orders_max)
