"""The feed of one of several catalogs: what is told comes back from the database, as beats do."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bazar.catalog.feed import Told
from bazar.catalog.listening import PAYLOAD_BYTES_MAX, SharedFeed, decode, encode
from bazar.wire.books import BookChanged
from bazar.wire.budgets import LAG_MS
from bazar.wire.shop import ShopChanged
from support.feeds import FakeClock

NUMBERS = st.integers(1, 2**63 - 1)
CHANGES = st.builds(BookChanged, NUMBERS, NUMBERS, st.booleans()) | st.builds(ShopChanged, NUMBERS)
POSTGRESQL_TAKES = 8000


def following(feed: SharedFeed) -> AsyncGenerator[Told, None]:
    """Follow a feed."""
    return cast("AsyncGenerator[Told, None]", feed.follow())


async def heard(following: AsyncGenerator[Told, None]) -> "asyncio.Task[Told | None]":
    """Return what a follower will hear next, once it waits for that."""
    task = asyncio.ensure_future(anext(following, None))
    await asyncio.sleep(0)
    return task


# ------------------------------------------------------------------- payloads


@given(st.lists(CHANGES, min_size=1))
def test_every_change_comes_back_as_it_was(changes: list[BookChanged | ShopChanged]) -> None:
    """In order, whatever its numbers."""
    payloads = list(encode(changes))
    assert changes == [change for payload in payloads for change in decode(payload)]


def test_a_large_commit_goes_in_parts() -> None:
    """None is longer than PostgreSQL takes, and a small one is whole."""
    changes = [BookChanged(2**63 - n, 2**63 - n, listed=True) for n in range(1, 1000)]
    payloads = list(encode(changes))
    assert PAYLOAD_BYTES_MAX < len(",".join(payloads))
    assert POSTGRESQL_TAKES > max(len(payload) for payload in payloads)
    assert changes == [change for payload in payloads for change in decode(payload)]
    assert ["12=3,40=7!,shop=2"] == list(
        encode([BookChanged(12, 3), BookChanged(40, 7, listed=True), ShopChanged(2)])
    )
    assert [] == list(encode([]))


def test_only_changes_have_payloads() -> None:
    """Whatever else is announced is a mistake here."""
    with pytest.raises(TypeError):
        list(encode(["12=3"]))


# ------------------------------------------------------------------- followers


async def test_a_follower_is_let_in_by_a_beat_that_was_sent_after_it_came() -> None:
    """One that was under way proves too little; a beat is asked for. Then every beat is a sign."""
    clock, asked = FakeClock(), list[float]()
    feed = SharedFeed(clock)
    feed.ask = lambda: asked.append(clock.now_s)
    clock.now_s = 5.0
    async with asyncio.timeout(5), aclosing(following(feed)) as signs:
        first = await heard(signs)
        assert [5.0] == asked
        feed.beat(4.9)
        feed.hear(["1=2"])
        await asyncio.sleep(0)
        assert not first.done()
        clock.now_s = 5.3
        feed.beat(5.1)
        told = await first
        assert told is not None
        assert ((), 5100, feed.place) == (told.changes, told.at_ms, told.place)
        feed.beat(5.2)
        assert 5200 == (await anext(signs)).at_ms


async def test_a_change_tells_the_moment_of_the_last_beat() -> None:
    """And not now: what other catalogs have committed since then may not be here yet."""
    clock = FakeClock()
    feed = SharedFeed(clock)
    async with asyncio.timeout(5), aclosing(following(feed)) as signs:
        first = await heard(signs)
        feed.beat(0.1)
        await first
        clock.now_s = 0.9
        feed.hear(["1=2", "3=4!,shop=5"])
        told = await anext(signs)
    changes = [BookChanged(1, 2), BookChanged(3, 4, listed=True), ShopChanged(5)]
    assert (changes, 100, 1) == (list(told.changes), told.at_ms, told.place.number)


@pytest.mark.parametrize("how", ["lost", "not understood", "closed"])
async def test_followers_go_when_something_may_be_missed(how: str) -> None:
    """Those who are in; who waits is let in by the next beat, unless the feed is closed."""
    clock = FakeClock()
    feed = SharedFeed(clock)
    async with (
        asyncio.timeout(5),
        aclosing(following(feed)) as inside,
        aclosing(following(feed)) as outside,
    ):
        first = await heard(inside)
        feed.beat(0.0)
        await first
        clock.now_s = 1.0
        ending, coming = await heard(inside), await heard(outside)
        if how == "lost":
            feed.lost()
        elif how == "closed":
            feed.close()
        else:
            feed.hear(["1=2", "map=3"])
        assert await ending is None
        feed.beat(1.0)
        assert (how == "closed") == (await coming is None)


async def test_a_follower_that_is_late_is_let_go() -> None:
    """By how long things wait for it, however old the moment is that they tell."""
    clock = FakeClock()
    feed = SharedFeed(clock)
    async with asyncio.timeout(5), aclosing(following(feed)) as signs:
        first = await heard(signs)
        clock.now_s = 10 * LAG_MS / 1000
        feed.beat(0.0)
        assert await first is not None
        feed.hear(["1=2"])
        assert 0 == (await anext(signs)).at_ms
        feed.hear(["1=3"])
        clock.now_s += LAG_MS / 1000 + 0.002
        assert await anext(signs, None) is None
