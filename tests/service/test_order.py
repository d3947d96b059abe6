"""The order service through its own app, with a real catalog that can be away or answer late."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import ConnectError, ReadError
from pyreqwest.middleware import Next
from pyreqwest.middleware.asgi import ASGITestMiddleware
from pyreqwest.request import Request
from pyreqwest.response import Response

from bazar.catalog.app import catalog_app
from bazar.order.app import order_app
from conftest import CATALOG_URL, ORDER_URL, SECRET, Caller, InProcess, Reply, Shop

BOUND_S = 8.0
SHORT = {"bazar-deadline-ms": "300"}


def nobody() -> ConnectError:
    """Return the error of a service that is away."""
    return ConnectError("nobody is there", {"causes": None})


def lost() -> ReadError:
    """Return the error of a reply that never came."""
    return ReadError("the reply got lost", {"causes": None})


class Wire(ASGITestMiddleware):
    """The way to a service: it can be cut, lose replies, deliver twice, or hold calls back."""

    def __init__(self, network: InProcess, url: str) -> None:
        """Stand before the service of this address from now on."""
        self.inner = network.apps[url]
        self.away = False
        self.lose_replies = 0
        self.twice = False
        self.open = asyncio.Event()
        self.open.set()
        self.calls: list[str] = []
        network.apps[url] = self

    async def __call__(self, request: Request, following: Next) -> Response:
        """Deliver a call, as well as this wire does."""
        self.calls.append(f"{request.method} {request.url.path}")
        await self.open.wait()
        if self.away:
            raise nobody()
        if self.twice:
            await self.inner(request.copy(), following)
        response = await self.inner(request, following)
        if self.lose_replies:
            self.lose_replies -= 1
            raise lost()
        return response


@pytest.fixture
def wire(shop: Shop) -> Wire:
    """Stand between the order service and the catalog."""
    return Wire(shop.network, CATALOG_URL)


def key(text: str) -> dict[str, str]:
    """Return the header of an idempotency key."""
    return {"idempotency-key": f'"{text}"'}


async def until(check: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is so, within a bound."""
    async with asyncio.timeout(BOUND_S):
        while not await check():  # noqa: ASYNC110  it watches from outside, as a client does
            await asyncio.sleep(0.02)


async def ledger(shop: Shop) -> list[tuple[str, int]]:
    """Return kind and copies of every movement."""
    movements = (await shop.catalog.get("/movements?limit=100")).json
    return [(movement["kind"], movement["copies"]) for movement in movements]


async def status(shop: Shop, order_id: str) -> str:
    """Return the status of an order in the list of orders, which drives nothing."""
    orders = (await shop.order.get("/orders?limit=100")).json
    return str(next(order["status"] for order in orders if order["order_id"] == order_id))


async def test_a_purchase_answers_201_with_all_there_is_to_know(shop: Shop) -> None:
    """The answer has every field, the price to the cent as bytes, and where the order is."""
    book_id = await shop.add_book(quantity=5)
    bought = await shop.order.post(f"/purchase/{book_id}", {"quantity": 2}, key("a"))
    assert 201 == bought.status
    order_id = bought.json["order_id"]
    assert f"/orders/{order_id}" == bought.headers["location"]
    assert {
        "order_id": order_id,
        "message": "bought book RPCs for Noobs",
        "status": "confirmed",
        "id": book_id,
        "title": "RPCs for Noobs",
        "quantity": 2,
        "price": 19.99,
        "total": 39.98,
        "currency": "USD",
    } == bought.json
    assert b'"price":19.99,' in bought.content
    assert 3 == await shop.stock(book_id)


async def test_a_purchase_without_a_body_buys_one_copy(shop: Shop) -> None:
    """No body and an empty object both mean one copy; they are the same request."""
    book_id = await shop.add_book(quantity=5)
    first = await shop.order.post(f"/purchase/{book_id}", None, key("a"))
    again = await shop.order.post(f"/purchase/{book_id}", {}, key("a"))
    assert 1 == first.json["quantity"]
    assert first.content == again.content
    assert 4 == await shop.stock(book_id)


async def test_the_same_key_and_request_replays_to_the_byte(shop: Shop) -> None:
    """Also after a cancel and, for another order, after a fulfilment; nothing is sold again."""
    book_id = await shop.add_book(quantity=5)
    for name, step in (("a", "cancel"), ("b", "fulfil")):
        first = await shop.order.post(f"/purchase/{book_id}", {"quantity": 2}, key(name))
        assert 201 == first.status
        for _ in range(2):
            again = await shop.order.post(f"/purchase/{book_id}", {"quantity": 2}, key(name))
            assert (201, first.content) == (again.status, again.content)
            assert first.headers["location"] == again.headers["location"]
        done = await shop.order.post(f"/orders/{first.json['order_id']}/{step}")
        assert 200 == done.status
        again = await shop.order.post(f"/purchase/{book_id}", {"quantity": 2}, key(name))
        assert (201, first.content) == (again.status, again.content)
    assert 3 == await shop.stock(book_id)
    assert [("received", 5), ("sold", -2), ("released", 2), ("sold", -2)] == await ledger(shop)


async def test_a_quoted_and_a_bare_key_are_the_same_key(shop: Shop) -> None:
    """The quotes are not part of the key."""
    book_id = await shop.add_book(quantity=5)
    first = await shop.order.post(f"/purchase/{book_id}", None, {"idempotency-key": '"k-1"'})
    again = await shop.order.post(f"/purchase/{book_id}", None, {"idempotency-key": "k-1"})
    assert first.content == again.content
    assert 4 == await shop.stock(book_id)


async def test_a_receipt_replays_to_the_byte(shop: Shop) -> None:
    """An order of several lines is replayed like a purchase, after a cancel too."""
    ids = [await shop.add_book(quantity=5) for _ in range(2)]
    body = {"lines": [{"id": ids[0], "quantity": 2}, {"id": ids[1]}]}
    first = await shop.order.post("/orders", body, key("a"))
    assert 201 == first.status
    assert b'"total":59.97' in first.content
    assert "bought 3 copies of 2 books" == first.json["message"]
    await shop.order.post(f"/orders/{first.json['order_id']}/cancel")
    again = await shop.order.post("/orders", body, key("a"))
    assert first.content == again.content


async def test_a_rejection_replays_to_the_byte_even_after_a_restock(shop: Shop) -> None:
    """A 409 and a 404 are the first answer for ever; only a new key asks afresh."""
    book_id = await shop.add_book(quantity=1)
    short = await shop.order.post(f"/purchase/{book_id}", {"quantity": 2}, key("a"))
    assert (409, "out-of-stock") == (short.status, short.code)
    assert (book_id, 2, 1) == tuple(
        short.json[name] for name in ("book_id", "requested", "available")
    )
    assert short.json["definite"]
    missing = await shop.order.post("/purchase/999", None, key("b"))
    assert (404, "book-not-found") == (missing.status, missing.code)
    await shop.catalog.call("PUT", f"/update/{book_id}/amount_of_items/9")
    await shop.catalog.post(
        "/books", {"id": 999, "title": "T", "topic": "t", "price": 1, "quantity": 5}
    )
    again = await shop.order.post(f"/purchase/{book_id}", {"quantity": 2}, key("a"))
    assert (409, short.content) == (again.status, again.content)
    again = await shop.order.post("/purchase/999", None, key("b"))
    assert (404, missing.content) == (again.status, again.content)
    assert (10, 5) == (await shop.stock(book_id), await shop.stock(999))
    fresh = await shop.order.post(f"/purchase/{book_id}", {"quantity": 2}, key("c"))
    assert 201 == fresh.status


async def test_a_key_for_another_request_is_refused(shop: Shop) -> None:
    """Another quantity, book or form with a used key is 422, and nothing is sold."""
    book_id = await shop.add_book(quantity=5)
    other_id = await shop.add_book(quantity=5)
    assert 201 == (await shop.order.post(f"/purchase/{book_id}", None, key("a"))).status
    for path, body in (
        (f"/purchase/{book_id}", {"quantity": 2}),
        (f"/purchase/{other_id}", None),
        ("/orders", {"lines": [{"id": book_id}]}),
    ):
        refused = await shop.order.post(path, body, key("a"))
        assert (422, "idempotency-key-reused") == (refused.status, refused.code)
        assert refused.json["definite"]
    assert (4, 5) == (await shop.stock(book_id), await shop.stock(other_id))


async def test_twins_in_flight_get_the_same_order(shop: Shop) -> None:
    """Twenty equal requests at once are one order, one sale, and twenty equal answers."""
    book_id = await shop.add_book(quantity=5)
    replies = await asyncio.gather(
        *(shop.order.post(f"/purchase/{book_id}", None, key("a")) for _ in range(20))
    )
    assert {(201, replies[0].content)} == {(reply.status, reply.content) for reply in replies}
    assert 4 == await shop.stock(book_id)
    assert 1 == len((await shop.order.get("/orders")).json)


async def test_a_twin_waits_for_the_one_in_flight(shop: Shop, wire: Wire) -> None:
    """While the catalog thinks, a second request with the key waits and hears the same."""
    book_id = await shop.add_book(quantity=5)
    wire.open.clear()
    first = asyncio.create_task(shop.order.post(f"/purchase/{book_id}", None, key("a")))
    twin = asyncio.create_task(shop.order.post(f"/purchase/{book_id}", None, key("a")))
    await asyncio.sleep(0.1)
    assert not first.done()
    assert not twin.done()
    wire.open.set()
    replies = await asyncio.gather(first, twin)
    assert [201, 201] == [reply.status for reply in replies]
    assert replies[0].content == replies[1].content
    assert 4 == await shop.stock(book_id)


async def test_many_buyers_never_buy_more_than_there_is(shop: Shop) -> None:
    """Thirty buyers of ten copies: ten get one, twenty hear that none is left."""
    book_id = await shop.add_book(quantity=10)
    replies = await asyncio.gather(
        *(shop.order.post(f"/purchase/{book_id}", None, key(f"k{n}")) for n in range(30))
    )
    statuses = [reply.status for reply in replies]
    assert (10, 20) == (statuses.count(201), statuses.count(409))
    assert 0 == await shop.stock(book_id)


async def test_several_lines_are_all_or_nothing(shop: Shop) -> None:
    """One line that cannot be sold keeps every other line unsold."""
    plenty = await shop.add_book(quantity=5)
    scarce = await shop.add_book(quantity=1)
    body = {"lines": [{"id": plenty, "quantity": 2}, {"id": scarce, "quantity": 2}]}
    refused = await shop.order.post("/orders", body, key("a"))
    assert (409, "out-of-stock") == (refused.status, refused.code)
    assert scarce == refused.json["book_id"]
    unknown = {"lines": [{"id": plenty}, {"id": 999}]}
    assert 404 == (await shop.order.post("/orders", unknown, key("b"))).status
    assert (5, 1) == (await shop.stock(plenty), await shop.stock(scarce))


async def test_a_doubled_book_is_refused_before_the_key_is_used(shop: Shop) -> None:
    """Two lines of one book are 400; the corrected request may use the same key."""
    book_id = await shop.add_book(quantity=5)
    doubled = {"lines": [{"id": book_id}, {"id": book_id}]}
    refused = await shop.order.post("/orders", doubled, key("a"))
    assert (400, "invalid-request") == (refused.status, refused.code)
    corrected = {"lines": [{"id": book_id, "quantity": 2}]}
    assert 201 == (await shop.order.post("/orders", corrected, key("a"))).status


async def test_a_bad_purchase_body_is_refused(shop: Shop) -> None:
    """Wrong types, unknown fields, quantities out of limits and broken JSON are 400."""
    book_id = await shop.add_book(quantity=5)
    for content in (
        b'{"quantity":0}',
        b'{"quantity":-1}',
        b'{"quantity":1001}',
        b'{"quantity":1.5}',
        b'{"quantity":"2"}',
        b'{"quantity":true}',
        b'{"quantity":null}',
        b'{"quantity":99999999999999999999}',
        b'{"copies":1}',
        b"[]",
        b"1",
        b"{",
        b"\xff\xfe",
        b"[" * 5000,
    ):
        refused = await shop.order.call(
            "POST", f"/purchase/{book_id}", None, key("a"), content=content
        )
        assert (400, "invalid-request") == (refused.status, refused.code), content
        assert refused.json["definite"]
    assert 5 == await shop.stock(book_id)


async def test_a_bad_order_body_is_refused(shop: Shop) -> None:
    """No lines, too many, ids and quantities out of limits, unknown fields are 400."""
    bodies: tuple[object, ...] = (
        {},
        {"lines": []},
        {"lines": {}},
        {"lines": [{"id": 0}]},
        {"lines": [{"id": -1}]},
        {"lines": [{"id": "1"}]},
        {"lines": [{"quantity": 1}]},
        {"lines": [{"id": 1, "quantity": 0}]},
        {"lines": [{"id": 1, "quantity": 1001}]},
        {"lines": [{"id": 1, "price": 1}]},
        {"lines": [{"id": 1}], "customer": "me"},
        {"lines": [{"id": book_id} for book_id in range(1, 102)]},
    )
    for body in bodies:
        refused = await shop.order.post("/orders", body, key("a"))
        assert (400, "invalid-request") == (refused.status, refused.code), body
    assert [] == (await shop.order.get("/orders")).json


async def test_the_largest_order_passes(shop: Shop) -> None:
    """One hundred lines, and a thousand copies of a book, are within the limits."""
    ids = [await shop.add_book(quantity=1000, title=f"Book {n}") for n in range(100)]
    body = {"lines": [{"id": book_id, "quantity": 1000} for book_id in ids]}
    bought = await shop.order.post("/orders", body, key("a"))
    assert 201 == bought.status
    assert ids == [line["id"] for line in bought.json["lines"]]
    assert [0, 0] == [await shop.stock(ids[0]), await shop.stock(ids[-1])]


async def test_a_missing_or_malformed_key_is_refused(shop: Shop) -> None:
    """The order service makes no key of its own: without a proper one it sells nothing."""
    book_id = await shop.add_book(quantity=5)
    lines = {"lines": [{"id": book_id}]}
    for header in (None, "", '""', '"', "a b", "a" * 256):
        headers = {} if header is None else {"idempotency-key": header}
        for path, body in ((f"/purchase/{book_id}", None), ("/orders", lines)):
            refused = await shop.order.post(path, body, headers)
            assert (400, "invalid-idempotency-key") == (refused.status, refused.code), header
    assert 5 == await shop.stock(book_id)


async def test_a_book_id_is_a_positive_whole_number(shop: Shop) -> None:
    """Anything else in the path is 400."""
    for book_id in ("abc", "0", "-1", "1.0", "+1", "99999999999999999999"):
        refused = await shop.order.post(f"/purchase/{book_id}", None, key("a"))
        assert (400, "invalid-request") == (refused.status, refused.code), book_id


async def test_every_route_needs_the_secret(shop: Shop) -> None:
    """Without the bearer token, or with another, each route is 401 and nothing is done."""
    book_id = await shop.add_book(quantity=5)
    order_id = (await shop.order.post(f"/purchase/{book_id}", None, key("a"))).json["order_id"]
    for secret in (None, "another secret of that length", ""):
        stranger = Caller(ORDER_URL, shop.client, secret)
        for method, path in (
            ("POST", f"/purchase/{book_id}"),
            ("POST", "/orders"),
            ("GET", "/orders"),
            ("GET", f"/orders/{order_id}"),
            ("POST", f"/orders/{order_id}/cancel"),
            ("POST", f"/orders/{order_id}/fulfil"),
        ):
            refused = await stranger.call(method, path, None, key("b"))
            assert (401, "unauthorized") == (refused.status, refused.code)
            assert 'Bearer realm="bazar"' == refused.headers["www-authenticate"]
    assert "confirmed" == await status(shop, order_id)
    assert 4 == await shop.stock(book_id)


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


async def test_an_order_shows_as_it_stands(shop: Shop) -> None:
    """It has its lines, its total to the cent, no reason, and when it was placed."""
    book_id = await shop.add_book(quantity=5)
    bought = await shop.order.post(f"/purchase/{book_id}", {"quantity": 2}, key("a"))
    found = await shop.order.get(bought.headers["location"])
    assert 200 == found.status
    placed_at = found.json["placed_at"]
    assert placed_at.endswith("Z")
    assert {
        "order_id": bought.json["order_id"],
        "status": "confirmed",
        "lines": [{"id": book_id, "quantity": 2, "title": "RPCs for Noobs", "price": 19.99}],
        "total": 39.98,
        "currency": "USD",
        "reason": None,
        "placed_at": placed_at,
    } == found.json
    refused = await shop.order.post(f"/purchase/{book_id}", {"quantity": 9}, key("b"))
    found = await shop.order.get(f"/orders/{refused.json['order_id']}")
    assert ("rejected", "out-of-stock") == (found.json["status"], found.json["reason"])
    assert 404 == (await shop.order.get("/orders/nope")).status


async def test_a_confirmation_is_seen_at_once(shop: Shop) -> None:
    """Reads right after the answer show the order confirmed, before it reached the disk."""
    book_id = await shop.add_book(quantity=50)
    for n in range(10):
        bought = await shop.order.post(f"/purchase/{book_id}", None, key(f"k{n}"))
        order_id = bought.json["order_id"]
        listed = (await shop.order.get("/orders?limit=100")).json
        assert "confirmed" == listed[-1]["status"]
        assert order_id in {one["order_id"] for one in listed}
        assert "confirmed" == (await shop.order.get(f"/orders/{order_id}")).json["status"]


async def test_orders_come_in_pages(shop: Shop) -> None:
    """Following the last order id of each page gives every order once, oldest first."""
    book_id = await shop.add_book(quantity=50)
    placed = []
    for n in range(5):
        bought = await shop.order.post(f"/purchase/{book_id}", None, key(f"k{n}"))
        placed.append(bought.json["order_id"])
        await asyncio.sleep(0.002)  # ids sort by the millisecond
    seen: list[str] = []
    after = ""
    while page := (await shop.order.get(f"/orders?limit=2&after={after}")).json:
        assert len(page) <= 2
        seen += [one["order_id"] for one in page]
        after = seen[-1]
    assert placed == seen
    for bad in ("limit=0", "limit=101", "status=lost", "page=2", "limit=1&limit=2"):
        assert 400 == (await shop.order.get(f"/orders?{bad}")).status


async def test_orders_are_listed_by_status(shop: Shop) -> None:
    """A filter gives the orders of that status and no others, once all of it is on the disk."""
    book_id = await shop.add_book(quantity=3)
    ids: dict[str, str] = {}
    for name, step in (("cancelled", "cancel"), ("fulfilled", "fulfil"), ("confirmed", "")):
        bought = await shop.order.post(f"/purchase/{book_id}", None, key(name))
        ids[name] = bought.json["order_id"]
        if step:
            await shop.order.post(f"/orders/{ids[name]}/{step}")
    refused = await shop.order.post(f"/purchase/{book_id}", {"quantity": 9}, key("rejected"))
    ids["rejected"] = refused.json["order_id"]

    async def flushed() -> bool:
        return bool((await shop.order.get("/orders?status=confirmed")).json)

    await until(flushed)
    for name, order_id in ids.items():
        listed = (await shop.order.get(f"/orders?status={name}")).json
        assert [(order_id, name)] == [(one["order_id"], one["status"]) for one in listed]
    assert [] == (await shop.order.get("/orders?status=pending")).json


async def test_a_list_of_one_status_holds_no_other(shop: Shop) -> None:
    """Right after the answer the order is in the list of its status, and in no other."""
    book_id = await shop.add_book(quantity=3)
    bought = await shop.order.post(f"/purchase/{book_id}", None, key("a"))
    pending = (await shop.order.get("/orders?status=pending")).json
    confirmed = (await shop.order.get("/orders?status=confirmed")).json
    assert [] == pending
    assert [bought.json["order_id"]] == [one["order_id"] for one in confirmed]


async def test_cancelling_gives_the_copies_back_once(shop: Shop) -> None:
    """Ten cancels at once, and one later, all say cancelled; the stock comes back once."""
    book_id = await shop.add_book(quantity=5)
    bought = await shop.order.post(f"/purchase/{book_id}", {"quantity": 2}, key("a"))
    path = f"/orders/{bought.json['order_id']}/cancel"
    replies = await asyncio.gather(*(shop.order.post(path) for _ in range(10)))
    replies.append(await shop.order.post(path))
    assert {(200, "cancelled")} == {(reply.status, reply.json["status"]) for reply in replies}
    assert 5 == await shop.stock(book_id)
    assert [("received", 5), ("sold", -2), ("released", 2)] == await ledger(shop)


async def test_what_has_ended_otherwise_is_not_cancelled(shop: Shop) -> None:
    """A rejected and a fulfilled order are 409 and stay as they are; an unknown one is 404."""
    book_id = await shop.add_book(quantity=5)
    rejected = await shop.order.post(f"/purchase/{book_id}", {"quantity": 9}, key("a"))
    fulfilled = await shop.order.post(f"/purchase/{book_id}", {"quantity": 2}, key("b"))
    await shop.order.post(f"/orders/{fulfilled.json['order_id']}/fulfil")
    for order_id, ended in (
        (rejected.json["order_id"], "rejected"),
        (fulfilled.json["order_id"], "fulfilled"),
    ):
        refused = await shop.order.post(f"/orders/{order_id}/cancel")
        assert (409, "order-not-cancellable") == (refused.status, refused.code)
        assert order_id == refused.json["order_id"]
        assert ended == await status(shop, order_id)
    unknown = await shop.order.post("/orders/nope/cancel")
    assert (404, "order-not-found") == (unknown.status, unknown.code)
    assert 3 == await shop.stock(book_id)


async def test_only_a_confirmed_order_is_fulfilled(shop: Shop) -> None:
    """Twice is as once; rejected and cancelled are 409 and stay; unknown is 404."""
    book_id = await shop.add_book(quantity=5)
    bought = await shop.order.post(f"/purchase/{book_id}", None, key("a"))
    for _ in range(2):
        done = await shop.order.post(f"/orders/{bought.json['order_id']}/fulfil")
        assert (200, "fulfilled") == (done.status, done.json["status"])
    rejected = await shop.order.post(f"/purchase/{book_id}", {"quantity": 9}, key("b"))
    cancelled = await shop.order.post(f"/purchase/{book_id}", None, key("c"))
    await shop.order.post(f"/orders/{cancelled.json['order_id']}/cancel")
    for reply, ended in ((rejected, "rejected"), (cancelled, "cancelled")):
        refused = await shop.order.post(f"/orders/{reply.json['order_id']}/fulfil")
        assert (409, "order-not-fulfillable") == (refused.status, refused.code)
        assert ended == await status(shop, reply.json["order_id"])
    assert 404 == (await shop.order.post("/orders/nope/fulfil")).status
    assert 4 == await shop.stock(book_id)


async def test_a_pending_order_can_be_cancelled(shop: Shop, wire: Wire) -> None:
    """Cancelled while the catalog is away, it is never sold, and its key says so."""
    book_id = await shop.add_book(quantity=5)
    wire.away = True
    accepted = await shop.order.post(f"/purchase/{book_id}", None, key("a") | SHORT)
    order_id = accepted.json["order_id"]
    cancelled = await shop.order.post(f"/orders/{order_id}/cancel")
    assert (200, "cancelled") == (cancelled.status, cancelled.json["status"])
    wire.away = False

    async def released() -> bool:
        return 200 == (await shop.catalog.get(f"/reservations/{order_id}")).status

    await until(released)
    replay = await shop.order.post(f"/purchase/{book_id}", None, key("a"))
    assert (409, "order-cancelled") == (replay.status, replay.code)
    assert 5 == await shop.stock(book_id)
    assert [("received", 5)] == await ledger(shop)


async def test_a_cancel_while_the_catalog_is_away_returns_the_stock_later(
    shop: Shop, wire: Wire
) -> None:
    """The order is cancelled at once; the loop gives its copies back, once."""
    book_id = await shop.add_book(quantity=5)
    bought = await shop.order.post(f"/purchase/{book_id}", {"quantity": 2}, key("a"))
    wire.away = True
    cancelled = await shop.order.post(f"/orders/{bought.json['order_id']}/cancel")
    assert (200, "cancelled") == (cancelled.status, cancelled.json["status"])
    wire.away = False

    async def returned() -> bool:
        return 5 == await shop.stock(book_id)

    await until(returned)
    assert [("received", 5), ("sold", -2), ("released", 2)] == await ledger(shop)


async def test_a_cancel_during_the_purchase_waits_for_its_decision(shop: Shop, wire: Wire) -> None:
    """The buyer hears that it was bought, the canceller that it is cancelled, in that order."""
    book_id = await shop.add_book(quantity=5)
    wire.open.clear()
    buying = asyncio.create_task(shop.order.post(f"/purchase/{book_id}", None, key("a")))

    async def asked() -> bool:
        return "POST /reservations" in wire.calls

    await until(asked)
    order_id = (await shop.order.get("/orders")).json[0]["order_id"]
    cancelling = asyncio.create_task(shop.order.post(f"/orders/{order_id}/cancel"))
    await asyncio.sleep(0.1)
    assert not cancelling.done()
    wire.open.set()
    bought, cancelled = await asyncio.gather(buying, cancelling)
    assert (201, order_id) == (bought.status, bought.json["order_id"])
    assert "cancelled" == cancelled.json["status"]
    assert 5 == await shop.stock(book_id)
    replay = await shop.order.post(f"/purchase/{book_id}", None, key("a"))
    assert bought.content == replay.content


async def test_a_canceller_that_goes_away_disturbs_no_other(shop: Shop, wire: Wire) -> None:
    """Of three cancels that wait for a purchase one gives up; the others are answered."""
    book_id = await shop.add_book(quantity=5)
    wire.open.clear()
    buying = asyncio.create_task(shop.order.post(f"/purchase/{book_id}", None, key("a")))

    async def asked() -> bool:
        return "POST /reservations" in wire.calls

    await until(asked)
    order_id = (await shop.order.get("/orders")).json[0]["order_id"]
    cancels = [asyncio.create_task(shop.order.post(f"/orders/{order_id}/cancel")) for _ in range(3)]
    await asyncio.sleep(0.1)
    cancels[1].cancel()
    await asyncio.sleep(0.1)
    wire.open.set()
    await buying
    replies = await asyncio.gather(*cancels, return_exceptions=True)
    assert [200, 200] == [reply.status for reply in replies if isinstance(reply, Reply)]
    assert 5 == await shop.stock(book_id)


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

        async def returned() -> bool:
            return 5 == await shop.stock(book_id)

        await until(returned)
        replay = await order.post(f"/purchase/{book_id}", None, key("a"))
        assert (201, bought.content) == (replay.status, replay.content)
