"""What must be as it was after requests that may do nothing."""

from bazar.wire.books import Book
from bazar.wire.orders import Order
from bazar.wire.stock import Movement, Outcome
from support.running import TestedShop

Standing = dict[str, list[object]]


def standing(shop: TestedShop) -> Standing:
    """Return all books with their stock, the ledger, the decisions and the orders."""
    remote = shop.remote()
    return {
        "books": list(remote.pages("catalog", "/books", Book, "id")),
        "movements": list(remote.pages("catalog", "/movements", Movement, "id")),
        "decisions": list(remote.pages("catalog", "/reservations", Outcome, "order_id")),
        "orders": list(remote.pages("order", "/orders", Order, "order_id")),
    }
