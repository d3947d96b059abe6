"""Refuse what is too much: at the least cost, and so that not everyone comes back at once.

How it works: a refusal is made ready beforehand, and the request that it answers is not even read.
Still it costs about a quarter of a purchase, most of it in the HTTP server. So everyone who is
refused gets a turn of their own to come back, the next free one of so many a second, and
`Retry-After` is the time until then. However large the crowd, no more of it returns in a second
than can be refused again without the work of the others suffering. Who is refused later, by a
handler of this service that found no room, gets a turn in the same way.

Each kind of those who ask has a room: places in flight, places for bodies, and turns. Those of
another kind are never taken, so a crowd of one kind pushes out itself alone.

Source: RFC 9110, section 10.2.3; docs/performance.md
"""

import asyncio
import math
import random
from collections.abc import Callable
from time import monotonic
from typing import Any

from starlette.types import Send

from bazar.kit.errors import Headers as Told
from bazar.kit.errors import Overloaded
from bazar.kit.http.answers import Headers, Ready, problem_response, send_whole
from bazar.kit.http.endpoint import Kind
from bazar.kit.log import get_logger

PLACES: dict[Kind, int] = {
    "reading": 1024,
    "searching": 512,
    "looking": 256,
    "buying": 2048,
    "cancelling": 512,
    "keeping": 256,
    "watching": 8192,
}
"""In flight at a time; as many more may have a body on its way, which costs memory alone.

Watchers have as many as there are connections: they wait for nothing, and are never refused.
"""
Prove = Callable[[int, Headers, bytes], Headers]
"""Of an answer's status, headers and body."""
RETURNS_PER_S = 250
"""Turns to come back in a second, for each kind."""
RETRY_AFTER_S_MAX = 60
"""When all turns until then are taken, it is drawn from the second half of that time."""
LOG_INTERVAL_S = 1.0


class Refusals:
    """The refusals of one kind of those who ask a service."""

    def __init__(self, kind: Kind, said: Headers) -> None:
        """Make the answers ready, one for each `Retry-After` in whole seconds.

        Args:
            kind: of those who ask.
            said: headers of every answer of the service.
        """
        self._kind = kind
        reason = "so much waits already that this would wait in vain"
        answers = [
            problem_response(Overloaded(reason, retry_after_s=after_s))
            for after_s in range(RETRY_AFTER_S_MAX + 1)
        ]
        self._starts: list[dict[str, Any]] = [
            {
                "type": "http.response.start",
                "status": answer.status_code,
                "headers": [*answer.raw_headers, *said],
            }
            for answer in answers
        ]
        self._body: dict[str, Any] = {"type": "http.response.body", "body": answers[0].body}
        self._last_turn_s = 0.0
        self._unlogged = 0

    async def send(
        self,
        send: Send,
        page: Ready | None = None,
        *,
        again: bool = True,
        also: Told = (),
        prove: Prove | None = None,
    ) -> None:
        """Refuse one request. The log tells how many, once a second at most.

        Args:
            send: takes the answer.
            page: to answer, where one is given for it.
            again: whether the page asks again by itself. A form must not: the browser would ask
                for what is behind it, and what was typed would be lost.
            also: headers of the answer, where it is no page.
            prove: makes what shows a signed call that this is its answer.
        """
        after_s = self.next_turn()
        if not self._unlogged:
            asyncio.get_running_loop().call_later(LOG_INTERVAL_S, self._log)
        self._unlogged += 1
        if page is not None:
            turn = b"%d" % after_s
            headers = [*page.raw_headers, (b"retry-after", turn)]
            if again:
                headers.append((b"refresh", turn))
            await send_whole(send, page.status, page.body, headers)
            return
        start = self._starts[after_s]
        if also or prove is not None:
            headers = [*start["headers"], *also]
            proof = prove(start["status"], headers, self._body["body"]) if prove else []
            start = start | {"headers": [*headers, *proof]}
        await send(start)
        await send(self._body)

    def next_turn(self) -> int:
        """Return the whole seconds, at least 1, until the next free turn, and take it."""
        now_s = monotonic()
        turn_s = max(self._last_turn_s, now_s) + 1 / RETURNS_PER_S
        if turn_s > now_s + RETRY_AFTER_S_MAX:
            return random.randint(RETRY_AFTER_S_MAX // 2, RETRY_AFTER_S_MAX)  # noqa: S311
        self._last_turn_s = turn_s
        return math.ceil(turn_s - now_s)

    def _log(self) -> None:
        wait_s = max(1, math.ceil(self._last_turn_s - monotonic()))
        get_logger().warning(
            "overloaded", places=self._kind, refused=self._unlogged, retry_after_s=wait_s
        )
        self._unlogged = 0


class Places:
    """So many at a time, and no more; whoever takes a place counts `taken` down at the end."""

    __slots__ = ("most", "taken", "what")

    def __init__(self, most: int, what: str) -> None:
        """Start with all places free; `what` ends the sentence that says how many are taken."""
        self.most = most
        self.what = what
        self.taken = 0

    def count(self) -> int:
        """Return how many are taken."""
        return self.taken

    def take(self) -> None:
        """Take a place, or raise Overloaded."""
        if self.taken >= self.most:
            message = f"{self.taken} {self.what} already"
            raise Overloaded(message)
        self.taken += 1


class Room:
    """The places of one kind of those who ask, and the turns of those who get none."""

    __slots__ = ("in_flight", "receiving", "refusals")

    def __init__(self, kind: Kind, said: Headers) -> None:
        """Start with all places free; every answer of the service has the headers `said`."""
        self.in_flight = Places(PLACES[kind], f"requests of this kind ({kind}) are in flight")
        self.receiving = Places(PLACES[kind], f"bodies of this kind ({kind}) are on their way")
        self.refusals = Refusals(kind, said)
