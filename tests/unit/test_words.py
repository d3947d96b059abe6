"""What pages say exists in every language, with the same placeholders, and is no markup."""

import re
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

import bazar
from bazar.kit.web.texts import texts

ROOT = Path(bazar.__file__).parent
LANGUAGES = sorted(
    Path(file.name).stem for file in files("bazar.words").iterdir() if file.name.endswith(".po")
)
KEYWORDS = {
    "_": None,
    "gettext": None,
    "noted": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
PLACEHOLDER = re.compile(r"%\((\w+)\)s")
ARABIC_FORMS = 6
Words = tuple[str, ...]


def as_words(message: str | Iterable[str] | None) -> Words:
    """Return a message as all its forms."""
    return (message or "",) if message is None or isinstance(message, str) else tuple(message)


def said() -> set[Words]:
    """Return every text that code and templates say."""
    found: set[Words] = set()
    options = {"extensions": "jinja2.ext.do", "silent": "false"}
    for pattern, method in (("*.py", "python"), ("templates/*.html", babel_extract)):
        for path in ROOT.rglob(pattern):
            with path.open("rb") as file:
                chosen = None if method == "python" else options
                read: Any = extract(method, file, KEYWORDS, options=chosen)  # type: ignore[arg-type]  # jinja2's own
                found |= {as_words(message) for _line, message, _comments, _context in read}
    return found


def translated(language: str) -> dict[Words, Message]:
    """Return the messages of a catalogue by their English forms."""
    with files("bazar.words").joinpath(f"{language}.po").open("rb") as file:
        return {as_words(one.id): one for one in read_po(file, locale=language) if one.id}


def test_there_is_a_language_beside_english() -> None:
    """Else the tests below would look at nothing."""
    assert ["ar"] == LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_there_and_none_is_left_over(language: str) -> None:
    """A text that is missing would be English in the midst; one left over is nobody's."""
    assert said() == set(translated(language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_form_has_words_and_the_placeholders_of_its_text(language: str) -> None:
    """A placeholder that is not filled in shows, or fails; one may be left out of a plural form."""
    for forms, message in translated(language).items():
        asked = set(PLACEHOLDER.findall(forms[-1]))
        plural = len(forms) > 1
        words = as_words(message.string)
        assert all(words), forms
        assert len(words) == (ARABIC_FORMS if plural else 1), forms
        for form in words:
            used = set(PLACEHOLDER.findall(form))
            assert used <= asked if plural else used == asked, form
            assert asked - used <= {"n"}, form
            assert "%" not in PLACEHOLDER.sub("", form), form


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_holds_markup(language: str) -> None:
    """It would be escaped, and shown as it is."""
    for forms, message in translated(language).items():
        for text in (*forms, *as_words(message.string)):
            assert not re.search(r"<\w|&\w+;", text), text


@pytest.mark.parametrize(
    ("n", "words"),
    [
        (0, "لا كتب"),
        (1, "كتاب واحد"),
        (2, "كتابان"),
        (3, "3 كتب"),
        (10, "10 كتب"),
        (11, "11 كتابًا"),
        (99, "99 كتابًا"),
        (100, "100 كتاب"),
        (103, "103 كتب"),
    ],
)
def test_arabic_counts_in_six_forms(n: int, words: str) -> None:
    """None, one, two, few, many and the rest each have a form of their own."""
    assert words == texts("bazar.words", "ar").ngettext("%(n)s book", "%(n)s books", n)


def test_english_counts_in_two_forms() -> None:
    """English needs no catalogue: its texts are in the code."""
    english = texts("bazar.words", "en")
    assert "1 book" == english.ngettext("%(n)s book", "%(n)s books", 1)
    assert "0 books" == english.ngettext("%(n)s book", "%(n)s books", 0)
