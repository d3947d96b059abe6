"""Endpoints, and the application that answers them.

A service is a table of `Endpoint`s. `HttpApp` gives each the same care: one error shape, a limit
on what is in flight, a request id, a log line, metrics, Server-Timing, HEAD and OPTIONS.
"""

import re
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from starlette.responses import Response
from starlette.routing import compile_path

from bazar.kit import log
from bazar.kit.errors import (
    BazarError,
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    Overloaded,
    RouteNotFound,
)
from bazar.kit.http.answers import encode, log_fault, problem_response
from bazar.kit.http.endpoint import Endpoint, Handler
from bazar.kit.http.refusals import Refusals, Send
from bazar.kit.http.request import BODY_BYTES_MAX, Request
from bazar.kit.metrics import Metrics
from bazar.kit.secret import check_bearer

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

IN_FLIGHT_MAX = 4096
RECEIVING_MAX = 4096
"""Requests whose body is on its way: they take no place among those in flight, but memory."""
_LOGGED_PATH_LENGTH_MAX = 200


@dataclass(slots=True)
class HttpApp:
    """The ASGI application of one service."""

    service: str
    endpoints: Sequence[Endpoint]
    metrics: Metrics
    secret: str = ""
    in_flight_max: int = IN_FLIGHT_MAX
    in_flight: int = 0
    receiving_max: int = RECEIVING_MAX
    receiving: int = 0
    on_stop: Callable[[], None] = lambda: None
    """Ends what would go on for ever, before the server waits for what is in flight."""
    _paths: dict[str, list["_Path"]] = field(default_factory=dict, init=False, repr=False)
    _nowhere: "_Path" = field(init=False, repr=False)
    refusals: Refusals = field(default_factory=lambda: Refusals(encode), init=False)

    def __post_init__(self) -> None:
        """Sort the paths by their first segment, each in the order of their first endpoint."""
        by_path: dict[str, dict[str, Endpoint]] = {}
        for endpoint in self.endpoints:
            by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint
        self.metrics.watch(
            "bazar_requests_in_flight", "Requests being answered now.", lambda: self.in_flight
        )
        self._nowhere = _Path(self, "(none)", {})
        for path, methods in by_path.items():
            self._paths.setdefault(_first_segment(path), []).append(_Path(self, path, methods))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; a trailing slash makes no difference."""
        path = scope["path"]
        if len(path) > 1 and path.endswith("/"):
            path = scope["path"] = path.rstrip("/") or "/"
        for candidate in self._paths.get(_first_segment(path), ()):
            parameters = candidate.match(path)
            if parameters is not None:
                scope["path_params"] = parameters
                await candidate(scope, receive, send)
                return
        await self._nowhere(scope, receive, send)


def _first_segment(path: str) -> str:
    return path[1:].partition("/")[0]


def _without_body(response: Response) -> Response:
    """Return the headers of an answer alone; a stream is not even started."""
    bare = Response(status_code=response.status_code)
    bare.raw_headers = response.raw_headers
    return bare


class _Path:
    """All methods of one path."""

    __slots__ = ("_app", "_endpoints", "_regex", "_route")

    def __init__(self, app: HttpApp, route: str, endpoints: dict[str, Endpoint]) -> None:
        self._app = app
        self._route = route
        self._endpoints = endpoints
        # Starlette's own pattern lets a newline (%0A) follow any path unseen, and lets no
        # {topic:path} hold one; here it is a character like any other.
        self._regex = re.compile(compile_path(route)[0].pattern.removesuffix("$"), re.DOTALL)

    def match(self, path: str) -> dict[str, str] | None:
        """Return the parameters of a path of this form, or None."""
        found = self._regex.fullmatch(path)
        return found.groupdict() if found else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        method = scope["method"]
        endpoint = self._endpoints.get("GET" if method == "HEAD" else method)
        if app.in_flight >= app.in_flight_max or (endpoint and endpoint.full and endpoint.full()):
            app.metrics.request(
                method if endpoint else "other", self._route, Overloaded.status, 0.0
            )
            await app.refusals.send(send)
            return
        started_s = perf_counter()
        request = Request(
            scope,
            receive,
            send,
            body_bytes_max=endpoint.body_bytes_max if endpoint else BODY_BYTES_MAX,
        )
        response = await self._answer(request, endpoint)
        duration_s = perf_counter() - started_s
        timings = [f"{app.service};dur={duration_s * 1000:.2f}", *request.timings]
        response.raw_headers.append((b"server-timing", ", ".join(timings).encode("latin-1")))
        response.raw_headers.append((b"x-request-id", request.id.encode("latin-1")))
        if method == "HEAD":
            response = _without_body(response)
        status = response.status_code
        app.metrics.request(method if endpoint else "other", self._route, status, duration_s)
        path = scope["path"][:_LOGGED_PATH_LENGTH_MAX]
        log.request_line(method, path, status, duration_s * 1000, request.id, request.facts)
        await response(scope, receive, send)

    async def _answer(self, request: Request, endpoint: Endpoint | None) -> Response:
        try:
            if endpoint is None:
                return self._no_endpoint(request)
            if endpoint.secret:
                check_bearer(request.header(b"authorization"), self._app.secret)
            if endpoint.arguments is None:
                self._refuse_arguments(request)
            if endpoint.body is not None and request.has_body:
                await self._receive(request)
            return await self._handle(request, endpoint.handler)
        except BazarError as error:
            request.facts["error"] = error.code
            response = problem_response(error)
            if isinstance(error, MethodNotAllowed):
                response.headers["allow"] = self._allowed()
            elif isinstance(error, Overloaded):
                response.headers["retry-after"] = str(self._app.refusals.next_turn())
            return response
        except Exception as error:  # noqa: BLE001  told to the caller as our fault, and logged
            return problem_response(InternalError(log_fault(error, request.id)))

    def _refuse_arguments(self, request: Request) -> None:
        if request.scope["query_string"]:
            message = f"{self._route} takes no arguments in the query string"
            raise InvalidRequest(message)

    async def _receive(self, request: Request) -> None:
        app = self._app
        if app.receiving >= app.receiving_max:
            message = f"{app.receiving} bodies are on their way already"
            raise Overloaded(message)
        app.receiving += 1
        try:
            await request.receive_body()
        finally:
            app.receiving -= 1

    async def _handle(self, request: Request, handler: Handler) -> Response:
        """Have a request answered that is here as a whole; only now does it take a place."""
        app = self._app
        if app.in_flight >= app.in_flight_max:  # the places went while its body arrived
            message = f"{app.in_flight} requests are in flight already"
            raise Overloaded(message)
        app.in_flight += 1
        try:
            return await handler(request)
        finally:
            app.in_flight -= 1

    def _no_endpoint(self, request: Request) -> Response:
        if not self._endpoints:
            message = f"there is nothing at {request.url.path[:200]}"
            raise RouteNotFound(message)
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"allow": f"{self._allowed()}, OPTIONS"})
        allowed = self._allowed()
        message = f"{request.url.path[:200]} takes {allowed}, not {request.method}: use {allowed}"
        raise MethodNotAllowed(message)

    def _allowed(self) -> str:
        methods = sorted(self._endpoints)
        return ", ".join(
            m for name in methods for m in ([name, "HEAD"] if name == "GET" else [name])
        )
