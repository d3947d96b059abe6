"""The cache of catalog answers, and the rules by which none of them is ever out of date for long.

How it works: every book has a version that each change to it raises. The catalog announces
`{book_id, version}` after each commit on its change feed; so does the answer to a purchase.

- Nothing is answered from here unless the feed proves that all is known (`trust.py`), and
  whenever it breaks everything is forgotten: what was missed meanwhile cannot be known.
- An announced version is a floor for its book: an answer with a lower version, which was read
  before the change but arrived after its announcement, is not kept, and nobody gets it who came
  after the announcement. (Without this check a refill that races a change brings the old value
  back and keeps it.) So is the version that a reader got past the cache: the next reader must
  not go back behind it.
- The settings of the shop are kept by the same rules as a book.
- A list of titles has no version. It is kept only when no change to any title or topic was
  announced while it was on its way.
- Requests that miss the same answer wait for one call together, while the feed is alive.
- An answer that was asked for before the last break of the feed is not kept.
- A feed that goes on at another catalog is another feed: all is forgotten.
- Once the feed counts as broken it is over, even if it speaks again: whoever follows it looks at
  `live`, and opens another.

Whoever keeps something that was made of these answers asks `current` whether it still holds, or
watches what is announced (`watching.py`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from bazar.front.upstream.kept import Kept
from bazar.front.upstream.passing import Passed
from bazar.front.upstream.trust import NEVER, Trust
from bazar.front.upstream.watching import SHOP, Key, Watcher
from bazar.kit.clock import passing_s
from bazar.wire.books import BookChanged, Place, Sign
from bazar.wire.shop import ShopChanged

BOOKS_BYTES_MAX = 32 * 1024 * 1024
LISTS_BYTES_MAX = 16 * 1024 * 1024
FLOORS_MAX = 200_000
FETCHES_MAX = 2
"""For one reader of a book: the call that was under way, and one of its own."""
_OK = 200

Fetch = Callable[[], Awaitable[Passed]]


class Cache:
    """The catalog's answers: books and settings, checked by version, and lists of titles."""

    def __init__(self, clock: Callable[[], float] = passing_s, *, keeps: bool = True) -> None:
        """Start empty, with no feed.

        Args:
            clock: counts seconds, and only passes.
            keeps: whether anything is answered from here; else all are asked for, each time.
        """
        self._clock = clock
        self.keeps = keeps
        self._trust = Trust(clock)
        self._open = False
        self.epoch = 0
        """Rises whenever all is forgotten."""
        self.generation = 0
        """Rises whenever what lists show may have changed, but for stock, or all is forgotten."""
        self._books: Kept[Key] = Kept(BOOKS_BYTES_MAX)
        self._floors: dict[Key, int] = {}
        self._watchers: list[Watcher] = []
        self._lists: Kept[str] = Kept(LISTS_BYTES_MAX)
        self._fills: dict[str, asyncio.Task[Passed]] = {}
        self.hits = 0
        self.misses = 0
        self.coalesced = 0
        """Of the misses, those who shared a call that was under way."""
        self.stale = 0
        """Answers that were older than what was announced, and so were not kept."""

    def opened(self, sign: Sign, asked_at_s: float) -> None:
        """Note that a feed was opened: from now on no change is missed.

        Args:
            sign: its first.
            asked_at_s: the moment of our clock before it was asked for.
        """
        self.broken()
        self._floors.clear()
        self._open = True
        self._trust.opened(sign, asked_at_s)
        for watcher in self._watchers:
            watcher.opened()

    def watch(self, watcher: Watcher) -> None:
        """Tell somebody, from now on, of each change that was not told before, and of breaks."""
        self._watchers.append(watcher)

    def heard(self, sign: Sign) -> None:
        """Note how far the feed has come: all changes until there were announced."""
        self._trust.heard(sign)
        self._check()

    def claimed(self, place: Place, epoch: int) -> None:
        """Note how far the feed must have come, as an answer says that was asked in this epoch."""
        if epoch == self.epoch:
            self._trust.claimed(place)
            self._check()

    def _check(self) -> None:
        if self._open and self._trust.until_s == NEVER:
            self.broken()

    def broken(self) -> None:
        """Forget every answer: the feed broke, and changes may be missed."""
        was_open, self._open = self._open, False
        self._trust.end()
        self.epoch += 1
        self.generation += 1
        self._books.clear()
        self._lists.clear()
        for watcher in self._watchers if was_open else ():
            watcher.broken()

    def announce(self, change: BookChanged | ShopChanged) -> None:
        """Take in a new version of a book or the settings, from the feed or from a purchase."""
        key: Key = SHOP
        listed = False
        if isinstance(change, BookChanged):
            key, listed = change.book_id, change.listed
        news = change.version > self._floors.get(key, 0)
        if news:
            if len(self._floors) >= FLOORS_MAX:
                self.broken()
                self._floors.clear()
            self._floors[key] = change.version
            held = self._books.get(key)
            if held is not None and held.version < change.version:
                self._books.drop(key)
        if listed:
            self.generation += 1
            self._lists.clear()
        if news or listed:
            for watcher in self._watchers:
                watcher.changed(key, listed=listed)

    def current(self, epoch: int, versions: Iterable[tuple[Key, int]]) -> bool:
        """Tell whether what was read in an epoch is still so, as far as was announced.

        Args:
            epoch: at the beginning of the reading; what was forgotten since may be another.
            versions: which were read, of books by id, and of the settings (`SHOP`).
        """
        if epoch != self.epoch or not self.keeps or not self.live:
            return False
        floor = self._floors.get
        return all(floor(key, 0) <= version for key, version in versions)

    @property
    def live(self) -> bool:
        """Whether the feed can be trusted; where not, only `opened` helps."""
        if self._clock() < self._trust.until_s:
            return True
        if self._open:
            self.broken()
        return False

    def held_book(self, book_id: Key) -> Passed | None:
        """Return the catalog's answer about a book, or the settings, if it is kept here."""
        held = self._books.get(book_id)
        if held is None or not (self._clock() < self._trust.until_s or self.live):
            return None
        self.hits += 1
        return held

    def held_titles(self, topic: str) -> Passed | None:
        """Return the catalog's answer to a list of titles, if it is kept here."""
        held = self._lists.get(topic) if self.live else None
        if held is not None:
            self.hits += 1
        return held

    async def book(self, book_id: Key, fetch: Fetch) -> Passed:
        """Return the catalog's answer about a book, or the settings, kept or fetched.

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

    async def titles(self, topic: str, fetch: Fetch) -> Passed:
        """Return the catalog's answer to a list of titles, kept or fetched."""
        held = self.held_titles(topic)
        if held is not None:
            return held
        self.misses += 1
        return await self._together(f"topic {topic}", lambda: self._fill_list(topic, fetch))

    async def _together(self, name: str, fill: Fetch) -> Passed:
        """Run one fill for all who ask for the same thing meanwhile, while the feed is alive.

        Without a feed nobody can know what changed since a call that is under way began.
        """
        if not self.keeps or not self.live:
            return await fill()
        name = f"{self.epoch} {self.generation} {name}"
        task = self._fills.get(name)
        if task is None or task.done():  # one that has just ended says how it was before
            task = asyncio.ensure_future(fill())
            self._fills[name] = task
            task.add_done_callback(lambda ended: self._filled(name, ended))
        else:
            self.coalesced += 1
        return await asyncio.shield(task)

    def _filled(self, name: str, task: asyncio.Task[Passed]) -> None:
        if self._fills.get(name) is task:
            del self._fills[name]
        if not task.cancelled():
            task.exception()  # whoever still waits for it gets it; nobody may be left

    async def _fill_book(self, book_id: Key, fetch: Fetch) -> Passed:
        epoch = self.epoch
        answer = await fetch()
        if answer.status != _OK:
            return answer
        current = answer.version >= self._floors.get(book_id, 0)
        if not current:
            self.stale += 1
        elif self.keeps and self.live and epoch == self.epoch:
            self._books.keep(book_id, answer)
        return answer

    async def _fill_list(self, topic: str, fetch: Fetch) -> Passed:
        generation = self.generation
        answer = await fetch()
        kept = self.keeps and self.live and generation == self.generation
        if answer.status == _OK and kept:
            self._lists.keep(topic, answer)
        return answer
