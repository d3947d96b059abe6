"""The orders as they are kept, for the keeper's audit. Nothing is changed, and none is driven."""

from bazar.kit.data.database import KEEPERS, Database
from bazar.kit.data.integrity import INSPECTORS
from bazar.kit.data.pages import gathered
from bazar.order.store import Store
from bazar.wire.audit import AuditOrdersQuery, KeptOrder
from bazar.wire.problems import OrderNotFound

PAGE_LINES_MAX = 5000


class Checking:
    """What the keeper's audit asks."""

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
