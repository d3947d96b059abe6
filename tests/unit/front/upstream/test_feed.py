"""The change feed, followed: what the cache is told of it, line by line and break by break."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

import pytest

from bazar.front.upstream import feed as upstream
from bazar.front.upstream.cache import Cache
from bazar.front.upstream.feed import Feed
from bazar.front.upstream.passing import Passed
from bazar.front.upstream.watching import SHOP
from bazar.kit.clock import passing_s
from bazar.kit.errors import Unavailable
from bazar.kit.peers.client import Upstream, new_client
from bazar.wire.books import Place, Sign


def sign(word: str, number: int = 0) -> bytes:
    """Return a line that was queued just now."""
    return Sign(word, Place("0a", number), int(passing_s() * 1000)).line()


class Told(Upstream):
    """A catalog whose feed says what the test puts into it."""

    def __init__(self) -> None:
        """Say nothing yet."""
        super().__init__("catalog", "http://catalog.test", new_client(), "secret")
        self.lines: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self.opened = 0

    async def stream(
        self,
        path: str,  # noqa: ARG002  it has only one
        silence_s_max: float,  # noqa: ARG002  it is never silent
    ) -> AsyncGenerator[bytes, None]:
        """Yield lines until it ends or breaks."""
        self.opened += 1
        while (line := await self.lines.get()) is not None:
            if isinstance(line, Exception):
                raise line
            yield line


@pytest.fixture
def cache() -> Cache:
    """Return an empty cache."""
    return Cache()


@pytest.fixture
async def catalog(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Told]:
    """Return a catalog that the cache's feed follows."""
    monkeypatch.setattr(upstream, "PAUSE_S", 0.001)
    catalog = Told()
    feed = Feed(catalog, cache)
    feed.start()
    yield catalog
    await feed.stop()


async def until(check: Callable[[], bool]) -> None:
    """Wait until something is so, within a bound."""
    async with asyncio.timeout(5):
        while not check():  # noqa: ASYNC110  watched from outside
            await asyncio.sleep(0.001)


def fetched(version: int) -> Callable[[], Awaitable[Passed]]:
    """Return a call to the catalog that finds this version."""

    async def fetch() -> Passed:
        return Passed(200, b"", (), "", version)

    return fetch


async def keep(cache: Cache, version: int) -> None:
    """Have the cache keep book 2."""
    await cache.book(2, fetched(version))


async def test_nothing_is_trusted_before_the_feed_is_open(cache: Cache, catalog: Told) -> None:
    """It says so itself, once no change can be missed any more."""
    await until(lambda: catalog.opened == 1)
    assert not cache.live
    catalog.lines.put_nowait(sign("open"))
    await until(lambda: cache.live)


async def test_a_change_reaches_the_cache(cache: Cache, catalog: Told) -> None:
    """And a heartbeat changes nothing."""
    catalog.lines.put_nowait(sign("open"))
    await until(lambda: cache.live)
    await keep(cache, 3)
    catalog.lines.put_nowait(sign("alive"))
    await until(catalog.lines.empty)
    assert cache.held_book(2) is not None
    catalog.lines.put_nowait(b'data: {"book_id":2,"version":4}')
    catalog.lines.put_nowait(sign("told", 1))
    await until(lambda: cache.held_book(2) is None)
    assert cache.live
    assert 1 == catalog.opened


async def test_a_change_of_the_settings_reaches_the_cache(cache: Cache, catalog: Told) -> None:
    """Its event has a name; the next one, without a name, is of a book again."""
    catalog.lines.put_nowait(sign("open"))
    await until(lambda: cache.live)
    call = fetched(7)
    await cache.book(SHOP, call)
    await cache.book(8, call)
    for line in (b"event: shop", b'data: {"version":8}', sign("told", 1)):
        catalog.lines.put_nowait(line)
    await until(lambda: cache.held_book(SHOP) is None)
    assert cache.held_book(8) is not None
    catalog.lines.put_nowait(b'data: {"book_id":8,"version":8}')
    await until(lambda: cache.held_book(8) is None)
    assert (True, 1) == (cache.live, catalog.opened)


async def test_an_event_of_another_name_is_passed_over(cache: Cache, catalog: Told) -> None:
    """A later catalog may tell of what is not kept here; the feed goes on."""
    catalog.lines.put_nowait(sign("open"))
    await until(lambda: cache.live)
    for line in (b"event: weather", b"data: rain", sign("told", 1)):
        catalog.lines.put_nowait(line)
    catalog.lines.put_nowait(b'data: {"book_id":2,"version":4}')
    await until(lambda: not cache.current(cache.epoch, [(2, 3)]))
    assert (True, 1) == (cache.live, catalog.opened)


async def test_a_name_ends_with_its_feed(cache: Cache, catalog: Told) -> None:
    """What another feed says is not taken for what the broken one began."""
    for line in (sign("open"), b"event: weather", None, sign("open")):
        catalog.lines.put_nowait(line)
    await until(lambda: catalog.opened == 2 and cache.live)
    catalog.lines.put_nowait(b'data: {"book_id":2,"version":4}')
    await until(lambda: not cache.current(cache.epoch, [(2, 3)]))


@pytest.mark.parametrize("end", [None, Unavailable("it broke"), b"data: nonsense"])
async def test_a_break_empties_the_cache_and_another_feed_is_opened(
    cache: Cache, catalog: Told, end: bytes | Exception | None
) -> None:
    """Whatever broke it; what was missed meanwhile cannot be known."""
    catalog.lines.put_nowait(sign("open"))
    await until(lambda: cache.live)
    await keep(cache, 3)
    catalog.lines.put_nowait(end)
    await until(lambda: catalog.opened == 2)
    assert not cache.live
    catalog.lines.put_nowait(sign("open"))
    await until(lambda: cache.live)
    assert cache.held_book(2) is None


async def test_a_feed_that_the_cache_distrusts_is_left(cache: Cache, catalog: Told) -> None:
    """Though it goes on."""
    catalog.lines.put_nowait(sign("open"))
    await until(lambda: cache.live)
    cache.broken()
    catalog.lines.put_nowait(sign("alive"))
    await until(lambda: catalog.opened == 2)


async def test_who_never_started_can_stop(cache: Cache) -> None:
    """As when something else fails at start-up."""
    await Feed(Told(), cache).stop()
