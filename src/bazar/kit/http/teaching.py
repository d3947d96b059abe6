"""What a description teaches beyond what the code says by itself: texts, examples, headers.

Types and limits of a description come from the routes and messages alone. What a member is for is
the text under it in its class, as any reader of the code finds it there; here it is read again.
"""

import ast
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from inspect import getsource
from typing import Any, NamedTuple

import msgspec


class Header(NamedTuple):
    """A header of an answer."""

    description: str
    example: str | int
    schema: Mapping[str, Any] = {"type": "string"}


class Sample(NamedTuple):
    """A parameter of a path or an argument of a query string."""

    description: str
    example: Any


class Teaching(msgspec.Struct, frozen=True, kw_only=True):
    """Of one service."""

    about: str = ""
    """What it is for, and how to begin."""
    tags: Mapping[str, str] = {}
    """Groups of routes, each with what they have in common."""
    operations: Mapping[str, str] = {}
    """By the name of the handler: what its summary does not say."""
    parameters: Mapping[str, Sample] = {}
    """Of paths, by name."""
    members: Mapping[str, str] = {}
    """By `Message.member`, else by `member`: what stands under none of them in the code."""
    arguments: Mapping[str, Any] = {}
    """Examples for query strings, by `Query.argument`, else by `argument`."""
    examples: Mapping[Any, Any] = {}
    """A value of each message type; of an answer that is text, by the name of the handler."""
    details: Mapping[str, Mapping[str, Any]] = {}
    """What an error with this code says, for example: `detail`, and members of its own."""
    headers: Mapping[str, Header] = {}
    """By name."""
    answered: Mapping[str, Mapping[int, Sequence[str]]] = {}
    """By the name of the handler and the status: headers that only such answers have."""


NOTHING = Teaching()


def member_texts(kind: Any) -> dict[str, str]:  # noqa: ANN401
    """Return the texts under the members of a struct, by their names in JSON."""
    texts: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        if issubclass(one, msgspec.Struct) and one is not msgspec.Struct:
            texts |= _texts_of(one.__module__).get(one.__name__, {})
    names = dict(zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True))
    return {names[name]: text for name, text in texts.items() if name in names}


@cache
def _texts_of(module: str) -> dict[str, dict[str, str]]:
    """Return, for each class of a module, the texts that stand under its members."""
    try:
        tree = ast.parse(getsource(sys.modules[module]))
    except (OSError, TypeError):  # only what was compiled is here
        return {}
    return {one.name: _texts_in(one) for one in tree.body if isinstance(one, ast.ClassDef)}


def _texts_in(found: ast.ClassDef) -> dict[str, str]:
    texts = {}
    for member, text in zip(found.body, found.body[1:], strict=False):
        match member, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(said))),
            ):
                texts[name] = " ".join(said.split())
    return texts
