"""The audit of a shop in this process: what it compares, asked for as it asks."""

from typing import TypeVar

import msgspec

from bazar.tools.audit import difference, pairs
from bazar.wire.audit import KeptDecision, KeptOrder
from bazar.wire.stock import StockReport
from support.shops import Caller, Shop

T = TypeVar("T", KeptOrder, KeptDecision)


async def stock_differences(catalog: Caller) -> list[str]:
    """Return what the catalog finds in its own books, part by part."""
    found: list[str] = []
    path: str | None = "/stock-report"
    while path is not None:
        reply = await catalog.get(path)
        assert 200 == reply.status, reply.content
        part = msgspec.json.decode(reply.content, type=StockReport)
        found += part.differences
        path = part.next and f"/stock-report?after={part.next}"
    return found


async def all_kept(service: Caller, path: str, kind: type[T]) -> list[T]:
    """Return all orders, or decisions, as they are kept."""
    kept: list[T] = []
    while True:
        after = kept[-1].order_id if kept else ""
        reply = await service.get(f"{path}?after={after}")
        assert 200 == reply.status, reply.content
        page = msgspec.json.decode(reply.content, type=list[kind])  # type: ignore[valid-type]
        if not page:
            return kept
        kept += page


async def differences(shop: Shop) -> list[str]:
    """Return every difference of a shop at rest."""
    orders = await all_kept(shop.order, "/audit/orders", KeptOrder)
    decisions = await all_kept(shop.catalog, "/audit/decisions", KeptDecision)
    compared = pairs(iter(orders), iter(decisions))
    found = [text for pair in compared if (text := difference(*pair))]
    return await stock_differences(shop.catalog) + found
