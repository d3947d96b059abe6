"""The cache: up to date or not at all."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bazar.front.upstream.cache import FETCHES_MAX, Cache
from bazar.front.upstream.kept import Kept, weight_of
from bazar.front.upstream.passing import Passed
from bazar.kit.errors import Unavailable
from bazar.wire.books import BookChanged, Place
from bazar.wire.budgets import SILENCE_MS
from support.feeds import FakeClock, FakeFeed


def answer(version: int, status: int = 200) -> Passed:
    """Return a catalog's answer about a book of this version."""
    return Passed(status, f"v{version}".encode(), (), "", version)


def fetch(*answers: Passed) -> tuple[Callable[[], Awaitable[Passed]], list[Passed]]:
    """Return a call to the catalog that gives these answers in turn, and those it gave."""
    given: list[Passed] = []

    async def call() -> Passed:
        await asyncio.sleep(0)
        given.append(answers[min(len(given), len(answers) - 1)])
        return given[-1]

    return call, given


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock that stands still."""
    return FakeClock()


@pytest.fixture
def cache(clock: FakeClock) -> Cache:
    """Return a cache without a feed."""
    return Cache(clock)


@pytest.fixture(autouse=True)
def feed(cache: Cache, clock: FakeClock) -> FakeFeed:
    """Return its feed, which was just opened."""
    feed = FakeFeed(cache, clock)
    feed.open()
    return feed


async def test_a_book_is_fetched_once(cache: Cache) -> None:
    """The second reader gets what the first one fetched."""
    call, given = fetch(answer(1))
    assert answer(1) == await cache.book(2, call)
    assert answer(1) == await cache.book(2, call)
    assert 1 == len(given)
    assert (1, 1) == (cache.hits, cache.misses)


async def test_a_change_is_seen_by_the_next_reader(cache: Cache) -> None:
    """An announced version throws the older answer away."""
    call, _given = fetch(answer(1), answer(2))
    await cache.book(2, call)
    cache.announce(BookChanged(2, 2))
    assert answer(2) == await cache.book(2, call)


async def test_a_refill_that_races_a_change_does_not_bring_the_old_value_back(
    cache: Cache,
) -> None:
    """Only who came before the announcement gets an answer from before it; nobody keeps it."""
    slow = asyncio.Event()

    async def call() -> Passed:
        if slow.is_set():
            return answer(2)
        await slow.wait()
        return answer(1)

    reader = asyncio.create_task(cache.book(2, call))
    await asyncio.sleep(0.001)
    cache.announce(BookChanged(2, 2))
    slow.set()
    assert answer(1) == await reader
    assert answer(2) == await cache.book(2, call)


async def test_a_reader_who_joins_a_call_under_way_gets_nothing_older_than_was_announced(
    cache: Cache,
) -> None:
    """However often a book changes while its answers are on their way."""
    announced = 1
    readers: list[tuple[int, asyncio.Task[Passed]]] = []

    async def call() -> Passed:
        nonlocal announced
        found = announced
        if len(readers) < 5:
            announced += 1
            cache.announce(BookChanged(2, announced))
            readers.append((announced, asyncio.create_task(cache.book(2, call))))
        await asyncio.sleep(0.001)
        return answer(found)

    await cache.book(2, call)
    for floor, reader in readers:  # each is there before its forerunner has its answer
        assert floor <= (await reader).version
    assert 5 == len(readers)


async def test_a_reader_who_comes_just_as_a_call_ends_does_not_get_its_old_answer(
    cache: Cache,
) -> None:
    """In the turn of the loop in which a call ends, nobody joins it any more."""
    slow = asyncio.Event()

    async def call() -> Passed:
        if slow.is_set():
            return answer(2)
        await slow.wait()
        return answer(1)

    early = asyncio.create_task(cache.book(2, call))
    await asyncio.sleep(0.001)
    cache.announce(BookChanged(2, 2))
    slow.set()  # the call goes on in the next turn, and the reader comes right after it
    late = asyncio.create_task(cache.book(2, call))
    assert answer(2) == await late
    await early


async def test_nobody_goes_back_behind_what_was_read_past_the_cache(cache: Cache) -> None:
    """Where the feed lags, whoever read past the cache has told how new an answer must be."""
    call, _given = fetch(answer(1), answer(2))
    assert answer(1) == await cache.book(2, call)
    assert answer(2) == await cache.fresh(2, call)
    assert answer(2) == await cache.book(2, call)


async def test_a_catalog_that_lags_behind_its_announcements_is_not_kept(cache: Cache) -> None:
    """After another try the reader gets what there is, but nobody else does."""
    call, given = fetch(answer(1))
    cache.announce(BookChanged(2, 9))
    assert answer(1) == await cache.book(2, call)
    assert FETCHES_MAX == len(given)
    await cache.book(2, call)
    assert FETCHES_MAX * 2 == len(given)


async def test_nothing_is_kept_before_the_feed_is_open(clock: FakeClock) -> None:
    """Without the feed every read goes to the catalog."""
    cache = Cache(clock)
    call, given = fetch(answer(1))
    await cache.book(2, call)
    await cache.book(2, call)
    await cache.titles("/search/x", call)
    await cache.titles("/search/x", call)
    assert 4 == len(given)


@pytest.mark.parametrize("how", ["broken", "silent", "reopened"])
async def test_a_break_of_the_feed_empties_the_cache(
    cache: Cache, feed: FakeFeed, clock: FakeClock, how: str
) -> None:
    """What was missed cannot be known, so all of it is forgotten."""
    call, given = fetch(answer(1))
    await cache.book(2, call)
    await cache.titles("/search/x", call)
    if how == "broken":
        cache.broken()
    elif how == "silent":
        clock.now_s += SILENCE_MS / 1000 + 0.1
    else:
        feed.open()
    await cache.book(2, call)
    await cache.titles("/search/x", call)
    assert 4 == len(given)


async def test_a_feed_of_another_catalog_starts_empty(
    cache: Cache, feed: FakeFeed, clock: FakeClock
) -> None:
    """Also where nobody noticed the end of the last one; its floors mean nothing there."""
    call, given = fetch(answer(4))
    await cache.book(2, call)
    feed.tell(BookChanged(3, 9))
    FakeFeed(cache, clock, Place("another", 7)).open()
    assert cache.held_book(2) is None
    await cache.book(2, call)
    assert 2 == len(given)
    await cache.book(3, fetch(answer(1))[0])
    assert cache.held_book(3) == answer(1)


async def test_a_feed_that_was_silent_for_too_long_stays_untrusted(
    cache: Cache, feed: FakeFeed, clock: FakeClock
) -> None:
    """What it says later does not tell what it left out; whoever follows it can see that."""
    call, given = fetch(answer(1))
    await cache.book(2, call)
    clock.now_s += SILENCE_MS / 1000 + 0.1
    await cache.book(2, call)
    feed.alive()
    assert not cache.live
    await cache.book(2, call)
    assert 3 == len(given)
    feed.open()
    assert cache.live


async def test_too_many_changes_to_remember_end_the_feed(
    cache: Cache, feed: FakeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The floors are bounded; without them all is forgotten, and another feed has to be opened."""
    monkeypatch.setattr("bazar.front.upstream.cache.FLOORS_MAX", 3)
    call, given = fetch(answer(1))
    await cache.book(9, call)
    for book_id in range(1, 5):
        assert cache.live
        cache.announce(BookChanged(book_id, 2))
    assert not cache.live
    await cache.book(9, call)
    assert 2 == len(given)
    feed.open()
    assert cache.live


async def test_a_heartbeat_keeps_the_cache(cache: Cache, feed: FakeFeed, clock: FakeClock) -> None:
    """As long as the feed says something, silence about a book means that it did not change."""
    call, given = fetch(answer(1))
    for _beat in range(10):
        clock.now_s += SILENCE_MS / 1000 - 0.1
        feed.alive()
        await cache.book(2, call)
    assert 1 == len(given)


async def test_an_answer_from_before_a_break_is_not_kept(cache: Cache, feed: FakeFeed) -> None:
    """Between its reading and its arrival the feed was away, and a change may have been missed."""
    slow = asyncio.Event()
    calls: list[int] = []

    async def call() -> Passed:
        calls.append(1)
        await slow.wait()
        return answer(1)

    readers = [
        asyncio.create_task(cache.book(2, call)),
        asyncio.create_task(cache.titles("/search/x", call)),
    ]
    await asyncio.sleep(0.001)
    assert 2 == len(calls)
    feed.open()
    slow.set()
    await asyncio.gather(*readers)
    await cache.book(2, call)
    await cache.titles("/search/x", call)
    assert 4 == len(calls)


async def test_a_change_of_stock_keeps_the_lists_and_a_change_of_title_does_not(
    cache: Cache,
) -> None:
    """Lists show titles, not stock."""
    call, given = fetch(answer(0))
    await cache.titles("/search/x", call)
    cache.announce(BookChanged(2, 2))
    await cache.titles("/search/x", call)
    assert 1 == len(given)
    cache.announce(BookChanged(2, 3, listed=True))
    await cache.titles("/search/x", call)
    assert 2 == len(given)


async def test_a_list_that_races_a_change_of_title_is_not_kept(cache: Cache) -> None:
    """The list on its way may show the old title."""
    slow = asyncio.Event()
    calls: list[int] = []

    async def call() -> Passed:
        calls.append(1)
        await slow.wait()
        return answer(0)

    reader = asyncio.create_task(cache.titles("/search/x", call))
    await asyncio.sleep(0.001)
    assert 1 == len(calls)
    cache.announce(BookChanged(2, 3, listed=True))
    slow.set()
    await reader
    await cache.titles("/search/x", call)
    assert 2 == len(calls)


async def test_readers_who_miss_together_fetch_together(cache: Cache) -> None:
    """A hundred readers of a book that is not kept make one call."""
    call, given = fetch(answer(1))
    answers = await asyncio.gather(*(cache.book(2, call) for _reader in range(100)))
    assert [answer(1)] * 100 == answers
    assert 1 == len(given)


async def test_a_failed_fetch_reaches_all_who_wait_and_nobody_later(cache: Cache) -> None:
    """An error is not an answer to keep."""

    async def fail() -> Passed:
        await asyncio.sleep(0)
        message = "away"
        raise Unavailable(message)

    results = await asyncio.gather(
        *(cache.book(2, fail) for _reader in range(3)), return_exceptions=True
    )
    assert [Unavailable] * 3 == [type(result) for result in results]
    call, _given = fetch(answer(1))
    assert answer(1) == await cache.book(2, call)


async def test_an_unknown_book_is_not_kept(cache: Cache) -> None:
    """It may be added at any time."""
    call, given = fetch(answer(0, 404))
    await cache.book(2, call)
    await cache.book(2, call)
    assert 2 == len(given)


async def test_a_reader_who_leaves_does_not_take_the_others_along(cache: Cache) -> None:
    """The fetch goes on for those who still wait."""
    call, _given = fetch(answer(1))
    leaving = asyncio.create_task(cache.book(2, call))
    staying = asyncio.create_task(cache.book(2, call))
    await asyncio.sleep(0)
    leaving.cancel()
    assert answer(1) == await staying


@pytest.mark.parametrize("asked", ["book", "titles"])
async def test_without_a_feed_nobody_joins_a_call_that_is_older_than_they_are(
    cache: Cache, asked: str
) -> None:
    """What changed since it began would be announced to nobody."""
    truth, slow = [1], asyncio.Event()

    async def call() -> Passed:
        found = answer(truth[0])
        if found.version == 1:
            await slow.wait()
        return found

    async def read() -> Passed:
        return await (cache.book(2, call) if asked == "book" else cache.titles("x", call))

    cache.broken()
    early = asyncio.create_task(read())
    await asyncio.sleep(0)
    truth[0] = 2
    assert answer(2) == await read()
    slow.set()
    assert answer(1) == await early


async def test_it_counts_who_shared_a_call_and_what_was_too_old(cache: Cache) -> None:
    """Each reader who missed is a miss, and those who joined a call are counted among them."""
    call, _ = fetch(answer(1))
    await asyncio.gather(*[cache.book(2, call) for _ in range(3)])
    await cache.book(2, call)
    assert (1, 3, 2, 0) == (cache.hits, cache.misses, cache.coalesced, cache.stale)
    cache.announce(BookChanged(2, 3))
    late, given = fetch(answer(2), answer(3))
    assert answer(3) == await cache.book(2, late)
    assert [answer(2), answer(3)] == given
    assert (1, 4, 2, 1) == (cache.hits, cache.misses, cache.coalesced, cache.stale)
    await cache.book(3, fetch(answer(0, 404))[0])
    assert 1 == cache.stale


async def test_a_cache_that_is_off_asks_each_time(clock: FakeClock) -> None:
    """Whatever the feed proves: nothing is kept, shared, or said to hold."""
    cache = Cache(clock, keeps=False)
    FakeFeed(cache, clock).open()
    assert cache.live
    call, given = fetch(answer(1))
    await asyncio.gather(*[cache.book(2, call) for _ in range(3)])
    await asyncio.gather(*[cache.titles("t", call) for _ in range(3)])
    await cache.book(2, call)
    assert 7 == len(given)
    assert cache.held_book(2) is None
    assert cache.held_titles("t") is None
    assert not cache.current(cache.epoch, [(2, 1)])
    assert (0, 7, 0) == (cache.hits, cache.misses, cache.coalesced)


async def test_a_cache_that_is_off_still_sees_its_own_sales(clock: FakeClock) -> None:
    """An answer from before an announcement is asked for once more."""
    cache = Cache(clock, keeps=False)
    FakeFeed(cache, clock).open()
    cache.announce(BookChanged(2, 3))
    call, _ = fetch(answer(2), answer(3))
    assert answer(3) == await cache.book(2, call)


async def test_the_cache_has_a_limit_in_bytes(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest entry makes room, for books and for lists."""
    call, given = fetch(answer(1))
    room = 3 * weight_of(1, answer(1))
    monkeypatch.setattr("bazar.front.upstream.cache.BOOKS_BYTES_MAX", room)
    monkeypatch.setattr("bazar.front.upstream.cache.LISTS_BYTES_MAX", room)
    cache = Cache(clock)
    FakeFeed(cache, clock).open()
    for number in (1, 2, 3, 4):
        await cache.book(number, call)
        await cache.titles(str(number), call)
    assert 8 == len(given)
    for number in (4, 3, 2):
        assert cache.held_book(number) is not None
        assert cache.held_titles(str(number)) is not None
    assert cache.held_book(1) is None
    assert cache.held_titles("1") is None


def test_what_is_kept_is_counted_by_its_bytes() -> None:
    """Body, key and headers, however often something is put in, taken out or replaced."""
    small = Passed(200, b"x", (), "", 1)
    large = Passed(200, b"x" * 5000, ((b"etag", b"y" * 90),), "", 1)
    kept = Kept[str](12_000)
    for key, kind in (("c", large), ("a", small), ("b", large), ("a", large), ("b", small)):
        kept.keep(key, kind)
        assert sum(weight_of(*entry) for entry in kept.held.items()) == kept.bytes <= 12_000
    assert {"a": large, "b": small} == kept.held
    kept.keep("c", small)
    kept.drop("nothing")
    kept.drop("b")
    assert weight_of("a", large) + weight_of("c", small) == kept.bytes
    assert weight_of("a", small) + 4999 + 94 < weight_of("a", large)
    kept.keep("huge", Passed(200, b"x" * 12_000, (), "", 1))
    assert "huge" not in kept.held
    kept.clear()
    assert (0, {}) == (kept.bytes, kept.held)


class CacheModel(RuleBasedStateMachine):
    """Reads against a catalog that changes, with a feed that lags, breaks and comes back."""

    def __init__(self) -> None:
        """Start with an open feed and two books."""
        super().__init__()
        clock = FakeClock()
        self.cache = Cache(clock)
        self.feed = FakeFeed(self.cache, clock)
        self.feed.open()
        self.versions = {1: 1, 2: 1}
        self.lag: list[BookChanged] = []
        self.seen = {1: 0, 2: 0}

    @rule(book_id=st.sampled_from([1, 2]))
    def change(self, book_id: int) -> None:
        """The catalog commits a change; its announcement is on its way."""
        self.versions[book_id] += 1
        self.lag.append(BookChanged(book_id, self.versions[book_id]))

    @rule()
    def deliver(self) -> None:
        """The feed delivers what is on its way."""
        self.feed.tell(*self.lag)
        self.lag.clear()

    @rule()
    def break_and_reopen(self) -> None:
        """The feed breaks, losing what was on its way, and comes back."""
        self.cache.broken()
        self.lag.clear()
        self.feed.open()

    @rule(book_id=st.sampled_from([1, 2]), race=st.booleans())
    def read(self, book_id: int, race: bool) -> None:  # noqa: FBT001  drawn
        """A read, during which the book may change and the change be announced."""

        async def call() -> Passed:
            found = answer(self.versions[book_id])
            if race:
                self.change(book_id)
                self.deliver()
            return found

        async def read() -> int:
            return (await self.cache.book(book_id, call)).version

        version = asyncio.run(read())
        announced_too_late = {change.book_id for change in self.lag}
        if not race and book_id not in announced_too_late:
            assert self.versions[book_id] == version
        if not race:
            assert self.seen[book_id] <= version
            self.seen[book_id] = version

    @invariant()
    def never_ahead(self) -> None:
        """No version is seen that the catalog has not committed."""
        assert all(self.seen[book_id] <= self.versions[book_id] for book_id in self.seen)


TestCacheModel = CacheModel.TestCase
TestCacheModel.settings = settings(max_examples=60, deadline=None)
