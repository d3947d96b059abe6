"""Purchases of the order service through its own app, with a real catalog."""

import asyncio

from support.order_calls import key, ledger, receipt_for_two, status
from support.shops import ORDER_URL, Caller, Shop
from support.wires import Wire


async def test_a_purchase_answers_201_with_all_there_is_to_know(shop: Shop) -> None:
    """The answer has every field, the price to the cent as bytes, and where the order is."""
    book_id = await shop.add_book(quantity=5)
    bought = await shop.order.post(f"/purchase/{book_id}", {"quantity": 2}, key("a"))
    assert 201 == bought.status
    order_id = bought.json["order_id"]
    assert f"/orders/{order_id}" == bought.headers["location"]
    assert receipt_for_two(order_id, book_id) == bought.json
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
        {"lines": [{"id": 1, "price": "dear"}]},
        {"lines": [{"id": 1, "price": -1}]},
        {"lines": [{"id": 1, "price": "NaN"}]},
        {"lines": [{"id": 1, "cost": 1}]},
        {"lines": [{"id": 1}], "buyer": {"name": "Lina"}},
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


async def test_a_malformed_key_is_refused(shop: Shop) -> None:
    """A key that is given has to be a proper one: without, nothing is sold."""
    book_id = await shop.add_book(quantity=5)
    lines = {"lines": [{"id": book_id}]}
    for header in ("", '""', '"', "a b", "a" * 256):
        for path, body in ((f"/purchase/{book_id}", None), ("/orders", lines)):
            refused = await shop.order.post(path, body, {"idempotency-key": header})
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
