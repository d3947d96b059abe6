"""Who hears what when books and settings change, and when nobody can know."""

import asyncio

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from bazar.front.upstream.cache import Cache
from bazar.front.upstream.watching import SHOP, Follower, Following, Key, News
from bazar.wire.books import BookChanged
from bazar.wire.shop import ShopChanged
from support.feeds import FakeClock, FakeFeed


class Heard:
    """A watcher that remembers what it was told."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.told: list[object] = []

    def changed(self, key: Key, *, listed: bool) -> None:
        """Remember a change."""
        self.told.append((key, listed))

    def broken(self) -> None:
        """Remember a break."""
        self.told.append("broken")

    def opened(self) -> None:
        """Remember an opening."""
        self.told.append("opened")


def waits(follower: Follower) -> bool:
    """Tell whether a follower would wait for news."""
    coroutine = follower.news()
    try:
        coroutine.send(None)
    except StopIteration:
        return False
    coroutine.close()
    return True


def test_a_watcher_is_told_of_each_change_once() -> None:
    """Not of a version that was announced before, by a purchase or by the feed."""
    cache, heard = Cache(FakeClock()), Heard()
    cache.watch(heard)
    cache.announce(BookChanged(2, 3))
    cache.announce(BookChanged(2, 3))
    cache.announce(BookChanged(2, 2))
    cache.announce(BookChanged(2, 2, listed=True))
    cache.announce(BookChanged(1, 4, listed=True))
    cache.announce(ShopChanged(2))
    cache.announce(ShopChanged(2))
    assert [(2, False), (2, True), (1, True), (SHOP, False)] == heard.told


def test_a_watcher_is_told_when_the_feed_breaks_and_when_another_is_open() -> None:
    """Once each, however often the feed is looked for meanwhile."""
    clock = FakeClock()
    cache, heard = Cache(clock), Heard()
    cache.watch(heard)
    feed = FakeFeed(cache, clock)
    feed.open()
    cache.broken()
    cache.broken()
    feed.open()
    feed.open()
    clock.now_s += 60
    assert not cache.live
    assert ["opened", "broken", "opened", "broken", "opened", "broken"] == heard.told


def test_a_watcher_who_reads_at_once_gets_nothing_older() -> None:
    """It is told when the cache has taken the change in."""
    cache = Cache(FakeClock())
    seen: list[bool] = []

    class Reader(Heard):
        def changed(self, key: Key, *, listed: bool) -> None:  # noqa: ARG002
            seen.append(cache.held_book(key) is None)

    cache.watch(Reader())
    cache.announce(BookChanged(2, 3))
    assert [True] == seen


async def test_a_follower_hears_of_what_it_follows() -> None:
    """And of nothing else; it waits where nothing happened."""
    following = Following()
    with following.follow([2, SHOP]) as follower, following.follow([3]) as other:
        following.changed(2, listed=False)
        following.changed(9, listed=True)
        assert News(frozenset({2}), broken=False) == await follower.news()
        assert waits(follower)
        assert waits(other)
        waiting = asyncio.create_task(follower.news())
        await asyncio.sleep(0)
        following.changed(SHOP, listed=False)
        assert News(frozenset({SHOP}), broken=False) == await waiting


async def test_a_late_follower_hears_all_at_once() -> None:
    """However much happened meanwhile, it takes no more room than what it follows."""
    following = Following()
    with following.follow([1, 2, 3]) as follower:
        for _ in range(1000):
            following.changed(1, listed=False)
            following.changed(3, listed=False)
        assert News(frozenset({1, 3}), broken=False) == await follower.news()
        assert waits(follower)


async def test_a_break_tells_and_another_feed_tells_of_everything() -> None:
    """Between the two nobody can know; who slept through both hears only the second."""
    following = Following()
    with following.follow([1, SHOP]) as awake, following.follow([1, SHOP]) as asleep:
        following.broken()
        assert News(frozenset(), broken=True) == await awake.news()
        assert waits(awake)
        following.opened()
        for follower in (awake, asleep):
            assert News(frozenset({1, SHOP}), broken=False) == await follower.news()


def test_who_leaves_costs_nothing() -> None:
    """Also by an error; nothing is kept of those who are gone."""
    following = Following()

    def fail() -> None:
        with following.follow([1, 1, 2]), following.follow([2]):
            assert 2 == len(following)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert 0 == len(following)
    assert {} == vars(following)["_of"]


class CurrentModel(RuleBasedStateMachine):
    """What was read and kept elsewhere, while the feed lags, breaks and comes back."""

    def __init__(self) -> None:
        """Start with an open feed; nothing was read."""
        super().__init__()
        clock = FakeClock()
        self.cache = Cache(clock)
        self.feed = FakeFeed(self.cache, clock)
        self.feed.open()
        self.versions: dict[Key, int] = {1: 1, SHOP: 1}
        self.lag: list[BookChanged | ShopChanged] = []
        self.told: dict[Key, int] = dict(self.versions)
        """Of what no change is on its way."""
        self.pages: list[tuple[int, dict[Key, int]]] = []
        self.missed = False

    @rule(key=st.sampled_from([1, SHOP]))
    def change(self, key: Key) -> None:
        """The catalog commits a change; its announcement is on its way."""
        self.versions[key] += 1
        version = self.versions[key]
        self.lag.append(ShopChanged(version) if key == SHOP else BookChanged(1, version))

    @rule()
    def deliver(self) -> None:
        """The feed delivers what is on its way, if it is there."""
        if not self.missed:
            for change in self.lag:
                self.cache.announce(change)
            self.told = dict(self.versions)
        self.lag.clear()

    @rule()
    def lose(self) -> None:
        """The feed breaks, with what was on its way."""
        self.lag.clear()
        self.cache.broken()
        self.missed = True

    @rule()
    def reopen(self) -> None:
        """Another feed is opened."""
        self.lag.clear()
        self.feed.open()
        self.told = dict(self.versions)
        self.missed = False

    @rule()
    def read(self) -> None:
        """Somebody reads all, and keeps what they made of it."""
        self.pages.append((self.cache.epoch, dict(self.versions)))

    @rule()
    def look(self) -> None:
        """What counts as current holds all that was announced; without a feed nothing does."""
        for epoch, versions in self.pages:
            if self.cache.current(epoch, versions.items()):
                assert not self.missed
                assert all(versions[key] >= self.told[key] for key in versions)
        newest = (self.cache.epoch, dict(self.versions))
        assert self.cache.current(newest[0], newest[1].items()) is not self.missed


TestCurrent = CurrentModel.TestCase
TestCurrent.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
