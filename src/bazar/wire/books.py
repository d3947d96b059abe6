"""Books as the public sees them, and what the catalog is asked and told about them."""

import re
import unicodedata
from datetime import datetime
from typing import Annotated, Literal, Self

import msgspec
from msgspec import Meta, Struct

from bazar.kit.identity import ID_MAX
from bazar.wire.limits import (
    Author,
    Description,
    GivenId,
    Isbn,
    LanguageTag,
    Limit,
    Pages,
    Price,
    Publisher,
    Shelf,
    Stock,
    Text,
    Title,
    Topic,
    Year,
)


def topic_key(topic: str) -> str:
    """Return the form in which topics are compared: any case, spaces or hyphens."""
    return " ".join(unicodedata.normalize("NFC", topic).casefold().replace("-", " ").split())


class BookTitle(Struct, frozen=True):
    """A search result of the lab's interface."""

    id: int
    title: str


Format = Literal["", "paperback", "hardback", "audio", "map", "other"]
"""Empty where nobody knows."""
Condition = Literal["new", "as-new", "very-good", "good", "fair"]
LOW_AT_DEFAULT = 3
"""Copies in stock at which a book is running low, where its keeper says nothing else."""


class Book(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A book as the public sees it; what nobody knows of it, and what is usual, is left out."""

    id: int
    title: str
    topic: str
    quantity: int
    """Copies in stock."""
    price: Price
    currency: str
    author: str
    year: int | None
    isbn: str | None
    description: str
    version: int
    """Rises with every change to the book, its stock too."""
    subtitle: str = ""
    publisher: str = ""
    format: Format = ""
    pages: int | None = None
    language: str = ""
    """Of its text, such as `en`. Source: BCP 47"""
    condition: Condition = "new"
    shelf: str = ""
    """Where it stands in the shop."""
    low_at: int = LOW_AT_DEFAULT
    retired: bool = False
    """No longer sold: lists leave it out, and nobody can buy it."""


class TopicCount(Struct, frozen=True):
    """A topic and how many books it has."""

    topic: str
    books: int


Sort = Literal["match", "new", "price", "-price", "title"]
BookList = Literal["new", "bought", "last", "low", "out", "retired"]
"""Of books: the newest first; the most bought in 30 days; those with 1 to 5 copies left; those at
or under their `low_at`; sold out; no longer sold. All but the last hold no retired ones."""
COUNT_MAX = 10_000
EDITS_PAGE_MAX = 1000
ALL_PAGE_MAX = 500
CURSOR_LENGTH_MAX = 300
"""The beginning of a title fits in."""


class BookQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which books to list."""

    topic: Text | None = None
    q: Text | None = None
    isbn: Isbn | None = None
    author: Text | None = None
    """The whole name, in any case, with accents or without, or as an address holds it:
    `leo-tolstoy`."""
    min: Price | None = None
    max: Price | None = None
    in_stock: Literal["0", "1"] = "0"
    list: BookList | None = None
    sort: Sort | None = None
    """Without one, or as `match`: the best match first where there are words, else as the list is
    ordered, else by id."""
    after: Annotated[str, Meta(max_length=CURSOR_LENGTH_MAX)] | None = None
    limit: Limit = 20


class EditsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which books to tell of."""

    after: Annotated[int, Meta(ge=0, le=ID_MAX)] = 0
    """The id of the last book of the page before."""
    limit: Annotated[int, Meta(ge=1, le=EDITS_PAGE_MAX)] = EDITS_PAGE_MAX


class AllBooksQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which books to tell of, whether they are sold or not."""

    after: Annotated[int, Meta(ge=0, le=ID_MAX)] = 0
    """The id of the last book of the page before."""
    limit: Annotated[int, Meta(ge=1, le=ALL_PAGE_MAX)] = ALL_PAGE_MAX


class BookEdited(Struct, frozen=True, omit_defaults=True):
    """When what describes a book was changed last, or it was added."""

    id: int
    title: str
    edited_at: datetime | None = None
    """None: it was before that was noted."""


class BookCounts(Struct, frozen=True, kw_only=True):
    """How many books a query finds, and of which topics."""

    books: int
    """At most `COUNT_MAX`; from there on it is not counted further."""
    topics: list[TopicCount]
    """Of the topic's own choice nothing is held against it: as if no topic were asked for."""


class TopicQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which topic to look in, in the lab's form."""

    topic: str


class NewBook(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A book to add."""

    title: Title
    topic: Topic
    price: Price
    id: GivenId | None = None
    isbn: Isbn | None = None
    author: Author = ""
    year: Year | None = None
    quantity: Stock = 0
    description: Description = ""
    subtitle: Author = ""
    publisher: Publisher = ""
    format: Format = ""
    pages: Pages | None = None
    language: LanguageTag = ""
    condition: Condition = "new"
    shelf: Shelf = ""
    low_at: Stock = LOW_AT_DEFAULT


class BookEdit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change about a book; what is left out stays. Stock has routes of its own."""

    title: Title | msgspec.UnsetType = msgspec.UNSET
    topic: Topic | msgspec.UnsetType = msgspec.UNSET
    price: Price | msgspec.UnsetType = msgspec.UNSET
    isbn: Isbn | msgspec.UnsetType | None = msgspec.UNSET
    author: Author | msgspec.UnsetType = msgspec.UNSET
    year: Year | msgspec.UnsetType | None = msgspec.UNSET
    description: Description | msgspec.UnsetType = msgspec.UNSET
    subtitle: Author | msgspec.UnsetType = msgspec.UNSET
    publisher: Publisher | msgspec.UnsetType = msgspec.UNSET
    format: Format | msgspec.UnsetType = msgspec.UNSET
    pages: Pages | msgspec.UnsetType | None = msgspec.UNSET
    language: LanguageTag | msgspec.UnsetType = msgspec.UNSET
    condition: Condition | msgspec.UnsetType = msgspec.UNSET
    shelf: Shelf | msgspec.UnsetType = msgspec.UNSET
    low_at: Stock | msgspec.UnsetType = msgspec.UNSET
    retired: bool | msgspec.UnsetType = msgspec.UNSET


class BookChanged(Struct, frozen=True):
    """An event of the change feed."""

    book_id: int
    version: int
    listed: bool = False
    """Whether what lists show may have changed: it is new, or its description changed."""


class Place(Struct, frozen=True):
    """How far a change feed has come: after so many commits of one run of the catalog."""

    run: str
    """Drawn at its start; the numbers of two runs have nothing to do with each other."""
    number: int

    def __str__(self) -> str:
        """Return it as headers and signs hold it."""
        return f"{self.run}-{self.number}"

    @classmethod
    def parsed(cls, text: str | None) -> Self | None:
        """Return what a text says, or None where it says no place."""
        found = _PLACE.fullmatch(text or "")
        return cls(found[1], int(found[2])) if found else None


class Sign(Struct, frozen=True):
    """A line of the change feed that says how far it has come, and when that was so."""

    word: str
    """`open` at the beginning, `told` after the changes of a commit, `alive` after none."""
    place: Place
    at_ms: int
    """By the catalog's clock that only passes, as the sign was put into the queue."""

    def line(self) -> bytes:
        """Return it as a comment of server-sent events."""
        return f": {self.word} {self.place} {self.at_ms}".encode()

    @classmethod
    def parsed(cls, line: bytes) -> Self | None:
        """Return what a line says, or None where it is no sign."""
        found = _SIGN.fullmatch(line.decode("latin-1"))
        if found is None or (place := Place.parsed(found[2])) is None:
            return None
        return cls(found[1], place, int(found[3]))


VERSION_HEADER = "bazar-version"
"""Of the book that an answer shows, between catalog and front."""
SEQ_HEADER = "bazar-seq"
"""How far the change feed had come before the answer was read, so the answer holds no less."""
_PLACE = re.compile("([0-9a-f]{1,32})-([0-9]{1,18})")
_SIGN = re.compile("(?s): (open|told|alive) ([^ ]+) ([0-9]{1,18})")
