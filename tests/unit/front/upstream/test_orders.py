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
from bazar.kit.errors import BazarError, InvalidRequest, Overloaded, Unavailable
from bazar.kit.http.answers import encode
from bazar.kit.identity import new_id
from bazar.kit.peers.client import Upstream
from bazar.wire.books import BookChanged
from bazar.wire.orders import Line
from bazar.wire.placing import Placement, PlacementAnswer
from bazar.wire.problems import (
    KeyReused,
    OrderCancelled,
    OrderNotFound,
    OrderRejected,
    OutOfStock,
    TooManyOpenOrders,
)
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
    """Each has its own answer, and the call has an id of its own."""
    says(service, *(PlacementAnswer(201, msgspec.Raw(b"%d" % n)) for n in range(3)))
    placed = await asyncio.gather(*(place(orders, f"{n}") for n in range(3)))
    assert [b"0", b"1", b"2"] == [bytes(one.answer.body) for one in placed]
    assert 1 == len(service.request_ids)
    assert service.request_ids[0] not in {None, "", "r-0", "r-1", "r-2"}


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


def refusal(error: BazarError) -> PlacementAnswer:
    """Return how the order service tells a client of an error."""
    return PlacementAnswer(error.status, encode(error.problem()))


@pytest.mark.parametrize(
    "error", [Overloaded("late"), TooManyOpenOrders("3 are open"), InvalidRequest("no")]
)
async def test_a_purchase_that_was_sent_twice_is_not_refused_by_who_knows_nothing_of_the_first(
    service: Answering, orders: Orders, error: BazarError
) -> None:
    """The first may still be under way at another order service, and be sold."""
    says(service, refusal(error))
    assert error.status == (await place(orders, "a")).answer.status
    service.breaks = 1
    with pytest.raises(Unavailable, match="more than once"):
        await place(orders, "b")
    assert 3 == len(service.calls)


@pytest.mark.parametrize(
    "answer",
    [
        PlacementAnswer(201, msgspec.Raw(b"{}"), "some order"),
        PlacementAnswer(202, msgspec.Raw(b"{}"), "some order"),
        refusal(OutOfStock("none left", order_id="some order", book_id=2)),
        refusal(OrderRejected("no", reason="some-new-reason", order_id="some order")),
        refusal(OrderCancelled("it was cancelled", order_id="some order")),
        refusal(KeyReused("it asked for something else")),
        refusal(Unavailable("who knows")),
    ],
)
async def test_what_is_stored_is_told_however_often_it_was_sent(
    service: Answering, orders: Orders, answer: PlacementAnswer
) -> None:
    """An order and its rejection are the same whoever tells them; nor is the unknown made up."""
    says(service, answer)
    service.breaks = 1
    assert answer == (await place(orders, "a")).answer
    assert 2 == len(service.calls)


@pytest.mark.parametrize(("status", "told"), [(200, True), (404, True), (409, True), (503, False)])
async def test_a_cancel_that_was_sent_twice_is_refused_by_what_is_stored_alone(
    service: Answering, orders: Orders, status: int, *, told: bool
) -> None:
    """Who has too much to do does not know whether the first one was done."""
    service.status, service.body = status, b"said"
    first = await orders.cancel(new_id(), deadline=Deadline(1000), request_id="r1")
    assert status == first.status
    service.breaks = 1
    cancelling = orders.cancel(new_id(), deadline=Deadline(1000), request_id="r2")
    if told:
        assert (status, b"said") == ((second := await cancelling).status, second.body)
    else:
        with pytest.raises(Unavailable, match="503"):
            await cancelling
    service.breaks = 1
    found = await orders.find(new_id(), deadline=Deadline(1000), request_id="r3")
    assert status == found.status


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
