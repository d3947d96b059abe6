"""Writes of the keeper with an Idempotency-Key: each counts once."""

import asyncio

import pytest

from bazar.catalog import once
from support.catalog_calls import BOOK, ISBN, ledger
from support.engines import on_every_engine
from support.problem_documents import check_problem
from support.shops import Reply, Shop

pytestmark = on_every_engine


async def move(shop: Shop, book_id: int, change: str, key: str | None = "k") -> Reply:
    """Change a stock, with a key or without."""
    headers = {} if key is None else {"idempotency-key": f'"{key}"'}
    path = f"/update/{book_id}/amount_of_items/{change}"
    return await shop.catalog.call("PUT", path, None, headers)


async def add(shop: Shop, key: str, **fields: object) -> Reply:
    """Add a book with a key."""
    return await shop.catalog.post("/books", BOOK | fields, {"idempotency-key": key})


async def test_a_restock_with_a_key_counts_once(shop: Shop) -> None:
    """However often, at once or later, and the answer is the first one to the byte."""
    book_id = await shop.add_book(quantity=1)
    replies = await asyncio.gather(*(move(shop, book_id, "5") for _ in range(9)))
    await move(shop, book_id, "1", None)
    replies.append(await move(shop, book_id, "+5"))
    assert {200} == {reply.status for reply in replies}
    assert 1 == len({reply.content for reply in replies})
    assert 6 == replies[0].json["quantity"]
    assert 7 == await shop.stock(book_id)
    assert [1, 5, 1] == [copies for _, _, copies, _ in await ledger(shop.catalog)]


async def test_without_a_key_each_change_counts(shop: Shop) -> None:
    """As the lab's programs want it."""
    book_id = await shop.add_book(quantity=1)
    for _ in range(2):
        await move(shop, book_id, "5", None)
    assert 11 == await shop.stock(book_id)


async def test_a_book_with_a_key_is_added_once(shop: Shop) -> None:
    """Again it is the same book, even where it was changed since; spelling is no matter."""
    first = await add(shop, "k", quantity=3, price=5)
    await shop.catalog.call("PATCH", f"/books/{first.json['id']}", {"title": "Other"})
    again = await add(shop, "k", quantity=3, price=5.00, author="  ", description="")
    assert (201, first.content) == (again.status, again.content)
    assert first.headers["location"] == again.headers["location"]
    assert 1 == len((await shop.catalog.get("/books")).json)


async def test_an_edit_with_a_key_is_not_done_late(shop: Shop) -> None:
    """A delayed duplicate does not take back what was changed since."""
    book_id = await shop.add_book(price=19.99)
    headers = {"idempotency-key": "k"}
    for price, given in (("5", headers), ("7", {}), ("5", headers)):
        reply = await shop.catalog.call("PUT", f"/update/{book_id}/price/{price}", None, given)
        assert 200 == reply.status
    await shop.catalog.call("PATCH", f"/books/{book_id}", {"price": 5}, headers)
    assert 7 == (await shop.catalog.get(f"/info/{book_id}")).json["price"]


async def test_a_key_is_for_one_request(shop: Shop) -> None:
    """Another book, number or use case is refused, and changes nothing."""
    one, other = await shop.add_book(quantity=1), await shop.add_book(quantity=1)
    await move(shop, one, "5")
    for reply in (
        await move(shop, one, "6"),
        await move(shop, one, "-5"),
        await move(shop, other, "5"),
        await add(shop, "k"),
        await shop.catalog.call("PATCH", f"/books/{one}", {"title": "T"}, {"idempotency-key": "k"}),
    ):
        check_problem(reply, 422, "idempotency-key-reused")
    assert (6, 1) == (await shop.stock(one), await shop.stock(other))
    assert 2 == len((await shop.catalog.get("/books")).json)


async def test_a_refusal_is_kept_with_its_key(shop: Shop) -> None:
    """A delayed duplicate must not do later what its sender has given up on."""
    book_id = await shop.add_book(quantity=1, isbn=ISBN)
    refused = [
        (await move(shop, book_id, "-5", "low"), 409, "stock-too-low"),
        (await move(shop, 99, "5", "gone"), 404, "book-not-found"),
        (await add(shop, "twin", isbn=ISBN), 409, "book-exists"),
        (await move(shop, book_id, "1000000000", "much"), 400, "invalid-request"),
    ]
    await move(shop, book_id, "9", None)
    await shop.catalog.call("PATCH", f"/books/{book_id}", {"isbn": None})
    await shop.catalog.post("/books", BOOK | {"id": 99})
    again = [
        await move(shop, book_id, "-5", "low"),
        await move(shop, 99, "5", "gone"),
        await add(shop, "twin", isbn=ISBN),
        await move(shop, book_id, "1000000000", "much"),
    ]
    for (first, status, code), later in zip(refused, again, strict=True):
        check_problem(first, status, code)
        assert (status, first.content) == (later.status, later.content)
    assert 10 == await shop.stock(book_id)


@pytest.mark.parametrize("member", ["low_at", "year"])
async def test_a_zero_that_is_given_is_not_left_out(shop: Shop, member: str) -> None:
    """Where it is another value than that of a request which says nothing: another request."""
    first = await add(shop, "k")
    check_problem(await add(shop, "k", **{member: 0}), 422, "idempotency-key-reused")
    again = await add(shop, "k", quantity=0, low_at=3)
    assert (201, first.content) == (again.status, again.content)
    zero = await add(shop, "z", **{member: 0})
    assert 0 == zero.json[member]
    check_problem(await add(shop, "z"), 422, "idempotency-key-reused")


@pytest.mark.parametrize("key", ["", '"', "a b"])
async def test_a_key_that_is_none_is_refused(shop: Shop, key: str) -> None:
    """Before anything is counted."""
    book_id = await shop.add_book(quantity=1)
    path = f"/update/{book_id}/amount_of_items/5"
    reply = await shop.catalog.call("PUT", path, None, {"idempotency-key": key})
    check_problem(reply, 400, "invalid-idempotency-key")
    assert 1 == await shop.stock(book_id)


async def test_only_the_last_keys_are_known(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept is bounded; an older key is as good as new."""
    monkeypatch.setattr(once, "KEYS_MAX", 2)
    book_id = await shop.add_book()
    for key in ("a", "b", "c", "b", "c"):
        await move(shop, book_id, "1", key)
    assert 3 == await shop.stock(book_id)
    await move(shop, book_id, "1", "a")
    assert 4 == await shop.stock(book_id)
