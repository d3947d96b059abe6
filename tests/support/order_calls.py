"""What several modules of tests send to the order service, and read of its work."""

from typing import Any

from support.shops import Shop

SHORT = {"bazar-deadline-ms": "300"}


def key(text: str) -> dict[str, str]:
    """Return the header of an idempotency key."""
    return {"idempotency-key": f'"{text}"'}


def receipt_for_two(order_id: str, book_id: int) -> dict[str, Any]:
    """Return the receipt for two copies of a book that a test added."""
    return {
        "order_id": order_id,
        "message": "bought book RPCs for Noobs",
        "status": "confirmed",
        "id": book_id,
        "title": "RPCs for Noobs",
        "quantity": 2,
        "price": 19.99,
        "total": 39.98,
        "currency": "USD",
    }


async def ledger(shop: Shop) -> list[tuple[str, int]]:
    """Return kind and copies of every movement."""
    movements = (await shop.catalog.get("/movements?limit=100")).json
    return [(movement["kind"], movement["copies"]) for movement in movements]


async def status(shop: Shop, order_id: str) -> str:
    """Return the status of an order in the list of orders, which drives nothing."""
    orders = (await shop.order.get("/orders?limit=100")).json
    return str(next(order["status"] for order in orders if order["order_id"] == order_id))
