"""Routes: what each takes and answers stands beside its handler, and nowhere else.

`@route("GET", "/info/{book_id:number}", answers={200: Book})` above a method marks it, and the
method's own lines complete it. The first sentence of its docstring is the summary. Its parameters
are what it gets decoded, in their order: a number of the path by its name, `query`, and `body`.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from inspect import getdoc, signature
from typing import Any, Literal, TypeVar

import msgspec
from starlette.responses import Response

from bazar.kit.errors import BazarError
from bazar.kit.http.answers import Ready
from bazar.kit.http.request import BODY_BYTES_MAX, Request

Handler = Callable[[Request], Awaitable[Response]]
ErrorPage = Callable[[Request, BazarError], Awaitable[Response]]
"""Tells a person what went wrong."""
H = TypeVar("H", bound=Callable[..., Awaitable[Response]])

Kind = Literal["reading", "searching", "looking", "buying", "cancelling", "keeping", "watching"]
"""Of those who ask: each kind has places of its own, so that no crowd takes them from another.

Readers look at books, searchers at lists of them, buyers at their order (`looking`), buy or
cancel, keepers have the secret, and watchers ask whether the service is well.
"""
NUMBER = "number"
"""Marks a parameter of a path that is a whole number: `{book_id:number}`."""
PARAMETER = re.compile(r"{(\w+)(?::(\w+))?}")
_FIRST_SENTENCE = re.compile(r"(.+?)\.(?:\s|$)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Link:
    """Where a client can go on to from an answer."""

    status: int
    """Of the answer."""
    to: str
    """The handler that goes on, of the same object."""
    parameter: str
    """Which that handler's path takes."""
    pointer: str
    """To its value in the answer's body, such as `/order_id` or `/0/id`. Source: RFC 6901."""


@dataclass(frozen=True, slots=True)
class Route:
    """What a handler answers, and to whom; put above it, it marks it as a route."""

    method: str
    path: str
    _: KW_ONLY
    answers: Mapping[int, Any]
    """Success statuses with the type of their JSON body, None for none."""
    errors: Sequence[type[BazarError]] = ()
    links: Sequence[Link] = ()
    query: Any = None
    """The query string, where the handler passes it on and another service decodes it."""
    secret: bool = False
    """Only with the service secret."""
    idempotency_key: bool = False
    if_match: bool = False
    """It changes a thing only while that is what its asker knows, where they say so."""
    body_bytes_max: int = BODY_BYTES_MAX
    media_type: str = "application/json"
    full: str = ""
    """The method that tells that one more request would only wait in vain; it is refused unread."""
    places: Kind | None = None
    """Whose places a request takes, where the method and the secret do not say it."""
    at_once: str = ""
    """The method that answers from memory, given the number that ends the path; else None."""
    packed: bool = False
    """Its answers are large, public and the same for everybody: they may be sent as gzip."""
    tag: str = ""
    """Groups the routes on the API page, where who asks does not say it."""
    page: bool = False
    """For people: anything may stand in its query string, its body is a form, and what goes wrong
    is told as a page, by the object's `error_page`."""
    hidden: bool = False
    """Its path is somebody's secret: the log holds the template in its place."""

    def __call__(self, handler: H) -> H:
        """Mark a method as the handler of this route."""
        vars(handler)["route"] = self
        return handler

    @property
    def kind(self) -> Kind:
        """Return who asks: keepers with the secret, else buyers, or readers where it is a GET."""
        if self.places is not None:
            return self.places
        if self.secret:
            return "keeping"
        return "reading" if self.method == "GET" else "buying"

    @property
    def template(self) -> str:
        """Return the path for matching, metrics and messages: there a number is plain text."""
        return self.path.replace(f":{NUMBER}}}", "}")

    @property
    def parameters(self) -> dict[str, str]:
        """Return the parameters of the path, each with its mark, which may be empty."""
        return dict(PARAMETER.findall(self.path))


route = Route


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A route with its handler, ready to be called."""

    route: Route
    name: str
    """Of the handler."""
    summary: str
    answer: Handler
    """Decodes what the handler takes, and calls it."""
    body: Any = None
    query: Any = None
    full: Callable[[], bool] | None = None
    kind: Kind = "reading"
    at_once: Callable[[int], Ready | None] | None = None
    error_page: ErrorPage | None = None
    own_site: bool = False
    """Of the pages of this site: no page of another one is ever invited to ask for it."""
    crowded: Callable[[], Ready] | None = None
    """Tells a person that it is too full; drawn beforehand, since it is sent often then."""


def endpoints_of(api: object) -> list[Endpoint]:
    """Return the routes of an object whose methods are handlers, in the order of definition.

    Raises:
        ValueError: a handler has no summary, takes what no request has, or links to nowhere.
    """
    endpoints = [
        _endpoint(api, getattr(api, name), mark)
        for name, member in vars(type(api)).items()
        if isinstance(mark := getattr(member, "route", None), Route)
    ]
    by_name = {endpoint.name: endpoint.route for endpoint in endpoints}
    for endpoint in endpoints:
        for link in endpoint.route.links:
            if link.to not in by_name or link.parameter not in by_name[link.to].parameters:
                message = f"{endpoint.name} links to {link.to}({link.parameter}), which is no route"
                raise ValueError(message)
    return endpoints


def _endpoint(api: object, handler: Callable[..., Awaitable[Response]], mark: Route) -> Endpoint:
    name = handler.__name__
    summary = _FIRST_SENTENCE.match(getdoc(handler) or "")
    if not summary:
        message = f"{name} has no docstring whose first sentence says what it does"
        raise ValueError(message)
    _request, *parameters = signature(handler, eval_str=True).parameters.values()
    kinds = {parameter.name: parameter.annotation for parameter in parameters}
    readers = [_reader(mark, name, kind) for name, kind in kinds.items()]
    return Endpoint(
        mark,
        name,
        summary[1],
        _with_readers(handler, readers),
        body=kinds.get("body"),
        query=kinds.get("query", mark.query),
        full=getattr(api, mark.full) if mark.full else None,
        kind=mark.kind,
        at_once=getattr(api, mark.at_once) if mark.at_once else None,
        error_page=getattr(api, "error_page", None) if mark.page else None,
    )


def _with_readers(
    handler: Callable[..., Awaitable[Response]], readers: Sequence[Callable[[Request], Any]]
) -> Handler:
    """Return what reads a handler's parameters and calls it; a loop would cost a microsecond."""
    match readers:
        case []:
            return handler
        case [first]:
            return lambda request: handler(request, first(request))
        case [first, second]:
            return lambda request: handler(request, first(request), second(request))
    return lambda request: handler(request, *[read(request) for read in readers])


def _reader(mark: Route, name: str, kind: Any) -> Callable[[Request], Any]:  # noqa: ANN401
    """Return what reads a parameter of a handler from a request."""
    if name == "body":
        decoder = msgspec.json.Decoder(kind)
        return lambda request: request.struct(decoder)
    if name == "query":
        return lambda request: request.arguments(kind)
    if mark.parameters.get(name) == NUMBER:
        return lambda request: request.number(name)
    message = f"{mark.method} {mark.path} has no {name} for its handler"
    raise ValueError(message)
