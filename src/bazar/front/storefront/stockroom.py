"""What pages ask the catalog: books and lists of them, as data."""

import re
from urllib.parse import parse_qs, urlencode, urlsplit

from msgspec import Struct

from bazar.front.upstream.catalog import Catalog
from bazar.front.upstream.passing import Passed
from bazar.wire.books import Book, TopicCount

_NEXT = re.compile(r'<([^>]*)>; *rel="?next"?')


class Listed(Struct, frozen=True):
    """A page of a list."""

    books: list[Book]
    after: str
    """Where the next page begins; empty where this one is the last."""


class Stockroom:
    """Books, as pages need them."""

    def __init__(self, catalog: Catalog) -> None:
        """Ask this catalog."""
        self._catalog = catalog

    async def book(self, book_id: int, request_id: str) -> Book:
        """Return a book.

        Raises:
            BookNotFound: definite; there is none.
            Unavailable: the catalog did not answer in time.
        """
        seen = await self._catalog.book(book_id, fresh=False, request_id=request_id)
        return seen.answer.as_book()

    async def listed(self, request_id: str, **query: str | int) -> Listed:
        """Return a page of the books that a query finds, as `BookQuery` has it."""
        asked = urlencode({name: value for name, value in query.items() if value != ""})
        answer = (await self._catalog.books(asked, request_id=request_id)).answer
        return Listed(answer.as_books(), _after(answer))

    async def topics(self, request_id: str) -> list[TopicCount]:
        """Return the topics, each with the number of its books."""
        return (await self._catalog.topics(request_id=request_id)).answer.as_topics()


def _after(answer: Passed) -> str:
    """Return where the next page begins, as the answer's Link header says."""
    for name, value in answer.raw_headers:
        if name == b"link" and (found := _NEXT.search(value.decode("latin-1"))):
            return parse_qs(urlsplit(found[1]).query).get("after", [""])[0]
    return ""
