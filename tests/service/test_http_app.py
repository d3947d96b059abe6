"""What the kit does for every request, seen in a small application of its own."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping

import msgspec
import pytest
import structlog
from prometheus_client import generate_latest
from pyreqwest.client import ClientBuilder
from starlette.responses import Response

from bazar.kit import errors, log
from bazar.kit.errors import Unavailable
from bazar.kit.http import refusals
from bazar.kit.http.answers import json_response
from bazar.kit.http.app import HttpApp
from bazar.kit.http.endpoint import Kind, endpoints_of, route
from bazar.kit.http.operations import operations
from bazar.kit.http.refusals import PLACES
from bazar.kit.http.request import Request
from bazar.kit.metrics import Metrics
from bazar.kit.process.connections import CONNECTIONS_MAX
from support.logs import ORDER, ORDER_ID
from support.problem_documents import check_problem
from support.shops import SECRET, Caller, InProcess, Reply


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
        self.metrics = Metrics("odd")
        self.app = HttpApp("odd", endpoints_of(self), self.metrics, SECRET)
        self.app.rooms["reading"].in_flight.most = 2

    def taken(self) -> int:
        """Return how many places are taken, of any kind."""
        return sum(room.in_flight.taken for room in self.app.rooms.values())

    @route("GET", "/wait", answers={200: None})
    async def wait(self, _request: Request) -> Response:
        """Answer when told to."""
        self.entered.release()
        await self.leave.wait()
        return Response(b"done")

    @route("GET", "/search", answers={200: None}, places="searching")
    async def search(self, request: Request) -> Response:
        """Answer when told to."""
        return await self.wait(request)

    @route("GET", "/look", answers={200: None}, places="looking")
    async def look(self, request: Request) -> Response:
        """Answer when told to."""
        return await self.wait(request)

    @route("POST", "/buy", answers={200: None})
    async def buy(self, request: Request) -> Response:
        """Answer when told to."""
        return await self.wait(request)

    @route("GET", "/cancel", answers={200: None}, places="cancelling")
    async def cancel(self, request: Request) -> Response:
        """Answer when told to."""
        return await self.wait(request)

    @route("POST", "/keep", answers={200: None}, secret=True)
    async def keep(self, request: Request) -> Response:
        """Answer when told to."""
        return await self.wait(request)

    @route("GET", "/watch", answers={200: None}, places="watching")
    async def watch(self, _request: Request) -> Response:
        """Answer at once."""
        return Response(b"well")

    @route("GET", "/fault", answers={200: None})
    async def fault(self, _request: Request) -> Response:
        """Fail in a way that nobody foresaw."""
        message = "never shown to the caller"
        raise Odd(message)

    @route("GET", "/away", answers={200: None})
    async def away(self, _request: Request) -> Response:
        """Fail in a way that is foreseen."""
        message = "the moon is away"
        raise Unavailable(message)

    @route("GET", "/say/{word}", answers={200: None})
    async def say(self, request: Request) -> Response:
        """Answer a word."""
        return json_response(request.path_params["word"])

    @route("GET", "/full", answers={200: None})
    async def full(self, _request: Request) -> Response:
        """Find out that there is no room."""
        message = "too many wait already"
        raise errors.Overloaded(message)

    @route("POST", "/tell", answers={200: str})
    async def tell(self, _request: Request, body: Told) -> Response:
        """Answer the word of the body."""
        return json_response(body.word)

    @route("GET", "/count/{number:number}", answers={200: str})
    async def count(self, _request: Request, number: int) -> Response:
        """Answer a number."""
        return json_response(number)

    @route("POST", "/count/{number:number}", answers={200: str}, full="always")
    async def miscount(self, _request: Request) -> Response:
        """Never get to it."""
        raise NotImplementedError

    def always(self) -> bool:
        """Be full."""
        return True

    @route("POST", "/secret", answers={200: None}, secret=True)
    async def secret(self, request: Request) -> Response:
        """Answer when told to."""
        return await self.wait(request)


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
def logged(capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[[], list[dict[str, object]]]]:
    """Log as JSON, and return what was logged since the last look."""
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
    assert 0 == harness.taken()
    assert 200 == (await odd.get("/say/x")).status


KINDS: dict[Kind, str] = {
    "reading": "/wait",
    "searching": "/search",
    "looking": "/look",
    "buying": "/buy",
    "cancelling": "/cancel",
    "keeping": "/keep",
}


def rooms(harness: Harness) -> dict[Kind, int]:
    """Return how many places of each kind are taken, of those of which there are any."""
    counts = {kind: room.in_flight.taken for kind, room in harness.app.rooms.items()}
    return {kind: count for kind, count in counts.items() if count}


@pytest.mark.parametrize("crowd", KINDS)
async def test_a_crowd_of_one_kind_takes_no_place_of_another(
    crowd: Kind, harness: Harness, odd: Caller
) -> None:
    """All others still get in; who watches always does; the metrics tell who is there."""
    for room in harness.app.rooms.values():
        room.in_flight.most = 2
    methods = {"buying": "POST", "keeping": "POST"}

    def ask(kind: Kind) -> asyncio.Task[Reply]:
        return asyncio.create_task(odd.call(methods.get(kind, "GET"), KINDS[kind]))

    async def inside(kind: Kind, count: int) -> list[asyncio.Task[Reply]]:
        asked = [ask(kind) for _ in range(count)]
        for _ in asked:
            await harness.entered.acquire()
        return asked

    waiting = await inside(crowd, 2)
    check_problem(await ask(crowd), 503, "overloaded")
    assert {crowd: 2} == rooms(harness)
    for kind in KINDS:
        waiting += await inside(kind, 1) if kind != crowd else []
    assert dict.fromkeys(KINDS, 1) | {crowd: 2} == rooms(harness)
    text = generate_latest(harness.metrics.registry).decode()
    assert f'bazar_requests_in_flight{{kind="{crowd}",service="odd"}} 2.0' in text
    assert [200] * 9 == [(await odd.get("/watch")).status for _ in range(9)]
    harness.leave.set()
    assert {200} == {reply.status for reply in await asyncio.gather(*waiting)}
    assert {} == rooms(harness)


async def test_the_turns_of_one_kind_are_not_those_of_another(
    harness: Harness, odd: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However far a crowd of readers is sent away, a buyer may come back in a second."""
    monkeypatch.setattr(refusals, "RETURNS_PER_S", 1)
    for room in harness.app.rooms.values():
        room.in_flight.most = 0
    for _ in range(20):
        last = await odd.get("/wait")
    assert 15 < int(last.headers["retry-after"])
    assert "1" == (await odd.post("/buy")).headers["retry-after"]


def test_those_who_watch_have_as_many_places_as_there_are_connections() -> None:
    """So none of them is refused, whatever the others do."""
    assert CONNECTIONS_MAX <= PLACES["watching"]


def told(length: int) -> MutableMapping[str, object]:
    """Return the scope of a request to /tell with a body of this length."""
    headers = [(b"content-length", b"%d" % length)]
    return {
        "type": "http",
        "method": "POST",
        "path": "/tell",
        "query_string": b"",
        "headers": headers,
    }


async def test_a_request_whose_body_is_on_its_way_takes_no_place(
    harness: Harness, odd: Caller
) -> None:
    """However many of them do not go on, others are served."""

    async def never() -> MutableMapping[str, object]:
        await asyncio.Event().wait()
        raise AssertionError

    async def nothing(_message: MutableMapping[str, object]) -> None:
        """Take no answer."""

    stuck = [asyncio.create_task(harness.app(told(10), never, nothing)) for _ in range(5)]
    await asyncio.sleep(0.01)
    assert b'"x"' == (await odd.get("/say/x")).content
    assert b'"told"' == (await odd.post("/tell", {"word": "told"})).content
    harness.app.rooms["buying"].receiving.most = len(stuck)
    check_problem(await odd.post("/tell", {"word": "told"}), 503, "overloaded")
    assert b'"x"' == (await odd.get("/say/x")).content
    for task in stuck:
        task.cancel()
    await asyncio.gather(*stuck, return_exceptions=True)
    assert 200 == (await odd.post("/tell", {"word": "told"})).status
    assert 0 == harness.app.rooms["buying"].receiving.taken


async def test_a_request_whose_body_arrives_when_the_places_are_gone_is_refused(
    harness: Harness, odd: Caller
) -> None:
    """The limit holds for it too, however long it was on its way."""
    go_on = asyncio.Event()
    sent: list[MutableMapping[str, object]] = []

    async def late() -> MutableMapping[str, object]:
        await go_on.wait()
        return {"type": "http.request", "body": b'{"word":"x"}', "more_body": False}

    async def send(message: MutableMapping[str, object]) -> None:
        sent.append(message)

    harness.app.rooms["buying"].in_flight.most = 2
    telling = asyncio.create_task(harness.app(told(12), late, send))
    waiting = [asyncio.ensure_future(odd.post("/buy")) for _ in range(2)]
    for _ in waiting:
        await harness.entered.acquire()
    go_on.set()
    await telling
    assert 503 == sent[0]["status"]
    harness.leave.set()
    await asyncio.gather(*waiting)
    assert 0 == harness.taken()


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
    assert 0 == harness.taken()


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


async def test_a_route_without_arguments_takes_none(odd: Caller) -> None:
    """What a client says there it means, so it must not be passed over."""
    problem = check_problem(await odd.get("/say/x?louder=1"), 400, "invalid-request")
    assert "/say/{word} takes no arguments" in problem.detail
    assert 200 == (await odd.get("/say/x?")).status


async def test_what_is_no_number_reaches_its_route_and_is_refused_there(odd: Caller) -> None:
    """It is 400 and names what is wrong, not 404; the counters know the route without its mark."""
    assert b"7" == (await odd.get("/count/7")).content
    for text in ("seven", "0", "-1", "7.0", "%D9%A7"):
        problem = check_problem(await odd.get(f"/count/{text}"), 400, "invalid-request")
        assert "number" == problem.member
    problem = check_problem(await odd.get("/count/7?x=1"), 400, "invalid-request")
    assert problem.detail.startswith("/count/{number} takes no arguments")
    check_problem(await odd.get("/count/7/8"), 404, "route-not-found")


async def test_a_route_that_is_full_refuses_before_it_reads(harness: Harness, odd: Caller) -> None:
    """The other methods of its path go on; a body that never comes is not waited for."""

    async def never() -> MutableMapping[str, object]:
        raise AssertionError

    sent: list[MutableMapping[str, object]] = []

    async def send(message: MutableMapping[str, object]) -> None:
        sent.append(message)

    await harness.app(dict(told(10), path="/count/7"), never, send)
    assert 503 == sent[0]["status"]
    assert 200 == (await odd.get("/count/7")).status


async def test_a_wrong_body_names_its_member(odd: Caller) -> None:
    """What the handler's signature asks for is what a body must be."""
    for body, member in (({"word": 1}, "word"), ({}, "word"), ([], None), ({"word": ""}, "")):
        reply = await odd.post("/tell", body)
        if member == "":
            assert 200 == reply.status
        else:
            assert member == check_problem(reply, 400, "invalid-request").member


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

    class Open:
        @route("POST", "/x", answers={200: None}, secret=True)
        async def answer(self, _request: Request) -> Response:
            """Answer."""
            return Response()

    network = InProcess()
    network.host("http://odd.test", HttpApp("odd", endpoints_of(Open()), Metrics("odd")))
    async with ClientBuilder().with_middleware(network).build() as client:
        for value in ("Bearer", "Bearer ", "bearer x"):
            reply = await Caller("http://odd.test", client).post(
                "/x", None, {"authorization": value}
            )
            check_problem(reply, 401, "unauthorized")


async def test_that_all_is_well_makes_no_log_line(
    logged: Callable[[], list[dict[str, object]]],
) -> None:
    """A supervisor asks every second; whatever else is asked is logged."""
    metrics = Metrics("odd")

    async def check() -> None:
        """Find nothing wrong."""

    network = InProcess()
    app = HttpApp("odd", operations("odd", metrics, check, []), metrics)
    network.host("http://well.test", app)
    async with ClientBuilder().with_middleware(network).build() as client:
        caller = Caller("http://well.test", client)
        await caller.get("/healthz")
        await caller.get("/readyz")
        await caller.post("/healthz")
    assert ["/readyz", "/healthz"] == [line["path"] for line in logged()]


@pytest.mark.parametrize("path", ["/orders/{}/foo", "//orders/{}", "/Orders/{}", "/say/{}/x"])
async def test_a_log_line_of_a_path_that_is_not_there_holds_no_order_id(
    odd: Caller, logged: Callable[[], list[dict[str, object]]], path: str
) -> None:
    """It may be the address of an order, with a letter too many."""
    assert 404 == (await odd.get(path.format(ORDER_ID))).status
    assert [path.format(ORDER)] == [line["path"] for line in logged()]
