"""The front, called as the public calls it, over an order service and a catalog that may fail."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from bazar.front.api import FrontApi
from bazar.front.upstream.cache import Cache
from bazar.front.upstream.catalog import Catalog
from bazar.front.upstream.feed import Feed
from bazar.front.upstream.orders import Orders
from bazar.kit.clock import passing_s
from bazar.kit.deadline import Deadline
from bazar.kit.http.app import HttpApp
from bazar.kit.http.endpoint import endpoints_of
from bazar.kit.metrics import Metrics
from bazar.kit.peers.client import Upstream
from bazar.wire.books import Place, Sign
from support.order_calls import SHORT, key, receipt_for_two
from support.shops import CATALOG_URL, ORDER_URL, SECRET, Caller, Shop
from support.wires import BOUND_S, Wire, until


@pytest.fixture
def to_catalog(shop: Shop) -> Wire:
    """Stand before the catalog."""
    return Wire(shop.network, CATALOG_URL)


@pytest.fixture
def to_order(shop: Shop) -> Wire:
    """Stand before the order service."""
    return Wire(shop.network, ORDER_URL)


class LaggingCatalog(Upstream):
    """A catalog whose feed is alive, but does not tell of any change yet."""

    opened = 0
    """Feeds so far."""

    async def stream(
        self,
        path: str,  # noqa: ARG002  it has only one
        silence_s_max: float,  # noqa: ARG002  it is never silent
    ) -> AsyncGenerator[bytes, None]:
        """Yield signs of life, all from before any change."""
        self.opened += 1
        answer = await self.call("GET", "/topics", deadline=Deadline(1000))
        place = Place.parsed(answer.headers["bazar-seq"])
        assert place is not None
        yield Sign("open", place, int(passing_s() * 1000)).line()
        while True:
            yield Sign("alive", place, int(passing_s() * 1000)).line()
            await asyncio.sleep(0.1)


async def test_a_purchase_passes_through_whole(shop: Shop) -> None:
    """Status, fields, price to the cent, Location, Server-Timing and request id reach the buyer."""
    book_id = await shop.add_book(quantity=5)
    headers = key("a") | {"x-request-id": "my-own.id_1"}
    bought = await shop.front.post(f"/purchase/{book_id}", {"quantity": 2}, headers)
    assert 201 == bought.status
    order_id = bought.json["order_id"]
    assert f"/orders/{order_id}" == bought.headers["location"]
    assert "application/json" == bought.headers["content-type"]
    assert "my-own.id_1" == bought.headers["x-request-id"]
    assert "front;dur=" in bought.headers["server-timing"]
    assert "order;dur=" in bought.headers["server-timing"]
    assert b'"price":19.99,' in bought.content
    assert receipt_for_two(order_id, book_id) == bought.json
    found = await shop.front.get(bought.headers["location"])
    assert "confirmed" == found.json["status"]


async def test_the_front_sees_its_own_sales(shop: Shop) -> None:
    """After each purchase and cancel, the very next read shows the stock that is left."""
    book_id = await shop.add_book(quantity=5)
    for left in (4, 3, 2):
        assert left + 1 == (await shop.front.get(f"/info/{book_id}")).json["quantity"]
        bought = await shop.front.post(f"/purchase/{book_id}")
        assert left == (await shop.front.get(f"/info/{book_id}")).json["quantity"]
    assert 200 == (await shop.front.post(f"/orders/{bought.json['order_id']}/cancel")).status
    assert 3 == (await shop.front.get(f"/info/{book_id}")).json["quantity"]


async def test_the_front_sees_its_own_sales_before_the_feed_tells_of_them(shop: Shop) -> None:
    """What it keeps of a book ends with the answer to a purchase or a cancel, not with the feed."""
    catalog, cache = LaggingCatalog("catalog", CATALOG_URL, shop.client, SECRET), Cache()
    orders = Orders(Upstream("order", ORDER_URL, shop.client, SECRET), cache)
    endpoints = endpoints_of(FrontApi(Catalog(catalog, cache), orders))
    shop.network.host("http://cached.test", HttpApp("front", endpoints, Metrics("front")))
    front = Caller("http://cached.test", shop.client)
    book_id = await shop.add_book(quantity=5)

    async def shown() -> int:
        return int((await front.get(f"/info/{book_id}")).json["quantity"])

    feed = Feed(catalog, cache)
    feed.start()
    try:
        async with asyncio.timeout(BOUND_S):
            while not cache.hits:
                assert 5 == await shown()
        bought = await front.post(f"/purchase/{book_id}")
        assert 4 == await shown()
        assert 4 == await shown()
        assert 200 == (await front.post(f"/orders/{bought.json['order_id']}/cancel")).status
        assert 5 == await shown()
    finally:
        await feed.stop()
        await orders.stop()


async def test_a_feed_that_cannot_be_trusted_is_opened_anew_though_it_goes_on(shop: Shop) -> None:
    """As after more changes than are remembered: it is still there, but it has told too much."""
    catalog, cache = LaggingCatalog("catalog", CATALOG_URL, shop.client, SECRET), Cache()

    async def live() -> bool:
        return cache.live

    feed = Feed(catalog, cache)
    feed.start()
    try:
        await until(live)
        assert 1 == catalog.opened
        cache.broken()
        await until(live)
        assert 2 == catalog.opened
    finally:
        await feed.stop()


async def test_the_same_key_replays_to_the_byte_through_the_front(shop: Shop) -> None:
    """The first answer comes again, also after a cancel; another body is 422."""
    book_id = await shop.add_book(quantity=5)
    first = await shop.front.post(f"/purchase/{book_id}", None, key("a"))
    await shop.front.post(f"/orders/{first.json['order_id']}/cancel")
    again = await shop.front.post(f"/purchase/{book_id}", None, key("a"))
    assert (201, first.content) == (again.status, again.content)
    reused = await shop.front.post(f"/purchase/{book_id}", {"quantity": 2}, key("a"))
    assert (422, "idempotency-key-reused") == (reused.status, reused.code)
    assert first.json["order_id"].encode() not in reused.content
    assert "location" not in reused.headers
    assert 5 == await shop.stock(book_id)


async def test_the_front_makes_a_key_where_the_client_sends_none(
    shop: Shop, to_order: Wire
) -> None:
    """Each keyless purchase is a purchase of its own, under a key that nobody can guess."""
    book_id = await shop.add_book(quantity=5)
    bought = [await shop.front.post(f"/purchase/{book_id}") for _ in range(2)]
    assert [201, 201] == [reply.status for reply in bought]
    assert 2 == len({reply.json["order_id"] for reply in bought})
    assert 3 == await shop.stock(book_id)
    to_order.away = True
    away = [await shop.front.post(f"/purchase/{book_id}", None, SHORT) for _ in range(2)]
    made = {reply.json["idempotency_key"] for reply in away}
    assert 2 == len(made)
    assert all(len(one) >= 22 for one in made)


async def test_a_reply_that_got_lost_is_one_sale(
    shop: Shop, to_order: Wire, to_catalog: Wire
) -> None:
    """The front and the order service ask again under the same key: one order, one sale."""
    book_id = await shop.add_book(quantity=5)
    await shop.front.post(f"/purchase/{book_id}")  # from now on each knows the process of the other
    to_order.calls.clear()
    to_order.lose_replies = 2
    to_catalog.lose_replies = 1
    bought = await shop.front.post(f"/purchase/{book_id}")
    assert 201 == bought.status
    assert 3 == len(to_order.calls)
    assert 3 == await shop.stock(book_id)
    listed = (await shop.order.get("/orders")).json
    assert [2, 1] == [
        len(listed),
        sum(bought.json["order_id"] == one["order_id"] for one in listed),
    ]


async def test_what_cannot_be_sold_is_refused_as_a_problem(shop: Shop) -> None:
    """Out of stock is 409 with what is available, an unknown book 404; both are definite."""
    book_id = await shop.add_book(quantity=1)
    short = await shop.front.post(f"/purchase/{book_id}", {"quantity": 2})
    assert (409, "out-of-stock") == (short.status, short.code)
    assert (2, 1) == (short.json["requested"], short.json["available"])
    assert short.json["definite"]
    missing = await shop.front.post("/purchase/999")
    assert (404, "book-not-found") == (missing.status, missing.code)
    assert (404, "book-not-found") == (
        (unknown := await shop.front.get("/info/999")).status,
        unknown.code,
    )


async def test_an_order_of_several_books_is_all_or_nothing(shop: Shop) -> None:
    """Either every line is sold, with a receipt, or none."""
    ids = [await shop.add_book(quantity=2) for _ in range(2)]
    body = {"lines": [{"id": book_id, "quantity": 2} for book_id in ids]}
    bought = await shop.front.post("/orders", body)
    assert 201 == bought.status
    assert b'"total":79.96' in bought.content
    more = {"lines": [{"id": await shop.add_book(quantity=1)}, {"id": ids[0]}]}
    assert 409 == (await shop.front.post("/orders", more)).status
    doubled = {"lines": [{"id": ids[0]}, {"id": ids[0]}]}
    assert 400 == (await shop.front.post("/orders", doubled)).status
    assert 1 == await shop.stock(more["lines"][0]["id"])


async def test_a_get_never_buys(shop: Shop) -> None:
    """GET /purchase/2 is 405, allows POST, and says in words to use it."""
    book_id = await shop.add_book(quantity=5)
    for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH"):
        refused = await shop.front.call(method, f"/purchase/{book_id}")
        assert (405, "POST") == (refused.status, refused.headers["allow"])
        if method != "HEAD":
            assert "method-not-allowed" == refused.code
            assert "use POST" in refused.json["detail"]
    assert 5 == await shop.stock(book_id)


async def test_a_book_id_is_a_positive_whole_number(shop: Shop) -> None:
    """Anything else is 400 on both routes that take one."""
    for text in ("abc", "0", "-1", "1.0", "99999999999999999999", "%20", "1%2F2", "9" * 5000):
        for method, path in (("POST", f"/purchase/{text}"), ("GET", f"/info/{text}")):
            refused = await shop.front.call(method, path)
            if "%2F" in text:
                assert 404 == refused.status  # the test transport hands it on as two segments
            else:
                assert (400, "invalid-request") == (refused.status, refused.code), path
    assert 404 == (await shop.front.get("/info/9007199254740991")).status


async def test_a_bad_body_is_refused(shop: Shop) -> None:
    """Broken JSON, wrong types, unknown fields are 400, and too much is 413; nothing is sold."""
    book_id = await shop.add_book(quantity=5)
    for content in (b"{", b"[]", b'{"quantity":"1"}', b'{"quantity":0}', b'{"copies":1}'):
        for path in (f"/purchase/{book_id}", "/orders"):
            refused = await shop.front.call("POST", path, content=content)
            assert (400, "invalid-request") == (refused.status, refused.code), content
    large = await shop.front.call("POST", f"/purchase/{book_id}", content=b" " * 70_000)
    assert (413, "body-too-large") == (large.status, large.code)
    assert 5 == await shop.stock(book_id)


async def test_a_bad_key_is_refused(shop: Shop) -> None:
    """A key that is sent must be a proper one: the front does not replace it."""
    book_id = await shop.add_book(quantity=5)
    for bad in ("", '""', '"', "a b", "a" * 256):
        refused = await shop.front.post(f"/purchase/{book_id}", None, {"idempotency-key": bad})
        assert (400, "invalid-idempotency-key") == (refused.status, refused.code), bad
    assert 5 == await shop.stock(book_id)


async def test_a_raw_key_header_never_breaks_the_front(shop: Shop) -> None:
    """Two key headers, and bytes outside ASCII in one, are 400 as on the order service."""
    book_id = await shop.add_book(quantity=5)
    name = b"idempotency-key"
    for headers in ([(name, b'"a"'), (name, b'"b"')], [(name, b'"caf\xe9"')], [(name, b"\xff")]):
        sent: list[dict[str, object]] = []

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: object, sent: list[dict[str, object]] = sent) -> None:
            assert isinstance(message, dict)
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "scheme": "http",
            "path": f"/purchase/{book_id}",
            "query_string": b"",
            "headers": headers,
        }
        front = shop.network.apps[shop.front.url]
        await front._app(scope, receive, send)  # noqa: SLF001  headers that no client sends
        assert 400 == sent[0]["status"], headers
    assert 5 == await shop.stock(book_id)


async def test_a_purchase_while_the_catalog_is_away_is_kept_and_finished(
    shop: Shop, to_catalog: Wire
) -> None:
    """The buyer gets 202, where to look and when; later the order is confirmed by itself."""
    book_id = await shop.add_book(quantity=5)
    to_catalog.away = True
    async with asyncio.timeout(3.5):
        accepted = await shop.front.post(f"/purchase/{book_id}", None, key("a"))
    assert (202, "pending") == (accepted.status, accepted.json["status"])
    assert accepted.json["order_id"] in accepted.headers["location"]
    assert 1 <= int(accepted.headers["retry-after"])
    to_catalog.away = False
    async with asyncio.timeout(BOUND_S):
        while 5 == await shop.stock(book_id):  # noqa: ASYNC110  watched from outside
            await asyncio.sleep(0.02)
    found = await shop.front.get(accepted.headers["location"])
    assert "confirmed" == found.json["status"]
    replay = await shop.front.post(f"/purchase/{book_id}", None, key("a"))
    assert (201, accepted.json["order_id"]) == (replay.status, replay.json["order_id"])
    assert 4 == await shop.stock(book_id)


async def test_without_the_order_service_the_answer_is_indefinite(
    shop: Shop, to_order: Wire
) -> None:
    """It is 503 at the deadline, says how to ask again, and that key works when it is back."""
    book_id = await shop.add_book(quantity=5)
    to_order.away = True
    async with asyncio.timeout(1.5):
        away = await shop.front.post(f"/purchase/{book_id}", None, SHORT)
    assert (503, "unavailable") == (away.status, away.code)
    assert away.json["definite"] is False
    assert 1 <= int(away.headers["retry-after"])
    given = away.json["idempotency_key"]
    assert given == away.headers["idempotency-key"]
    own = await shop.front.post(f"/purchase/{book_id}", None, SHORT | key("my own"))
    assert '"my own"' == own.json["idempotency_key"]
    to_order.away = False
    for asked in ({"idempotency-key": given}, key("my own")):
        bought = [await shop.front.post(f"/purchase/{book_id}", None, asked) for _ in range(2)]
        assert [201, 201] == [reply.status for reply in bought]
        assert bought[0].content == bought[1].content
    assert 3 == await shop.stock(book_id)


async def test_a_short_restart_of_the_order_service_is_a_pause(shop: Shop, to_order: Wire) -> None:
    """The front holds the purchase and sends it again within the deadline."""
    book_id = await shop.add_book(quantity=5)
    to_order.away = True
    buying = asyncio.create_task(shop.front.post(f"/purchase/{book_id}"))
    await asyncio.sleep(0.2)
    assert not buying.done()
    to_order.away = False
    assert 201 == (await buying).status
    assert 4 == await shop.stock(book_id)


async def test_reads_without_the_catalog_are_a_problem(shop: Shop, to_catalog: Wire) -> None:
    """Every read that needs the catalog is 503, within its deadline, as a problem document."""
    book_id = await shop.add_book(quantity=5)
    to_catalog.away = True
    paths = (
        f"/info/{book_id}",
        "/search/none",
        "/topics",
        "/books",
        "/books?q=noobs",
        "/books/counts?q=noobs",
    )
    async with asyncio.timeout(4.5):
        replies = await asyncio.gather(*map(shop.front.get, paths))
    for reply in replies:
        assert (503, "unavailable") == (reply.status, reply.code)
        assert "retry-after" in reply.headers
    assert 200 == (await shop.front.get("/readyz")).status


async def test_cancel_is_public_for_who_knows_the_order(shop: Shop) -> None:
    """Cancelling twice returns the stock once; an unknown order is 404."""
    book_id = await shop.add_book(quantity=5)
    bought = await shop.front.post(f"/purchase/{book_id}", {"quantity": 2})
    for _ in range(2):
        cancelled = await shop.front.post(f"/orders/{bought.json['order_id']}/cancel")
        assert (200, "cancelled") == (cancelled.status, cancelled.json["status"])
    assert 5 == await shop.stock(book_id)
    for unknown in ("nope", "x" * 500, "..%2F..%2Freservations", "é", "0" * 25 + "%0A"):
        assert 404 == (await shop.front.get(f"/orders/{unknown}")).status
        assert 404 == (await shop.front.post(f"/orders/{unknown}/cancel")).status


async def test_internal_routes_are_not_public(shop: Shop) -> None:
    """Lists of orders, fulfilment, stock, ledger and reservations are not there for anyone."""
    book_id = await shop.add_book(quantity=5)
    order_id = (await shop.front.post(f"/purchase/{book_id}")).json["order_id"]
    keeper = Caller(shop.front.url, shop.client, shop.order.secret)
    for method, path in (
        ("GET", "/orders"),
        ("GET", "/orders?status=confirmed"),
        ("POST", f"/orders/{order_id}/fulfil"),
        ("POST", "/reservations"),
        ("GET", "/reservations"),
        ("GET", f"/reservations/{order_id}"),
        ("POST", f"/reservations/{order_id}/release"),
        ("GET", "/movements"),
        ("GET", "/stock-report"),
        ("GET", "/audit"),
        ("GET", "/audit/orders"),
        ("GET", "/audit/decisions"),
        ("GET", "/audit/integrity"),
        ("GET", "/changes"),
        ("PUT", f"/update/{book_id}/amount_of_items/1"),
        ("POST", "/books"),
        ("PATCH", f"/books/{book_id}"),
        ("POST", "/imports"),
    ):
        for caller in (shop.front, keeper):
            refused = await caller.call(method, path)
            assert refused.status in {404, 405}, path
            assert refused.code in {"route-not-found", "method-not-allowed"}
    assert "confirmed" == (await shop.front.get(f"/orders/{order_id}")).json["status"]
    assert 4 == await shop.stock(book_id)


async def test_a_topic_is_found_however_it_is_written(shop: Shop) -> None:
    """Any case, spaces, %20 or hyphens find the same books; an unknown topic has none."""
    book_id = await shop.add_book()
    for topic in ("distributed%20systems", "Distributed-Systems", "DISTRIBUTED%20SYSTEMS"):
        found = await shop.front.get(f"/search/{topic}")
        assert (200, [{"id": book_id, "title": "RPCs for Noobs"}]) == (found.status, found.json)
    assert [] == (await shop.front.get("/search/cooking")).json


async def test_books_come_in_pages(shop: Shop) -> None:
    """Following rel="next" gives every book once; bad arguments are 400."""
    ids = [await shop.add_book(title=f"Book {n}") for n in range(5)]
    path, seen = "/books?limit=2", list[int]()
    while path:
        page = await shop.front.get(path)
        seen += [book["id"] for book in page.json]
        link = page.headers.get("link", "")
        path = link[1 : link.index(">")] if link else ""
    assert ids == seen
    for bad in ("limit=0", "limit=101", "after=x", "colour=red"):
        assert 400 == (await shop.front.get(f"/books?{bad}")).status


async def test_many_buyers_through_the_front_never_oversell(shop: Shop) -> None:
    """Twenty buyers of five copies: five get one, fifteen hear that none is left."""
    book_id = await shop.add_book(quantity=5)
    replies = await asyncio.gather(*(shop.front.post(f"/purchase/{book_id}") for _ in range(20)))
    statuses = [reply.status for reply in replies]
    assert (5, 15) == (statuses.count(201), statuses.count(409))
    assert 0 == await shop.stock(book_id)
