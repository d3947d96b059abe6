"""Answers say for themselves whether a cache may keep them, books and lists how to ask again."""

import pytest

from support.order_calls import key
from support.shops import Caller, Reply, Shop

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
KEPT_A_DAY = ("/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js")


async def routes_of(caller: Caller, values: dict[str, str]) -> list[str]:
    """Return a path for each route of a service, with these values in it."""
    document = (await caller.get("/openapi.json")).json
    return [template.format_map(values) for template in document["paths"]]


async def test_no_answer_leaves_it_to_a_cache_how_long_it_holds(shop: Shop) -> None:
    """On every route of every service, with every method, whatever comes of it."""
    book_id = await shop.add_book(quantity=5)
    order_id = (await shop.front.post(f"/purchase/{book_id}")).json["order_id"]
    values = {
        "book_id": str(book_id),
        "order_id": order_id,
        "topic": "t",
        "field": "price",
        "value": "1",
        "backup_id": "none",
    }
    for caller in (shop.front, shop.order, shop.catalog):
        paths = await routes_of(caller, values)
        assert len(paths) > 5
        for path in [*paths, "/nowhere", "/info/999", "/orders/nope", "/docs/start.js", "/docs"]:
            for method in METHODS:
                if path == "/changes" and method == "GET":
                    continue  # it has no end
                reply = await caller.call(method, path)
                said = reply.headers.get("cache-control")
                assert said in {"no-cache", "no-store"}, (method, path, reply.status)
                if reply.status >= 300 or method not in {"GET", "HEAD"}:
                    assert "no-store" == said, (method, path, reply.status)
        for path in KEPT_A_DAY:
            assert "public, max-age=86400" == (await caller.get(path)).headers["cache-control"]


async def test_orders_and_purchases_are_never_kept(shop: Shop) -> None:
    """By nobody, whoever placed, asked, cancelled or repeated them."""
    book_id = await shop.add_book(quantity=5)
    bought = await shop.front.post(f"/purchase/{book_id}", None, key("a"))
    order = f"/orders/{bought.json['order_id']}"
    placements = [{"kind": "purchase", "lines": [{"id": book_id}], "key": "b"}]
    replies = [
        bought,
        await shop.front.post(f"/purchase/{book_id}", None, key("a")),
        await shop.front.post("/orders", {"lines": [{"id": book_id}]}),
        await shop.front.get(order),
        await shop.front.post(f"{order}/cancel"),
        await shop.order.get(order),
        await shop.order.get("/orders"),
        await shop.order.post(f"/purchase/{book_id}", None, key("c")),
        await shop.order.post("/placements", placements),
        await shop.catalog.get("/movements"),
        await shop.front.get("/healthz"),
        await shop.catalog.get("/metrics"),
    ]
    assert {200, 201} == {reply.status for reply in replies}
    assert {"no-store"} == {reply.headers["cache-control"] for reply in replies}
    assert all("etag" not in reply.headers for reply in replies)


@pytest.mark.parametrize(
    "path", ["/info/1", "/search/distributed-systems", "/books", "/books?q=noobs", "/topics"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_who_holds_a_book_or_a_list_is_told_so(shop: Shop, path: str, method: str) -> None:
    """By front and catalog, from the cache or not; once it changes, the new one is sent."""
    await shop.add_book(quantity=5)
    tags = set()
    for caller in (shop.front, shop.catalog):
        for more in ({}, {}, {"cache-control": "no-cache"}):
            full = await caller.call(method, path, headers=more)
            assert (200, "no-cache") == (full.status, full.headers["cache-control"])
            tag = full.headers["etag"]
            tags.add(tag)
            for held in (tag, f'"x", W/{tag}', "*"):
                none = await caller.call(method, path, headers={"if-none-match": held, **more})
                assert (304, b"") == (none.status, none.content)
                assert (tag, "no-cache") == (none.headers["etag"], none.headers["cache-control"])
                assert not {"content-type", "content-length"} & none.headers.keys()
            other = await caller.call(method, path, headers={"if-none-match": '"x"'})
            assert (200, full.content) == (other.status, other.content)
    assert 1 == len(tags)
    await shop.catalog.call("PATCH", "/books/1", {"title": "Noobs for RPCs", "topic": "other"})
    for caller in (shop.front, shop.catalog):
        changed = await caller.call(method, path, headers={"if-none-match": tag})
        assert (200, False) == (changed.status, tag == changed.headers["etag"])


async def test_each_sale_makes_another_book(shop: Shop) -> None:
    """So who holds it from before the sale hears of the stock that is left."""
    book_id = await shop.add_book(quantity=5)
    replies: list[Reply] = []
    for left in (5, 4, 3):
        held = {"if-none-match": replies[-1].headers["etag"]} if replies else {}
        replies.append(await shop.front.get(f"/info/{book_id}", held))
        assert (200, left) == (replies[-1].status, replies[-1].json["quantity"])
        assert 201 == (await shop.front.post(f"/purchase/{book_id}")).status
