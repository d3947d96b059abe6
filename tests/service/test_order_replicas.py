"""Two order services over one database: whoever is asked, a purchase happens exactly once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from bazar.kit.data.database import Transaction
from bazar.order import turns
from bazar.order.store.postgres import PostgresStore
from bazar.wire.orders import OrderStatus
from support.buyers import placement
from support.engines import POSTGRES
from support.halfway import Halfway, waits_for
from support.order_calls import SHORT, key
from support.postgres import RELEASES, server
from support.replicas import Replicas, two_open
from support.shops import Caller, Reply
from support.wires import until

STORE = PostgresStore()


@pytest.fixture(params=sorted(POSTGRES))
def engine(request: pytest.FixtureRequest) -> str:
    """Name each PostgreSQL in turn."""
    return str(request.param)


@pytest.fixture
async def shop(engine: str, tmp_path: Path) -> AsyncIterator[Replicas]:
    """Open a shop with two order services."""
    async with two_open(engine, tmp_path) as shop:
        yield shop


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for another one to drive an order."""
    monkeypatch.setattr(turns, "AGE_S_MIN", {"first": 0.0, "other": 0.0})


async def buy(order: Caller, book_id: int, name: str, quantity: int = 1) -> Reply:
    """Buy copies of a book under a key."""
    return await order.post(f"/purchase/{book_id}", {"quantity": quantity}, key(name))


async def accepted(shop: Replicas, book_id: int) -> str:
    """Place an order that neither can have decided; return its id."""
    shop.a.wire.away = shop.b.wire.away = True
    reply = await shop.b.order.post(f"/purchase/{book_id}", None, key("accepted") | SHORT)
    assert 202 == reply.status
    return str(reply.json["order_id"])


async def change(transaction: Transaction, order_id: str, status: OrderStatus) -> None:
    """Do what another replica does to an order, up to before its end."""
    await STORE.lock(transaction, [order_id])
    order = await STORE.by_id(transaction, order_id)
    assert order is not None
    settled = status not in {"pending", "cancelled"}
    await STORE.update(transaction, [replace(order, status=status, settled=settled)])


async def test_one_key_sent_to_both_at_once_buys_once(shop: Replicas) -> None:
    """Whoever is first, all hear the same to the byte; also of what is not there any more."""
    book_id = await shop.add_book(quantity=20)
    names = [f"k{number}" for number in range(12)]
    orders = (shop.a.order, shop.b.order)
    replies = await asyncio.gather(
        *[buy(order, book_id, name, 2) for name in names for order in orders * 2]
    )
    for number in range(len(names)):
        same = {(one.status, one.content) for one in replies[4 * number : 4 * number + 4]}
        assert 1 == len(same), names[number]
    assert [201] * 40 + [409] * 8 == sorted(one.status for one in replies)
    assert 0 == await shop.stock(book_id)
    movements = (await shop.catalog.get("/movements?limit=100")).json
    assert [20, *[-2] * 10] == [one["copies"] for one in movements]


async def test_a_key_is_used_up_at_both(shop: Replicas) -> None:
    """What asks for something else with it is refused by the other one too."""
    book_id = await shop.add_book(quantity=5)
    bought = await buy(shop.a.order, book_id, "a")
    other = await buy(shop.b.order, book_id, "a", 2)
    assert (201, 422, "idempotency-key-reused") == (bought.status, other.status, other.code)
    used = await shop.b.order.post("/placements/used", {"key": "a"})
    assert bought.json["order_id"] == used.json["order_id"]
    assert 4 == await shop.stock(book_id)


@pytest.mark.usefixtures("at_once")
async def test_a_cancel_at_one_comes_before_the_sale_of_the_other(shop: Replicas) -> None:
    """The call of the one is still on its way: nothing is sold, and every repetition says so."""
    book_id = await shop.add_book(quantity=5)
    shop.a.wire.open.clear()
    shop.b.wire.away = True
    told = await shop.a.order.post(f"/purchase/{book_id}", None, key("a") | SHORT)
    order_id = told.json["order_id"]
    cancelled = await shop.b.order.post(f"/orders/{order_id}/cancel")
    assert (202, 200, "cancelled") == (told.status, cancelled.status, cancelled.json["status"])
    shop.b.wire.away = False

    async def released() -> bool:
        return (0,) == await shop.database.read(
            lambda t: t.one("SELECT count(*) FROM orders WHERE settled = 0")
        )

    await until(released)
    shop.a.wire.open.set()
    replies = [await buy(one.order, book_id, "a") for one in (shop.a, shop.b)]
    assert [(409, "order-cancelled")] * 2 == [(one.status, one.code) for one in replies]
    assert replies[0].content == replies[1].content
    assert 5 == await shop.stock(book_id)


async def test_a_cancel_at_one_comes_after_the_sale_of_the_other(shop: Replicas) -> None:
    """The reply to the one is lost: its buyer hears of the purchase, as at every repetition."""
    book_id = await shop.add_book(quantity=6)
    await buy(shop.a.order, book_id, "first")  # now it knows the process of the catalog
    shop.a.wire.lose_replies = 99
    buying = asyncio.create_task(buy(shop.a.order, book_id, "a"))

    async def sold() -> bool:
        return 4 == await shop.stock(book_id)

    await until(sold)
    _first, order_id = await order_ids(shop)
    cancelled = await shop.b.order.post(f"/orders/{order_id}/cancel")
    assert (200, "cancelled") == (cancelled.status, cancelled.json["status"])
    shop.a.wire.lose_replies = 0
    told = await buying
    again = await buy(shop.b.order, book_id, "a")
    assert (201, "bought book RPCs for Noobs") == (again.status, again.json["message"])
    assert (again.status, again.content) == (told.status, told.content)
    assert 5 == await shop.stock(book_id)


async def order_ids(shop: Replicas) -> list[str]:
    """Return the ids of all orders."""
    rows = await shop.database.read(lambda t: t.all("SELECT order_id FROM orders ORDER BY 1"))
    return [str(row[0]) for row in rows]


@pytest.mark.usefixtures("at_once")
async def test_what_one_leaves_behind_the_other_ends(shop: Replicas) -> None:
    """It is stopped with an order under way; its buyer hears of it from the other one."""
    book_id = await shop.add_book(quantity=5)
    order_id = await accepted(shop, book_id)
    await shop.a.stop()
    assert "pending" == await shop.status(order_id)
    shop.b.wire.away = False

    async def ended() -> bool:
        return "confirmed" == await shop.status(order_id)

    await until(ended)
    again = await buy(shop.b.order, book_id, "accepted")
    assert (201, order_id) == (again.status, again.json["order_id"])
    assert 4 == await shop.stock(book_id)


async def test_a_refusal_leaves_alone_what_was_cancelled_just_before(shop: Replicas) -> None:
    """The one stores that nothing is left, while the other has cancelled and not yet said so."""
    book_id = await shop.add_book(quantity=0)
    order_id = await accepted(shop, book_id)
    cancelling = Halfway(shop.database, lambda t: change(t, order_id, "cancelled"))
    await cancelling.there()
    shop.a.wire.away = False
    looking = asyncio.create_task(shop.a.order.get(f"/orders/{order_id}"))
    await waits_for(shop.database, "Lock")
    await cancelling.end()
    assert "cancelled" == (await looking).json["status"]
    assert "cancelled" == await shop.status(order_id)


async def test_a_cancel_does_not_undo_what_was_handed_over_just_before(shop: Replicas) -> None:
    """The one cancels while the other has fulfilled the order and not yet said so."""
    book_id = await shop.add_book(quantity=5)
    order_id = (await buy(shop.a.order, book_id, "a")).json["order_id"]
    fulfilling = Halfway(shop.database, lambda t: change(t, order_id, "fulfilled"))
    await fulfilling.there()
    cancelling = asyncio.create_task(shop.b.order.post(f"/orders/{order_id}/cancel"))
    await waits_for(shop.database, "Lock")
    await fulfilling.end()
    refused = await cancelling
    assert (409, "order-not-cancellable") == (refused.status, refused.code)
    assert "fulfilled" == await shop.status(order_id)
    assert 4 == await shop.stock(book_id)


async def test_a_crowd_at_both_does_not_pass_the_limit_of_an_address(shop: Replicas) -> None:
    """Sent to both at once in several calls, as many orders are open as may be, and no more."""
    book_id = await shop.add_book(quantity=50)
    crowd = [placement(f"k{number}", book_id, open_orders_max=3) for number in range(16)]
    batches = await asyncio.gather(
        *[
            (shop.a, shop.b)[number % 2].order.post("/placements", crowd[number : number + 2])
            for number in range(0, len(crowd), 2)
        ],
        *[
            (shop.b, shop.a)[number % 2].order.post("/placements", [one])
            for number, one in enumerate(crowd)
        ],
    )
    answers = [one for batch in batches for one in batch.json]
    assert 3 == len({one["order_id"] for one in answers if one["status"] == 201})
    assert {201, 409} == {one["status"] for one in answers}
    assert 47 == await shop.stock(book_id)


async def test_a_repetition_is_told_no_sooner_than_it_is_safe(shop: Replicas, engine: str) -> None:
    """What only the first copy of the database has may be lost with it: nobody is told of it."""
    book_id = await shop.add_book(quantity=5)
    bought = await buy(shop.a.order, book_id, "a")
    postgres = server(RELEASES[engine])
    postgres.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    try:
        postgres.execute("SELECT pg_reload_conf()")
        commit = await waiting_commit(shop)
        replays = [asyncio.create_task(buy(one.order, book_id, "a")) for one in (shop.a, shop.b)]
        while 3 > len(await waiting(shop)):
            assert not any(one.done() for one in (*replays, commit))
    finally:
        postgres.execute("ALTER SYSTEM RESET synchronous_standby_names")
        postgres.execute("SELECT pg_reload_conf()")
    await commit
    for replay in await asyncio.gather(*replays):
        assert (bought.status, bought.content) == (replay.status, replay.content)


async def waiting_commit(shop: Replicas) -> asyncio.Task[None]:
    """Return a commit that waits for a second copy, once the server has that rule."""

    async def nothing(_transaction: Transaction) -> None:
        pass

    while True:
        commit = asyncio.create_task(shop.database.write(nothing))
        while not commit.done():
            if await waiting(shop):
                return commit


async def waiting(shop: Replicas) -> list[object]:
    """Return who waits for a second copy of what they have written."""
    return list(
        await shop.database.read(
            lambda t: t.all("SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
        )
    )


async def test_orders_end_though_connections_break(shop: Replicas) -> None:
    """All connections of both are cut again and again; what was told stays so, each once."""
    book_id = await shop.add_book(quantity=100)

    async def cut() -> None:
        await shop.database.read(
            lambda t: t.all(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )

    async def persist(number: int) -> Reply:
        for attempt in range(40):
            order = (shop.a, shop.b)[(number + attempt) % 2].order
            reply = await buy(order, book_id, f"k{number}")
            if reply.status == 201:
                if number % 4 == 0:
                    await cut()
                return reply
            assert reply.status in {202, 503}, reply.content
        raise AssertionError(number)

    replies = await asyncio.gather(*[persist(number) for number in range(24)])
    assert 24 == len({one.json["order_id"] for one in replies})
    for number, reply in enumerate(replies):
        again = await buy(shop.b.order, book_id, f"k{number}")
        assert reply.content == again.content
    assert 76 == await shop.stock(book_id)
    assert 24 == len(await order_ids(shop))
