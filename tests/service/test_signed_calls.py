"""Signed calls: what a service takes, and what somebody on the network can make of one."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from pyreqwest.http import Url

from bazar.kit.clock import passing_s
from bazar.kit.http.gate import WINDOW_S
from bazar.kit.http.refusals import PLACES
from bazar.kit.peers.answers import Stranger
from bazar.kit.peers.following import ProvedLines
from bazar.kit.peers.signer import Call, Peer, Signer
from bazar.kit.signing import MOMENT_HEADER, NOBODY, PROOF_HEADER, STREAMED, digest
from support.shops import CATALOG_URL, ORDER_URL, SECRET, Caller, Reply, Shop

JSON = {"content-type": "application/json"}


@dataclass
class Keeper:
    """A program that signs its calls, and lets a test have them in its hands."""

    caller: Caller
    name: str = "catalog"
    secret: str = SECRET
    ahead_s: float = 0.0
    """How far its clock is before ours."""
    peer: Peer = field(default_factory=Peer)

    @property
    def signer(self) -> Signer:
        """What signs."""
        return Signer(self.name, self.secret, lambda: passing_s() + self.ahead_s)

    def signed(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[Call, dict[str, str], bytes | None]:
        """Return a call, its headers and its body, ready to be sent, or sent again."""
        content = None if body is None else msgspec.json.encode(body)
        sent = {**(JSON if content is not None else {}), **(headers or {})}
        url = Url(self.caller.url + path)
        call = self.signer.call(self.peer, method, url, sent, content or b"")
        return call, {**sent, "authorization": call.header}, content

    async def send(
        self, method: str, path: str, headers: Mapping[str, str], content: bytes | None
    ) -> Reply:
        """Send what was signed, or what was made of it."""
        plain = Caller(self.caller.url, self.caller.client)
        return await plain.call(method, path, None, headers, content=content)

    async def ask(self, method: str, path: str, body: object = None, **more: Any) -> Reply:  # noqa: ANN401
        """Sign and send; the answer has to be proved, and shows who gave it."""
        call, headers, content = self.signed(method, path, body, **more)
        reply = await self.send(method, path, headers, content)
        self.believe(call, reply)
        return reply

    def believe(self, call: Call, reply: Reply) -> None:
        """Check the proof of an answer, and learn from it."""
        found = self.signer.believed(call, reply.status, reply.headers, digest(reply.content))
        self.signer.is_outdated(self.peer, reply.status, found, reply.content)


@pytest.fixture
async def keeper(shop: Shop) -> Keeper:
    """Return one that knows the process of the catalog."""
    keeper = Keeper(shop.catalog)
    assert 200 == (await keeper.ask("GET", "/readyz")).status
    return keeper


def unproved(reply: Reply) -> bool:
    """Tell whether an answer shows nothing of the secret."""
    return PROOF_HEADER not in reply.headers and MOMENT_HEADER not in reply.headers


async def test_a_signed_change_is_done_and_its_answer_is_proved(shop: Shop, keeper: Keeper) -> None:
    """Once; and so is what it is refused with: of a wrong body, a wrong path, a wrong method."""
    book_id = await shop.add_book(quantity=5)
    assert 200 == (await keeper.ask("PUT", f"/update/{book_id}/amount_of_items/1")).status
    assert 6 == await shop.stock(book_id)
    for method, path, body, status in (
        ("POST", "/books", {"title": 7}, 400),
        ("POST", "/nowhere", None, 404),
        ("DELETE", "/books", None, 405),
        ("PUT", f"/update/{book_id}/amount_of_items/-99", None, 409),
        ("OPTIONS", "/books", None, 204),
    ):
        assert status == (await keeper.ask(method, path, body)).status


async def test_the_very_same_call_is_done_once(shop: Shop, keeper: Keeper) -> None:
    """Whoever saw it sends it again: refused, and nobody can show that refusal to its caller."""
    book_id = await shop.add_book(quantity=5)
    path = f"/update/{book_id}/amount_of_items/1"
    call, headers, content = keeper.signed("PUT", path)
    keeper.believe(call, await keeper.send("PUT", path, headers, content))
    again = await keeper.send("PUT", path, headers, content)
    assert (401, "call-repeated", True) == (again.status, again.code, unproved(again))
    assert 6 == await shop.stock(book_id)


async def test_a_refused_call_is_used_up_too(shop: Shop, keeper: Keeper) -> None:
    """Its caller was told for certain that nothing is done, so nobody has it done later."""
    book_id = await shop.add_book(quantity=5)
    path = f"/update/{book_id}/amount_of_items/1"
    room = shop.network.bare[CATALOG_URL].rooms["keeping"].in_flight
    room.taken = PLACES["keeping"]
    call, headers, content = keeper.signed("PUT", path)
    refused = await keeper.send("PUT", path, headers, content)
    keeper.believe(call, refused)
    assert (503, "overloaded") == (refused.status, refused.code)
    room.taken = 0
    assert "call-repeated" == (await keeper.send("PUT", path, headers, content)).code
    assert 5 == await shop.stock(book_id)


async def test_what_only_reads_may_come_again(keeper: Keeper) -> None:
    """It changes nothing, so no nonce of it is remembered; each time it is proved."""
    call, headers, content = keeper.signed("GET", "/topics")
    for _ in range(2):
        keeper.believe(call, await keeper.send("GET", "/topics", headers, content))


@pytest.mark.parametrize("process", [NOBODY, "0123456789abcdef"])
async def test_a_change_is_done_by_the_process_alone_that_it_is_signed_for(
    shop: Shop, process: str
) -> None:
    """Not by another replica, nor after a restart; the refusal tells who is there now."""
    book_id = await shop.add_book(quantity=5)
    keeper = Keeper(shop.catalog)
    keeper.peer.process = process
    path = f"/update/{book_id}/amount_of_items/1"
    refused = await keeper.ask("PUT", path)
    assert (401, "call-outdated", 5) == (refused.status, refused.code, await shop.stock(book_id))
    assert 200 == (await keeper.ask("PUT", path)).status
    assert 6 == await shop.stock(book_id)


@pytest.mark.parametrize("ahead_s", [WINDOW_S + 5, -WINDOW_S - 5, 3e9, -1.7e9])
async def test_a_clock_that_differs_is_told_the_time(shop: Shop, ahead_s: float) -> None:
    """The refusal is proved, and the next call is right; reads and changes alike."""
    book_id = await shop.add_book(quantity=5)
    keeper = Keeper(shop.catalog)
    keeper.peer.ahead_s += ahead_s
    assert "call-outdated" == (await keeper.ask("GET", "/topics")).code
    assert 200 == (await keeper.ask("GET", "/topics")).status
    keeper.peer.ahead_s += ahead_s
    path = f"/update/{book_id}/amount_of_items/1"
    assert "call-outdated" == (await keeper.ask("PUT", path)).code
    assert 200 == (await keeper.ask("PUT", path)).status
    assert 6 == await shop.stock(book_id)


async def test_a_clock_within_the_window_is_good_enough(shop: Shop) -> None:
    """Nobody is told anything, and nothing costs a second way."""
    keeper = Keeper(shop.catalog)
    for ahead_s in (WINDOW_S - 5, -WINDOW_S + 5):
        keeper.peer = Peer()
        keeper.peer.ahead_s += ahead_s
        assert 200 == (await keeper.ask("GET", "/topics")).status


async def test_an_altered_call_changes_nothing(shop: Shop, keeper: Keeper) -> None:
    """Another path, query, method or header, or another signature: 401, and no proof."""
    book_id = await shop.add_book(quantity=5)
    body, key = {"change": 1}, {"idempotency-key": '"k-1"'}
    path = f"/books/{book_id}/stock"
    _call, headers, content = keeper.signed("POST", path, body, headers=key)
    tampered: list[tuple[str, str, dict[str, str]]] = [
        ("POST", f"/books/{book_id + 1}/stock", headers),
        ("POST", path + "?x=1", headers),
        ("POST", path + "/", headers),
        ("PATCH", f"/books/{book_id}", headers),
        ("POST", path, headers | {"idempotency-key": '"k-2"'}),
        ("POST", path, headers | {"bazar-actor": "eve"}),
        ("POST", path, headers | {"if-match": '"1"'}),
        ("POST", path, {k: v for k, v in headers.items() if k != "idempotency-key"}),
        ("POST", path, headers | {"authorization": headers["authorization"][:-1] + "g"}),
        ("POST", path, headers | {"authorization": headers["authorization"] + " "}),
        ("POST", path, headers | {"authorization": headers["authorization"].lower()}),
    ]
    for method, altered, sent in tampered:
        reply = await keeper.send(method, altered, sent, content)
        assert (401, "unauthorized", True) == (reply.status, reply.code, unproved(reply)), sent
    assert 5 == await shop.stock(book_id)
    assert 200 <= (await keeper.send("POST", path, headers, content)).status < 300
    assert 6 == await shop.stock(book_id)


@pytest.mark.parametrize("other", [b'{"change":100}', b'{"change":1} ', b"{}", b"", None])
async def test_an_altered_body_is_not_read(shop: Shop, keeper: Keeper, other: bytes | None) -> None:
    """Longer, shorter, or cut off as a whole; and the call is used up."""
    book_id = await shop.add_book(quantity=5)
    path = f"/books/{book_id}/stock"
    _call, headers, content = keeper.signed("POST", path, {"change": 1})
    reply = await keeper.send("POST", path, headers, other)
    assert (401, "unauthorized") == (reply.status, reply.code)
    assert "call-repeated" == (await keeper.send("POST", path, headers, content)).code
    assert 5 == await shop.stock(book_id)


async def test_a_body_that_was_cut_off_is_not_taken_for_none(shop: Shop) -> None:
    """Where a body may be left out, that would be another purchase than the one that was signed."""
    book_id = await shop.add_book(quantity=5)
    keeper = Keeper(shop.order, "order")
    await keeper.ask("GET", "/readyz")
    path = f"/purchase/{book_id}"
    _call, headers, _content = keeper.signed("POST", path, {"quantity": 3})
    reply = await keeper.send("POST", path, headers, None)
    assert (401, "unauthorized", 5) == (reply.status, reply.code, await shop.stock(book_id))


async def test_a_call_is_for_one_service(shop: Shop, keeper: Keeper) -> None:
    """What was signed for the catalog opens nothing of the order service."""
    _call, headers, content = keeper.signed("GET", "/audit")
    at_order = Keeper(Caller(ORDER_URL, shop.client), "order")
    reply = await at_order.send("GET", "/audit", headers, content)
    assert (401, "unauthorized", True) == (reply.status, reply.code, unproved(reply))


@pytest.mark.parametrize("secret", [SECRET + "!", "", SECRET[:-1]])
async def test_another_secret_opens_nothing(shop: Shop, secret: str) -> None:
    """Neither what wants the secret nor what is open: who signs wrongly is told so."""
    for path in ("/audit", "/topics", "/nowhere"):
        keeper = Keeper(shop.catalog, secret=secret)
        _call, headers, content = keeper.signed("GET", path)
        reply = await keeper.send("GET", path, headers, content)
        assert (401, "unauthorized", True) == (reply.status, reply.code, unproved(reply))


async def test_a_header_may_not_stand_there_twice(shop: Shop, keeper: Keeper) -> None:
    """Two readers would take two of them: refused, and two credentials even without a signature."""
    _call, headers, _content = keeper.signed("GET", "/topics")
    for more, status in (("x-other", 401), ("bazar-actor", 401), ("authorization", 400)):
        request = shop.client.request("GET", CATALOG_URL + "/topics")
        for name, value in [*headers.items(), (more, "a"), (more, "b")]:
            request = request.header(name, value)
        response = await request.build().send()
        assert (status, None) == (response.status, response.headers.get(PROOF_HEADER))
    request = shop.client.request("GET", CATALOG_URL + "/audit")
    for value in (f"Bearer {SECRET}", "Bearer x"):
        request = request.header("authorization", value)
    assert 400 == (await request.build().send()).status


async def test_every_form_of_an_answer_is_proved(shop: Shop, keeper: Keeper) -> None:
    """HEAD, what is held already, what is not there, and what is too much."""
    book_id = await shop.add_book(quantity=5)
    path = f"/info/{book_id}"
    whole = await keeper.ask("GET", path)
    head = await keeper.ask("HEAD", path)
    assert (b"", whole.headers["etag"]) == (head.content, head.headers["etag"])
    held = await keeper.ask("GET", path, headers={"if-none-match": whole.headers["etag"]})
    assert (304, b"") == (held.status, held.content)
    assert 404 == (await keeper.ask("GET", "/info/999999")).status
    assert 200 == (await keeper.ask("HEAD", "/changes")).status
    room = shop.network.bare[CATALOG_URL].rooms["reading"].in_flight
    room.taken = PLACES["reading"]
    refused = await keeper.ask("GET", path)
    assert (503, "overloaded") == (refused.status, refused.code)


async def test_an_answer_is_never_packed(shop: Shop, keeper: Keeper) -> None:
    """Whoever signs gets the bytes that were signed; a stranger gets them packed."""
    for number in range(30):
        await shop.add_book(title=f"Book number {number}")
    gzip = {"accept-encoding": "gzip"}
    plain = await keeper.ask("GET", "/books?limit=100", headers=gzip)
    assert "content-encoding" not in plain.headers
    stranger = await Caller(CATALOG_URL, shop.client).get("/books?limit=100", gzip)
    assert "gzip" == stranger.headers["content-encoding"]
    assert unproved(stranger)


@pytest.mark.parametrize("size", [127 * 1024, 129 * 1024, 1024 * 1024])
async def test_a_long_body_is_signed_too(keeper: Keeper, size: int) -> None:
    """Whether it is digested at once or in a thread; one that is altered is refused."""
    rows = {"rows": [{"row": 1, "book": {"title": "x" * size}}]}
    assert 400 == (await keeper.ask("POST", "/imports", rows)).status
    _call, headers, content = keeper.signed("POST", "/imports", rows)
    assert content is not None
    reply = await keeper.send("POST", "/imports", headers, content.replace(b"xx", b"xy", 1))
    assert (401, "unauthorized") == (reply.status, reply.code)


async def test_the_feed_proves_its_head_and_each_part(shop: Shop, keeper: Keeper) -> None:
    """Nothing of it can be altered, left out, repeated or put in without being seen."""
    app = shop.network.bare[CATALOG_URL]
    call, headers, _content = keeper.signed("GET", "/changes")
    sent: asyncio.Queue[Any] = asyncio.Queue()
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/changes",
        "raw_path": b"/changes",
        "query_string": b"",
        "http_version": "1.1",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    following = asyncio.create_task(app(scope, asyncio.Queue[Any]().get, sent.put))
    try:
        start = await sent.get()
        told = {name.decode(): value.decode() for name, value in start["headers"]}
        keeper.signer.believed(call, 200, told, STREAMED)
        with pytest.raises(Stranger):
            keeper.signer.believed(call, 200, told, digest(b""))
        parts = [(await sent.get())["body"]]
        await shop.add_book()
        while b"data" not in parts[-1]:
            parts.append((await sent.get())["body"])
    finally:
        following.cancel()
        await asyncio.wait({following})
    lines = ProvedLines(keeper.signer, told[PROOF_HEADER])
    heard = [line for part in parts for line in lines.lines(part)]
    assert heard[0].startswith(b": open ")
    assert 1 == sum(line.startswith(b"data: ") for line in heard)
    assert not any(b"proof" in line for line in heard)
    for wrong in (
        [parts[0].replace(b"open", b"told"), *parts[1:]],
        parts[1:],
        [parts[0], *parts],
        [b": alive 0-1 2\n\n", *parts],
    ):
        lines = ProvedLines(keeper.signer, told[PROOF_HEADER])
        with pytest.raises(Stranger, match="not proved"):
            [lines.lines(part) for part in wrong]
