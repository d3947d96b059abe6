"""What SQLite does in its own way: many rows, one prepared statement, and how many changed."""

from collections.abc import Iterable, Sequence

from bazar.kit.data.database import Transaction, made
from bazar.kit.data.integrity import faults
from bazar.order.domain import StoredOrder
from bazar.order.store.shared import SharedStore
from bazar.wire.orders import OrderStatus

_INSERT = """
INSERT INTO orders (order_id, idempotency_key, kind, status, settled, placed_at_ms, channel)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (idempotency_key) DO NOTHING"""

_INSERT_LINE = """
INSERT INTO order_lines (order_id, line_number, book_id, quantity, price_seen)
VALUES (?1, ?2, ?3, ?4, ?5)"""

_CONFIRM = """
UPDATE orders SET status = 'confirmed', settled = 1
WHERE order_id = ?1 AND status = 'pending'"""

_NEXT_PLACE = """
SELECT coalesce(max(sequence), 0) + 1 FROM orders"""

_WITH_STATUS = """
SELECT order_id FROM orders
WHERE order_id = ?1 AND status = ?2"""


class SqliteStore(SharedStore):
    """The orders in a SQLite file."""

    async def insert(self, transaction: Transaction, orders: Sequence[StoredOrder]) -> set[str]:
        """Insert new orders, but for those whose key is taken; return the ids of the inserted."""
        count = await transaction.count_many(
            _INSERT,
            [
                (
                    order.order_id,
                    order.key,
                    order.kind,
                    order.status,
                    int(order.settled),
                    order.placed_at_ms,
                    None if order.channel == "api" else order.channel,
                )
                for order in orders
            ],
        )
        if count < len(orders):
            orders = await _those_with(transaction, "pending", orders)
        await transaction.run_many(
            _INSERT_LINE,
            [
                (order.order_id, number, line.book_id, line.quantity, line.price_seen)
                for order in orders
                for number, line in enumerate(order.lines)
            ],
        )
        await self._insert_buyers(transaction, orders)
        return {order.order_id for order in orders}

    async def confirm(self, transaction: Transaction, orders: Sequence[StoredOrder]) -> set[str]:
        """Store that pending orders were sold, and as what; any other order stays as it is.

        Returns:
            The ids of those that are confirmed now.
        """
        count = await transaction.count_many(_CONFIRM, [(order.order_id,) for order in orders])
        if count < len(orders):
            orders = await _those_with(transaction, "confirmed", orders)
        await self._sell_lines(transaction, orders)
        return {order.order_id for order in orders}

    async def by_ids(self, transaction: Transaction, order_ids: Sequence[str]) -> list[StoredOrder]:
        """Return the orders that have one of these ids, each once."""
        found = [await self.by_id(transaction, order_id) for order_id in dict.fromkeys(order_ids)]
        return [order for order in found if order is not None]

    async def by_keys(self, transaction: Transaction, keys: Sequence[str]) -> list[StoredOrder]:
        """Return the orders that were placed with one of these keys, each once."""
        found = [await self.by_key(transaction, key) for key in dict.fromkeys(keys)]
        return [order for order in found if order is not None]

    async def lock(self, transaction: Transaction, order_ids: Sequence[str]) -> None:
        """Return at once: nobody else writes."""

    async def next_place(self, transaction: Transaction) -> int:
        """Return a place below which all orders are that can be seen now."""
        row = await transaction.one(_NEXT_PLACE)
        assert row is not None
        return made(int, row)

    async def adopt(self, transaction: Transaction) -> None:
        """Return at once: the next place is always the highest."""

    async def faults(self, transaction: Transaction) -> list[str]:
        """Return what SQLite finds wrong with its file, and rows without their like."""
        return await faults(transaction)


async def _those_with(
    transaction: Transaction, status: OrderStatus, orders: Iterable[StoredOrder]
) -> list[StoredOrder]:
    """Return those that are stored with a status.

    Asked only after fewer rows changed than were given: a RETURNING with each statement would
    cost more than the statement itself (docs/performance.md).
    """
    rows = await transaction.all_many(_WITH_STATUS, [(order.order_id, status) for order in orders])
    order_ids = {row[0] for row in rows}
    return [order for order in orders if order.order_id in order_ids]
