"""Addresses of pages: each is made here and nowhere else, without the prefix of a language."""

import re
import unicodedata
from urllib.parse import quote

from bazar.wire.books import Book

SLUG_LENGTH_MAX = 60
_PART = re.compile(r": |; | \(")
"""What follows is a subtitle."""
_BETWEEN = re.compile(r"[\W_]+")
_EMPTY = "-"


def slug(title: str) -> str:
    """Return the words of a title as the end of an address: its first part, without accents."""
    return words_slug(_PART.split(title, maxsplit=1)[0])


def words_slug(text: str) -> str:
    """Return words as an address holds them; letters and digits of every script are kept."""
    bare = "".join(_bare(letter) for letter in unicodedata.normalize("NFC", text.casefold()))
    return _BETWEEN.sub("-", bare)[:SLUG_LENGTH_MAX].strip("-") or _EMPTY


def book_path(book: Book) -> str:
    """Return the path of a book's page."""
    return f"/book/{book.id}/{slug(book.title)}"


def _bare(letter: str) -> str:
    """Return a Latin letter without its accents; those of other scripts keep theirs."""
    parts = unicodedata.normalize("NFD", letter)
    return parts[0] if parts[0].isascii() and parts[0].isalpha() else letter


def topic_path(topic: str) -> str:
    """Return the path of a topic's page."""
    return f"/browse/{quote(topic, safe='')}"
