"""What the shop refuses, as somebody at a terminal reads it."""

import re

import pytest
from typer.main import get_command

from bazar.catalog import domain, shop  # noqa: F401  their errors are among those that there are
from bazar.cli.main import app
from bazar.kit.errors import BazarError, InvalidRequest
from bazar.tools.advice import ADVICE, in_words, told
from bazar.wire.problems import OrderRejected, OutOfStock

OF_PROGRAMS = re.compile(
    r"\b(GET|POST|PUT|PATCH|DELETE|HTTP|JSON|header|route|body|query string|member)\b|"
    r"Idempotency-Key|/docs|\$\.|/\w+/|`"
)


def codes() -> set[str]:
    """Return the code of every error that there is."""
    found: set[str] = set()
    left: list[type[BazarError]] = [BazarError]
    while left:
        kind = left.pop()
        found |= {kind.code} if kind.__module__.startswith("bazar") else set()
        left += kind.__subclasses__()
    return found


def test_every_code_has_advice_for_a_person() -> None:
    """None is forgotten when a new one comes, and none is of an error that is gone."""
    assert codes() == ADVICE.keys()


@pytest.mark.parametrize("code", ADVICE)
def test_advice_speaks_of_commands_that_there_are(code: str) -> None:
    """And not as programs do."""
    advice = ADVICE[code]
    assert None is OF_PROGRAMS.search(re.sub("http://[0-9.:]+", "", advice))
    commands = getattr(get_command(app), "commands")  # noqa: B009  groups alone have commands
    for words in re.findall(r"'bazar ([^']+)'", advice):
        name, *rest = words.split()
        command = commands[name]
        if hasattr(command, "commands"):
            command = command.commands[rest.pop(0)]
        options = {one for parameter in command.params for one in parameter.opts}
        assert set() == {word for word in rest if word.startswith("--")} - options


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        (
            "the body is not valid: Expected `str` of length >= 1 - at `$.title`",
            "title: it may not be empty",
        ),
        (
            "the body is not valid: Expected `int` <= 3000 - at `$.year`",
            "year: it takes at most 3000",
        ),
        (
            "the body is not valid: Expected `int`, got `str` - at `$.low_at`",
            "low at: it takes a whole number",
        ),
        (
            "the body is not valid: Expected `str` matching regex '^x$' - at `$.language`",
            "language: it is not written as it should be",
        ),
        (
            "the body is not valid: Invalid enum value 'x' - at `$.format`",
            "format: there is no 'x'",
        ),
        (
            "the query string is not valid: Expected `str` of length <= 200 - at `$.q`",
            "the text: it takes at most 200 characters",
        ),
        (
            "the body is not valid: Expected `str` of length >= 3 - at `$.to`",
            "the address: it takes at least 3 characters",
        ),
        (
            "the body is not valid: Expected `int`, got `str` - at `$.lines[0].id`",
            "lines.id: it takes a whole number",
        ),
        (
            "the body is not valid: Expected `array` of length <= 100 - at `$.lines`",
            "lines: it takes at most 100 parts",
        ),
        (
            "the body is not valid: Expected `str` matching regex '^a$' - at `key` in `$.texts`",
            "texts: it is not written as it should be",
        ),
        (
            "the body is not valid: Invalid decimal string - at `$.price`",
            "price: it takes an amount such as 19.99",
        ),
        (
            "the body is not valid: Invalid RFC3339 date - at `$.at`",
            "at: it is not written as it should be",
        ),
        ("amount_of_items takes a whole number", "the number of copies takes a whole number"),
        ("bazar-actor takes a name", "--actor takes a name"),
        ("price must not be negative", "price must not be negative"),
        ("no order has the id\n'x'", "no order has the id\n'x'"),
        ("", ""),
    ],
)
def test_what_is_wrong_is_said_in_words(detail: str, said: str) -> None:
    """Without the names that only a decoder has for things."""
    assert said == in_words(detail)


def test_a_refusal_has_its_code_and_one_line() -> None:
    """Scripts look for the code; the detail of other errors stays as it is."""
    sold_out = OutOfStock("Emma: 1 in stock, `2` asked for").problem()
    assert told(sold_out).startswith("Emma: 1 in stock, `2` asked for (out-of-stock). Buy fewer")
    assert 1 == len(told(InvalidRequest("x").problem()).splitlines())


def test_a_code_of_another_release_needs_no_advice() -> None:
    """The catalog may refuse for a reason that nobody here knows."""
    assert "no (too-heavy)." == told(OrderRejected("no", reason="too-heavy").problem())
