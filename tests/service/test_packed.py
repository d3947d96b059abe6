"""What is sent as gzip: lists and documents. What never is: whatever is for one reader alone."""

import gzip

import pytest

from support.described import SERVICES, endpoints
from support.shops import Reply, Shop

GZIP = {"accept-encoding": "gzip"}
PACKED = {
    "front": {"/search/{topic:path}", "/topics", "/books", "/books/counts", "/openapi.json"},
    "catalog": {
        "/search/{topic:path}",
        "/query",
        "/topics",
        "/books",
        "/books/counts",
        "/books/edits",
        "/shop",
        "/openapi.json",
    },
    "order": {"/openapi.json"},
}
"""All that may be packed: public, and the same for everybody."""


def is_packed(reply: Reply) -> bool:
    """Tell whether an answer came as gzip."""
    return reply.headers.get("content-encoding") == "gzip"


@pytest.mark.parametrize("service", SERVICES)
def test_what_may_be_packed_is_public_and_written_down(service: str) -> None:
    """A route more has to be thought about here: no secret, nothing for one reader alone."""
    packed = [one.route for one in endpoints(service) if one.route.packed]
    assert PACKED[service] == {one.path for one in packed}
    assert not any(one.secret or one.hidden or one.method != "GET" for one in packed)


async def test_lists_and_documents_are_packed_for_who_takes_that(shop: Shop) -> None:
    """Front and catalog alike; the plain form is what it was."""
    for number in range(30):
        await shop.add_book(title=f"A long volume of the lab, number {number}")
    for caller, paths in (
        (shop.front, ("/search/distributed-systems", "/books?limit=30", "/openapi.json")),
        (shop.catalog, ("/query?topic=distributed-systems", "/books?limit=30")),
    ):
        for path in (*paths, "/docs/swagger-ui.css"):
            stranger = type(caller)(caller.url, caller.client)
            plain, packed = await stranger.get(path), await stranger.get(path, GZIP)
            assert not is_packed(plain), path
            assert is_packed(packed), path
            assert plain.content == gzip.decompress(packed.content)
            assert len(packed.content) < len(plain.content) / 2
            assert "Accept-Encoding" == plain.headers["vary"] == packed.headers["vary"]
            head = await stranger.call("HEAD", path, headers=GZIP)
            assert (b"", str(len(packed.content))) == (head.content, head.headers["content-length"])
            if tag := packed.headers.get("etag"):
                assert tag != plain.headers["etag"]
                held = await stranger.get(path, GZIP | {"if-none-match": tag})
                assert (304, b"", tag) == (held.status, held.content, held.headers["etag"])


async def test_a_book_is_answered_as_it_is(shop: Shop) -> None:
    """It is small, and asked most: nothing is looked at, nothing is said."""
    await shop.add_book(description="long " * 500)
    for _ in range(2):
        reply = await shop.front.get("/info/1", GZIP)
        assert not is_packed(reply)
        assert "vary" not in reply.headers


async def test_orders_and_purchases_are_never_packed(shop: Shop) -> None:
    """However long: an order's id is its buyer's secret, and its note is what anybody typed."""
    ids = [await shop.add_book(title="A long title " * 30, quantity=9) for _ in range(9)]
    lines = [{"id": book_id} for book_id in ids]
    bought = await shop.front.post("/orders", {"lines": lines}, GZIP)
    assert 201 == bought.status
    path = bought.headers["location"]
    for reply in (
        bought,
        await shop.front.get(path, GZIP),
        await shop.front.post(f"{path}/cancel", None, GZIP),
        await shop.order.get("/orders", GZIP),
        await shop.catalog.get("/movements", GZIP),
        await shop.catalog.get("/books", GZIP),
    ):
        assert len(reply.content) > 1024
        assert not is_packed(reply)


async def test_pages_for_one_reader_are_never_packed(shop: Shop) -> None:
    """Basket, checkout and order; the pages for everybody still are."""
    await shop.add_book(quantity=5)
    form = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
    added = await shop.front.call("POST", "/basket", headers=form, content=b"add=1")
    cookie = {"cookie": "; ".join(one.partition(";")[0] for one in added.cookies)}
    bought = await shop.front.post("/purchase/1")
    assert 201 == bought.status, bought.content
    order_id = bought.json["order_id"]
    for path in ("/basket", "/checkout", f"/order/{order_id}", "/order/none", "/nowhere"):
        reply = await shop.front.get(path, GZIP | cookie | {"accept": "text/html"})
        assert reply.headers["content-type"].startswith("text/html"), path
        assert len(reply.content) > 1024
        assert not is_packed(reply), path
    for path in ("/", "/book/1/rpcs-for-noobs", "/find?q=noobs"):
        assert is_packed(await shop.front.get(path, GZIP | cookie)), path
