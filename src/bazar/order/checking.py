"""The orders as they are kept, for the keeper's audit, and how many of them a list has.

Nothing is changed, and none is driven.
"""

from msgspec.structs import replace

from bazar.kit.data.database import KEEPERS, Database
from bazar.kit.data.integrity import INSPECTORS
from bazar.kit.data.pages import gathered
from bazar.order.finding import check_query, wanted
from bazar.order.store import Store
from bazar.wire.audit import AuditOrdersQuery, KeptOrder
from bazar.wire.orders import ORDERS_COUNTED_MAX, OrderCounts, OrderQuery
from bazar.wire.problems import OrderNotFound

PAGE_LINES_MAX = 5000


class Checking:
    """What the keeper's audit asks, and how many orders a list has."""

    def __init__(self, database: Database, store: Store) -> None:
        """Read an opened, migrated database."""
        self._database = database
        self._store = store

    async def orders(self, query: AuditOrdersQuery) -> list[KeptOrder]:
        """Return a page of orders as they are kept, by order id; only the end is empty."""
        kept = self._store.kept_unsettled if query.unsettled else self._store.kept_orders
        return await self._database.scan(
            lambda transaction: gathered(
                lambda last, rows: kept(transaction, last, rows),
                lambda order: order.order_id,
                lambda order: len(order.lines),
                after=query.after,
                limit=query.limit,
                weight_max=PAGE_LINES_MAX,
            ),
            KEEPERS,
        )

    async def count(self, query: OrderQuery) -> OrderCounts:
        """Count the orders that a question for the newest finds, at most 10,000.

        Raises:
            InvalidRequest: what is asked for does not fit together.
        """
        check_query(query)
        newest = wanted(replace(query, limit=ORDERS_COUNTED_MAX))
        if newest is None:
            return OrderCounts(0)
        return OrderCounts(
            await self._database.scan(
                lambda transaction: self._store.count_newest(transaction, newest), KEEPERS
            )
        )

    async def order(self, order_id: str) -> KeptOrder:
        """Return an order as it is kept.

        Raises:
            OrderNotFound: definite.
        """
        order = await self._database.read(
            lambda transaction: self._store.kept_order(transaction, order_id)
        )
        if order is None:
            message = f"no order has the id {order_id[:64]!r}"
            raise OrderNotFound(message)
        return order

    async def last_order_id(self) -> str:
        """Return the highest order id; empty where there is no order."""
        return await self._database.read(self._store.last_order_id)

    async def faults(self) -> list[str]:
        """Return what is wrong with the database in itself; it reads all of it."""
        return await self._database.scan(self._store.faults, INSPECTORS)
