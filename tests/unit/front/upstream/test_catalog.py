"""The catalog as the front sees it: what is asked, and how each answer was come by."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from msgspec.json import encode

from bazar.front.upstream.cache import Cache
from bazar.front.upstream.catalog import Catalog, Reading
from bazar.front.upstream.passing import Passed
from bazar.front.upstream.watching import SHOP, Key
from bazar.kit.deadline import Deadline
from bazar.kit.errors import Overloaded, Unavailable
from bazar.kit.peers.answers import Answer
from bazar.kit.peers.client import Upstream
from bazar.wire.books import BookChanged, BookQuery, BookTitle, Place
from bazar.wire.budgets import AWAY_MS, READ_MS
from bazar.wire.shop import Shop, ShopChanged
from support.answering import Answering
from support.feeds import RUN, FakeClock, opened_cache


@pytest.fixture
def service() -> Answering:
    """Return the catalog's side."""
    return Answering()


@pytest.fixture
def cache() -> Cache:
    """Return a cache whose feed was just opened."""
    return opened_cache()


@pytest.fixture
async def catalog(service: Answering, cache: Cache) -> AsyncIterator[Catalog]:
    """Return the front's side."""
    async with service.client() as client:
        yield Catalog(Upstream("catalog", "http://catalog.test", client, "secret"), cache)


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
    readings += [await titles(catalog, "A&B=c/d-É", fresh=True)]
    assert ["miss", "hit", "bypass"] == [reading.how for reading in readings]
    assert [BookTitle(1, "a")] == readings[1].answer.as_titles()
    assert ["GET /query?topic=a%26b%3Dc%2Fd%20%C3%A9"] * 2 == service.calls
    assert "miss" == (await titles(catalog, "other")).how


async def test_every_spelling_of_a_topic_shares_one_entry(
    service: Answering, catalog: Catalog
) -> None:
    """Any case, spaces, hyphens, and composed letters or not: the catalog sees one form."""
    spellings = ("La  Mer Été", "la-mer-e\u0301te\u0301", " LA MER ÉTÉ-", "la_mer été")
    hows = [(await titles(catalog, spelling)).how for spelling in spellings]
    assert ["miss", "hit", "hit", "miss"] == hows
    assert "GET /query?topic=la%20mer%20%C3%A9t%C3%A9" == service.calls[0]


async def test_an_answer_that_waited_while_we_stood_still_is_no_answer(
    service: Answering, cache: Cache
) -> None:
    """It may be of any age by now, whether it would be kept or not."""
    clock = FakeClock()

    class Halting(Upstream):
        async def call(self, *args: Any, **options: Any) -> Answer:  # noqa: ANN401
            answer = await super().call(*args, **options)
            clock.now_s += READ_MS / 1000 + 0.01
            return answer

    async with service.client() as client:
        catalog = Catalog(Halting("catalog", "http://catalog.test", client, "secret"), cache, clock)
        for reading in (
            book(catalog),
            book(catalog, fresh=True),
            titles(catalog, "t"),
            catalog.topics(request_id=""),
        ):
            with pytest.raises(Unavailable, match="too late"):
                await reading
    assert cache.held_book(2) is None


async def test_answers_tell_how_far_the_feed_must_have_come(
    service: Answering, cache: Cache, catalog: Catalog
) -> None:
    """What is of another run ends the trust, unless it was asked for before the feed was opened."""
    service.headers = {"bazar-version": "3", "bazar-seq": f"{RUN}-0"}
    await book(catalog)
    assert "hit" == (await book(catalog)).how
    service.headers = {"bazar-seq": "nonsense"}
    await titles(catalog, "t")
    assert cache.live
    cache.claimed(Place("0b", 1), cache.epoch - 1)
    assert cache.live
    service.headers = {"bazar-seq": "0b-1"}
    await catalog.topics(request_id="")
    assert not cache.live
    assert cache.held_book(2) is None


async def test_readers_who_wait_have_places_of_their_own(
    catalog: Catalog, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits for another's call takes one too; who finds an answer here needs none."""
    monkeypatch.setattr("bazar.front.upstream.catalog.READS_WAITING_MAX", 3)
    held = asyncio.Event()

    async def keep() -> Passed:
        return Passed(200, b"", (), "", 1)

    async def waits(*_args: object, **_options: object) -> Answer:
        await held.wait()
        return Answer(200, b"", {"bazar-version": "1"})

    await cache.book(1, keep)
    monkeypatch.setattr(Upstream, "call", waits)
    waiting = [asyncio.create_task(book(catalog)) for _ in range(2)]
    waiting.append(asyncio.create_task(titles(catalog, "t")))
    await asyncio.sleep(0)
    assert 3 == catalog.waiting
    for reading in (book(catalog), titles(catalog, "t"), catalog.topics(request_id="")):
        with pytest.raises(Overloaded, match="3 readers wait"):
            await reading
    assert "hit" == (await catalog.book(1, fresh=False, request_id="")).how
    held.set()
    await asyncio.gather(*waiting)
    assert 0 == catalog.waiting


async def test_while_the_catalog_is_away_one_reader_tries_and_the_others_hear_at_once(
    catalog: Catalog, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a read without an answer to one with an answer, or to another feed."""
    deadlines: list[int] = []
    held, away = asyncio.Event(), True

    async def call(*_args: object, deadline: Deadline, **_options: object) -> Answer:
        deadlines.append(round(deadline.left_s() * 100) * 10)
        if deadline.left_s() > AWAY_MS / 1000:
            await held.wait()
        if away:
            message = "the catalog cannot be reached"
            raise Unavailable(message)
        return Answer(200, b"", {})

    monkeypatch.setattr(Upstream, "call", call)
    cache.broken()
    first = asyncio.create_task(book(catalog))
    await asyncio.sleep(0)
    held.set()
    assert isinstance((await asyncio.gather(first, return_exceptions=True))[0], Unavailable)
    held.clear()
    trying = asyncio.create_task(book(catalog))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        for _ in range(2):
            with pytest.raises(Unavailable):
                await titles(catalog, "t")
    held.set()
    await asyncio.gather(trying, return_exceptions=True)
    away = False
    for _ in range(2):
        await book(catalog)
    assert [READ_MS, READ_MS, AWAY_MS, AWAY_MS, READ_MS, READ_MS] == deadlines


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


async def test_the_settings_are_asked_once_and_decoded_once(
    service: Answering, cache: Cache, catalog: Catalog
) -> None:
    """Until they change; a book of that number is another matter."""
    service.body = encode(Shop(version=3, currency="USD", name="Sea Books"))
    service.headers = {"bazar-version": "3"}
    assert None is catalog.last_shop
    first, second = [await catalog.shop(request_id="r1") for _ in range(2)]
    assert ("Sea Books", True) == (first.name, first is second is catalog.last_shop)
    assert ["GET /shop"] == service.calls
    cache.announce(BookChanged(3, 9))
    assert first is await catalog.shop(request_id="r1")
    cache.announce(ShopChanged(4))
    service.body = encode(Shop(version=4, currency="USD", name="Lake Books"))
    service.headers = {"bazar-version": "4"}
    assert "Lake Books" == (await catalog.shop(request_id="r1")).name


async def test_settings_that_are_away_are_remembered_for_those_who_say_so(
    service: Answering, cache: Cache, catalog: Catalog
) -> None:
    """Whoever asks for them hears that the catalog is away, and can still say whose shop it is."""
    service.body = encode(Shop(version=3, currency="USD", name="Sea Books"))
    shop = await catalog.shop(request_id="r1")
    cache.broken()
    service.status, service.body = 502, b"bad gateway"
    with pytest.raises(Unavailable):
        await catalog.shop(request_id="r1")
    assert shop is catalog.last_shop
    service.status, service.body = 200, encode(shop)
    assert shop == await catalog.shop(request_id="r1")


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        (BookQuery(), ""),
        (BookQuery(q="a&b=c", limit=6), "?q=a%26b%3Dc&limit=6"),
        (BookQuery(min=Decimal("9.50"), in_stock="1", sort="-price"), None),
        (BookQuery(topic="law", after="4,é"), "?topic=law&after=4%2C%C3%A9"),
    ],
)
async def test_a_query_becomes_an_address(
    service: Answering, catalog: Catalog, query: BookQuery, asked: str | None
) -> None:
    """With what it asks and nothing else, in one argument each; lists and counts alike."""
    asked = "?min=9.50&in_stock=1&sort=-price" if asked is None else asked
    await catalog.list(query, request_id="r1")
    await catalog.counts(query, request_id="r1")
    assert [f"GET /books{asked}", f"GET /books/counts{asked}"] == service.calls


async def test_what_is_made_of_answers_holds_until_a_change_is_announced(
    service: Answering, cache: Cache, catalog: Catalog
) -> None:
    """Also of books that are not kept here; and lists count on with every title that changes."""
    epoch, lists = catalog.epoch, catalog.lists
    made: list[tuple[Key, int]] = [(2, 3), (SHOP, 1)]
    assert catalog.current(epoch, made)
    cache.announce(BookChanged(7, 9))
    cache.announce(BookChanged(2, 3))
    assert (True, lists) == (catalog.current(epoch, made), catalog.lists)
    cache.announce(BookChanged(2, 4, listed=True))
    assert (False, True) == (catalog.current(epoch, made), catalog.lists > lists)
    assert catalog.current(epoch, [(2, 4)])
    assert not catalog.current(epoch - 1, [])
    assert [] == service.calls


async def test_who_follows_a_book_hears_of_a_purchase_and_of_the_feed(
    cache: Cache, catalog: Catalog
) -> None:
    """Whichever says it first."""
    with catalog.following.follow([2]) as follower:
        cache.announce(BookChanged(2, 4))
        assert {2} == (await follower.news()).changed
        cache.broken()
        assert (await follower.news()).broken


async def test_an_answer_without_a_place_claims_nothing(
    service: Answering, cache: Cache, catalog: Catalog
) -> None:
    """Of several catalogs each may answer; only a feed of one of them says how far it has come."""
    service.headers = {"bazar-version": "3"}
    await book(catalog)
    assert cache.live
    service.headers = {"bazar-version": "3", "bazar-seq": "ab-7"}
    await book(catalog, fresh=True)
    assert not cache.live
