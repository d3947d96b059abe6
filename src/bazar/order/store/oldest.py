"""Lists of orders, the oldest first: whoever has seen one has seen all that come before it."""

from typing import NamedTuple

from bazar.order.store.rows import COLUMNS
from bazar.wire.orders import OrderStatus


class Pages(NamedTuple):
    """The statements of pages: after an id, so many, and of which status."""

    all: str
    of_status: str
    of_pending: str

    def of(self, status: OrderStatus | None) -> tuple[str, tuple[OrderStatus, ...]]:
        """Return the statement for orders of a status, None for all, and what it takes last."""
        if status is None:
            return self.all, ()
        return (self.of_pending, ()) if status == "pending" else (self.of_status, (status,))


def pages(end: str = "") -> Pages:
    """Return the statements of an engine.

    Args:
        end: a condition that holds of orders before which no other can come any more; empty where
            that is so of all that are seen.
    """
    return Pages(
        _page("", end),
        # Each of these two names the condition of the index that it goes by.
        _page("status = ?3 AND status <> 'pending' AND ", end),
        _page("settled = 0 AND status = 'pending' AND ", end),
    )


def _page(condition: str, end: str) -> str:
    return f"""
WITH page AS (
    SELECT * FROM orders
    WHERE {condition}sequence > coalesce((SELECT sequence FROM orders WHERE order_id = ?1), 0){end}
    ORDER BY sequence LIMIT ?2
)
{COLUMNS}FROM page LEFT JOIN buyers USING (sequence) LEFT JOIN order_lines USING (order_id)
ORDER BY sequence, line_number"""
