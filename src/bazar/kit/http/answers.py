"""Answers as bytes: JSON with exact prices, and errors as problem documents."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bazar.kit import log
from bazar.kit.errors import PROBLEM_MEDIA_TYPE, BazarError

Headers = list[tuple[bytes, bytes]]


class Ready(NamedTuple):
    """An answer that can be sent as it is."""

    status: int
    body: bytes
    raw_headers: Headers


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
    body: bytes, status: int, headers: Mapping[str, str] | None, media_type: str
) -> ReadyResponse:
    raw_headers = [
        (b"content-length", b"%d" % len(body)),
        (b"content-type", media_type.encode("latin-1")),
    ]
    for name, value in headers.items() if headers else ():
        raw_headers.append((name.encode("latin-1"), value.encode("latin-1")))
    return ReadyResponse(body, status, raw_headers)


def json_response(
    value: Any,  # noqa: ANN401
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Encode a struct, prices with exactly their decimals."""
    return _ready(_encoder.encode(value), status, headers, "application/json")


def problem_response(error: BazarError) -> Response:
    """Return an error as a problem document (RFC 9457)."""
    body = _encoder.encode(error.problem())
    response = _ready(body, error.status, None, PROBLEM_MEDIA_TYPE)
    response.raw_headers += error.headers
    return response
