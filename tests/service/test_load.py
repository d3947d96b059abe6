"""The customers of a load, and the check at its end, through the transport seam."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from time import monotonic

import msgspec
import pytest
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import RequestTimeoutError
from pyreqwest.middleware import Next
from pyreqwest.request import Request
from pyreqwest.response import Response, ResponseBuilder

from bazar.load.check import Inquiry, answer_differences
from bazar.load.clients import REFUSED_PAUSE_S, Load, Pace, Snapshot
from bazar.load.measure import Measurements
from bazar.load.plan import Item, Plan, Tastes, arrivals
from bazar.load.purchases import Purchases
from support.shops import CATALOG_URL, FRONT_URL, Shop
from support.wires import Wire, nobody

Seam = Callable[[Request, Next], Awaitable[Response]]
BROWSING, BUYING = Tastes({"browse": 1.0}), Tastes({"buy": 1.0})
BOOKS = [Item(1, "topic")]
SERVING_S = 0.05


def client_through(seam: Seam) -> Client:
    """Return a client whose network is a function."""
    return ClientBuilder().timeout(timedelta(seconds=10)).with_middleware(seam).build()


async def answer(status: int, body: object) -> Response:
    """Return an answer with JSON."""
    return await ResponseBuilder().status(status).body_bytes(msgspec.json.encode(body)).build()


async def pressed(seam: Seam, pace: Pace, tastes: Tastes = BROWSING) -> Load:
    """Run a load against a front that is a function."""
    async with client_through(seam) as client:
        load = Load(FRONT_URL, client, Plan(tastes, BOOKS, BOOKS), pace)
        await load.run()
    return load


def asked(measured: Measurements) -> int:
    """Return how many questions were answered in any way."""
    return sum(measured.outcomes().values())


class OneAtATime:
    """A front that serves one customer after the other."""

    def __init__(self) -> None:
        """Start with nobody there."""
        self._counter = asyncio.Lock()
        self.here = 0
        self.here_max = 0

    async def __call__(self, _request: Request, _following: Next) -> Response:
        """Serve, when it is their turn."""
        self.here += 1
        self.here_max = max(self.here_max, self.here)
        async with self._counter:
            await asyncio.sleep(SERVING_S)
        self.here -= 1
        return await answer(200, [])


async def test_with_a_rate_the_wait_in_line_is_part_of_the_latency() -> None:
    """A front that is too slow for its customers shows it; a closed loop would wait with it."""
    closed = await pressed(OneAtATime(), Pace(1, clients=1))
    opened = await pressed(OneAtATime(), Pace(1, clients=1, rate=100))
    served_ms = closed.measured.latencies().percentile_ms(0.5)
    assert opened.measured.latencies().percentile_ms(0.5) > 3 * served_ms
    assert opened.measured.latencies().max_us / 1000 > 6 * served_ms


async def test_with_a_rate_every_customer_who_arrives_is_served_or_counted() -> None:
    """Also those whom nobody had time for before the end."""
    load = await pressed(OneAtATime(), Pace(1, clients=4, rate=100, seed=3))
    arrived = len(list(arrivals(100, 1, 3)))
    assert arrived == asked(load.measured) + load.measured.unsent
    assert load.measured.unsent > 0


async def test_no_more_clients_than_wished_for_ask_at_once() -> None:
    """Whether they come at a rate or ask again as soon as they are answered."""
    for pace in (Pace(0.5, clients=3), Pace(0.5, clients=3, rate=100)):
        front = OneAtATime()
        load = await pressed(front, pace)
        assert (3, 0) == (front.here_max, front.here)
        assert 0.49 < load.measured.elapsed_s < 20


async def test_clients_think_between_two_questions() -> None:
    """On average as long as wished for, so that they ask less."""

    async def at_once(_request: Request, _following: Next) -> Response:
        return await answer(200, [])

    load = await pressed(at_once, Pace(1, clients=2, think_s=0.2))
    assert 2 <= asked(load.measured) <= 40


@pytest.mark.parametrize(("no_cache", "sent"), [(True, {"no-cache"}), (False, {None})])
async def test_who_asks_past_the_cache_says_so_in_every_question(
    no_cache: bool,  # noqa: FBT001  a parameter of the test
    sent: set[str | None],
) -> None:
    """And nobody else does."""
    seen: set[str | None] = set()

    async def at_once(request: Request, _following: Next) -> Response:
        seen.add(request.headers.get("cache-control"))
        return await answer(200, [])

    tastes = Tastes({"browse": 0.5, "search": 0.5})
    await pressed(at_once, Pace(0.1, clients=2, no_cache=no_cache), tastes)
    assert sent == seen


async def test_a_load_tells_how_far_it_is_and_can_be_stopped() -> None:
    """After `stop` only what is in flight is waited for."""
    seen: list[Snapshot] = []
    async with client_through(OneAtATime()) as client:
        load = Load(FRONT_URL, client, Plan(BROWSING, BOOKS, BOOKS), Pace(60, clients=2))

        def watch(snapshot: Snapshot) -> None:
            seen.append(snapshot)
            if snapshot.rate_s > 0:
                load.stop()

        await load.run(watch)
    last = seen[-1]
    assert (60, 0, 0) == (last.duration_s, last.bought, last.failures)
    assert last.p99_ms >= last.p50_ms >= SERVING_S * 900
    assert 0 < last.elapsed_s <= load.measured.elapsed_s < 60


async def test_a_front_that_is_away_is_asked_at_leisure() -> None:
    """Nobody answers: each client pauses, and every purchase stays unknown."""

    async def away(_request: Request, _following: Next) -> Response:
        raise nobody()

    load = await pressed(away, Pace(0.5, clients=2), BUYING)
    count = asked(load.measured)
    assert 2 <= count <= 2 * (load.measured.elapsed_s / REFUSED_PAUSE_S + 1)
    assert {"no-answer": count} == load.measured.outcomes()
    assert count == len(load.purchases.unknown) == load.purchases.asked
    assert 0 == load.measured.latencies().count


async def test_each_outcome_is_counted_by_its_code() -> None:
    """Time-outs, refusals, and answers that are none of ours."""
    answers = iter([0, 503, 502, 200])

    async def moody(_request: Request, _following: Next) -> Response:
        status = next(answers)
        if not status:
            message = "too late"
            raise RequestTimeoutError(message, {"causes": None})
        if status == 200:
            load.stop()
        return await answer(status, [])

    async with client_through(moody) as client:
        load = Load(FRONT_URL, client, Plan(BROWSING, BOOKS, BOOKS), Pace(60, clients=1))
        await load.run()
    assert {"timeout": 1, "status-503": 1, "status-502": 1, "ok": 1} == load.measured.outcomes()


async def check(shop: Shop, purchases: Purchases, seam: Seam | None = None) -> list[str]:
    """Return what differs, once everything was asked for."""
    async with client_through(seam or shop.network) as client:
        return await answer_differences(
            Inquiry(FRONT_URL, client, purchases, 1.0), lambda _done, _all: None
        )


async def test_what_a_load_bought_adds_up(shop: Shop) -> None:
    """On a real shop: as many copies sold as acknowledged, the last one too."""
    book_id = await shop.add_book(quantity=30)
    async with client_through(shop.network) as client:
        books = [Item(book_id, "distributed systems")]
        load = Load(FRONT_URL, client, Plan(BUYING, books, books), Pace(30, clients=8))

        def watch(_snapshot: Snapshot) -> None:
            if load.measured.outcomes()["out-of-stock"]:
                load.stop()

        await load.run(watch)
    assert [] == await check(shop, load.purchases)
    assert ({book_id: 30}, 0) == (load.purchases.sold(), await shop.stock(book_id))


async def test_a_purchase_whose_answer_was_lost_is_asked_again_with_its_key(shop: Shop) -> None:
    """It was sold all the same, once; afterwards it is known."""
    book_id = await shop.add_book(quantity=100_000)
    wire = Wire(shop.network, FRONT_URL)
    wire.lose_replies = 7
    async with client_through(shop.network) as client:
        books = [Item(book_id, "t")]
        load = Load(FRONT_URL, client, Plan(BUYING, books, books), Pace(0.5, clients=7))
        await load.run()
    assert 7 == len(load.purchases.unknown)
    wire.lose_replies = 3
    assert [] == await check(shop, load.purchases)
    assert {} == load.purchases.unknown
    sold = load.purchases.sold()[book_id]
    assert (load.purchases.asked, 100_000 - sold) == (sold, await shop.stock(book_id))


@pytest.mark.parametrize(("copies", "sold"), [(5, 1), (0, 0)])
async def test_an_accepted_purchase_is_followed_to_its_end(
    shop: Shop, copies: int, sold: int
) -> None:
    """The catalog was away; once it is back the order is confirmed, or rejected."""
    book_id = await shop.add_book(quantity=copies)
    catalog = shop.network.apps.pop(CATALOG_URL)
    reply = await shop.front.post(f"/purchase/{book_id}", headers={"bazar-deadline-ms": "1000"})
    purchases = Purchases()
    assert "accepted" == purchases.heard("key", book_id, reply.status, reply.content)
    shop.network.apps[CATALOG_URL] = catalog
    assert [] == await check(shop, purchases)
    assert sold == purchases.sold()[book_id]


async def test_an_order_that_was_made_up_is_found_out(shop: Shop) -> None:
    """A front that says 'bought' or 'accepted' and keeps nothing is caught lying."""
    purchases = Purchases(acknowledged={"a": 1}, accepted={"b": 1})
    assert [
        "order b was accepted, but it is missing",
        "order a was confirmed, but it is missing",
    ] == await check(shop, purchases)


async def test_an_order_that_is_not_what_its_buyer_was_told_is_found_out(shop: Shop) -> None:
    """Cancelled behind the buyer's back, or of another book."""
    book_id, other_id = await shop.add_book(quantity=5), await shop.add_book(quantity=5)
    kept, cancelled = [
        (await shop.front.post(f"/purchase/{book_id}")).json["order_id"] for _ in range(2)
    ]
    assert 200 == (await shop.front.post(f"/orders/{cancelled}/cancel")).status
    purchases = Purchases(acknowledged={kept: other_id, cancelled: book_id})
    assert {
        f"order {cancelled} was confirmed, but it is cancelled",
        f"order {kept} was confirmed for book {other_id}, but it is for [({book_id}, 1)]",
    } == set(await check(shop, purchases))
    purchases = Purchases(accepted={cancelled: book_id})
    (difference,) = await check(shop, purchases)
    assert f"order {cancelled} was accepted, but it is cancelled" == difference


async def test_what_was_wrong_during_the_load_is_told_at_the_end(shop: Shop) -> None:
    """Two purchases that got one order, for example."""
    assert ["a lie"] == await check(shop, Purchases(differences=["a lie"]))


async def test_a_shop_that_says_nothing_is_given_up(shop: Shop) -> None:
    """What cannot be asked is a difference; the check comes to an end, however much is left."""

    async def silent(_request: Request, _following: Next) -> Response:
        return await answer(503, {})

    purchases = Purchases(
        unknown={f"key-{number}": 7 for number in range(1000)},
        accepted={"a": 7},
        acknowledged={"b": 7},
    )
    started_s = monotonic()
    differences = await check(shop, purchases, silent)
    assert monotonic() - started_s < 60
    assert 1002 == len(differences)
    assert {
        "purchase key-0 of book 7: no definite answer",
        "order a was accepted, and is not decided",
        "order b was confirmed, and the shop does not answer for it",
    } <= set(differences)
