"""Books as the public sees them, and what the catalog is asked and told about them."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from bazar.wire.limits import (
    Author,
    Description,
    GivenId,
    Isbn,
    Limit,
    Price,
    Stock,
    Text,
    Title,
    Topic,
    Year,
)


class BookTitle(Struct, frozen=True):
    """A search result of the lab's interface."""

    id: int
    title: str


class Book(Struct, frozen=True, kw_only=True):
    """A book as the public sees it."""

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


class TopicCount(Struct, frozen=True):
    """A topic and how many books it has."""

    topic: str
    books: int


class BookQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which books to list."""

    topic: Text | None = None
    q: Text | None = None
    isbn: Isbn | None = None
    after: Annotated[str, Meta(max_length=200)] | None = None
    limit: Limit = 20


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


class BookEdit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change about a book; what is left out stays. Stock has routes of its own."""

    title: Title | msgspec.UnsetType = msgspec.UNSET
    topic: Topic | msgspec.UnsetType = msgspec.UNSET
    price: Price | msgspec.UnsetType = msgspec.UNSET
    isbn: Isbn | msgspec.UnsetType | None = msgspec.UNSET
    author: Author | msgspec.UnsetType = msgspec.UNSET
    year: Year | msgspec.UnsetType | None = msgspec.UNSET
    description: Description | msgspec.UnsetType = msgspec.UNSET


class BookChanged(Struct, frozen=True):
    """An event of the change feed."""

    book_id: int
    version: int
    listed: bool = False
    """Whether what lists show may have changed: it is new, or its description changed."""


VERSION_HEADER = "bazar-version"
"""Of the book that an answer shows, between catalog and front."""
