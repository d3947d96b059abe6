"""What all services have in common: errors, methods, ids, limits, health, and their description."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bazar import __version__
from bazar.kit import errors
from bazar.kit.http.request import BODY_BYTES_MAX
from support.catalog_calls import BOOK, ISBN
from support.problem_documents import check_problem, known_members
from support.shops import CATALOG_URL, FRONT_URL, ORDER_URL, SECRET, Caller, Shop

COMMON_PATHS = ("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/start.js")


@pytest.fixture
def services(shop: Shop) -> dict[str, Caller]:
    """Call each of the three services."""
    return {"catalog": shop.catalog, "order": shop.order, "front": shop.front}


@pytest.fixture
def strangers(shop: Shop) -> list[Caller]:
    """Call each of the three services without the secret."""
    return [Caller(url, shop.client) for url in (CATALOG_URL, ORDER_URL, FRONT_URL)]


async def test_an_unknown_page_is_a_problem(services: dict[str, Caller]) -> None:
    """404 route-not-found for every method, whatever else is wrong with the request."""
    for caller in services.values():
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            for path in ("/nothing", "/info", "/info/1/2", "/docs/nothing", "//x", "/docs/a/b"):
                if method != "GET" and path == "/docs/nothing":
                    continue
                reply = await caller.call(method, path)
                check_problem(reply, 404, "route-not-found")


async def test_a_wrong_method_is_told_the_right_one(services: dict[str, Caller]) -> None:
    """405 with Allow, and a message that names the method to use."""
    for caller in services.values():
        for path in COMMON_PATHS:
            for method in ("POST", "PUT", "PATCH", "DELETE"):
                reply = await caller.call(method, path)
                problem = check_problem(reply, 405, "method-not-allowed")
                assert "GET, HEAD" == reply.headers["allow"]
                assert f"not {method}: use GET" in problem.detail


async def test_a_get_never_buys(shop: Shop) -> None:
    """GET and HEAD of a purchase are refused with Allow: POST, and sell nothing."""
    book_id = await shop.add_book(quantity=1)
    for caller in (shop.front, shop.order):
        for path in (f"/purchase/{book_id}", f"/purchase/{book_id}/"):
            reply = await caller.get(path)
            problem = check_problem(reply, 405, "method-not-allowed")
            assert "POST" == reply.headers["allow"]
            assert "use POST" in problem.detail
            head = await caller.call("HEAD", path)
            assert (405, b"") == (head.status, head.content)
    assert 1 == await shop.stock(book_id)


async def test_a_trailing_slash_makes_no_difference(
    shop: Shop, services: dict[str, Caller]
) -> None:
    """One or several at the end of a path lead to the same answer, without a redirect."""
    book_id = await shop.add_book(quantity=1)
    for caller in services.values():
        for path in ("/healthz/", "/readyz//", "/docs/"):
            assert 200 == (await caller.get(path)).status
    for caller in (shop.front, shop.catalog):
        wanted = (await caller.get(f"/info/{book_id}")).json
        assert wanted == (await caller.get(f"/info/{book_id}/")).json
    assert 201 == (await shop.front.post(f"/purchase/{book_id}/")).status


async def test_a_newline_in_a_path_is_a_character_like_any_other(
    shop: Shop, services: dict[str, Caller]
) -> None:
    """A topic may hold one, and behind a path it makes another path."""
    await shop.add_book(topic="distributed\nsystems")
    for name in ("catalog", "front"):
        found = await services[name].get("/search/distributed%0Asystems")
        assert [1] == [book["id"] for book in found.json]
    for caller in services.values():
        reply = await caller.get("/healthz%0A")
        assert (404, "route-not-found") == (reply.status, reply.code)


async def test_head_has_the_headers_and_no_body(shop: Shop, services: dict[str, Caller]) -> None:
    """HEAD of every page that can be read answers as GET does, without the body."""
    book_id = await shop.add_book()
    paths = {
        "catalog": (f"/info/{book_id}", "/books", "/topics", "/info/99", "/movements"),
        "order": ("/orders", "/orders/none"),
        "front": (f"/info/{book_id}", "/books", "/search/x", "/info/99", "/orders/none"),
    }
    for name, caller in services.items():
        for path in (*paths[name], "/healthz", "/docs", "/openapi.json", "/docs/swagger-ui.css"):
            get = await caller.get(path)
            head = await caller.call("HEAD", path)
            assert (get.status, b"") == (head.status, head.content), path
            assert get.headers["content-length"] == head.headers["content-length"], path
            assert get.headers["content-type"] == head.headers["content-type"], path


async def test_options_lists_the_methods(services: dict[str, Caller]) -> None:
    """204 without a body, with Allow; no secret is needed for it."""
    for name, caller in services.items():
        reply = await caller.call("OPTIONS", "/healthz")
        assert (204, b"") == (reply.status, reply.content)
        assert "GET, HEAD, OPTIONS" == reply.headers["allow"]
        if name != "catalog":
            reply = await caller.call("OPTIONS", "/purchase/1")
            assert (204, "POST, OPTIONS") == (reply.status, reply.headers["allow"])
    books = await services["catalog"].call("OPTIONS", "/books")
    assert "GET, HEAD, POST, OPTIONS" == books.headers["allow"]


async def test_a_service_tells_that_it_is_alive_and_ready(services: dict[str, Caller]) -> None:
    """With its name and version."""
    for name, caller in services.items():
        for path, status in (("/healthz", "alive"), ("/readyz", "ready")):
            reply = await caller.get(path)
            wanted = {"service": name, "status": status, "version": __version__}
            assert (200, wanted) == (reply.status, reply.json)


async def test_a_service_shows_its_counters(shop: Shop, services: dict[str, Caller]) -> None:
    """Requests are counted by route and status, never by path."""
    for name, caller in services.items():
        for _ in range(3):
            await caller.get("/healthz")
        for number in (7, 8):
            await caller.get(f"/info/{number}")
            await caller.get(f"/nothing/{number}")
        reply = await replace(caller, secret=SECRET).get("/metrics")
        assert reply.headers["content-type"].startswith("text/plain; version=")
        counts = {
            (sample.labels["method"], sample.labels["route"], sample.labels["status"]): sample.value
            for family in text_string_to_metric_families(reply.content.decode())
            for sample in family.samples
            if sample.name == "bazar_requests_total" and sample.labels["service"] == name
        }
        assert 3 == counts["GET", "/healthz", "200"]
        if caller is not shop.order:
            assert 2 == counts["GET", "/info/{book_id}", "404"]
        assert not any("7" in route for _method, route, _status in counts)
        assert counts["other", "(none)", "404"] >= 2


async def test_a_service_describes_itself(services: dict[str, Caller]) -> None:
    """As an OpenAPI document, and as a page that loads nothing from elsewhere."""
    for caller in services.values():
        document = (await caller.get("/openapi.json")).json
        assert ("3.1.0", __version__) == (document["openapi"], document["info"]["version"])
        page = await caller.get("/docs")
        assert page.headers["content-type"].startswith("text/html")
        assert "default-src 'self'" in page.headers["content-security-policy"]
        assert b"://" not in page.content
        for name, kind in (
            ("swagger-ui.css", "text/css"),
            ("swagger-ui-bundle.js", "text/javascript"),
            ("start.js", "text/javascript"),
        ):
            assert f"/docs/{name}".encode() in page.content
            asset = await caller.get(f"/docs/{name}")
            assert 200 == asset.status
            assert asset.headers["content-type"].startswith(kind)
            assert asset.content
        for path in ("/docs/..%2Fapp.py", "/docs/swagger-ui.css.map", "/docs/__init__.py"):
            check_problem(await caller.get(path), 404, "route-not-found")


async def test_a_proper_request_id_is_kept_and_any_other_replaced(
    services: dict[str, Caller],
) -> None:
    """The caller's id comes back where it is 1 to 64 plain characters; else one of ours does."""
    for caller in services.values():
        for given in ("a", "A.b_c-9", "x" * 64):
            reply = await caller.get("/healthz", {"x-request-id": given})
            assert given == reply.headers["x-request-id"]
        seen = set()
        for given in ("", "a b", "x" * 65, 'a"b', "a;b", "a/b"):
            reply = await caller.get("/nothing", {"x-request-id": given})
            assert given != reply.headers["x-request-id"]
            seen.add(reply.headers["x-request-id"])
        assert 6 == len(seen)


async def test_the_time_of_every_tier_is_told(shop: Shop, services: dict[str, Caller]) -> None:
    """Server-Timing names the service, and those behind it that took part."""
    for name, caller in services.items():
        for path in ("/healthz", "/nothing"):
            assert f"{name};dur=" in (await caller.get(path)).headers["server-timing"]
    book_id = await shop.add_book(quantity=1)
    bought = await shop.front.post(f"/purchase/{book_id}")
    for tier in ("front", "order", "catalog"):
        assert f"{tier};dur=" in bought.headers["server-timing"]


async def test_a_body_over_64_kib_is_refused(services: dict[str, Caller]) -> None:
    """One byte more than the limit is 413; at the limit it is read, and found wanting."""
    routes = {
        "catalog": [("POST", "/books"), ("PATCH", "/books/1")],
        "order": [("POST", "/orders"), ("POST", "/purchase/1")],
        "front": [("POST", "/orders"), ("POST", "/purchase/1")],
    }
    for name, caller in services.items():
        for method, path in routes[name]:
            headers = {"idempotency-key": '"k"'}
            body = b'{"x":' + b" " * (BODY_BYTES_MAX - 6) + b"1"
            assert BODY_BYTES_MAX == len(body)
            reply = await caller.call(method, path, headers=headers, content=body)
            check_problem(reply, 400, "invalid-request")
            reply = await caller.call(method, path, headers=headers, content=body + b"}")
            check_problem(reply, 413, "body-too-large")


async def test_every_error_of_every_route_has_one_shape(
    services: dict[str, Caller], strangers: list[Caller]
) -> None:
    """No secret, a wrong method, a wrong id, a wrong argument, a broken body: always a problem."""
    for caller, stranger in zip(services.values(), strangers, strict=True):
        document = (await caller.get("/openapi.json")).json
        for template, methods in document["paths"].items():
            path = template.replace("{book_id}", "1").replace("{order_id}", "o")
            path = path.replace("{backup_id}", "b")
            path = path.replace("{topic}", "x").replace("{field}", "price").replace("{value}", "1")
            assert "{" not in path
            check_problem(await caller.call("DELETE", path), 405, "method-not-allowed")
            for method, operation in methods.items():
                verb = method.upper()
                headers = {"idempotency-key": '"k"'}
                if "security" in operation:
                    reply = await stranger.call(verb, path, {}, headers)
                    check_problem(reply, 401, "unauthorized")
                if "{book_id}" in template:
                    body: object = {} if "requestBody" in operation else None
                    reply = await caller.call(verb, path.replace("1", "0", 1), body, headers)
                    check_problem(reply, 400, "invalid-request")
                if any(parameter["in"] == "query" for parameter in operation["parameters"]):
                    reply = await caller.call(verb, f"{path}?surprise=1")
                    check_problem(reply, 400, "invalid-request")
                if "requestBody" in operation:
                    for content in (b"{", b"\xff", b"[[" * 30_000, b'"text"', b'{"surprise":1}'):
                        reply = await caller.call(verb, path, headers=headers, content=content)
                        check_problem(reply, 400, "invalid-request")


def written(document: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Yield the routes of a document as something to call: method, path, whether with a body."""
    values = {"book_id": "1", "order_id": "o", "topic": "x", "field": "price", "value": "1"}
    values |= {"backup_id": "b"}
    for template, methods in document["paths"].items():
        path = re.sub(r"{(\w+)}", lambda found: values[found[1]], template)
        for method, operation in methods.items():
            yield method.upper(), path, "requestBody" in operation


ENDS = [
    ({"transfer-encoding": "chunked", "content-length": "5"}, 400, "invalid-framing"),
    ({"transfer-encoding": "chunked"}, 400, "invalid-framing"),
    ({"transfer-encoding": "gzip, chunked"}, 501, "coding-not-implemented"),
]


async def test_a_request_with_two_ends_is_refused_on_every_route(
    shop: Shop, services: dict[str, Caller]
) -> None:
    """Before the secret is asked for, on a path that is not there too; the connection is closed."""
    book_id = await shop.add_book(quantity=5)
    for caller in services.values():
        routes = list(written((await caller.get("/openapi.json")).json))
        for method, path, _body in [*routes, ("GET", "/nowhere", False), ("PUT", "/docs", False)]:
            for headers, status, code in ENDS:
                reply = await caller.call(method, path, headers=headers)
                if method == "HEAD":
                    continue
                check_problem(reply, status, code)
                assert "close" == reply.headers["connection"]
    assert 5 == await shop.stock(book_id)
    assert [] == (await shop.order.get("/orders")).json


FOREIGN = [
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site", "origin": "http://a.sister.example"},
    {"sec-fetch-site": "same-origin", "origin": "https://evil.example"},
]


async def test_a_page_of_another_site_writes_nowhere(
    shop: Shop, services: dict[str, Caller]
) -> None:
    """Every route that changes something refuses it, with the secret too; reads go on."""
    book_id = await shop.add_book(quantity=5)
    for caller in services.values():
        for method, path, _body in written((await caller.get("/openapi.json")).json):
            for origin in FOREIGN:
                headers = origin | {"host": "shop.example", "idempotency-key": "k"}
                if method != "GET":
                    reply = await caller.call(method, path, headers=headers)
                    check_problem(reply, 403, "cross-site")
    for origin in FOREIGN:
        headers = origin | {"host": "shop.example"}
        assert 200 == (await shop.front.get(f"/info/{book_id}", headers)).status
    own = {"host": "shop.example", "origin": "https://shop.example"}
    assert 201 == (await shop.front.post(f"/purchase/{book_id}", None, own)).status
    assert 4 == await shop.stock(book_id)


async def test_a_body_that_is_said_to_be_no_json_is_refused_on_every_route(
    shop: Shop, services: dict[str, Caller]
) -> None:
    """A page can send it to a shop without being asked first; a form is what curl says."""
    await shop.add_book(quantity=5)
    for caller in services.values():
        for method, path, body in written((await caller.get("/openapi.json")).json):
            for kind in ("text/plain", "multipart/form-data; boundary=x") if body else ():
                headers = {"content-type": kind, "idempotency-key": "k"}
                reply = await caller.call(method, path, headers=headers, content=b"{}")
                check_problem(reply, 415, "unsupported-media-type")
    form = {"content-type": "application/x-www-form-urlencoded"}
    own = {"host": "shop.example", "origin": "https://shop.example"}
    for headers, status in ((form, 201), (form | own, 415), ({"content-type": "text/plain"}, 415)):
        reply = await shop.front.call(
            "POST", "/purchase/1", headers=headers, content=b'{"quantity":2}'
        )
        assert status == reply.status
    assert 201 == (await shop.front.post("/purchase/1", None, {"content-type": "x/y"})).status
    assert 2 == await shop.stock(1)


async def test_a_form_that_is_no_json_is_told_to_be_json(shop: Shop) -> None:
    """`curl -d quantity=2` says that it is a form, and it is one; nothing is bought."""
    await shop.add_book(quantity=5)
    form = {"content-type": "application/x-www-form-urlencoded"}
    for content in (b"quantity=2", b" id=1&id=2", b"%7B%7D", b'"x"', b"2"):
        for caller, path in ((shop.front, "/purchase/1"), (shop.order, "/orders")):
            reply = await caller.call("POST", path, headers=form, content=content)
            problem = check_problem(reply, 415, "unsupported-media-type")
            assert "application/json" in problem.hint
        unnamed = await shop.front.call("POST", "/purchase/1", content=content)
        check_problem(unnamed, 400, "invalid-request")
    nothing = await shop.front.call("POST", "/purchase/1", headers=form, content=b" \r\n")
    check_problem(nothing, 400, "invalid-request")
    assert 5 == await shop.stock(1)


@pytest.mark.parametrize(
    ("method", "path", "body", "member"),
    [
        ("POST", "/books", BOOK | {"title": " "}, "title"),
        ("POST", "/books", BOOK | {"topic": "-"}, "topic"),
        ("POST", "/books", BOOK | {"isbn": "12"}, "isbn"),
        ("POST", "/books", BOOK | {"price": 0.001}, "price"),
        ("POST", "/books", BOOK | {"author": "\0"}, "author"),
        ("POST", "/books", BOOK | {"quantity": -1}, "quantity"),
        ("POST", "/imports", {"rows": [{"row": 1, "book": {"title": 5}}]}, "rows[0].book.title"),
        ("PATCH", "/books/x", {"title": " "}, "book_id"),
        ("PUT", "/update/1/colour/1", None, "field"),
        ("PUT", "/update/1/price/x", None, "value"),
        ("PUT", "/update/1/amount_of_items/x", None, "value"),
        ("PUT", "/update/1/amount_of_items/0", None, "quantity"),
        ("PUT", "/update/1/amount_of_items/1000000000", None, "quantity"),
        ("GET", "/books?after=x", None, "after"),
        ("GET", "/books?q=ann&after=x", None, "after"),
        ("GET", "/books?isbn=12", None, "isbn"),
        ("GET", "/books?limit=0", None, "limit"),
        ("GET", "/query", None, "topic"),
        ("POST", f"/reservations/{'x' * 65}/release", None, "order_id"),
    ],
)
async def test_the_catalog_names_the_member_that_is_wrong(
    shop: Shop, method: str, path: str, body: object, member: str
) -> None:
    """Whether it breaks the form of a message or a rule of the shop."""
    await shop.add_book(quantity=1)
    reply = await shop.catalog.call(method, path, body)
    assert member == check_problem(reply, 400, "invalid-request").member


async def test_a_book_that_is_there_already_is_named_with_what_it_has(shop: Shop) -> None:
    """Its id or its ISBN is the member that cannot be."""
    book_id = await shop.add_book(isbn=ISBN)
    for member, value in (("id", book_id), ("isbn", ISBN)):
        reply = await shop.catalog.post("/books", BOOK | {member: value})
        problem = check_problem(reply, 409, "book-exists")
        assert (member, book_id) == (problem.member, problem.book_id)


async def test_front_and_order_service_name_the_member_that_is_wrong(
    services: dict[str, Caller],
) -> None:
    """Of an order, of one line of it, and of the path."""
    for name in ("front", "order"):
        for path, body, member in (
            ("/orders", {"lines": [{"id": 1}, {"id": 1}]}, "lines"),
            ("/orders", {"lines": [{"id": 1}, {"id": 2, "quantity": 0}]}, "lines[1].quantity"),
            ("/orders", {"lines": [{"id": 1, "copies": 2}]}, "lines[0].copies"),
            ("/orders", {}, "lines"),
            ("/purchase/x", {"quantity": 0}, "book_id"),
            ("/purchase/1", {"quantity": 0}, "quantity"),
            ("/purchase/1", [], None),
        ):
            reply = await services[name].post(path, body)
            assert member == check_problem(reply, 400, "invalid-request").member
    reply = await services["order"].get("/orders?limit=x")
    assert "limit" == check_problem(reply, 400, "invalid-request").member


def test_every_error_that_a_test_knows_is_one_of_ours() -> None:
    """The list of codes holds those of the kit, of the shop and of the catalog."""
    assert errors.Overloaded.code in known_members()
    assert {"book-not-found", "stock-too-low", "route-not-found"} <= known_members().keys()
