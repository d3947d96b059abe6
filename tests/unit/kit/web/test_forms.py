"""Forms are read within limits, checked by their table, and give back what was typed."""

import pytest

from bazar.kit.errors import InvalidRequest
from bazar.kit.web import forms
from bazar.kit.web.forms import Field, fill, plain, posted
from support.pages import asked

NAME = Field(name="name", label="Name", wrong="Enter your name")
NOTE = Field(name="note", label="Note", wrong="Shorter", optional=True, length_max=5)
EVEN = Field(
    name="even", label="Even", wrong="Even", rule=lambda text: text if int(text) % 2 == 0 else None
)


def body(content: bytes) -> dict[str, str]:
    """Return the fields of a body."""
    request = asked(method="POST")
    request._content = content  # noqa: SLF001  as the application receives it
    return posted(request)


def test_a_form_is_read() -> None:
    """With every letter, and also what was left empty."""
    assert {"q": "a b", "r": "ك", "s": ""} == body(b"q=a+b&r=%D9%83&s=")


@pytest.mark.parametrize(
    "content",
    [
        b"&".join(b"a%d=1" % number for number in range(forms.FIELDS_MAX + 1)),
        b"a=" + b"x" * (forms.VALUE_LENGTH_MAX + 1),
        b"a=%FF",
        b"a=\xff",
    ],
)
def test_what_no_form_of_ours_sends_is_refused(content: bytes) -> None:
    """Too many fields, too long a field, or no UTF-8."""
    with pytest.raises(InvalidRequest):
        body(content)


def test_what_is_right_is_understood_and_what_is_wrong_is_told() -> None:
    """In the order of the form; what was typed comes back in any case."""
    typed = {"name": "  ", "note": "123456", "even": " 4 ", "other": "x"}
    filled = fill([NAME, NOTE, EVEN], typed)
    assert {"name": "Enter your name", "note": "Shorter"} == filled.wrong
    assert ["name", "note"] == list(filled.wrong)
    assert {"even": "4"} == filled.values
    assert typed == filled.typed


def test_an_optional_field_may_be_left_empty() -> None:
    """Then it is there, and empty."""
    assert {"note": ""} == fill([NOTE], {}).values
    assert {} == fill([NOTE], {}).wrong


def test_digits_of_any_script_count() -> None:
    """Arabic, full-width and our own."""
    assert "123 45" == forms.digits("\u0661\u0662\u0663 \uff145")


def test_what_no_keyboard_types_is_taken_out() -> None:
    """But a new line stays."""
    assert "a\nb" == plain(" a\x00\n\u202eb ")
