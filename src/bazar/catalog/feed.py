"""The change feed: what changed, books or settings, told after the commit and never otherwise.

How it works: each commit has a number, and each follower a queue. Commits and signs of life go
through that one queue, each with the time at which it was put in. So a sign of life that arrives
proves that everything before it has arrived, and tells how long that took. A change is in the
queues before anyone is told that it was made. Where other catalogs write too, `listening` says
what is told, and when.

A follower that is late is let go, and what waits for it is thrown away: it has to start afresh,
and draining the queue would only tell it late what it must not trust any more.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple

from bazar.kit.clock import passing_s
from bazar.wire.books import BookChanged, Place
from bazar.wire.budgets import HEARTBEAT_MS, LAG_MS
from bazar.wire.shop import ShopChanged

BACKLOG_MAX = 1000
"""Commits and signs of life that wait for one follower."""

Changes = Sequence[BookChanged | ShopChanged]


class Told(NamedTuple):
    """What followers are told at once: a commit, or that there was none."""

    changes: Changes
    place: Place
    """After them."""
    at_ms: int
    """The moment before which nothing was made that was not told by then."""
    put_ms: int
    """Since when it waits for the follower."""


class Follower:
    """The queue of one follower."""

    __slots__ = ("ended", "waiting", "wake")

    def __init__(self) -> None:
        """Start without anything that waits."""
        self.waiting: deque[Told] = deque()
        self.wake = asyncio.Event()
        self.ended = False

    def give(self, told: Told) -> None:
        """Put something into the queue, unless it is too long."""
        if len(self.waiting) >= BACKLOG_MAX or self.is_late(told.put_ms):
            self.end()
        else:
            self.waiting.append(told)
            self.wake.set()

    def is_late(self, now_ms: int) -> bool:
        """Tell whether what waits has waited for too long."""
        return bool(self.waiting) and now_ms - self.waiting[0].put_ms > LAG_MS

    def end(self) -> None:
        """Let the follower go, and throw away what waits for it."""
        self.ended = True
        self.waiting.clear()
        self.wake.set()


class Feed:
    """Tells followers what each commit changed."""

    def __init__(
        self, *, heartbeat_s: float = HEARTBEAT_MS / 1000, clock: Callable[[], float] = passing_s
    ) -> None:
        """Start without followers; the clock counts seconds, and only passes."""
        self._clock = clock
        self._heartbeat_s = heartbeat_s
        self._followers: set[Follower] = set()
        self._beat: asyncio.TimerHandle | None = None
        self.place = Place(secrets.token_hex(4), 0)
        """After the last commit that was published; whatever is read from now on holds it."""

    def publish(self, changes: Changes) -> None:
        """Tell every follower of a commit.

        Args:
            changes: of one commit, at least one.
        """
        self.place = Place(self.place.run, self.place.number + 1)
        self._tell(changes)

    def close(self) -> None:
        """End all subscriptions."""
        for follower in self._followers:
            follower.end()

    async def follow(self) -> AsyncIterator[Told]:
        """Yield each commit from now on, and signs of life.

        The first comes when nothing can be missed any more. It ends when this follower was let
        go: what it missed it cannot know, so it has to follow again and start empty.
        """
        follower = Follower()
        self._welcome(follower)
        try:
            while not follower.ended:
                if not follower.waiting:
                    follower.wake.clear()
                    await follower.wake.wait()
                elif follower.is_late(self._now_ms()):
                    follower.end()
                else:
                    yield follower.waiting.popleft()
        finally:
            self._leave(follower)

    def _welcome(self, follower: Follower) -> None:
        """Let a follower in, to whom the first sign of life is given at once."""
        self._followers.add(follower)
        if self._beat is None:
            self._schedule()
        follower.give(self._now(()))

    def _leave(self, follower: Follower) -> None:
        self._followers.discard(follower)

    def _schedule(self) -> None:
        self._beat = asyncio.get_running_loop().call_later(self._heartbeat_s, self._next_beat)

    def _next_beat(self) -> None:
        self._beat = None
        if self._followers:
            self._tell(())
            self._schedule()

    def _tell(self, changes: Changes) -> None:
        told = self._now(changes)
        for follower in self._followers:
            follower.give(told)

    def _now(self, changes: Changes) -> Told:
        now_ms = self._now_ms()
        return Told(changes, self.place, now_ms, now_ms)

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)
