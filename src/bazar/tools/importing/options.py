"""What a person says about a file to import."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bazar.formats.columns import COLUMNS


class ImportFileError(Exception):
    """The file, or what was said about it, cannot be used; the message is for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What to import, and how."""

    file: Path
    update: Literal["none", "stock", "all"]
    dry_run: bool
    again: bool = False  # take the counts of a file anew that was imported before
    mapping: dict[str, str]  # our column to a column of the file
    defaults: dict[str, str]  # our column to the value of empty cells and missing columns
    rejects: Path


def parse_pairs(texts: Sequence[str], what: str, *, several: bool = True) -> dict[str, str]:
    """Return our columns with what was said about each, from texts like `title=name`.

    Args:
        texts: of a repeated option.
        what: the option's name, for messages.
        several: whether commas separate the pairs of a text; otherwise a value may hold commas.

    Raises:
        ImportFileError: a pair is malformed or given twice, or its column is not one of ours.
    """
    pairs: dict[str, str] = {}
    for pair in (part for text in texts for part in (text.split(",") if several else [text])):
        column, _, value = (part.strip() for part in pair.partition("="))
        message = ""
        if not (column and value):
            message = f"{what} wants COLUMN=VALUE, not {pair!r}"
        elif column not in COLUMNS:
            message = f"{what} {pair}: {column!r} is not one of our columns: {', '.join(COLUMNS)}"
        elif column in pairs:
            message = f"{what} names {column} twice: {pairs[column]!r} and {value!r}"
        if message:
            raise ImportFileError(message)
        pairs[column] = value
    return pairs
