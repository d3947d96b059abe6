"""The change feed: which books changed, told after the commit, so never of what did not happen."""

import asyncio
from collections.abc import AsyncIterator, Iterable

from bazar.wire import BookChanged

BACKLOG_MAX = 10_000
"""Changes that a subscriber may lag behind."""


class Feed:
    """Tells subscribers, after the commit, which books changed."""

    def __init__(self) -> None:
        """Start without subscribers."""
        self._queues: set[asyncio.Queue[BookChanged]] = set()

    def publish(self, changes: Iterable[BookChanged]) -> None:
        """Give every subscriber the changes; one that lags too far behind is dropped."""
        if not self._queues:
            return
        changes = list(changes)
        for queue in list(self._queues):
            try:
                for change in changes:
                    queue.put_nowait(change)
            except asyncio.QueueFull:
                self._queues.discard(queue)

    async def follow(self, heartbeat_s: float) -> AsyncIterator[BookChanged | None]:
        """Yield each change from now on, and None when nothing changed for a while.

        It ends when this subscriber was dropped: what it missed it cannot know, so it has to
        subscribe again and start empty.
        """
        queue: asyncio.Queue[BookChanged] = asyncio.Queue(BACKLOG_MAX)
        self._queues.add(queue)
        try:
            while queue in self._queues or not queue.empty():
                try:
                    yield await asyncio.wait_for(queue.get(), heartbeat_s)
                except TimeoutError:
                    yield None
        finally:
            self._queues.discard(queue)
