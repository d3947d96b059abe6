"""Message types as JSON Schema: what msgspec says of them, and what it does not know."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, get_args

import msgspec
from msgspec import inspect

REF = "#/components/schemas/{name}"
_encode = msgspec.json.Encoder(decimal_format="number").encode


def plain(value: Any) -> Any:  # noqa: ANN401
    """Return a value as it stands in JSON, prices as numbers."""
    return msgspec.json.decode(_encode(value))


def structs(kinds: Iterable[Any]) -> list[Any]:
    """Return the message types that types are made of."""
    found: dict[Any, None] = {}
    waiting: list[Any] = list(inspect.multi_type_info(kinds))
    while waiting:
        match waiting.pop():
            case inspect.StructType(cls=kind, fields=fields) if kind not in found:
                found[kind] = None
                waiting += [field.type for field in fields]
            case inspect.ListType(item_type=part) | inspect.DictType(value_type=part):
                waiting.append(part)
            case inspect.UnionType(types=parts):
                waiting += parts
            case inspect.Metadata(type=part):
                waiting.append(part)
    return list(found)


def mark_times(kind: Any, schema: dict[str, Any]) -> None:  # noqa: ANN401
    """Say which texts of a message are times; msgspec says it of those alone that have a zone."""
    for field in msgspec.structs.fields(kind):
        if datetime in {field.type, *get_args(field.type)}:
            part = schema["properties"][field.encode_name]
            for text in (part, *part.get("anyOf", ())):
                if text.get("type") == "string":
                    text["format"] = "date-time"


def argument(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an argument of a query string, in which nothing can be null."""
    schema = dict(schema)
    if "default" in schema and schema["default"] is None:
        del schema["default"]
    parts = [part for part in schema.get("anyOf", ()) if part != {"type": "null"}]
    if len(parts) == 1:
        del schema["anyOf"]
        schema |= parts[0]
    elif parts:
        schema["anyOf"] = parts
    if None in schema.get("enum", ()):
        schema["enum"] = [value for value in schema["enum"] if value is not None]
    schema.pop("description", None)
    return schema


def numbers(schema: Any) -> Any:  # noqa: ANN401
    """Turn decimals, which msgspec describes as text, into the JSON numbers that they are."""
    if isinstance(schema, list):
        return [numbers(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: numbers(part) for name, part in schema.items()}
    if schema.get("format") == "decimal":
        schema |= {"type": "number", "minimum": 0}
        del schema["format"]
    return schema


def takes_nothing(body: Any) -> bool:  # noqa: ANN401
    """Tell whether a request may have no body, which counts as `{}`."""
    try:
        msgspec.convert({}, body)
    except msgspec.ValidationError:
        return False
    return True


def schema_of(kind: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the schema of a type, or a reference to it; no type at all is a text."""
    if kind is None:
        return {"type": "string"}
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=REF)
    return schema
