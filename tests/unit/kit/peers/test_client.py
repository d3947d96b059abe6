"""The client between services: when it asks again, when it gives up, and what it sends along."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise
from time import monotonic
from typing import Any

import pytest
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import ConnectError, ReadError, ReadTimeoutError, RequestError
from pyreqwest.middleware import Next
from pyreqwest.request import Request
from pyreqwest.response import Response

from bazar.kit.deadline import Deadline
from bazar.kit.errors import Unavailable
from bazar.kit.peers.answers import Answer, reason
from bazar.kit.peers.client import Upstream, new_client
from bazar.kit.signing import STREAMED, Signing, proof_line
from support.answering import SECRET, answering, proof

URL = "http://catalog.test"


class FakeService:
    """A transport that is the other service; it fails as often as it is told to."""

    def __init__(self) -> None:
        """Answer 200 at once."""
        self.failures = 0
        self.error: Callable[[], RequestError] = lambda: ConnectError("gone", {"causes": None})
        self.status = 200
        self.urls: list[str] = []
        self.bodies: list[bytes | None] = []
        self.headers: list[dict[str, str]] = []

    async def __call__(self, request: Request, _following: Next) -> Response:
        """Answer one request, or fail."""
        self.urls.append(f"{request.method} {request.url}")
        content = None if request.body is None else request.body.copy_bytes()
        self.bodies.append(None if content is None else content.to_bytes())
        self.headers.append(dict(request.headers))
        if self.failures:
            self.failures -= 1
            raise self.error()
        return await answering(request, self.status, b"said", {"x-one": "1", "etag": '"1"'}).build()


@pytest.fixture
def service() -> FakeService:
    """Return the other side."""
    return FakeService()


@pytest.fixture
async def client(service: FakeService) -> AsyncIterator[Client]:
    """Return a client whose transport is the fake."""
    async with ClientBuilder().with_middleware(service).build() as client:
        yield client


@pytest.fixture
def upstream(client: Client) -> Upstream:
    """Return the caller's view of the service."""
    return Upstream("catalog", URL + "/", client, SECRET)


async def test_an_answer_comes_back_whole(service: FakeService, upstream: Upstream) -> None:
    """Status, body and headers are the other side's; the path is appended to the address."""
    answer = await upstream.call("GET", "/books?q=a%20b", deadline=Deadline(1000))
    assert (200, b"said", '"1"') == (answer.status, answer.body, answer.headers["etag"])
    assert "x-one" not in answer.headers, "what no proof covers is not believed"
    assert [f"GET {URL}/books?q=a%20b"] == service.urls
    assert [None] == service.bodies


@pytest.mark.parametrize(
    "path",
    [
        "/orders/.",
        "/orders/..",
        "/orders/%2E",
        "/orders/.%2e/cancel",
        "/info/..?a=b",
        "/.",
        "/orders/..\\x",
        "/orders/..#x",
        "/orders/.\t./y",
        "/orders/.\n",
        "/orders/x ",
    ],
)
async def test_a_path_that_climbs_is_never_sent(
    service: FakeService, upstream: Upstream, path: str
) -> None:
    """The transport would resolve `..`, and call another route than the caller meant."""
    with pytest.raises(ValueError, match="may not climb"):
        await upstream.call("GET", path, deadline=Deadline(1000))
    assert [] == service.urls


@pytest.mark.parametrize("path", ["/orders/...", "/orders/.a", "/books?q=/../x", "/query?topic=.."])
async def test_dots_elsewhere_are_sent_as_they_are(
    service: FakeService, upstream: Upstream, path: str
) -> None:
    """In a name or a query they mean nothing."""
    await upstream.call("GET", path, deadline=Deadline(1000))
    assert [f"GET {URL}{path}"] == service.urls


@pytest.mark.parametrize("kind", [ConnectError, ReadError, ReadTimeoutError])
async def test_a_call_that_nobody_answers_is_sent_again(
    service: FakeService, upstream: Upstream, kind: type[RequestError]
) -> None:
    """However the transport fails, the same request goes out until it is answered."""
    service.failures = 3
    service.error = lambda: kind("gone", {"causes": None})
    answer = await upstream.call("POST", "/reservations", deadline=Deadline(5000), body=b"[]")
    assert 200 == answer.status
    assert [f"POST {URL}/reservations"] * 4 == service.urls
    assert [b"[]"] * 4 == service.bodies


async def test_it_gives_up_at_the_deadline_with_an_indefinite_error(
    service: FakeService, upstream: Upstream
) -> None:
    """The error says which service was away and that nothing is known; not before its time."""
    service.failures = 10**6
    started_s = monotonic()
    with pytest.raises(Unavailable, match="the catalog service cannot be reached") as failed:
        await upstream.call("GET", "/info/1", deadline=Deadline(250))
    assert 0.25 <= monotonic() - started_s < 0.75
    assert failed.value.definite is False
    assert 3 <= len(service.urls) <= 20


@pytest.mark.parametrize(
    ("details", "said"),
    [
        ({"causes": [{"message": "sending"}, {"message": "refused (os error 111)"}]}, "refused"),
        ({"causes": None}, "gone"),
        ({}, "gone"),
    ],
)
def test_the_reason_of_a_failure_is_its_innermost_cause(
    details: Any,  # noqa: ANN401  whatever the transport may give
    said: str,
) -> None:
    """In words for people, whatever there is."""
    assert reason(ConnectError("gone", details)).startswith(said)


async def test_the_pauses_grow(service: FakeService, upstream: Upstream) -> None:
    """A service that stays away is not hammered: within a second it is asked a few times."""
    service.failures = 10**6
    with pytest.raises(Unavailable):
        await upstream.call("GET", "/info/1", deadline=Deadline(1000))
    assert 5 <= len(service.urls) <= 14


async def test_without_time_left_nothing_is_sent(service: FakeService, upstream: Upstream) -> None:
    """A deadline that has passed fails before the first attempt."""
    with pytest.raises(Unavailable, match="no time left"):
        await upstream.call("GET", "/info/1", deadline=Deadline(0))
    assert [] == service.urls


@pytest.mark.parametrize("status", [200, 202, 301, 400, 404, 409, 429, 500, 502, 503])
async def test_an_answer_of_any_status_ends_it(
    service: FakeService, upstream: Upstream, status: int
) -> None:
    """Whoever answers has decided: it is asked once, whatever it said."""
    service.status = status
    answer = await upstream.call("POST", "/orders", deadline=Deadline(1000), body=b"{}")
    assert status == answer.status
    assert 1 == len(service.urls)


async def test_the_deadline_travels_along_and_shrinks(
    service: FakeService, upstream: Upstream
) -> None:
    """Each attempt tells how many milliseconds are left, fewer each time."""
    service.failures = 4
    await upstream.call("GET", "/info/1", deadline=Deadline(2000))
    left_ms = [int(headers["bazar-deadline-ms"]) for headers in service.headers]
    assert 5 == len(left_ms)
    assert 1900 < left_ms[0] <= 2000
    assert all(after < before for before, after in pairwise(left_ms))


async def test_each_attempt_is_signed_anew(service: FakeService, upstream: Upstream) -> None:
    """With another nonce; it carries the request id, and a body is called JSON. No secret goes."""
    service.failures = 1
    await upstream.call(
        "POST",
        "/x",
        deadline=Deadline(1000),
        request_id="r-1",
        body=b"{}",
    )
    signed = [headers["authorization"] for headers in service.headers]
    assert 2 == len(set(signed))
    for headers in service.headers:
        assert headers["authorization"].startswith("Bazar-HMAC-SHA256 process=")
        assert SECRET not in "".join(headers.values())
        assert "r-1" == headers["x-request-id"]
        assert "application/json" == headers["content-type"]
    assert 2 == len(service.headers)


def stream(request: bytes, *parts: bytes) -> bytes:
    """Return the head of a stream and its first parts, proved as a service does it."""
    given = re.search(rb"(?i)authorization: (.*)\r\n", request)
    assert given is not None
    told = proof(given[1].decode(), "catalog", 200, STREAMED, {})
    said = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    sent, before = f"HTTP/1.1 200 OK\r\n{said}\r\n".encode(), told["bazar-proof"]
    for part in parts:
        before = Signing("catalog", SECRET).part(before, part)
        sent += part + proof_line(before)
    return sent


@pytest.mark.parametrize("parts", [None, (), (b": open\n\n",)])
async def test_a_stream_that_falls_silent_is_given_up(
    parts: tuple[bytes, ...] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came before is yielded, and the connection is closed after a while."""
    monkeypatch.setattr("bazar.kit.peers.client.READ_TIMEOUT", timedelta(seconds=0.5))
    gone = asyncio.Event()

    async def fall_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"" if parts is None else stream(head, *parts))
        await reader.read()
        gone.set()
        writer.close()

    server = await asyncio.start_server(fall_silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    lines = []
    async with server, new_client() as client:
        upstream = Upstream("catalog", f"http://127.0.0.1:{port}", client, SECRET)

        async def follow() -> None:
            async for line in upstream.stream("/changes", 0.2):
                lines.append(line)  # noqa: PERF401  they come before an error

        with pytest.raises(Unavailable, match=r"the catalog service said nothing for 0.2 s"):
            await follow()
        async with asyncio.timeout(5):
            await gone.wait()
    assert ([b": open"] if parts else []) == lines


async def test_no_empty_headers_are_made_up(service: FakeService, upstream: Upstream) -> None:
    """What a call does not have is not sent."""
    await upstream.call("GET", "/x", deadline=Deadline(1000))
    (headers,) = service.headers
    assert "x-request-id" not in headers
    assert "content-type" not in headers


async def test_a_caller_that_gives_up_stops_the_attempts(
    service: FakeService, upstream: Upstream
) -> None:
    """Cancelled between two attempts, the call is not sent again."""
    service.failures = 10**6
    calling = asyncio.create_task(upstream.call("GET", "/x", deadline=Deadline(5000)))
    await asyncio.sleep(0.05)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    sent = len(service.urls)
    await asyncio.sleep(0.3)
    assert sent == len(service.urls)


class Deaf(Upstream):
    """Tells a cancel as one more failure, as the transport does when both come at once."""

    def __init__(self, client: Client) -> None:
        """Wait for the first request."""
        super().__init__("catalog", URL, client, SECRET)
        self.asked = asyncio.Event()

    async def _send(self, *_words: object) -> Answer:
        """Fail once the request is cancelled; later ones at once."""
        with suppress(asyncio.CancelledError):
            if not self.asked.is_set():
                self.asked.set()
                await asyncio.Event().wait()
        message = "cancelled"
        raise ReadError(message, {"causes": None})

    async def listen(self) -> None:
        """Wait for a line of a stream."""
        target = self.targets.choose()
        assert target is not None
        async with self._heard_by(asyncio.get_running_loop().time() + 5, 5, target):
            await self._send()


@pytest.mark.parametrize("way", ["call", "listen"])
async def test_a_cancel_that_comes_back_as_a_failure_is_heeded(client: Client, way: str) -> None:
    """Else a service that is told to stop would go on asking another one that is away."""
    upstream = Deaf(client)
    asking: asyncio.Task[object]
    if way == "call":
        call = upstream.call("GET", "/info/1", deadline=Deadline(1500))
        asking = asyncio.create_task(call)
    else:
        asking = asyncio.create_task(upstream.listen())
    await upstream.asked.wait()
    asking.cancel()
    await asyncio.wait({asking}, timeout=1)
    assert asking.cancelled()
