"""Words of a query in the texts of books: marked where they stand, or spelt as they are there."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

from markupsafe import Markup, escape

WORDS_MAX = 8
"""Of a query that are looked at."""
BEGINNING_LENGTH_MAX = 280
CLOSE_MIN = 0.75
"""How alike two spellings are at least, of 1."""
_WORD = re.compile(r"\w+")
_LENGTH_APART_MAX = 2
_LENGTH_MIN = 3


def beginning(text: str) -> str:
    """Return as much of a text as two lines of a result can show, cut between words."""
    if len(text) <= BEGINNING_LENGTH_MAX:
        return text
    return text[:BEGINNING_LENGTH_MAX].rpartition(" ")[0] + "\N{HORIZONTAL ELLIPSIS}"


def marked(text: str, query: str) -> Markup:
    """Return a text with the words of a query marked, also where they begin a longer one."""
    words = [re.escape(word) for word in _WORD.findall(query)[:WORDS_MAX] if word]
    if not words:
        return escape(text)
    pattern = re.compile(rf"\b(?:{'|'.join(words)})\w*", re.IGNORECASE)
    parts, at = [], 0
    for found in pattern.finditer(text):
        parts += [escape(text[at : found.start()]), Markup("<mark>{}</mark>").format(found[0])]
        at = found.end()
    return Markup().join([*parts, escape(text[at:])])


def nearest(query: str, texts: Iterable[str]) -> str:
    """Return a query with its words spelt as in the texts; empty where that changes nothing."""
    known = {word.casefold() for text in texts for word in _WORD.findall(text)}
    words = [word.casefold() for word in _WORD.findall(query)[:WORDS_MAX]]
    spelt = [word if word in known else _closest(word, known) for word in words]
    return "" if spelt == words or not all(spelt) else " ".join(spelt)


def _closest(word: str, known: set[str]) -> str:
    """Return the known word that is most like this one, or nothing where none is."""
    matcher = SequenceMatcher(b=word, autojunk=False)
    best, best_ratio = "", CLOSE_MIN
    for one in sorted(known):
        if len(one) < _LENGTH_MIN or abs(len(one) - len(word)) > _LENGTH_APART_MAX:
            continue
        matcher.set_seq1(one)
        if matcher.real_quick_ratio() >= best_ratio and matcher.quick_ratio() >= best_ratio:
            ratio = matcher.ratio()
            if ratio > best_ratio:
                best, best_ratio = one, ratio
    return best
