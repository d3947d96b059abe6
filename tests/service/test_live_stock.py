"""Live stock: how books stand at first, then each change; not too often, too long, or too many."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from bazar.front.app import front_app
from bazar.front.storefront import live
from bazar.kit.http.app import HttpApp
from support.shops import CATALOG_URL, ORDER_URL, SECRET, Caller, Shop
from support.wires import Wire

PATIENCE_S = 5.0
Message = MutableMapping[str, Any]


class Stream:
    """A stream of events as a browser reads it."""

    def __init__(self) -> None:
        """Start with nothing read."""
        self.status = 0
        self._parts: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._left = asyncio.Event()

    async def receive(self) -> Message:
        """Go away once told so."""
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Take in what the server sends."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            await self._parts.put(message.get("body") or None)

    async def stocks(self) -> list[live.Stock] | None:
        """Return what the next part tells; None at the end."""
        part = await asyncio.wait_for(self._parts.get(), PATIENCE_S)
        if part is None:
            return None
        lines = [line.removeprefix(b"data: ") for line in part.split(b"\n\n")]
        return [
            msgspec.json.decode(line, type=live.Stock) for line in lines if line.startswith(b"{")
        ]

    def leave(self) -> None:
        """Close it from the side of the browser."""
        self._left.set()


@asynccontextmanager
async def followed(app: HttpApp, query: str) -> AsyncIterator[Stream]:
    """Open a stream, and close it."""
    stream = Stream()
    scope: Message = {
        "type": "http",
        "method": "GET",
        "path": "/live",
        "query_string": query.encode(),
        "headers": [(b"host", b"shop.test")],
        "http_version": "1.1",
    }
    task = asyncio.create_task(app(scope, stream.receive, stream.send))
    try:
        yield stream
    finally:
        stream.leave()
        await asyncio.wait_for(asyncio.gather(task, return_exceptions=True), PATIENCE_S)


@pytest.fixture
async def front(shop: Shop) -> AsyncIterator[HttpApp]:
    """Open a front of the shop, to be asked past its client."""
    async with front_app(CATALOG_URL, ORDER_URL, SECRET, shop.client) as app:
        shop.network.host("http://live.test", app)
        yield app


async def buy(shop: Shop, book_id: int, copies: int) -> None:
    """Buy copies through the front that is followed: it hears of its own sale at once."""
    buyer = Caller("http://live.test", shop.client)
    reply = await buyer.post(f"/purchase/{book_id}", {"quantity": copies})
    assert 201 == reply.status


async def test_a_stream_begins_with_how_books_stand(shop: Shop, front: HttpApp) -> None:
    """In the language of the page; a book that does not exist is left out."""
    few, none = await shop.add_book(quantity=3), await shop.add_book(quantity=0)
    async with followed(front, f"books={few},{none},999&language=ar") as stream:
        told = await stream.stocks()
    assert 200 == stream.status
    expected = [
        live.Stock(few, "low", 3, "آخر 3 نسخ"),
        live.Stock(none, "out", 0, "نفدت النسخ"),
    ]
    assert expected == told


async def test_what_cannot_be_read_is_told_later(
    shop: Shop, front: HttpApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the catalog is away a page hears nothing of a book; then it does, without a change."""
    monkeypatch.setattr(live, "PAUSE_S", 0)
    monkeypatch.setattr(live, "AGAIN_S", 0.05)
    book_id = await shop.add_book(quantity=3)
    wire = Wire(shop.network, CATALOG_URL)
    wire.away = True
    async with followed(front, f"books={book_id}") as stream:
        assert [] == await stream.stocks()
        wire.away = False
        async with asyncio.timeout(PATIENCE_S):
            while not (told := await stream.stocks()):
                pass
    assert [(book_id, 3)] == [(stock.id, stock.n) for stock in told]


async def test_each_change_is_told(
    shop: Shop, front: HttpApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the books that the page shows, and of no other."""
    monkeypatch.setattr(live, "PAUSE_S", 0)
    book_id, other = await shop.add_book(quantity=6), await shop.add_book(quantity=6)
    async with followed(front, f"books={book_id}") as stream:
        assert [live.Stock(book_id, "plenty", 6, "In stock")] == await stream.stocks()
        await buy(shop, other, 6)
        await buy(shop, book_id, 5)
        told = await stream.stocks()
        while told is not None and [one.n for one in told] != [1]:
            told = await stream.stocks()
    assert [live.Stock(book_id, "low", 1, "Last copy")] == told


async def test_many_changes_of_a_book_are_told_as_one(shop: Shop, front: HttpApp) -> None:
    """At most twice a second; what it tells then is how it stands."""
    book_id = await shop.add_book(quantity=30)
    async with followed(front, f"books={book_id}") as stream:
        await stream.stocks()
        for _time in range(20):
            await buy(shop, book_id, 1)
        parts = 0
        told = await stream.stocks()
        while told is not None and [one.n for one in told] != [10]:
            parts += 1
            told = await stream.stocks()
    assert parts <= 4


async def test_a_stream_tells_that_it_lives_and_ends(
    shop: Shop, front: HttpApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a proxy keeps it open, and no page holds one for ever."""
    monkeypatch.setattr(live, "PAUSE_S", 0)
    monkeypatch.setattr(live, "HEARTBEAT_S", 0)
    monkeypatch.setattr(live, "AGE_S_MAX", 0.2)
    book_id = await shop.add_book()
    async with followed(front, f"books={book_id}") as stream:
        assert await stream.stocks()
        signs = 0
        while (told := await stream.stocks()) is not None:
            assert [] == told
            signs += 1
    assert signs > 0


async def test_a_front_that_stops_ends_its_streams(shop: Shop, front: HttpApp) -> None:
    """The server does not wait ten minutes for a page that is open; new ones are sent away."""
    book_id = await shop.add_book()
    async with followed(front, f"books={book_id}") as stream:
        await stream.stocks()
        front.on_stop()
        while await stream.stocks() is not None:
            pass
    async with followed(front, f"books={book_id}") as late:
        await late.stocks()
        assert 204 == late.status


async def test_too_many_streams_are_told_to_stay_away(
    shop: Shop, front: HttpApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 204 is what a browser understands; who leaves makes room."""
    monkeypatch.setattr(live, "STREAMS_MAX", 1)
    book_id = await shop.add_book()
    async with followed(front, f"books={book_id}") as first:
        await first.stocks()
        async with followed(front, f"books={book_id}") as second:
            await second.stocks()
            assert 204 == second.status
    async with followed(front, f"books={book_id}") as third:
        await third.stocks()
        assert 200 == third.status


@pytest.mark.parametrize("books", ["", "x", "-1", "0", "9" * 40, ",,", "1.5"])
async def test_who_follows_nothing_is_sent_away(front: HttpApp, books: str) -> None:
    """There is nothing to tell."""
    async with followed(front, f"books={books}") as stream:
        await stream.stocks()
        assert 204 == stream.status
