"""Forms in which texts are compared: words of a search, whole names of authors, titles in order.

What is indexed and what is asked for goes through the same functions, so that they meet.
"""

import unicodedata

WORDS_MAX = 20
"""Of a search; those beyond it are not looked for."""
TITLE_KEY_LENGTH = 40
"""Titles that begin with the same so many characters come in order of id."""

_MARKS = [*range(0x064B, 0x0653), 0x0670, 0x0640]
"""Of vowels in Arabic, and the sign that draws a word out."""
_ALEF, _WAW, _YEH, _HEH = "\u0627", "\u0648", "\u064a", "\u0647"
ARABIC = dict.fromkeys(map(chr, _MARKS), "") | {
    "\u0623": _ALEF,  # with hamza above, below, with madda, with wasla
    "\u0625": _ALEF,
    "\u0622": _ALEF,
    "\u0671": _ALEF,
    "\u0649": _YEH,  # without dots
    "\u0629": _HEH,  # with dots: teh marbuta
    "\u0624": _WAW,  # with hamza
    "\u0626": _YEH,
}
"""What one writes and another leaves out or spells otherwise in the same Arabic word."""
_ARABIC = str.maketrans(ARABIC)


def folded_arabic(text: str) -> str:
    """Return a text whose Arabic words are spelt as every one of their spellings is."""
    return text.translate(_ARABIC)


def search_words(text: str) -> list[str]:
    """Return the words of a text, each of letters and digits alone, at most 20."""
    return _parted(folded_arabic(unicodedata.normalize("NFC", text))).split()[:WORDS_MAX]


def name_key(name: str) -> str:
    """Return the form in which whole names are compared: in any case, without accents and signs.

    So `leo-tolstoy`, as an address holds it, is Leo Tolstoy.
    """
    parted = unicodedata.normalize("NFKD", folded_arabic(unicodedata.normalize("NFC", name)))
    bare = "".join(letter for letter in parted if not unicodedata.combining(letter))
    return " ".join(_parted(bare.casefold()).split())


def title_key(title: str) -> str:
    """Return the form in which titles are put into an order."""
    return name_key(title)[:TITLE_KEY_LENGTH]


def _parted(text: str) -> str:
    return "".join(letter if letter.isalnum() else " " for letter in text)
