"""The Idempotency-Key header: quoted or bare, and one key however it is sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bazar.kit.http.idempotency import KEY_LENGTH_MAX, InvalidKey, format_key, key_header, parse_key

VISIBLE = "".join(chr(code) for code in range(0x20, 0x7F))


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ('"abc"', "abc"),
        ("abc", "abc"),
        ('  "abc"\t', "abc"),
        ('"with space"', "with space"),
        (r'"a\"b"', 'a"b'),
        (r'"a\\b"', "a\\b"),
        (r'"\\\""', '\\"'),
        ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ("a" * KEY_LENGTH_MAX, "a" * KEY_LENGTH_MAX),
        ('"' + "a" * KEY_LENGTH_MAX + '"', "a" * KEY_LENGTH_MAX),
        ('"' + r"\"" * KEY_LENGTH_MAX + '"', '"' * KEY_LENGTH_MAX),
    ],
)
def test_a_key_is_a_quoted_string_or_bare_text(header: str, key: str) -> None:
    """Quotes and escapes belong to the header, not to the key; 255 characters are allowed."""
    assert key == parse_key([header])


@pytest.mark.parametrize(
    "headers",
    [
        [],
        ["a", "b"],
        ["a", "a"],
        [""],
        ["   "],
        ['""'],
        ['"'],
        ['"abc'],
        ['abc"'],
        ['a"b'],
        ['"a"b"'],
        ['"a" "b"'],
        ['"a";p=1'],
        ["a b"],
        [r'"a\b"'],
        ['"a\\"'],
        ["\u00e9"],
        ['"\u00e9"'],
        ["\u00a0abc"],
        ['"a\x7f"'],
        ['"a\tb"'],
        ["a\nb"],
        ["a" * (KEY_LENGTH_MAX + 1)],
        ['"' + "a" * (KEY_LENGTH_MAX + 1) + '"'],
    ],
)
def test_anything_else_is_no_key(headers: list[str]) -> None:
    """Missing, several, empty, malformed, non-ASCII and too long keys are refused as 400."""
    with pytest.raises(InvalidKey) as refused:
        parse_key(headers)
    assert 400 == refused.value.status
    assert refused.value.definite


@given(st.text(VISIBLE, min_size=1, max_size=KEY_LENGTH_MAX))
def test_every_quoted_key_comes_back_whole(key: str) -> None:
    """Quoting any visible text, with escapes, and parsing it gives the text again."""
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    assert key == parse_key([f'"{escaped}"'])


@given(st.text(max_size=20), st.characters(min_codepoint=0x80), st.text(max_size=20))
def test_no_key_holds_anything_but_ascii(before: str, letter: str, after: str) -> None:
    """A character outside ASCII makes a header no key, wherever it stands."""
    with pytest.raises(InvalidKey):
        parse_key([before + letter + after])


@given(st.text(max_size=300))
def test_whatever_is_sent_is_a_key_or_refused(header: str) -> None:
    """Parsing ends in a key of 1 to 255 visible characters, or in the one error."""
    try:
        key = parse_key([header])
    except InvalidKey:
        return
    assert 1 <= len(key) <= KEY_LENGTH_MAX
    assert set(key) <= set(VISIBLE)


@given(st.text(VISIBLE, min_size=1, max_size=KEY_LENGTH_MAX))
def test_the_header_of_an_answer_can_be_sent_back(key: str) -> None:
    """What tells a key is what asks for it again."""
    name, value = key_header(key)
    assert b"idempotency-key" == name
    assert format_key(key) == value.decode()
    assert key == parse_key([value.decode()])
