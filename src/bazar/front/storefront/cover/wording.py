"""The words on a cover: cleaned, shortened as a designer would, and which way they run."""

import re
from itertools import groupby
from unicodedata import bidirectional, category, normalize

TITLE_WHOLE_MAX = 22
"""A title of up to so many characters is never shortened."""
TITLE_PART_MIN = 4
AUTHOR_WHOLE_MAX = 25
_CHARACTERS_MAX = 500
_MARKS_MAX = 3
"""More marks than this on one letter are a tower that would leave its line."""
_MARKS = frozenset({"Mn", "Me"})
_JOINERS = "\u200c\u200d"
"""Persian, Indic scripts and emoji are spelled with them."""
_TITLE_ENDS = re.compile(r"; |: | \(")
_AUTHOR_ENDS = re.compile(r"[,;،、]| and | & ")
_PLAIN = re.compile(r"[ -~]*")
_ARTICLES = re.compile(
    r"(?:the|an?|les?|la|une?|der|die|das|eine?|el|los|las|il|gli|os|het) +|l['\u2019]",
    re.IGNORECASE,
)


def clean(text: str) -> str:
    """Take out what is no letter on paper: controls, their like, and towers of marks."""
    text = text[:_CHARACTERS_MAX]
    if _PLAIN.fullmatch(text):
        return " ".join(text.split())
    kept = "".join(map(_printable, normalize("NFC", text)))
    runs = (
        (letters, "".join(run))
        for letters, run in groupby(kept, lambda letter: category(letter) in _MARKS)
    )
    calm = "".join(run[:_MARKS_MAX] if marks else run for marks, run in runs)
    return " ".join(map(_begun, calm.split())).strip()


def _begun(word: str) -> str:
    """Take marks off the front of a word, where they have no letter to stand on."""
    return word.lstrip("".join(letter for letter in word if category(letter) in _MARKS))


def _printable(letter: str) -> str:
    if letter in _JOINERS:
        return letter
    if letter.isspace():
        return " "
    return "" if category(letter)[0] == "C" else letter


def short_title(title: str) -> str:
    """Return a title without what only explains it."""
    first = _TITLE_ENDS.split(title, maxsplit=1)[0].strip()
    if len(title) > TITLE_WHOLE_MAX and len(first) >= TITLE_PART_MIN:
        return first
    return title


def short_author(author: str) -> str:
    """Return the one name that a cover has room for."""
    if len(author) <= AUTHOR_WHOLE_MAX:
        return author
    return _AUTHOR_ENDS.split(author, maxsplit=1)[0].strip() or author


def runs_left(text: str) -> bool:
    """Whether a text runs from right to left: its first letter with a direction decides."""
    if text.isascii():
        return False
    ways = (bidirectional(letter) for letter in text)
    return next((way != "L" for way in ways if way in {"L", "R", "AL"}), False)


def initial(title: str) -> str:
    """Return the letter that a title is filed under, or nothing where it begins with a sign."""
    rest = _ARTICLES.sub("", title, count=1) if _ARTICLES.match(title) else title
    first = (rest or title)[:1]
    return first.upper()[:1] if first.isalnum() else ""
