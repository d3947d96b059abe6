"""On what terms the shop takes an order of a buyer: what delivery costs, and how many are too many.

The front asks for them once an order with a buyer comes; where nobody gave it a way to, all is
free. An order without a buyer has no terms, and costs no question.
"""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from bazar.wire.orders import Buyer


class Terms(Struct, frozen=True):
    """What the shop asks of one buyer."""

    delivery_minor: int = 0
    """In the shop's currency."""
    open_orders_max: int = 0
    """Of one e-mail address; 0: any number."""


TermsFor = Callable[[Buyer], Awaitable[Terms]]
"""Return the terms for a buyer; Unavailable where they are not known now."""
NO_TERMS = Terms()


async def no_terms(_buyer: Buyer) -> Terms:
    """Return the terms of a shop that has none."""
    return NO_TERMS
