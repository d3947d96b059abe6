"""The OpenAPI 3.1 document of a service, made from its endpoints and message types."""

from collections.abc import Sequence
from typing import Any

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
    SAFE_METHODS,
    CodingNotImplemented,
    CrossSite,
    InvalidFraming,
    InvalidHost,
    UnsupportedMediaType,
    WrongHost,
)
from bazar.kit.http.endpoint import NUMBER, PARAMETER, Endpoint
from bazar.kit.http.idempotency import KEY_LENGTH_MAX
from bazar.kit.identity import ID_MAX

_REF = "#/components/schemas/{name}"
_ANYWHERE: tuple[type[BazarError], ...] = (
    InvalidFraming,
    InvalidHost,
    WrongHost,
    Overloaded,
    InternalError,
    CodingNotImplemented,
)
_REASONS = {
    200: "Done.",
    201: "Created.",
    202: "Accepted; not decided yet.",
}


def document(title: str, version: str, endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Return the document as plain data."""
    kinds = {
        kind: None
        for endpoint in endpoints
        for kind in (endpoint.body, endpoint.query, *endpoint.route.answers.values())
        if kind is not None
    }
    problems = {error.problem_type: None for endpoint in endpoints for error in _errors(endpoint)}
    _, described = msgspec.json.schema_components([*kinds, *problems], ref_template=_REF)
    components = _numbers(described)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        path = PARAMETER.sub(r"{\1}", endpoint.route.path)
        method = endpoint.route.method.lower()
        paths.setdefault(path, {})[method] = _operation(endpoint, components)
    found = {"schemas": components}
    if any(endpoint.route.secret for endpoint in endpoints):
        found["securitySchemes"] = {"secret": {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "license": {"name": "MIT"}},
        "paths": paths,
        "components": found,
    }


def _numbers(schema: Any) -> Any:  # noqa: ANN401
    """Turn decimals, which msgspec describes as text, into the JSON numbers that they are."""
    if isinstance(schema, list):
        return [_numbers(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: _numbers(part) for name, part in schema.items()}
    if schema.get("format") == "decimal":
        schema |= {"type": "number", "minimum": 0}
        del schema["format"]
    return schema


def _operation(endpoint: Endpoint, components: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "tags": [endpoint.route.tag],
        "parameters": [*_path_parameters(endpoint), *_query_parameters(endpoint, components)],
        "responses": _responses(endpoint),
    }
    if endpoint.route.idempotency_key:
        operation["parameters"].append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": f"Any text of yours, 1 to {KEY_LENGTH_MAX} visible characters; "
                "the same key and body always get the first answer.",
                "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH_MAX},
            }
        )
    if endpoint.body is not None:
        operation["requestBody"] = {
            "required": not _takes_nothing(endpoint.body),
            "content": {"application/json": {"schema": _schema(endpoint.body)}},
        }
    if endpoint.route.secret:
        operation["security"] = [{"secret": []}]
    return operation


def _path_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    number = {"type": "integer", "minimum": 1, "maximum": ID_MAX}
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": number if mark == NUMBER else {"type": "string"},
        }
        for name, mark in endpoint.route.parameters.items()
    ]


def _query_parameters(endpoint: Endpoint, components: dict[str, Any]) -> list[dict[str, Any]]:
    if endpoint.query is None:
        return []
    schema = components[endpoint.query.__name__]
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "schema": part,
        }
        for name, part in schema["properties"].items()
    ]


def _responses(endpoint: Endpoint) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, kind in endpoint.route.answers.items():
        content = {endpoint.route.media_type: {"schema": _schema(kind)}}
        responses[str(status)] = {
            "description": _REASONS.get(status, "Answered."),
            "content": content,
        }
    for link in endpoint.route.links:
        responses[str(link.status)].setdefault("links", {})[link.to] = {
            "operationId": link.to,
            "parameters": {link.parameter: f"$response.body#{link.pointer}"},
        }
    errors: dict[int, list[type[BazarError]]] = {}
    for error in _errors(endpoint):
        errors.setdefault(error.status, []).append(error)
    for status, found in sorted(errors.items()):
        titles = [f"`{error.code}`: {error.title}." for error in found]
        kinds = dict.fromkeys(error.problem_type for error in found)
        schemas = [_schema(kind) for kind in kinds]
        responses[str(status)] = {
            "description": " ".join(dict.fromkeys(titles)),
            "content": {
                PROBLEM_MEDIA_TYPE: {
                    "schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
                }
            },
        }
    return responses


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
    return found


def _takes_nothing(body: Any) -> bool:  # noqa: ANN401
    """Tell whether a request may have no body, which counts as `{}`."""
    try:
        msgspec.convert({}, body)
    except msgspec.ValidationError:
        return False
    return True


def _schema(kind: Any) -> dict[str, Any]:  # noqa: ANN401
    if kind is None:
        return {"type": "string"}
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=_REF)
    return schema
