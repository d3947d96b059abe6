"""The cache of catalog answers, and the rules by which none of them is ever out of date for long.

How it works: every book has a version that each change to it raises. The catalog announces
`{book_id, version}` after each commit on its change feed; so does the answer to a purchase.

- Nothing is answered from here unless the feed is alive, and whenever it breaks everything is
  forgotten: what was missed meanwhile cannot be known.
- An announced version is a floor for its book: an answer with a lower version, which was read
  before the change but arrived after its announcement, is not kept, and nobody gets it who came
  after the announcement. (Without this check a refill that races a change brings the old value
  back and keeps it.) So is the version that a reader got past the cache: the next reader must
  not go back behind it.
- A list of titles has no version. It is kept only when no change to any title or topic was
  announced while it was on its way.
- Requests that miss the same answer wait for one call together.
- An answer that was asked for before the last break of the feed is not kept.
- Once the feed counts as broken it is over, even if it speaks again: whoever follows it looks at
  `live`, and opens another.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

from bazar.front.upstream.passing import Passed
from bazar.wire.books import BookChanged
from bazar.wire.budgets import SILENCE_MS

K = TypeVar("K")

BOOKS_MAX = 20_000
LISTS_MAX = 500
FLOORS_MAX = 200_000
FETCHES_MAX = 2
"""For one reader of a book: the call that was under way, and one of its own."""
_OK = 200

Fetch = Callable[[], Awaitable[Passed]]


class Cache:
    """The catalog's answers: books by id, checked by version, and lists by path."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        """Start empty, with the feed not alive; the clock counts seconds."""
        self._clock = clock
        self.live = False
        """Whether the feed can be trusted; where not, only `opened` helps."""
        self._trusted_until_s = 0.0
        self._epoch = 0
        self._generation = 0
        self._books: dict[int, Passed] = {}
        self._floors: dict[int, int] = {}
        self._lists: dict[str, Passed] = {}
        self._fills: dict[str, asyncio.Task[Passed]] = {}
        self.hits = 0
        self.misses = 0

    def opened(self) -> None:
        """Note that the feed was opened: from now on no change is missed."""
        self.broken()
        self._floors.clear()
        self.live = True
        self.heard()

    def heard(self) -> None:
        """Note that the feed sent something."""
        self._trusted_until_s = self._clock() + SILENCE_MS / 1000

    def broken(self) -> None:
        """Forget every answer: the feed broke, and changes may be missed."""
        self.live = False
        self._epoch += 1
        self._generation += 1
        self._books.clear()
        self._lists.clear()

    def announce(self, change: BookChanged) -> None:
        """Take in that a book has a new version, from the feed or from a purchase of ours."""
        if change.version > self._floors.get(change.book_id, 0):
            if len(self._floors) >= FLOORS_MAX:
                self.broken()
                self._floors.clear()
            self._floors[change.book_id] = change.version
            held = self._books.get(change.book_id)
            if held is not None and held.version < change.version:
                del self._books[change.book_id]
        if change.listed:
            self._generation += 1
            self._lists.clear()

    def _alive(self) -> bool:
        if self.live and self._clock() > self._trusted_until_s:
            self.broken()
        return self.live

    def held_book(self, book_id: int) -> Passed | None:
        """Return the catalog's answer about a book, if it is kept here."""
        held = self._books.get(book_id) if self._alive() else None
        if held is not None:
            self.hits += 1
        return held

    def held_titles(self, path: str) -> Passed | None:
        """Return the catalog's answer to a list of titles, if it is kept here."""
        held = self._lists.get(path) if self._alive() else None
        if held is not None:
            self.hits += 1
        return held

    async def book(self, book_id: int, fetch: Fetch) -> Passed:
        """Return the catalog's answer about a book, kept or fetched.

        It is never older than what was announced before the reader came: whoever joined a call
        that was under way, and gets an answer from before that announcement, asks once more.
        That call starts after the reader came, so its answer is new enough.
        """
        held = self.held_book(book_id)
        if held is not None:
            return held
        self.misses += 1
        floor = self._floors.get(book_id, 0)
        for _attempt in range(FETCHES_MAX):
            answer = await self._together(
                f"book {book_id}", lambda: self._fill_book(book_id, fetch)
            )
            if answer.status != _OK or answer.version >= floor:
                break
        return answer

    async def fresh(self, book_id: int, fetch: Fetch) -> Passed:
        """Return what the catalog says about a book now; from here on nothing older is shown."""
        answer = await fetch()
        self.announce(BookChanged(book_id, answer.version))
        return answer

    async def titles(self, path: str, fetch: Fetch) -> Passed:
        """Return the catalog's answer to a list of titles, kept or fetched."""
        held = self.held_titles(path)
        if held is not None:
            return held
        self.misses += 1
        return await self._together(path, lambda: self._fill_list(path, fetch))

    async def _together(self, name: str, fill: Fetch) -> Passed:
        """Run one fill for all who ask for the same thing meanwhile."""
        name = f"{self._epoch} {self._generation} {name}"
        task = self._fills.get(name)
        if task is None or task.done():  # one that has just ended says how it was before
            task = asyncio.ensure_future(fill())
            self._fills[name] = task
            task.add_done_callback(lambda ended: self._filled(name, ended))
        return await asyncio.shield(task)

    def _filled(self, name: str, task: asyncio.Task[Passed]) -> None:
        if self._fills.get(name) is task:
            del self._fills[name]
        if not task.cancelled():
            task.exception()  # whoever still waits for it gets it; nobody may be left

    async def _fill_book(self, book_id: int, fetch: Fetch) -> Passed:
        epoch = self._epoch
        answer = await fetch()
        current = answer.version >= self._floors.get(book_id, 0)
        if answer.status == _OK and current and epoch == self._epoch and self._alive():
            _keep(self._books, book_id, answer, BOOKS_MAX)
        return answer

    async def _fill_list(self, path: str, fetch: Fetch) -> Passed:
        generation = self._generation
        answer = await fetch()
        if answer.status == _OK and generation == self._generation and self._alive():
            _keep(self._lists, path, answer, LISTS_MAX)
        return answer


def _keep(held: dict[K, Passed], key: K, answer: Passed, entries_max: int) -> None:
    if len(held) >= entries_max and key not in held:
        del held[next(iter(held))]
    held[key] = answer
