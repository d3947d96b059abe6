"""What the keeper's audit finds in two databases that nobody else uses, whatever their engine."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from itertools import islice
from typing import Any, TypeVar

from bazar.catalog.checking import Checking as CatalogChecking
from bazar.kit.data.sqlite_tables import DiskFull
from bazar.order.checking import Checking as OrderChecking
from bazar.tools.audit import difference, pairs
from bazar.wire.audit import AuditOrdersQuery, KeptDecision, KeptOrder
from bazar.wire.limits import AUDIT_PAGE_MAX

Kept = TypeVar("Kept", KeptOrder, KeptDecision)
DIFFERENCES_MAX = 10
"""After which the audit ends."""


async def differences(books: CatalogChecking, orders: OrderChecking) -> list[str]:
    """Return what is wrong in the two files or between them; at most a few tens.

    What cannot be looked at, since the file is damaged there, is a difference too.

    Raises:
        OSError, DiskFull: it is the disk that refuses.
    """
    found: list[str] = []
    for what, look in (
        ("the catalog's database", books.faults),
        ("the database of orders", orders.faults),
        ("the stock", lambda: _check_stock(books)),
        ("the orders", lambda: _check_orders(books, orders)),
    ):
        try:
            found += await look()
        except (OSError, DiskFull):
            raise
        except Exception as error:  # noqa: BLE001  what damaged pages say may trip anything
            reason = " ".join(str(error).split()) or type(error).__name__
            found.append(f"{what} cannot be read through: {reason}")
    return found


async def _check_stock(books: CatalogChecking) -> list[str]:
    found: list[str] = []
    following: str | None = ""
    while following is not None and len(found) < DIFFERENCES_MAX:
        part = await books.part(following)
        found += part.differences
        following = part.next
    return found


async def _check_orders(books: CatalogChecking, orders: OrderChecking) -> list[str]:
    """Compare each order with the catalog's decision about it."""
    loop = asyncio.get_running_loop()
    return await asyncio.to_thread(_compare, loop, books, orders)


def _compare(
    loop: asyncio.AbstractEventLoop, books: CatalogChecking, orders: OrderChecking
) -> list[str]:
    """Compare them beside the loop that asks."""
    kept = _all(loop, lambda after: orders.orders(AuditOrdersQuery(after=after)))
    decided = _all(loop, lambda after: books.decisions(after, AUDIT_PAGE_MAX))
    found = (difference(*pair) for pair in pairs(kept, decided))
    return list(islice(filter(None, found), DIFFERENCES_MAX))


def _all(
    loop: asyncio.AbstractEventLoop, ask: Callable[[str], Coroutine[Any, Any, list[Kept]]]
) -> Iterator[Kept]:
    after = ""
    while page := asyncio.run_coroutine_threadsafe(ask(after), loop).result():
        yield from page
        after = page[-1].order_id
