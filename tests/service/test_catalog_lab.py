"""The catalog's routes of the lab: info, query and update, on a real database."""

import asyncio

import pytest

from support.catalog_calls import ISBN, ISBN_10, ids, ledger
from support.shops import Caller, Shop


async def test_a_book_is_shown_by_info_and_by_query(shop: Shop) -> None:
    """Both names of the route answer the same book, the price with all its decimals."""
    book_id = await shop.add_book(quantity=3, price=40, year=1978, author="K & R", isbn=ISBN_10)
    info = await shop.catalog.get(f"/info/{book_id}")
    assert 200 == info.status
    assert b'"price":40.00' in info.content
    wanted = {
        "id": book_id,
        "title": "RPCs for Noobs",
        "topic": "distributed systems",
        "quantity": 3,
        "price": 40.0,
        "currency": "USD",
        "author": "K & R",
        "year": 1978,
        "isbn": ISBN,
        "description": "",
        "version": 2,
    }
    assert wanted == info.json
    assert info.content == (await shop.catalog.get(f"/query/{book_id}")).content


async def test_an_unknown_book_is_not_found(catalog: Caller) -> None:
    """Info and query answer 404 with the id that was asked for."""
    for path in ("/info/7", "/query/7", f"/info/{2**53 - 1}"):
        reply = await catalog.get(path)
        assert (404, "book-not-found") == (reply.status, reply.code)
    assert 7 == (await catalog.get("/info/7")).json["book_id"]


async def test_a_book_id_is_a_positive_whole_number(catalog: Caller) -> None:
    """Anything else in its place is an invalid request."""
    for number in ("0", "-1", "1.0", "x", "%D9%A3", str(2**53), "1e3", "%20", "9" * 30):
        for method, path, body in (
            ("GET", f"/info/{number}", None),
            ("GET", f"/query/{number}", None),
            ("PATCH", f"/books/{number}", {}),
            ("PUT", f"/update/{number}/price/1", None),
        ):
            reply = await catalog.call(method, path, body)
            assert (400, "invalid-request") == (reply.status, reply.code), path


SPELLINGS = (
    "distributed%20systems",
    "Distributed%20SYSTEMS",
    "distributed-systems",
    "Distributed--Systems",
    "%20%20distributed%20%20%20systems%20",
)


async def test_a_topic_is_found_however_it_is_spelt(shop: Shop) -> None:
    """Any case, spaces or hyphens, in the path and in the query string."""
    book_id = await shop.add_book(topic="Distributed Systems")
    await shop.add_book(topic="distributed")
    wanted = [{"id": book_id, "title": "RPCs for Noobs"}]
    for spelling in SPELLINGS:
        assert wanted == (await shop.catalog.get(f"/search/{spelling}")).json, spelling
        assert wanted == (await shop.catalog.get(f"/query?topic={spelling}")).json, spelling


async def test_a_topic_stored_with_a_hyphen_is_found_with_a_space(shop: Shop) -> None:
    """The spelling in the store matters as little as the one that is asked for."""
    book_id = await shop.add_book(topic="Café-Society  Life")
    assert [book_id] == ids((await shop.catalog.get("/search/caf%C3%A9%20society-LIFE")).json)
    assert [book_id] == ids((await shop.catalog.get("/search/cafe%CC%81-society-life")).json)


async def test_a_topic_with_a_slash_can_be_searched(shop: Shop) -> None:
    """TCP/IP is a topic like any other; its slash is sent as %2F."""
    book_id = await shop.add_book(topic="TCP/IP")
    assert [book_id] == ids((await shop.catalog.get("/query?topic=tcp%2Fip")).json)
    assert [book_id] == ids((await shop.catalog.get("/search/tcp%2Fip")).json)


async def test_an_unknown_topic_has_no_books(catalog: Caller) -> None:
    """The answer is an empty list, not an error."""
    assert [] == (await catalog.get("/search/nothing")).json
    assert [] == (await catalog.get("/query?topic=nothing")).json
    assert [] == (await catalog.get("/query?topic=" + "x" * 201)).json


async def test_the_query_route_needs_its_topic_and_takes_nothing_else(catalog: Caller) -> None:
    """A missing, unknown or doubled argument is refused."""
    for query in ("", "?Topic=x", "?topic=a&b=c", "?topic=a&topic=b"):
        reply = await catalog.get(f"/query{query}")
        assert (400, "invalid-request") == (reply.status, reply.code), query


async def test_stock_is_changed_relative_to_what_is_there(shop: Shop) -> None:
    """Each update of amount_of_items adds or takes away, and is a row of the ledger."""
    book_id = await shop.add_book()
    for change, stock in (("10", 10), ("-3", 7), ("+2", 9)):
        reply = await shop.catalog.call("PUT", f"/update/{book_id}/amount_of_items/{change}")
        assert (200, stock) == (reply.status, reply.json["quantity"])
    wanted = [(book_id, "received", 10), (book_id, "adjusted", -3), (book_id, "received", 2)]
    assert wanted == [row[:3] for row in await ledger(shop.catalog)]


async def test_stock_never_goes_below_zero(shop: Shop) -> None:
    """Taking away more than is there is refused, and changes neither stock nor ledger."""
    book_id = await shop.add_book(quantity=2)
    reply = await shop.catalog.call("PUT", f"/update/{book_id}/amount_of_items/-3")
    assert (409, "stock-too-low") == (reply.status, reply.code)
    assert 2 == reply.json["available"]
    assert reply.json["definite"] is True
    assert 2 == await shop.stock(book_id)
    assert 1 == len(await ledger(shop.catalog))
    emptied = await shop.catalog.call("PUT", f"/update/{book_id}/amount_of_items/-2")
    assert 0 == emptied.json["quantity"]


async def test_concurrent_changes_of_stock_are_all_counted(shop: Shop) -> None:
    """Forty changes at once end at their sum; those that cannot be done are refused."""
    book_id = await shop.add_book(quantity=10)
    replies = await asyncio.gather(
        *(shop.catalog.call("PUT", f"/update/{book_id}/amount_of_items/-1") for _ in range(40))
    )
    assert [200] * 10 + [409] * 30 == sorted(reply.status for reply in replies)
    assert 0 == await shop.stock(book_id)
    assert 11 == len(await ledger(shop.catalog))


async def test_stock_has_an_upper_limit(shop: Shop) -> None:
    """More than 10^9 copies are refused and change nothing."""
    book_id = await shop.add_book(quantity=10**9)
    reply = await shop.catalog.call("PUT", f"/update/{book_id}/amount_of_items/1")
    assert (400, "invalid-request") == (reply.status, reply.code)
    assert 10**9 == await shop.stock(book_id)


async def test_a_change_of_stock_is_a_whole_number(shop: Shop) -> None:
    """Anything else, and 0, is refused and changes nothing."""
    book_id = await shop.add_book(quantity=1)
    wrong = ("0", "-0", "1.5", "x", "-+5", "+-5", "--5", "1_000", "%D9%A3", "9" * 11, "-", "+")
    path = f"/update/{book_id}/amount_of_items"
    found = {value: (await shop.catalog.call("PUT", f"{path}/{value}")).status for value in wrong}
    assert dict.fromkeys(wrong, 400) == found
    assert 1 == await shop.stock(book_id)


@pytest.mark.parametrize("field", ["price", "cost"])
async def test_a_price_is_set_as_it_is(shop: Shop, field: str) -> None:
    """Price and cost are two names of one absolute value; the version rises."""
    book_id = await shop.add_book(price=10)
    first = await shop.catalog.call("PUT", f"/update/{book_id}/{field}/25")
    assert b'"price":25.00' in first.content
    second = await shop.catalog.call("PUT", f"/update/{book_id}/{field}/0.05")
    assert b'"price":0.05' in second.content
    assert 1 == second.json["version"] - first.json["version"]


async def test_a_price_is_a_number_with_the_currencys_decimals(shop: Shop) -> None:
    """Anything else is refused and changes nothing."""
    book_id = await shop.add_book()
    wrong = ["-1", "1.999", "NaN", "sNaN", "Infinity", "x", "1e20", "1E-9999999999"]
    wrong += ["1_0", "%D9%A3", "0.0100000000000000000000000000000001", "1." + "0" * 40 + "1"]
    path = f"/update/{book_id}/price"
    found = {value: (await shop.catalog.call("PUT", f"{path}/{value}")).status for value in wrong}
    assert dict.fromkeys(wrong, 400) == found
    assert 19.99 == (await shop.catalog.get(f"/info/{book_id}")).json["price"]


async def test_an_update_of_anything_else_is_refused(shop: Shop) -> None:
    """Only the three fields can be updated, and only of a book that exists."""
    book_id = await shop.add_book()
    reply = await shop.catalog.call("PUT", f"/update/{book_id}/title/x")
    assert (400, "invalid-request") == (reply.status, reply.code)
    for field in ("price", "amount_of_items"):
        reply = await shop.catalog.call("PUT", f"/update/99/{field}/1")
        assert (404, "book-not-found") == (reply.status, reply.code)
