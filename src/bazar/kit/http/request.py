"""A request as the handlers see it: typed, limited, and with a deadline."""

import asyncio
import re
from collections.abc import Coroutine
from functools import cache
from types import NoneType
from typing import Annotated, Any, NoReturn, TypeVar, get_args, get_origin

import msgspec
from starlette.requests import Request as StarletteRequest

from bazar.kit.deadline import DEADLINE_HEADER, DEADLINE_MS_MAX, Deadline
from bazar.kit.errors import BodyTimeout, BodyTooLarge, InvalidRequest
from bazar.kit.http.heard import Heard
from bazar.kit.identity import ID_MAX, REQUEST_ID_HEADER, REQUEST_ID_LENGTH_MAX, new_request_id

T = TypeVar("T")

BODY_BYTES_MAX = 64 * 1024
BODY_TIMEOUT_S = 10.0

_REQUEST_ID = re.compile(f"[A-Za-z0-9._-]{{1,{REQUEST_ID_LENGTH_MAX}}}")
_LENGTH = re.compile(r"[0-9]{1,18}")
_PLACE = re.compile(r"(?P<said>.*?)(?: - at `\$\.?(?P<place>.*)`)?", re.DOTALL)
"""What msgspec says of an invalid message, and where it found it."""
_NAMED = re.compile(r"Object (?:contains unknown|missing required) field `(.*)`", re.DOTALL)
_MEMBER_LENGTH_MAX = 100
_NULL = "null"


class Request(StarletteRequest):
    """One request, and what its handler adds to the log line and the Server-Timing header."""

    def __init__(self, *args: Any, body_bytes_max: int = BODY_BYTES_MAX) -> None:  # noqa: ANN401
        """Wrap an ASGI scope; the id comes from the caller where it sent a proper one."""
        super().__init__(*args)
        self._body_bytes_max = body_bytes_max
        self.raw_headers: dict[bytes, bytes] = dict(self.scope["headers"])
        given = self.header(REQUEST_ID_HEADER)
        self.id = given if given and _REQUEST_ID.fullmatch(given) else new_request_id()
        self.timings: list[str] = []
        self.facts: dict[str, Any] = {}
        self._content = b""
        self.heard: Heard | None = None
        """What its signature shows, where it has one."""

    def header(self, name: bytes) -> str:
        """Return the last header of this lower-case name, empty where there is none."""
        return self.raw_headers.get(name, b"").decode("latin-1")

    def header_list(self, name: str) -> list[str]:
        """Return all headers of this lower-case name, in order."""
        wanted = name.encode("latin-1")
        return [
            value.decode("latin-1") for given, value in self.scope["headers"] if given == wanted
        ]

    def deadline(self, default_ms: int) -> Deadline:
        """Return the caller's deadline, or one of our own where it sent none."""
        given = self.header(DEADLINE_HEADER)
        if given.isascii() and given.isdigit() and len(given) <= len(str(DEADLINE_MS_MAX)):
            return Deadline(min(int(given), DEADLINE_MS_MAX))
        return Deadline(default_ms)

    def number(self, name: str) -> int:
        """Return a positive whole number from the path.

        Raises:
            InvalidRequest: it is something else, or larger than 2^53-1.
        """
        text = self.path_params[name]
        if text.isascii() and text.isdigit() and len(text) < len(str(ID_MAX)) + 1:
            value = int(text)
            if 1 <= value <= ID_MAX:
                return value
        message = f"{name} must be a whole number from 1 to {ID_MAX}, not {text[:40]!r}"
        raise InvalidRequest(message, member=name)

    def arguments(self, kind: type[T]) -> T:
        """Return the query string as a struct.

        Raises:
            InvalidRequest: an argument is unknown, doubled, or breaks a limit.
        """
        pairs = self.query_params.multi_items()
        values = dict(pairs)
        if len(values) != len(pairs):
            names = [name for name, _value in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            message = "an argument of the query string is given twice"
            raise InvalidRequest(message, member=twice[:_MEMBER_LENGTH_MAX])
        known: Any = kind
        for name in _without_null(known).intersection(values):
            if values[name].lower() == _NULL:
                message = f"the query string is not valid: {name} cannot be null; leave it out"
                raise InvalidRequest(message, member=name)
        try:
            return msgspec.convert(values, kind, strict=False)
        except msgspec.ValidationError as error:
            _refuse("the query string", error)

    def struct(self, decoder: msgspec.json.Decoder[T]) -> T:
        """Return the JSON body, received before, as a struct; no body at all counts as `{}`.

        Raises:
            InvalidRequest: not JSON, or it breaks a limit.
        """
        try:
            return decoder.decode(self._content or b"{}")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            _refuse("the body", error)

    @property
    def content(self) -> bytes:
        """Return the body as it came, received before."""
        return self._content

    @property
    def has_body(self) -> bool:
        """Tell whether a body follows; without a length and an encoding there is none."""
        length = self.header(b"content-length")
        return length != "0" and bool(length or b"transfer-encoding" in self.raw_headers)

    async def receive_body(self) -> None:
        """Wait for the body, with the limits of `limited_body`."""
        self._content = await self.limited_body()

    async def limited_body(self) -> bytes:
        """Return the whole body.

        Raises:
            BodyTooLarge: definite; longer than the route takes.
            BodyTimeout: definite; not complete after 10 seconds.
            InvalidRequest: the client went away in the middle of it.
        """
        if not self.has_body:
            return b""
        length = self.header(b"content-length")
        if length and not (_LENGTH.fullmatch(length) and int(length) <= self._body_bytes_max):
            self._refuse_size()
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                return await self._received(int(length) if length else None)
        except TimeoutError:
            message = f"the body was not complete after {BODY_TIMEOUT_S:g} seconds"
            raise BodyTimeout(message) from None

    async def _received(self, length: int | None) -> bytes:
        """Return the body once it has its length, if that is known, or once it ends.

        At its length there is nothing to wait for; to be told so costs three threads a wake-up
        each (docs/performance.md).
        """
        body = bytearray()
        more = True
        while more and len(body) != length:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                reason = "the connection closed in the middle of the body"
                raise InvalidRequest(reason)
            body += message.get("body", b"")
            if len(body) > self._body_bytes_max:
                self._refuse_size()
            more = message.get("more_body", False)
        return bytes(body)

    async def while_there(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what comes of a work, which is cancelled when the client goes away.

        Raises:
            InvalidRequest: the client went away; nobody will read this.
        """
        working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(self._left())
        try:
            await asyncio.sleep(0)
            if leaving.done():  # who says so at once says it of everybody who has sent all
                return await working
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            message = "the client went away before the answer"
            raise InvalidRequest(message)
        finally:
            leaving.cancel()
            working.cancel()

    async def _left(self) -> None:
        """Wait until the client has gone away."""
        while (await self.receive())["type"] != "http.disconnect":
            pass

    def _refuse_size(self) -> NoReturn:
        message = f"the body is longer than {self._body_bytes_max} bytes"
        raise BodyTooLarge(message)


@cache
def _without_null(kind: Any) -> frozenset[str]:  # noqa: ANN401
    """Return the arguments for which msgspec takes the text `null` as none; for others it is text.

    None of them can be that: whoever wants none leaves the argument out.
    """
    found = set()
    for field in msgspec.structs.fields(kind):
        parts = get_args(field.type)
        if NoneType in parts and str not in {get_origin(part) or part for part in _bare(parts)}:
            found.add(field.encode_name)
    return frozenset(found)


def _bare(parts: tuple[Any, ...]) -> list[Any]:
    """Return types without what is annotated to them."""
    return [part.__origin__ if get_origin(part) is Annotated else part for part in parts]


def _refuse(where: str, error: Exception) -> NoReturn:
    message = f"{where} is not valid: {str(error) or 'nested too deeply'}"
    raise InvalidRequest(message, member=_wrong_member(str(error))) from None


def _wrong_member(text: str) -> str | None:
    """Return which member a message of msgspec is about, such as `lines[0].quantity`, if any."""
    found = _PLACE.fullmatch(text)
    assert found is not None
    named = _NAMED.fullmatch(found["said"])
    parts = [part for part in (found["place"], named and named[1]) if part]
    return ".".join(parts)[:_MEMBER_LENGTH_MAX] or None
