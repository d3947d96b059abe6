"""The change feeds of several catalogs over one database: each tells what any of them commits."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest
from pyreqwest.client import ClientBuilder

from bazar.catalog.app import POSTGRES_SCHEMA, catalog_app
from bazar.catalog.feed import Told
from bazar.kit.clock import passing_s
from bazar.kit.data.postgres_listening import BEATS
from bazar.wire.books import SEQ_HEADER, BookChanged, BookEdit, NewBook
from bazar.wire.imports import ImportRequest, ImportRow
from bazar.wire.orders import Line
from bazar.wire.shop import ShopChanged
from bazar.wire.stock import Reserve
from support.catalog_calls import BOOK
from support.catalogs import OpenCatalog, catalog_over
from support.engines import POSTGRES, url_with_tables
from support.shops import CATALOG_URL, SECRET, Caller, InProcess

PRICE = Decimal("19.99")
WAIT_S = 10
END_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE ?1"""

Open = Callable[[], Awaitable[OpenCatalog]]


@pytest.fixture(params=sorted(POSTGRES))
def engine(request: pytest.FixtureRequest) -> str:
    """Name each release in turn."""
    return str(request.param)


@pytest.fixture
async def another(engine: str, tmp_path: Path) -> AsyncIterator[Open]:
    """Open one catalog more over the database of the test."""
    async with AsyncExitStack() as stack:
        yield lambda: stack.enter_async_context(catalog_over(engine, tmp_path / "catalog"))


def following(catalog: OpenCatalog) -> AsyncGenerator[Told, None]:
    """Follow the feed of a catalog."""
    return cast("AsyncGenerator[Told, None]", catalog.feed.follow())


async def changes_until_sign(signs: AsyncGenerator[Told, None], after_s: float) -> list[object]:
    """Return what is told until a sign proves that all is told that was there at a moment."""
    changes: list[object] = []
    async for told in signs:
        changes += told.changes
        if not told.changes and told.at_ms > after_s * 1000:
            break
    return changes


async def test_each_feed_tells_what_any_catalog_commits(another: Open) -> None:
    """Once and in the order of the commits; a sign after them proves that they are all there."""
    left, right = await another(), await another()
    async with (
        asyncio.timeout(WAIT_S),
        aclosing(following(left)) as at_left,
        aclosing(following(right)) as at_right,
    ):
        assert [(), ()] == [(await anext(each)).changes for each in (at_left, at_right)]
        book = await left.shelf.add(NewBook(title="A", topic="b", price=PRICE, quantity=5))
        await right.stock.reserve([Reserve("o1", [Line(book.id, 2)])])
        await left.shelf.edit(book.id, BookEdit(title="B"))
        await right.stock.reserve([Reserve("o1", [Line(book.id, 2)])])
        await left.stock.release("o1")
        now_s = passing_s()
        wanted = [
            BookChanged(book.id, 2, listed=True),
            BookChanged(book.id, 3),
            BookChanged(book.id, 4, listed=True),
            BookChanged(book.id, 5),
        ]
        for signs in (at_left, at_right):
            assert wanted == await changes_until_sign(signs, now_s)


async def test_a_large_commit_is_told_whole(another: Open) -> None:
    """In as many parts as it takes."""
    catalog, other = await another(), await another()
    rows = [
        ImportRow(row=n, book=NewBook(id=2**52 + n, title=f"T{n}", topic="t", price=PRICE))
        for n in range(500)
    ]
    async with asyncio.timeout(WAIT_S), aclosing(following(other)) as signs:
        await anext(signs)
        importing = asyncio.ensure_future(catalog.imports.take_in(ImportRequest(rows=rows)))
        wanted = [BookChanged(2**52 + n, 1, listed=True) for n in range(500)]
        told: list[object] = []
        while len(told) < len(wanted):
            told += (await anext(signs)).changes
        await importing
    assert wanted == told


async def test_a_database_that_is_lost_ends_every_follower(another: Open) -> None:
    """At once, whichever connection it was; who comes then is let in by the next beat."""
    catalog = await another()
    for query in ("LISTEN%", f"NOTIFY {BEATS}%"):
        async with asyncio.timeout(WAIT_S):
            async with aclosing(following(catalog)) as signs:
                await anext(signs)
                await catalog.database.read(lambda t, q=query: t.all(END_OTHERS, q))  # type: ignore[misc]
                assert {()} >= {told.changes async for told in signs}
            async with aclosing(following(catalog)) as signs:
                now_s = passing_s()
                assert (await anext(signs)).at_ms >= int(now_s * 1000)


# ------------------------------------------------------------------- the whole app


async def test_an_app_is_one_of_several_over_a_database(engine: str, tmp_path: Path) -> None:
    """It shows what another has stored, under its settings, and claims no place of the feed."""
    url = url_with_tables(engine, tmp_path / "catalog", POSTGRES_SCHEMA)
    async with (
        catalog_app(url, SECRET, "JOD", "Sea Books") as left,
        catalog_app(url, SECRET, name="Hill Books") as right,
        AsyncExitStack() as stack,
    ):
        callers = []
        for app in (left, right):
            network = InProcess()
            network.host(CATALOG_URL, app)
            client = ClientBuilder().with_middleware(network).build()
            callers.append(Caller(CATALOG_URL, await stack.enter_async_context(client), SECRET))
        added = await callers[0].post("/books", BOOK)
        assert ("JOD", 201) == (added.json["currency"], added.status)
        shown = await callers[1].get(f"/info/{added.json['id']}")
        assert added.json == shown.json
        assert SEQ_HEADER not in shown.headers
        shops = [(await caller.get("/shop")).json for caller in callers]
        assert [shops[0]] * 2 == shops
        assert ("JOD", "Sea Books") == (shops[0]["currency"], shops[0]["name"])
        assert 200 == (await callers[1].get("/readyz")).status


async def test_the_settings_are_on_every_feed(another: Open, engine: str, tmp_path: Path) -> None:
    """A change that one catalog makes is told by the other."""
    other = await another()
    url = url_with_tables(engine, tmp_path / "catalog", POSTGRES_SCHEMA)
    network = InProcess()
    async with (
        asyncio.timeout(WAIT_S),
        catalog_app(url, SECRET) as app,
        ClientBuilder().with_middleware(network).build() as client,
        aclosing(following(other)) as signs,
    ):
        network.host(CATALOG_URL, app)
        await anext(signs)
        reply = await Caller(CATALOG_URL, client, SECRET).call("PATCH", "/shop", {"name": "Sea"})
        assert 200 == reply.status
        assert [ShopChanged(2)] == await changes_until_sign(signs, passing_s())
