"""What texts are compared and found by: keys of names and topics, terms of books and of searches.

What is stored and what is asked for go through the same folding, so that they meet. A book is
known by the set of its terms. A term says where its word stands: in the title, in the head of the
book (title, subtitle, author, publisher, topic), or anywhere. So a search asks for the titles
first, and the index reads no more than that.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from bazar.catalog.domain import StoredBook
from bazar.catalog.folding import APOSTROPHE, chunks, folded_topic, grams, runs, without_article
from bazar.catalog.folding import words as folded_words
from bazar.wire.books import topic_key as spelt

WORDS_MAX = 20
"""Of a search; those beyond it are not looked for."""
TITLE_KEY_LENGTH = 40
"""Titles that begin with the same so many characters come in order of id."""
TOPIC_KEY_LENGTH = 300
"""A few characters are folded to many; an index takes no longer key."""
TERM_LENGTH = 200
"""A longer word is known by its beginning."""
PARTS_MAX = 64
"""Of a run of characters without spaces that is looked for, each of three of them."""
IN_TITLE, IN_HEAD, ANYWHERE, OF_TOPIC, TITLE = "t", "h", "a", "x", "e"
"""How a term begins: where its word stands; the key of a topic; a whole title."""


class Part(NamedTuple):
    """What a book has to have of a word."""

    text: str
    more: bool
    """Whether more letters may follow."""


Way = tuple[Part, ...]
"""Parts that a book has to have all of."""


class Sought(NamedTuple):
    """What is looked for."""

    words: tuple[tuple[Way, ...], ...]
    """A book has to have each, in one of its ways."""
    title: str
    """The whole title that has just these words."""


def name_key(name: str) -> str:
    """Return the form in which whole names are compared: in any case, without accents and signs.

    So `leo-tolstoy`, as an address holds it, is Leo Tolstoy.
    """
    return " ".join(folded_words(name))


def title_key(title: str) -> str:
    """Return the form in which titles are put into an order."""
    return name_key(title)[:TITLE_KEY_LENGTH]


def topic_key(topic: str) -> str:
    """Return the form in which topics are compared: any case, any accents, spaces or hyphens."""
    return (folded_topic(topic) or spelt(topic))[:TOPIC_KEY_LENGTH].strip()


def topic_letters(key: str) -> str:
    """Return the key of a topic as those write it who leave out spaces: `distributedsystems`."""
    return key.replace(" ", "")


def search_words(text: str) -> list[str]:
    """Return the words of a text, folded, at most 20."""
    return folded_words(text)[:WORDS_MAX]


@lru_cache(maxsize=256)
def sought(text: str) -> Sought | None:
    """Return what a text looks for, or None where it holds no word."""
    found = chunks(text)[:WORDS_MAX]
    if not found:
        return None
    title = _title_term(chunk.replace(APOSTROPHE, "") for chunk in found)
    return Sought(tuple(dict.fromkeys(map(_ways, found))), title)


def _ways(chunk: str) -> tuple[Way, ...]:
    """Return how a word may stand in a book: d'Artagnan also as two words."""
    joined = _parts(chunk.replace(APOSTROPHE, ""))
    if APOSTROPHE not in chunk:
        return (joined,)
    apart = tuple(part for one in chunk.split(APOSTROPHE) if one for part in _parts(one))
    return joined, apart


def _parts(word: str) -> Way:
    found: list[Part] = []
    for run, unspaced in runs(word):
        if not unspaced:
            found.append(Part(without_article(run)[:TERM_LENGTH], more=True))
        elif len(run) < 3:  # noqa: PLR2004  what begins a gram
            found.append(Part(run, more=True))
        else:
            threes = (run[at : at + 3] for at in range(len(run) - 2))
            found += (Part(three, more=False) for three in list(threes)[:PARTS_MAX])
    return tuple(found)


def terms_of(text: str) -> set[str]:
    """Return what a text is found by: its words, as they are written and as others write them."""
    written = chunks(text)
    if text.isascii() and not any(APOSTROPHE in chunk for chunk in written):
        return {chunk[:TERM_LENGTH] for chunk in written}
    found: set[str] = set()
    for chunk in written:
        found.update(_forms(chunk.replace(APOSTROPHE, "")))
        if APOSTROPHE in chunk:
            found.update(*map(_forms, filter(None, chunk.split(APOSTROPHE))))
    return found


def _forms(word: str) -> Iterable[str]:
    if word.isascii():
        return (word[:TERM_LENGTH],)
    found: set[str] = set()
    for run, unspaced in runs(word):
        if unspaced:
            found |= grams(run)
        else:
            found |= {run[:TERM_LENGTH], without_article(run)[:TERM_LENGTH]}
    return found


def terms(book: StoredBook) -> list[str]:
    """Return the terms by which a book is found, in no order, each once."""
    title = terms_of(book.title)
    head = title.union(*map(terms_of, (book.subtitle, book.author, book.publisher, book.topic)))
    found = [IN_TITLE + term for term in title]
    found += [IN_HEAD + term for term in head]
    found += [ANYWHERE + term for term in head | terms_of(book.description)]
    found += (topic_term(topic_key(book.topic)), title_term(book.title))
    return found


def title_term(title: str) -> str:
    """Return the term that all books with a title have."""
    return _title_term(folded_words(title))


def topic_term(key: str) -> str:
    """Return the term that all books of a topic have, by its key."""
    return OF_TOPIC + _one_word(key)


def _title_term(words: Iterable[str]) -> str:
    return TITLE + "_".join(words)[:TERM_LENGTH]


def _one_word(key: str) -> str:
    """Return a key as one word of an index, which takes letters, digits and `_` of ASCII alone."""
    return "".join(
        char if char.isalnum() or not char.isascii() else f"_{ord(char):x}_" for char in key
    )
