"""The application that answers endpoints.

A service is a table of `Endpoint`s. `HttpApp` gives each the same care: one error shape, a limit
on what is in flight, a request id, a log line, metrics, Server-Timing, HEAD and OPTIONS.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import perf_counter
from typing import Any, NamedTuple, NoReturn

from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import Receive, Scope, Send

from bazar.kit import log
from bazar.kit.errors import (
    BazarError,
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    Overloaded,
    RouteNotFound,
)
from bazar.kit.errors import Headers as Told
from bazar.kit.http.admission import (
    Admission,
    check_content,
    check_form_type,
    check_media_type,
)
from bazar.kit.http.answers import Headers, Ready, log_fault, problem_response, send_whole
from bazar.kit.http.coding import Packer
from bazar.kit.http.cors import Cors, preflight
from bazar.kit.http.endpoint import Endpoint, ErrorPage
from bazar.kit.http.gate import Gate
from bazar.kit.http.refusals import PLACES, Room
from bazar.kit.http.request import BODY_BYTES_MAX, Request
from bazar.kit.identity import REQUEST_ID_HEADER, new_request_id
from bazar.kit.metrics import Metrics
from bazar.kit.secret import SERVICE_HEADER, check_bearer, service_identity
from bazar.kit.signing import ANNOUNCED_HEADER, SAFE_METHODS
from bazar.kit.steps import without_ids

_LOGGED_PATH_LENGTH_MAX = 200
_DIGITS_MAX = 15
"""Of a number that surely is an id; a longer one is looked at in the ordinary way."""
_LOOKED_AT = frozenset({b"cache-control", b"if-none-match", REQUEST_ID_HEADER})
"""Headers by which an answer from memory would be another."""
_ORIGIN = b"origin"
_PREFLIGHT = b"access-control-request-method"
_NOTHING: Mapping[str, Any] = {}
Client = tuple[str, Any]
"""The address and the port that a request came from."""
_NOBODY: Client = ("", 0)
_NOWHERE = "(none)"
"""In the place of the template of a path that there is not."""
_QUIET = "/healthz"
"""A supervisor asks this every second: that all is well makes no log line."""
_READY = "/readyz"
_ANNOUNCED = ANNOUNCED_HEADER.encode()
_OK = 200


class _Told(NamedTuple):
    """What is counted and logged of an answer."""

    counted: str
    """The method, or `other`."""
    template: str
    status: int
    request_id: str
    started_s: float
    hidden: bool = False
    own_site: bool = False


class HttpApp:
    """The ASGI application of one service."""

    def __init__(  # noqa: PLR0913  one parameter a property
        self,
        service: str,
        endpoints: Sequence[Endpoint],
        metrics: Metrics,
        secret: str = "",
        on_stop: Callable[[], None] = lambda: None,
        *,
        check: Callable[[], Awaitable[None]] | None = None,
        internal: bool = True,
    ) -> None:
        """Answer these endpoints.

        Args:
            service: its name.
            endpoints: the busiest first; paths with the same first segment are tried in order.
            metrics: count the requests.
            secret: opens the endpoints that want one; without it they stay closed.
            on_stop: ends what would go on for ever, before the server waits for what is in flight.
            check: raises when the service cannot work.
            internal: other services of the shop ask it: every answer says who gave it, and those
                to signed calls prove it.
        """
        self.service = service
        self.on_stop = on_stop
        self._check = check
        own = (SERVICE_HEADER.encode(), service_identity(service, secret).encode())
        self._said: Headers = [own] if internal else []
        self.rooms = {kind: Room(kind, self._said) for kind in PLACES}
        self._readers = self.rooms["reading"].in_flight
        self.waiting: set[Client] = set()
        """Those whose request is here as a whole, and who have no answer yet."""
        self.admission = Admission()
        self.cors: Cors | None = None
        """Pages of other origins that are invited; the site's own pages are for nobody else."""
        self.lost: ErrorPage | None = None
        """Tells a browser that nothing is where it asked; everybody else gets a document."""
        self.announced = ""
        """What it says of how it is announced on the network, to those that want a proof."""
        self._secret = secret
        self._gate = Gate(service, secret) if internal and secret else None
        self._open: set[str] = set()
        self._metrics = metrics
        self._nowhere = _Path(_NOWHERE, [])
        self._paths: dict[str, list[_Path]] = {}
        by_template: dict[str, list[Endpoint]] = {}
        packer = Packer()
        for endpoint in map(packer.around, endpoints):
            by_template.setdefault(endpoint.route.template, []).append(endpoint)
        self._at_once = {
            template.rpartition("/")[0]: (template, endpoint.at_once)
            for template, (endpoint, *_others) in by_template.items()
            if endpoint.at_once
        }
        for template, methods in by_template.items():
            same_start = self._paths.setdefault(_first_segment(template), [])
            same_start.append(_Path(template, methods))
        metrics.watch_kinds(
            "bazar_requests_in_flight",
            "Requests being answered now.",
            {kind: room.in_flight.count for kind, room in self.rooms.items()},
        )

    async def is_ready(self) -> bool:
        """Tell whether the service can do its work, as `/readyz` would."""
        try:
            if self._check is not None:
                await self._check()
        except BazarError:
            return False
        return True

    def open_to_strangers(self, template: str) -> None:
        """Let those without the service secret ask this path, too."""
        self._open.add(template)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        method = scope["method"]
        if method == "GET" and (ready := self._ready(scope)) is not None:
            await send_whole(send, *ready)
            return
        gate = self._gate
        heard = gate.heard(scope) if gate is not None else None
        path = self._path(scope)
        endpoint = path.endpoints.get(method)
        counted = method if endpoint else "other"
        room = self.rooms[endpoint.kind if endpoint else "reading"]
        if room.in_flight.taken >= room.in_flight.most or (
            endpoint and endpoint.full and endpoint.full()
        ):
            self._metrics.request(counted, path.template, Overloaded.status, 0.0)
            page = endpoint.crowded() if endpoint and endpoint.crowded else None
            also = () if path.own_site else self._shared(scope)
            prove = gate.prover(heard) if gate is not None and heard is not None else None
            await room.refusals.send(
                send, page, again=method in SAFE_METHODS, also=also, prove=prove
            )
            return
        started_s = perf_counter()
        body_bytes_max = endpoint.route.body_bytes_max if endpoint else BODY_BYTES_MAX
        request = Request(scope, receive, send, body_bytes_max=body_bytes_max)
        request.heard = heard
        client = scope.get("client") or _NOBODY
        self.waiting.add(client)
        try:
            response = await self._answer(request, path, endpoint, room)
            told = _Told(
                counted,
                path.template,
                response.status_code,
                request.id,
                started_s,
                path.hidden,
                path.own_site,
            )
            self._tell(scope, told, response.raw_headers, request.timings, request.facts)
            if method == "HEAD":
                response = _without_body(response)
            if gate is not None and heard is not None:
                if self.announced and path.template == _READY:
                    response.raw_headers.append((_ANNOUNCED, self.announced.encode("latin-1")))
                await gate.prove(heard, response)
            await response(scope, receive, send)
        finally:
            self.waiting.discard(client)

    def _ready(self, scope: Scope) -> Ready | None:
        """Return an answer that lies ready in memory, or None.

        The one short way through the house, for what is asked most: no routing, no request, no
        response. Whatever a handler would look at beside the number in the path goes the ordinary
        way, and so does what is not in memory; what is answered here has the same bytes.
        """
        start, _, last = scope["path"].rpartition("/")
        found = self._at_once.get(start)
        if (
            found is None
            or scope["query_string"]
            or not (last.isascii() and last.isdigit() and len(last) <= _DIGITS_MAX)
            or self._readers.taken >= self._readers.most
            or not self.admission.is_plain(given := dict(scope["headers"]), scope["headers"])
            or not _LOOKED_AT.isdisjoint(given)
        ):
            return None
        started_s = perf_counter()
        template, answer = found
        ready = answer(int(last))
        if ready is not None:
            told = _Told("GET", template, ready.status, new_request_id(), started_s)
            self._tell(scope, told, ready.raw_headers)
        return ready

    def _tell(
        self,
        scope: Scope,
        told: "_Told",
        raw_headers: Headers,
        timings: Sequence[str] = (),
        facts: Mapping[str, Any] = _NOTHING,
    ) -> None:
        """Tell of an answer: its client in two headers, the metrics, and the log."""
        duration_s = perf_counter() - told.started_s
        timing = f"{self.service};dur={duration_s * 1000:.2f}"
        if timings:
            timing = ", ".join((timing, *timings))
        raw_headers += self._said
        if self.cors is not None and not told.own_site:
            self.cors.add(raw_headers, _origin(scope))
        raw_headers.append((b"server-timing", timing.encode("latin-1")))
        raw_headers.append((b"x-request-id", told.request_id.encode("latin-1")))
        self._metrics.request(told.counted, told.template, told.status, duration_s)
        if told.template == _QUIET and told.status == _OK:
            return
        shown = told.template if told.hidden else scope["path"]
        if told.template == _NOWHERE:  # it may be that of an order, with a letter too many
            shown = without_ids(shown)
        shown = shown[:_LOGGED_PATH_LENGTH_MAX]
        log.request_line(
            scope["method"], shown, told.status, duration_s * 1000, told.request_id, facts
        )

    def _shared(self, scope: Scope) -> Told:
        """Return the headers that let a page of another origin read an answer, if it may."""
        return () if self.cors is None else self.cors.said(_origin(scope))

    def _path(self, scope: Scope) -> "_Path":
        """Find the path of a request; a trailing slash makes no difference."""
        path = scope["path"]
        if len(path) > 1 and path.endswith("/"):
            path = scope["path"] = path.rstrip("/") or "/"
        for candidate in self._paths.get(_first_segment(path), ()):
            found = candidate.match(path)
            if found:
                scope["path_params"] = found.groupdict()
                return candidate
        return self._nowhere

    async def _answer(
        self, request: Request, path: "_Path", endpoint: Endpoint | None, room: Room
    ) -> Response:
        scope = request.scope
        try:
            invited = (
                self.cors is not None
                and not path.own_site
                and self.cors.invites(request.raw_headers.get(_ORIGIN))
            )
            self.admission.check(request, invited=invited)
            if request.heard is not None:
                request.heard.check()
            if endpoint is None:
                return path.without_endpoint(request, invited=invited)
            if endpoint.route.secret and path.template not in self._open:
                self._check_secret(request)
            if not endpoint.route.page and endpoint.query is None and scope["query_string"]:
                path.refuse_arguments()
            await self._take_body(request, endpoint, room)
            room.in_flight.take()  # only now, as a whole; the places may have gone meanwhile
            try:
                return await endpoint.answer(request)
            finally:
                room.in_flight.taken -= 1
        except Overloaded as error:  # found out late: it gets a turn like those refused at once
            turn_s = room.refusals.next_turn()
            refused = Overloaded(error.detail, retry_after_s=turn_s)
            return await self._refusal(request, path, endpoint, refused)
        except BazarError as error:
            return await self._refusal(request, path, endpoint, error)
        except Exception as error:  # noqa: BLE001  told to the caller as our fault, and logged
            fault = InternalError(log_fault(error, request.id))
            return await self._refusal(request, path, endpoint, fault)

    def _check_secret(self, request: Request) -> None:
        """Let in who has the secret: who signed with it, or a person who sends it."""
        if request.heard is None:
            check_bearer(request.header(b"authorization"), self._secret)

    async def _take_body(self, request: Request, endpoint: Endpoint, room: Room) -> None:
        """Receive what a handler reads: a form, or JSON that is what was signed."""
        if endpoint.route.page:
            if endpoint.route.method == "POST" and request.has_body:
                check_form_type(request)
                await self._receive(request, room)
        elif endpoint.body is not None:
            if request.has_body:
                check_media_type(request)
                await self._receive(request, room)
                check_content(request)
            if request.heard is not None:  # also where nothing came: it may have been cut off
                await request.heard.check_body(request.content)

    async def _receive(self, request: Request, room: Room) -> None:
        client = request.scope.get("client") or _NOBODY
        room.receiving.take()
        self.waiting.discard(client)  # it is the service that waits
        try:
            await request.receive_body()
        finally:
            self.waiting.add(client)
            room.receiving.taken -= 1

    async def _refusal(
        self, request: Request, path: "_Path", endpoint: Endpoint | None, error: BazarError
    ) -> Response:
        """Tell what went wrong: as a page to who asks for pages, else as a document."""
        request.facts["error"] = error.code
        page = endpoint.error_page if endpoint else path.error_page
        if path is self._nowhere and "text/html" in request.header(b"accept"):
            page = self.lost
        if page is not None:
            try:
                return await page(request, error)
            except Exception as fault:  # noqa: BLE001  the page itself: its document is simpler
                error = InternalError(log_fault(fault, request.id))
        return problem_response(error)


class _Path:
    """All methods of one path."""

    __slots__ = ("_allowed", "endpoints", "error_page", "hidden", "match", "own_site", "template")

    def __init__(self, template: str, endpoints: Sequence[Endpoint]) -> None:
        self.template = template
        self.endpoints = {endpoint.route.method: endpoint for endpoint in endpoints}
        self.error_page = next((one.error_page for one in endpoints if one.error_page), None)
        self.hidden = any(endpoint.route.hidden for endpoint in endpoints)
        self.own_site = any(endpoint.own_site for endpoint in endpoints)
        if "GET" in self.endpoints:
            self.endpoints["HEAD"] = self.endpoints["GET"]
        self._allowed = ", ".join(sorted(self.endpoints))
        # Starlette's own pattern lets a newline (%0A) follow any path unseen, and lets no
        # {topic:path} hold one; here it is a character like any other.
        pattern = compile_path(template)[0].pattern.removesuffix("$")
        self.match = re.compile(pattern, re.DOTALL).fullmatch

    def refuse_arguments(self) -> NoReturn:
        """Refuse a query string, where none is read."""
        message = f"{self.template} takes no arguments in the query string"
        raise InvalidRequest(message)

    def without_endpoint(self, request: Request, *, invited: bool = False) -> Response:
        """Answer a method that the path does not have; `invited` is a page of another origin."""
        path, method = request.url.path[:200], request.method
        if not self.endpoints:
            message = f"there is nothing at {path}"
            raise RouteNotFound(message)
        if method == "OPTIONS":
            answer = Response(status_code=204, headers={"allow": f"{self._allowed}, OPTIONS"})
            if invited and _PREFLIGHT in request.raw_headers:
                answer.raw_headers += preflight(self._allowed)
            return answer
        message = f"{path} takes {self._allowed}, not {method}: use {self._allowed}"
        raise MethodNotAllowed(message, allow=self._allowed)


def _origin(scope: Scope) -> bytes | None:
    return next((value for name, value in scope["headers"] if name == _ORIGIN), None)


def _first_segment(path: str) -> str:
    return path[1:].partition("/")[0]


def _without_body(response: Response) -> Response:
    """Return the headers of an answer alone; a stream is not even started."""
    bare = Response(status_code=response.status_code)
    bare.raw_headers = response.raw_headers
    return bare
