"""Forms: what a page asks for, as a table, and what came of it.

Each field says what it is, how its input is read, and what its page says where it is wrong. What
was typed always comes back, also where it was wrong.

Source: https://design-system.service.gov.uk/components/error-summary/ (how errors are told)
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl

from bazar.kit.errors import InvalidRequest
from bazar.kit.http.request import Request

FIELDS_MAX = 200
VALUE_LENGTH_MAX = 10_000
Control = Literal["text", "email", "tel", "number", "radio", "select", "textarea", "hidden"]
Rule = Callable[[str], str | None]
"""Takes what was typed, without spaces around; returns it as it is to be understood, or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One thing that a form asks for."""

    name: str
    label: str
    """English, to be translated where it is shown; so are hint and wrong."""
    wrong: str = ""
    """What to do where it is wrong, as a sentence without its full stop."""
    rule: Rule = str
    control: Control = "text"
    autocomplete: str = ""
    hint: str = ""
    optional: bool = False
    ltr: bool = False
    """Written from left to right in every language: addresses, numbers."""
    length_max: int = 200


@dataclass(frozen=True, slots=True)
class Filled:
    """What came of a form."""

    typed: Mapping[str, str]
    """As it was typed."""
    values: Mapping[str, str] = field(default_factory=dict)
    """As it is understood; only of fields that are right."""
    wrong: Mapping[str, str] = field(default_factory=dict)
    """What to say of each field that is wrong, in the order of the form."""


def posted(request: Request) -> dict[str, str]:
    """Return the fields of a posted form; of one that came twice the last.

    Raises:
        InvalidRequest: definite; too many fields, one too long, or no UTF-8.
    """
    try:
        pairs = parse_qsl(
            request.content.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=FIELDS_MAX,
        )
    except ValueError as error:
        message = "the form cannot be read"
        raise InvalidRequest(message) from error
    if any(len(value) > VALUE_LENGTH_MAX for _name, value in pairs):
        message = "a field of the form is too long"
        raise InvalidRequest(message)
    return dict(pairs)


def fill(fields: Sequence[Field], typed: Mapping[str, str]) -> Filled:
    """Check what was typed into these fields; others are left alone."""
    values, wrong = {}, {}
    for one in fields:
        text = plain(typed.get(one.name, ""))
        if not text and one.optional:
            values[one.name] = ""
            continue
        value = one.rule(text) if text and len(text) <= one.length_max else None
        if value is None:
            wrong[one.name] = one.wrong
        else:
            values[one.name] = value
    return Filled(typed, values, wrong)


def plain(text: str) -> str:
    """Return a text without spaces around and without what no keyboard types."""
    return "".join(one for one in text if one in "\n\t" or one.isprintable()).strip()


def digits(text: str) -> str:
    """Return a text with every decimal digit, Arabic or full-width, as an ASCII one."""
    return "".join(str(unicodedata.decimal(one)) if one.isdecimal() else one for one in text)
