"""What all services have in common: errors, methods, ids, limits, health, and their description."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping

import msgspec
import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families
from pyreqwest.client import ClientBuilder
from starlette.responses import Response

from bazar import __version__, problems
from bazar.catalog import domain
from bazar.kit import errors, log, refusals
from bazar.kit.errors import BazarError, Problem, Unavailable
from bazar.kit.http import Endpoint, HttpApp, json_response
from bazar.kit.metrics import Metrics
from bazar.kit.operations import operations
from bazar.kit.request import BODY_BYTES_MAX, Request
from shops import CATALOG_URL, FRONT_URL, ORDER_URL, SECRET, Caller, InProcess, Reply, Shop

COMMON_PATHS = ("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/start.js")


@pytest.fixture
def services(shop: Shop) -> dict[str, Caller]:
    """Call each of the three services."""
    return {"catalog": shop.catalog, "order": shop.order, "front": shop.front}


@pytest.fixture
def strangers(shop: Shop) -> list[Caller]:
    """Call each of the three services without the secret."""
    return [Caller(url, shop.client) for url in (CATALOG_URL, ORDER_URL, FRONT_URL)]


def known_codes() -> set[str]:
    """Return the code of every error that there is."""
    assert problems
    assert domain
    found: set[str] = set()
    waiting: list[type[BazarError]] = [BazarError]
    while waiting:
        kind = waiting.pop()
        found.add(kind.code)
        waiting += kind.__subclasses__()
    return found


def check_problem(reply: Reply, status: int, code: str) -> Problem:
    """Make sure that a reply is a problem document of the one shape, and return it."""
    assert status == reply.status, reply.content
    assert "application/problem+json" == reply.headers["content-type"]
    problem = msgspec.json.decode(reply.content, type=Problem)
    assert (status, code) == (problem.status, problem.code)
    assert code in known_codes()
    assert f"urn:bazar:error:{code}" == problem.type
    assert all((problem.title, problem.detail, problem.hint))
    assert (status < 500 or code == "overloaded") == problem.definite
    known = set(Problem.__struct_fields__)
    assert set(reply.json) <= known, "a member that the description does not have"
    return problem


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
        reply = await caller.get("/metrics")
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


# ------------------------------------------------------------------- an app of our own


class Odd(Exception):
    """A fault that nobody foresaw."""


class Told(msgspec.Struct):
    """A body."""

    word: str


class Harness:
    """An app with handlers that wait, fail, and answer."""

    def __init__(self) -> None:
        """Start with room for two requests."""
        self.entered = asyncio.Semaphore(0)
        self.leave = asyncio.Event()
        endpoints = [
            Endpoint(method="GET", path=path, handler=handler, summary="", answers={200: None})
            for path, handler in (
                ("/wait", self.wait),
                ("/fault", self.fault),
                ("/away", self.away),
                ("/say/{word}", self.say),
                ("/full", self.full),
            )
        ]
        endpoints.append(
            Endpoint(
                method="POST",
                path="/tell",
                handler=self.tell,
                summary="",
                body=Told,
                answers={200: str},
            )
        )
        endpoints.append(
            Endpoint(
                method="POST",
                path="/secret",
                handler=self.wait,
                summary="",
                answers={200: None},
                secret=True,
            )
        )
        self.app = HttpApp("odd", endpoints, Metrics("odd"), SECRET, in_flight_max=2)

    async def wait(self, _request: Request) -> Response:
        """Answer when told to."""
        self.entered.release()
        await self.leave.wait()
        return Response(b"done")

    async def fault(self, _request: Request) -> Response:
        """Fail in a way that nobody foresaw."""
        message = "never shown to the caller"
        raise Odd(message)

    async def away(self, _request: Request) -> Response:
        """Fail in a way that is foreseen."""
        message = "the moon is away"
        raise Unavailable(message)

    async def full(self, _request: Request) -> Response:
        """Find out that there is no room."""
        message = "too many wait already"
        raise errors.Overloaded(message)

    async def tell(self, request: Request) -> Response:
        """Answer the word of the body."""
        return json_response(request.struct(Told).word)

    async def say(self, request: Request) -> Response:
        """Answer a word."""
        return json_response(request.path_params["word"])


@pytest.fixture
async def harness() -> Harness:
    """Build the app."""
    return Harness()


@pytest.fixture
async def odd(harness: Harness) -> AsyncIterator[Caller]:
    """Call that app."""
    network = InProcess()
    network.host("http://odd.test", harness.app)
    async with ClientBuilder().with_middleware(network).build() as client:
        yield Caller("http://odd.test", client, SECRET)


@pytest.fixture
def logged(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], list[dict[str, object]]]]:
    """Log as JSON, and return what was logged since the last look."""
    monkeypatch.setattr(log, "_BUFFER", log.LineBuffer())
    monkeypatch.setattr(log, "_STYLE", "json")
    log.configure("odd", "json")

    def look() -> list[dict[str, object]]:
        log.flush()
        return [json.loads(line) for line in capfd.readouterr().out.splitlines()]

    yield look
    log.flush()
    structlog.reset_defaults()


async def test_too_many_requests_at_once_are_refused_at_once(harness: Harness, odd: Caller) -> None:
    """503 overloaded with Retry-After while the limit is reached; the others are answered."""
    waiting = [asyncio.ensure_future(odd.get("/wait")) for _ in range(2)]
    for _ in waiting:
        await harness.entered.acquire()
    refused = await odd.get("/say/x")
    problem = check_problem(refused, 503, "overloaded")
    assert problem.definite
    assert refused.headers["retry-after"] in {"1", "2"}
    harness.leave.set()
    assert [b"done"] * 2 == [reply.content for reply in await asyncio.gather(*waiting)]
    assert 0 == harness.app.in_flight
    assert 200 == (await odd.get("/say/x")).status


async def test_a_request_whose_body_is_on_its_way_takes_no_place(
    harness: Harness, odd: Caller
) -> None:
    """However many of them do not go on, others are served."""

    async def never() -> MutableMapping[str, object]:
        await asyncio.Event().wait()
        raise AssertionError

    async def nothing(_message: MutableMapping[str, object]) -> None:
        """Take no answer."""

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/tell",
        "headers": [(b"content-length", b"10")],
    }
    stuck = [asyncio.create_task(harness.app(dict(scope), never, nothing)) for _ in range(5)]
    await asyncio.sleep(0.01)
    assert b'"x"' == (await odd.get("/say/x")).content
    assert b'"told"' == (await odd.post("/tell", {"word": "told"})).content
    for task in stuck:
        task.cancel()
    await asyncio.gather(*stuck, return_exceptions=True)


async def test_a_handler_that_is_overloaded_refuses_with_turns_as_well(
    odd: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal that is found out late sends nobody back at the same moment as all others."""
    monkeypatch.setattr(refusals, "RETURNS_PER_S", 1)
    replies = [await odd.get("/full") for _ in range(4)]
    for reply in replies:
        assert check_problem(reply, 503, "overloaded").definite
    after_s = [int(reply.headers["retry-after"]) for reply in replies]
    assert after_s == sorted(set(after_s))


async def test_a_refused_or_failed_request_makes_room_again(harness: Harness, odd: Caller) -> None:
    """Errors of every kind leave the number in flight at zero."""
    for path in ("/fault", "/away", "/nothing", "/secret", "/wait/x", "/say/x") * 3:
        await odd.get(path)
    assert 0 == harness.app.in_flight


async def test_an_unexpected_fault_is_told_as_ours_and_logged(
    odd: Caller, logged: Callable[[], list[dict[str, object]]]
) -> None:
    """500 internal-error, indefinite, without any inside; the traceback is in the log."""
    reply = await odd.get("/fault", {"x-request-id": "look-for-me"})
    problem = check_problem(reply, 500, "internal-error")
    assert not problem.definite
    assert b"never shown" not in reply.content
    assert b"Odd" not in reply.content
    fault, request = logged()
    assert ("error", "fault", "look-for-me") == (
        fault["level"],
        fault["event"],
        fault["request_id"],
    )
    assert "never shown to the caller" in str(fault["exception"])
    assert ("request", 500) == (request["event"], request["status"])


async def test_every_request_has_one_line_in_the_log(
    odd: Caller, logged: Callable[[], list[dict[str, object]]]
) -> None:
    """With method, path, status, time and request id, and the error's code where there is one."""
    await odd.get("/say/x", {"x-request-id": "one"})
    await odd.get("/nothing", {"x-request-id": "two"})
    await odd.get("/say/a%0Ab", {"x-request-id": "three"})
    lines = logged()
    keys = ("event", "method", "path", "status", "request_id", "error")
    assert [
        ("request", "GET", "/say/x", 200, "one", None),
        ("request", "GET", "/nothing", 404, "two", "route-not-found"),
        ("request", "GET", "/say/a\nb", 200, "three", None),
    ] == [tuple(line.get(key) for key in keys) for line in lines]


async def test_the_secret_is_asked_for_before_the_handler_starts(
    harness: Harness, odd: Caller
) -> None:
    """A stranger's request never reaches the handler."""
    stranger = Caller(odd.url, odd.client)
    check_problem(await stranger.post("/secret"), 401, "unauthorized")
    assert harness.entered.locked()


async def test_a_service_that_cannot_work_says_so() -> None:
    """/readyz is 503 while the check fails, /healthz stays 200."""

    async def check() -> None:
        message = "the database is away"
        raise Unavailable(message)

    metrics = Metrics("odd")
    network = InProcess()
    network.host("http://odd.test", HttpApp("odd", operations("odd", metrics, check, []), metrics))
    async with ClientBuilder().with_middleware(network).build() as client:
        caller = Caller("http://odd.test", client)
        reply = await caller.get("/readyz")
        problem = check_problem(reply, 503, "unavailable")
        assert "the database is away" == problem.detail
        assert "1" == reply.headers["retry-after"]
        assert 200 == (await caller.get("/healthz")).status


async def test_a_service_without_a_secret_has_no_open_door() -> None:
    """Where no secret is set, a route that needs one takes none, not the empty one either."""

    async def answer(_request: Request) -> Response:
        return Response()

    endpoint = Endpoint(
        method="POST", path="/x", handler=answer, summary="", answers={200: None}, secret=True
    )
    network = InProcess()
    network.host("http://odd.test", HttpApp("odd", [endpoint], Metrics("odd")))
    async with ClientBuilder().with_middleware(network).build() as client:
        for value in ("Bearer", "Bearer ", "bearer x"):
            reply = await Caller("http://odd.test", client).post(
                "/x", None, {"authorization": value}
            )
            check_problem(reply, 401, "unauthorized")


def test_every_error_that_a_test_knows_is_one_of_ours() -> None:
    """The list of codes holds those of the kit, of the shop and of the catalog."""
    assert errors.Overloaded.code in known_codes()
    assert {"book-not-found", "stock-too-low", "route-not-found"} <= known_codes()
