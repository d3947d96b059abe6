"""The catalog's change feed: from the use cases, and as a stream of its app."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, MutableMapping
from contextlib import aclosing
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest
from pyreqwest.client import ClientBuilder

from bazar.catalog.app import catalog_app
from bazar.catalog.feed import BACKLOG_MAX, Changes, Feed, Told
from bazar.catalog.shelf import Shelf
from bazar.kit.clock import passing_s
from bazar.kit.http.app import HttpApp
from bazar.wire.books import BookChanged, NewBook, Place, Sign, TopicCount
from bazar.wire.budgets import LAG_MS
from bazar.wire.imports import ImportRequest, ImportRow
from bazar.wire.orders import Line
from bazar.wire.shop import ShopChanged
from bazar.wire.stock import Reserve
from support.catalog_calls import BOOK
from support.catalogs import OpenCatalog, open_catalog
from support.feeds import FakeClock
from support.shops import CATALOG_URL, SECRET, Caller, InProcess, Reply, Shop

PRICE = Decimal("19.99")


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[HttpApp]:
    """Open the catalog's app, to be called without a client."""
    async with catalog_app(tmp_path / "app.db", SECRET) as app:
        yield app


async def call(app: HttpApp, method: str, path: str, body: object = None) -> Reply:
    """Send one request to an app."""
    network = InProcess()
    network.host(CATALOG_URL, app)
    async with ClientBuilder().with_middleware(network).build() as client:
        return await Caller(CATALOG_URL, client, SECRET).call(method, path, body)


async def added(app: HttpApp) -> int:
    """Add a book to an app and return its id."""
    return int((await call(app, "POST", "/books", BOOK)).json["id"])


async def streamed(app: HttpApp, path: str) -> AsyncGenerator[MutableMapping[str, Any], None]:
    """Yield what an app sends, message by message.

    The app goes on only when the next message is asked for, as under a slow connection.
    """
    messages: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
    wanted = asyncio.Semaphore(0)

    async def receive() -> MutableMapping[str, Any]:
        return await asyncio.Future()

    async def send(message: MutableMapping[str, Any]) -> None:
        await messages.put(message)
        await wanted.acquire()

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [],
    }
    answering = asyncio.ensure_future(app(scope, receive, send))
    try:
        while True:
            yield await messages.get()
            wanted.release()
    finally:
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)


def quick_feed(clock: Callable[[], float] = passing_s) -> Feed:
    """Return a feed with a short heartbeat."""
    return Feed(heartbeat_s=0.02, clock=clock)


async def following(feed: Feed) -> AsyncGenerator[Changes, None]:
    """Follow a feed, for the changes alone."""
    async with aclosing(signs_of(feed)) as signs:
        async for told in signs:
            yield told.changes


def signs_of(feed: Feed) -> AsyncGenerator[Told, None]:
    """Follow a feed."""
    return cast("AsyncGenerator[Told, None]", feed.follow())


@pytest.fixture
async def catalog(tmp_path: Path) -> AsyncIterator[OpenCatalog]:
    """Open the catalog's use cases without HTTP."""
    catalog = await open_catalog(tmp_path / "direct.db")
    yield catalog
    await catalog.database.close()


async def test_every_change_is_told_after_its_commit(catalog: OpenCatalog) -> None:
    """Add, stock, price, sale and release each give the book's new version, once."""
    async with aclosing(following(catalog.feed)) as events:
        assert () == await anext(events)
        book = await catalog.shelf.add(NewBook(title="A", topic="b", price=PRICE, quantity=5))
        await catalog.stock.move_stock(book.id, 2)
        await catalog.shelf.reprice(book.id, PRICE * 2)
        await catalog.stock.reserve([Reserve("o1", [Line(book.id, 2)])])
        await catalog.stock.reserve([Reserve("o1", [Line(book.id, 2)])])
        await catalog.stock.reserve([Reserve("o2", [Line(book.id, 99)])])
        await catalog.stock.release("o1")
        await catalog.stock.release("o1")
        told: list[BookChanged | ShopChanged] = []
        while changes := await anext(events):
            told += changes
    wanted = [
        BookChanged(book.id, 2, listed=True),
        BookChanged(book.id, 3),
        BookChanged(book.id, 4, listed=True),
        BookChanged(book.id, 5),
        BookChanged(book.id, 6),
    ]
    assert wanted == told
    assert 6 == (await catalog.shelf.info(book.id)).version


async def test_an_import_is_told_as_one_commit(catalog: OpenCatalog) -> None:
    """Every row that changed something is told at once; a dry run tells nothing."""
    rows = [
        ImportRow(row=row, book=NewBook(title=f"Book {row}", topic="t", price=PRICE))
        for row in range(3)
    ]
    async with aclosing(following(catalog.feed)) as events:
        assert () == await anext(events)
        await catalog.imports.take_in(ImportRequest(rows=rows, dry_run=True))
        await catalog.imports.take_in(ImportRequest(rows=rows))
        await catalog.imports.take_in(ImportRequest(rows=rows))
        wanted = [BookChanged(book_id, 1, listed=True) for book_id in (1, 2, 3)]
        assert [wanted, []] == [list(await anext(events)) for _ in range(2)]


async def test_what_is_told_is_already_there(catalog: OpenCatalog) -> None:
    """A subscriber that reads on every event sees at least the version that it was told."""
    book = await catalog.shelf.add(NewBook(title="A", topic="b", price=PRICE))
    versions: list[int] = []
    async with asyncio.timeout(10), aclosing(following(catalog.feed)) as events:
        assert () == await anext(events)
        writing = asyncio.gather(*(catalog.stock.move_stock(book.id, 1) for _ in range(30)))
        while len(versions) < 30:
            for change in await anext(events):
                versions.append(change.version)
                assert change.version <= (await catalog.shelf.info(book.id)).version
        await writing
    assert list(range(2, 32)) == versions


async def test_a_caller_that_goes_away_does_not_hide_its_change(catalog: OpenCatalog) -> None:
    """A change that was committed is told, even where nobody waited for its answer."""
    book = await catalog.shelf.add(NewBook(title="A", topic="b", price=PRICE))
    async with aclosing(following(catalog.feed)) as events:
        assert () == await anext(events)
        caller = asyncio.ensure_future(catalog.stock.move_stock(book.id, 5))
        await asyncio.sleep(0)
        caller.cancel()
        await catalog.database.write(lambda t: t.one("SELECT 1"))
        assert 5 == (await catalog.shelf.info(book.id)).quantity
        assert [BookChanged(book.id, 2)] == list(await anext(events))


async def test_a_quiet_feed_has_a_heartbeat() -> None:
    """A follower hears something at once, and again within each interval; so does the next one."""
    feed = quick_feed()
    for _ in range(2):
        async with asyncio.timeout(5), aclosing(following(feed)) as events:
            assert [(), (), ()] == [await anext(events) for _ in range(3)]
        await asyncio.sleep(0.03)


async def test_every_subscriber_hears_every_change() -> None:
    """Two subscribers get the same changes, in the same order."""
    feed = quick_feed()
    async with aclosing(following(feed)) as left, aclosing(following(feed)) as right:
        assert [(), ()] == [await anext(left), await anext(right)]
        commits = [[BookChanged(1, version)] for version in range(5)]
        for changes in commits:
            feed.publish(changes)
        assert commits == [await anext(left) for _ in range(5)]
        assert commits == [await anext(right) for _ in range(5)]


async def test_each_commit_has_the_next_number() -> None:
    """Signs of life have that of the last commit; another run of the catalog has another name."""
    feed = quick_feed()
    assert feed.place.run != quick_feed().place.run
    feed.publish([BookChanged(1, 1)])
    async with aclosing(signs_of(feed)) as signs:
        told = [await anext(signs)]
        for version in (2, 3):
            feed.publish([BookChanged(1, version)])
        told += [await anext(signs) for _ in range(3)]
        assert [1, 2, 3, 3] == [one.place.number for one in told]
        assert [0, 1, 1, 0] == [len(one.changes) for one in told]
        assert {feed.place.run} == {one.place.run for one in told}


async def test_a_sign_tells_when_it_was_put_into_the_queue() -> None:
    """Not when it was taken out: the time between is how late it is. Changes do not overtake it."""
    clock = FakeClock()
    feed = quick_feed(clock)
    async with asyncio.timeout(5), aclosing(signs_of(feed)) as signs:
        await anext(signs)
        await asyncio.sleep(0.03)
        clock.now_s = 0.5
        feed.publish([BookChanged(1, 1)])
        clock.now_s = 0.9
        sign, commit = [await anext(signs) for _ in range(2)]
        assert (0, (), 0) == (sign.at_ms, sign.changes, sign.place.number)
        assert (500, 1) == (commit.at_ms, commit.place.number)


async def test_a_subscriber_that_lags_too_far_is_dropped() -> None:
    """Its stream ends at once, so that it knows to start afresh; others go on."""
    feed = Feed(clock=FakeClock())
    async with aclosing(following(feed)) as slow, aclosing(following(feed)) as other:
        assert [(), ()] == [await anext(slow), await anext(other)]
        for version in range(BACKLOG_MAX):
            feed.publish([BookChanged(1, version)])
        assert [BookChanged(1, 0)] == await anext(other)
        feed.publish([BookChanged(1, BACKLOG_MAX)])
        assert [] == [changes async for changes in slow]
        rest = [await anext(other) for _ in range(BACKLOG_MAX)]
        assert [BookChanged(1, BACKLOG_MAX)] == rest[-1]


@pytest.mark.parametrize("then", ["a commit", "a sign of life", "nothing"])
async def test_a_subscriber_that_is_late_is_let_go_without_what_waits_for_it(then: str) -> None:
    """What it would hear is over a second old, and would only make it trust old answers."""
    clock = FakeClock()
    feed = quick_feed(clock)
    async with asyncio.timeout(5), aclosing(following(feed)) as slow:
        await anext(slow)
        feed.publish([BookChanged(1, 1)])
        feed.publish([BookChanged(1, 2)])
        clock.now_s = LAG_MS / 1000
        assert [BookChanged(1, 1)] == await anext(slow)
        clock.now_s += 0.002
        if then == "a commit":
            feed.publish([BookChanged(1, 3)])
        elif then == "a sign of life":
            await asyncio.sleep(0.03)
        assert [] == [changes async for changes in slow]


async def test_a_closed_feed_ends_its_subscriptions() -> None:
    """Without a wait, whether something waits for them or not."""
    feed = Feed()
    async with (
        asyncio.timeout(5),
        aclosing(following(feed)) as events,
        aclosing(following(feed)) as others,
    ):
        assert [(), ()] == [await anext(events), await anext(others)]
        feed.publish([BookChanged(1, 1)])
        assert [BookChanged(1, 1)] == await anext(others)
        waiting = asyncio.ensure_future(anext(others, None))
        await asyncio.sleep(0)
        feed.close()
        assert [] == [changes async for changes in events]
        assert await waiting is None


def said(message: MutableMapping[str, Any]) -> tuple[list[bytes], list[Sign]]:
    """Return the changes of a message of the stream, and its signs."""
    lines = message["body"].split(b"\n\n")
    assert lines.pop() == b""
    events = [line.removeprefix(b"data: ") for line in lines if line.startswith(b"data: ")]
    return events, [sign for line in lines if (sign := Sign.parsed(line)) is not None]


async def test_the_stream_is_made_of_server_sent_events(app: HttpApp) -> None:
    """GET /changes opens at once, tells a change as data, and how far it has come, each time."""
    book_id = await added(app)
    async with asyncio.timeout(10), aclosing(streamed(app, "/changes")) as messages:
        start = await anext(messages)
        headers = dict(start["headers"])
        assert 200 == start["status"]
        assert headers[b"content-type"].startswith(b"text/event-stream")
        assert b"no-store" == headers[b"cache-control"]
        events, (opened,) = said(await anext(messages))
        assert ([], "open", headers[b"bazar-seq"].decode()) == (
            events,
            opened.word,
            str(opened.place),
        )
        reading = asyncio.ensure_future(anext(messages))
        await asyncio.sleep(0)
        assert 200 == (await call(app, "PUT", f"/update/{book_id}/amount_of_items/1")).status
        events, (told,) = said(await reading)
        assert [b'{"book_id":%d,"version":2,"listed":false}' % book_id] == events
        assert ("told", opened.place.number + 1) == (told.word, told.place.number)
        events, (alive,) = said(await anext(messages))
        assert ([], "alive", told.place) == (events, alive.word, alive.place)
        assert opened.at_ms <= told.at_ms <= alive.at_ms <= passing_s() * 1000


async def test_a_change_of_the_settings_is_an_event_with_a_name(app: HttpApp) -> None:
    """So that nobody takes it for a book; its sign follows it as with any commit."""
    async with asyncio.timeout(10), aclosing(streamed(app, "/changes")) as messages:
        await anext(messages)
        _events, (opened,) = said(await anext(messages))
        reading = asyncio.ensure_future(anext(messages))
        await asyncio.sleep(0)
        assert 200 == (await call(app, "PATCH", "/shop", {"name": "Sea Books"})).status
        message = await reading
        assert message["body"].startswith(b'event: shop\ndata: {"version":2}\n\n: told ')
        _events, (told,) = said(message)
        assert opened.place.number + 1 == told.place.number


async def test_every_answer_says_how_far_the_feed_had_come_before_it_was_read(
    app: HttpApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Errors too; what is committed while an answer is read does not count for it."""
    book_id = await added(app)
    numbers = []
    for path in (f"/info/{book_id}", "/topics", "/books", "/search/t", "/info/999", "/books?q=a"):
        place = Place.parsed((await call(app, "GET", path)).headers.get("bazar-seq"))
        assert place is not None, path
        numbers.append(place.number)
    assert {1} == set(numbers)

    async def overtaken(shelf: Shelf) -> list[TopicCount]:
        monkeypatch.undo()
        topics = await shelf.topics()
        assert 200 == (await call(app, "PUT", f"/update/{book_id}/price/5")).status
        return topics

    monkeypatch.setattr(Shelf, "topics", overtaken)
    places = [(await call(app, "GET", "/topics")).headers["bazar-seq"] for _ in range(2)]
    assert [1, 2] == [place and place.number for place in map(Place.parsed, places)]


async def test_the_stream_ends_when_the_service_stops(app: HttpApp) -> None:
    """What would go on for ever ends with on_stop, so that a stop need not wait for it."""
    async with asyncio.timeout(5), aclosing(streamed(app, "/changes")) as messages:
        assert 200 == (await anext(messages))["status"]
        assert (await anext(messages))["body"].startswith(b": open ")
        app.on_stop()
        async for message in messages:
            if not message.get("more_body"):
                break


async def test_nothing_is_missed_from_the_first_byte_of_the_stream_on(app: HttpApp) -> None:
    """A change right after the stream's first words is told: whoever hears them may cache."""
    book_id = await added(app)
    async with asyncio.timeout(10), aclosing(streamed(app, "/changes")) as messages:
        assert 200 == (await anext(messages))["status"]
        assert (await anext(messages))["body"].startswith(b": open ")
        assert 200 == (await call(app, "PUT", f"/update/{book_id}/amount_of_items/1")).status
        events, _signs = said(await anext(messages))
        assert [b'{"book_id":%d,"version":2,"listed":false}' % book_id] == events


async def test_head_of_the_stream_ends(shop: Shop) -> None:
    """HEAD /changes answers the headers and no body, at once."""
    async with asyncio.timeout(2):
        reply = await shop.catalog.call("HEAD", "/changes")
    assert (200, b"") == (reply.status, reply.content)
