"""What a search asks of the index, whatever the engine: terms, and how they go together."""

from typing import NamedTuple


class Term(NamedTuple):
    """Books that have a term."""

    text: str
    more: bool = False
    """Whether any term that begins so will do."""
    spelt: tuple[str, ...] = ()
    """All terms that begin so, where they are known and few."""


class All(NamedTuple):
    """Books that fit each of some expressions."""

    parts: tuple["Expression", ...]


class Either(NamedTuple):
    """Books that fit one of some expressions at least."""

    parts: tuple["Expression", ...]


class But(NamedTuple):
    """Books that fit one expression, and not the other."""

    wanted: "Expression"
    unwanted: "Expression"


Expression = Term | All | Either | But


def every(*parts: Expression) -> Expression:
    """Return what asks for all of some expressions, as simply as can be."""
    return parts[0] if len(parts) == 1 else All(parts)


def either(*parts: Expression) -> Expression:
    """Return what asks for one of some expressions, as simply as can be."""
    return parts[0] if len(parts) == 1 else Either(parts)
