"""Driving: every order to its end, once, whoever asks for it.

An order is driven by asking the catalog, which decides it at most once, and says the same when
asked again; so an order may be driven any number of times, from anywhere. Here that happens in
one task for all who wait for the order at that moment, and in a loop for those that nobody asks
for. All that this process knows of orders beside its database is in this module; a crash forgets
it, and the next start finds in the database what there is left to do.

Source: docs/exactly-once.md
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from types import MappingProxyType

from bazar.kit.clock import Clock, now_ms
from bazar.kit.data.database import Database, Transaction
from bazar.kit.deadline import Deadline
from bazar.kit.errors import BazarError, Unavailable
from bazar.kit.log import get_logger
from bazar.order.domain import StoredOrder, cancelled, decided
from bazar.order.store import Store
from bazar.order.upstream import CatalogClient, Decision
from bazar.wire.budgets import ANSWER_MARGIN_MS, AWAY_MS, DECISION_MS
from bazar.wire.stock import Outcome, Reserve

RECOVERY_INTERVAL_S = 0.5
RECOVERY_AGE_MS = 1000
"""A younger order of this run is still in the hands of whoever placed it."""
RECOVERY_BATCH_MAX = 512


@dataclass(frozen=True, slots=True)
class Placed:
    """An order as it stands, and the catalog's decision if it was made just now."""

    order: StoredOrder
    decision: Decision | None = None


_Drive = asyncio.Task[dict[str, Placed]]


class _Confirmations:
    """Confirmed orders that are told already, and will be in the database within 50 ms.

    Until then it calls them pending, so whoever reads one asks here first: nobody sees an order
    go back. A crash loses only what the catalog says again as soon as the order is driven.

    Source: docs/decisions/0008-confirmed-is-flushed-lazily.md
    """

    def __init__(self, database: Database, store: Store) -> None:
        self._database = database
        self._store = store
        self._flush: asyncio.Task[None] | None = None
        self._waiting: list[StoredOrder] = []
        self.unflushed: dict[str, StoredOrder] = {}
        """By order id; those that wait, and those that a flush is just writing."""

    def add(self, orders: Sequence[StoredOrder]) -> None:
        """Have orders written with the next flush."""
        for order in orders:
            self.unflushed[order.order_id] = order
        self._waiting += orders
        if self._flush is None:
            self._flush = asyncio.create_task(self._write_all())

    async def flushed(self, order_ids: Iterable[str]) -> None:
        """Wait until the database has what was told of these orders until now."""
        awaited = self.unflushed.keys() & order_ids
        while self._flush is not None and not awaited.isdisjoint(self.unflushed):
            await asyncio.wait({self._flush})

    async def _write_all(self) -> None:
        """Store all that was confirmed until now, in one lazy write."""
        orders, self._waiting = self._waiting, []

        async def work(transaction: Transaction) -> None:
            await self._store.confirm(transaction, orders)

        try:
            await self._database.write(work, lazy=True)
        except BazarError as error:  # they are still pending, so the loop drives them again
            get_logger().warning("flush-failed", orders=len(orders), reason=error.detail)
        finally:
            for order in orders:
                self.unflushed.pop(order.order_id, None)
            again = self._waiting
            self._flush = asyncio.create_task(self._write_all()) if again else None


class Driving:
    """Every order to its end, once, whoever asks."""

    def __init__(
        self, database: Database, store: Store, catalog: CatalogClient, clock: Clock = now_ms
    ) -> None:
        """Drive the orders of this database, and sell from this catalog."""
        self._database = database
        self._store = store
        self._catalog = catalog
        self._clock = clock
        self._started_at_ms = clock()
        self._drives: dict[str, _Drive] = {}
        """Who drives an order now, by order id; one task drives many."""
        self._changes: dict[str, asyncio.Future[None]] = {}
        """The end of the change that an order is amid, by order id."""
        self._confirmations = _Confirmations(database, store)
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
        await self.flushed()

    async def latest(self, order_id: str) -> StoredOrder | None:
        """Return an order as it was last told, or None."""
        return self._confirmations.unflushed.get(order_id) or await self._database.read(
            lambda transaction: self._store.by_id(transaction, order_id)
        )

    async def flushed(self) -> None:
        """Wait until the database has every status that was told until now."""
        await self._confirmations.flushed([*self._confirmations.unflushed])

    async def decided(
        self,
        orders: Sequence[StoredOrder],
        deadline: Deadline | None = None,
        request_ids: Mapping[str, str] = MappingProxyType({}),
    ) -> dict[str, Placed]:
        """Return orders as they stand; the pending ones once they are decided, or out of time.

        Args:
            orders: as they were read, which may be a while ago.
            deadline: by which the caller's answer is wanted; None leaves the catalog all its time.
            request_ids: join the log lines of all services, by order id.
        """
        current = await self._as_they_stand(orders)
        driven = await self._decisions(current.values(), deadline, request_ids)
        return {order_id: Placed(order) for order_id, order in current.items()} | driven

    @asynccontextmanager
    async def alone(self, order_id: str) -> AsyncIterator[None]:
        """Change an order while nobody drives it: after its drive, and with none that starts.

        Otherwise a buyer could hear `confirmed` of an order that a cancel has just ended. A crash
        forgets who drives and who waits; then nobody is left who could hear either.
        """
        while (change := self._changes.get(order_id)) is not None:
            await asyncio.wait({change})
        change = self._changes[order_id] = asyncio.get_running_loop().create_future()
        try:
            if (drive := self._drives.get(order_id)) is not None:
                await asyncio.wait({drive})
            await self._confirmations.flushed([order_id])
            yield
        finally:
            del self._changes[order_id]
            change.set_result(None)

    async def release(self, order: StoredOrder) -> Outcome | None:
        """Have the catalog give back what a cancelled order took, where it was not done yet.

        Returns:
            What was released; None where there was nothing to do, or where the catalog is away:
            the loop does it when it is back.
        """
        return None if order.settled or self._catalog.away else await self._release(order)

    async def drive_unsettled(self) -> int:
        """Drive every order that nobody has in hand, and return how many got settled.

        It stops early when the catalog is away: the rest waits for the next time.
        """
        after, total = "", 0
        while page := await self._unsettled_after(after):
            # Read anew, since an order may have been cancelled while the scan came back.
            latest = [await self._read(one.order_id) for one in page if not self._in_hand(one)]
            idle = [order for order in latest if not order.settled]
            settled = await self._settle(idle)
            total += settled
            if len(page) < RECOVERY_BATCH_MAX or settled < len(idle):
                break
            after = page[-1].order_id
        return total

    async def _as_they_stand(self, orders: Sequence[StoredOrder]) -> dict[str, StoredOrder]:
        """Return orders as they were last told, by id, with none of them amid a change."""
        unflushed = self._confirmations.unflushed
        current = {order.order_id: unflushed.get(order.order_id, order) for order in orders}
        while changes := {self._changes[one] for one in current if one in self._changes}:
            await asyncio.wait(changes)
            current = {order_id: await self._read(order_id) for order_id in current}
        return current

    async def _read(self, order_id: str) -> StoredOrder:
        order = await self.latest(order_id)
        assert order is not None  # no order is ever removed
        return order

    async def _decisions(
        self,
        orders: Iterable[StoredOrder],
        deadline: Deadline | None = None,
        request_ids: Mapping[str, str] = MappingProxyType({}),
    ) -> dict[str, Placed]:
        """Wait for the decisions about pending orders, together with everyone who waits for them.

        Those that are not pending are left alone; returned are those that were decided in time.
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
        done, _ = await asyncio.wait(drives, timeout=self._patience_s(deadline))
        decided_now: dict[str, Placed] = {}
        for drive in done:
            if not drive.cancelled() and drive.exception() is None:
                decided_now |= drive.result()
        return {order_id: decided_now[order_id] for order_id in pending if order_id in decided_now}

    def _patience_s(self, deadline: Deadline | None) -> float:
        """Return how long to wait for the catalog, so that the answer can still travel back."""
        patience_ms = AWAY_MS if self._catalog.away else DECISION_MS
        if deadline is None:
            return patience_ms / 1000
        left_ms = deadline.left_s() * 1000
        return min(patience_ms, left_ms - min(ANSWER_MARGIN_MS, left_ms / 4)) / 1000

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
        # A crash here, before or after the catalog decides, leaves them pending: who asks next,
        # or the loop at the next start, comes to this line again and gets the same decisions.
        decisions = await self._catalog.reserve(
            [
                Reserve(order.order_id, order.asked(), request_ids.get(order.order_id, ""))
                for order in orders
            ]
        )
        driven: dict[str, Placed] = {}
        confirmed: list[StoredOrder] = []
        others: dict[str, Decision] = {}
        for order, decision in zip(orders, decisions, strict=True):
            after = decided(order, decision.outcome)
            if after.status == "confirmed":
                driven[order.order_id] = Placed(after, decision)
                confirmed.append(after)
            else:
                others[order.order_id] = decision
        if confirmed:
            self._confirmations.add(confirmed)
        if others:  # durable before anyone hears of it
            for order in await self._store_decisions(others):
                driven[order.order_id] = Placed(order, others[order.order_id])
        return driven

    async def _store_decisions(self, decisions: Mapping[str, Decision]) -> list[StoredOrder]:
        """Store the decisions about orders that are still pending; return the orders after it."""

        async def work(transaction: Transaction) -> list[StoredOrder]:
            orders = []
            for order_id, decision in decisions.items():
                order = await self._store.by_id(transaction, order_id)
                assert order is not None
                after = decided(order, decision.outcome)
                if after is not order:
                    await self._store.update(transaction, after)
                orders.append(after)
            return orders

        return await self._database.write(work)

    async def _release(self, order: StoredOrder) -> Outcome | None:
        """Have the catalog give back what a cancelled order took; None where it did not answer."""
        try:
            outcome = await self._catalog.release(order.order_id)
            # A crash before this is durable: the loop asks for the release again, and the catalog
            # answers the same without giving anything back twice.
            await self._database.write(
                lambda transaction: self._store_release(transaction, outcome)
            )
        except Unavailable:
            return None
        return outcome

    async def _store_release(self, transaction: Transaction, outcome: Outcome) -> None:
        order = await self._store.by_id(transaction, outcome.order_id)
        if order is not None and order.status == "cancelled":
            await self._store.update(transaction, cancelled(order, outcome))

    async def _recover(self) -> None:
        while True:
            try:
                settled = await self.drive_unsettled()
                if settled:
                    self._log.info("recovered", orders=settled)
            except Exception:  # noqa: BLE001  the loop goes on, whatever it meets
                self._log.exception("recovery-fault")
            await asyncio.sleep(RECOVERY_INTERVAL_S)

    async def _unsettled_after(self, after: str) -> list[StoredOrder]:
        return await self._database.scan(
            lambda transaction: self._store.unsettled_after(transaction, after, RECOVERY_BATCH_MAX)
        )

    def _in_hand(self, order: StoredOrder) -> bool:
        """Tell whether this process works on an order, or is about to: it was placed just now."""
        if self._started_at_ms <= order.placed_at_ms > self._clock() - RECOVERY_AGE_MS:
            return True
        order_id, unflushed = order.order_id, self._confirmations.unflushed
        return order_id in self._drives or order_id in unflushed or order_id in self._changes

    async def _settle(self, orders: Sequence[StoredOrder]) -> int:
        """Have pending orders decided and cancelled ones released; return how many were."""
        current = (await self._as_they_stand(orders)).values()
        driven = await self._decisions(current)
        ended = [order for order in current if order.status == "cancelled"]
        releases = await asyncio.gather(*map(self._release, ended))
        return len(driven) + sum(released is not None for released in releases)
