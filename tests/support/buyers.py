"""People who order in the tests, and what their orders look like on the way."""

from typing import Any

from msgspec import to_builtins
from msgspec.structs import replace

from bazar.wire.orders import Buyer, Line
from bazar.wire.placing import Placement

LINA = Buyer(
    name="Lina Haddad",
    email="lina@example.org",
    tel="+970 59 123 456",
    note="Please\nring first.",
    language="ar",
)
"""She collects."""
OMAR = Buyer(
    name="Omar",
    email="omar@example.org",
    delivery="post",
    street="1 Olive Street",
    street2="2nd floor",
    postcode="00970",
    city="Nablus",
    country="PS",
    payment="invoice",
)
"""He has it posted."""


def placement(key: str, book_id: int, buyer: Buyer | None = LINA, **members: Any) -> Placement:  # noqa: ANN401
    """Return an order of one copy through the shop's pages, with some members changed."""
    made = Placement("order", [Line(book_id)], key, buyer=buyer, channel="web")
    return replace(made, **members)


def as_sent(buyer: Buyer) -> dict[str, Any]:
    """Return a buyer as they stand in a request."""
    sent: dict[str, Any] = to_builtins(buyer)
    return sent
