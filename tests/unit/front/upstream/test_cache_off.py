"""What the cache counts, and the cache that is off."""

import asyncio
from collections.abc import Awaitable, Callable

from bazar.front.upstream.passing import Passed
from bazar.wire.books import BookChanged
from support.feeds import opened_cache


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


async def test_it_counts_who_shared_a_call_and_what_was_too_old() -> None:
    """Each reader who missed is a miss, and those who joined a call are counted among them."""
    cache = opened_cache()
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


async def test_a_cache_that_is_off_asks_each_time() -> None:
    """Whatever the feed proves: nothing is kept, shared, or said to hold."""
    cache = opened_cache(keeps=False)
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


async def test_a_cache_that_is_off_still_sees_its_own_sales() -> None:
    """An answer from before an announcement is asked for once more."""
    cache = opened_cache(keeps=False)
    cache.announce(BookChanged(2, 3))
    call, _ = fetch(answer(2), answer(3))
    assert answer(3) == await cache.book(2, call)
