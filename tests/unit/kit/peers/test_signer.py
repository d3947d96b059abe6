"""The side that asks: which answers it believes, and how it comes to know whom it asks."""

import time

import pytest
from pyreqwest.http import HeaderMap, Url

from bazar.kit.peers.answers import Stranger
from bazar.kit.peers.signer import Call, Peer, Signer, target_of
from bazar.kit.secret import SERVICE_HEADER
from bazar.kit.signing import (
    NOBODY,
    PROOF_HEADER,
    STREAMED,
    Claims,
    Moment,
    Signing,
    call_lines,
    digest,
)
from support.answering import PROCESS, SECRET, proof

URL = Url("http://catalog.test/books?q=a%20b")
BODY = b"[]"
OUTDATED = b'{"code":"call-outdated"}'


class Clock:
    """A clock that only passes when it is told to."""

    def __init__(self) -> None:
        """Start somewhere."""
        self.now_s = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    """Return the clock of the caller."""
    return Clock()


@pytest.fixture
def peer(clock: Clock) -> Peer:
    """Return whom nobody knows yet."""
    return Peer(clock)


@pytest.fixture
def signer(clock: Clock) -> Signer:
    """Return what signs calls of the catalog."""
    return Signer("catalog", SECRET, clock)


def claims(call: Call) -> Claims:
    """Return what a call says."""
    said = Claims.parsed(call.header)
    assert said is not None
    return said


def test_a_call_is_signed_for_who_was_there_last(signer: Signer, peer: Peer, clock: Clock) -> None:
    """Before the first answer for nobody, at the time of this machine; then at that of the peer."""
    before = claims(signer.call(peer, "GET", URL, {}))
    assert NOBODY == before.process
    assert abs(before.time_ms / 1000 - time.time()) < 60
    found = {"bazar-moment": Moment(PROCESS, 5_000_000).header()}
    assert not signer.is_outdated(peer, 200, found, b"")
    clock.now_s += 2.5
    after = claims(signer.call(peer, "GET", URL, {}))
    assert (PROCESS, 5_002_500) == (after.process, after.time_ms)
    assert before.nonce != after.nonce


def test_only_a_refusal_or_another_process_changes_what_is_known(
    signer: Signer, peer: Peer, clock: Clock
) -> None:
    """An answer that was held back would put the clock wrong."""
    signer.is_outdated(peer, 200, {"bazar-moment": Moment(PROCESS, 5_000_000).header()}, b"")
    clock.now_s += 20
    late = {"bazar-moment": Moment(PROCESS, 5_000_100).header()}
    assert not signer.is_outdated(peer, 200, late, b"")
    assert not signer.is_outdated(peer, 401, late, b'{"code":"unauthorized"}')
    assert not signer.is_outdated(peer, 200, late, OUTDATED)
    assert 5_020_000 == claims(signer.call(peer, "GET", URL, {})).time_ms
    assert signer.is_outdated(peer, 401, late, OUTDATED)
    assert 5_000_100 == claims(signer.call(peer, "GET", URL, {})).time_ms


def test_a_refusal_means_undone_where_nobody_could_do_it(signer: Signer, peer: Peer) -> None:
    """A read, or a call for nobody; another one may have been done by who was there before."""
    assert signer.call(peer, "POST", URL, {}).undone
    peer.process = PROCESS
    assert not signer.call(peer, "POST", URL, {}).undone
    assert signer.call(peer, "GET", URL, {}).undone


def test_path_and_query_are_signed_as_they_are_sent() -> None:
    """The transport writes some characters in another way."""
    for given, sent in (
        ("/a?", "/a"),
        ("/a?b=c", "/a?b=c"),
        ("/a'b?c='d'", "/a'b?c=%27d%27"),
        ("/é?é", "/%C3%A9?%C3%A9"),
        ("/%2F%2f", "/%2F%2f"),
    ):
        assert sent == target_of(Url("http://catalog.test" + given))


def test_letters_of_any_language_are_signed_as_their_bytes(signer: Signer, peer: Peer) -> None:
    """In a header such as the name of who changes something; the other side reads latin-1."""
    call = signer.call(peer, "GET", URL, {"bazar-actor": "Zoë"})
    read = call_lines([(b"bazar-actor", "Zoë".encode())])
    expected = Signing("catalog", SECRET).call("GET", target_of(URL), claims(call), read)
    assert expected == call.mac


def test_an_answer_is_believed_with_what_is_covered_alone(signer: Signer, peer: Peer) -> None:
    """The etag is known, a header that anybody may add is not."""
    call = signer.call(peer, "GET", URL, {})
    told = proof(call.header, "catalog", 200, digest(BODY), {"etag": '"1"', "bazar-seq": "a-1"})
    found = signer.believed(call, 200, HeaderMap(told | {"x-other": "1"}), digest(BODY))
    assert ('"1"', "a-1") == (found["etag"], found["bazar-seq"])
    assert {"x-other", PROOF_HEADER}.isdisjoint(found)


def test_no_answer_of_anybody_else_is_believed(signer: Signer, peer: Peer) -> None:
    """Altered, unsigned, to another call, of another service, with another secret, doubled."""
    call, other = (signer.call(peer, "GET", URL, {}) for _ in range(2))
    told = proof(call.header, "catalog", 200, digest(BODY), {"etag": '"1"'})
    signer.believed(call, 200, HeaderMap(told), digest(BODY))
    of_order = proof(call.header, "order", 200, digest(BODY), {"etag": '"1"'})
    as_catalog = of_order | {SERVICE_HEADER: told[SERVICE_HEADER]}
    to_other = proof(other.header, "catalog", 200, digest(BODY), {"etag": '"1"'})
    doubled = HeaderMap(told)
    doubled.append("etag", '"2"')
    twice = HeaderMap(told)
    twice.append("bazar-changed", "1:1")
    for call_, status, headers, body in (
        (call, 201, HeaderMap(told), BODY),
        (call, 200, HeaderMap(told), b"[1]"),
        (call, 200, HeaderMap(told | {"etag": '"2"'}), BODY),
        (call, 200, HeaderMap(told | {"retry-after": "60"}), BODY),
        (call, 200, HeaderMap({k: v for k, v in told.items() if k != "etag"}), BODY),
        (call, 200, HeaderMap({k: v for k, v in told.items() if k != PROOF_HEADER}), BODY),
        (call, 200, HeaderMap(told | {PROOF_HEADER: "0" * 64}), BODY),
        (call, 200, HeaderMap(told | {PROOF_HEADER: ""}), BODY),
        (call, 200, HeaderMap(of_order), BODY),
        (call, 200, HeaderMap(as_catalog), BODY),
        (call, 200, HeaderMap(to_other), BODY),
        (other, 200, HeaderMap(told), BODY),
        (call, 200, doubled, BODY),
        (call, 200, twice, BODY),
        (call, 200, HeaderMap({SERVICE_HEADER: told[SERVICE_HEADER]}), BODY),
        (call, 200, HeaderMap({}), BODY),
    ):
        with pytest.raises(Stranger):
            signer.believed(call_, status, headers, digest(body))


def test_the_head_of_a_stream_is_no_whole_answer(signer: Signer, peer: Peer) -> None:
    """Nor the other way round: a body that nobody proved would be believed."""
    call = signer.call(peer, "GET", URL, {})
    streamed = HeaderMap(proof(call.header, "catalog", 200, STREAMED, {}))
    whole = HeaderMap(proof(call.header, "catalog", 200, digest(b""), {}))
    signer.believed(call, 200, streamed, STREAMED)
    for headers, body in ((streamed, digest(b"")), (whole, STREAMED)):
        with pytest.raises(Stranger, match="does not prove"):
            signer.believed(call, 200, headers, body)
