"""What is signed, and how: calls between services, their answers, and the parts of a stream.

Pure: no clock, no socket, no state. `docs/security.md` describes the same for another language,
and the tests hold vectors of fixed input. Each use has a key of its own, derived from the secret,
and each text begins with its own word, so that nothing that is signed here can be taken for
something else. Texts have one field a line, and no field holds a line break.

Source: RFC 2104; docs/decisions/0043-calls-are-signed.md
"""

import hmac
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import NamedTuple

SCHEME = "Bazar-HMAC-SHA256"
"""Of the Authorization header of a call."""
MOMENT_HEADER = "bazar-moment"
"""On each answer to a signed call: which process gave it, and its time."""
PROOF_HEADER = "bazar-proof"
"""On each answer to a signed call: shows that whoever gave it knows the secret."""
ANNOUNCED_HEADER = "bazar-announced"
"""On the proved `/readyz` of a service that announces itself: for which shop, and where."""
NOBODY = "-"
"""The process that a call is signed for, where its caller does not know any yet."""
STREAMED = "streamed"
"""In the place of the digest of a body that has no end; its parts are proved one by one."""
OUTDATED = "call-outdated"
"""The code of the refusal of a call that is for another moment, or for another process."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""They change nothing, so any process takes them, as often as they come."""
PROCESS_DIGITS = 16
NONCE_DIGITS = 32
_OWN = "bazar-"
_COVERED_OF_CALLS = frozenset(
    {
        "content-encoding",
        "content-type",
        "idempotency-key",
        "if-match",
        "if-none-match",
        "x-request-id",
    }
)
_COVERED_OF_ANSWERS = frozenset(
    {
        "allow",
        "cache-control",
        "content-encoding",
        "content-type",
        "etag",
        "link",
        "location",
        "retry-after",
        "server-timing",
    }
)
_CLAIMS = re.compile(
    rf"{SCHEME} process=({NOBODY}|[0-9a-f]{{{PROCESS_DIGITS}}}), time=([0-9]{{1,15}}), "
    rf"nonce=([0-9a-f]{{{NONCE_DIGITS}}}), body=([0-9a-f]{{64}}), mac=([0-9a-f]{{64}})",
    re.ASCII,
)
_MOMENT = re.compile(rf"([0-9a-f]{{{PROCESS_DIGITS}}}) ([0-9]{{1,15}})", re.ASCII)
_PROOF_LINE = re.compile(b": proof ([0-9a-f]{64})")

_OWN_BYTES = _OWN.encode()
_OWN_LENGTH = len(_OWN)
_CALLS_BYTES = frozenset(name.encode() for name in _COVERED_OF_CALLS)
_ANSWERS_BYTES = frozenset(name.encode() for name in _COVERED_OF_ANSWERS)
_BLOCK_BYTES = 64
_NOTHING = sha256()


class Claims(NamedTuple):
    """What the Authorization header of a call says."""

    process: str
    """The only one that does what is asked, where that changes anything; or `-`."""
    time_ms: int
    """By the clock of that process."""
    nonce: str
    """Of this call alone."""
    body: str
    """The digest of the body."""
    mac: str = ""

    def header(self) -> str:
        """Return it as the value of the header."""
        return (
            f"{SCHEME} process={self.process}, time={self.time_ms}, nonce={self.nonce}, "
            f"body={self.body}, mac={self.mac}"
        )

    @classmethod
    def parsed(cls, text: str) -> "Claims | None":
        """Return what a header says, or None where it is not written in exactly that way."""
        found = _CLAIMS.fullmatch(text)
        if found is None:
            return None
        process, time_ms, nonce, body, mac = found.groups()
        return cls(process, int(time_ms), nonce, body, mac)


class Moment(NamedTuple):
    """Who answers: a process, from its start to its end, and its time."""

    process: str
    time_ms: int

    def header(self) -> str:
        """Return it as the value of the header."""
        return f"{self.process} {self.time_ms}"

    @classmethod
    def parsed(cls, text: str) -> "Moment | None":
        """Return what a header says, or None where it says nothing of that kind."""
        found = _MOMENT.fullmatch(text)
        return cls(found[1], int(found[2])) if found else None


def digest(body: bytes) -> str:
    """Return the digest of a body; to copy a beginning is half as dear as to look the kind up."""
    made = _NOTHING.copy()
    made.update(body)
    return made.hexdigest()


class _Mac:
    """Signs texts with one key: HMAC, with all that does not depend on the text done beforehand.

    Half as dear as `hmac.digest`, and each call needs four. Source: RFC 2104, section 4
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, secret: str, use: str) -> None:
        key = hmac.digest(secret.encode(), b"bazar-key-1 " + use.encode(), "sha256")
        padded = key.ljust(_BLOCK_BYTES, b"\0")
        self._inner, self._outer = (
            sha256(bytes(byte ^ pad for byte in padded)) for pad in (0x36, 0x5C)
        )

    def of(self, text: bytes) -> str:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.hexdigest()


class Signing:
    """Signs in the name of one service of one shop: calls of it, and its answers."""

    def __init__(self, service: str, secret: str) -> None:
        """Derive the keys.

        Args:
            service: that is asked.
            secret: of the shop.
        """
        self._service = service
        self._call = _Mac(secret, "call")
        self._answer = _Mac(secret, "answer")
        self._part = _Mac(secret, "part")

    def call(self, method: str, target: str, said: Claims, covered: bytes) -> str:
        """Return the signature of a call.

        Args:
            method: in capital letters.
            target: the path as it is sent, percent-encoded, and behind a `?` its query, if any.
            said: without the signature, or with any.
            covered: its headers that matter, a line each.
        """
        text = (
            f"bazar-call-1\n{self._service}\n{said.process}\n{said.time_ms}\n{said.nonce}\n"
            f"{method}\n{target}\n{said.body}\n"
        )
        return self._call.of(text.encode("latin-1") + covered)

    def answer(self, call_mac: str, status: int, body: str, covered: bytes) -> str:
        """Return the signature of an answer.

        Args:
            call_mac: the signature of the call that it answers, and of no other.
            status: of the answer.
            body: its digest, or `streamed`.
            covered: its headers that matter, a line each.
        """
        text = f"bazar-answer-1\n{self._service}\n{call_mac}\n{status}\n{body}\n"
        return self._answer.of(text.encode("latin-1") + covered)

    def part(self, before: str, part: bytes) -> str:
        """Return the signature of a part of a stream.

        Args:
            before: the signature of the part before; of the first one, that of the answer.
            part: its bytes.
        """
        return self._part.of(b"bazar-part-1\n%b\n%b" % (before.encode(), part))


def proof_line(mac: str) -> bytes:
    """Return the line of a stream that proves all since the one before: a comment to others."""
    return b": proof %b\n" % mac.encode()


def proof_in(line: bytes) -> str | None:
    """Return the signature that a line of a stream holds; None where it is another line."""
    found = _PROOF_LINE.fullmatch(line) if line.startswith(b": proof ") else None
    return found[1].decode() if found else None


def same(one: str, other: str) -> bool:
    """Compare two signatures, or digests, in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())


def is_covered(name: str) -> bool:
    """Tell whether a header of an answer is signed, so that its reader may believe it."""
    return name in _COVERED_OF_ANSWERS or (name[:_OWN_LENGTH] == _OWN and name != PROOF_HEADER)


def call_lines(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the headers of a call that are covered, a line each, in order; names in lower case."""
    return _lines(headers, _CALLS_BYTES)


def answer_lines(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the headers of an answer that are covered, without the proof itself."""
    return _lines(headers, _ANSWERS_BYTES)


def sent_lines(headers: Mapping[str, str]) -> bytes:
    """Return the same of a call, as whoever sends it has them; values travel as UTF-8."""
    covered = [
        f"{name}:{value}\n"
        for name, value in headers.items()
        if name in _COVERED_OF_CALLS or name[:_OWN_LENGTH] == _OWN
    ]
    return "".join(sorted(covered)).encode()


def told_lines(covered: Iterable[tuple[str, str]]) -> bytes:
    """Return the same of an answer, as whoever gets it has them, see `is_covered`."""
    return "".join(sorted([f"{name}:{value}\n" for name, value in covered])).encode()


def _lines(headers: Iterable[tuple[bytes, bytes]], names: frozenset[bytes]) -> bytes:
    covered = [
        b"%b:%b\n" % (name, value)
        for name, value in headers
        if name in names or name[:_OWN_LENGTH] == _OWN_BYTES
    ]
    covered.sort()
    return b"".join(covered)
