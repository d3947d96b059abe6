"""What is signed: vectors of fixed input, which a program in another language must give too."""

import hmac
from hashlib import sha256

import pytest

from bazar.kit.signing import (
    NOBODY,
    STREAMED,
    Claims,
    Moment,
    Signing,
    answer_lines,
    call_lines,
    digest,
    is_covered,
    proof_in,
    proof_line,
    same,
    sent_lines,
    told_lines,
)

SECRET = "correct horse battery staple"
PROCESS = "00112233445566aa"
NONCE = "000102030405060708090a0b0c0d0e0f"
TIME_MS = 1764230400000
BODY = b'[{"order_id":"01m82zxsbph9yfen73cyvc50c1"}]'
TARGET = "/reservations?x=%C3%A9"
HEADERS = [
    ("host", "192.0.2.1:5001"),
    ("x-request-id", "r-1"),
    ("content-type", "application/json"),
    ("bazar-deadline-ms", "1500"),
    ("accept", "*/*"),
    ("idempotency-key", '"k"'),
]
CALL_MAC = "1f98fae173b5796b9c20fb1b56f5c994dc95851e2299f3abad28c1f7d4d91172"
ANSWER_MAC = "120e294437e60a1dbfa1c7e36b7e8570e6489f205fa4e7c007917e453dc1ea77"
ANSWER_HEADERS = [
    ("content-length", "2"),
    ("content-type", "application/json"),
    ("cache-control", "no-store"),
    ("bazar-service", "catalog/0123456789abcdef"),
    ("server-timing", "catalog;dur=1.50"),
    ("x-request-id", "r-1"),
    ("bazar-moment", f"{PROCESS} {TIME_MS + 1}"),
    ("date", "Thu, 27 Nov 2025 08:00:00 GMT"),
]
PART = b'data: {"id":1,"version":2}\n\n: told 0a1b-7 12345\n\n'
FIRST_PART_MAC = "abbc1a6f01d86e1a99dd53cb051bb715a1901c3fae5c23e95c867f2f31abffd3"
SECOND_PART_MAC = "1a9711e02dc0a52c85134573f55b697bc9b2b526c60540f8cade88e747b8921e"
CLAIMS = Claims(PROCESS, TIME_MS, NONCE, digest(BODY))


def keyed(use: str, text: str) -> str:
    """Return a signature the way that docs/security.md describes it, without our own code."""
    key = hmac.digest(SECRET.encode(), f"bazar-key-1 {use}".encode(), "sha256")
    return hmac.digest(key, text.encode("latin-1"), "sha256").hex()


def lines_of_call(headers: list[tuple[str, str]]) -> bytes:
    """Return what is covered, which both sides find in the same way."""
    found = call_lines([(name.encode(), value.encode()) for name, value in headers])
    if len(dict(headers)) == len(headers):
        assert sent_lines(dict(headers)) == found
    return found


def lines_of_answer(headers: list[tuple[str, str]]) -> bytes:
    """Return what is covered, which both sides find in the same way; the proof comes last."""
    raw = [(name.encode(), value.encode()) for name, value in headers if name != "bazar-proof"]
    found = answer_lines(raw)
    assert told_lines([pair for pair in headers if is_covered(pair[0])]) == found
    return found


@pytest.fixture
def signing() -> Signing:
    """Return what signs for the catalog."""
    return Signing("catalog", SECRET)


def test_a_call_is_signed_as_it_is_described(signing: Signing) -> None:
    """Line by line, and by the vector; the headers that matter in order, whatever theirs is."""
    text = (
        f"bazar-call-1\ncatalog\n{PROCESS}\n{TIME_MS}\n{NONCE}\nPOST\n{TARGET}\n"
        f"{sha256(BODY).hexdigest()}\nbazar-deadline-ms:1500\ncontent-type:application/json\n"
        'idempotency-key:"k"\nx-request-id:r-1\n'
    )
    assert CALL_MAC == keyed("call", text)
    assert CALL_MAC == signing.call("POST", TARGET, CLAIMS, lines_of_call(HEADERS))
    assert CALL_MAC == signing.call("POST", TARGET, CLAIMS, lines_of_call(HEADERS[::-1]))


def test_an_answer_is_signed_as_it_is_described(signing: Signing) -> None:
    """Bound to the signature of its call."""
    text = (
        f"bazar-answer-1\ncatalog\n{CALL_MAC}\n200\n{sha256(b'[]').hexdigest()}\n"
        f"bazar-moment:{PROCESS} {TIME_MS + 1}\nbazar-service:catalog/0123456789abcdef\n"
        "cache-control:no-store\ncontent-type:application/json\nserver-timing:catalog;dur=1.50\n"
    )
    assert ANSWER_MAC == keyed("answer", text)
    assert ANSWER_MAC == signing.answer(
        CALL_MAC, 200, digest(b"[]"), lines_of_answer(ANSWER_HEADERS)
    )


def test_the_parts_of_a_stream_are_chained(signing: Signing) -> None:
    """The first to the head of the answer, each to the one before."""
    first = signing.part(ANSWER_MAC, PART)
    assert (FIRST_PART_MAC, SECOND_PART_MAC) == (first, signing.part(first, PART))
    assert FIRST_PART_MAC == keyed("part", f"bazar-part-1\n{ANSWER_MAC}\n{PART.decode()}")


@pytest.mark.parametrize(
    ("method", "target", "claims", "headers"),
    [
        ("PUT", TARGET, CLAIMS, HEADERS),
        ("POST", TARGET + "1", CLAIMS, HEADERS),
        ("POST", "/reservations", CLAIMS, HEADERS),
        ("POST", TARGET, CLAIMS._replace(process=NOBODY), HEADERS),
        ("POST", TARGET, CLAIMS._replace(time_ms=TIME_MS + 1), HEADERS),
        ("POST", TARGET, CLAIMS._replace(nonce="f" + NONCE[1:]), HEADERS),
        ("POST", TARGET, CLAIMS._replace(body=digest(BODY + b" ")), HEADERS),
        ("POST", TARGET, CLAIMS, HEADERS[:-1]),
        ("POST", TARGET, CLAIMS, [*HEADERS, ("if-match", '"1"')]),
        ("POST", TARGET, CLAIMS, [*HEADERS, ("bazar-actor", "eve")]),
        ("POST", TARGET, CLAIMS, [*HEADERS, HEADERS[-1]]),
    ],
)
def test_whatever_is_altered_is_another_call(
    signing: Signing, method: str, target: str, claims: Claims, headers: list[tuple[str, str]]
) -> None:
    """Method, path, query, process, time, nonce, body, and each header that matters."""
    assert CALL_MAC != signing.call(method, target, claims, lines_of_call(headers))


@pytest.mark.parametrize("other", [Signing("order", SECRET), Signing("catalog", SECRET + "!")])
def test_another_service_or_shop_signs_otherwise(other: Signing) -> None:
    """Calls, answers, and what is sent as a stream to them."""
    assert CALL_MAC != other.call("POST", TARGET, CLAIMS, lines_of_call(HEADERS))
    assert ANSWER_MAC != other.answer(CALL_MAC, 200, digest(b"[]"), lines_of_answer(ANSWER_HEADERS))


@pytest.mark.parametrize(
    ("call_mac", "status", "body", "headers"),
    [
        ("0" * 64, 200, digest(b"[]"), ANSWER_HEADERS),
        (CALL_MAC, 201, digest(b"[]"), ANSWER_HEADERS),
        (CALL_MAC, 200, digest(b"[1]"), ANSWER_HEADERS),
        (CALL_MAC, 200, STREAMED, ANSWER_HEADERS),
        (CALL_MAC, 200, digest(b"[]"), [*ANSWER_HEADERS, ("bazar-changed", "1:2")]),
        (CALL_MAC, 200, digest(b"[]"), [*ANSWER_HEADERS, ("retry-after", "9")]),
        (CALL_MAC, 200, digest(b"[]"), ANSWER_HEADERS[:3]),
    ],
)
def test_whatever_is_altered_is_another_answer(
    signing: Signing, call_mac: str, status: int, body: str, headers: list[tuple[str, str]]
) -> None:
    """The call that it is for, its status, its body, and each header that is believed."""
    assert ANSWER_MAC != signing.answer(call_mac, status, body, lines_of_answer(headers))


def test_a_header_without_meaning_may_be_added_on_the_way(signing: Signing) -> None:
    """Such as those of a proxy; nobody reads them in a proved answer."""
    more = [*ANSWER_HEADERS, ("via", "1.1 x"), ("bazar-proof", "0")]
    assert ANSWER_MAC == signing.answer(CALL_MAC, 200, digest(b"[]"), lines_of_answer(more))
    assert [False, False] == [is_covered(name) for name in ("via", "bazar-proof")]
    assert [True, True] == [is_covered(name) for name in ("etag", "bazar-version")]


def test_no_use_of_the_secret_is_taken_for_another(signing: Signing) -> None:
    """The same text under each of the three keys has three signatures."""
    assert 3 == len({keyed(use, "x") for use in ("call", "answer", "part")})
    assert signing.part("", b"") != keyed("call", "bazar-part-1\n\n")


def test_claims_are_read_as_they_are_written() -> None:
    """There and back; nothing else is taken for them."""
    claims = CLAIMS._replace(mac=CALL_MAC)
    text = claims.header()
    assert (
        f"Bazar-HMAC-SHA256 process={PROCESS}, time={TIME_MS}, nonce={NONCE}, "
        f"body={digest(BODY)}, mac={CALL_MAC}"
    ) == text
    assert claims == Claims.parsed(text)
    assert NOBODY == (Claims.parsed(claims._replace(process=NOBODY).header()) or claims).process


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Bazar-HMAC-SHA256", "bazar-hmac-sha256"),
        ("Bazar-HMAC-SHA256 ", "Bazar-HMAC-SHA256  "),
        (", time", ",time"),
        (f"time={TIME_MS}", "time=-1"),
        (f"time={TIME_MS}", "time=" + "1" * 16),
        (f"time={TIME_MS}", "time=\u0661"),
        (NONCE, NONCE[1:]),
        (NONCE, NONCE.upper().replace("0", "A", 1)),
        (PROCESS, ""),
        (CALL_MAC, CALL_MAC + "0"),
        (CALL_MAC, CALL_MAC + "\n"),
    ],
)
def test_what_is_written_otherwise_says_nothing(old: str, new: str) -> None:
    """One way to write a signature, so that no two readers read two things."""
    text = CLAIMS._replace(mac=CALL_MAC).header()
    assert Claims.parsed(text.replace(old, new)) is None


def test_a_moment_is_read_as_it_is_written() -> None:
    """There and back; nothing else is taken for one."""
    moment = Moment(PROCESS, TIME_MS)
    assert f"{PROCESS} {TIME_MS}" == moment.header()
    assert moment == Moment.parsed(moment.header())
    for text in ("", PROCESS, f"{PROCESS}  1", f"{PROCESS} 1\n", f"{PROCESS.upper()} 1", "- 1"):
        assert Moment.parsed(text) is None


def test_a_line_of_proof_is_a_comment_of_a_stream() -> None:
    """Whoever does not look for it reads past it."""
    line = proof_line(CALL_MAC)
    assert b": proof " + CALL_MAC.encode() + b"\n" == line
    assert CALL_MAC == proof_in(line[:-1])
    for other in (b": alive 1-2 3", b": proof", b"data: : proof " + CALL_MAC.encode(), line):
        assert proof_in(other) is None


def test_what_is_no_signature_equals_none() -> None:
    """Whatever a stranger writes there is compared, and none of it is an error."""
    assert same(CALL_MAC, CALL_MAC)
    for other in ("", CALL_MAC[1:], CALL_MAC.upper(), "\xff" * 64):
        assert not same(CALL_MAC, other)
