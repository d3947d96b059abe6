"""The OpenAPI 3.1 document of a service, made from its endpoints and message types."""

from collections.abc import Iterable, Sequence
from typing import Any, get_args, get_origin

import msgspec

from bazar.kit.errors import (
    PROBLEM_MEDIA_TYPE,
    BazarError,
    BodyTooLarge,
    InternalError,
    InvalidRequest,
    Overloaded,
    Unauthorized,
)
from bazar.kit.http.admission import (
    CodingNotImplemented,
    CrossSite,
    InvalidFraming,
    InvalidHost,
    UnsupportedMediaType,
    WrongHost,
)
from bazar.kit.http.conditions import PreconditionFailed
from bazar.kit.http.endpoint import NUMBER, PARAMETER, Endpoint, Kind
from bazar.kit.http.idempotency import KEY_LENGTH_MAX
from bazar.kit.http.schemas import (
    REF,
    argument,
    mark_times,
    numbers,
    plain,
    schema_of,
    structs,
    takes_nothing,
)
from bazar.kit.http.teaching import NOTHING, Header, Teaching, member_texts
from bazar.kit.identity import ID_MAX
from bazar.kit.signing import SAFE_METHODS

_ANYWHERE: tuple[type[BazarError], ...] = (
    InvalidFraming,
    InvalidHost,
    WrongHost,
    Overloaded,
    InternalError,
    CodingNotImplemented,
)
_JSON = "application/json"
_NOT_MODIFIED = 304
_REASONS = {
    200: "Done.",
    201: "Created.",
    202: "Accepted; not decided yet.",
    _NOT_MODIFIED: "What you hold, by the ETag that you sent, is still so. There is no body.",
}
_TAGS: dict[Kind, str] = {
    "reading": "books",
    "searching": "books",
    "looking": "orders",
    "buying": "orders",
    "cancelling": "orders",
    "keeping": "keeping",
    "watching": "operations",
}
_ALWAYS = ("X-Request-Id", "Server-Timing", "Cache-Control")
_TAGGED = ("ETag",)

_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": f"Any text of yours, 1 to {KEY_LENGTH_MAX} visible characters; "
    "the same key and body always get the first answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH_MAX},
    "example": '"8e03978e-40d5-43dd-bc93-6894a57f9324"',
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The ETag of an answer that you hold: while it holds you get 304 and no body.",
    "schema": {"type": "string"},
    "example": '"a4a3888620e08b5aa8c83daa"',
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "The ETag of what you have seen: has it changed since, nothing is done (412).",
    "schema": {"type": "string"},
    "example": '"a4a3888620e08b5aa8c83daa"',
}


def document(
    title: str, version: str, endpoints: Sequence[Endpoint], teaching: Teaching = NOTHING
) -> dict[str, Any]:
    """Return the document as plain data."""
    return _Document(endpoints, teaching).whole(title, version)


class _Document:
    """A document that is being made."""

    def __init__(self, endpoints: Sequence[Endpoint], teaching: Teaching) -> None:
        self._endpoints = endpoints
        self._teaching = teaching
        kinds = [
            kind
            for endpoint in endpoints
            for kind in (endpoint.body, *endpoint.route.answers.values())
            if kind is not None
        ]
        problems = [error.problem_type for one in endpoints for error in _errors(one)]
        self._schemas = self._components([*dict.fromkeys([*kinds, *problems])])
        self._problems: dict[str, Any] = {}
        """Examples of errors, by code."""
        self._headers: dict[str, Any] = {}
        self._refused: dict[str, Any] = {}

    def whole(self, title: str, version: str) -> dict[str, Any]:
        paths: dict[str, dict[str, Any]] = {}
        for endpoint in self._endpoints:
            path = PARAMETER.sub(r"{\1}", endpoint.route.path)
            paths.setdefault(path, {})[endpoint.route.method.lower()] = self._operation(endpoint)
        found = {
            "schemas": self._schemas,
            "responses": self._refused,
            "headers": self._headers,
            "examples": self._problems,
        }
        if any(endpoint.route.secret for endpoint in self._endpoints):
            found["securitySchemes"] = {
                "secret": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The service secret, which `bazar up` keeps in its data folder.",
                }
            }
        told = self._teaching.tags
        tags = dict.fromkeys(map(_tag, self._endpoints))
        return {
            "openapi": "3.1.0",
            "info": {
                "title": title,
                "version": version,
                "description": self._teaching.about or title,
                "contact": {"name": "Bazar"},
                "license": {"name": "MIT", "identifier": "MIT"},
            },
            "servers": [{"url": "/", "description": "The service that gave this document."}],
            "security": [],
            "tags": [{"name": tag, "description": told.get(tag, tag)} for tag in tags],
            "paths": paths,
            "components": found,
        }

    def _components(self, kinds: Iterable[Any]) -> dict[str, Any]:
        """Describe types and all that they hold, with an example and a text for each member."""
        _, described = msgspec.json.schema_components(list(kinds), ref_template=REF)
        components: dict[str, Any] = numbers(described)
        for kind in structs(kinds):
            schema = components.get(kind.__name__)
            if schema is not None:
                self._tell(kind, schema)
                if kind in self._teaching.examples:
                    schema["examples"] = [plain(self._teaching.examples[kind])]
        return components

    def _tell(self, kind: Any, schema: dict[str, Any]) -> None:  # noqa: ANN401
        """Say of each member of a message what it is."""
        mark_times(kind, schema)
        texts, members = member_texts(kind), self._teaching.members
        for name, part in schema.get("properties", {}).items():
            said = texts.get(name) or members.get(f"{kind.__name__}.{name}") or members.get(name)
            if said:
                part["description"] = said

    def _operation(self, endpoint: Endpoint) -> dict[str, Any]:
        route = endpoint.route
        parameters = [*self._path_parameters(endpoint), *self._query_parameters(endpoint)]
        if _NOT_MODIFIED in route.answers:
            parameters.append(_IF_NONE_MATCH)
        if route.idempotency_key:
            parameters.append(_KEY)
        if route.if_match:
            parameters.append(_IF_MATCH)
        operation: dict[str, Any] = {
            "operationId": endpoint.name,
            "summary": endpoint.summary,
            "description": self._teaching.operations.get(endpoint.name, f"{endpoint.summary}."),
            "tags": [_tag(endpoint)],
            "parameters": parameters,
            "responses": self._responses(endpoint),
        }
        if endpoint.body is not None:
            operation["requestBody"] = {
                "required": not takes_nothing(endpoint.body),
                "content": {_JSON: self._content(endpoint.body)},
            }
        if route.secret:
            operation["security"] = [{"secret": []}]
        return operation

    def _path_parameters(self, endpoint: Endpoint) -> list[dict[str, Any]]:
        found = []
        for name, mark in endpoint.route.parameters.items():
            number = {"type": "integer", "minimum": 1, "maximum": ID_MAX}
            parameter: dict[str, Any] = {
                "name": name,
                "in": "path",
                "required": True,
                "schema": number if mark == NUMBER else {"type": "string"},
            }
            if name in self._teaching.parameters:
                sample = self._teaching.parameters[name]
                parameter |= {"description": sample.description, "example": sample.example}
            found.append(parameter)
        return found

    def _query_parameters(self, endpoint: Endpoint) -> list[dict[str, Any]]:
        if endpoint.query is None:
            return []
        schema = self._components([endpoint.query])[endpoint.query.__name__]
        found = []
        for name, part in schema["properties"].items():
            parameter = {
                "name": name,
                "in": "query",
                "required": name in schema.get("required", ()),
                "schema": argument(part),
            }
            if text := part.pop("description", None):
                parameter["description"] = text
            told = self._teaching.arguments
            example = told.get(f"{endpoint.query.__name__}.{name}", told.get(name))
            if example is not None:
                parameter["example"] = example
            found.append(parameter)
        return found

    def _responses(self, endpoint: Endpoint) -> dict[str, Any]:
        responses: dict[str, Any] = {}
        route = endpoint.route
        told = self._teaching.answered.get(endpoint.name, {})
        for status, kind in route.answers.items():
            tagged = _NOT_MODIFIED in route.answers or route.if_match
            names = [*_ALWAYS, *(_TAGGED if tagged else ()), *told.get(status, ())]
            responses[str(status)] = {
                "description": _REASONS.get(status, "Answered."),
                "headers": self._named(dict.fromkeys(names)),
            }
            if status != _NOT_MODIFIED:
                content = self._content(kind, endpoint.name)
                if kind is None and route.media_type == _JSON:
                    content = {"schema": {"type": "null"}, "example": None}
                responses[str(status)]["content"] = {route.media_type: content}
        for link in route.links:
            responses[str(link.status)].setdefault("links", {})[link.to] = {
                "operationId": link.to,
                "parameters": {link.parameter: f"$response.body#{link.pointer}"},
            }
        return responses | self._refusals(endpoint)

    def _refusals(self, endpoint: Endpoint) -> dict[str, Any]:
        """Describe the errors of an endpoint by their status; many have the same ones."""
        errors: dict[int, list[type[BazarError]]] = {}
        for error in sorted(set(_errors(endpoint)), key=lambda one: (one.code, one.__name__)):
            errors.setdefault(error.status, []).append(error)
        responses = {}
        for status, found in sorted(errors.items()):
            name = ".".join([str(status), *dict.fromkeys(error.code for error in found)])
            kinds = dict.fromkeys(error.problem_type for error in found)
            if len(kinds) > 1:
                name += "." + ".".join(kind.__name__ for kind in kinds)
            if name not in self._refused:
                self._refused[name] = self._refusal(found, list(kinds))
            responses[str(status)] = {"$ref": f"#/components/responses/{name}"}
        return responses

    def _refusal(self, found: Sequence[type[BazarError]], kinds: Sequence[Any]) -> dict[str, Any]:
        """Describe the errors of one status."""
        titles = [f"`{error.code}`: {error.title}." for error in found]
        schemas = [schema_of(kind) for kind in kinds]
        names = [name.decode().title() for one in found for name, _value in one.headers]
        if Overloaded in found:
            names.append("Retry-After")
        return {
            "description": " ".join(dict.fromkeys(titles)),
            "headers": self._named(dict.fromkeys([*_ALWAYS[:1], *names])),
            "content": {
                PROBLEM_MEDIA_TYPE: {
                    "schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas},
                    "examples": {error.code: self._problem(error) for error in found},
                }
            },
        }

    def _problem(self, error: type[BazarError]) -> dict[str, str]:
        """Return a reference to an example of an error."""
        if error.code not in self._problems:
            told = {"detail": error.title, **self._teaching.details.get(error.code, {})}
            problem = error.problem_type(
                type=f"urn:bazar:error:{error.code}",
                title=error.title,
                status=error.status,
                code=error.code,
                hint=error.hint,
                definite=error.definite,
                **told,
            )
            self._problems[error.code] = {"summary": error.title, "value": plain(problem)}
        return {"$ref": f"#/components/examples/{error.code}"}

    def _named(self, names: Iterable[str]) -> dict[str, Any]:
        """Return references to headers, as far as there is something to say about them."""
        for name in names:
            if name in self._teaching.headers:
                self._headers.setdefault(name, _header(self._teaching.headers[name]))
        return {
            name: {"$ref": f"#/components/headers/{name}"}
            for name in names
            if name in self._headers
        }

    def _content(self, kind: Any, name: str = "") -> dict[str, Any]:  # noqa: ANN401
        """Return what a body of this type is, with an example where there is one."""
        content: dict[str, Any] = {"schema": schema_of(kind)}
        examples = self._teaching.examples
        example = examples.get(name, examples.get(kind))
        if example is None and get_origin(kind) is list and get_args(kind)[0] in examples:
            example = [examples[get_args(kind)[0]]]
        if example is not None:
            content["example"] = plain(example)
        return content


def _header(told: Header) -> dict[str, Any]:
    return {
        "description": told.description,
        "schema": dict(told.schema),
        "example": told.example,
    }


def _tag(endpoint: Endpoint) -> str:
    return endpoint.route.tag or _TAGS[endpoint.kind]


def _errors(endpoint: Endpoint) -> list[type[BazarError]]:
    found = [*endpoint.route.errors, *_ANYWHERE]
    if endpoint.route.method not in SAFE_METHODS:
        found.append(CrossSite)
    if endpoint.body is not None:
        found += [InvalidRequest, BodyTooLarge, UnsupportedMediaType]
    if endpoint.query is not None or NUMBER in endpoint.route.parameters.values():
        found.append(InvalidRequest)
    if endpoint.route.secret:
        found.append(Unauthorized)
    if endpoint.route.if_match:
        found.append(PreconditionFailed)
    return found
