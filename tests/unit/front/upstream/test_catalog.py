"""The catalog as the front sees it: what is asked, and how each answer was come by."""

from collections.abc import AsyncIterator

import pytest

from bazar.front.upstream.cache import Cache
from bazar.front.upstream.catalog import Catalog, Reading
from bazar.kit.peers.client import Upstream
from bazar.wire.books import BookChanged, BookTitle
from support.answering import Answering


@pytest.fixture
def service() -> Answering:
    """Return the catalog's side."""
    return Answering()


@pytest.fixture
def cache() -> Cache:
    """Return a cache whose feed was just opened."""
    cache = Cache()
    cache.opened()
    return cache


@pytest.fixture
async def catalog(service: Answering, cache: Cache) -> AsyncIterator[Catalog]:
    """Return the front's side."""
    async with service.client() as client:
        yield Catalog(Upstream("catalog", "http://catalog.test", client), cache)


async def book(catalog: Catalog, *, fresh: bool = False) -> Reading:
    """Read book 2."""
    return await catalog.book(2, fresh=fresh, request_id="r1")


async def titles(catalog: Catalog, topic: str, *, fresh: bool = False) -> Reading:
    """Read the titles of a topic."""
    return await catalog.titles(topic, fresh=fresh, request_id="r1")


async def test_a_book_is_asked_once_and_then_kept(
    service: Answering, cache: Cache, catalog: Catalog
) -> None:
    """Until it changes; each reading tells how we came by it."""
    service.body, service.headers = b"{}", {"bazar-version": "3"}
    first, second = [await book(catalog) for _ in range(2)]
    assert ("miss", "hit") == (first.how, second.how)
    assert (b"{}", 3) == (first.answer.body, first.answer.version)
    assert first.answer is second.answer
    assert ["GET /info/2"] == service.calls
    assert ["r1"] == service.request_ids
    cache.announce(BookChanged(2, 4))
    service.headers = {"bazar-version": "4"}
    assert "miss" == (await book(catalog)).how


async def test_a_fresh_book_is_asked_of_the_catalog(service: Answering, catalog: Catalog) -> None:
    """Even if it is kept; from then on nothing older is shown."""
    service.headers = {"bazar-version": "3"}
    await book(catalog)
    service.headers = {"bazar-version": "4"}
    fresh = await book(catalog, fresh=True)
    assert ("bypass", 4) == (fresh.how, fresh.answer.version)
    after = await book(catalog)
    assert ("miss", 4) == (after.how, after.answer.version)
    assert 3 == len(service.calls)


async def test_titles_of_a_topic_are_kept_by_topic(service: Answering, catalog: Catalog) -> None:
    """A topic is text: whatever stands in it, it stays one argument."""
    service.body = b'[{"id":1,"title":"a"}]'
    readings = [await titles(catalog, "a&b=c/d é") for _ in range(2)]
    readings += [await titles(catalog, "a&b=c/d é", fresh=True)]
    assert ["miss", "hit", "bypass"] == [reading.how for reading in readings]
    assert [BookTitle(1, "a")] == readings[1].answer.as_titles()
    assert ["GET /query?topic=a%26b%3Dc%2Fd%20%C3%A9"] * 2 == service.calls
    assert "miss" == (await titles(catalog, "other")).how


async def test_topics_and_pages_of_books_are_always_asked(
    service: Answering, catalog: Catalog
) -> None:
    """They are not kept; a page's query string goes along as it is."""
    readings = [
        await catalog.topics(request_id="r1"),
        await catalog.books("", request_id="r2"),
        await catalog.books("q=a%20b&limit=1", request_id="r3"),
    ]
    assert ["bypass"] * 3 == [reading.how for reading in readings]
    assert ["GET /topics", "GET /books", "GET /books?q=a%20b&limit=1"] == service.calls
    assert ["r1", "r2", "r3"] == service.request_ids


async def test_a_refusal_passes_and_is_not_kept(service: Answering, catalog: Catalog) -> None:
    """It is the catalog's answer too, but may be another the next time."""
    service.status, service.body = 404, b"no"
    readings = [await book(catalog) for _ in range(2)]
    assert [(404, b"no", "miss")] * 2 == [
        (reading.answer.status, reading.answer.body, reading.how) for reading in readings
    ]
