"""Calls to the catalog and the order service, and the change feed that keeps the cache honest."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing, suppress
from typing import NamedTuple

import msgspec
from starlette.responses import Response

from bazar.front.upstream.cache import Cache
from bazar.front.upstream.passing import Passed, passed
from bazar.kit.deadline import Deadline
from bazar.kit.errors import Unavailable
from bazar.kit.http.request import Request
from bazar.kit.log import get_logger
from bazar.kit.peers.batching import Batcher
from bazar.kit.peers.client import Upstream
from bazar.wire.books import BookChanged
from bazar.wire.budgets import PLACE_MS, READ_MS, SILENCE_MS
from bazar.wire.limits import PLACEMENT_BATCH_MAX
from bazar.wire.orders import Line
from bazar.wire.placing import CHANGED_HEADER, Kind, Placement, PlacementAnswer, placing_response

FEED_PAUSE_S = 0.2
PLACEMENTS_WAITING_MAX = 1024
"""Less than half a second's worth; more are refused at once (docs/performance.md)."""

_HIT = "bazar; hit"
_MISS = "bazar; fwd=miss"
_BYPASS = "bazar; fwd=bypass"
_DATA = b"data: "
_OK = 200
_answers = msgspec.json.Decoder(list[PlacementAnswer]).decode
_change = msgspec.json.Decoder(BookChanged).decode


class _Wanted(NamedTuple):
    """A purchase that waits for its batch."""

    kind: Kind
    lines: list[Line]
    key: str
    request_id: str
    deadline: Deadline


class Shop:
    """The two services behind the front, and the cache before the catalog."""

    def __init__(self, catalog: Upstream, order: Upstream) -> None:
        """Talk to these two; `start` to follow the change feed."""
        self.cache = Cache()
        self._catalog = catalog
        self._order = order
        self._placements = Batcher(
            "the order service",
            self._place_batch,
            PLACEMENT_BATCH_MAX,
            waiting_max=PLACEMENTS_WAITING_MAX,
        )
        self._follower: asyncio.Task[None] | None = None
        self._log = get_logger()

    def start(self) -> None:
        """Start to follow the change feed."""
        self._follower = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Stop following it."""
        if self._follower is not None:
            self._follower.cancel()
            with suppress(asyncio.CancelledError):
                await self._follower
        await self._placements.stop()

    async def book(self, request: Request, book_id: int) -> Response:
        """Answer a book, from the cache where it is up to date.

        Raises:
            Unavailable: the catalog did not answer within 3 s.
        """
        path = f"/info/{book_id}"
        if _wants_fresh(request):
            answer = await self.cache.fresh(book_id, lambda: self._fetch(request.id, path))
            return answer.response(request, _BYPASS, answer.timing)
        held = self.cache.held_book(book_id)
        if held is not None:
            return held.response(request, _HIT)
        answer = await self.cache.book(book_id, lambda: self._fetch(request.id, path))
        return answer.response(request, _MISS, answer.timing)

    async def titles(self, request: Request, path: str) -> Response:
        """Answer a list of titles, from the cache where it is up to date.

        Raises:
            Unavailable: the catalog did not answer within 3 s.
        """
        if _wants_fresh(request):
            return await self.read(request, path)
        held = self.cache.held_titles(path)
        if held is not None:
            return held.response(request, _HIT)
        answer = await self.cache.titles(path, lambda: self._fetch(request.id, path))
        return answer.response(request, _MISS, answer.timing)

    async def read(self, request: Request, path: str) -> Response:
        """Ask the catalog itself.

        Raises:
            Unavailable: the catalog did not answer within 3 s.
        """
        answer = await self._fetch(request.id, path)
        return answer.response(request, _BYPASS, answer.timing)

    async def _fetch(self, request_id: str, path: str) -> Passed:
        """Ask the catalog, perhaps for others as well who wait for the same answer."""
        deadline = Deadline(READ_MS)
        return passed(
            await self._catalog.call("GET", path, deadline=deadline, request_id=request_id)
        )

    async def place(self, request: Request, kind: Kind, lines: list[Line], key: str) -> Response:
        """Place an order, together with others that are placed now.

        Raises:
            Overloaded: definite; too many purchases wait already.
            Unavailable: indefinite; the order service did not answer in time.
        """
        deadline = request.deadline(PLACE_MS)
        wanted = _Wanted(kind, lines, key, request.id, deadline)
        ((answer, timing),) = await self._placements.ask([wanted], deadline)
        if timing:
            request.timings.append(timing)
        for change in parse_changed(answer.changed):
            self.cache.announce(change)
        return placing_response(request, answer, internal=False)

    def waiting(self) -> int:
        """Return how many purchases wait to be sent."""
        return self._placements.waiting

    def full(self) -> bool:
        """Tell whether so many purchases wait that one more would only wait in vain."""
        return self._placements.waiting >= PLACEMENTS_WAITING_MAX

    async def _place_batch(self, batch: Sequence[_Wanted]) -> list[tuple[PlacementAnswer, str]]:
        placements = [
            Placement(one.kind, one.lines, one.key, one.request_id, one.deadline.left_ms())
            for one in batch
        ]
        answer = await self._order.call(
            "POST",
            "/placements",
            deadline=Deadline(PLACE_MS),
            request_id=batch[0].request_id if len(batch) == 1 else "",
            body=msgspec.json.encode(placements),
        )
        if answer.status != _OK:
            message = f"the order service answered with status {answer.status}; its log says why"
            raise Unavailable(message)
        timing = answer.headers.get("server-timing") or ""
        return [(one, timing) for one in _answers(answer.body)]

    async def order(
        self,
        request: Request,
        path: str,
    ) -> Response:
        """Ask the order service, with the request's own method.

        Raises:
            Unavailable: indefinite; the order service did not answer within 5 s.
        """
        answer = await self._order.call(
            "GET" if request.method == "HEAD" else request.method,
            path,
            deadline=request.deadline(PLACE_MS),
            request_id=request.id,
        )
        for change in parse_changed(answer.headers.get(CHANGED_HEADER) or ""):
            self.cache.announce(change)
        through = passed(answer)
        return through.response(request, _BYPASS, through.timing)

    async def _follow(self) -> None:
        """Follow the change feed for ever; each break empties the cache."""
        while True:
            reason = "the catalog ended it"
            opened = False
            try:
                async with aclosing(self._catalog.stream("/changes", SILENCE_MS / 1000)) as lines:
                    async for line in lines:
                        self._take(line)
                        opened = True
                        if not self.cache.live:
                            reason = "it was silent for too long, or told too much"
                            break
            except Exception as error:  # noqa: BLE001  whatever broke it: forget, and go on
                reason = str(error)
            self.cache.broken()
            if opened:  # while the catalog is away, its absence is no news
                self._log.info("feed-broken", reason=reason)
            await asyncio.sleep(FEED_PAUSE_S)

    def _take(self, line: bytes) -> None:
        if line == b": open":
            self.cache.opened()
        else:
            self.cache.heard()
            if line.startswith(_DATA):
                self.cache.announce(_change(line.removeprefix(_DATA)))


def parse_changed(header: str) -> list[BookChanged]:
    """Return the changes that the header of a purchase's answer names, such as `2=17,3=5`."""
    pairs = [part.partition("=") for part in header.split(",") if part]
    return [BookChanged(int(book_id), int(version)) for book_id, _, version in pairs]


def _wants_fresh(request: Request) -> bool:
    return "no-cache" in request.header(b"cache-control")
