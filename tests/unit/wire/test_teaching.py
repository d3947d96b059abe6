"""What the documents teach is whole, true to the message types, and about what is there."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from bazar.kit.errors import BazarError
from bazar.wire.teaching.errors import DETAILS
from bazar.wire.teaching.examples import EXAMPLES
from bazar.wire.teaching.headers import ARGUMENTS, HEADERS, PARAMETERS
from bazar.wire.teaching.members import MEMBERS
from support.described import SERVICES, TEACHING, document, endpoints

Operation = dict[str, Any]
DOCUMENTS = {service: document(service) for service in SERVICES}


def operations(service: str) -> Iterator[Operation]:
    """Yield what a document says of each route."""
    for methods in DOCUMENTS[service]["paths"].values():
        yield from methods.values()


def answers(service: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield where each answer stands, and what it is, errors too."""
    shared = DOCUMENTS[service]["components"]["responses"]
    for operation in operations(service):
        for status, answer in operation["responses"].items():
            if "$ref" not in answer:
                yield f"{operation['operationId']} {status}", answer
    yield from shared.items()


def members(service: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield message, name and schema of each member of a document."""
    for kind, schema in DOCUMENTS[service]["components"]["schemas"].items():
        for name, part in schema.get("properties", {}).items():
            yield kind, name, part


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_says_more_than_its_summary(service: str) -> None:
    """The text belongs into `bazar.wire.teaching`, under the name of the handler."""
    bare = [
        one["operationId"]
        for one in operations(service)
        if one["description"].rstrip(".") == one["summary"]
    ]
    assert [] == bare


@pytest.mark.parametrize("service", SERVICES)
def test_every_parameter_has_a_text_and_an_example(service: str) -> None:
    """Of paths, query strings and headers."""
    bare = [
        (one["operationId"], parameter["name"])
        for one in operations(service)
        for parameter in one["parameters"]
        if not {"description", "example"} <= set(parameter)
    ]
    assert [] == bare


@pytest.mark.parametrize("service", SERVICES)
def test_every_message_has_an_example_and_every_member_a_text(service: str) -> None:
    """A text stands under the member in its class, or in the table of `members`."""
    schemas = DOCUMENTS[service]["components"]["schemas"]
    assert [] == [name for name, schema in schemas.items() if "examples" not in schema]
    assert [] == [
        (kind, name) for kind, name, part in members(service) if "description" not in part
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_every_answer_has_an_example_and_headers(service: str) -> None:
    """Errors one for each code; 304 has nothing to show."""
    bare = [
        where
        for where, answer in answers(service)
        if not answer["headers"]
        or any(
            "example" not in content and "examples" not in content
            for content in answer.get("content", {}).values()
        )
    ]
    assert [] == bare


@pytest.mark.parametrize("kind", [kind for kind in EXAMPLES if not isinstance(kind, str)], ids=str)
def test_an_example_is_what_its_type_takes(kind: Any) -> None:  # noqa: ANN401
    """Over the wire and back it is the same."""
    sent = msgspec.json.Encoder(decimal_format="number").encode(EXAMPLES[kind])
    assert EXAMPLES[kind] == msgspec.json.decode(sent, type=kind)


def test_nothing_is_taught_that_is_not_there() -> None:
    """No text for a route, a parameter, a member, a header or an error that is gone."""
    routes = {service: {one.name for one in endpoints(service)} for service in SERVICES}
    for service, teaching in TEACHING.items():
        assert set() == {*teaching.operations, *teaching.answered} - routes[service]
    places = {
        place: {
            one["name"]
            for service in SERVICES
            for operation in operations(service)
            for one in operation["parameters"]
            if one["in"] == place
        }
        for place in ("path", "query")
    }
    assert set(PARAMETERS) == places["path"]
    assert set() == {name.rpartition(".")[2] for name in ARGUMENTS} - places["query"]
    shown = {(kind, name) for service in SERVICES for kind, name, _part in members(service)}
    asked = {one.query for service in SERVICES for one in endpoints(service) if one.query}
    shown |= {(one.__name__, name) for one in asked for name in one.__struct_encode_fields__}
    named = {f"{kind}.{name}" for kind, name in shown} | {name for _kind, name in shown}
    assert set() == set(MEMBERS) - named
    used = [DOCUMENTS[service]["components"]["headers"] for service in SERVICES]
    assert set(HEADERS) == set().union(*used)
    codes = {error.code for error in every(BazarError)}
    assert set() == set(DETAILS) - codes


def every(kind: type[BazarError]) -> Iterator[type[BazarError]]:
    """Yield an error and all that are of its kind."""
    yield kind
    for one in kind.__subclasses__():
        yield from every(one)
