"""Answers as bytes: JSON with exact prices, and errors as problem documents.

Every answer says for itself whether a cache may keep it. What is not said otherwise is for once
(`no-store`): orders, purchases, errors, what keepers ask. Books and lists may be kept by whoever
asks us before each use whether they still hold (`no-cache`, with an `ETag`).
"""

import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bazar.kit import log
from bazar.kit.errors import PROBLEM_MEDIA_TYPE, BazarError
from bazar.kit.http.request import Request

Headers = list[tuple[bytes, bytes]]


class Ready(NamedTuple):
    """An answer that can be sent as it is."""

    status: int
    body: bytes
    raw_headers: Headers


NO_STORE = (b"cache-control", b"no-store")
NO_CACHE = (b"cache-control", b"no-cache")
_OK = 200
_NOT_MODIFIED = 304
_ETAG = b"etag"
_IF_NONE_MATCH = b"if-none-match"
_ETAG_BYTES = 12
_OPAQUE = re.compile('(?:W/)?("[^"]*")')
_OF_A_BODY = frozenset({b"content-length", b"content-type", b"link"})
_encoder = msgspec.json.Encoder(decimal_format="number")


def encode(value: Any) -> msgspec.Raw:  # noqa: ANN401
    """Return a struct as JSON, prices with exactly their decimals, to be put into other JSON."""
    return msgspec.Raw(_encoder.encode(value))


def log_fault(error: BaseException, request_id: str) -> str:
    """Log a fault of ours with its trace, and return what to tell the caller."""
    log.get_logger().error("fault", request_id=request_id, exc_info=error)
    return "the request met a fault of ours; it is in the log under its request id"


async def send_whole(send: Send, status: int, body: bytes, raw_headers: Headers) -> None:
    """Send an answer whose body is here as a whole."""
    await send({"type": "http.response.start", "status": status, "headers": raw_headers})
    await send({"type": "http.response.body", "body": body})


class ReadyResponse(Response):
    """An answer whose body is bytes already: starlette's, made and sent the short way."""

    def __init__(self, body: bytes, status: int, raw_headers: Headers) -> None:
        """Take body and headers as they are; the length and the type of the body are in them."""
        self.body = body
        self.status_code = status
        self.background = None
        self.raw_headers = raw_headers

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it."""
        await send_whole(send, self.status_code, bytes(self.body), self.raw_headers)


def _ready(
    body: bytes,
    status: int,
    headers: Mapping[str, str] | None,
    media_type: str,
    keeping: tuple[bytes, bytes] = NO_STORE,
) -> ReadyResponse:
    raw_headers = [
        (b"content-length", b"%d" % len(body)),
        (b"content-type", media_type.encode("latin-1")),
        keeping,
    ]
    for name, value in headers.items() if headers else ():
        raw_headers.append((name.encode("latin-1"), value.encode("latin-1")))
    return ReadyResponse(body, status, raw_headers)


def json_response(
    value: Any,  # noqa: ANN401
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Encode a struct, prices with exactly their decimals; nobody may keep the answer."""
    return _ready(_encoder.encode(value), status, headers, "application/json")


def tagged_response(
    value: Any,  # noqa: ANN401
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Encode a struct as an answer that a cache may keep, if it asks again before each use.

    The ETag is a digest of the bytes, and so a strong one: a version number would come a second
    time after a backup was restored, and mean another book then.

    Source: RFC 9110, section 8.8.3; RFC 9111, section 5.2.2.4
    """
    body = _encoder.encode(value)
    response = _ready(body, _OK, headers, "application/json", NO_CACHE)
    response.raw_headers.append((_ETAG, _tag(body).encode("ascii")))
    return response


def changed_response(value: Any) -> Response:  # noqa: ANN401
    """Encode what a change has made of a struct, with the tag by which it can be changed again."""
    body = _encoder.encode(value)
    return _ready(body, _OK, {_ETAG.decode(): _tag(body)}, "application/json")


def tag_of(value: Any) -> str:  # noqa: ANN401
    """Return the ETag of the answer that shows a struct."""
    return _tag(_encoder.encode(value))


def _tag(body: bytes) -> str:
    return f'"{blake2b(body, digest_size=_ETAG_BYTES).hexdigest()}"'


def unless_held(request: Request, response: Response) -> Response:
    """Return the answer to a GET or HEAD, or 304 where its asker holds it already.

    Source: RFC 9110, sections 13.1.2 (tags are compared weakly) and 15.4.5
    """
    if _IF_NONE_MATCH not in request.raw_headers or response.status_code != _OK:
        return response
    held = ",".join(request.header_list(_IF_NONE_MATCH.decode()))
    tag = next((value for name, value in response.raw_headers if name == _ETAG), None)
    if tag is None or not (
        held.strip() == "*" or tag.decode().removeprefix("W/") in _OPAQUE.findall(held)
    ):
        return response
    kept = [header for header in response.raw_headers if header[0] not in _OF_A_BODY]
    return ReadyResponse(b"", _NOT_MODIFIED, kept)


def problem_response(error: BazarError) -> Response:
    """Return an error as a problem document (RFC 9457)."""
    body = _encoder.encode(error.problem())
    response = _ready(body, error.status, None, PROBLEM_MEDIA_TYPE)
    response.raw_headers += error.headers
    return response
