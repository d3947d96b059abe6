"""The change feed: which books changed, told after the commit, so never of what did not happen."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from bazar.wire.books import BookChanged

BACKLOG_MAX = 1000
"""Commits that a subscriber may lag behind."""

Changes = Sequence[BookChanged]


class Feed:
    """Tells subscribers which books each commit changed."""

    def __init__(self) -> None:
        """Start without subscribers."""
        self._queues: set[asyncio.Queue[Changes]] = set()

    def publish(self, changes: Changes) -> None:
        """Give every subscriber the changes; one that lags too far behind is dropped.

        Args:
            changes: of one commit, at least one.
        """
        for queue in list(self._queues):
            try:
                queue.put_nowait(changes)
            except asyncio.QueueFull:
                self._queues.discard(queue)

    def close(self) -> None:
        """End all subscriptions."""
        queues, self._queues = self._queues, set()
        for queue in queues:
            if queue.empty():
                queue.put_nowait(())

    async def follow(self, heartbeat_s: float) -> AsyncIterator[Changes]:
        """Yield the changes of each commit from now on.

        It yields an empty sequence at once, when none can be missed any more, and again whenever
        nothing changed for a while. It ends when this subscriber was dropped: what it missed it
        cannot know, so it has to subscribe again and start empty.
        """
        queue: asyncio.Queue[Changes] = asyncio.Queue(BACKLOG_MAX)
        self._queues.add(queue)
        try:
            yield ()
            while queue in self._queues or not queue.empty():
                try:
                    yield await asyncio.wait_for(queue.get(), heartbeat_s)
                except TimeoutError:
                    yield ()
        finally:
            self._queues.discard(queue)
