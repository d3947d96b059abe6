"""Customers who use the client that was generated for Python; run by its own interpreter.

They look for a book, buy it twice with one key, look at the order, cancel it, and ask for too many.
"""

import json
import sys

from bazar_client import Client
from bazar_client.api.books import books, info, search
from bazar_client.api.orders import cancel_order, find_order, purchase
from bazar_client.models import BooksSort, PurchaseRequest

KEY = "generated-python"


def visit(url: str) -> dict[str, object]:
    """Return what became of it all."""
    with Client(base_url=url) as client:
        found = search.sync("distributed-systems", client=client)
        cheap = books.sync(client=client, sort=BooksSort.PRICE, limit=1)
        book = info.sync(found[1].id, client=client)
        first, again = (
            purchase.sync(book.id, client=client, body=PurchaseRequest(2), idempotency_key=KEY)
            for _ in range(2)
        )
        order = find_order.sync(first.order_id, client=client)
        cancelled = cancel_order.sync(first.order_id, client=client)
        refused = purchase.sync(book.id, client=client, body=PurchaseRequest(1000))
        unknown = info.sync_detailed(999_999, client=client)
    return {
        "titles": [one.title for one in found],
        "cheapest": len(cheap),
        "price": book.price,
        "bought": first.quantity,
        "same": first == again,
        "order": order.status,
        "placed": order.placed_at.year >= 2026,
        "cancelled": cancelled.status,
        "refused": [refused.code, refused.definite, refused.requested],
        "unknown": [int(unknown.status_code), unknown.parsed.code],
    }


sys.stdout.write(json.dumps(visit(sys.argv[1])))
