"""Refuse what is too much: at the least cost, and so that not everyone comes back at once.

How it works: a refusal is made ready beforehand, and the request that it answers is not even read.
Still it costs about a quarter of a purchase, most of it in the HTTP server. So the more are
refused, the later they are asked to come back: `Retry-After` grows until about as many come as can
be refused without the work of the others suffering. It is drawn from a range, since those who were
refused together would otherwise return together.

Source: RFC 9110, section 10.2.3; docs/performance.md
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from bazar.kit.errors import PROBLEM_MEDIA_TYPE, Overloaded, Problem
from bazar.kit.log import get_logger

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

INTERVAL_S = 1.0
REFUSALS_WANTED = 500
"""A second; `Retry-After` aims at so many."""
RETRY_AFTER_S_MAX = 30


class Refusals:
    """The refusals of one service."""

    def __init__(self, encode: Callable[[Problem], bytes]) -> None:
        """Make the answers ready, one for each `Retry-After` in whole seconds."""
        error = Overloaded("so much waits already that this would wait in vain")
        body = encode(error.problem())
        headers = [
            (b"content-type", PROBLEM_MEDIA_TYPE.encode("ascii")),
            (b"content-length", b"%d" % len(body)),
        ]
        self._starts: Sequence[MutableMapping[str, Any]] = [
            {
                "type": "http.response.start",
                "status": error.status,
                "headers": [*headers, (b"retry-after", b"%d" % after_s)],
            }
            for after_s in range(2 * RETRY_AFTER_S_MAX + 1)
        ]
        self._body = {"type": "http.response.body", "body": body}
        self._count = 0
        self._watched = False
        self.retry_after_s = 1
        """The least that anyone is told now; the most is twice as much."""

    async def send(self, send: Send) -> None:
        """Refuse one request; the log tells how many, once a second at most."""
        self._count += 1
        if not self._watched:
            self._watched = True
            asyncio.get_running_loop().call_later(INTERVAL_S, self._watch)
        after_s = random.randint(self.retry_after_s, 2 * self.retry_after_s)  # noqa: S311
        await send(self._starts[after_s])
        await send(self._body)

    def _watch(self) -> None:
        count, self._count = self._count, 0
        # Who stays away twice as long comes half as often. Those who come now were told before,
        # so it is at most doubled, and only eased second by second.
        aim_s = round(self.retry_after_s * count / REFUSALS_WANTED)
        least_s, most_s = max(1, self.retry_after_s - 1), 2 * self.retry_after_s
        self.retry_after_s = min(max(aim_s, least_s), most_s, RETRY_AFTER_S_MAX)
        self._watched = count > 0 or self.retry_after_s > 1
        if self._watched:
            asyncio.get_running_loop().call_later(INTERVAL_S, self._watch)
        if count:
            get_logger().warning("overloaded", refused=count, retry_after_s=self.retry_after_s)
