"""What a seeded bug is."""

from dataclasses import dataclass

from mutants.parts import Part


@dataclass(frozen=True)
class Edit:
    """A change of one file of the package: a text that stands there once, and what replaces it."""

    file: str
    before: str
    after: str


@dataclass(frozen=True)
class Bug:
    """A bug, and the checks that are to catch it, the cheapest first."""

    name: str
    wrong: str
    """What is wrong then, in a sentence."""
    edits: tuple[Edit, ...]
    parts: tuple[Part, ...]
