"""Page cursors come back as they went, and words are parted, whatever somebody sends."""

import base64
import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bazar.catalog.paging import decode_id, decode_place, encode_place
from bazar.catalog.words import search_words
from bazar.kit.errors import InvalidRequest


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 2**63 - 1))
@settings(max_examples=100, deadline=None)
def test_a_cursor_comes_back_as_it_went(score: float, book_id: int) -> None:
    """To the last bit, in characters that may stand in an address as they are."""
    cursor = encode_place(score, book_id)
    assert len(cursor) <= 200
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert (score, book_id) == decode_place(cursor)


def _cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@given(
    st.one_of(
        st.text(max_size=200),
        st.binary(max_size=100).map(lambda data: base64.urlsafe_b64encode(data).decode()),
        st.text(max_size=40).map(_cursor),
        st.tuples(st.floats(), st.integers()).map(lambda pair: _cursor(f"{pair[0]}:{pair[1]}")),
    )
)
@example(_cursor("nan:1"))
@example(_cursor("inf:1"))
@example(_cursor("1.0:99999999999999999999"))
@example(_cursor("1.0:-1"))
@example(_cursor("1_0:1_0"))
@example(_cursor("1.0:" + "9" * 140))
@settings(max_examples=200, deadline=None)
def test_garbage_is_no_cursor(garbage: str) -> None:
    """It is refused, or holds a score and a book id that the database can compare."""
    try:
        score, book_id = decode_place(garbage)
    except InvalidRequest:
        return
    assert math.isfinite(score)
    assert 0 <= book_id < 2**63


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello", ["hello"]),
        ("Hello  World", ["Hello", "World"]),
        ("c++ (2nd)", ["c", "2nd"]),
        ('say "hi"', ["say", "hi"]),
        ("title:x", ["title", "x"]),
        ("don't", ["don", "t"]),
        ("", []),
        ('"*^-()', []),
    ],
)
def test_a_text_is_parted_into_words(text: str, words: list[str]) -> None:
    """Every word of letters and digits; what stands between them parts words."""
    assert words == search_words(text)


@pytest.mark.parametrize("cursor", ["", None, "0"])
def test_a_list_without_a_cursor_begins_at_its_beginning(cursor: str | None) -> None:
    """Every book has an id above 0."""
    assert 0 == decode_id(cursor)


@pytest.mark.parametrize("cursor", ["-1", "1.0", "x", " 1", "+1", "1_0", "٣", "9" * 19])
def test_what_is_no_number_of_ours_is_no_cursor(cursor: str) -> None:
    """Only digits, and no more of them than a book id can have."""
    with pytest.raises(InvalidRequest, match="not a cursor of ours"):
        decode_id(cursor)
    assert 10**18 - 1 == decode_id("9" * 18)


@pytest.mark.parametrize(
    "words", ["résumé", "re\N{COMBINING ACUTE ACCENT}sume\N{COMBINING ACUTE ACCENT}"]
)
def test_a_composed_and_a_decomposed_word_are_one_word(words: str) -> None:
    """A combining accent does not cut a word in two."""
    assert 1 == len(search_words(words))


def test_the_number_of_words_has_a_limit() -> None:
    """Twenty words are looked for, the rest is not."""
    assert 20 == len(search_words("a " * 100))
