"""What the order service does: placing an order so that it happens exactly once.

How it works, and what a crash at each point does:

1. The order is stored as `pending`, durably. A crash before: nothing happened. After: the loop
   in `drive_unsettled`, or a retry with the same key, goes on from here.
2. The catalog decides, at most once per order id, and stores its decision. Asked again it says
   the same, so this step may run any number of times, from anywhere.
3. The decision is stored here. `confirmed` may reach the disk late, since step 2 gives it again;
   until then `_unflushed` answers reads, so that nobody sees an order go back. `rejected` and
   `cancelled` are durable before anyone hears of them.

Cancelling stores `cancelled` first and then has the catalog release what it took; the loop
repeats the release until the catalog has answered it.

Source: docs/exactly-once.md
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from bazar.kit.clock import Clock, now_ms
from bazar.kit.database import Database, Transaction
from bazar.kit.errors import BazarError, Unavailable
from bazar.kit.identity import new_id
from bazar.kit.log import get_logger
from bazar.kit.metrics import Metrics
from bazar.kit.request import Deadline
from bazar.order import store
from bazar.order.domain import (
    Kind,
    StoredLine,
    StoredOrder,
    can_become,
    cancelled,
    check_lines,
    decided,
    public,
    request_hash,
)
from bazar.order.upstream import Catalog, Decision
from bazar.problems import (
    KeyReused,
    OrderNotCancellable,
    OrderNotFound,
    OrderNotFulfillable,
)
from bazar.wire import Line, Order, OrderQuery, OrderStatus, Outcome, Reserve

DECISION_PATIENCE_S = 2.0
"""How long a buyer waits for the catalog before the answer is 202."""
AWAY_PATIENCE_S = 0.1
"""How long when the catalog did not answer the last time either."""
ANSWER_MARGIN_S = 0.5
"""Left of the deadline for the answer to travel back; of a short one, a quarter."""
RECOVERY_INTERVAL_S = 0.5
RECOVERY_AGE_MS = 1000
RECOVERY_BATCH_MAX = 512


_Driven = tuple[StoredOrder, Decision]


class Orders:
    """The use cases of the order service."""

    def __init__(
        self, database: Database, catalog: Catalog, metrics: Metrics, clock: Clock = now_ms
    ) -> None:
        """Work on an opened, migrated database, and sell from this catalog."""
        self.database = database
        self._catalog = catalog
        self._metrics = metrics
        self._clock = clock
        self._started_at_ms = clock()
        self._drives: dict[str, asyncio.Task[_Driven]] = {}
        self._unflushed: dict[str, StoredOrder] = {}
        self._to_flush: list[StoredOrder] = []
        self._flush: asyncio.Task[None] | None = None
        self._alone: dict[str, asyncio.Future[None]] = {}
        self._recovery: asyncio.Task[None] | None = None
        self._log = get_logger()

    def start(self) -> None:
        """Start to drive the orders that an earlier run left unsettled."""
        self._recovery = asyncio.create_task(self._recover())

    async def stop(self) -> None:
        """Stop driving; what is left is driven at the next start."""
        if self._recovery is not None:
            self._recovery.cancel()
            with suppress(asyncio.CancelledError):
                await self._recovery
        for drive in list(self._drives.values()):
            drive.cancel()
        await asyncio.gather(*self._drives.values(), return_exceptions=True)
        while self._flush is not None:
            await asyncio.wait({self._flush})

    async def place(
        self,
        kind: Kind,
        lines: Sequence[Line],
        key: str,
        deadline: Deadline,
        request_id: str = "",
    ) -> tuple[StoredOrder, Decision | None]:
        """Place an order, or find the one that this key has placed before.

        Args:
            kind: which of the two forms of request it is.
            lines: 1 to 100, each of another book, 1 to 1000 copies.
            key: 1 to 255 characters; one order a key, for ever.
            deadline: by which an answer is wanted.
            request_id: joins the log lines of all services.

        Returns:
            The order: confirmed, rejected, or still pending when the catalog did not answer in
            time. And the catalog's decision, where it was made just now.

        Raises:
            InvalidRequest, KeyReused: definite.
            Unavailable: indefinite; ask again with the same key.
        """
        check_lines(lines)
        wanted = StoredOrder(
            new_id(self._clock),
            key,
            request_hash(kind, lines),
            kind,
            "pending",
            settled=False,
            rejection=None,
            placed_at_ms=self._clock(),
            lines=tuple(StoredLine(line.id, line.quantity) for line in lines),
        )

        async def work(transaction: Transaction) -> StoredOrder:
            if await store.insert(transaction, wanted):
                return wanted
            existing = await store.by_key(transaction, key)
            assert existing is not None
            return existing

        decision: Decision | None = None
        order = await self.database.write(work)
        if order.request_hash != wanted.request_hash:
            message = f"this key has placed order {order.order_id}, which asks for something else"
            raise KeyReused(message)
        if order is not wanted:
            self._metrics.purchase("replayed")
            order = self._unflushed.get(order.order_id, order)
        if order.status == "pending":
            order, decision = await self._decision(order, deadline, request_id)
        if order.order_id == wanted.order_id:
            self._metrics.purchase(order.status)
        return order, decision

    async def find(self, order_id: str) -> Order:
        """Return an order as it stands; a pending one is driven first.

        Raises:
            OrderNotFound: definite.
        """
        order = await self._load(order_id)
        if order.status == "pending":
            order, _ = await self._decision(
                order, Deadline((DECISION_PATIENCE_S + ANSWER_MARGIN_S) * 1000)
            )
        return public(order)

    async def page(self, query: OrderQuery) -> list[Order]:
        """Return a page of orders, oldest first."""
        waiting = set(self._unflushed)
        while self._flush is not None and not waiting.isdisjoint(self._unflushed):
            await asyncio.wait({self._flush})
        orders = await self.database.scan(
            lambda transaction: store.page(transaction, query.after, query.status, query.limit)
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
        order = await self._become("cancelled", order_id, OrderNotCancellable)
        released = None
        if not order.settled and not self._catalog.away:
            with suppress(Unavailable):  # the loop releases it when the catalog is back
                released = await self._release(order)
        return public(order), released

    async def fulfil(self, order_id: str) -> Order:
        """Note that a confirmed order was handed over; again, it only says so.

        Raises:
            OrderNotFound, OrderNotFulfillable: definite.
            Unavailable: indefinite; ask again.
        """
        return public(await self._become("fulfilled", order_id, OrderNotFulfillable))

    async def _become(
        self, status: OrderStatus, order_id: str, refusal: type[BazarError]
    ) -> StoredOrder:
        """Give an order a status, durably; the catalog has to be told of a cancel."""

        async def work(transaction: Transaction) -> StoredOrder:
            order = await store.by_id(transaction, order_id)
            if order is None:
                raise _not_found(order_id)
            if order.status == status:
                return order
            if not can_become(order.status, status):
                message = f"order {order_id} is {order.status}"
                raise refusal(message, order_id=order_id)
            order = replace(order, status=status, settled=status != "cancelled")
            await store.update(transaction, order)
            return order

        async with self._turn(order_id):
            return await self.database.write(work)

    async def _load(self, order_id: str) -> StoredOrder:
        order = self._unflushed.get(order_id)
        if order is None:
            order = await self.database.read(lambda transaction: store.by_id(transaction, order_id))
        if order is None:
            raise _not_found(order_id)
        return order

    @asynccontextmanager
    async def _turn(self, order_id: str) -> AsyncIterator[None]:
        """Change an order while nobody drives it: after its drive, and with none that starts.

        Otherwise a buyer could hear `confirmed` of an order that a cancel has just ended.
        """
        while (turn := self._alone.get(order_id)) is not None:
            await asyncio.wait({turn})
        turn = self._alone[order_id] = asyncio.get_running_loop().create_future()
        try:
            if (drive := self._drives.get(order_id)) is not None:
                await asyncio.wait({drive})
            while order_id in self._unflushed and self._flush is not None:
                await asyncio.wait({self._flush})
            yield
        finally:
            del self._alone[order_id]
            turn.set_result(None)

    async def _decision(
        self, order: StoredOrder, deadline: Deadline, request_id: str = ""
    ) -> tuple[StoredOrder, Decision | None]:
        """Wait for the decision about a pending order, together with everyone who waits for it."""
        order_id = order.order_id
        while (turn := self._alone.get(order_id)) is not None:
            await asyncio.wait({turn})
            order = await self._load(order_id)
            if order.status != "pending":
                return order, None
        drive = self._drives.get(order_id)
        if drive is None:
            drive = asyncio.create_task(self._drive(order, request_id))
            self._drives[order_id] = drive
            drive.add_done_callback(lambda ended: self._drive_ended(order_id, ended))
        patience_s = AWAY_PATIENCE_S if self._catalog.away else DECISION_PATIENCE_S
        left_s = deadline.left_s()
        patience_s = min(patience_s, left_s - min(ANSWER_MARGIN_S, left_s / 4))
        await asyncio.wait({drive}, timeout=patience_s)
        if drive.done() and not drive.cancelled() and drive.exception() is None:
            return drive.result()
        return order, None

    def _drive_ended(self, order_id: str, drive: asyncio.Task[_Driven]) -> None:
        del self._drives[order_id]
        if not drive.cancelled() and (error := drive.exception()) is not None:
            self._log.warning("undecided", order_id=order_id, reason=str(error))

    async def _drive(self, order: StoredOrder, request_id: str) -> _Driven:
        decision = await self._catalog.reserve(Reserve(order.order_id, order.asked(), request_id))
        settled = decided(order, decision.outcome)
        if settled.status != "confirmed":
            return await self._apply(order.order_id, decision.outcome), decision
        self._unflushed[order.order_id] = settled
        self._to_flush.append(settled)
        if self._flush is None:
            self._flush = asyncio.create_task(self._flush_confirmed())
        return settled, decision

    async def _flush_confirmed(self) -> None:
        """Store all that was confirmed until now, in one lazy write."""
        orders, self._to_flush = self._to_flush, []

        async def work(transaction: Transaction) -> None:
            for order in orders:
                await store.confirm(transaction, order)

        try:
            await self.database.write(work, lazy=True)
        except BazarError as error:  # they are still pending, so the loop drives them again
            self._log.warning("flush-failed", orders=len(orders), reason=error.detail)
        finally:
            for order in orders:
                self._unflushed.pop(order.order_id, None)
            again = self._to_flush
            self._flush = asyncio.create_task(self._flush_confirmed()) if again else None

    async def _apply(self, order_id: str, outcome: Outcome) -> StoredOrder:
        """Store the decision about an order that is still pending."""

        async def work(transaction: Transaction) -> StoredOrder:
            order = await store.by_id(transaction, order_id)
            assert order is not None
            settled = decided(order, outcome)
            if settled is not order:
                await store.update(transaction, settled)
            return settled

        return await self.database.write(work)

    async def _release(self, order: StoredOrder) -> Outcome:
        released = await self._catalog.release(order.order_id)

        async def work(transaction: Transaction) -> None:
            stored = await store.by_id(transaction, order.order_id)
            if stored is not None and stored.status == "cancelled":
                await store.update(transaction, cancelled(stored, released))

        await self.database.write(work)
        return released

    async def _recover(self) -> None:
        while True:
            try:
                settled = await self.drive_unsettled()
                if settled:
                    self._log.info("recovered", orders=settled)
            except Exception:  # noqa: BLE001  the loop goes on, whatever it meets
                self._log.exception("recovery-fault")
            await asyncio.sleep(RECOVERY_INTERVAL_S)

    async def drive_unsettled(self) -> int:
        """Drive every order that nobody drives now, and return how many got settled.

        It stops early when the catalog is away: the rest waits for the next time.
        """
        after, total = "", 0
        while True:
            page = await self.database.scan(
                lambda transaction, after=after: store.unsettled_after(  # type: ignore[misc]
                    transaction, after, RECOVERY_BATCH_MAX
                )
            )
            idle = [order for order in page if not self._busy(order)]
            settled = await asyncio.gather(*map(self._settle, idle))
            total += sum(settled)
            if len(page) < RECOVERY_BATCH_MAX or not all(settled):
                return total
            after = page[-1].order_id

    def _busy(self, order: StoredOrder) -> bool:
        """Tell whether this process works on an order, or is about to: it was placed just now."""
        order_id = order.order_id
        if self._started_at_ms <= order.placed_at_ms > self._clock() - RECOVERY_AGE_MS:
            return True
        return order_id in self._drives or order_id in self._unflushed or order_id in self._alone

    async def _settle(self, order: StoredOrder) -> bool:
        if order.status == "cancelled":
            try:
                await self._release(order)
            except Unavailable:
                return False
            return True
        driven, _ = await self._decision(
            order, Deadline((DECISION_PATIENCE_S + ANSWER_MARGIN_S) * 1000)
        )
        return driven.status != "pending"


def _not_found(order_id: str) -> OrderNotFound:
    return OrderNotFound(f"no order has the id {order_id[:64]}")
