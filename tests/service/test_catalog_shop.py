"""The settings of the shop in the catalog: made at the first start, edited, and announced."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import cast

import pytest
from pyreqwest.client import ClientBuilder

from bazar.catalog.app import catalog_app
from bazar.catalog.feed import Told
from bazar.catalog.settings import Settings
from bazar.kit.errors import StartupError
from bazar.wire.shop import ShopChanged, ShopEdit
from support.catalog_calls import BOOK
from support.catalogs import open_catalog
from support.problem_documents import check_problem
from support.shops import CATALOG_URL, SECRET, Caller, InProcess, Reply, Shop


async def edit(catalog: Caller, key: str | None = None, **members: object) -> Reply:
    """Edit the settings, with a key or without."""
    headers = {} if key is None else {"idempotency-key": key}
    return await catalog.call("PATCH", "/shop", members, headers)


async def opened(path: Path, currency: str | None = None, name: str | None = None) -> None:
    """Start a catalog, and stop it."""
    async with catalog_app(path, SECRET, currency, name):
        pass


async def settings_of(path: Path) -> tuple[str, str, int]:
    """Return currency, name and version that a catalog keeps."""
    catalog = await open_catalog(path)
    try:
        shop = await Settings(catalog.database, catalog.store).shop()
    finally:
        await catalog.database.close()
    return shop.currency, shop.name, shop.version


async def test_the_settings_are_there_from_the_first_start(shop: Shop) -> None:
    """Anybody may ask for them; they have a version and a tag."""
    stranger = Caller(shop.catalog.url, shop.client)
    reply = await stranger.get("/shop")
    assert (200, "1") == (reply.status, reply.headers["bazar-version"])
    assert ("Bazar Books", "USD", 1) == tuple(
        reply.json[name] for name in ("name", "currency", "version")
    )
    again = await stranger.get("/shop", {"if-none-match": reply.headers["etag"]})
    assert (304, "1") == (again.status, again.headers["bazar-version"])


async def test_an_edit_raises_the_version(shop: Shop) -> None:
    """What it leaves out stays, one that changes nothing is none, and prices are exact."""
    await edit(shop.catalog, name="Sea Books")
    reply = await edit(shop.catalog, post_price=4.5, hours="Mon")
    assert (200, 3) == (reply.status, reply.json["version"])
    assert b'"post_price":4.50' in reply.content
    assert reply.content == (await edit(shop.catalog, hours="Mon")).content
    seen = await shop.catalog.get("/shop")
    assert (reply.content, "3") == (seen.content, seen.headers["bazar-version"])
    assert "Sea Books" == seen.json["name"]


async def test_an_edit_needs_the_secret(shop: Shop) -> None:
    """A stranger changes nothing."""
    reply = await edit(Caller(shop.catalog.url, shop.client), name="Mine")
    check_problem(reply, 401, "unauthorized")
    assert 1 == (await shop.catalog.get("/shop")).json["version"]


async def test_an_edit_with_a_key_counts_once(shop: Shop) -> None:
    """A delayed duplicate gets the first answer, and does not take back what came since."""
    first = await edit(shop.catalog, "k", name="Sea Books", texts={"imprint": "We."})
    await edit(shop.catalog, name="Lake Books")
    again = await edit(shop.catalog, "k", name="Sea Books", texts={"imprint": "We."})
    assert first.content == again.content
    assert "Lake Books" == (await shop.catalog.get("/shop")).json["name"]
    check_problem(await edit(shop.catalog, "k", name="X"), 422, "idempotency-key-reused")


async def test_a_refused_edit_changes_nothing(shop: Shop) -> None:
    """Another currency, an unknown member, a pick that is no book; with a key for good."""
    for _ in range(2):
        reply = await edit(shop.catalog, "k", currency="EUR", name="X")
        check_problem(reply, 409, "currency-fixed")
        assert "in USD, not in EUR" in reply.json["detail"]
    check_problem(await edit(shop.catalog, fax="none"), 400, "invalid-request")
    reply = await edit(shop.catalog, picks=[77])
    check_problem(reply, 400, "invalid-request")
    assert ("picks", True) == (reply.json["member"], "77" in reply.json["detail"])
    assert 1 == (await shop.catalog.get("/shop")).json["version"]
    book_id = await shop.add_book()
    assert [book_id] == (await edit(shop.catalog, picks=[book_id])).json["picks"]


async def test_a_refusal_for_a_pick_is_kept_with_its_key(shop: Shop) -> None:
    """The book that is added later does not let a delayed duplicate through."""
    check_problem(await edit(shop.catalog, "k", picks=[1]), 400, "invalid-request")
    assert 1 == await shop.add_book()
    check_problem(await edit(shop.catalog, "k", picks=[1]), 400, "invalid-request")


async def test_the_first_start_stores_currency_and_name(tmp_path: Path) -> None:
    """Later ones need not name them; another name is not looked at, another currency refused."""
    path = tmp_path / "catalog.db"
    await opened(path, "JOD", " Sea  Books ")
    await opened(path)
    await opened(path, "JOD", "Lake Books")
    with pytest.raises(StartupError, match="keeps its prices in JOD; start it without --currency"):
        await opened(path, "USD")
    assert ("JOD", "Sea Books", 1) == await settings_of(path)


async def test_new_books_have_the_currency_of_the_shop(tmp_path: Path) -> None:
    """Also where a later start does not name it."""
    path = tmp_path / "catalog.db"
    await opened(path, "JOD")
    network = InProcess()
    async with (
        ClientBuilder().with_middleware(network).build() as client,
        catalog_app(path, SECRET) as app,
    ):
        network.host(CATALOG_URL, app)
        reply = await Caller(CATALOG_URL, client, SECRET).post("/books", BOOK | {"price": 1.25})
    assert b'"price":1.250,"currency":"JOD"' in reply.content


async def test_a_name_that_cannot_be_is_refused_at_the_start(tmp_path: Path) -> None:
    """With one line; nothing is stored."""
    with pytest.raises(StartupError, match="--name: the name must not be blank"):
        await opened(tmp_path / "catalog.db", None, "  ")
    await opened(tmp_path / "catalog.db", "EUR", "Sea Books")
    assert ("EUR", "Sea Books", 1) == await settings_of(tmp_path / "catalog.db")


async def unopened(path: Path, currency: str) -> None:
    """Leave a database as the step that brings the settings leaves an older shop."""
    catalog = await open_catalog(path)
    await catalog.database.write(
        lambda t: t.run("INSERT INTO shop VALUES (1, 0, ?1, '{}')", currency)
    )
    await catalog.database.close()


async def test_an_older_shop_keeps_its_currency_and_gets_a_name(tmp_path: Path) -> None:
    """Its first start under this release is the first of its settings."""
    path = tmp_path / "catalog.db"
    await unopened(path, "EUR")
    with pytest.raises(StartupError, match="keeps its prices in EUR"):
        await opened(path, "USD", "Sea Books")
    await opened(path, None, "Lake Books")
    assert ("EUR", "Sea Books", 1) == await settings_of(path)


@pytest.fixture
async def told(tmp_path: Path) -> AsyncIterator[list[Told]]:
    """Edit the settings of a shop in three ways, and gather what its followers are told."""
    catalog = await open_catalog(tmp_path / "catalog.db")
    settings = Settings(catalog.database, catalog.store)
    await settings.open(None, None)
    gathered: list[Told] = []
    events = cast("AsyncGenerator[Told, None]", catalog.feed.follow())
    async with aclosing(events) as signs:
        gathered.append(await anext(signs))
        await settings.edit(ShopEdit(name="Sea Books"))
        await settings.edit(ShopEdit(name="Sea Books"))
        await settings.edit(ShopEdit(keep_days=7))
        gathered += [await anext(signs), await anext(signs)]
    yield gathered
    await catalog.database.close()


async def test_an_edit_is_announced_with_its_commit(told: list[Told]) -> None:
    """Each one that changes something, once, in the order of the commits."""
    wanted: list[object] = [(), [ShopChanged(2)], [ShopChanged(3)]]
    assert wanted == [one.changes for one in told]
    assert [0, 1, 2] == [one.place.number for one in told]
