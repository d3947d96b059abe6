"""The order service as the front sees it: what is asked, and what the cache hears of it."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from bazar.front.upstream import orders as upstream
from bazar.front.upstream.cache import Cache
from bazar.front.upstream.orders import Orders, Placed, parse_changed
from bazar.front.upstream.passing import Passed
from bazar.kit.deadline import Deadline
from bazar.kit.errors import Overloaded, Unavailable
from bazar.kit.identity import new_id
from bazar.kit.peers.client import Upstream
from bazar.wire.books import BookChanged
from bazar.wire.orders import Line
from bazar.wire.placing import Placement, PlacementAnswer
from bazar.wire.problems import OrderNotFound
from support.answering import Answering
from support.feeds import opened_cache


@pytest.fixture
def service() -> Answering:
    """Return the order service's side."""
    return Answering()


@pytest.fixture
async def cache() -> Cache:
    """Return a cache that keeps book 2 in its third version."""

    async def fetch() -> Passed:
        return Passed(200, b"", (), "", 3)

    cache = opened_cache()
    await cache.book(2, fetch)
    return cache


@pytest.fixture
async def orders(service: Answering, cache: Cache) -> AsyncIterator[Orders]:
    """Return the front's side."""
    async with service.client() as client:
        orders = Orders(Upstream("order", "http://order.test", client, "secret"), cache)
        yield orders
        await orders.stop()


async def place(orders: Orders, key: str) -> Placed:
    """Buy book 2 under a key; the request's id is the key's."""
    deadline = Deadline(1000)
    return await orders.place("purchase", [Line(2)], key, deadline=deadline, request_id=f"r-{key}")


def says(service: Answering, *answers: PlacementAnswer) -> None:
    """Have the order service answer a batch."""
    service.body = msgspec.json.encode(answers)
    service.headers = {"server-timing": "order;dur=1.00"}


async def test_a_purchase_travels_with_its_request_id(service: Answering, orders: Orders) -> None:
    """Alone in its batch it is the call's; the answer comes back as it is, with its tier's time."""
    answer = PlacementAnswer(201, msgspec.Raw(b'{"a":1}'), "some order", timing="catalog;dur=2")
    says(service, answer)
    placed = await place(orders, "a")
    assert (answer, "order;dur=1.00") == (placed.answer, placed.timing)
    assert ["POST /placements"] == service.calls
    assert ["r-a"] == service.request_ids
    (sent,) = msgspec.json.decode(service.bodies[0], type=list[Placement])
    assert ("purchase", [Line(2)], "a", "r-a") == (
        sent.kind,
        sent.lines,
        sent.key,
        sent.request_id,
    )
    assert 500 < sent.deadline_ms <= 1000


async def test_purchases_of_one_moment_share_a_call(service: Answering, orders: Orders) -> None:
    """Each has its own answer, and the call has no request's id."""
    says(service, *(PlacementAnswer(201, msgspec.Raw(b"%d" % n)) for n in range(3)))
    placed = await asyncio.gather(*(place(orders, f"{n}") for n in range(3)))
    assert [b"0", b"1", b"2"] == [bytes(one.answer.body) for one in placed]
    assert [None] == service.request_ids


async def test_the_cache_hears_of_a_purchase_before_its_buyer(
    service: Answering, cache: Cache, orders: Orders
) -> None:
    """What was kept of the book is gone when the answer is here."""
    says(service, PlacementAnswer(201, msgspec.Raw(b"{}"), changed="2=4,3=1"))
    assert cache.held_book(2) is not None
    await place(orders, "a")
    assert cache.held_book(2) is None
    assert cache.live


async def test_the_cache_hears_of_a_cancel_before_its_buyer(
    service: Answering, cache: Cache, orders: Orders
) -> None:
    """The copies that came back are seen by the next reader."""
    order_id = new_id()
    await orders.find(order_id, deadline=Deadline(1000), request_id="r1")
    assert cache.held_book(2) is not None
    service.body, service.headers = b"cancelled", {"bazar-changed": "2=4"}
    cancelled = await orders.cancel(order_id, deadline=Deadline(1000), request_id="r2")
    assert (200, b"cancelled") == (cancelled.status, cancelled.body)
    assert cache.held_book(2) is None
    assert cache.live
    assert [f"GET /orders/{order_id}", f"POST /orders/{order_id}/cancel"] == service.calls
    assert ["r1", "r2"] == service.request_ids


@pytest.mark.parametrize("order_id", ["", "nope", "../reservations", "0" * 25 + "\n", "0" * 27])
async def test_nobody_is_asked_about_what_is_no_order_id(
    service: Answering, orders: Orders, order_id: str
) -> None:
    """We call with our secret; a stranger does not choose the path."""
    for act in (orders.find, orders.cancel):
        with pytest.raises(OrderNotFound):
            await act(order_id, deadline=Deadline(1000), request_id="r1")
    assert [] == service.calls


async def test_a_batch_without_answers_is_indefinite(service: Answering, orders: Orders) -> None:
    """Whatever the order service says instead, nobody knows whether it was done."""
    service.status = 500
    with pytest.raises(Unavailable, match="the order service answered with status 500"):
        await place(orders, "a")
    service.status, service.body = 200, b"<html>"
    with pytest.raises(Unavailable, match="the answer of the order service makes no sense"):
        await place(orders, "b")


async def test_no_more_wait_than_are_kept(
    service: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more is refused at once, and `full` says so before."""
    monkeypatch.setattr(upstream, "PLACEMENTS_WAITING_MAX", 2)
    async with service.client() as client:
        orders = Orders(Upstream("order", "http://order.test", client, "secret"), Cache())
        assert (0, False) == (orders.waiting(), orders.full())
        says(service, *[PlacementAnswer(201, msgspec.Raw(b"{}"))] * 2)
        buyers = [asyncio.create_task(place(orders, key)) for key in ("a", "b", "c")]
        await asyncio.sleep(0)
        assert (2, True) == (orders.waiting(), orders.full())
        results = await asyncio.gather(*buyers, return_exceptions=True)
        assert [Placed, Placed, Overloaded] == [type(result) for result in results]
        assert (0, False) == (orders.waiting(), orders.full())


def test_a_purchase_names_the_books_that_it_changed() -> None:
    """The header of a purchase's answer is read as announcements."""
    assert [BookChanged(2, 17), BookChanged(3, 5)] == parse_changed("2=17,3=5")
    assert [] == parse_changed("")
