"""Orders while the catalog is away or late, and over a restart or a crash of the order service."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from pyreqwest.client import ClientBuilder

from bazar.catalog.app import catalog_app
from bazar.order.app import order_app
from support.order_calls import SHORT, key, ledger, status
from support.shops import CATALOG_URL, ORDER_URL, SECRET, Caller, InProcess, Shop
from support.wires import Wire, until


def copied(database: Path, to: Path) -> Path:
    """Copy a database as a crash at this moment would leave it."""
    to.mkdir()
    for suffix in ("", "-wal"):
        file = database.with_name(database.name + suffix)
        if file.exists():
            shutil.copy(file, to / file.name)
    return to / database.name


@asynccontextmanager
async def reopened(database: Path, network: InProcess) -> AsyncIterator[Caller]:
    """Open another order service over the same network, on this database."""
    client = ClientBuilder().with_middleware(network).build()
    async with client, order_app(database, CATALOG_URL, SECRET, client) as order:
        network.host(ORDER_URL, order)
        yield Caller(ORDER_URL, client, SECRET)


async def test_while_the_catalog_is_away_orders_are_kept_and_finished_later(
    shop: Shop, wire: Wire
) -> None:
    """The buyer gets 202 within about two seconds; the loop sells it once the catalog is back."""
    book_id = await shop.add_book(quantity=5)
    wire.away = True
    async with asyncio.timeout(3.5):
        accepted = await shop.order.post(f"/purchase/{book_id}", None, key("a"))
    order_id = accepted.json["order_id"]
    assert (202, "pending") == (accepted.status, accepted.json["status"])
    assert f"/orders/{order_id}" == accepted.headers["location"]
    assert 1 <= int(accepted.headers["retry-after"])
    assert "pending" == await status(shop, order_id)
    wire.away = False

    async def finished() -> bool:
        return "confirmed" == await status(shop, order_id)

    await until(finished)
    assert 4 == await shop.stock(book_id)
    replay = await shop.order.post(f"/purchase/{book_id}", None, key("a"))
    assert (201, order_id) == (replay.status, replay.json["order_id"])
    assert 4 == await shop.stock(book_id)


async def test_an_order_is_on_the_disk_before_the_catalog_is_asked(
    shop: Shop, wire: Wire, tmp_path: Path
) -> None:
    """A copy of the database, taken at the moment of the call, holds the order as pending."""
    book_id = await shop.add_book(quantity=5)
    wire.open.clear()
    buying = asyncio.create_task(shop.order.post(f"/purchase/{book_id}", None, key("a")))

    async def asked() -> bool:
        return "POST /reservations" in wire.calls

    await until(asked)
    crashed = copied(tmp_path / "order.db", tmp_path / "crashed")
    wire.open.set()
    bought = await buying
    wire.away = True
    async with reopened(crashed, shop.network) as order:
        found = (await order.get("/orders")).json
        assert [(bought.json["order_id"], "pending")] == [
            (one["order_id"], one["status"]) for one in found
        ]


async def test_a_short_deadline_is_answered_in_time(shop: Shop, wire: Wire) -> None:
    """A caller that waits 300 ms hears 202 in that time, and the order goes on without it."""
    book_id = await shop.add_book(quantity=5)
    wire.away = True
    async with asyncio.timeout(1):
        accepted = await shop.order.post(f"/purchase/{book_id}", None, key("a") | SHORT)
    assert 202 == accepted.status


async def test_a_lost_reply_of_the_catalog_is_still_one_sale(shop: Shop, wire: Wire) -> None:
    """The catalog decided, its answer got lost twice: asked again, it says the same."""
    book_id = await shop.add_book(quantity=5)
    wire.lose_replies = 2
    bought = await shop.order.post(f"/purchase/{book_id}", {"quantity": 2}, key("a"))
    assert 201 == bought.status
    assert 3 == wire.calls.count("POST /reservations")
    assert 3 == await shop.stock(book_id)


async def test_a_duplicated_call_is_still_one_sale(shop: Shop, wire: Wire) -> None:
    """The network delivers each call to the catalog twice; each is decided once."""
    book_id = await shop.add_book(quantity=5)
    wire.twice = True
    bought = await shop.order.post(f"/purchase/{book_id}", {"quantity": 2}, key("a"))
    assert 201 == bought.status
    cancelled = await shop.order.post(f"/orders/{bought.json['order_id']}/cancel")
    assert "cancelled" == cancelled.json["status"]
    wire.twice = False
    assert 5 == await shop.stock(book_id)
    assert [("received", 5), ("sold", -2), ("released", 2)] == await ledger(shop)


async def test_a_restart_finishes_what_was_pending(tmp_path: Path) -> None:
    """Stopped with a pending order and started again, the service drives it by itself."""
    network = InProcess()
    client = ClientBuilder().with_middleware(network).build()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(client)
        catalog = await stack.enter_async_context(catalog_app(tmp_path / "catalog.db", SECRET))
        network.host(CATALOG_URL, catalog)
        wire = Wire(network, CATALOG_URL)
        shelves = Caller(CATALOG_URL, client, SECRET)
        book = {"title": "T", "topic": "t", "price": 19.99, "quantity": 5}
        book_id = (await shelves.post("/books", book)).json["id"]
        wire.away = True
        async with reopened(tmp_path / "order.db", network) as order:
            accepted = await order.post(f"/purchase/{book_id}", None, key("a") | SHORT)
            assert 202 == accepted.status
        wire.away = False
        async with reopened(tmp_path / "order.db", network) as order:

            async def finished() -> bool:
                return bool("confirmed" == (await order.get("/orders")).json[0]["status"])

            await until(finished)
            replay = await order.post(f"/purchase/{book_id}", None, key("a"))
            assert 201 == replay.status
            assert accepted.json["order_id"] == replay.json["order_id"]
        assert 4 == (await shelves.get(f"/info/{book_id}")).json["quantity"]


async def test_a_crash_right_after_the_answer_loses_nothing(shop: Shop, tmp_path: Path) -> None:
    """The confirmation was not on the disk yet: the replay gives it again, to the byte."""
    book_id = await shop.add_book(quantity=5)
    bought = await shop.order.post(f"/purchase/{book_id}", None, key("a"))
    crashed = copied(tmp_path / "order.db", tmp_path / "crashed")
    async with reopened(crashed, shop.network) as order:
        replay = await order.post(f"/purchase/{book_id}", None, key("a"))
        assert (201, bought.content) == (replay.status, replay.content)
    assert 4 == await shop.stock(book_id)


async def test_a_crash_and_then_a_cancel_leave_the_first_answer(
    shop: Shop, wire: Wire, tmp_path: Path
) -> None:
    """Told 201, crashed unflushed, cancelled before it was driven: the replay is still the 201."""
    book_id = await shop.add_book(quantity=5)
    bought = await shop.order.post(f"/purchase/{book_id}", None, key("a"))
    crashed = copied(tmp_path / "order.db", tmp_path / "crashed")
    wire.away = True
    async with reopened(crashed, shop.network) as order:
        cancelled = await order.post(f"/orders/{bought.json['order_id']}/cancel")
        assert "cancelled" == cancelled.json["status"]
        wire.away = False

        async def known() -> bool:
            return 202 != (await order.post(f"/purchase/{book_id}", None, key("a"))).status

        await until(known)
        replay = await order.post(f"/purchase/{book_id}", None, key("a"))
        assert (201, bought.content) == (replay.status, replay.content)

        async def given_back() -> bool:
            return 5 == await shop.stock(book_id)

        await until(given_back)
