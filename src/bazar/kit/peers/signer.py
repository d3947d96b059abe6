"""Signed calls at the side that asks: what is sent, and which answers are believed.

How it works: of each address it is known which process answered last, and how far its time is from
ours; before the first answer the time is that of this machine. A call that comes too early or too
late, or for another process than the one that is there, is refused; the refusal is proved and tells
both, so the next call is right. Nobody does a call that is signed for nobody and may change
something. So the first one costs one more way there and back, and is surely not done twice.

An answer counts only if it is proved: bound to the signature of the very call that was sent, it
shows that whoever gave it knows the secret. What it says in headers that no proof covers is unknown
here.

Source: docs/decisions/0043-calls-are-signed.md
"""

import secrets
import time
from collections.abc import Callable, Mapping
from itertools import count
from typing import NamedTuple

import msgspec
from pyreqwest.http import Url

from bazar.kit.clock import passing_s
from bazar.kit.peers.answers import Stranger
from bazar.kit.secret import SERVICE_HEADER, service_identity
from bazar.kit.signing import (
    MOMENT_HEADER,
    NOBODY,
    NONCE_DIGITS,
    OUTDATED,
    PROOF_HEADER,
    SAFE_METHODS,
    Claims,
    Moment,
    Signing,
    digest,
    is_covered,
    same,
    sent_lines,
    told_lines,
)

ASKS_MAX = 3
"""How often one call is signed anew, since it was for another process or another moment."""
_REFUSED = 401


class _Coded(msgspec.Struct):
    """What matters here of a problem document."""

    code: str = ""


_coded = msgspec.json.Decoder(_Coded).decode


class Peer:
    """What is known of the process at one address."""

    __slots__ = ("ahead_s", "process")

    def __init__(self, clock: Callable[[], float] = passing_s) -> None:
        """Start with none, and the time of this machine."""
        self.process = NOBODY
        self.ahead_s = time.time() - clock()
        """Of its time before the clock here that only passes."""


class Call(NamedTuple):
    """A call that was signed."""

    header: str
    """The value of its Authorization header."""
    mac: str
    process: str
    """Whom it is for."""
    safe: bool
    """It changes nothing, so anybody may answer it."""

    @property
    def undone(self) -> bool:
        """Whether a refusal of it means that it was surely not done."""
        return self.safe or self.process == NOBODY


class Signer:
    """Signs the calls of one service, and checks its answers."""

    def __init__(self, service: str, secret: str, clock: Callable[[], float] = passing_s) -> None:
        """Speak to a service of this shop."""
        self._identity = service_identity(service, secret)
        self._signing = Signing(service, secret)
        self._clock = clock
        self._mark = secrets.token_hex(NONCE_DIGITS // 4)
        self._number = count()
        """With the mark, which no other has, it makes a nonce of each call."""

    def call(
        self, peer: Peer, method: str, url: Url, headers: Mapping[str, str], body: bytes = b""
    ) -> Call:
        """Return a call, signed for now and for the process that was there last.

        Args:
            peer: who is asked.
            method: in capital letters.
            url: of the request.
            headers: all that are sent, names in lower case.
            body: that is sent.
        """
        safe = method in SAFE_METHODS
        process = peer.process
        said = Claims(
            process,
            int((self._clock() + peer.ahead_s) * 1000),
            f"{self._mark}{next(self._number):0{NONCE_DIGITS // 2}x}",
            digest(body),
        )
        mac = self._signing.call(method, target_of(url), said, sent_lines(headers))
        return Call(said._replace(mac=mac).header(), mac, process, safe)

    def believed(
        self, call: Call, status: int, headers: Mapping[str, str], body: str
    ) -> dict[str, str]:
        """Return the headers of an answer that are proved.

        Args:
            call: that it answers.
            status: of the answer.
            headers: of the answer.
            body: its digest, or `streamed`.

        Raises:
            Stranger: it is not the answer of this service of this shop to this call.
        """
        try:
            given = [*headers.items()]
        except ValueError as error:
            message = "its headers are no text"
            raise Stranger(message) from error
        said = headers.get(SERVICE_HEADER)
        if said != self._identity:
            message = f"it says that it is {said or 'nobody'}, and not {self._identity}"
            raise Stranger(message)
        covered = [pair for pair in given if is_covered(pair[0])]
        found = dict(covered)
        proof = headers.get(PROOF_HEADER)
        if (
            proof is None
            or len(found) != len(covered)
            or not same(proof, self._signing.answer(call.mac, status, body, told_lines(covered)))
        ):
            message = f"its answer, {status}, does not prove that it is that of {self._identity}"
            raise Stranger(message)
        return found

    def is_outdated(
        self, peer: Peer, status: int, found: Mapping[str, str], content: bytes
    ) -> bool:
        """Learn from a proved answer who gave it; tell whether it refuses a call for its moment."""
        told = found.get(MOMENT_HEADER, "")
        outdated = status == _REFUSED and _code(content) == OUTDATED
        if not outdated and told.startswith(peer.process):
            return False
        moment = Moment.parsed(told)
        if moment is not None:
            peer.process = moment.process
            peer.ahead_s = moment.time_ms / 1000 - self._clock()
        return outdated

    def next_part(self, before: str, part: bytes) -> str:
        """Return the signature that a part of a stream has to have; see `Signing.part`."""
        return self._signing.part(before, part)


def target_of(url: Url) -> str:
    """Return path and query of an address as they are sent."""
    query = url.query_string
    return f"{url.path}?{query}" if query else url.path


def _code(content: bytes) -> str:
    """Return the code of a problem document; empty where it is none."""
    try:
        return _coded(content).code
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
