"""The description of a service: complete, valid, and true to its routes."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
import pytest
from starlette.responses import Response

from bazar.kit.errors import RouteNotFound, Unavailable
from bazar.kit.http.endpoint import Endpoint, Link, Route
from bazar.kit.http.openapi import document
from bazar.kit.http.request import Request
from bazar.kit.http.teaching import Header, Sample, Teaching, member_texts
from bazar.wire.books import Book
from bazar.wire.orders import PurchaseRequest
from bazar.wire.problems import BookNotFound, PurchaseUnavailable
from support.shops import Shop

PATH = "/paint/{book_id:number}/{word:path}"


class Colour(msgspec.Struct):
    """An argument."""

    name: Annotated[str, msgspec.Meta(max_length=9)]
    shade: Literal["light", "dark"] | None = None


async def paint(_request: Request) -> Response:
    """Answer."""
    return Response()


def endpoint(*, body: Any = None, query: Any = None, **said: Any) -> Endpoint:  # noqa: ANN401
    """Return an endpoint."""
    given = {"method": "GET", "path": PATH, "answers": {200: Book}}
    return Endpoint(Route(**given | said), "paint", "Paint it", paint, body, query)


def operation(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the description of one endpoint."""
    made = endpoint(**changes)
    described = document("T", "1", [made])
    found = described["paths"]["/paint/{book_id}/{word}"][made.route.method.lower()]
    assert isinstance(found, dict)
    return found | {"responses": responses_of(described, found)}


def responses_of(described: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Return the answers of an operation, those too that it shares with others."""
    shared = described["components"]["responses"]
    return {
        status: shared[one["$ref"].removeprefix("#/components/responses/")]
        if "$ref" in one
        else one
        for status, one in found["responses"].items()
    }


def test_a_document_has_its_frame() -> None:
    """Version 3.1, title, version, licence, where to ask, and it is plain JSON."""
    made = document("Bazar x", "1.2", [endpoint()], Teaching(about="Of x.", tags={"books": "B."}))
    assert "3.1.0" == made["openapi"]
    assert {
        "title": "Bazar x",
        "version": "1.2",
        "description": "Of x.",
        "contact": {"name": "Bazar"},
        "license": {"name": "MIT", "identifier": "MIT"},
    } == made["info"]
    assert ["/"] == [server["url"] for server in made["servers"]]
    assert [{"name": "books", "description": "B."}] == made["tags"]
    assert [] == made["security"]
    assert made == json.loads(json.dumps(made))


def test_parameters_of_the_path_are_described() -> None:
    """What is marked is a whole number within limits, anything else is text; all are required."""
    number = {"type": "integer", "minimum": 1, "maximum": 2**53 - 1}
    assert [
        {"name": "book_id", "in": "path", "required": True, "schema": number},
        {"name": "word", "in": "path", "required": True, "schema": {"type": "string"}},
    ] == operation()["parameters"]


def test_arguments_of_the_query_string_are_described() -> None:
    """With their limits, and required where they have no default."""
    name, shade = operation(query=Colour)["parameters"][2:]
    assert ("name", "query", True) == (name["name"], name["in"], name["required"])
    assert 9 == name["schema"]["maxLength"]
    assert ("shade", "query", False) == (shade["name"], shade["in"], shade["required"])


def test_a_body_and_a_key_are_described() -> None:
    """The body's type by name, the Idempotency-Key as a header."""
    made = operation(method="POST", body=Colour, idempotency_key=True)
    schema = made["requestBody"]["content"]["application/json"]["schema"]
    assert {"$ref": "#/components/schemas/Colour"} == schema
    assert "Idempotency-Key" == made["parameters"][-1]["name"]
    assert "requestBody" not in operation()


def test_a_body_is_required_where_none_at_all_would_be_refused() -> None:
    """No body counts as `{}`, which some types are made from and others are not."""
    assert operation(method="POST", body=Colour)["requestBody"]["required"]
    assert operation(method="POST", body=list[Colour])["requestBody"]["required"]
    assert not operation(method="POST", body=PurchaseRequest)["requestBody"]["required"]


def test_the_secret_is_asked_for_where_it_is_needed() -> None:
    """And its absence is described as an error."""
    made = operation(secret=True)
    assert [{"secret": []}] == made["security"]
    assert "401" in made["responses"]
    assert "security" not in operation()
    assert "401" not in operation()["responses"]


def test_errors_are_described_by_status() -> None:
    """Those of the route, and those that any route may have; two of one status share a line."""
    responses = operation(errors=(RouteNotFound, Unavailable))["responses"]
    assert ["200", "400", "404", "421", "500", "501", "503"] == sorted(responses)
    assert "`unavailable`" in responses["503"]["description"]
    assert "`overloaded`" in responses["503"]["description"]
    problem = {"$ref": "#/components/schemas/Problem"}
    for status in ("400", "404", "421", "500", "501", "503"):
        content = responses[status]["content"]["application/problem+json"]
        assert problem == content["schema"]
        assert all(f"`{code}`" in responses[status]["description"] for code in content["examples"])


def test_errors_of_one_status_have_the_schemas_of_all_of_them() -> None:
    """Some tell more than others; each schema stands there once, and in the components."""
    made = endpoint(errors=(PurchaseUnavailable, Unavailable, BookNotFound))
    described = document("T", "1", [made])
    responses = responses_of(described, described["paths"]["/paint/{book_id}/{word}"]["get"])
    placing, problem = (
        {"$ref": f"#/components/schemas/{name}"} for name in ("PlacingProblem", "Problem")
    )
    schemas = {
        status: response["content"]["application/problem+json"]["schema"]
        for status, response in responses.items()
        if status != "200"
    }
    wanted: dict[str, object] = dict.fromkeys(("400", "421", "500", "501"), problem)
    wanted |= {"404": placing, "503": {"anyOf": [problem, placing]}}
    assert wanted == schemas
    assert "`unavailable`" in responses["503"]["description"]
    assert 1 == responses["503"]["description"].count("`unavailable`")
    members = described["components"]["schemas"]["PlacingProblem"]["properties"]
    assert {"type", "member", "available"} <= set(members)


def test_a_link_says_what_can_follow_an_answer() -> None:
    """It stands at its status, names the operation, and says where its parameter comes from."""
    made = operation(links=[Link(200, "paint", "book_id", "/0/id")])
    link = {"operationId": "paint", "parameters": {"book_id": "$response.body#/0/id"}}
    assert {"paint": link} == made["responses"]["200"]["links"]
    assert "links" not in operation()["responses"]["200"]


def test_prices_are_numbers() -> None:
    """The document says what is sent: a JSON number that is not negative."""
    price = document("T", "1", [endpoint()])["components"]["schemas"]["Book"]["properties"]["price"]
    assert ("number", 0) == (price["type"], price["minimum"])
    assert "format" not in price


class Shade(msgspec.Struct, rename={"depth": "deep"}):
    """A message with texts under its members."""

    depth: int
    """How far
    down."""
    name: str = ""
    count: int | None = None
    """Of them."""


class Dark(Shade):
    """A message with what another one has, too."""

    name: str = "dark"
    """What it is called."""


def test_the_texts_under_members_are_read() -> None:
    """By the names that they have in JSON, those of a class that is built upon too."""
    assert {"deep": "How far down.", "count": "Of them."} == member_texts(Shade)
    assert {"deep": "How far down.", "count": "Of them.", "name": "What it is called."} == (
        member_texts(Dark)
    )


def test_what_is_taught_stands_where_it_belongs() -> None:
    """Texts of the code first, then those by message and member, then by member alone."""
    teaching = Teaching(
        operations={"paint": "At length."},
        parameters={"book_id": Sample("Which.", 2)},
        members={"name": "Any.", "Shade.name": "Of it.", "deep": "Not this."},
        arguments={"name": "red"},
        examples={Shade: Shade(1, "x")},
        details={"route-not-found": {"detail": "nothing is there", "member": "path"}},
        headers={"X-Request-Id": Header("Of it.", "a-1"), "Link": Header("Next.", "<x>")},
        answered={"paint": {200: ("Link", "Unheard-Of")}},
    )
    made = document(
        "T",
        "1",
        [endpoint(answers={200: list[Shade], 304: None}, query=Colour, errors=(RouteNotFound,))],
        teaching,
    )
    found = made["paths"]["/paint/{book_id}/{word}"]["get"]
    parameters = {one["name"]: one for one in found["parameters"]}
    assert "At length." == found["description"]
    assert ("Which.", 2) == (parameters["book_id"]["description"], parameters["book_id"]["example"])
    assert ("Any.", "red") == (parameters["name"]["description"], parameters["name"]["example"])
    assert {"dark", "light"} == set(parameters["shade"]["schema"]["enum"])
    assert "anyOf" not in parameters["shade"]["schema"]
    assert "If-None-Match" in parameters
    schema = made["components"]["schemas"]["Shade"]
    texts = {name: part.get("description") for name, part in schema["properties"].items()}
    assert {"deep": "How far down.", "name": "Of it.", "count": "Of them."} == texts
    assert [{"deep": 1, "name": "x", "count": None}] == schema["examples"]
    answer = found["responses"]["200"]
    assert {"X-Request-Id", "Link"} == set(answer["headers"])
    assert schema["examples"] == answer["content"]["application/json"]["example"]
    assert "content" not in found["responses"]["304"]
    told = made["components"]["examples"]["route-not-found"]["value"]
    assert ("nothing is there", "path", 404) == (told["detail"], told["member"], told["status"])
    assert "Colour" not in made["components"]["schemas"]


class Moment(msgspec.Struct):
    """A message with times."""

    at: datetime
    until: datetime | None = None
    zoned: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    text: str = ""


def test_times_are_told_from_other_texts() -> None:
    """A client that was generated makes dates of them."""
    made = document("T", "1", [endpoint(answers={200: Moment})])["components"]["schemas"]["Moment"]
    parts = made["properties"]
    assert "date-time" == parts["at"]["format"]
    for name in ("until", "zoned"):
        assert "date-time" in {part.get("format") for part in parts[name]["anyOf"]}
    assert "format" not in parts["text"]


def test_a_condition_is_described() -> None:
    """As a header, with the error of who has seen another thing."""
    made = operation(method="PATCH", body=Colour, if_match=True)
    assert "If-Match" == made["parameters"][-1]["name"]
    assert "`precondition-failed`" in made["responses"]["412"]["description"]
    assert "412" not in operation(method="PATCH", body=Colour)["responses"]


def _resolved(part: Any, components: dict[str, Any]) -> Any:  # noqa: ANN401
    """Return a schema, or the schema that it refers to."""
    name = part.get("$ref", "").removeprefix("#/components/schemas/")
    return components[name] if name else part


def _leads_somewhere(schema: Any, pointer: str, components: dict[str, Any]) -> bool:  # noqa: ANN401
    """Tell whether answers of this schema may hold what a pointer points to."""
    schema = _resolved(schema, components)
    for part in pointer.removeprefix("/").split("/"):
        found = schema["items"] if part == "0" else schema.get("properties", {}).get(part)
        if found is None:
            return False
        schema = _resolved(found, components)
    return True


def _references(part: Any) -> Iterator[str]:  # noqa: ANN401
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        for value in part.values():
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)


@pytest.mark.parametrize("service", ["catalog", "order", "front"])
async def test_the_document_of_every_service_holds_together(shop: Shop, service: str) -> None:
    """References lead somewhere, operation ids are unique, path parameters are all described."""
    made = (await getattr(shop, service).get("/openapi.json")).json
    for reference in _references(made):
        _, components, kind, name = reference.split("/")
        assert name in made[components][kind]
    ids = []
    for path, methods in made["paths"].items():
        for found in methods.values():
            ids.append(found["operationId"])
            assert found["summary"]
            assert not found["summary"].endswith(".")
            named = {one["name"] for one in found["parameters"] if one["in"] == "path"}
            assert set(re.findall(r"{(\w+)}", path)) == named
            answers = responses_of(made, found)
            assert all("description" in answer for answer in answers.values())
    assert sorted(set(ids)) == sorted(ids)
    assert "Decimal" not in json.dumps(made)
    assert '"format": "decimal"' not in json.dumps(made)


@pytest.mark.parametrize("service", ["catalog", "order", "front"])
async def test_every_link_leads_to_a_route_with_a_value_that_is_there(
    shop: Shop, service: str
) -> None:
    """Its operation takes the parameter in its path, and the answer has the member."""
    made = (await getattr(shop, service).get("/openapi.json")).json
    components = made["components"]["schemas"]
    operations = [found for methods in made["paths"].values() for found in methods.values()]
    parameters = {
        found["operationId"]: {one["name"] for one in found["parameters"] if one["in"] == "path"}
        for found in operations
    }
    links = 0
    for answer in (one for found in operations for one in found["responses"].values()):
        for link in answer.get("links", {}).values():
            ((name, expression),) = link["parameters"].items()
            assert name in parameters[link["operationId"]]
            schema = answer["content"]["application/json"]["schema"]
            pointer = expression.removeprefix("$response.body#")
            assert _leads_somewhere(schema, pointer, components), (link, schema)
            links += 1
    assert links > 5
