"""Driving: every order to its end, once, whoever asks for it.

An order is driven by asking the catalog, which decides it at most once, and says the same when
asked again; so an order may be driven any number of times, from anywhere, and several at once.
What is told of an order is what its row says then: a decision is stored where the row is still
pending, and else the row is the answer. The tasks that are shared here only save calls; a crash
forgets them, and the next start finds in the database what there is left to do.

No clock decides anything: which orders are in somebody's hands is known by their ids.

Source: docs/exactly-once.md; docs/decisions/0017-every-order-ends-on-its-own.md
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import MappingProxyType

from msgspec.structs import replace

from bazar.kit.data.database import Database, Transaction
from bazar.kit.deadline import Deadline
from bazar.kit.errors import BazarError
from bazar.kit.log import get_logger
from bazar.kit.parts import parts
from bazar.kit.steps import steps
from bazar.order.domain import StoredOrder, cancelled, decided, line_count, misfit
from bazar.order.outbox import Outbox
from bazar.order.store import Store
from bazar.order.stuck import Report, Stuck
from bazar.order.turns import Turns
from bazar.order.upstream import CatalogClient, Decision, Undecided
from bazar.order.watching import write_heard, write_of, write_undecided
from bazar.wire.budgets import ANSWER_MARGIN_MS, AWAY_MS, DECISION_MS
from bazar.wire.stock import Outcome, Reserve

RECOVERY_INTERVAL_S = 0.5
RECOVERY_BATCH_MAX = 512
LINES_A_PART_MAX = 512
"""Of orders that are read, or whose decisions are stored, in one go: a millisecond or two."""
RETRIES_MAX = 16
"""Stuck orders that are tried again at once, each in a call of its own."""

_Ask = Callable[[Sequence[Reserve]], Awaitable[Sequence[Decision | Undecided]]]


@dataclass(frozen=True, slots=True)
class Placed:
    """An order as it stands, and the catalog's decision if it was made just now."""

    order: StoredOrder
    decision: Decision | None = None


_Drive = asyncio.Task[dict[str, Placed]]


class Driving:
    """Every order to its end, once, whoever asks."""

    def __init__(
        self, database: Database, store: Store, catalog: CatalogClient, outbox: Outbox
    ) -> None:
        """Drive the orders of this database, sell from this catalog, and note letters of it."""
        self._database = database
        self._store = store
        self.outbox = outbox
        self._catalog = catalog
        self._held: set[str] = set()
        """Orders that somebody is just placing or changing, who drives them where they need it."""
        self._untold: set[str] = set()
        """Orders that are just being placed, whose buyers were told nothing yet."""
        self._drives: dict[str, _Drive] = {}
        """Who drives an order now, by order id; one task drives many, of few lines together."""
        self._releases: dict[str, asyncio.Task[Outcome | None]] = {}
        """Who has an order released now, by order id."""
        self._recovery: asyncio.Task[None] | None = None
        self._log = get_logger()
        self._undecided = Report("undecided")
        self._turns = Turns(database, store)
        self.stuck = Stuck()

    def start(self) -> None:
        """Start to drive the orders that nobody else drives, of this run and of earlier ones."""
        self._recovery = asyncio.create_task(self._recover())

    async def stop(self) -> None:
        """Stop driving; what is left is driven at the next start."""
        if self._recovery is not None:
            self._recovery.cancel()
            with suppress(asyncio.CancelledError):
                await self._recovery
        tasks = {*self._drives.values(), *self._releases.values()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def stored(self, order_id: str) -> StoredOrder | None:
        """Return an order as it is stored, or None."""
        return await self._database.read(
            lambda transaction: self._store.by_id(transaction, order_id)
        )

    @contextmanager
    def held(self, order_ids: Sequence[str]) -> Iterator[None]:
        """Keep orders from the loop: from before they are stored or changed until that is told."""
        self._held.update(order_ids)
        try:
            yield
        finally:
            self._held.difference_update(order_ids)

    @contextmanager
    def placing(self, order_ids: Sequence[str]) -> Iterator[None]:
        """Keep orders from the loop while they are placed, and know that nobody heard of them."""
        with self.held(order_ids):
            self._untold.update(order_ids)
            try:
                yield
            finally:
                self._untold.difference_update(order_ids)

    async def decided(
        self,
        orders: Sequence[StoredOrder],
        deadline: Deadline | None = None,
        request_ids: Mapping[str, str] = MappingProxyType({}),
    ) -> dict[str, Placed]:
        """Return orders as they stand; the pending ones once they are decided, or out of time.

        Stuck ones are left alone: whoever looks at such an order must not spoil a batch with it.

        Args:
            orders: as they were read, which may be a while ago.
            deadline: by which the caller's answer is wanted; None leaves the catalog all its time.
            request_ids: join the log lines of all services, by order id.
        """
        placed = {order.order_id: Placed(order) for order in orders}  # twins are one order
        pending = [
            one.order
            for one in placed.values()
            if one.order.status == "pending" and one.order.order_id not in self.stuck
        ]
        if pending:
            placed |= await self._decisions(pending, self._patience_s(deadline), request_ids)
            undecided = [one for one in pending if placed[one.order_id].decision is None]
            write_undecided(undecided, request_ids)
            for number, part in enumerate(parts(undecided, line_count, LINES_A_PART_MAX)):
                if number:
                    await asyncio.sleep(0)
                for order in await self._told(part):  # it may have been cancelled meanwhile
                    placed[order.order_id] = Placed(order)
        return placed

    async def _told(self, orders: Sequence[StoredOrder]) -> list[StoredOrder]:
        """Return orders as their buyers are told of them, now that no decision came in time.

        From here on a refusal calls for a letter. One that is on its way to the disk was stored
        without: a transaction waits for it, and the buyer is told of it here.
        """
        order_ids = [order.order_id for order in orders]
        self._untold.difference_update(order_ids)
        with_buyers = [order.order_id for order in orders if order.buyer is not None]
        if with_buyers and self.outbox.on:
            with suppress(BazarError):  # a letter less is no reason to say that nobody knows
                await self._database.write(
                    lambda transaction: self._store.lock(transaction, with_buyers), lazy=True
                )
        try:
            return await self._read(order_ids)
        except BazarError:  # they are stored, and what became of them is not known: pending
            return [*orders]

    async def ended(self, order_id: str) -> StoredOrder | None:
        """Return an order that is to be changed: driven, if the catalog is there, or None.

        A drive that is under way is waited for, so that no order is sold after its cancel was
        told. That is a courtesy: a drive elsewhere may still do so, and the release undoes it.
        """
        order = await self.stored(order_id)
        if order is None or order.status != "pending":
            return order
        if not self._catalog.away:
            await self.decided([order])
        while (drive := self._drives.get(order_id)) is not None:
            await asyncio.wait({drive})
        return await self.stored(order_id)

    async def release(self, order: StoredOrder) -> Outcome | None:
        """Have the catalog give back what a cancelled order took, where it was not done yet.

        Returns:
            What was released; None where there was nothing to do, or where the catalog is away:
            the loop does it when it is back.
        """
        return None if order.settled or self._catalog.away else await self._released(order.order_id)

    async def drive_unsettled(self) -> int:
        """Drive every order that nobody has in hand, and return how many got settled.

        It goes on over orders that the catalog does not take, and stops early where it is away,
        or takes none at all: the rest waits for the next time.
        """
        after, total = "", await self._retry_stuck()
        before = await self._turns.before()
        while page := await self._unsettled_after(after, before):
            idle = [one for one in page if not self._in_hand(one.order_id)]
            settled = await self._settle(idle)
            total += settled
            if len(page) < RECOVERY_BATCH_MAX or self._catalog.away or (idle and not settled):
                break
            after = page[-1].order_id
        return total

    async def _read(self, order_ids: Sequence[str]) -> list[StoredOrder]:
        return await self._database.read(
            lambda transaction: self._store.by_ids(transaction, order_ids)
        )

    async def _decisions(
        self,
        pending: Sequence[StoredOrder],
        patience_s: float,
        request_ids: Mapping[str, str] = MappingProxyType({}),
    ) -> dict[str, Placed]:
        """Wait for decisions, together with everyone who waits for them; return those in time.

        Args:
            pending: each order once.
            patience_s: how long to wait for the catalog.
            request_ids: join the log lines of all services, by order id.
        """
        idle = [order for order in pending if order.order_id not in self._drives]
        for part in parts(idle, line_count, LINES_A_PART_MAX):
            self._start_drive(part, request_ids, self._catalog.reserve)
        drives = {self._drives[order.order_id] for order in pending}
        done, _ = await asyncio.wait(drives, timeout=patience_s)
        decided_now: dict[str, Placed] = {}
        for drive in done:
            if not drive.cancelled() and drive.exception() is None:
                decided_now |= drive.result()
        return decided_now

    def _start_drive(
        self, orders: Sequence[StoredOrder], request_ids: Mapping[str, str], ask: _Ask
    ) -> _Drive:
        drive = asyncio.create_task(self._drive(orders, request_ids, ask))
        self._drives |= dict.fromkeys([order.order_id for order in orders], drive)
        drive.add_done_callback(lambda ended: self._drive_ended(orders, ended))
        return drive

    def _patience_s(self, deadline: Deadline | None) -> float:
        """Return how long to wait for the catalog, so that the answer can still travel back."""
        patience_ms = AWAY_MS if self._catalog.away else DECISION_MS
        if deadline is None:
            return patience_ms / 1000
        left_ms = deadline.left_s() * 1000
        return min(patience_ms, left_ms - min(ANSWER_MARGIN_MS, left_ms / 4)) / 1000

    def _drive_ended(self, orders: Sequence[StoredOrder], drive: _Drive) -> None:
        for order in orders:
            self._drives.pop(order.order_id, None)
        if not drive.cancelled() and (error := drive.exception()) is not None:
            self._undecided.note([order.order_id for order in orders], str(error))

    async def _drive(
        self, orders: Sequence[StoredOrder], request_ids: Mapping[str, str], ask: _Ask
    ) -> dict[str, Placed]:
        """Ask the catalog about pending orders, and return those that it decided, as stored."""
        answers = await ask(
            [
                Reserve(order.order_id, order.asked(), request_ids.get(order.order_id, ""))
                for order in orders
            ]
        )
        taken: list[tuple[StoredOrder, Decision]] = []
        later: list[str] = []
        write_heard(orders, answers)
        for order, answer in zip(orders, answers, strict=True):
            if isinstance(answer, Decision):
                if reason := misfit(order, answer.outcome):
                    self.stuck.failed(order.order_id, reason)
                else:
                    taken.append((order, answer))
            elif answer.alone:
                self.stuck.failed(order.order_id, answer.reason)
            else:
                later.append(order.order_id)
                reason = answer.reason
        if later:
            self._undecided.note(later, reason)
        return await self._keep(taken) if taken else {}

    async def _keep(self, taken: Sequence[tuple[StoredOrder, Decision]]) -> dict[str, Placed]:
        """Store decisions; return the orders as they are stored then.

        Confirmed ones are on the disk a moment later, since a crash loses only what the catalog
        says again; all others before anyone hears of them.
        """
        try:
            stored = await self._store_decisions(taken)
        except BazarError:
            raise
        except Exception as error:  # noqa: BLE001  of one order, which is found and named
            if len(taken) == 1:
                order_id = taken[0][0].order_id
                self.stuck.failed(order_id, f"its decision cannot be stored: {error}")
                return {}
            kept: dict[str, Placed] = {}
            for one in taken:
                kept |= await self._keep([one])
            return kept
        write_of("kept", (placed.order for placed in stored.values()))
        for order_id in stored:
            self.stuck.ended(order_id)
        return stored

    async def _store_decisions(
        self, taken: Sequence[tuple[StoredOrder, Decision]]
    ) -> dict[str, Placed]:
        after = [(decided(order, decision.outcome), decision) for order, decision in taken]
        sold = [order for order, _decision in after if order.status == "confirmed"]
        confirmed = await self._confirm(sold) if sold else set()
        stored = {
            order.order_id: Placed(order, decision)
            for order, decision in after
            if order.order_id in confirmed
        }
        rest = {order.order_id: one for order, one in after if order.order_id not in confirmed}
        if rest:
            stored |= await self._database.write(
                lambda transaction: self._apply(transaction, rest),
                lazy=len(sold) == len(after),
                idempotent=True,
            )
        return stored

    async def _confirm(self, orders: Sequence[StoredOrder]) -> set[str]:
        """Store that orders were sold where they are still pending; return the ids of those."""
        letters = self.outbox.on and any(order.buyer is not None for order in orders)

        async def work(transaction: Transaction) -> set[str]:
            confirmed = await self._store.confirm(transaction, orders)
            if letters:
                changes = [
                    (replace(order, status="pending"), order)
                    for order in orders
                    if order.order_id in confirmed
                ]
                await self.outbox.note(transaction, changes)
            return confirmed

        return await self._database.write(work, lazy=True, single=not letters, idempotent=True)

    async def _apply(
        self, transaction: Transaction, decisions: Mapping[str, Decision]
    ) -> dict[str, Placed]:
        """Store what orders became where they are still pending; else what is stored counts."""
        order_ids = list(decisions)
        await self._store.lock(transaction, order_ids)
        stored: dict[str, Placed] = {}
        changes: list[tuple[StoredOrder, StoredOrder]] = []
        changed: list[StoredOrder] = []
        for found in await self._store.by_ids(transaction, order_ids):
            decision = decisions[found.order_id]
            kept = decided(found, decision.outcome)
            if kept is not found:
                changed.append(kept)
                if kept.status != "rejected" or found.order_id not in self._untold:
                    changes.append((found, kept))
            stored[found.order_id] = Placed(kept, decision)
        await self._store.update(transaction, changed)
        await self.outbox.note(transaction, changes)
        return stored

    async def _released(self, order_id: str) -> Outcome | None:
        """Wait for the release of an order, together with everyone who waits for it."""
        release = self._releases.get(order_id)
        if release is None:
            release = self._releases[order_id] = asyncio.create_task(self._release(order_id))
            release.add_done_callback(lambda _ended: self._releases.pop(order_id))
        await asyncio.wait({release})  # so that one who goes away ends it for nobody
        return None if release.cancelled() else release.result()

    async def _release(self, order_id: str) -> Outcome | None:
        """Have the catalog give back what a cancelled order took; None where it did not."""
        try:
            outcome = await self._catalog.release(order_id)
            # A crash before this is durable: the loop asks for the release again, and the catalog
            # answers the same without giving anything back twice.
            await self._database.write(
                lambda transaction: self._store_release(transaction, outcome), idempotent=True
            )
        except BazarError:
            return None
        except Exception as error:  # noqa: BLE001  of this order, which is named
            self.stuck.failed(order_id, str(error))
            return None
        if steps.on:
            steps.write("released-heard", order_id=order_id)
        self.stuck.ended(order_id)
        return outcome

    async def _store_release(self, transaction: Transaction, outcome: Outcome) -> None:
        await self._store.lock(transaction, [outcome.order_id])
        order = await self._store.by_id(transaction, outcome.order_id)
        if order is not None and order.status == "cancelled":
            await self._store.update(transaction, [cancelled(order, outcome)])

    async def _recover(self) -> None:
        while True:
            try:
                settled = await self.drive_unsettled()
                if settled:
                    self._log.info("recovered", orders=settled)
            except BazarError as error:  # such as that the database is away
                self._log.warning("recovery-waits", reason=error.detail)
            except Exception:  # noqa: BLE001  the loop goes on, whatever it meets
                self._log.exception("recovery-fault")
            await asyncio.sleep(RECOVERY_INTERVAL_S)

    async def _unsettled_after(self, after: str, before: int) -> list[StoredOrder]:
        return await self._database.scan(
            lambda transaction: self._store.unsettled_after(
                transaction, after, before, RECOVERY_BATCH_MAX
            )
        )

    def _in_hand(self, order_id: str) -> bool:
        """Tell whether this process works on an order already, or leaves it alone for a while."""
        hands = (self._held, self._drives, self._releases, self.stuck)
        return any(order_id in one for one in hands)

    async def _settle(self, page: Sequence[StoredOrder]) -> int:
        """Have pending orders decided and cancelled ones released; return how many were.

        They are read in parts, and the event loop has its turn between them; asked they are
        together.
        """
        settling: list[asyncio.Task[int]] = []
        async with asyncio.TaskGroup() as group:
            for part in parts(page, line_count, LINES_A_PART_MAX):
                settling.append(group.create_task(self._settle_part(part)))
                await asyncio.sleep(0)
        return sum(task.result() for task in settling)

    async def _settle_part(self, part: Iterable[StoredOrder]) -> int:
        # Read anew, since an order may have been cancelled while the scan came back; and somebody
        # may have taken it in hand meanwhile. Nothing comes between that and a drive.
        read = await self._read([one.order_id for one in part])
        orders = [order for order in read if not self._in_hand(order.order_id)]
        pending = [order for order in orders if order.status == "pending"]
        write_of("driven-again", orders)
        driven = await self._decisions(pending, self._patience_s(None)) if pending else {}
        ended = [one.order_id for one in orders if one.status != "pending" and not one.settled]
        releases = await asyncio.gather(*map(self._released, ended))
        return len(driven) + sum(released is not None for released in releases)

    async def _retry_stuck(self) -> int:
        """Try stuck orders whose pause is over, each by itself; return how many got settled."""
        due = self.stuck.due(RETRIES_MAX)
        settled = sum(await asyncio.gather(*map(self._retry, due)))
        if settled:
            self.stuck.forgive()
        return settled

    async def _retry(self, order_id: str) -> bool:
        (order,) = await self._read([order_id])
        if order.settled:
            self.stuck.ended(order_id)
            return False
        if order.status != "pending":
            return await self._released(order_id) is not None
        if order_id in self._drives:
            return False
        write_of("driven-again", [order])
        drive = self._start_drive([order], MappingProxyType({}), self._catalog.reserve_alone)
        await asyncio.wait({drive})
        return not drive.cancelled() and drive.exception() is None and order_id in drive.result()
