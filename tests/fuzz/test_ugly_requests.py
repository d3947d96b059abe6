"""Bytes that no client should send: none brings a 5xx, does anything, or harms who comes next."""

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from bazar.wire.limits import INTERNAL_BODY_BYTES_MAX
from fuzz.memory import memory_mib
from fuzz.standing import standing
from fuzz.ugly import Write, odd, refused, two_ends
from support.described import SERVICES, documented, endpoints
from support.processes import IMPATIENT, WAIT_S
from support.raw import Heard, say
from support.running import ThreeServices

COPIES = 1000
PUBLIC_HOST = "shop.example"
NOT_IMPLEMENTED = 501
AT_ONCE = 32
HUGE_REQUESTS = 2000
"""To each service."""
GROWTH_MIB_MAX = 32
"""Of a service's memory by thousands of requests that are refused."""


class Named(ThreeServices):
    """Three services, of which the front is reached under a public name too."""

    def command(self, service: str) -> list[str]:
        """Return the words that start a service."""
        words = super().command(service)
        return [*words, "--public-host", PUBLIC_HOST] if service == "front" else words


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreeServices]:
    """Run a shop with one book, whose services soon give up who says nothing more."""
    with Named(tmp_path_factory.mktemp("ugly"), IMPATIENT) as running:
        running.open()
        running.add_book(COPIES)
        yield running


def write_to(shop: ThreeServices, service: str) -> Write:
    """Return a request that would sell or move a copy of the book at a service."""
    secret = f"Authorization: Bearer {shop.secret}\r\n".encode()
    purchase = ("/purchase/1", '{"quantity": %s}', "/purchase/%s")
    line = '[{"order_id": "ugly", "lines": [{"id": 1, "quantity": %s}]}]'
    return {
        "front": Write(*purchase),
        "order": Write(*purchase, secret),
        "catalog": Write(
            "/reservations",
            line,
            "/books/%s",
            secret,
            takes_key=False,
            body_bytes_max=INTERNAL_BODY_BYTES_MAX,
        ),
    }[service]


async def say_all(address: str, requests: dict[str, bytes]) -> dict[str, Heard]:
    """Send each request on a connection of its own, some at once."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(content: bytes) -> Heard:
        async with places:
            return await say(address, content)

    heard = await asyncio.gather(*map(one, requests.values()))
    return dict(zip(requests, heard, strict=True))


async def say_to_all(
    shop: ThreeServices, requests: Callable[[Write], Iterator[tuple[str, bytes]]]
) -> dict[tuple[str, str], Heard]:
    """Send every service its requests; return what was heard by service and name."""
    heard = await asyncio.gather(
        *(
            say_all(getattr(shop.addresses, service), dict(requests(write_to(shop, service))))
            for service in SERVICES
        )
    )
    return {
        (service, name): one
        for service, of_service in zip(SERVICES, heard, strict=True)
        for name, one in of_service.items()
    }


def shown(heard: Heard) -> tuple[list[int], bool, bytes]:
    """Return what a failed test should tell of an answer."""
    return heard.statuses, heard.ended, heard.content[:300]


async def test_a_request_in_bad_order_is_refused_and_does_nothing(shop: ThreeServices) -> None:
    """A 4xx, 501 for a coding, or a closed connection; what follows on the connection is lost."""
    before = standing(shop)
    heard = await say_to_all(shop, refused)
    assert {} == {
        name: shown(one)
        for name, one in heard.items()
        if not one.ended
        or any(not 400 <= status < 500 and status != NOT_IMPLEMENTED for status in one.statuses)
    }
    assert before == standing(shop)
    assert "event=fault" not in shop.log()


@pytest.mark.parametrize("service", SERVICES)
async def test_two_ends_are_refused_on_every_route(shop: ThreeServices, service: str) -> None:
    """With a problem document each, before anything is done; what follows is not looked at."""
    before = standing(shop)
    for method, path in [*map(documented, endpoints(service)), ("POST", "/nowhere")]:
        write = replace(write_to(shop, service), method=method)
        requests = dict(two_ends(write, re.sub(r"{\w+}", "1", path)))
        heard = await say_all(getattr(shop.addresses, service), requests)
        for name, one in heard.items():
            status = NOT_IMPLEMENTED if ", " in name and "chunked" in name else 400
            assert ([status], True) == (one.statuses, one.ended), (method, path, shown(one))
            code = b"coding-not-implemented" if status != 400 else b"invalid-framing"
            assert code in one.content
    assert before == standing(shop)


@pytest.mark.parametrize(
    ("head", "front", "others"),
    [
        (b"1.1\r\nHost: a\r\nHost: b", b"invalid-host", b"invalid-host"),
        (b"1.1\r\nHost: a\r\nHost: a", b"invalid-host", b"invalid-host"),
        (b"1.1\r\nHost: a, b", b"invalid-host", b"invalid-host"),
        (b"1.1\r\nHost: ", b"invalid-host", b"invalid-host"),
        (b"1.1", b"invalid-host", b"invalid-host"),
        (b"1.0", b"alive", b"alive"),
        (b"1.1\r\nHost: localhost", b"alive", b"alive"),
        (b"1.1\r\nHost: evil.example", b"wrong-host", b"wrong-host"),
        (b"1.1\r\nHost: " + PUBLIC_HOST.encode(), b"alive", b"wrong-host"),
    ],
)
async def test_a_request_is_for_one_host_that_the_service_is(
    shop: ThreeServices, head: bytes, front: bytes, others: bytes
) -> None:
    """On the loopback address a page whose name was bound to it anew reads nothing."""
    for service in SERVICES:
        request = b"GET /healthz HTTP/%b\r\nConnection: close\r\n\r\n" % head
        heard = await say(getattr(shop.addresses, service), request)
        wanted = front if service == "front" else others
        assert 1 == len(heard.statuses)
        assert wanted in heard.content, shown(heard)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (b"Host: evil.example", b"wrong-host"),
        (b"Host: a\r\nHost: a", b"invalid-host"),
        (b"X-A: b", b"invalid-host"),
        (b"Host: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked", b"invalid-framing"),
        (b"Host: a\r\nTransfer-Encoding: gzip, chunked", b"coding-not-implemented"),
    ],
)
async def test_what_the_front_holds_is_no_way_around(
    shop: ThreeServices, lines: bytes, code: bytes
) -> None:
    """A book that is answered from memory is refused to whom all else is refused."""
    request = b"GET /info/1 HTTP/1.1\r\nConnection: close\r\n%b\r\n\r\n"
    here = b"Host: localhost"
    async with asyncio.timeout(WAIT_S):  # a starved front holds nothing until it hears its feed
        while b"bazar; hit" not in (await say(shop.addresses.front, request % here)).content:
            pass
    heard = await say(shop.addresses.front, request % lines + b"0\r\n\r\n")
    assert code in heard.content, shown(heard)


async def test_an_odd_request_gets_an_answer_or_an_end(shop: ThreeServices) -> None:
    """No 5xx, and no connection that stays open for ever; nothing is done."""
    before = standing(shop)
    heard = await say_to_all(shop, odd)
    assert {} == {
        name: shown(one)
        for name, one in heard.items()
        if not one.ended or any(status >= 500 for status in one.statuses)
    }
    assert before == standing(shop)
    assert "event=fault" not in shop.log()


@pytest.mark.parametrize("service", SERVICES)
async def test_the_same_request_in_good_order_is_done(shop: ThreeServices, service: str) -> None:
    """Else the tests above would prove nothing; and each service still works after them."""
    before = standing(shop)
    heard = await say(getattr(shop.addresses, service), write_to(shop, service).good())
    assert heard.statuses[0] in {200, 201}, heard.content
    assert before != standing(shop)


CLIMBING = (".", "..", "%2e", "%2E%2e", ".%2e", "%252e", "..;", "...", "%2e%2e%2fplacements")
"""Path segments that a server or a client on the way may take for `here` or `up`."""


@pytest.mark.parametrize("climbing", CLIMBING)
async def test_a_path_does_not_climb_to_where_strangers_may_not_go(
    shop: ThreeServices, climbing: str
) -> None:
    """The front goes on with a secret, so what it asks for must be what it was asked for."""
    await say(shop.addresses.front, write_to(shop, "front").good())
    order_id = shop.orders()[0].order_id
    before = standing(shop)
    for method, path, statuses in (
        ("GET", f"/orders/{climbing}", {404}),
        ("GET", f"/orders/{climbing}/", {404}),
        ("GET", f"/orders/{climbing}?limit=100", {400, 404}),
        ("GET", f"/orders/{climbing}/orders", {404}),
        ("POST", f"/orders/{climbing}/cancel", {404}),
        ("GET", f"/info/{climbing}", {400, 404}),
        ("POST", f"/purchase/{climbing}", {400, 404}),
        ("GET", f"/search/{climbing}", {200}),
        ("GET", f"/search/{climbing}/changes", {200}),
    ):
        request = f"{method} {path} HTTP/1.1\r\nHost: bazar\r\nConnection: close\r\n\r\n".encode()
        heard = await say(shop.addresses.front, request)
        assert len(heard.statuses) == 1, path
        assert statuses >= set(heard.statuses), (path, heard.content)
        assert order_id.encode() not in heard.content, path
        assert statuses != {200} or heard.content.endswith(b"\r\n\r\n[]"), path
    assert before == standing(shop)


async def test_a_key_that_somebody_has_used_does_not_tell_the_order(shop: ThreeServices) -> None:
    """Whoever guesses a key, but not what was asked for with it, learns nothing to cancel."""
    write = write_to(shop, "front")
    key = b'Idempotency-Key: "guessed"'
    bought = await say(shop.addresses.front, write.request(b"{}", key))
    assert [201] == bought.statuses
    before = standing(shop)
    reused = await say(shop.addresses.front, write.request(b'{"quantity": 2}', key))
    assert [422] == reused.statuses
    assert not [
        order.order_id for order in shop.orders() if order.order_id.encode() in reused.content
    ]
    assert before == standing(shop)


async def test_pipelined_requests_are_answered_in_order(shop: ThreeServices) -> None:
    """Each once, and one that is refused does not hide those behind it."""
    before = standing(shop)
    paths = ["/healthz", "/info/1", "/nowhere", "/purchase/1", "/topics"]
    requests = [f"GET {path} HTTP/1.1\r\nHost: bazar\r\n\r\n".encode() for path in paths]
    requests[-1] = requests[-1].replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    heard = await say(shop.addresses.front, b"".join(requests))
    assert [200, 200, 404, 405, 200] == heard.statuses
    assert before == standing(shop)


@pytest.mark.parametrize("service", SERVICES)
async def test_thousands_of_huge_requests_leave_no_memory_behind(
    shop: ThreeServices, service: str
) -> None:
    """Too long a body, by its length or in chunks; deep JSON; too long a head: all refused."""
    write = write_to(shop, service)
    names = {
        "body: deep brackets",
        "body: too many brackets",
        "chunks: more than a body may hold",
        "a header of 20 KiB",
        "a length of a gigabyte",
    }
    huge = [content for name, content in refused(write) if name in names]
    assert len(huge) >= len(names) - 1
    address, process = getattr(shop.addresses, service), shop.process(service)
    before = standing(shop)
    await say_all(address, {str(number): huge[number % len(huge)] for number in range(200)})
    warm_mib = memory_mib(process)
    many = {str(number): huge[number % len(huge)] for number in range(HUGE_REQUESTS)}
    heard = await say_all(address, many)
    assert all(400 <= status < 500 for one in heard.values() for status in one.statuses)
    grown_mib = memory_mib(process) - warm_mib
    assert grown_mib < GROWTH_MIB_MAX
    assert before == standing(shop)
