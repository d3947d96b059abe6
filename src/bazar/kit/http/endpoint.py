"""One route: what it takes and answers, who may call it, and where a client goes on from there."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from bazar.kit.errors import BazarError
from bazar.kit.http.request import BODY_BYTES_MAX, Request

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Link:
    """Where a client can go on to from an answer."""

    status: int
    """Of the answer."""
    to: Handler
    """Of the endpoint that goes on."""
    parameter: str
    """Which that endpoint's path takes."""
    pointer: str
    """To its value in the answer's body, such as `/order_id` or `/0/id`. Source: RFC 6901."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One route: what it takes, what it answers, and who may call it."""

    method: str
    path: str
    handler: Handler
    summary: str
    answers: Mapping[int, Any]
    """Success statuses with the type of their JSON body, None for none."""
    errors: Sequence[type[BazarError]] = ()
    body: Any = None
    arguments: Any = None
    secret: bool = False
    """Only with the service secret."""
    idempotency_key: bool = False
    body_bytes_max: int = BODY_BYTES_MAX
    media_type: str = "application/json"
    full: Callable[[], bool] | None = None
    """Tells that one more request would only wait in vain: it is then refused unread."""
    tag: str = "shop"
    """Groups the routes on the API page."""
    links: Sequence[Link] = ()
