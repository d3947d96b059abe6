"""Topics in their spellings, and how far a change feed has come, as text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bazar.wire.books import Place, Sign, topic_key

MODEST = settings(max_examples=100, deadline=None)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Distributed Systems", "distributed systems"),
        ("distributed-systems", "distributed systems"),
        (" DISTRIBUTED -- systems\t", "distributed systems"),
        ("Straße", "strasse"),
        ("Cafe\N{COMBINING ACUTE ACCENT}", "café"),
        ("-", ""),
        ("", ""),
    ],
)
def test_spellings_of_a_topic_have_one_key(text: str, key: str) -> None:
    """Case, hyphens, spaces and the composition of accents do not matter."""
    assert key == topic_key(text)


@given(st.text())
@MODEST
def test_a_key_is_its_own_key(text: str) -> None:
    """Taking it twice changes nothing, and neither do outer spaces and hyphens."""
    key = topic_key(text)
    assert key == topic_key(key)
    assert key == topic_key(f" -{text}- ")
    assert key == topic_key(key.replace(" ", "-"))


@given(st.text("0123456789abcdef", min_size=1, max_size=32), st.integers(0, 10**18 - 1))
@MODEST
def test_a_place_and_a_sign_can_be_read_back(run: str, number: int) -> None:
    """From a header, and from a line of the feed."""
    place = Place(run, number)
    assert place == Place.parsed(str(place))
    for word in ("open", "told", "alive"):
        assert Sign(word, place, number) == Sign.parsed(Sign(word, place, number).line())


@pytest.mark.parametrize("text", [None, "", "0a", "0a-", "-1", "0a--1", "0a-1 ", "0A-1", "0a-1-1"])
def test_what_is_no_place_says_none(text: str | None) -> None:
    """Such as nothing at all, from a catalog of an older version."""
    assert Place.parsed(text) is None


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b": open",
        b": open 0a-1",
        b": open 0a-1 x",
        b": other 0a-1 1",
        b"data: {}",
        b": alive \xff 1",
    ],
)
def test_what_is_no_sign_says_nothing(line: bytes) -> None:
    """Half a line, or one for others."""
    assert Sign.parsed(line) is None
