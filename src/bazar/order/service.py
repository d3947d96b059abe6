"""What the order service does: placing an order so that it happens exactly once.

1. The order is stored as `pending` with its key, durably, here.
2. The catalog decides, at most once per order id; `driving` asks it, and stores what it says.
3. The buyer is told what was stored, now and at every later request with the same key.

Cancelling stores `cancelled` first, and then has the catalog release what it took. What a crash
at each point does is said at its line.

Source: docs/exactly-once.md
"""

from collections.abc import Container, Mapping, Sequence

from msgspec.structs import replace

from bazar.kit.clock import Clock, now_ms
from bazar.kit.data.database import KEEPERS, Database, Transaction
from bazar.kit.deadline import Deadline
from bazar.kit.errors import BazarError, InvalidRequest, Overloaded
from bazar.kit.identity import new_id
from bazar.kit.metrics import Metrics
from bazar.order.domain import (
    StoredLine,
    StoredOrder,
    can_become,
    check_lines,
    public,
    request_hash,
)
from bazar.order.driving import Driving, Placed
from bazar.order.store import Store
from bazar.wire.orders import Order, OrderQuery, OrderStatus
from bazar.wire.placing import Placement
from bazar.wire.problems import KeyReused, OrderNotCancellable, OrderNotFound, OrderNotFulfillable
from bazar.wire.stock import Outcome


class Orders:
    """The use cases of the order service."""

    def __init__(
        self,
        database: Database,
        store: Store,
        driving: Driving,
        metrics: Metrics,
        clock: Clock = now_ms,
    ) -> None:
        """Work on an opened, migrated database, and have its orders driven."""
        self._database = database
        self._store = store
        self._driving = driving
        self._count = metrics.counter("bazar_purchases", "Purchases by outcome.", "outcome")
        self._clock = clock

    async def place(self, placements: Sequence[Placement]) -> list[Placed | BazarError]:
        """Place orders, each on its own, or find those that their keys have placed before.

        They share their flushes and their calls of the catalog, and are answered together.

        Args:
            placements: 1 to 256. The deadline of each counts from now; one that is not stored by
                then is dropped.

        Returns:
            For each, in the same order, what was placed or found, or why nothing was:
            InvalidRequest, KeyReused, or Overloaded where it was dropped, all definite.

        Raises:
            Overloaded: definite; too many writes wait.
            Unavailable: indefinite; ask again with the same keys.
        """
        deadlines = [Deadline(placement.deadline_ms) for placement in placements]
        wanted = [self._wanted(placement) for placement in placements]

        async def work(transaction: Transaction) -> list[StoredOrder | BazarError]:
            timely = [
                order
                for order, deadline in zip(wanted, deadlines, strict=True)
                if isinstance(order, StoredOrder) and deadline.left_s() > 0
            ]
            inserted = await self._store.insert(transaction, timely)
            return [await self._found(transaction, order, inserted) for order in wanted]

        # A crash before this is durable: nothing happened. After it: the recovery loop of the next
        # start, or a retry with the same key, goes on from here.
        found = await self._database.write(work)
        request_ids = {
            order.order_id: placement.request_id
            for order, placement in zip(found, placements, strict=True)
            if isinstance(order, StoredOrder)
        }
        placed = await self._driving.decided(
            [one for one in found if isinstance(one, StoredOrder)],
            max(deadlines, key=Deadline.left_s),
            request_ids,
        )
        return [self._answered(mine, one, placed) for mine, one in zip(wanted, found, strict=True)]

    def _wanted(self, placement: Placement) -> StoredOrder | BazarError:
        """Return the new order that a placement asks for, or what is wrong with it."""
        try:
            check_lines(placement.lines)
        except InvalidRequest as error:
            return error
        return StoredOrder(
            new_id(self._clock),
            placement.key,
            request_hash(placement.kind, placement.lines),
            placement.kind,
            "pending",
            settled=False,
            rejection=None,
            placed_at_ms=self._clock(),
            lines=tuple([StoredLine(line.book_id, line.quantity) for line in placement.lines]),
        )

    async def _found(
        self, transaction: Transaction, order: StoredOrder | BazarError, inserted: Container[str]
    ) -> StoredOrder | BazarError:
        """Return a new order that was inserted, or the one that its key placed before."""
        if isinstance(order, BazarError) or order.order_id in inserted:
            return order
        existing = await self._store.by_key(transaction, order.key)
        return existing or Overloaded("its deadline passed before it was started")

    def _answered(
        self,
        mine: StoredOrder | BazarError,
        found: StoredOrder | BazarError,
        placed: Mapping[str, Placed],
    ) -> Placed | BazarError:
        """Return what came of one placement: its own order, or the one that its key placed."""
        if isinstance(found, BazarError):
            return found
        assert isinstance(mine, StoredOrder)
        if found.request_hash != mine.request_hash:
            message = "this key has placed an order before, which asks for something else"
            return KeyReused(message)
        answer = placed[found.order_id]
        self._count(answer.order.status if found is mine else "replayed")
        return answer

    async def find(self, order_id: str) -> Order:
        """Return an order as it stands; a pending one is driven first.

        Raises:
            OrderNotFound: definite.
        """
        order = await self._driving.latest(order_id)
        if order is None:
            raise _not_found(order_id)
        placed = await self._driving.decided([order])
        return public(placed[order_id].order)

    async def page(self, query: OrderQuery) -> list[Order]:
        """Return a page of orders, oldest first."""
        await self._driving.flushed()  # else an order would be in the list of its last status
        orders = await self._database.scan(
            lambda transaction: self._store.page(
                transaction, query.after, query.status, query.limit
            ),
            KEEPERS,
        )
        return [public(order) for order in orders]

    async def cancel(self, order_id: str) -> tuple[Order, Outcome | None]:
        """Cancel an order and give its copies back, once; again, it only says so.

        Returns:
            The order, and what the catalog released, where it did so just now.

        Raises:
            OrderNotFound, OrderNotCancellable: definite.
            Unavailable: indefinite; ask again.
        """
        order = await self._change_status(order_id, "cancelled", OrderNotCancellable)
        # A crash here: the order stays unsettled, so the recovery loop has it released.
        released = await self._driving.release(order)
        return public(order), released

    async def fulfil(self, order_id: str) -> Order:
        """Note that a confirmed order was handed over; again, it only says so.

        Raises:
            OrderNotFound, OrderNotFulfillable: definite.
            Unavailable: indefinite; ask again.
        """
        return public(await self._change_status(order_id, "fulfilled", OrderNotFulfillable))

    async def _change_status(
        self, order_id: str, status: OrderStatus, refusal: type[BazarError]
    ) -> StoredOrder:
        """Give an order a status, durably; the catalog has to be told of a cancel."""

        async def work(transaction: Transaction) -> StoredOrder:
            order = await self._store.by_id(transaction, order_id)
            if order is None:
                raise _not_found(order_id)
            if order.status == status:
                return order
            if not can_become(order.status, status):
                message = f"order {order_id} is {order.status}"
                raise refusal(message, order_id=order_id)
            order = replace(order, status=status, settled=status != "cancelled")
            await self._store.update(transaction, order)
            return order

        async with self._driving.alone(order_id):
            return await self._database.write(work)


def _not_found(order_id: str) -> OrderNotFound:
    return OrderNotFound(f"no order has the id {order_id[:64]!r}")
