"""The setting that closes the JSON routes by which anybody may order."""

from collections.abc import AsyncIterator

import pytest

from bazar.front.app import front_app
from support.problem_documents import check_problem
from support.shops import CATALOG_URL, FRONT_URL, ORDER_URL, SECRET, Caller, Shop

CLOSED_URL = "http://closed.test"


@pytest.fixture
async def closed(shop: Shop) -> AsyncIterator[Caller]:
    """Open one more front, with `--open-api off`, and call it without the secret."""
    async with front_app(CATALOG_URL, ORDER_URL, SECRET, shop.client, open_api=False) as front:
        shop.network.host(CLOSED_URL, front)
        yield Caller(CLOSED_URL, shop.client)


@pytest.mark.parametrize("secret", [None, "not the secret"])
async def test_a_stranger_orders_nothing_over_the_closed_interface(
    shop: Shop, closed: Caller, secret: str | None
) -> None:
    """Neither one book nor several; nothing is stored, and the answer says where to order."""
    book_id = await shop.add_book(quantity=5)
    stranger = Caller(closed.url, closed.client, secret)
    for path, body in (
        (f"/purchase/{book_id}", None),
        (f"/purchase/{book_id}", {"quantity": 2}),
        ("/orders", {"lines": [{"id": book_id}]}),
    ):
        reply = await stranger.post(path, body)
        check_problem(reply, 403, "open-api-off")
        assert "pages" in reply.json["hint"]
    assert 5 == await shop.stock(book_id)
    assert [] == (await shop.order.get("/orders")).json


async def test_who_has_the_secret_orders_all_the_same(shop: Shop, closed: Caller) -> None:
    """The keeper's own programs go on; and everybody may look."""
    book_id = await shop.add_book(quantity=5)
    keeper = Caller(closed.url, closed.client, SECRET)
    bought = await keeper.post(f"/purchase/{book_id}")
    assert 201 == bought.status
    assert 201 == (await keeper.post("/orders", {"lines": [{"id": book_id}]})).status
    assert 200 == (await closed.get(f"/orders/{bought.json['order_id']}")).status
    assert 200 == (await closed.get(f"/info/{book_id}")).status
    assert 200 == (await closed.post(f"/orders/{bought.json['order_id']}/cancel")).status


async def test_it_is_open_where_nobody_closes_it(shop: Shop) -> None:
    """The lab's programs have no secret."""
    book_id = await shop.add_book(quantity=5)
    assert FRONT_URL == shop.front.url
    assert 201 == (await shop.front.post(f"/purchase/{book_id}")).status
