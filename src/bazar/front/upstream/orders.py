"""The order service as the front sees it: orders placed in batches, found and cancelled.

An answer names the books that it changed, and the cache hears of them before the asker does: who
buys sees what is left, however slow the change feed is.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from bazar.front.upstream.cache import Cache
from bazar.front.upstream.passing import Passed, passed
from bazar.kit.deadline import Deadline
from bazar.kit.errors import BazarError, Unavailable
from bazar.kit.identity import is_id, new_request_id
from bazar.kit.peers.batching import Batcher
from bazar.kit.peers.client import Upstream
from bazar.kit.steps import lines_text, steps
from bazar.wire.books import BookChanged
from bazar.wire.budgets import PLACE_MS
from bazar.wire.limits import PLACEMENT_BATCH_MAX
from bazar.wire.orders import Buyer, Channel, Line
from bazar.wire.placing import (
    CHANGED_HEADER,
    Kind,
    Placement,
    PlacementAnswer,
    RefusedForm,
    UsedBy,
    UsedKey,
)
from bazar.wire.problems import KeyReused, OrderNotFound

PLACEMENTS_WAITING_MAX = 1024
"""Less than half a second's worth; more are refused at once (docs/performance.md)."""

_OK = 200
_ERRORS_FROM = 400
_OF_THE_ORDER = frozenset({200, 404, 409})
"""What is said of an order as it is stored; any other answer is about the call."""


class _Refusal(Struct):
    """What matters of the problem document of a placement."""

    code: str = ""
    definite: bool = True
    order_id: str | None = None
    """Of the order that is stored; where there is none, nothing of the refusal is."""


_refusal = msgspec.json.Decoder(_Refusal).decode
_used_by = msgspec.json.Decoder(UsedBy).decode
_answers = msgspec.json.Decoder(list[PlacementAnswer]).decode


class Placed(Struct, frozen=True):
    """What the order service said of a purchase."""

    answer: PlacementAnswer
    timing: str
    """Of its tier, as in a Server-Timing header; of the whole batch."""
    again: bool = False
    """Whether the batch was sent more than once."""


class _Wanted(Struct, frozen=True):
    """A purchase that waits for its batch."""

    kind: Kind
    lines: list[Line]
    key: str
    request_id: str
    deadline: Deadline
    channel: Channel
    buyer: Buyer | None
    delivery_minor: int
    open_orders_max: int


class Orders:
    """What can be done with orders."""

    def __init__(self, upstream: Upstream, cache: Cache) -> None:
        """Ask this service, and tell this cache what was sold or given back."""
        self._upstream = upstream
        self._cache = cache
        self._placements = Batcher(
            "the order service",
            self._place_batch,
            PLACEMENT_BATCH_MAX,
            waiting_max=PLACEMENTS_WAITING_MAX,
        )

    async def stop(self) -> None:
        """Stop; what waits fails as indefinite."""
        await self._placements.stop()

    def waiting(self) -> int:
        """Return how many purchases wait to be sent."""
        return self._placements.waiting

    def full(self) -> bool:
        """Tell whether so many purchases wait that one more would only wait in vain."""
        return self._placements.waiting >= PLACEMENTS_WAITING_MAX

    async def place(  # noqa: PLR0913  what an order is made of
        self,
        kind: Kind,
        lines: list[Line],
        key: str,
        *,
        deadline: Deadline,
        request_id: str,
        channel: Channel = "api",
        buyer: Buyer | None = None,
        delivery_minor: int = 0,
        open_orders_max: int = 0,
    ) -> Placed:
        """Place an order, together with others that are placed now, exactly once a key.

        Args:
            kind: of its route.
            lines: what is bought.
            key: of this purchase.
            deadline: by which its answer is wanted.
            request_id: joins the log lines of all services.
            channel: where it is placed.
            buyer: who buys, where that is known.
            delivery_minor: what delivery costs, in the shop's currency, as the buyer was told.
            open_orders_max: of this buyer's address; 0: any number.

        Raises:
            Overloaded: definite; too many purchases wait already.
            Unavailable: indefinite; the order service did not answer in time.
        """
        wanted = _Wanted(
            kind,
            lines,
            key,
            request_id,
            deadline,
            channel,
            buyer,
            delivery_minor,
            open_orders_max,
        )
        if steps.on:
            return await self._place_watched(wanted)
        return await self._place(wanted)

    async def _place(self, wanted: _Wanted) -> Placed:
        (placed,) = await self._placements.ask([wanted], wanted.deadline)
        if placed.again and not _holds(placed.answer):
            message = "the purchase was sent more than once; what came of the first is not known"
            raise Unavailable(message)
        self._announce(placed.answer.changed)
        return placed

    async def _place_watched(self, wanted: _Wanted) -> Placed:
        """Place an order, and write what was taken and what its client is told."""
        about = {"request_id": wanted.request_id, "key": wanted.key}
        lines = lines_text((line.book_id, line.quantity) for line in wanted.lines)
        left_ms = wanted.deadline.left_ms()
        steps.write("taken", **about, lines=lines, channel=wanted.channel, deadline_ms=left_ms)
        try:
            placed = await self._place(wanted)
        except BazarError as error:
            steps.write("told", **about, status=error.status, code=error.code)
            raise
        answer = placed.answer
        refused = answer.status >= _ERRORS_FROM
        refusal = _refusal(answer.body) if refused else _Refusal()
        order_id = answer.order_id or refusal.order_id or ""
        steps.write("told", **about, order_id=order_id, status=answer.status, code=refusal.code)
        return placed

    async def used_by(self, key: str, *, deadline: Deadline, request_id: str) -> str:
        """Return the id of the order that a key has placed, empty for none.

        Whoever refuses an order for a reason that passes, and leaves its key as it is, asks this
        first: its buyer may have an order already.

        Raises:
            Unavailable: the order service did not answer in time.
        """
        return await self._used_by("/placements/used", UsedKey(key), deadline, request_id)

    async def refuse(
        self, key: str, lines: list[Line], *, deadline: Deadline, request_id: str
    ) -> str:
        """Have a key place nothing any more, whatever is still on its way under it.

        Whoever tells a buyer that nothing was ordered does this first, where the catalog has not
        decided so.

        Returns:
            The id of the order that the key has placed before; empty where it has bought nothing,
            and never will.

        Raises:
            Unavailable: indefinite; the order service did not answer in time.
        """
        asked = RefusedForm(key, lines)
        return await self._used_by("/placements/refuse", asked, deadline, request_id)

    async def _used_by(
        self, path: str, asked: UsedKey | RefusedForm, deadline: Deadline, request_id: str
    ) -> str:
        answer = await self._upstream.call(
            "POST",
            path,
            deadline=deadline,
            request_id=request_id,
            body=msgspec.json.encode(asked),
        )
        if answer.status != _OK:
            message = f"the order service answered with status {answer.status}; its log says why"
            raise Unavailable(message)
        return _used_by(answer.body).order_id

    async def find(self, order_id: str, *, deadline: Deadline, request_id: str) -> Passed:
        """Return an order as it stands.

        Raises:
            OrderNotFound: definite; no order can have this id.
            Unavailable: the order service did not answer in time.
        """
        found = await self._ask("GET", _path(order_id), deadline, request_id)
        if not deadline.left_s():  # we stood still meanwhile: it may be another by now
            message = "the order service's answer came too late"
            raise Unavailable(message)
        return found

    async def cancel(self, order_id: str, *, deadline: Deadline, request_id: str) -> Passed:
        """Cancel an order, and give its copies back, once.

        Raises:
            OrderNotFound: definite; no order can have this id.
            Unavailable: indefinite; the order service did not answer in time.
        """
        if steps.on:
            steps.write("cancel-taken", request_id=request_id, order_id=order_id)
        return await self._ask("POST", f"{_path(order_id)}/cancel", deadline, request_id)

    async def _ask(self, method: str, path: str, deadline: Deadline, request_id: str) -> Passed:
        answer = await self._upstream.call(method, path, deadline=deadline, request_id=request_id)
        if answer.again and method != "GET" and answer.status not in _OF_THE_ORDER:
            message = f"the order service answered with status {answer.status}, asked once more"
            raise Unavailable(message)
        self._announce(answer.headers.get(CHANGED_HEADER) or "")
        return passed(answer)

    def _announce(self, changed: str) -> None:
        for change in parse_changed(changed):
            self._cache.announce(change)

    async def _place_batch(self, batch: Sequence[_Wanted]) -> list[Placed]:
        placements = [
            Placement(
                one.kind,
                one.lines,
                one.key,
                one.request_id,
                one.deadline.left_ms(),
                one.channel,
                one.buyer,
                one.delivery_minor,
                one.open_orders_max,
            )
            for one in batch
        ]
        # Where steps are written each call has an id of its own: a client may use its own twice.
        alone = len(batch) == 1 and not steps.on
        call = batch[0].request_id if alone else new_request_id()
        if steps.on:
            for one in batch:
                about = {"request_id": one.request_id, "key": one.key}
                steps.write("sent", **about, call=call, batch=len(batch), upstream="order")
        answer = await self._upstream.call(
            "POST",
            "/placements",
            deadline=Deadline(PLACE_MS),
            request_id=call,
            body=msgspec.json.encode(placements),
        )
        if answer.status != _OK:
            message = f"the order service answered with status {answer.status}; its log says why"
            raise Unavailable(message)
        timing = answer.headers.get("server-timing") or ""
        return [Placed(one, timing, answer.again) for one in _answers(answer.body)]


def parse_changed(text: str) -> list[BookChanged]:
    """Return the changes that an answer names, such as `2=17,3=5`."""
    pairs = [part.partition("=") for part in text.split(",") if part]
    return [BookChanged(int(book_id), int(version)) for book_id, _, version in pairs]


def _holds(answer: PlacementAnswer) -> bool:
    """Tell whether an answer holds for a purchase that was sent more than once.

    What is stored is the same whoever tells it. A definite refusal that is not stored, such as of
    one who has too much to do, knows nothing of the order that another one may just be storing.
    """
    if answer.status < _ERRORS_FROM:
        return True
    refusal = _refusal(answer.body)
    stored = refusal.order_id is not None or refusal.code == KeyReused.code
    return stored or not refusal.definite


def _path(order_id: str) -> str:
    """Return the path of an order at the order service, where we may go and strangers may not."""
    if not is_id(order_id):
        message = f"no order has the id {order_id[:64]!r}"
        raise OrderNotFound(message)
    return f"/orders/{order_id}"
