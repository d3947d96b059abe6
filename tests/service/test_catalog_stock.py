"""The stock of a book as its keeper changes it, with a reason and a name, and its ledger."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from support.catalog_calls import ledger, release, reserve
from support.engines import on_every_engine
from support.problem_documents import check_problem
from support.shops import Caller, Reply, Shop

pytestmark = on_every_engine


async def change(
    catalog: Caller, book_id: int, headers: Mapping[str, str] | None = None, **members: object
) -> Reply:
    """Change the stock of a book."""
    return await catalog.post(f"/books/{book_id}/stock", members, headers)


async def rows(catalog: Caller, book_id: int, query: str = "") -> list[dict[str, Any]]:
    """Return the ledger of a book."""
    reply = await catalog.get(f"/books/{book_id}/movements{query}")
    assert 200 == reply.status, reply.content
    found: list[dict[str, Any]] = reply.json
    return found


async def test_copies_come_and_go(shop: Shop) -> None:
    """Those that come without a reason are received, all others adjusted; a count sets the stock.

    A count of what is there is no change.
    """
    book_id = await shop.add_book()
    for given in (
        {"change": 5},
        {"change": -1, "reason": "damaged", "note": " by rain "},
        {"change": 2, "reason": "found"},
        {"change": -1},
        {"count": 9},
        {"count": 9},
        {"count": 0, "reason": "lost"},
    ):
        reply = await change(shop.catalog, book_id, **given)
        assert 200 == reply.status, reply.content
    assert 0 == reply.json["quantity"]
    wanted = [
        ("adjusted", -9, 0, "lost", None),
        ("adjusted", 4, 9, "counted", None),
        ("adjusted", -1, 5, None, None),
        ("adjusted", 2, 6, "found", None),
        ("adjusted", -1, 4, "damaged", "by rain"),
        ("received", 5, 5, None, None),
    ]
    members = ("kind", "copies", "stock_after", "reason", "note")
    found = await rows(shop.catalog, book_id)
    assert wanted == [tuple(row.get(name) for name in members) for row in found]
    assert [] == (await shop.catalog.get("/stock-report")).json["differences"]


async def test_a_change_with_a_key_counts_once(shop: Shop) -> None:
    """However often, at once or later; a second count with it does not undo a sale."""
    book_id = await shop.add_book()
    headers = {"idempotency-key": "k"}
    replies = await asyncio.gather(
        *(change(shop.catalog, book_id, headers, change=5) for _ in range(5))
    )
    assert 1 == len({reply.content for reply in replies})
    assert 5 == await shop.stock(book_id)
    headers = {"idempotency-key": "n"}
    await change(shop.catalog, book_id, headers, count=4)
    await reserve(shop.catalog, "o1", (book_id, 1))
    assert 4 == (await change(shop.catalog, book_id, headers, count=4)).json["quantity"]
    assert 3 == await shop.stock(book_id)
    other = await change(shop.catalog, book_id, headers, count=4, reason="lost")
    check_problem(other, 422, "idempotency-key-reused")


@pytest.mark.parametrize(
    ("given", "member"),
    [
        ({}, "change"),
        ({"change": 1, "count": 1}, "change"),
        ({"change": 0}, "change"),
        ({"count": -1}, "count"),
        ({"change": 1, "reason": "bored"}, "reason"),
        ({"change": 1, "note": "x" * 501}, "note"),
    ],
)
async def test_a_change_that_says_nothing_is_refused(
    shop: Shop, given: dict[str, Any], member: str
) -> None:
    """Neither, both, none, or what no change can be; the stock stays."""
    book_id = await shop.add_book(quantity=2)
    reply = await change(shop.catalog, book_id, **given)
    check_problem(reply, 400, "invalid-request")
    assert member == reply.json["member"]
    assert 1 == len(await ledger(shop.catalog))


async def test_a_change_below_zero_or_of_no_book_is_refused(shop: Shop) -> None:
    """Nobody can take away what is not there; a stranger can take nothing at all."""
    book_id = await shop.add_book(quantity=2)
    check_problem(await change(shop.catalog, book_id, change=-3), 409, "stock-too-low")
    check_problem(await change(shop.catalog, 99, change=1), 404, "book-not-found")
    stranger = Caller(shop.catalog.url, shop.client)
    check_problem(await change(stranger, book_id, change=1), 401, "unauthorized")
    check_problem(await stranger.get(f"/books/{book_id}/movements"), 401, "unauthorized")
    check_problem(await shop.catalog.get("/books/99/movements"), 404, "book-not-found")


@pytest.mark.parametrize(
    ("given", "kept"), [("Lina", "Lina"), (" Lina ", "Lina"), ("", None), ("x" * 100, "x" * 100)]
)
async def test_who_changes_something_is_kept(shop: Shop, given: str, kept: str | None) -> None:
    """As the header says it."""
    book_id = await shop.add_book()
    await change(shop.catalog, book_id, {"bazar-actor": given}, change=1)
    assert [kept] == [row.get("actor") for row in await rows(shop.catalog, book_id)]


@pytest.mark.parametrize("given", ["x" * 101, "Li\tna"])
async def test_a_name_that_is_none_is_refused(shop: Shop, given: str) -> None:
    """Too long, or with what steers a terminal; nothing changes."""
    book_id = await shop.add_book()
    reply = await change(shop.catalog, book_id, {"bazar-actor": given}, change=1)
    check_problem(reply, 400, "invalid-request")
    assert "bazar-actor" == reply.json["member"]
    assert 0 == await shop.stock(book_id)


async def test_the_ledger_of_a_book_is_paged_from_its_end(shop: Shop) -> None:
    """The newest first; each page goes on before the last row of the one before."""
    book_id = await shop.add_book(quantity=9)
    await shop.add_book(quantity=3)
    await reserve(shop.catalog, "o1", (book_id, 2))
    await release(shop.catalog, "o1")
    first = await rows(shop.catalog, book_id, "?limit=2")
    assert [("released", 9, "o1"), ("sold", 7, "o1")] == [
        (row["kind"], row["stock_after"], row["order_id"]) for row in first
    ]
    last = await rows(shop.catalog, book_id, f"?before={first[-1]['id']}")
    assert [("received", 9)] == [(row["kind"], row["stock_after"]) for row in last]
    assert [] == await rows(shop.catalog, book_id, f"?before={last[-1]['id']}")
    check_problem(
        await shop.catalog.get(f"/books/{book_id}/movements?before=0"), 400, "invalid-request"
    )
