"""Somebody else at the address of a service: hears no secret, and makes nobody believe anything."""

import msgspec
import pytest

from bazar.kit.deadline import Deadline
from bazar.kit.peers.client import Upstream
from bazar.wire import budgets
from support.impostors import Impostor
from support.shops import CATALOG_URL, ORDER_URL, SECRET, Shop
from support.wires import Wire


@pytest.fixture(autouse=True)
def impatient_buyers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let buyers and readers wait for no longer than a moment."""
    monkeypatch.setattr(budgets, "PLACE_MS", 300)
    monkeypatch.setattr("bazar.front.upstream.orders.PLACE_MS", 300)


async def test_no_order_is_confirmed_by_an_impostor(shop: Shop) -> None:
    """The buyer is told that nobody knows; the secret is in nothing that it heard."""
    book_id = await shop.add_book(quantity=5)
    impostor = Impostor("order")
    placed = [{"status": 201, "body": {"order_id": "x", "message": "bought book"}, "headers": {}}]
    impostor.body = lambda _body: msgspec.json.encode(placed)
    shop.network.apps[ORDER_URL] = impostor
    bought = await shop.front.post(f"/purchase/{book_id}", {}, {"bazar-deadline-ms": "500"})
    assert (503, False) == (bought.status, bought.json["definite"])
    assert impostor.heard
    assert not any(SECRET in one for one in impostor.heard)
    assert 5 == await shop.stock(book_id)


async def test_an_answer_that_is_altered_on_the_way_is_none(shop: Shop) -> None:
    """A price of the catalog, such as 1.99 for 19.99: no reader sees it."""
    impostor = Impostor("catalog", shop.network.apps[CATALOG_URL])
    upstream = Upstream("catalog", CATALOG_URL, shop.client, SECRET)
    book_id = await shop.add_book(quantity=5)
    shop.network.apps[CATALOG_URL] = impostor
    path = f"/info/{book_id}"
    assert b"19.99" in (await upstream.call("GET", path, deadline=Deadline(5000))).body
    impostor.body = lambda body: body.replace(b"19.99", b"1.99")
    with pytest.raises(Exception, match="cannot be reached"):
        await upstream.call("GET", path, deadline=Deadline(200))
    assert not any(SECRET in one for one in impostor.heard)


async def test_only_the_first_change_to_a_process_costs_a_second_way(shop: Shop) -> None:
    """And an answer after that refusal is as certain as any."""
    book_id = await shop.add_book(quantity=5)
    wire = Wire(shop.network, CATALOG_URL)
    upstream = Upstream("catalog", CATALOG_URL, shop.client, SECRET)
    body = msgspec.json.encode({"book_ids": [book_id]})
    for calls in (2, 3):
        answer = await upstream.call("POST", "/in-stock", deadline=Deadline(5000), body=body)
        assert (200, False, calls) == (answer.status, answer.again, len(wire.calls))
    upstream.targets.only.peer.process = "0123456789abcdef"  # type: ignore[union-attr]
    answer = await upstream.call("POST", "/in-stock", deadline=Deadline(5000), body=body)
    assert (200, True) == (answer.status, answer.again), "that process may have done it"


async def test_a_clock_that_is_hours_off_stops_nobody(shop: Shop) -> None:
    """The refusal tells the time, and the same call is answered."""
    upstream = Upstream("catalog", CATALOG_URL, shop.client, SECRET)
    target = upstream.targets.only
    assert target is not None
    for hours in (-5, 7):
        target.peer.ahead_s += hours * 3600
        answer = await upstream.call("GET", "/topics", deadline=Deadline(5000))
        assert (200, False) == (answer.status, answer.again)
