"""Who wants to hear when a book or the settings change, and how those hear it who follow a few.

How it works: a `Watcher` is told at once, in the turn of the loop in which the cache hears it. A
`Follower` waits for a few books; what changes while it is busy is gathered for it by key. So
nothing grows while it is late, and it then hears all at once. Whoever follows no book that
changed costs nothing.

When the feed breaks, followers hear that too, once: nobody knows what changes from then on. When
another feed is open they hear of all that they follow, since any of it may have changed meanwhile.
"""

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple, Protocol, TypeAlias

SHOP: Literal["shop"] = "shop"
"""Stands for the settings among the ids of books."""
Key: TypeAlias = int | Literal["shop"]


class Watcher(Protocol):
    """Is told what the cache hears; it must not raise, nor take long."""

    def changed(self, key: Key, *, listed: bool) -> None:
        """Take in that a book or the settings have a new version.

        Args:
            key: the id of the book, or `SHOP`.
            listed: whether what lists show may have changed too.
        """
        ...

    def broken(self) -> None:
        """Take in that changes may be missed from now on."""
        ...

    def opened(self) -> None:
        """Take in that from now on none is missed; any of them may have been before."""
        ...


class News(NamedTuple):
    """What a follower hears at once."""

    changed: frozenset[Key]
    """Of what it follows."""
    broken: bool
    """Whether it hears nothing until the next news, whatever changes."""


class Follower:
    """Hears of a few books."""

    __slots__ = ("_broken", "_changed", "_keys", "_wake")

    def __init__(self, keys: frozenset[Key]) -> None:
        """Follow these; who makes it tells it."""
        self._keys = keys
        self._changed: set[Key] = set()
        self._broken = False
        self._wake = asyncio.Event()

    async def news(self) -> News:
        """Return what happened since the last time; wait where nothing did."""
        await self._wake.wait()
        self._wake.clear()
        news = News(frozenset(self._changed), self._broken)
        self._changed.clear()
        return news

    def changed(self, key: Key) -> None:
        """Have it hear of one of those that it follows."""
        self._changed.add(key)
        self._wake.set()

    def broken(self) -> None:
        """Have it hear that the feed broke."""
        self._broken = True
        self._wake.set()

    def opened(self) -> None:
        """Have it hear that another feed is open, and of all that it follows."""
        self._broken = False
        self._changed |= self._keys
        self._wake.set()


class Following:
    """All who follow."""

    def __init__(self) -> None:
        """Start with nobody."""
        self._of: dict[Key, set[Follower]] = {}
        self._all: set[Follower] = set()

    def __len__(self) -> int:
        """Return how many follow."""
        return len(self._all)

    @contextmanager
    def follow(self, keys: Collection[Key]) -> Iterator[Follower]:
        """Follow some books or the settings.

        Whoever reads them after this line misses nothing: each later change is news.
        """
        follower = Follower(frozenset(keys))
        self._all.add(follower)
        for key in keys:
            self._of.setdefault(key, set()).add(follower)
        try:
            yield follower
        finally:
            self._all.discard(follower)
            for key in set(keys):
                self._of[key].discard(follower)
                if not self._of[key]:
                    del self._of[key]

    def changed(self, key: Key, *, listed: bool) -> None:  # noqa: ARG002  they follow no lists
        """Tell those who follow this one."""
        for follower in self._of.get(key, ()):
            follower.changed(key)

    def broken(self) -> None:
        """Tell all."""
        for follower in self._all:
            follower.broken()

    def opened(self) -> None:
        """Tell all."""
        for follower in self._all:
            follower.opened()
