"""A request for a page, made without a server."""

from collections.abc import Mapping
from typing import Any

from bazar.kit.http.request import Request


async def _nothing() -> dict[str, Any]:
    return {"type": "http.disconnect"}


async def _nowhere(_message: Any) -> None:  # noqa: ANN401
    pass


def asked(
    path: str = "/", headers: Mapping[str, str] | None = None, *, method: str = "GET"
) -> Request:
    """Return a request as the handlers get it."""
    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": raw,
        "http_version": "1.1",
    }
    return Request(scope, _nothing, _nowhere)
