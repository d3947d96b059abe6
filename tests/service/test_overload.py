"""Too much to do: what waits is bounded, the rest hears so at once, and late work never starts."""

import asyncio
from dataclasses import replace
from time import monotonic

import msgspec
import pytest

from bazar.front.upstream import orders
from bazar.kit.http import refusals
from bazar.kit.peers import batching
from bazar.wire.orders import Line
from bazar.wire.placing import Placement, PlacementAnswer
from support.order_calls import key
from support.shops import CATALOG_URL, ORDER_URL, SECRET, Reply, Shop
from support.wires import Wire, until

WAITING_MAX = 8
BATCH_MAX = 4
PLACES = BATCH_MAX + WAITING_MAX


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the front keep few purchases, and send no batch while another is under way."""
    monkeypatch.setattr(batching, "PATIENCE_S", 60.0)
    monkeypatch.setattr(orders, "PLACEMENT_BATCH_MAX", BATCH_MAX)
    monkeypatch.setattr(orders, "PLACEMENTS_WAITING_MAX", WAITING_MAX)


@pytest.fixture
def to_order(small: None, shop: Shop) -> Wire:
    """Stand before the order service, behind a front that keeps few purchases."""
    assert small is None
    return Wire(shop.network, ORDER_URL)


async def _crowd(shop: Shop, wire: Wire, book_id: int) -> list[asyncio.Task[Reply]]:
    """Let more buy than the front keeps while the order service hangs; return who still waits."""
    wire.open.clear()
    buyers = []
    for number in range(PLACES + 1):
        buy = shop.front.post(f"/purchase/{book_id}", None, key(f"crowd-{number}"))
        buyers.append(asyncio.create_task(buy))
        await asyncio.sleep(0)

    async def some_are_refused() -> bool:
        return any(buyer.done() for buyer in buyers)

    await until(some_are_refused)
    await asyncio.sleep(0.05)
    waiting = [buyer for buyer in buyers if not buyer.done()]
    assert WAITING_MAX < len(waiting) <= PLACES
    return waiting


async def test_a_purchase_too_many_is_refused_at_once_and_the_others_are_served(
    to_order: Wire, shop: Shop
) -> None:
    """503 `overloaded`, definite, with Retry-After; nothing was placed; browsing goes on."""
    book_id = await shop.add_book(quantity=1000)
    assert 200 == (await shop.front.get(f"/info/{book_id}")).status
    buyers = await _crowd(shop, to_order, book_id)
    started_s = monotonic()
    refused = await shop.front.post(f"/purchase/{book_id}", None, key("late"))
    assert monotonic() - started_s < 1
    assert (503, "overloaded") == (refused.status, refused.code)
    assert refused.json["definite"]
    assert 1 <= int(refused.headers["retry-after"])
    assert 200 == (await shop.front.get(f"/info/{book_id}")).status
    assert 200 == (await shop.front.get("/healthz")).status
    assert not any(buyer.done() for buyer in buyers)
    to_order.open.set()
    assert {201} == {reply.status for reply in await asyncio.gather(*buyers)}
    again = await shop.front.post(f"/purchase/{book_id}", None, key("late"))
    assert 201 == again.status
    assert 1000 - len(buyers) - 1 == await shop.stock(book_id)


async def test_the_metrics_count_what_was_refused(to_order: Wire, shop: Shop) -> None:
    """By route, as any other answer."""
    book_id = await shop.add_book(quantity=1000)
    buyers = await _crowd(shop, to_order, book_id)
    text = (await replace(shop.front, secret=SECRET).get("/metrics")).content.decode()
    row = 'method="POST",route="/purchase/{book_id}",service="front",status="503"'
    assert f"bazar_requests_total{{{row}}} {PLACES + 1 - len(buyers):.1f}" in text
    assert f'bazar_placements_waiting{{service="front"}} {WAITING_MAX:.1f}' in text
    to_order.open.set()
    await asyncio.gather(*buyers)


async def test_a_purchase_whose_deadline_passes_while_it_waits_is_never_placed(
    to_order: Wire, shop: Shop
) -> None:
    """It hears so in time, as indefinite; when the order service is back it is not asked."""
    book_id = await shop.add_book(quantity=1000)
    to_order.open.clear()
    ahead = [
        asyncio.create_task(shop.front.post(f"/purchase/{book_id}", None, key(f"ahead-{number}")))
        for number in range(BATCH_MAX)
    ]
    await asyncio.sleep(0.05)
    late = await shop.front.post(
        f"/purchase/{book_id}", None, key("late") | {"bazar-deadline-ms": "100"}
    )
    assert (503, "unavailable") == (late.status, late.code)
    assert not late.json["definite"]
    to_order.open.set()
    assert {201} == {reply.status for reply in await asyncio.gather(*ahead)}

    async def left() -> bool:
        return 1000 - len(ahead) == await shop.stock(book_id)

    await until(left)
    orders = (await shop.order.get("/orders?limit=100")).json
    assert len(ahead) == len(orders)


async def test_the_order_service_drops_what_is_late_before_it_starts(shop: Shop) -> None:
    """Of a batch, only those whose client still waits are placed; the others hear so, definite."""
    book_id = await shop.add_book(quantity=10)
    batch = [
        Placement("purchase", [Line(book_id)], f"key-{deadline_ms}", "", deadline_ms)
        for deadline_ms in (5000, 0, 4000)
    ]
    reply = await shop.order.post("/placements", batch)
    answers = msgspec.json.decode(reply.content, type=list[PlacementAnswer])
    assert [201, 503, 201] == [answer.status for answer in answers]
    problem = msgspec.json.decode(answers[1].body)
    assert ("overloaded", True) == (problem["code"], problem["definite"])
    assert 8 == await shop.stock(book_id)
    again = await shop.order.post(
        "/placements", [msgspec.structs.replace(batch[1], deadline_ms=5000)]
    )
    assert 201 == again.json[0]["status"]


async def test_a_late_repetition_still_hears_what_was_placed(shop: Shop) -> None:
    """Its order exists already, so there is nothing to drop."""
    book_id = await shop.add_book(quantity=10)
    placement = Placement("purchase", [Line(book_id)], "a-key")
    first = await shop.order.post("/placements", [placement])
    again = await shop.order.post(
        "/placements", [msgspec.structs.replace(placement, deadline_ms=0)]
    )
    assert first.json[0]["body"] == again.json[0]["body"]
    assert 9 == await shop.stock(book_id)


async def test_a_batch_may_hold_the_same_key_twice(shop: Shop) -> None:
    """One order, and both hear of it; a third with another body is refused alone."""
    book_id = await shop.add_book(quantity=10)
    lines = [Line(book_id)]
    batch = [
        Placement("purchase", lines, "twin"),
        Placement("purchase", lines, "twin"),
        Placement("purchase", [Line(book_id, 2)], "twin"),
        Placement("order", [*lines, *lines], "doubled"),
        Placement("purchase", [Line(book_id, 11)], "too-many"),
    ]
    answers = (await shop.order.post("/placements", batch)).json
    assert [201, 201, 422, 400, 409] == [answer["status"] for answer in answers]
    assert answers[0]["body"] == answers[1]["body"]
    assert 9 == await shop.stock(book_id)


READERS_MAX = 8
CANCELS_MAX = 8


@pytest.fixture
def few_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give those who read and those who search few places, and the others what they have."""
    monkeypatch.setitem(refusals.PLACES, "reading", READERS_MAX)
    monkeypatch.setitem(refusals.PLACES, "searching", READERS_MAX)


@pytest.fixture
def to_catalog(few_readers: None, shop: Shop) -> Wire:
    """Stand before the catalog, behind a front with few places for readers."""
    assert few_readers is None
    return Wire(shop.network, CATALOG_URL)


async def test_readers_who_wait_for_the_catalog_keep_no_buyer_out(
    to_catalog: Wire, shop: Shop
) -> None:
    """While it hangs, buyers have their orders kept, and can look at what was decided before."""
    book_id = await shop.add_book(quantity=10)
    before = await shop.front.post(f"/purchase/{book_id}", None, key("before"))
    assert 201 == before.status
    to_catalog.open.clear()
    readers = [
        asyncio.create_task(shop.front.get(path.format(number)))
        for number in range(100, 100 + 4 * READERS_MAX)
        for path in ("/info/{}", "/books?q=rpcs&after={}")
    ]

    async def all_others_are_refused() -> bool:
        return sum(reader.done() for reader in readers) >= 6 * READERS_MAX

    await until(all_others_are_refused)
    refused = [reader.result() for reader in readers if reader.done()]
    assert ["overloaded"] * (6 * READERS_MAX) == [reply.code for reply in refused]
    buying = [shop.front.post(f"/purchase/{book_id}", None, key(f"k{n}")) for n in range(4)]
    looking = shop.front.get(before.headers["location"])
    keeper = {"authorization": f"Bearer {SECRET}"}
    watching = [shop.front.get(path, keeper) for path in ("/healthz", "/readyz", "/metrics")]
    others = await asyncio.gather(*buying, looking, *watching)
    assert [202] * 4 + [200] * 4 == [reply.status for reply in others]
    to_catalog.open.set()
    await asyncio.gather(*readers)


@pytest.fixture
def few_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give buyers few places, and as few to those who cancel."""
    monkeypatch.setitem(refusals.PLACES, "buying", CANCELS_MAX)
    monkeypatch.setitem(refusals.PLACES, "cancelling", CANCELS_MAX)


@pytest.fixture
def to_release(few_places: None, shop: Shop) -> Wire:
    """Stand before the catalog, behind services with few places."""
    assert few_places is None
    return Wire(shop.network, CATALOG_URL)


async def test_a_crowd_that_cancels_keeps_no_buyer_out(to_release: Wire, shop: Shop) -> None:
    """Even where all cancel one order while the catalog hangs: buyers have places of their own."""
    book_id = await shop.add_book(quantity=10)
    bought = (await shop.front.post(f"/purchase/{book_id}", None, key("before"))).json
    to_release.open.clear()
    cancels = [
        asyncio.create_task(shop.front.post(f"/orders/{bought['order_id']}/cancel"))
        for _ in range(2 * CANCELS_MAX)
    ]

    async def some_are_refused() -> bool:
        return CANCELS_MAX == sum(cancel.done() for cancel in cancels)

    await until(some_are_refused)
    assert {"overloaded"} == {cancel.result().code for cancel in cancels if cancel.done()}
    buying = [shop.front.post(f"/purchase/{book_id}", None, key(f"k{n}")) for n in range(4)]
    assert [202] * 4 == [reply.status for reply in await asyncio.gather(*buying)]
    to_release.open.set()
    await asyncio.gather(*cancels)
