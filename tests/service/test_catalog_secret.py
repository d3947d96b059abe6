"""Who may write to the catalog: who has the secret."""

from support.catalog_calls import BOOK
from support.shops import CATALOG_URL, SECRET, Caller, Shop

SECRET_ROUTES: list[tuple[str, str, object]] = [
    ("POST", "/books", BOOK),
    ("PATCH", "/books/1", {"title": "x"}),
    ("PUT", "/update/1/price/1", None),
    ("PUT", "/update/1/amount_of_items/1", None),
    ("POST", "/imports", {"rows": [{"row": 1, "book": BOOK}]}),
    ("POST", "/reservations", [{"order_id": "o", "lines": [{"id": 1}]}]),
    ("POST", "/reservations/o/release", None),
    ("POST", "/in-stock", {"book_ids": [1]}),
    ("GET", "/reservations", None),
    ("GET", "/reservations/o", None),
    ("POST", "/books/1/stock", {"change": 1}),
    ("GET", "/books/1/movements", None),
    ("PATCH", "/shop", {"name": "Mine"}),
    ("GET", "/movements", None),
    ("GET", "/stock-report", None),
    ("GET", "/audit", None),
    ("GET", "/audit/decisions", None),
    ("GET", "/audit/decisions/o", None),
    ("GET", "/audit/integrity", None),
    ("GET", "/books/all", None),
    ("POST", "/backups", {"id": "b"}),
    ("GET", "/backups/b", None),
    ("GET", "/backups/b/content", None),
    ("POST", "/backups/b/end", None),
]


async def test_without_the_secret_nothing_is_written(shop: Shop) -> None:
    """No secret or a wrong one is 401 with a challenge, and changes nothing."""
    assert 1 == await shop.add_book(quantity=1)
    stranger = Caller(CATALOG_URL, shop.client)
    before = (await stranger.get("/books")).json
    wrong = ["", "Bearer", "Bearer ", "Bearer wrong", f"Bearer {SECRET}x", f"Bearer {SECRET[:-1]}"]
    wrong += [SECRET, f"Basic {SECRET}", f"Bearer {SECRET} {SECRET}", f"Bearer  {SECRET}"]
    for method, path, body in SECRET_ROUTES:
        for headers in ({}, *({"authorization": value} for value in wrong)):
            reply = await stranger.call(method, path, body, headers)
            assert (401, "unauthorized") == (reply.status, reply.code), (path, headers)
            assert reply.headers["www-authenticate"].startswith("Bearer")
    assert before == (await stranger.get("/books")).json
    assert [] == (await shop.catalog.get("/reservations")).json


async def test_every_write_is_behind_the_secret(shop: Shop) -> None:
    """The list above is complete: all else in the description only reads."""
    document = (await shop.catalog.get("/openapi.json")).json
    described = {
        (method.upper(), path)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if "security" in operation or method != "get"
    }
    listed = {
        ("POST", "/books"),
        ("PATCH", "/books/{book_id}"),
        ("PUT", "/update/{book_id}/{field}/{value}"),
        ("POST", "/imports"),
        ("POST", "/reservations"),
        ("POST", "/reservations/{order_id}/release"),
        ("POST", "/in-stock"),
        ("GET", "/reservations"),
        ("GET", "/reservations/{order_id}"),
        ("POST", "/books/{book_id}/stock"),
        ("GET", "/books/{book_id}/movements"),
        ("PATCH", "/shop"),
        ("GET", "/movements"),
        ("GET", "/stock-report"),
        ("GET", "/metrics"),
        ("GET", "/audit"),
        ("GET", "/audit/decisions"),
        ("GET", "/audit/decisions/{order_id}"),
        ("GET", "/audit/integrity"),
        ("GET", "/books/all"),
        ("POST", "/backups"),
        ("GET", "/backups/{backup_id}"),
        ("GET", "/backups/{backup_id}/content"),
        ("POST", "/backups/{backup_id}/end"),
    }
    assert listed == described
