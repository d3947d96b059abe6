"""Calls to the catalog: reservations in batches, releases one by one.

What is wrong with one order stays that order's affair: a batch that is refused as a whole is
halved until the bad one is alone, and an outcome that makes no sense spoils no other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import msgspec

from bazar.kit.backup import BackupElsewhere, BackupRequest, NoRoomForBackup
from bazar.kit.deadline import Deadline
from bazar.kit.errors import BazarError, Problem, Unavailable
from bazar.kit.identity import new_request_id
from bazar.kit.peers.answers import Answer
from bazar.kit.peers.batching import Batcher
from bazar.kit.peers.client import Upstream
from bazar.kit.steps import steps
from bazar.wire import budgets
from bazar.wire.limits import RESERVE_BATCH_MAX
from bazar.wire.stock import InStock, Outcome, Reserve, StockQuestion

RESERVES_WAITING_MAX = 4096
"""More stay pending, and the loop asks again for them."""
CALLS_MAX = 64
"""For one batch; what is left of it then waits for the next time."""
REFUSALS_MAX = 16
"""In a row, in one batch: enough to find one bad order in 512, and a few beside it. More say that
the catalog refuses everything."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the catalog decided, and how long its tier took."""

    outcome: Outcome
    timing: str
    """As in a Server-Timing header; of the whole batch."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """Why an order of an answered batch has no decision."""

    reason: str
    alone: bool
    """Whether it is this very order that the catalog does not take."""


class NotTaken(Exception):
    """The catalog refused a message, or its answer makes no sense."""


class _Named(msgspec.Struct):
    """What is readable of an outcome that makes no sense."""

    order_id: str


_outcomes = msgspec.json.Decoder(list[Outcome]).decode
_outcome = msgspec.json.Decoder(Outcome).decode
_in_stock = msgspec.json.Decoder(list[InStock]).decode
_problem = msgspec.json.Decoder(Problem).decode
_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_named = msgspec.json.Decoder(_Named).decode
_MAKES_NO_SENSE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_OK = 200
_NO_BACKUP: dict[str, type[BazarError]] = {
    error.code: error for error in (NoRoomForBackup, BackupElsewhere)
}
_OF_THE_CALL = frozenset({401, 403, 404, 405, 408, 429, 502, 503, 504})
"""Statuses that are about the caller or the moment; any other refusal is about what was asked."""


class CatalogClient:
    """The catalog as the order service sees it."""

    def __init__(self, upstream: Upstream) -> None:
        """Talk to this catalog."""
        self._upstream = upstream
        self._batcher = Batcher(
            "the catalog", self._send, RESERVE_BATCH_MAX, waiting_max=RESERVES_WAITING_MAX
        )
        self.away = False
        """Whether the last batch got no answer: then nobody should wait long for the next."""

    async def stop(self) -> None:
        """Stop; what waits fails as indefinite."""
        await self._batcher.stop()

    async def reserve(self, requests: Sequence[Reserve]) -> Sequence[Decision | Undecided]:
        """Have orders decided, each at most once.

        Args:
            requests: 1 to 512; they travel in one call, with others that come meanwhile.

        Raises:
            Overloaded: too many wait already; these were not asked.
            Unavailable: indefinite; the catalog did not answer in time. Ask again.
        """
        return await self._batcher.ask(requests, Deadline(budgets.RESERVE_MS))

    async def reserve_alone(self, requests: Sequence[Reserve]) -> Sequence[Decision | Undecided]:
        """Have one order decided, in a call of its own, since it may spoil a batch.

        Raises:
            Unavailable: indefinite; the catalog did not answer in time. Ask again.
        """
        return await self._send(requests)

    async def release(self, order_id: str) -> Outcome:
        """Have the catalog give back what an order took, once.

        Raises:
            NotTaken: indefinite; it does not take this very order.
            Unavailable: indefinite; the catalog did not answer in time. Ask again.
        """
        path = f"/reservations/{quote(order_id, safe='')}/release"
        call = new_request_id()
        if steps.on:
            steps.write("release-sent", order_id=order_id, call=call)
        deadline = Deadline(budgets.RESERVE_BATCH_MS)
        answer = await self._upstream.call("POST", path, deadline=deadline, request_id=call)
        _check(answer)
        try:
            outcome = _outcome(answer.body)
        except _MAKES_NO_SENSE as error:
            raise NotTaken(_nonsense(error)) from None
        if (outcome.order_id, outcome.status) != (order_id, "released"):
            message = f"the catalog says {outcome.status} of {outcome.order_id} to a release"
            raise NotTaken(message)
        return outcome

    async def in_stock(self, book_ids: Sequence[int]) -> list[InStock]:
        """Return those of some books that can be bought now.

        Args:
            book_ids: 1 to 512.

        Raises:
            Unavailable: the catalog did not say so in time.
        """
        body = msgspec.json.encode(StockQuestion(list(book_ids)))
        answer = await self._upstream.call(
            "POST", "/in-stock", deadline=Deadline(budgets.READ_MS), body=body
        )
        try:
            _check(answer)
            return _in_stock(answer.body)
        except (NotTaken, *_MAKES_NO_SENSE) as error:
            raise Unavailable(str(error)) from None

    async def begin_backup(self, backup_id: str) -> None:
        """Have the catalog take the moment of a backup.

        Raises:
            NoRoomForBackup, BackupElsewhere: definite; it makes none.
            Unavailable: it did not say that it has; it may have all the same.
        """
        body = msgspec.json.encode(BackupRequest(backup_id))
        deadline = Deadline(budgets.BACKUP_MS)
        answer = await self._upstream.call("POST", "/backups", deadline=deadline, body=body)
        if answer.status == _OK:
            return
        try:
            problem = _problem(answer.body)
        except _MAKES_NO_SENSE as error:
            raise Unavailable(_nonsense(error)) from None
        message = f"the catalog: {problem.detail}"
        raise _NO_BACKUP.get(problem.code, Unavailable)(message)

    async def _send(self, requests: Sequence[Reserve]) -> list[Decision | Undecided]:
        """Ask for a batch; for its halves where it is refused, down to single orders."""
        deadline = Deadline(budgets.RESERVE_BATCH_MS)
        answers: dict[str, Decision | Undecided] = {}
        parts = [requests]
        refusals, reason = 0, "the batch was refused too often"
        for number in range(CALLS_MAX):
            if not parts or refusals == REFUSALS_MAX or (number and deadline.left_s() <= 0):
                break
            part = parts.pop()
            try:
                answers |= await self._ask(part, deadline)
                refusals = 0
            except NotTaken as error:
                refusals += 1
                if len(part) == 1:
                    answers[part[0].order_id] = Undecided(str(error), alone=True)
                else:
                    middle = len(part) // 2
                    parts += [part[middle:], part[:middle]]
            except Unavailable as error:
                if not answers:
                    raise
                reason = error.detail
                break
        rest = Undecided(reason, alone=False)
        return [answers.get(request.order_id, rest) for request in requests]

    async def _ask(
        self, requests: Sequence[Reserve], deadline: Deadline
    ) -> dict[str, Decision | Undecided]:
        """Send one call, and return what it says of each order.

        Raises:
            NotTaken: it was refused as a whole.
            Unavailable: indefinite; nobody answered, or not now.
        """
        # Where steps are written each call has an id of its own: an order may be asked for twice.
        alone = len(requests) == 1 and not steps.on
        call = (alone and requests[0].request_id) or new_request_id()
        if steps.on:
            for one in requests:
                about = {"request_id": one.request_id, "order_id": one.order_id}
                steps.write("sent", **about, call=call, batch=len(requests), upstream="catalog")
        try:
            answer = await self._upstream.call(
                "POST",
                "/reservations",
                deadline=deadline,
                request_id=call,
                body=msgspec.json.encode(requests),
            )
        except Unavailable:
            self.away = True
            raise
        _check(answer)
        self.away = False
        outcomes = _by_order(answer.body)
        timing = answer.headers.get("server-timing", "")
        return {one.order_id: _said(outcomes.get(one.order_id), timing) for one in requests}


def _check(answer: Answer) -> None:
    """Raise what a status other than 200 means."""
    if answer.status != _OK:
        reason = f"the catalog answered with status {answer.status}; its log says why"
        raise Unavailable(reason) if answer.status in _OF_THE_CALL else NotTaken(reason)


def _said(outcome: Outcome | str | None, timing: str) -> Decision | Undecided:
    if isinstance(outcome, Outcome):
        return Decision(outcome, timing)
    return Undecided(outcome or "the catalog says nothing of it", alone=True)


def _by_order(body: bytes) -> Mapping[str, Outcome | str]:
    """Return the outcomes by order id, or what makes no sense about one.

    Raises:
        NotTaken: it is no list.
    """
    try:
        return {outcome.order_id: outcome for outcome in _outcomes(body)}
    except _MAKES_NO_SENSE:
        pass
    try:
        items = _items(body)
    except _MAKES_NO_SENSE as error:
        raise NotTaken(_nonsense(error)) from None
    found: dict[str, Outcome | str] = {}
    for item in items:
        try:
            outcome = _outcome(item)
            found[outcome.order_id] = outcome
        except _MAKES_NO_SENSE as error:
            try:
                found[_named(item).order_id] = _nonsense(error)
            except _MAKES_NO_SENSE:
                continue  # nobody knows whose it is; that order hears that nothing is said of it
    return found


def _nonsense(error: Exception) -> str:
    return f"the answer of the catalog makes no sense: {error}"
