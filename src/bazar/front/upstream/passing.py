"""Another service's answer on its way through the front: kept as it is, or read as data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec

from bazar.kit.errors import BazarError, InvalidRequest, Overloaded, Problem, Unavailable
from bazar.kit.peers.answers import Answer
from bazar.wire.books import (
    VERSION_HEADER,
    Book,
    BookCounts,
    BookEdited,
    BookTitle,
    TopicCount,
)
from bazar.wire.problems import BookNotFound
from bazar.wire.shop import Shop

T = TypeVar("T")

_PASSED_HEADERS = ("etag", "location", "link", "retry-after", "allow")
_LINK = b"link"
_OK = 200
_ERRORS: dict[str, type[BazarError]] = {
    error.code: error for error in (BookNotFound, InvalidRequest, Overloaded)
}
"""What the catalog may say of itself; whatever else it says means that it is of no help now."""
_book = msgspec.json.Decoder(Book).decode
_books = msgspec.json.Decoder(list[Book]).decode
_edits = msgspec.json.Decoder(list[BookEdited]).decode
_counts = msgspec.json.Decoder(BookCounts).decode
_shop = msgspec.json.Decoder(Shop).decode
_topics = msgspec.json.Decoder(list[TopicCount]).decode
_titles = msgspec.json.Decoder(list[BookTitle]).decode
_problem = msgspec.json.Decoder(Problem).decode


@dataclass(frozen=True, slots=True)
class Passed:
    """An answer with the headers that the public may see."""

    status: int
    body: bytes
    raw_headers: tuple[tuple[bytes, bytes], ...]
    """Ready to be sent, length and type of the body first; made once, also where it is kept."""
    timing: str
    """Of the tiers behind, as in a Server-Timing header."""
    version: int
    """Of the book that it shows; 0 where it shows none."""

    def as_book(self) -> Book:
        """Return the book that it shows.

        Raises:
            BookNotFound: definite; there is none.
            Overloaded: definite; the catalog has too much to do.
            Unavailable: the catalog could not say, or what it said makes no sense.
        """
        return self._shown(_book)

    def as_titles(self) -> list[BookTitle]:
        """Return the list of titles that it shows.

        Raises:
            Overloaded: definite; the catalog has too much to do.
            Unavailable: the catalog could not say, or what it said makes no sense.
        """
        return self._shown(_titles)

    def as_books(self) -> list[Book]:
        """Return the books that it lists; where it goes on says `next_cursor`.

        Raises:
            InvalidRequest: definite; the query is none.
            Overloaded: definite; the catalog has too much to do.
            Unavailable: the catalog could not say, or what it said makes no sense.
        """
        return self._shown(_books)

    def as_edits(self) -> list[BookEdited]:
        """Return when the books were edited that it lists.

        Raises:
            Overloaded, Unavailable: as with `as_books`.
        """
        return self._shown(_edits)

    def as_counts(self) -> BookCounts:
        """Return how many books it counts.

        Raises:
            InvalidRequest, Overloaded, Unavailable: as with `as_books`.
        """
        return self._shown(_counts)

    def as_topics(self) -> list[TopicCount]:
        """Return the topics that it lists.

        Raises:
            Overloaded, Unavailable: as with `as_books`.
        """
        return self._shown(_topics)

    def as_shop(self) -> Shop:
        """Return the settings that it shows.

        Raises:
            Overloaded, Unavailable: as with `as_books`.
        """
        return self._shown(_shop)

    @property
    def next_cursor(self) -> str | None:
        """The `after` of the next page, or None where this is the last one.

        Source: RFC 8288, section 3
        """
        for name, value in self.raw_headers:
            if name == _LINK:
                target, _, relation = value.decode("latin-1").partition(">")
                if 'rel="next"' in relation:
                    query = urlsplit(target.removeprefix("<")).query
                    return parse_qs(query).get("after", [None])[0]
        return None

    def _shown(self, decode: Callable[[bytes], T]) -> T:
        try:
            if self.status == _OK:
                return decode(self.body)
            problem = _problem(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            message = f"an answer with status {self.status} makes no sense: {error}"
            raise Unavailable(message) from error
        raise _ERRORS.get(problem.code, Unavailable)(problem.detail)


def passed(answer: Answer) -> Passed:
    """Return what the public may see of an answer."""
    get = answer.headers.get
    version = get(VERSION_HEADER)
    headers = {
        "content-length": str(len(answer.body)),
        "content-type": get("content-type") or "text/plain",
        "cache-control": get("cache-control") or "no-store",
    }
    for name in _PASSED_HEADERS:
        if (value := get(name)) is not None:
            headers[name] = value
    return Passed(
        answer.status,
        answer.body,
        tuple((name.encode(), value.encode("latin-1")) for name, value in headers.items()),
        get("server-timing") or "",
        int(version) if version else 0,
    )
