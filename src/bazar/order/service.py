"""What the order service does: placing an order so that it happens exactly once.

1. The order is stored as `pending` with its key, durably, here.
2. The catalog decides, at most once per order id; `driving` asks it, and stores what it says.
3. The buyer is told what was stored, now and at every later request with the same key.

Cancelling stores `cancelled` first, and then has the catalog release what it took. What a crash
at each point does is said at its line.

Source: docs/exactly-once.md
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from msgspec.structs import replace

from bazar.kit.clock import Clock, now_ms
from bazar.kit.data.database import KEEPERS, Database, Transaction
from bazar.kit.deadline import Deadline
from bazar.kit.errors import BazarError, InvalidRequest, Overloaded, Unavailable
from bazar.kit.identity import new_id
from bazar.kit.metrics import Metrics
from bazar.kit.parts import by_parts, parts
from bazar.kit.steps import steps
from bazar.order.buyers import checked_buyer, checked_tracking, same_person
from bazar.order.changes import advance, cancel, event_of, fulfil
from bazar.order.domain import (
    StoredOrder,
    asks_for,
    check_delivery,
    check_lines,
    line_count,
    public,
    stored_lines,
)
from bazar.order.driving import LINES_A_PART_MAX, Driving, Placed
from bazar.order.finding import check_query, wanted
from bazar.order.store import Store
from bazar.order.watching import write_found, write_of, write_stored
from bazar.wire.limits import PAGE_MAX
from bazar.wire.orders import (
    Line,
    Order,
    OrderEvent,
    OrderQuery,
    ProgressRequest,
    StuckOrder,
)
from bazar.wire.placing import Placement
from bazar.wire.problems import KeyReused, OrderNotFound, TooManyOpenOrders
from bazar.wire.stock import WITHDRAWN, Outcome, Rejection

_Asked = tuple[StoredOrder | BazarError, Placement, Deadline]
"""A new order, or what is wrong with it, what asks for it, and when it has to be stored by."""


class _Inserted(NamedTuple):
    """What became of new orders, by their ids."""

    inserted: set[str]
    asked: set[str]
    """Those that were to be inserted."""
    refused: Mapping[str, BazarError]
    """Why others were not to be."""


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
        self._outbox = driving.outbox
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
            InvalidRequest, KeyReused, TooManyOpenOrders, or Overloaded where it was dropped, all
            definite.

        Raises:
            Overloaded: definite; too many writes wait.
            Unavailable: indefinite; ask again with the same keys.
        """
        deadlines = [Deadline(placement.deadline_ms) for placement in placements]
        wanted = [self._wanted(placement) for placement in placements]
        with self._driving.placing(
            [one.order_id for one in wanted if isinstance(one, StoredOrder)]
        ):
            return await self._place(placements, wanted, deadlines)

    async def _place(
        self,
        placements: Sequence[Placement],
        wanted: Sequence[StoredOrder | BazarError],
        deadlines: Sequence[Deadline],
    ) -> list[Placed | BazarError]:
        open_orders_max = {
            order.order_id: placement.open_orders_max
            for order, placement in zip(wanted, placements, strict=True)
            if isinstance(order, StoredOrder) and order.buyer and placement.open_orders_max
        }
        asked = list(zip(wanted, placements, deadlines, strict=True))
        found = await self._stored(asked, open_orders_max)
        request_ids = {
            order.order_id: placement.request_id
            for order, placement in zip(found, placements, strict=True)
            if isinstance(order, StoredOrder)
        }
        with _stored_already():
            placed = await self._driving.decided(
                [one for one in found if isinstance(one, StoredOrder)],
                max(deadlines, key=Deadline.left_s),
                request_ids,
            )
        return [self._answered(mine, one, placed) for mine, one in zip(wanted, found, strict=True)]

    async def _stored(
        self, asked: Sequence[_Asked], open_orders_max: Mapping[str, int]
    ) -> list[StoredOrder | BazarError]:
        """Store new orders, or find those that their keys have placed before.

        Many lines are stored in parts, each a transaction of its own that the event loop has time
        for. What fails then is told of that part alone: another one may be stored already.
        """
        few = list(parts(asked, _line_count, LINES_A_PART_MAX))
        if len(few) == 1:
            return await self._stored_part(asked, open_orders_max)
        return await by_parts(few, lambda part: self._stored_part(part, open_orders_max))

    async def _stored_part(
        self, part: Sequence[_Asked], open_orders_max: Mapping[str, int]
    ) -> list[StoredOrder | BazarError]:
        limited = any(
            isinstance(order, StoredOrder) and order.order_id in open_orders_max
            for order, _placement, _deadline in part
        )

        async def insert(transaction: Transaction) -> _Inserted:
            timely = [
                order
                for order, _placement, deadline in part
                if isinstance(order, StoredOrder) and deadline.left_s() > 0
            ]
            refused = await self._over_limit(transaction, timely, open_orders_max)
            if refused:
                timely = [order for order in timely if order.order_id not in refused]
            inserted = await self._store.insert(transaction, timely)
            return _Inserted(inserted, {order.order_id for order in timely}, refused)

        # A crash before this is durable: nothing happened. After it: the recovery loop of the next
        # start, or a retry with the same key, goes on from here; between two parts the same holds
        # of each.
        done = await self._database.write(insert, single=not limited, idempotent=True)
        write_stored([one[:2] for one in part] if steps.on else (), done.inserted)
        with _stored_already():
            found = await self._found([order for order, *_rest in part], done)
        write_found(zip(found, [one[1] for one in part], strict=True), done.inserted)
        return found

    async def _found(
        self, wanted: Sequence[StoredOrder | BazarError], done: _Inserted
    ) -> list[StoredOrder | BazarError]:
        """Return new orders that were inserted, or those that their keys have placed before."""
        keys = [
            order.key
            for order in wanted
            if isinstance(order, StoredOrder)
            and order.order_id not in done.inserted
            and order.order_id not in done.refused
        ]
        placed: dict[str, StoredOrder] = {}
        if keys:  # by a write: what is told of them must be as durable as they were when placed
            existing = await self._database.write(
                lambda transaction: self._store.by_keys(transaction, keys), idempotent=True
            )
            placed = {order.key: order for order in existing}
        return [_found(order, done, placed) for order in wanted]

    def _wanted(self, placement: Placement) -> StoredOrder | BazarError:
        """Return the new order that a placement asks for, or what is wrong with it."""
        try:
            return self._new_order(placement)
        except InvalidRequest as error:
            return error

    def _new_order(self, placement: Placement) -> StoredOrder:
        """Return the new order that a placement asks for, or raise InvalidRequest."""
        check_lines(placement.lines)
        buyer = placement.buyer
        if buyer is not None:
            buyer = checked_buyer(buyer)
        check_delivery(placement.kind, buyer, placement.delivery_minor)
        return StoredOrder(
            new_id(self._clock),
            placement.key,
            placement.kind,
            "pending",
            settled=False,
            rejection=None,
            placed_at_ms=self._clock(),
            lines=stored_lines(placement.lines),
            channel=placement.channel,
            buyer=buyer,
            delivery_minor=placement.delivery_minor,
        )

    async def _over_limit(
        self,
        transaction: Transaction,
        orders: Sequence[StoredOrder],
        open_orders_max: Mapping[str, int],
    ) -> dict[str, TooManyOpenOrders]:
        """Return why new orders may not be inserted, by order id, for those that may not.

        It counts in the transaction that inserts, of which there is one at a time for an address,
        so no crowd gets past it. An order whose key has placed one before is none of them.

        Args:
            transaction: the one that inserts.
            orders: that are to be inserted, in this order.
            open_orders_max: of one address, by order id, for those that have a limit.
        """
        refused: dict[str, TooManyOpenOrders] = {}
        coming: Counter[str] = Counter()
        keys: set[str] = set()
        limited = [order for order in orders if order.order_id in open_orders_max]
        for address in sorted({same_person(order.buyer.email) for order in limited if order.buyer}):
            await transaction.lock(f"orders of {address}")
        if limited:
            taken = await self._store.by_keys(transaction, [order.key for order in orders])
            keys.update(order.key for order in taken)
        for order in orders if limited else ():
            if order.buyer is None or order.key in keys:
                continue
            email_key = same_person(order.buyer.email)
            most = open_orders_max.get(order.order_id)
            if most is not None:
                stored = await self._store.count_open(transaction, email_key, most)
                if stored + coming[email_key] >= most:
                    message = f"{most} orders of this e-mail address are open already"
                    refused[order.order_id] = TooManyOpenOrders(message)
                    continue
            keys.add(order.key)
            coming[email_key] += 1
        return refused

    def _answered(
        self,
        mine: StoredOrder | BazarError,
        found: StoredOrder | BazarError,
        placed: Mapping[str, Placed],
    ) -> Placed | BazarError:
        """Return what came of one placement: its own order, or the one that its key placed."""
        if isinstance(found, BazarError):
            return found
        assert isinstance(mine, StoredOrder)  # or nothing would have been found
        if found is not mine and not asks_for(found, mine):
            message = "this key has placed an order before, which asks for something else"
            of_pages = mine.channel == found.channel == "web"
            return KeyReused(message, order_id=found.order_id if of_pages else "")
        answer = placed[found.order_id]
        self._count(answer.order.status if found is mine else "replayed")
        return answer

    async def used_by(self, key: str) -> str:
        """Return the id of the order that a key has placed, empty for none."""
        order = await self._database.write(  # so that what is told of is as durable as it was
            lambda transaction: self._store.by_key(transaction, key), idempotent=True
        )
        return order.order_id if order else ""

    async def refuse(self, key: str, lines: Sequence[Line]) -> str:
        """Have a key place nothing any more, unless it has placed an order already.

        A page that says that nothing was ordered must be right also where its form was sent
        before, and that request is still on its way. So the key is used up, by an order that is
        rejected from the beginning: what comes later finds it.

        Args:
            key: of the form.
            lines: that the form asked for.

        Returns:
            The id of the order that the key has placed; empty where nothing was bought with it,
            and nothing ever will be.

        Raises:
            InvalidRequest: definite; the lines cannot be those of an order.
            Unavailable: indefinite; ask again.
        """
        refusal = Placement("order", list(lines), key, channel="web")
        order = self._new_order(refusal)
        rejection = Rejection(WITHDRAWN, "a page had refused its form before it arrived")
        rejected = replace(order, status="rejected", settled=True, rejection=rejection)

        async def work(transaction: Transaction) -> str:
            if order.order_id in await self._store.insert(transaction, [order]):
                await self._store.update(transaction, [rejected])
                return ""
            existing = await self._store.by_key(transaction, key)
            if existing is None:  # it is just being placed
                message = "an order with this key is just being placed"
                raise Unavailable(message)
            return "" if existing.status == "rejected" else existing.order_id

        # A crash before this is durable: nothing happened. After it: whoever asks again hears the
        # same.
        order_id = await self._database.write(work)
        if steps.on:
            steps.write("withdrawn", key=key, order_id=order_id)
        return order_id

    async def find(self, order_id: str) -> Order:
        """Return an order as it stands; a pending one is driven first.

        Raises:
            OrderNotFound: definite.
        """
        order = await self._driving.stored(order_id)
        if order is None:
            raise _not_found(order_id)
        return self._shown((await self._driving.decided([order]))[order_id].order)

    async def page(self, query: OrderQuery) -> list[Order]:
        """Return a page of orders: oldest first, newest first, or by their ids.

        Raises:
            InvalidRequest: the page is to come after or before an order that does not exist. Its
                place is not known, and to guess one could skip orders. Or what is asked for does
                not fit together.
        """
        check_query(query)

        async def work(transaction: Transaction) -> list[Order]:  # in a thread, up to its end
            return [self._shown(order) for order in await self._page(transaction, query)]

        return await self._database.scan(work, KEEPERS)

    async def _page(self, transaction: Transaction, query: OrderQuery) -> list[StoredOrder]:
        if query.by == "id":
            return await self._store.page_by_id(transaction, query.after, query.limit)
        for member, order_id in (("after", query.after), ("before", query.before)):
            if order_id and await self._store.by_id(transaction, order_id) is None:
                message = f"no order has the id {order_id!r}; ask for the first page again"
                raise InvalidRequest(message, member=member)
        if query.sort == "placed_at":
            return await self._store.page(transaction, query.after, query.status, query.limit)
        newest = wanted(query)
        return [] if newest is None else await self._store.newest(transaction, newest)

    def stuck(self) -> Iterator[StuckOrder]:
        """Yield the orders that the catalog does not take, although it answers."""
        return self._driving.stuck.listed()

    async def cancel(self, order_id: str, by: str = "") -> tuple[Order, Outcome | None]:
        """Cancel an order and give its copies back, once; again, it only says so.

        A pending one is driven first, since its buyer may have heard of it just before a crash.

        Returns:
            The order, and what the catalog released, where it did so just now.

        Raises:
            OrderNotFound, OrderNotCancellable: definite.
            Unavailable: indefinite; ask again.
        """
        order = await self._change(order_id, lambda order: cancel(order, self._clock()), by)
        # A crash here: the order stays unsettled, so the recovery loop has it released.
        released = await self._driving.release(order)
        return self._shown(order), released

    async def fulfil(self, order_id: str, by: str = "") -> Order:
        """Note that a confirmed order was handed over; again, it only says so.

        Raises:
            OrderNotFound, OrderNotFulfillable: definite.
            Unavailable: indefinite; ask again. It may be confirmed, which only the catalog knows.
        """
        return self._shown(
            await self._change(order_id, lambda order: fulfil(order, self._clock()), by)
        )

    async def progress(self, order_id: str, body: ProgressRequest, by: str = "") -> Order:
        """Note how far the shop is with a confirmed order; again, it only says so.

        Raises:
            OrderNotFound, ProgressNotPossible, InvalidRequest: definite.
            Unavailable: indefinite; ask again. It may be confirmed, which only the catalog knows.
        """
        tracking = checked_tracking(body.tracking)
        return self._shown(
            await self._change(
                order_id, lambda order: advance(order, body.progress, tracking, self._clock()), by
            )
        )

    def _shown(self, order: StoredOrder) -> Order:
        """Return an order as its buyer sees it now, and whether mail tells them of it."""
        return public(order, mailed=self._outbox.on and order.buyer is not None)

    async def events(self, order_id: str) -> list[OrderEvent]:
        """Return what people did to an order, the last 100 of it, the oldest first.

        Raises:
            OrderNotFound: definite.
        """
        if await self._driving.stored(order_id) is None:
            raise _not_found(order_id)
        events = await self._database.read(
            lambda transaction: self._store.events(transaction, order_id, PAGE_MAX)
        )
        return [event.public() for event in events]

    async def _change(
        self, order_id: str, change: Callable[[StoredOrder], StoredOrder], by: str
    ) -> StoredOrder:
        """Change an order, durably, once nobody drives it any more, and note who did it."""

        async def work(transaction: Transaction) -> StoredOrder:
            await self._store.lock(transaction, [order_id])
            order = await self._store.by_id(transaction, order_id)
            if order is None:
                raise _not_found(order_id)
            changed = change(order)
            if changed is not order:
                await self._store.update(transaction, [changed])
                event = event_of(order, changed, self._clock(), by)
                await self._store.add_event(transaction, order_id, event)
                await self._outbox.note(transaction, [(order, changed)])
            return changed

        with self._driving.held([order_id]):
            await self._driving.ended(order_id)
            changed = await self._database.write(work)
        write_of("changed", [changed])
        return changed


def _found(
    order: StoredOrder | BazarError, done: _Inserted, placed: Mapping[str, StoredOrder]
) -> StoredOrder | BazarError:
    """Return a new order that was inserted, or the one that its key placed before, or why none."""
    if isinstance(order, BazarError) or order.order_id in done.inserted:
        return order
    if order.order_id in done.refused:
        return done.refused[order.order_id]
    if order.key in placed:
        return placed[order.key]
    if order.order_id in done.asked:  # its key is taken, by an order that cannot be seen yet
        return Unavailable("an order with this key is just being placed")
    return Overloaded("its deadline passed before it was started")


@contextmanager
def _stored_already() -> Iterator[None]:
    """Let nobody hear that nothing was done, once orders may have been stored.

    Raises:
        Unavailable: indefinite; where it would have been said.
    """
    try:
        yield
    except Overloaded as error:
        message = f"the order may be stored; ask again: {error.detail}"
        raise Unavailable(message) from error


def _line_count(asked: _Asked) -> int:
    order, _placement, _deadline = asked
    return line_count(order) if isinstance(order, StoredOrder) else 0


def _not_found(order_id: str) -> OrderNotFound:
    return OrderNotFound(f"no order has the id {order_id[:64]!r}")
