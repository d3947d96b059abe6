"""Texts that people type, in the one form in which they are kept and compared."""

import unicodedata

_CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Control characters, halves of letters, and separators that end a line.

Source: unicode.org/reports/tr44, General_Category
"""

INVISIBLE = "".join(
    map(
        chr,
        [
            *(0x00AD, 0x061C, 0x180E, 0xFEFF),  # soft hyphen, Arabic and Mongolian marks, BOM
            *range(0x200B, 0x2010),  # no width, joiners, directions
            *range(0x202A, 0x202F),  # directions of old
            *range(0x2060, 0x2065),  # word joiner, signs of sums
            *range(0x2066, 0x2070),  # isolates
        ],
    )
)
"""Format characters that are never seen themselves: two texts that differ in them look the same.

Source: unicode.org/reports/tr44, General_Category Cf; tr9, directional formatting
"""
_NOTHING = dict.fromkeys(map(ord, INVISIBLE))
_JOINERS = "\u200c\u200d"
"""Which say whether the letters around them join, in scripts whose letters do, and in emoji."""
_UNJOINED = frozenset({"LATIN", "GREEK", "CYRILLIC", "DIGIT", "CJK", "HIRAGANA", "KATAKANA"})
"""Scripts in which they say nothing."""


def bare(text: str) -> str:
    """Return a text in composed letters without what nobody sees, to be compared."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", text.translate(_NOTHING))


def visible(text: str) -> str:
    """Return a text without what nobody sees, but for joiners between letters that join.

    A Persian word is spelt wrongly without them.
    """
    if text.isascii() or text.isalnum():
        return text
    kept = [
        one
        for at, one in enumerate(text)
        if one not in INVISIBLE or (one in _JOINERS and _joins(text[at - 1 : at + 2]))
    ]
    return "".join(kept)


def _joins(around: str) -> bool:
    """Tell whether a joiner stands between two signs, of which the first may be joined."""
    if len(around) < 3 or around[0] in INVISIBLE or around[2] in INVISIBLE:  # noqa: PLR2004
        return False
    script = unicodedata.name(around[0], "LATIN").partition(" ")[0]
    return not around[0].isspace() and script not in _UNJOINED


def composed(text: str) -> str:
    """Return a text with composed letters, lines that end with a line feed, no spaces around it.

    The same text comes from one system in composed letters and from another in letters with marks
    of their own; kept in one form it is the same to every comparison.

    Source: unicode.org/reports/tr15, NFC
    """
    return unicodedata.normalize("NFC", text).replace("\r\n", "\n").strip()


def control_in(text: str, *, but: str = "") -> str | None:
    """Return the first character that no text of one line holds, such as a line feed, or None.

    Args:
        text: what was typed.
        but: characters that may be there all the same.
    """
    for letter in text:
        if unicodedata.category(letter) in _CONTROLS and letter not in but:
            return letter
    return None
