"""How well a book answers a search: a number made of the two alone, whatever else is in the shop.

The title counts before the author, the author before the rest; a whole word before one that only
begins so; a title that says little else before one that says much; just this title before all.
"""

from collections.abc import Iterable
from typing import NamedTuple

from bazar.catalog.words import Sought, Way, terms_of, title_term

_WEIGHTS = {
    "title": (100, 60),
    "author": (70, 45),
    "subtitle": (65, 40),
    "topic": (50, 30),
    "publisher": (35, 20),
}
"""Of a whole word in each text, and of its beginning."""
_ELSEWHERE = 10
_SCALE = 1000
"""So that whole numbers are fine enough."""
_COVERED = 20
"""For a title that has no other words."""
_SAME_TITLE = 1000


class Head(NamedTuple):
    """What tells how well a book answers a search."""

    book_id: int
    title: str
    subtitle: str
    author: str
    publisher: str
    topic: str


def relevance(wanted: Sought, head: Head) -> int:
    """Return how well a book that matches answers: higher is better."""
    fields = [(terms_of(getattr(head, name)), weights) for name, weights in _WEIGHTS.items()]
    total = sum(_weight(ways, fields) for ways in wanted.words)
    score = _SCALE * total // len(wanted.words)
    if wanted.title == title_term(head.title):
        score += _SCALE * _SAME_TITLE
    title = fields[0][0]
    covered = sum(any(part.text in title for way in ways for part in way) for ways in wanted.words)
    return score + _SCALE * _COVERED * min(covered, len(title)) // max(len(title), 1)


def _weight(ways: Iterable[Way], fields: Iterable[tuple[set[str], tuple[int, int]]]) -> int:
    best = _ELSEWHERE
    for terms, (whole, beginning) in fields:
        if whole <= best or not terms:
            continue
        for way in ways:
            if _has(way, terms):
                best = max(best, whole)
            elif beginning > best and _begins(way, terms):
                best = beginning
    return best


def _has(way: Way, terms: set[str]) -> bool:
    for text, _more in way:  # noqa: SIM110  twice as quick as all(), for hundreds of books
        if text not in terms:
            return False
    return True


def _begins(way: Way, terms: set[str]) -> bool:
    """Tell whether for each part of a way a term begins so."""
    for text, _more in way:
        for term in terms:
            if term.startswith(text):
                break
        else:
            return False
    return True
