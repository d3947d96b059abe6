"""A service at several addresses: who is asked, who instead, and whom nobody believes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

import pytest
from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import ConnectError, ReadError, RequestError
from pyreqwest.middleware import Next
from pyreqwest.request import Request
from pyreqwest.response import Response, ResponseBuilder

from bazar.kit.deadline import Deadline
from bazar.kit.errors import Overloaded, Unavailable
from bazar.kit.http.answers import problem_response
from bazar.kit.peers import balancing, racing
from bazar.kit.peers.addresses import Address
from bazar.kit.peers.answers import Answer
from bazar.kit.peers.balancing import PATIENCES
from bazar.kit.peers.client import Upstream
from bazar.kit.peers.discovery import Discovery
from bazar.kit.secret import SERVICE_HEADER, service_identity
from bazar.kit.signing import PROOF_HEADER, STREAMED, Signing, digest, proof_line
from support.answering import SECRET, proof

IDENTITY = service_identity("catalog", SECRET)
BOUND_S = 5.0
SLOW_S = 0.05
A, B, C = (f"http://192.0.2.{number}" for number in (1, 2, 3))

Way = Literal["answers", "refuses", "breaks", "hangs", "away", "overloaded"]


def refused() -> RequestError:
    """Return the error of an address where nobody listens."""
    return ConnectError("refused", {"causes": [{"message": "client error (Connect)"}]})


def broken() -> RequestError:
    """Return the error of a connection that broke after the call was sent."""
    return ReadError("reset", {"causes": None})


@dataclass
class Network:
    """Targets by address, each of which behaves as it is told to."""

    ways: dict[str, Way] = field(default_factory=dict)
    """Of those that do not just answer."""
    identities: dict[str, str] = field(default_factory=dict)
    """Of those that are not who they should be."""
    statuses: dict[str, int] = field(default_factory=dict)
    ready: set[str] = field(default_factory=lambda: {A, B, C})
    """Who answers probes with 200."""
    calls: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    probes: list[str] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    """Once set, those that hang answer."""

    async def __call__(self, request: Request, _following: Next) -> Response:
        """Deliver one call."""
        url = f"{request.url.scheme}://{request.url.host_str}"
        probed = request.url.path == "/readyz"
        (self.probes if probed else self.calls).append(url)
        self.hosts.append(request.headers.get("host") or "")
        status, body = self.statuses.get(url, 200), url.encode()
        way = self.ways.get(url, "answers")
        if probed:
            status = 200 if url in self.ready else 503
        elif way in {"away", "overloaded"}:
            error = Unavailable("later") if way == "away" else Overloaded("too much")
            status, body = 503, bytes(problem_response(error).body)
        elif way == "hangs":
            await self.released.wait()
        elif way != "answers":
            raise refused() if way == "refuses" else broken()
        given = request.headers.get("authorization")
        streamed = request.url.path == "/changes"
        told = proof(given, "catalog", status, STREAMED if streamed else digest(body), {})
        if streamed:
            body += b"\n\n"
            body += proof_line(Signing("catalog", SECRET).part(told[PROOF_HEADER], body))
        told[SERVICE_HEADER] = self.identities.get(url, IDENTITY)
        builder = ResponseBuilder().status(status).headers({k: v for k, v in told.items() if v})
        return await builder.body_bytes(body).build()


@pytest.fixture
def network() -> Network:
    """Return a network in which all is well."""
    return Network()


Open = Callable[[str], Upstream]


@pytest.fixture
async def open_(network: Network, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Open]:
    """Return what makes the caller's view of a service; nobody is slow, whatever else runs here."""
    monkeypatch.setattr(balancing, "PROBE_PAUSE_S_FIRST", 0.001)
    monkeypatch.setattr(racing, "ATTEMPT_S", 60.0)
    made: list[Upstream] = []
    async with ClientBuilder().with_middleware(network).build() as client:

        def make(urls: str) -> Upstream:
            made.append(Upstream("catalog", urls, client, SECRET))
            return made[-1]

        yield make
        for upstream in made:
            await upstream.stop()


@pytest.fixture
def two(open_: Open) -> Upstream:
    """Return a service at two addresses."""
    return open_(f"{A},{B}")


async def until(check: Callable[[], bool]) -> None:
    """Wait until something is so, within a bound."""
    async with asyncio.timeout(BOUND_S):
        while not check():  # noqa: ASYNC110  it watches from outside
            await asyncio.sleep(0.001)


async def call(upstream: Upstream, timeout_ms: int = 5000, *, hedge: bool = False) -> Answer:
    """Ask something."""
    async with asyncio.timeout(BOUND_S):
        return await upstream.call("GET", "/x", deadline=Deadline(timeout_ms), hedge=hedge)


async def ask_until(upstream: Upstream, network: Network, url: str) -> Answer:
    """Ask until an address was among those that were asked; return the answer to that call."""
    for _ in range(1000):
        before = len(network.calls)
        answer = await call(upstream)
        if url in network.calls[before:]:
            return answer
    message = f"{url} is never asked"
    raise AssertionError(message)


async def test_all_of_them_are_asked(network: Network, two: Upstream) -> None:
    """Each call once; the answer is of whoever was asked."""
    answers = [await call(two) for _ in range(64)]
    assert [url.encode() for url in network.calls] == [answer.body for answer in answers]
    assert {A, B} == set(network.calls)
    assert not any(answer.again for answer in answers)


@pytest.mark.parametrize(("way", "again"), [("refuses", False), ("breaks", True)])
async def test_who_is_gone_is_replaced_at_once_and_asked_no_more(
    network: Network, two: Upstream, way: Way, *, again: bool
) -> None:
    """And the answer says whether the first may have done something, which broke off later."""
    network.ways[A] = way
    network.ready.discard(A)
    answer = await ask_until(two, network, A)
    assert (200, B.encode(), again) == (answer.status, answer.body, answer.again)
    network.calls.clear()
    assert {B.encode()} == {(await call(two)).body for _ in range(64)}
    assert {B} == set(network.calls)


async def test_who_is_ready_again_is_asked_again(network: Network, two: Upstream) -> None:
    """Found by a probe, not by a call."""
    network.ways[A] = "refuses"
    network.ready.discard(A)
    await ask_until(two, network, A)
    (probe,) = two.targets.probes
    network.ways.clear()
    network.ready.add(A)
    await asyncio.wait({probe}, timeout=BOUND_S)
    assert {A} == set(network.probes)
    await ask_until(two, network, A)


@pytest.mark.parametrize("said", ["", "order/" + IDENTITY.partition("/")[2], "catalog/0" * 2])
@pytest.mark.parametrize("status", [200, 404, 503])
async def test_a_stranger_is_never_believed(
    network: Network, two: Upstream, said: str, status: int
) -> None:
    """Whatever it says, another one is asked; nor does it come back by answering probes."""
    network.identities[A] = said
    network.statuses[A] = status
    answer = await ask_until(two, network, A)
    assert (200, B.encode()) == (answer.status, answer.body)
    await until(lambda: network.probes.count(A) >= 3)
    network.calls.clear()
    assert {B.encode()} == {(await call(two)).body for _ in range(64)}
    assert {B} == set(network.calls)


async def test_a_stranger_at_the_only_address_is_nobody(network: Network, open_: Open) -> None:
    """Its 404 is not told as one of ours: nothing is known."""
    network.identities[A] = ""
    network.statuses[A] = 404
    with pytest.raises(Unavailable, match="the catalog service cannot be reached"):
        await call(open_(A), 100)
    assert len(network.calls) > 1


async def test_beside_who_is_slow_another_one_is_asked(
    network: Network, two: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who answers first is heard; the slow one is out until it answers a probe."""
    monkeypatch.setattr(racing, "ATTEMPT_S", SLOW_S)
    network.ways[A] = "hangs"
    network.ready.discard(A)
    answer = await ask_until(two, network, A)
    assert (B.encode(), True) == (answer.body, answer.again)
    assert A in {target.url for target in two.targets if target.out}


async def test_what_takes_long_everywhere_is_answered_all_the_same(
    network: Network, two: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is given up for being slow: the call that was sent first may be the first answer."""
    monkeypatch.setattr(racing, "ATTEMPT_S", SLOW_S)
    network.ways = {A: "hangs", B: "hangs"}
    asking = asyncio.create_task(call(two))
    await until(lambda: set(network.calls) == {A, B})
    network.released.set()
    assert 200 == (await asking).status
    assert 2 == len(network.calls)


async def test_who_cannot_work_is_replaced(network: Network, two: Upstream) -> None:
    """It says so itself, as where its database is away; another one may be better off."""
    network.ways[A] = "away"
    network.ready.discard(A)
    assert 200 == (await ask_until(two, network, A)).status
    network.calls.clear()
    assert {200} == {(await call(two)).status for _ in range(64)}
    assert {B} == set(network.calls)


async def test_where_nobody_can_work_that_is_the_answer(network: Network, two: Upstream) -> None:
    """Each was asked once; to wait would be no better."""
    network.ways = {A: "away", B: "away"}
    answer = await call(two)
    assert (503, True) == (answer.status, answer.again)
    assert {A, B} == set(network.calls)
    assert 2 == len(network.calls)


async def test_who_has_too_much_to_do_has_answered(network: Network, two: Upstream) -> None:
    """Nobody else is given what it refused, and it stays in."""
    network.ways = {A: "overloaded", B: "overloaded"}
    assert {503} == {(await call(two)).status for _ in range(16)}
    assert 16 == len(network.calls)
    assert not any(target.out for target in two.targets)


async def test_where_all_are_out_a_call_waits_for_the_first_that_is_back(
    network: Network, two: Upstream
) -> None:
    """It tries each once, and then nobody until a probe is answered; no budget ends that."""
    network.ways = {A: "refuses", B: "refuses"}
    network.ready.clear()
    calls = [asyncio.create_task(call(two)) for _ in range(40)]
    await until(lambda: network.probes.count(B) >= 3 and all(one.out for one in two.targets))
    tried = len(network.calls)
    assert tried <= 2 * len(calls)
    await until(lambda: network.probes.count(B) >= 6)
    assert tried == len(network.calls)
    del network.ways[B]
    network.ready.add(B)
    assert {B.encode()} == {answer.body for answer in await asyncio.gather(*calls)}
    assert tried + len(calls) == len(network.calls)


async def test_without_anybody_it_ends_at_the_deadline(network: Network, two: Upstream) -> None:
    """As an indefinite error that names the service."""
    network.ways = {A: "refuses", B: "refuses"}
    network.ready.clear()
    with pytest.raises(Unavailable, match="the catalog service cannot be reached") as failed:
        await call(two, 50)
    assert failed.value.definite is False


async def test_who_asks_again_at_once_has_a_budget(network: Network, open_: Open) -> None:
    """A target that says that it cannot work, and is ready for each probe, makes few more."""
    network.ways[A] = "away"
    upstream = open_(f"{A},{B},{C}")
    for _ in range(200):
        with suppress(Unavailable):
            await call(upstream, 20)
        await until(lambda: not any(target.out for target in upstream.targets))
    assert 10 < network.calls.count(A)
    assert len(network.calls) <= 200 + 20


@pytest.mark.parametrize("way", ["breaks", "refuses"])
async def test_who_reached_nobody_is_served_by_another_however_many_they_are(
    network: Network, two: Upstream, way: Way
) -> None:
    """A crowd that meets a dead target at once needs no budget: it asks no more than its share."""
    network.ways[A] = way
    network.ready.discard(A)
    answers = await asyncio.gather(*[call(two) for _ in range(60)])
    assert {(200, B.encode())} == {(answer.status, answer.body) for answer in answers}


async def test_a_slow_read_is_asked_of_another_one_too(network: Network, two: Upstream) -> None:
    """As soon as it takes longer than most do, though nobody is out for that."""
    for _ in range(2 * PATIENCES):
        await call(two, hedge=True)
    network.calls.clear()
    network.ways[A] = "hangs"
    while A not in network.calls:
        answer = await call(two, hedge=True)
    assert (B.encode(), True) == (answer.body, answer.again)
    assert not any(target.out for target in two.targets)


async def test_slow_reads_that_are_asked_twice_are_few(network: Network, two: Upstream) -> None:
    """One in twenty; the others wait for the one that they asked."""
    for _ in range(100):
        await call(two, hedge=True)
    network.ways = {A: "hangs", B: "hangs"}
    network.calls.clear()
    calls = [asyncio.create_task(call(two, hedge=True)) for _ in range(100)]
    await until(lambda: len(network.calls) >= 100)
    await until(lambda: len(network.calls) >= 105)
    network.released.set()
    await asyncio.gather(*calls)
    assert len(network.calls) <= 110


async def test_one_address_is_asked_without_all_that(
    network: Network, open_: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slow or not it is asked once, and no budget counts it."""
    monkeypatch.setattr(racing, "ATTEMPT_S", SLOW_S)
    network.ways[A] = "hangs"
    upstream = open_(A)
    asking = asyncio.create_task(call(upstream, hedge=True))
    await until(lambda: bool(network.calls))
    await asyncio.sleep(2 * SLOW_S)
    network.released.set()
    assert (200, False) == ((await asking).status, asking.result().again)
    assert [A] == network.calls
    assert [] == network.probes


async def test_a_name_is_told_as_the_host(network: Network, open_: Open) -> None:
    """Its address is asked, and hears the name, as a proxy before it may need."""
    upstream = open_(A)
    upstream.targets.set(frozenset({Address(B, "catalog:5001")}))
    await call(upstream)
    assert [B] == network.calls
    assert ["catalog:5001"] == network.hosts


async def test_addresses_are_found_while_calls_go_on(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that finds nobody has the name looked up again, and finds the new address in time."""
    found = ["192.0.2.1", "192.0.2.2"]

    async def look_up(_name: str, _port: int) -> list[str]:
        return [found.pop(0)] if len(found) > 1 else found

    network.ways = {"http://catalog.test": "refuses", A: "refuses"}
    monkeypatch.setattr("bazar.kit.peers.discovery.HURRY_S", 0.001)
    monkeypatch.setattr("bazar.kit.peers.discovery.LOOK_AGAIN_S", 3600.0)
    async with ClientBuilder().with_middleware(network).build() as client:
        discovery = Discovery("http://catalog.test", look_up)
        upstream = Upstream("catalog", "", client, SECRET, discovery=discovery)
        asking = asyncio.create_task(call(upstream))
        upstream.start()
        assert B.encode() == (await asking).body
        await upstream.stop()


async def lines(upstream: Upstream) -> list[bytes]:
    """Follow a stream to its end."""
    async with asyncio.timeout(BOUND_S):
        return [line async for line in upstream.stream("/changes", 1.0)]


async def test_a_stream_moves_to_another_target(network: Network, two: Upstream) -> None:
    """Each time that it is opened, while there is another: that of the last one has ended."""
    followed = [await lines(two) for _ in range(6)]
    assert [[url.encode()] for url in network.calls] == followed
    assert [A, B] == sorted(network.calls[:2])
    assert network.calls[:2] * 3 == network.calls


@pytest.mark.parametrize("way", ["refuses", "stranger"])
async def test_a_stream_of_nobody_or_of_a_stranger_is_none(
    network: Network, two: Upstream, way: Way
) -> None:
    """Nothing of it is heard, and the next one is followed elsewhere."""
    if way == "refuses":
        network.ways[A] = "refuses"
    network.identities[A] = "catalog/of another shop"
    network.ready.discard(A)
    heard, failed = [], 0
    for _ in range(4):
        try:
            heard.append(await lines(two))
        except Unavailable:
            failed += 1
    assert (1, [[B.encode()]] * 3) == (failed, heard)
