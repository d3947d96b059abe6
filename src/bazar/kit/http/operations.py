"""The endpoints that every service has: health, metrics, and its own documentation."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import cache, cached_property
from importlib.resources import files
from typing import Literal

import msgspec
from starlette.responses import Response, StreamingResponse

from bazar import __version__
from bazar.kit import metrics as _metrics
from bazar.kit.errors import RouteNotFound, Unavailable
from bazar.kit.http import openapi
from bazar.kit.http.answers import json_response, tagged_response, unless_held
from bazar.kit.http.coding import pack, takes_gzip
from bazar.kit.http.endpoint import Endpoint, endpoints_of, route
from bazar.kit.http.request import Request
from bazar.kit.http.teaching import NOTHING, Teaching

Check = Callable[[], Awaitable[None]]

PART_BYTES = 16 * 1024

_ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
}
_START = """
window.addEventListener("load", () => SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null,
}));
"""
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><div id="swagger-ui"></div>
<noscript>The description for machines: <a href="/openapi.json">/openapi.json</a>.</noscript>
<script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script>
</body></html>
"""


class Health(msgspec.Struct, frozen=True):
    """The process is alive, or ready to serve."""

    service: str
    status: Literal["alive", "ready"]
    version: str = __version__


_NO_STORE = {"cache-control": "no-store"}
_NO_CACHE = {"cache-control": "no-cache"}
_DOCS_HEADERS = {
    **_NO_CACHE,
    "content-security-policy": "default-src 'self'; img-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'",
    "x-content-type-options": "nosniff",
}


class Watching:
    """What tells whether a service is well."""

    def __init__(self, service: str, metrics: _metrics.Metrics, check: Check) -> None:
        """Speak for a service."""
        self._service = service
        self._metrics = metrics
        self._check = check

    @route("GET", "/healthz", answers={200: Health}, places="watching", tag="operations")
    async def healthz(self, _request: Request) -> Response:
        """Tell that the process is alive."""
        return json_response(Health(self._service, "alive"))

    @route(
        "GET",
        "/readyz",
        answers={200: Health},
        errors=(Unavailable,),
        places="watching",
        tag="operations",
    )
    async def readyz(self, _request: Request) -> Response:
        """Tell that the service can do its work."""
        await self._check()
        return json_response(Health(self._service, "ready"))

    @route(
        "GET",
        "/metrics",
        answers={200: None},
        media_type="text/plain",
        places="watching",
        tag="operations",
        secret=True,  # they tell what is sold
    )
    async def metrics(self, _request: Request) -> Response:
        """Show the counters in the Prometheus text format."""
        shown = self._metrics.render()
        return Response(shown, media_type=_metrics.MEDIA_TYPE, headers=_NO_STORE)


class Describing:
    """What describes a service; it stands in no description itself."""

    def __init__(self, service: str, endpoints: Sequence[Endpoint], teaching: Teaching) -> None:
        """Describe these endpoints of a service."""
        self._title = f"Bazar {service}"
        self._endpoints = endpoints
        self._teaching = teaching

    @cached_property
    def document(self) -> msgspec.Raw:
        """The description, made when somebody asks for it first: a start does not wait for it."""
        made = openapi.document(self._title, __version__, self._endpoints, self._teaching)
        return msgspec.Raw(msgspec.json.encode(made))

    @route("GET", "/openapi.json", answers={}, packed=True)
    async def openapi(self, request: Request) -> Response:
        """Answer the description for machines."""
        document = await asyncio.to_thread(lambda: self.document)
        return unless_held(request, tagged_response(document))

    @route("GET", "/docs", answers={})
    async def docs(self, _request: Request) -> Response:
        """Answer the description for people, a page."""
        page = _PAGE.format(title=self._title)
        return Response(page, media_type="text/html", headers=_DOCS_HEADERS)

    @route("GET", "/docs/{name}", answers={})
    async def docs_part(self, request: Request) -> Response:
        """Answer a script or a style sheet of that page."""
        return await _asset(request)


def operations(
    service: str,
    metrics: _metrics.Metrics,
    check: Check,
    endpoints: Sequence[Endpoint],
    teaching: Teaching = NOTHING,
) -> list[Endpoint]:
    """Return a service's endpoints with the common ones added.

    Args:
        service: its name.
        metrics: what `/metrics` shows.
        check: raises when the service cannot work; `/readyz` then answers 503.
        endpoints: the service's own; `/openapi.json` describes these and those that watch.
        teaching: what it says about them beside.
    """
    described = [*endpoints, *endpoints_of(Watching(service, metrics, check))]
    return [*described, *endpoints_of(Describing(service, described, teaching))]


async def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    if name == "start.js":
        return Response(_START, media_type="text/javascript", headers=_NO_CACHE)
    if name not in _ASSETS:
        message = f"there is nothing at /docs/{name[:200]}"
        raise RouteNotFound(message)
    headers = {"cache-control": "public, max-age=86400", "vary": "Accept-Encoding"}
    content = _asset_content(name)
    if takes_gzip(request):
        content = await asyncio.to_thread(_asset_packed, name)
        headers["content-encoding"] = "gzip"
    headers["content-length"] = str(len(content))
    return StreamingResponse(_parts(content), media_type=_ASSETS[name], headers=headers)


@cache
def _asset_content(name: str) -> bytes:
    return files("swagger_ui").joinpath("static", name).read_bytes()


@cache
def _asset_packed(name: str) -> bytes:
    return pack(_asset_content(name))


async def _parts(content: bytes) -> AsyncIterator[bytes]:
    """Yield it a part at a time, so that the server holds one part for a client that is slow."""
    for start in range(0, len(content), PART_BYTES):
        yield content[start : start + PART_BYTES]
