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
from collections.abc import AsyncIterator, Container, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from types import MappingProxyType

from msgspec.structs import replace

from bazar.kit.clock import Clock, now_ms
from bazar.kit.data.database import Database, Transaction
from bazar.kit.deadline import Deadline
from bazar.kit.errors import BazarError, InvalidRequest, Overloaded, Unavailable
from bazar.kit.identity import new_id
from bazar.kit.log import get_logger
from bazar.kit.metrics import Metrics
from bazar.order import store
from bazar.order.domain import (
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
from bazar.wire.budgets import ANSWER_MARGIN_MS, AWAY_MS, DECISION_MS
from bazar.wire.orders import Order, OrderQuery, OrderStatus
from bazar.wire.placing import Placement
from bazar.wire.problems import KeyReused, OrderNotCancellable, OrderNotFound, OrderNotFulfillable
from bazar.wire.stock import Outcome, Reserve

RECOVERY_INTERVAL_S = 0.5
RECOVERY_AGE_MS = 1000
RECOVERY_BATCH_MAX = 512


@dataclass(frozen=True, slots=True)
class Placed:
    """An order that was placed or found, and the catalog's decision if it was made just now."""

    order: StoredOrder
    decision: Decision | None = None


_Drive = asyncio.Task[dict[str, Placed]]


class Orders:
    """The use cases of the order service."""

    def __init__(
        self, database: Database, catalog: Catalog, metrics: Metrics, clock: Clock = now_ms
    ) -> None:
        """Work on an opened, migrated database, and sell from this catalog."""
        self.database = database
        self._catalog = catalog
        self._count = metrics.counter("bazar_purchases", "Purchases by outcome.", "outcome")
        self._clock = clock
        self._started_at_ms = clock()
        self._drives: dict[str, _Drive] = {}
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
        drives = set(self._drives.values())
        for drive in drives:
            drive.cancel()
        await asyncio.gather(*drives, return_exceptions=True)
        while self._flush is not None:
            await asyncio.wait({self._flush})

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
            inserted = await store.insert(transaction, timely)
            return [await _inserted_or_found(transaction, order, inserted) for order in wanted]

        found = await self.database.write(work)
        current = await self._current([one for one in found if isinstance(one, StoredOrder)])
        request_ids = {
            order.order_id: placement.request_id
            for order, placement in zip(found, placements, strict=True)
            if isinstance(order, StoredOrder)
        }
        patient = max(deadlines, key=Deadline.left_s)
        driven = await self._decisions(current.values(), patient, request_ids)
        placed = {order_id: Placed(order) for order_id, order in current.items()} | driven
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
            lines=tuple([StoredLine(line.id, line.quantity) for line in placement.lines]),
        )

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
        order = (await self._current([await self._load(order_id)]))[order_id]
        driven = await self._decisions([order], _patient())
        order = driven[order_id].order if driven else order
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

    async def _current(self, orders: Sequence[StoredOrder]) -> dict[str, StoredOrder]:
        """Return orders as they stand, by id, with none of them amid a change."""
        current = {order.order_id: self._unflushed.get(order.order_id, order) for order in orders}
        while turns := {self._alone[order_id] for order_id in current if order_id in self._alone}:
            await asyncio.wait(turns)
            current = {order_id: await self._load(order_id) for order_id in current}
        return current

    async def _decisions(
        self,
        orders: Iterable[StoredOrder],
        deadline: Deadline,
        request_ids: Mapping[str, str] = MappingProxyType({}),
    ) -> dict[str, Placed]:
        """Wait for the decisions about pending orders, together with everyone who waits for them.

        Args:
            orders: as they stand; those that are not pending are left alone.
            deadline: by which an answer is wanted.
            request_ids: join the log lines of all services, by order id.

        Returns:
            Those that were decided in time, by order id.
        """
        pending = {order.order_id: order for order in orders if order.status == "pending"}
        idle = [order for order_id, order in pending.items() if order_id not in self._drives]
        if idle:
            drive = asyncio.create_task(self._drive(idle, request_ids))
            self._drives |= dict.fromkeys([order.order_id for order in idle], drive)
            drive.add_done_callback(lambda ended: self._drive_ended(idle, ended))
        drives = {self._drives[order_id] for order_id in pending}
        if not drives:
            return {}
        left_ms = deadline.left_s() * 1000
        patience_ms = min(
            AWAY_MS if self._catalog.away else DECISION_MS,
            left_ms - min(ANSWER_MARGIN_MS, left_ms / 4),
        )
        done, _ = await asyncio.wait(drives, timeout=patience_ms / 1000)
        decided_now: dict[str, Placed] = {}
        for drive in done:
            if not drive.cancelled() and drive.exception() is None:
                decided_now |= drive.result()
        return {order_id: decided_now[order_id] for order_id in pending if order_id in decided_now}

    def _drive_ended(self, orders: Sequence[StoredOrder], drive: _Drive) -> None:
        for order in orders:
            del self._drives[order.order_id]
        if not drive.cancelled() and (error := drive.exception()) is not None:
            order_ids = ",".join(order.order_id for order in orders)
            self._log.warning("undecided", order_ids=order_ids, reason=str(error))

    async def _drive(
        self, orders: Sequence[StoredOrder], request_ids: Mapping[str, str]
    ) -> dict[str, Placed]:
        """Have the catalog decide some orders, and store what it decided."""
        decisions = await self._catalog.reserve(
            [
                Reserve(order.order_id, order.asked(), request_ids.get(order.order_id, ""))
                for order in orders
            ]
        )
        driven: dict[str, Placed] = {}
        others: dict[str, Decision] = {}
        for order, decision in zip(orders, decisions, strict=True):
            settled = decided(order, decision.outcome)
            if settled.status == "confirmed":
                driven[order.order_id] = Placed(settled, decision)
                self._unflushed[order.order_id] = settled
                self._to_flush.append(settled)
            else:
                others[order.order_id] = decision
        if self._to_flush and self._flush is None:
            self._flush = asyncio.create_task(self._flush_confirmed())
        if others:
            for order in await self._apply(others):
                driven[order.order_id] = Placed(order, others[order.order_id])
        return driven

    async def _flush_confirmed(self) -> None:
        """Store all that was confirmed until now, in one lazy write."""
        orders, self._to_flush = self._to_flush, []

        async def work(transaction: Transaction) -> None:
            await store.confirm(transaction, orders)

        try:
            await self.database.write(work, lazy=True)
        except BazarError as error:  # they are still pending, so the loop drives them again
            self._log.warning("flush-failed", orders=len(orders), reason=error.detail)
        finally:
            for order in orders:
                self._unflushed.pop(order.order_id, None)
            again = self._to_flush
            self._flush = asyncio.create_task(self._flush_confirmed()) if again else None

    async def _apply(self, decisions: Mapping[str, Decision]) -> list[StoredOrder]:
        """Store the decisions about orders that are still pending; return the orders after it."""

        async def work(transaction: Transaction) -> list[StoredOrder]:
            settled = []
            for order_id, decision in decisions.items():
                order = await store.by_id(transaction, order_id)
                assert order is not None
                after = decided(order, decision.outcome)
                if after is not order:
                    await store.update(transaction, after)
                settled.append(after)
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
            # Loaded anew, since an order may have been cancelled while the scan came back.
            loaded = [await self._load(one.order_id) for one in page if not self._busy(one)]
            idle = [order for order in loaded if not order.settled]
            current = (await self._current(idle)).values()
            driven = await self._decisions(current, _patient())
            cancelled = [order for order in current if order.status == "cancelled"]
            released = await asyncio.gather(*map(self._released, cancelled))
            total += len(driven) + sum(released)
            if len(page) < RECOVERY_BATCH_MAX or len(driven) + sum(released) < len(idle):
                return total
            after = page[-1].order_id

    def _busy(self, order: StoredOrder) -> bool:
        """Tell whether this process works on an order, or is about to: it was placed just now."""
        order_id = order.order_id
        if self._started_at_ms <= order.placed_at_ms > self._clock() - RECOVERY_AGE_MS:
            return True
        return order_id in self._drives or order_id in self._unflushed or order_id in self._alone

    async def _released(self, order: StoredOrder) -> bool:
        """Have the catalog release a cancelled order; tell whether it did."""
        try:
            await self._release(order)
        except Unavailable:
            return False
        return True


async def _inserted_or_found(
    transaction: Transaction, order: StoredOrder | BazarError, inserted: Container[str]
) -> StoredOrder | BazarError:
    """Return a new order that was inserted, or the one that its key placed before."""
    if isinstance(order, BazarError) or order.order_id in inserted:
        return order
    existing = await store.by_key(transaction, order.key)
    return existing or Overloaded("its deadline passed before it was started")


def _patient() -> Deadline:
    """Return a deadline by which the catalog has decided, unless it is away."""
    return Deadline(DECISION_MS + ANSWER_MARGIN_MS)


def _not_found(order_id: str) -> OrderNotFound:
    return OrderNotFound(f"no order has the id {order_id[:64]!r}")
