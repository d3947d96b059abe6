"""One folding of texts: what is stored and what is asked for go through it, on every engine.

What a reader would call the same letter becomes the same: compatibility forms, case, accents and
points, the vowel marks and spellings of Arabic, signs that nobody sees. What makes another letter
stays: the vowel signs of India, the tones of Thai, the voiced kana.

How it works: each character has its folded form in a table, which is made as it is needed. What is
left apart is composed again, so that two spellings of one text end the same. Folding twice does no
more than folding once.

Source: unicode.org/reports/tr15, unicode.org/reports/tr44 (General_Category,
Canonical_Combining_Class); docs/decisions/0038-one-folding-and-search-by-tiers.md
"""

import re
import unicodedata
from itertools import chain

APOSTROPHE = "'"
APOSTROPHES = frozenset(
    "'`\u00b4\u1ffd\u02b9\u02bb\u02bc\u02be\u02bf\u2018\u2019\u201b\u2032"
    "\u055a\u05f3\u05f4\ua78c\uff07"
)
"""What stands for one; Hebrew geresh and gershayim too."""

_ALEF, _WAW, _YEH, _HEH, _KAF = "\u0627", "\u0648", "\u064a", "\u0647", "\u0643"
_LETTERS = {
    "ø": "o",
    "ł": "l",
    "œ": "oe",
    "æ": "ae",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "\u0131": "i",  # of Turkish, without a dot
    "ħ": "h",
    "ŧ": "t",
    "ŋ": "n",
    "ĸ": "k",
    "ƀ": "b",
    "ɨ": "i",
    "ʉ": "u",
    "\u0671": _ALEF,  # with wasla
    "\u0649": _YEH,  # without dots
    "\u06cc": _YEH,  # of Persian
    "\u06d2": _YEH,  # of Urdu
    "\u0629": _HEH,  # with dots: teh marbuta
    "\u06c1": _HEH,  # of Urdu
    "\u06d5": _HEH,
    "\u06a9": _KAF,  # of Persian
    "\u0640": "",  # draws a word out
    "\u0621": "",  # hamza on its own: with a seat it falls as a mark does
    "\u0d7a": "\u0d23\u0d4d",  # letters of Malayalam that older texts spell with a virama
    "\u0d7b": "\u0d28\u0d4d",
    "\u0d7c": "\u0d30\u0d4d",
    "\u0d7d": "\u0d32\u0d4d",
    "\u0d7e": "\u0d33\u0d4d",
    "\u0d7f": "\u0d15\u0d4d",
    "\u09ce": "\u09a4\u09cd",  # as Bengali does
    "\u115f": "",  # that nobody sees
    "\u1160": "",
    "™": " ",
    "℠": " ",
}
"""What Unicode takes for letters of their own, and readers write otherwise."""

# Marks that are no accents there: vowels and tones of Thai, Lao, Tibetan, Burmese, Khmer, Limbu,
# Tai Tham.
_OWN_MARKS = ((0x0E00, 0x109F), (0x1780, 0x17FF), (0x1900, 0x194F), (0x1A20, 0x1AAF))
_UNSEEN = ((0xFE00, 0xFE0F), (0xE0100, 0xE01EF), (0x180B, 0x180F), (0x034F, 0x034F))
"""Choose a picture for the character before; or nothing."""

_ACCENTS = frozenset({1, *range(10, 37), *range(202, 256)})
"""Classes of marks that go: overlays, points of Hebrew, vowels of Arabic and Syriac, accents."""
_NUKTA_CLASS = 7
_CACHED_MAX = 30_000
"""Characters; far more than all living scripts but the Han ideographs, which take no time."""


class _Table(dict[int, str]):
    """The folded form of each character, by its number."""

    def __init__(self, *, signs: bool) -> None:
        """Keep signs that are no letters as they are, or have them part words."""
        super().__init__()
        self._signs = signs

    def __missing__(self, code: int) -> str:
        folded = self._folded(chr(code))
        if len(self) < _CACHED_MAX:
            self[code] = folded
        return folded

    def _folded(self, char: str) -> str:
        if char in APOSTROPHES or char in _LETTERS:
            return self._one(char)
        apart = _apart(_apart(char))
        if "\u2044" in apart:  # a fraction: 12½ is 12 1/2
            return (
                "/".join(apart.split("\u2044"))
                if self._signs
                else f" {apart} ".replace("\u2044", " ")
            )
        return "".join(map(self._one, apart))

    def _one(self, char: str) -> str:
        if char in APOSTROPHES:
            return "" if self._signs else APOSTROPHE
        if char in _LETTERS:
            return _LETTERS[char]
        kind = unicodedata.category(char)
        if kind[0] in "LNM" or kind in {"Co", "Cf"}:
            return _letter(char, kind)
        if self._signs:
            return " " if kind in {"Pd", "Cc"} or kind[0] == "Z" or char == "_" else char
        # A picture is a word; so is a sign of mathematics that no keyboard has.
        return f" {char} " if kind == "So" or (kind == "Sm" and not char.isascii()) else " "


def _letter(char: str, kind: str) -> str:
    if kind == "Cf" or (kind[0] == "M" and _is_accent(char, kind)):
        return ""
    digit = unicodedata.decimal(char, None)
    return char if digit is None else str(digit)


def _apart(char: str) -> str:
    return unicodedata.normalize("NFKD", char.casefold())


def _is_accent(char: str, kind: str) -> bool:
    code = ord(char)
    if kind == "Me" or _within(code, _UNSEEN):
        return True
    if _within(code, _OWN_MARKS):
        return False
    combining = unicodedata.combining(char)
    if combining == _NUKTA_CLASS:
        return unicodedata.name(char, "").endswith("NUKTA")
    return combining in _ACCENTS


def _within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= code <= last for first, last in ranges)


_WORDS = _Table(signs=False)
_SIGNS = _Table(signs=True)
_PLAIN = re.compile(r"[a-z0-9]+(?:'+[a-z0-9]+)*")


def chunks(text: str) -> list[str]:
    """Return the words of a text, folded; one may hold apostrophes inside, as in `o'brien`."""
    if text.isascii():
        return _PLAIN.findall(text.lower().replace("`", APOSTROPHE))
    folded = unicodedata.normalize("NFC", text.translate(_WORDS))
    return [chunk for one in folded.split() if (chunk := one.strip(APOSTROPHE))]


def words(text: str) -> list[str]:
    """Return the words of a text, folded, each of letters and digits alone: O'Brien is `obrien`."""
    return [chunk.replace(APOSTROPHE, "") for chunk in chunks(text)]


def folded_topic(topic: str) -> str:
    """Return the form in which topics are compared: signs stay, so that C, C++ and C# are three.

    Spaces, hyphens and underscores are the same; apostrophes do not count.
    """
    apart = unicodedata.normalize("NFC", topic.translate(_SIGNS)).split()
    return " ".join(apart)


# ------------------------------------------------------------------- scripts without spaces

_UNSPACED = re.compile(
    "["
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f"  # Burmese
    "\u1100-\u11ff\ua960-\ua97f\uac00-\ud7ff"  # Hangul, whose words are found inside too
    "\u1780-\u17ff"  # Khmer
    "\u1950-\u19df\u1a20-\u1aaf"  # Tai
    "\u1b00-\u1b7f\ua980-\ua9df"  # Balinese, Javanese
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3035\u3038-\u303c\u3041-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han, kana, bopomofo
    "\ua000-\ua4cf"  # Yi
    "]+"
)


def runs(word: str) -> list[tuple[str, bool]]:
    """Return the parts of a word, each with whether its script is written without spaces."""
    if word.isascii() or not _UNSPACED.search(word):
        return [(word, False)]
    found, at = [], 0
    for run in _UNSPACED.finditer(word):
        if at < run.start():
            found.append((word[at : run.start()], False))
        found.append((run.group(), True))
        at = run.end()
    if at < len(word):
        found.append((word[at:], False))
    return found


def grams(run: str) -> set[str]:
    """Return what a run is found by: each two and three characters, and the last one alone.

    Any character inside it begins one of these.
    """
    pairs = (run[at : at + 2] for at in range(len(run) - 1))
    threes = (run[at : at + 3] for at in range(len(run) - 2))
    return {run[-1], *chain(pairs, threes)}


# ------------------------------------------------------------------- the Arabic article

_ARTICLE = _ALEF + "\u0644"
_LEFT_MIN = 3


def without_article(word: str) -> str:
    """Return an Arabic word without its article, where enough of it is left."""
    if word.startswith(_ARTICLE) and len(word) >= len(_ARTICLE) + _LEFT_MIN:
        return word[len(_ARTICLE) :]
    return word
