"""Routes: what stands above and in a handler is all that there is to say of it."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
import pytest
from starlette.responses import Response

from bazar.kit.errors import InvalidRequest
from bazar.kit.http.answers import json_response
from bazar.kit.http.endpoint import Endpoint, Kind, Link, endpoints_of, route
from bazar.kit.http.request import Request
from support.described import SERVICES, documented
from support.described import endpoints as described_endpoints


class Colour(msgspec.Struct, forbid_unknown_fields=True):
    """A body."""

    name: str = "red"


class Shade(msgspec.Struct, forbid_unknown_fields=True):
    """Arguments."""

    dark: bool = False


class Painter:
    """Handlers of every kind, in no order of the alphabet."""

    def __init__(self, name: str) -> None:
        """Tell one object from another."""
        self.name = name

    @route("POST", "/walls/{wall_id:number}", answers={201: str}, full="busy")
    async def paint(
        self, _request: Request, wall_id: int, query: Shade, body: Annotated[Colour, None]
    ) -> Response:
        """Paint a wall, e.g.the north one. This takes a while.

        Nobody reads this far.
        """
        return json_response([self.name, wall_id, query.dark, body.name])

    @route("GET", "/walls/{wall_id:number}", answers={200: str}, secret=True)
    async def look(self, request: Request) -> Response:
        """Look at a wall."""
        return json_response([self.name, request.path_params["wall_id"]])

    def busy(self) -> bool:
        """Tell whether it is painting."""
        return self.name == "busy"

    @route(
        "GET",
        "/all/{rest:path}",
        answers={200: str},
        query=Shade,
        links=(Link(200, "look", "wall_id", "/0"),),
    )
    async def every(self, _request: Request) -> Response:
        """Look at all
        of them."""  # noqa: D205, D209  a sentence may be longer than a line
        return Response()


def request(parameters: Mapping[str, str], query: bytes = b"") -> Request:
    """Return a request without a body."""

    async def receive() -> Any:  # noqa: ANN401
        raise NotImplementedError

    scope = {
        "type": "http",
        "path_params": parameters,
        "query_string": query,
        "headers": [(b"content-length", b"0")],
    }
    return Request(scope, receive)


def painting(name: str = "ann") -> dict[str, Endpoint]:
    """Return the routes of a painter, by the names of their handlers."""
    return {endpoint.name: endpoint for endpoint in endpoints_of(Painter(name))}


def test_routes_are_collected_in_the_order_in_which_they_are_written() -> None:
    """What is not marked is none."""
    assert ["paint", "look", "every"] == list(painting())


def test_the_summary_is_the_first_sentence_of_the_docstring() -> None:
    """Without its full stop, and without what follows."""
    summaries = [endpoint.summary for endpoint in painting().values()]
    assert [
        "Paint a wall, e.g.the north one",
        "Look at a wall",
        "Look at all\nof them",
    ] == summaries


async def test_a_handler_gets_what_its_signature_asks_for() -> None:
    """The number of the path, the query string and the body, decoded."""
    answered = await painting()["paint"].answer(request({"wall_id": "7"}, b"dark=true"))
    assert ["ann", 7, True, "red"] == msgspec.json.decode(bytes(answered.body))
    plain = await painting()["look"].answer(request({"wall_id": "7"}))
    assert ["ann", "7"] == msgspec.json.decode(bytes(plain.body))


@pytest.mark.parametrize(
    ("wall_id", "query", "member"),
    [("x", b"light=1", "wall_id"), ("0", b"", "wall_id"), ("7", b"light=1", "light")],
)
def test_what_cannot_be_decoded_is_refused_in_the_order_of_the_signature(
    wall_id: str, query: bytes, member: str
) -> None:
    """Before the handler starts; the first that is wrong is told."""
    with pytest.raises(InvalidRequest) as refused:
        painting()["paint"].answer(request({"wall_id": wall_id}, query))
    assert member == refused.value.member


def test_a_route_knows_what_its_handler_takes() -> None:
    """The body and the arguments of the description are those that are decoded."""
    paint, look, every = painting().values()
    assert (Annotated[Colour, None], Shade) == (paint.body, paint.query)
    assert (None, None) == (look.body, look.query)
    assert (None, Shade) == (every.body, every.query)
    assert look.route.secret
    assert not paint.route.secret


def test_a_method_tells_whether_it_is_full() -> None:
    """That of the same object, which the route names."""
    full = painting("busy")["paint"].full
    assert full is not None
    assert full()
    assert painting()["paint"].full != full
    assert painting()["look"].full is None


def test_numbers_and_paths_are_marked_in_the_path() -> None:
    """The marks are known; where the path is matched and told, a number is like any other text."""
    paint, _look, every = painting().values()
    assert {"wall_id": "number"} == paint.route.parameters
    assert "/walls/{wall_id}" == paint.route.template
    assert {"rest": "path"} == every.route.parameters
    assert "/all/{rest:path}" == every.route.template


@pytest.mark.parametrize("to", [("nobody", "word"), ("go", "number"), ("lost", "word")])
def test_a_link_that_leads_nowhere_fails_at_the_start(to: tuple[str, str]) -> None:
    """An unknown handler, one that takes no such parameter, and a method that is no handler."""

    class Lost:
        @route("GET", "/go/{word}", answers={200: str}, links=(Link(200, *to, "/0"),))
        async def go(self, _request: Request) -> Response:
            """Go on."""
            return Response()

        async def lost(self, _request: Request) -> Response:
            """Be no route."""
            return Response()

    with pytest.raises(ValueError, match=rf"go links to {to[0]}\({to[1]}\)"):
        endpoints_of(Lost())


def test_a_handler_that_wants_what_no_request_has_fails_at_the_start() -> None:
    """A parameter that is not in the path, or not as a number."""

    class Wanting:
        @route("GET", "/go/{word}", answers={200: str})
        async def go(self, _request: Request, word: int) -> Response:
            """Go on."""
            return Response(str(word))

    with pytest.raises(ValueError, match=r"GET /go/\{word\} has no word for its handler"):
        endpoints_of(Wanting())


def test_a_handler_without_a_sentence_fails_at_the_start() -> None:
    """What it does stands in the description, so it must stand somewhere."""

    class Silent:
        @route("GET", "/go", answers={200: str})
        async def go(self, _request: Request) -> Response:
            return Response()

    with pytest.raises(ValueError, match="go has no docstring"):
        endpoints_of(Silent())


def test_a_route_that_is_full_by_no_method_fails_at_the_start() -> None:
    """The name is looked up when the routes are collected."""

    class Odd:
        @route("GET", "/go", answers={200: str}, full="nothing")
        async def go(self, _request: Request) -> Response:
            """Go on."""
            return Response()

    with pytest.raises(AttributeError, match="nothing"):
        endpoints_of(Odd())


KINDS: dict[str, dict[Kind, set[tuple[str, str]]]] = {
    "front": {
        "searching": {
            ("GET", "/search/{topic}"),
            ("GET", "/topics"),
            ("GET", "/books"),
            ("GET", "/books/counts"),
        },
        "looking": {("GET", "/orders/{order_id}")},
        "buying": {
            ("POST", "/purchase/{book_id}"),
            ("POST", "/orders"),
        },
        "cancelling": {("POST", "/orders/{order_id}/cancel")},
    },
    "catalog": {
        "searching": {
            ("GET", "/search/{topic}"),
            ("GET", "/query"),
            ("GET", "/topics"),
            ("GET", "/books"),
            ("GET", "/books/counts"),
            ("GET", "/books/edits"),
        },
        "looking": {("POST", "/in-stock")},
        "buying": {("POST", "/reservations")},
        "cancelling": {("POST", "/reservations/{order_id}/release")},
        "watching": {("GET", "/changes")},
    },
    "order": {
        "looking": {
            ("GET", "/orders/{order_id}"),
            ("GET", "/orders/{order_id}/events"),
            ("POST", "/placements/refuse"),
            ("POST", "/placements/used"),
            ("GET", "/mail"),
            ("POST", "/wishes"),
            ("POST", "/wishes/end"),
        },
        "buying": {
            ("POST", "/placements"),
            ("POST", "/purchase/{book_id}"),
            ("POST", "/orders"),
        },
        "cancelling": {("POST", "/orders/{order_id}/cancel")},
    },
}
WATCHING = {("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics")}


@pytest.mark.parametrize("service", SERVICES)
def test_a_route_takes_the_places_of_those_who_ask_it(service: str) -> None:
    """What is not listed belongs to keepers where it wants the secret, else to readers."""
    by_route = {
        route: kind for kind, routes in KINDS[service].items() for route in routes
    } | dict.fromkeys(WATCHING, "watching")
    for one in described_endpoints(service):
        usual = "keeping" if one.route.secret else "reading"
        assert by_route.pop(documented(one), usual) == one.kind, documented(one)
    assert {} == by_route
