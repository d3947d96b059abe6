"""What a person says about a file to import."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bazar.formats.columns import COLUMNS

_PAIR = re.compile(rf",(?=\s*(?:{'|'.join(COLUMNS)})\s*=)")
"""A comma behind which one of our columns is named: names of other columns hold commas too."""


class ImportFileError(Exception):
    """The file, or what was said about it, cannot be used; the message is for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What to import, and how."""

    file: Path  # or -, which is standard input
    update: Literal["none", "stock", "all"]
    dry_run: bool
    again: bool = False  # take the counts of a file anew that was imported before
    same: Literal["reject", "add", "last"] = "reject"  # a row about the book of one before it
    strict: bool = False  # reject a row that would be taken without some of its cells
    mapping: dict[str, str]  # our column to a column of the file; to nothing: it is not read
    defaults: dict[str, str]  # our column to the value of empty cells and missing columns
    delimiter: str = ""  # what stands between cells; empty: it is found out
    encoding: str = ""  # in which letters it is written; empty: it is found out
    sheet: str = ""  # of a workbook; empty: the one that looks most like a list of books
    rejects: Path | None = None  # None: a file of our own choice, here


def parse_pairs(texts: Sequence[str], what: str) -> dict[str, str]:
    """Return our columns with what was said about each, from texts like `title=name,year=when`.

    A comma parts two pairs only where one of our columns and an equals sign follow it.

    Args:
        texts: of a repeated option.
        what: the option's name, for messages. With `--map` a column may be mapped to nothing.

    Raises:
        ImportFileError: a pair is malformed or given twice, or its column is not one of ours.
    """
    pairs: dict[str, str] = {}
    for pair in _parted(texts, what):
        column, sign, value = (part.strip() for part in pair.partition("="))
        message = ""
        if not (column and sign and (value or what == "--map")):
            message = f"{what} wants COLUMN=VALUE, not {pair!r}"
        elif column == "id":
            message = f"{what} {pair}: ours is called bazar_id; no column called id is read as it"
        elif column not in COLUMNS:
            message = f"{what} {pair}: {column!r} is not one of our columns: {', '.join(COLUMNS)}"
        elif column in pairs:
            message = f"{what} names {column} twice: {pairs[column]!r} and {value!r}"
        if message:
            raise ImportFileError(message)
        pairs[column] = value
    return pairs


def _parted(texts: Iterable[str], what: str) -> Iterable[str]:
    """Yield the pairs of texts; the value of a default may hold commas and all that follows one."""
    for text in texts:
        yield from _PAIR.split(text) if what == "--map" else [text]
