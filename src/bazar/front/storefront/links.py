"""Addresses of pages: each is made here and nowhere else, without the prefix of a language."""

import re
import unicodedata
from urllib.parse import quote

from bazar.wire.books import Book, BookEdited

SLUG_LENGTH_MAX = 60
AUTHOR_LENGTH_MAX = 200
"""As the catalog takes it."""
_PART = re.compile(r": |; | \(")
"""What follows is a subtitle."""
_BETWEEN = re.compile(r"[\W_]+")
_EMPTY = "-"


def slug(title: str) -> str:
    """Return the words of a title as the end of an address: its first part, without accents."""
    part = _PART.split(title, maxsplit=1)[0]
    bare = "".join(_bare(letter) for letter in unicodedata.normalize("NFC", part.casefold()))
    return _BETWEEN.sub("-", bare)[:SLUG_LENGTH_MAX].strip("-") or _EMPTY


def book_path(book: Book | BookEdited) -> str:
    """Return the path of a book's page."""
    return f"/book/{book.id}/{slug(book.title)}"


def author_path(author: str) -> str:
    """Return the path of an author's books; empty where no address can hold the name.

    The whole name is in it, without accents and signs: the catalog finds its author by that.
    """
    parted = unicodedata.normalize("NFKD", author)
    bare = "".join(letter for letter in parted if not unicodedata.combining(letter))
    name = _BETWEEN.sub("-", bare.casefold()).strip("-")
    return f"/by/{name}" if 0 < len(name) <= AUTHOR_LENGTH_MAX else ""


def _bare(letter: str) -> str:
    """Return a Latin letter without its accents; those of other scripts keep theirs."""
    parts = unicodedata.normalize("NFD", letter)
    return parts[0] if parts[0].isascii() and parts[0].isalpha() else letter


def topic_path(topic: str) -> str:
    """Return the path of a topic's page."""
    return f"/browse/{quote(topic, safe='')}"
