"""Orders with a buyer: kept from the first, told apart by it, and limited by their address."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from pyreqwest.middleware import Next
from pyreqwest.middleware.asgi import ASGITestMiddleware
from pyreqwest.request import Request
from pyreqwest.response import Response

from bazar.wire.orders import Line
from bazar.wire.placing import Placement
from support.buyers import LINA, OMAR, as_sent, placement
from support.order_calls import SHORT, key, status
from support.shops import CATALOG_URL, InProcess, Shop, order_open
from support.wires import Wire, nobody, until


class Ear(ASGITestMiddleware):
    """A way to the catalog that notes what is asked, and never gets there."""

    def __init__(self, network: InProcess) -> None:
        """Stand before the catalog from now on."""
        self.heard: list[bytes] = []
        network.apps[CATALOG_URL] = self

    async def __call__(self, request: Request, _following: Next) -> Response:
        """Note a call, and lose it."""
        assert request.body is not None
        content = request.body.copy_bytes()
        assert content is not None
        self.heard.append(bytes(content))
        raise nobody()


async def place(shop: Shop, *placements: Placement) -> list[dict[str, Any]]:
    """Place orders in one call, as a front does; return their answers."""
    reply = await shop.order.post("/placements", placements)
    assert 200 == reply.status, reply.content
    return list(reply.json)


async def test_an_order_shows_its_buyer(shop: Shop) -> None:
    """All that was said, what delivery costs and where it was placed; the total has it all."""
    book_id = await shop.add_book(quantity=5)
    (answer,) = await place(shop, placement("a", book_id, OMAR, delivery_minor=450))
    assert (201, 24.49, 4.5) == (
        answer["status"],
        answer["body"]["total"],
        answer["body"]["delivery_price"],
    )
    order = (await shop.order.get(f"/orders/{answer['order_id']}")).json
    assert as_sent(OMAR) == order["buyer"]
    assert ("web", 24.49, 4.5) == (order["channel"], order["total"], order["delivery_price"])


async def test_the_open_interface_takes_a_buyer(shop: Shop) -> None:
    """At the order service and in front; a wrong one is refused, and told where it is wrong."""
    offers = {
        "deliveries": ["collect", "post"],
        "countries": [OMAR.country],
        "post_price": 4.5,
        "payments": ["shop", "invoice"],
    }
    assert 200 == (await shop.catalog.call("PATCH", "/shop", offers)).status
    book_id = await shop.add_book(quantity=5)
    for caller in (shop.order, shop.front):
        body = {"lines": [{"id": book_id}], "buyer": as_sent(LINA)}
        bought = await caller.post("/orders", body)
        assert 201 == bought.status, bought.content
        order = (await shop.front.get(bought.headers["location"])).json
        assert "channel" not in order
        assert as_sent(LINA) == order["buyer"]
        body["buyer"] = as_sent(OMAR) | {"city": ""}
        refused = await caller.post("/orders", body)
        assert (400, "buyer.city") == (refused.status, refused.json["member"])
    assert 3 == await shop.stock(book_id)


@pytest.mark.parametrize(
    "change",
    [
        {"buyer": replace(OMAR, street="2 Olive Street")},
        {"buyer": replace(OMAR, name="Amar")},
        {"delivery_minor": 500},
        {"lines": [Line(1)]},
        {"channel": "counter"},
    ],
    ids=str,
)
async def test_an_old_key_with_another_buyer_or_price_is_refused(
    shop: Shop, change: dict[str, Any]
) -> None:
    """Nothing is bought twice, and nobody believes that their new address was heard."""
    book_id = await shop.add_book(quantity=5)
    seen = Line(book_id, price=(await shop.catalog.get(f"/info/{book_id}")).json["price"])
    first = placement("a", book_id, OMAR, lines=[seen], delivery_minor=450)
    (bought,) = await place(shop, first)
    assert 201 == bought["status"]
    assert [bought["body"]] == [one["body"] for one in await place(shop, first)]
    (other,) = await place(shop, replace(first, **change))
    assert (422, "idempotency-key-reused") == (other["status"], other["body"]["code"])
    assert 4 == await shop.stock(book_id)


async def test_what_is_asked_of_the_catalog_is_the_same_after_a_restart(
    shop: Shop, tmp_path: Path
) -> None:
    """To the byte, with the price that the buyer saw: it is read back from the disk."""
    book_id = await shop.add_book(quantity=5)
    network = InProcess()
    ear = Ear(network)
    lines = [Line(book_id, 2, "19.990"), Line(book_id + 1)]  # type: ignore[arg-type]
    database = tmp_path / "another.db"
    async with order_open(database, network) as order:
        sent = placement("a", book_id, OMAR, lines=lines, delivery_minor=450, deadline_ms=200)
        answers = (await order.post("/placements", [replace(sent, request_id="")])).json
        assert 202 == answers[0]["status"]
    first, before = ear.heard[0], len(ear.heard)
    async with order_open(database, network):

        async def asked_again() -> bool:
            return len(ear.heard) > before

        await until(asked_again)
    assert b'"price":"19.99"' in first
    assert {first} == set(ear.heard)


async def test_a_crowd_does_not_pass_the_limit_of_an_address(shop: Shop) -> None:
    """In one batch or in many at the same moment, however its letters are written."""
    book_id = await shop.add_book(quantity=50)
    crowd = [
        placement(f"k{n}", book_id, replace(LINA, email=email), open_orders_max=3)
        for n, email in enumerate(["lina@example.org", "LINA@Example.org"] * 8)
    ]
    batches = await asyncio.gather(
        place(shop, *crowd[:8]), *(place(shop, one) for one in crowd[8:])
    )
    answers = [answer for batch in batches for answer in batch]
    assert [201] * 3 + [409] * 13 == sorted(answer["status"] for answer in answers)
    codes = {answer["body"]["code"] for answer in answers if answer["status"] == 409}
    assert {"too-many-open-orders"} == codes
    assert 3 == len((await shop.order.get("/orders?limit=100")).json)
    (other,) = await place(shop, placement("omar", book_id, OMAR, open_orders_max=1))
    assert 201 == other["status"]
    assert 46 == await shop.stock(book_id)


async def test_an_order_that_is_there_is_never_refused_for_the_limit(shop: Shop) -> None:
    """Its repetition gets the first answer; what was refused can be placed once there is room."""
    book_id = await shop.add_book(quantity=5)
    one, two = (placement(name, book_id, open_orders_max=1) for name in "ab")
    (first,) = await place(shop, one)
    answers = await place(shop, two, one, replace(one, buyer=OMAR))
    assert [409, 201, 422] == [answer["status"] for answer in answers]
    assert first["body"] == answers[1]["body"]
    await shop.order.post(f"/orders/{first['order_id']}/cancel")
    assert [201, 201] == [answer["status"] for answer in await place(shop, one, two)]


async def test_twins_of_one_key_count_once(shop: Shop) -> None:
    """In one batch, where neither is stored yet; another order beside them fits."""
    book_id = await shop.add_book(quantity=5)
    one, two = (placement(name, book_id, open_orders_max=2) for name in "ab")
    assert [201] * 4 == [answer["status"] for answer in await place(shop, one, one, two, one)]
    assert 3 == await shop.stock(book_id)


async def test_an_order_that_waits_for_the_catalog_keeps_its_buyer(shop: Shop, wire: Wire) -> None:
    """It is open while it waits, and finished with all that its buyer said."""
    book_id = await shop.add_book(quantity=5)
    wire.away = True
    bought = await shop.order.post(
        "/orders", {"lines": [{"id": book_id}], "buyer": as_sent(LINA)}, key("a") | SHORT
    )
    assert 202 == bought.status
    (refused,) = await place(shop, placement("b", book_id, open_orders_max=1, deadline_ms=300))
    assert "too-many-open-orders" == refused["body"]["code"]
    wire.away = False
    order_id = bought.json["order_id"]

    async def finished() -> bool:
        return "confirmed" == await status(shop, order_id)

    await until(finished)
    assert as_sent(LINA) == (await shop.order.get(f"/orders/{order_id}")).json["buyer"]
