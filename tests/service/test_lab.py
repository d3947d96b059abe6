"""The lab's own calls, as its logs have them."""

from support.shops import Shop


async def test_a_lab_client_searches_reads_and_buys(shop: Shop) -> None:
    """Search, info and purchase on the front answer what the lab's servers answered."""
    book_id = await shop.add_book(quantity=2)
    search = await shop.front.get("/search/distributed%20systems")
    assert [{"id": book_id, "title": "RPCs for Noobs"}] == search.json
    info = await shop.front.get(f"/info/{book_id}")
    assert 200 == info.status
    assert b'"price":19.99' in info.content
    bought = await shop.front.post(f"/purchase/{book_id}")
    assert 201 == bought.status
    assert "bought book RPCs for Noobs" == bought.json["message"]
    assert 1 == await shop.stock(book_id)


async def test_a_lab_client_calls_the_services_behind(shop: Shop) -> None:
    """Its calls to catalog and order service work as they stand, with the secret on the writes."""
    book_id = await shop.add_book(quantity=3)
    for path in (f"/info/{book_id}", f"/query/{book_id}"):
        assert 3 == (await shop.catalog.get(path)).json["quantity"]
    less = await shop.catalog.call("PUT", f"/update/{book_id}/amount_of_items/-1")
    assert (200, 2) == (less.status, less.json["quantity"])
    bought = await shop.order.post(f"/purchase/{book_id}")
    assert 201 == bought.status
    again = await shop.order.post(
        f"/purchase/{book_id}", None, {"idempotency-key": bought.headers["idempotency-key"]}
    )
    assert bought.content == again.content
    assert 1 == await shop.stock(book_id)
