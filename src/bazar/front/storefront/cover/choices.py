"""The choices of a cover: numbers that follow from the words on it, and from nothing else.

Three streams that know nothing of each other: of the book, of its topic and of its author. So an
author's books can share a layout while a topic's books share their colours.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple, TypeVar

VERSION = 1
"""The version of the algorithm. A cover's address holds it: raise it when any cover changes."""
_SEPARATOR = "\x1f"
"""Stands between title, author and topic; clean words hold no control character."""
_HASH_BYTES = 5
T = TypeVar("T")


class Choices:
    """An endless row of numbers that is always the same for the same words."""

    def __init__(self, stream: str, words: str) -> None:
        """Start the stream of a name over some words."""
        self._block = blake2b(words.encode(), person=stream.encode()).digest()
        self._at = 0

    def below(self, count: int) -> int:
        """Return the next number, below a count of 1 to 256."""
        if self._at == len(self._block):
            self._block, self._at = blake2b(self._block).digest(), 0
        number = self._block[self._at]
        self._at += 1
        return number % count

    def one(self, options: Sequence[T]) -> T:
        """Return one of some options."""
        return options[self.below(len(options))]


class Streams(NamedTuple):
    """The three streams of a book."""

    book: Choices
    topic: Choices
    author: Choices


def streams(title: str, author: str, topic: str) -> Streams:
    """Start the streams of a book, whose words are clean; without an author the title decides."""
    return Streams(
        Choices("book", _SEPARATOR.join((title, author, topic))),
        Choices("topic", topic.lower()),
        Choices("author", author or title),
    )


def digest(title: str, author: str, topic: str) -> str:
    """Return 10 hex digits that change with the clean words of a cover, and with the algorithm."""
    words = _SEPARATOR.join((title, author, topic, str(VERSION)))
    return blake2b(words.encode(), digest_size=_HASH_BYTES).hexdigest()
