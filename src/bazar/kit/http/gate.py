"""Signed calls at the side that is asked: who is let in, and how each answer is proved.

How it works: the head of a call is checked before anything else of it, its body once it is here.
A call that may change something is signed for one process, and that process takes it once: it
remembers the nonces for as long as a call can be timely. So nobody who has seen a call can have it
done again, here, by another replica, or after a restart. A call that only reads may be for any
process; whoever sends it once more reads once more.

The process has a time of its own that nobody sets: that of the machine at its start, and what has
passed since. A clock that is put back opens nothing again, and hosts need not agree: whoever is too
far from it is told what it is, and asks again.

No answer is proved to a call that was not signed here, or that came before. Else whoever holds an
answer back could have a refusal made to the same call, and show its caller that instead.

Source: docs/decisions/0043-calls-are-signed.md
"""

import secrets
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable

from starlette.responses import Response, StreamingResponse
from starlette.types import Scope

from bazar.kit.clock import passing_s
from bazar.kit.errors import BazarError, Overloaded, Unauthorized
from bazar.kit.http.answers import Headers
from bazar.kit.http.heard import Heard, digest_of
from bazar.kit.http.refusals import Prove
from bazar.kit.signing import (
    MOMENT_HEADER,
    OUTDATED,
    PROCESS_DIGITS,
    PROOF_HEADER,
    SAFE_METHODS,
    SCHEME,
    STREAMED,
    Claims,
    Signing,
    answer_lines,
    call_lines,
    digest,
    proof_line,
    same,
)

WINDOW_S = 30.0
"""How far the time of a call may be from that of the process."""
REMEMBERED_MAX = 1 << 18
"""Calls that are remembered; in a minute or two a process cannot answer as many."""
EVENTS = "text/event-stream"
_AUTHORIZATION = b"authorization"
_SCHEME = f"{SCHEME} ".encode()
_PROOF = PROOF_HEADER.encode()
_MOMENT = MOMENT_HEADER.encode()


class CallOutdated(Unauthorized):
    """The call is signed for another moment, or another process of this service."""

    code = OUTDATED
    title = "The call is signed for another moment"
    hint = "Sign it again, for the process and the time in Bazar-Moment."


class CallRepeated(Unauthorized):
    """The very same call was here before."""

    code = "call-repeated"
    title = "This call was here before"
    hint = "Sign each call anew, with another nonce."


class Nonces:
    """The nonces of a time, and of the time before."""

    def __init__(self, keep_s: float, most: int) -> None:
        """Remember each for that long, at least; so many at a time."""
        self._keep_s = keep_s
        self._most = most
        self._young: set[bytes] = set()
        self._old: set[bytes] = set()
        self._turn_s = 0.0

    def is_new(self, nonce: str, now_s: float) -> bool:
        """Take in a nonce; tell whether it is here for the first time.

        Raises:
            Overloaded: definite; there is no room for one more.
        """
        if now_s >= self._turn_s:
            late = now_s >= self._turn_s + self._keep_s
            self._old = set() if late else self._young
            self._young = set()
            self._turn_s = now_s + self._keep_s
        key = bytes.fromhex(nonce)
        if key in self._young or key in self._old:
            return False
        if len(self._young) + len(self._old) >= self._most:
            message = f"{self._most} calls are remembered already"
            raise Overloaded(message)
        self._young.add(key)
        return True


class Gate:
    """Lets signed calls into one process, and proves its answers to them."""

    def __init__(self, service: str, secret: str, clock: Callable[[], float] = passing_s) -> None:
        """Open the gate of a service; the clock only passes."""
        self.process = secrets.token_hex(PROCESS_DIGITS // 2)
        self._signing = Signing(service, secret)
        self._clock = clock
        self._ahead_s = time.time() - clock()
        self._nonces = Nonces(2 * WINDOW_S, REMEMBERED_MAX)

    def heard(self, scope: Scope) -> Heard | None:
        """Return what is known of a call before its body is here; None where it is not signed."""
        headers = dict(scope["headers"])
        given = headers.get(_AUTHORIZATION)
        if given is None or not given.startswith(_SCHEME):
            return None
        if len(headers) != len(scope["headers"]):
            return Heard(Unauthorized("a signed call has each header once"))
        said = Claims.parsed(given.decode("latin-1"))
        if said is None:
            return Heard(Unauthorized("the signature is not written as it has to be"))
        query = scope["query_string"]
        target = scope["raw_path"] + b"?" + query if query else scope["raw_path"]
        covered = call_lines(scope["headers"])
        mac = self._signing.call(scope["method"], target.decode("latin-1"), said, covered)
        if not same(mac, said.mac):
            return Heard(Unauthorized("the signature is wrong"))
        return self._timely(said, safe=scope["method"] in SAFE_METHODS)

    def _timely(self, said: Claims, *, safe: bool) -> Heard:
        """Return a call that is signed, with what is wrong with its moment, if anything is."""
        now_s = self._clock()
        refusal: BazarError | None = None
        if abs(said.time_ms / 1000 - now_s - self._ahead_s) > WINDOW_S:
            refusal = CallOutdated(f"its time is more than {WINDOW_S:g} s from that of the service")
        elif not safe and said.process != self.process:
            refusal = CallOutdated("it is not signed for this process")
        elif not safe:
            try:
                if not self._nonces.is_new(said.nonce, now_s):
                    return Heard(CallRepeated("this call was here before"))
            except Overloaded as error:
                refusal = error
        return Heard(refusal, said.mac, said.body)

    async def prove(self, heard: Heard, response: Response) -> None:
        """Add to an answer what shows its caller that it is the answer to this very call."""
        if not heard.mac:
            return
        if isinstance(response, StreamingResponse):
            if response.media_type != EVENTS:
                return  # a file of the documentation, which no program of ours asks for
            proof = self.proofs(heard, response.status_code, response.raw_headers, STREAMED)
            response.body_iterator = self._proved(response.body_iterator, proof[-1][1].decode())
        else:
            body = await digest_of(bytes(response.body))
            proof = self.proofs(heard, response.status_code, response.raw_headers, body)
        response.raw_headers += proof

    def proofs(self, heard: Heard, status: int, raw_headers: Headers, body: str) -> Headers:
        """Return the headers that prove an answer: the moment, and last the proof itself.

        Args:
            heard: the call.
            status: of the answer.
            raw_headers: of the answer.
            body: its digest, or `streamed`.
        """
        if not heard.mac:
            return []
        time_ms = int((self._clock() + self._ahead_s) * 1000)
        moment = _MOMENT, f"{self.process} {time_ms}".encode()
        covered = answer_lines([*raw_headers, moment])
        mac = self._signing.answer(heard.mac, status, body, covered)
        return [moment, (_PROOF, mac.encode())]

    def prover(self, heard: Heard) -> Prove:
        """Return what proves an answer to a call whose body is here as a whole, and short."""
        return lambda status, headers, body: self.proofs(heard, status, headers, digest(body))

    async def _proved(
        self, parts: AsyncIterable[str | bytes | memoryview], before: str
    ) -> AsyncIterator[bytes]:
        """Yield the parts of a stream of events, each with a line that proves it."""
        async for part in parts:
            content = part.encode() if isinstance(part, str) else bytes(part)
            before = self._signing.part(before, content)
            yield content + proof_line(before)
