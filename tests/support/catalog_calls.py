"""What several modules of tests ask of the catalog."""

from typing import Any

from support.shops import Caller

BOOK = {"title": "RPCs for Noobs", "topic": "distributed systems", "price": 19.99}
ISBN = "9780131103627"
ISBN_10 = "0-13-110362-8"


def ids(books: list[dict[str, Any]]) -> list[int]:
    """Return the ids of an answer's books."""
    return [book["id"] for book in books]


async def reserve(catalog: Caller, order_id: str, *lines: tuple[int, int]) -> dict[str, Any]:
    """Ask for (book id, copies) and return the outcome."""
    request = {"order_id": order_id, "lines": [{"id": b, "quantity": n} for b, n in lines]}
    reply = await catalog.post("/reservations", [request])
    assert 200 == reply.status, reply.content
    (outcome,) = reply.json
    assert isinstance(outcome, dict)
    return outcome


async def ask(catalog: Caller, order_id: str, **line: object) -> dict[str, Any]:
    """Ask for one line and return the outcome."""
    reply = await catalog.post("/reservations", [{"order_id": order_id, "lines": [line]}])
    assert 200 == reply.status, reply.content
    (outcome,) = reply.json
    assert isinstance(outcome, dict)
    return outcome


async def release(catalog: Caller, order_id: str) -> dict[str, Any]:
    """Give an order back and return the outcome."""
    reply = await catalog.post(f"/reservations/{order_id}/release")
    assert 200 == reply.status, reply.content
    outcome = reply.json
    assert isinstance(outcome, dict)
    return outcome


async def ledger(catalog: Caller) -> list[tuple[int, str, int, str | None]]:
    """Return the whole ledger as (book id, kind, copies, order id)."""
    rows = (await catalog.get("/movements")).json
    return [(row["book_id"], row["kind"], row["copies"], row["order_id"]) for row in rows]
