"""Orders while the catalog is away or late, and over a restart or a crash of the order service."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import apsw
import pytest
from pyreqwest.client import ClientBuilder

from bazar.catalog.app import catalog_app
from bazar.order.app import order_app
from bazar.wire import budgets
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
    await shop.order.post(f"/purchase/{book_id}", {}, key("first"))  # it knows the catalog now
    wire.calls.clear()
    wire.lose_replies = 2
    bought = await shop.order.post(f"/purchase/{book_id}", {"quantity": 2}, key("a"))
    assert 201 == bought.status
    assert 3 == wire.calls.count("POST /reservations")
    assert 2 == await shop.stock(book_id)


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


def crashed_unflushed(tmp_path: Path) -> Path:
    """Copy the orders as a crash leaves them before any confirmation was flushed."""
    crashed = copied(tmp_path / "order.db", tmp_path / "crashed")
    connection = apsw.Connection(str(crashed))
    connection.execute("UPDATE orders SET status = 'pending', settled = 0")
    connection.execute("UPDATE order_lines SET title = NULL, price_minor = NULL, currency = NULL")
    connection.close()
    return crashed


async def test_a_crash_right_after_the_answer_loses_nothing(shop: Shop, tmp_path: Path) -> None:
    """The confirmation was not on the disk yet: the replay gives it again, to the byte."""
    book_id = await shop.add_book(quantity=5)
    bought = await shop.order.post(f"/purchase/{book_id}", None, key("a"))
    crashed = crashed_unflushed(tmp_path)
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
    crashed = crashed_unflushed(tmp_path)
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


@pytest.mark.parametrize(("step", "ended"), [("fulfil", "fulfilled"), ("cancel", "cancelled")])
async def test_a_crash_and_then_a_change_know_what_was_told(
    shop: Shop, tmp_path: Path, step: str, ended: str
) -> None:
    """Told 201, crashed unflushed: fulfilled or cancelled at once, it counts as confirmed."""
    book_id = await shop.add_book(quantity=5)
    bought = await shop.order.post(f"/purchase/{book_id}", None, key("a"))
    crashed = crashed_unflushed(tmp_path)
    async with reopened(crashed, shop.network) as order:
        changed = await order.post(f"/orders/{bought.json['order_id']}/{step}")
        assert (200, ended) == (changed.status, changed.json["status"])
        assert 19.99 == changed.json["total"]
        replay = await order.post(f"/purchase/{book_id}", None, key("a"))
        assert (201, bought.content) == (replay.status, replay.content)
    assert {"fulfil": 4, "cancel": 5}[step] == await shop.stock(book_id)


async def test_what_cannot_be_known_yet_is_not_refused_for_good(
    shop: Shop, wire: Wire, tmp_path: Path
) -> None:
    """Crashed unflushed while the catalog is away: to fulfil it is indefinite, until it is back."""
    book_id = await shop.add_book(quantity=5)
    bought = await shop.order.post(f"/purchase/{book_id}", None, key("a"))
    crashed = crashed_unflushed(tmp_path)
    wire.away = True
    async with reopened(crashed, shop.network) as order:
        path = f"/orders/{bought.json['order_id']}/fulfil"
        refused = await order.post(path)
        assert (503, False) == (refused.status, refused.json["definite"])
        wire.away = False

        async def fulfilled() -> bool:
            return 200 == (await order.post(path)).status

        await until(fulfilled)


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_jumps_keeps_no_order_from_its_end(
    shop: Shop, wire: Wire, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """Accepted before the jump and after it: both are sold, and listed as they were placed."""
    monkeypatch.setattr(budgets, "RESERVE_BATCH_MS", 200)
    book_id = await shop.add_book(quantity=5)
    wire.away = True
    before = await shop.order.post(f"/purchase/{book_id}", None, key("a") | SHORT)
    right = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: right() + hours * 3_600_000_000_000)
    after = await shop.order.post(f"/purchase/{book_id}", None, key("b") | SHORT)
    order_ids = [before.json["order_id"], after.json["order_id"]]
    await asyncio.sleep(0.5)  # nobody but the loop asks for them any more
    wire.away = False

    async def sold() -> bool:
        listed = (await shop.order.get("/orders?status=confirmed")).json
        return order_ids == [one["order_id"] for one in listed]

    await until(sold)
    page = (await shop.order.get(f"/orders?after={order_ids[0]}")).json
    assert [order_ids[1]] == [one["order_id"] for one in page]
    by_id = (await shop.order.get("/orders?by=id")).json
    assert sorted(order_ids) == [one["order_id"] for one in by_id]
    unknown = await shop.order.get("/orders?after=never-placed")
    assert (400, "after") == (unknown.status, unknown.json["member"])


async def test_twins_in_one_call_keep_no_other_order_from_its_end(
    shop: Shop, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of a key and one of another, repeated together while the catalog is away: all end."""
    monkeypatch.setattr(budgets, "RESERVE_BATCH_MS", 200)
    book_id = await shop.add_book(quantity=5)
    wire.away = True
    keys = ["a", "a", "b", "a", "c"]
    batch = [
        {"kind": "purchase", "lines": [{"id": book_id}], "key": name, "deadline_ms": 300}
        for name in keys
    ]
    for _ in range(2):
        answers = (await shop.order.post("/placements", batch)).json
        assert [202] * len(keys) == [answer["status"] for answer in answers]
        assert 3 == len({answer["order_id"] for answer in answers})
        await asyncio.sleep(0.5)  # until nobody asks for them any more
    wire.away = False

    async def sold() -> bool:
        return 3 == len((await shop.order.get("/orders?status=confirmed")).json)

    await until(sold)
    assert 2 == await shop.stock(book_id)
