"""Texts that people type, in the one form in which they are kept and compared."""

import unicodedata

_CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Control characters, halves of letters, and separators that end a line.

Source: unicode.org/reports/tr44, General_Category
"""


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
