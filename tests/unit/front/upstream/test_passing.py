"""Another service's answer: what of it the public sees, and what a page can read in it."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from bazar.front.upstream.passing import Passed, passed
from bazar.kit.errors import BazarError, InternalError, InvalidRequest, Overloaded, Unavailable
from bazar.kit.http.answers import encode
from bazar.kit.peers.answers import Answer
from bazar.wire.books import Book, BookCounts, BookTitle, TopicCount
from bazar.wire.problems import BookNotFound
from bazar.wire.shop import Shop

BOOK = Book(
    id=2,
    title="RPCs for Noobs",
    topic="distributed systems",
    quantity=5,
    price=Decimal("19.90"),
    currency="USD",
    author="",
    year=None,
    isbn=None,
    description="",
    version=7,
)
READ: list[Callable[[Passed], object]] = [
    Passed.as_book,
    Passed.as_books,
    Passed.as_counts,
    Passed.as_shop,
    Passed.as_titles,
    Passed.as_topics,
]


def answered(status: int, body: bytes) -> Passed:
    """Return an answer on its way."""
    return passed(Answer(status, body, {"content-type": "application/json"}))


def test_the_public_sees_the_headers_that_are_for_it() -> None:
    """Length, type and a few more, ready to be sent; the rest is between the services."""
    headers = {
        "allow": "GET",
        "bazar-seq": "0a-1",
        "bazar-version": "7",
        "cache-control": "no-cache",
        "content-length": "999",
        "content-type": "application/json",
        "etag": '"1a2b"',
        "link": '</books?after=é>; rel="next"',
        "location": "/orders/1",
        "retry-after": "1",
        "server": "of another",
        "server-timing": "catalog;dur=1.00",
        "x-request-id": "of another",
    }
    through = passed(Answer(200, b"said", headers))
    assert (
        (b"content-length", b"4"),
        (b"content-type", b"application/json"),
        (b"cache-control", b"no-cache"),
        (b"etag", b'"1a2b"'),
        (b"location", b"/orders/1"),
        (b"link", b'</books?after=\xe9>; rel="next"'),
        (b"retry-after", b"1"),
        (b"allow", b"GET"),
    ) == through.raw_headers
    assert (200, b"said", "catalog;dur=1.00", 7) == (
        through.status,
        through.body,
        through.timing,
        through.version,
    )


def test_an_answer_without_headers_is_text_of_no_version() -> None:
    """Whoever stands in for a service may say little; then nobody may keep it either."""
    through = passed(Answer(502, b"bad gateway", {}))
    assert (
        (b"content-length", b"11"),
        (b"content-type", b"text/plain"),
        (b"cache-control", b"no-store"),
    ) == through.raw_headers
    assert ("", 0) == (through.timing, through.version)


def test_a_book_can_be_read() -> None:
    """As the catalog has it, its price with exactly its decimals."""
    assert BOOK == answered(200, bytes(encode(BOOK))).as_book()


def test_titles_can_be_read() -> None:
    """All of them, in their order; none are a list too."""
    titles = [BookTitle(2, "b"), BookTitle(1, "a")]
    assert titles == answered(200, bytes(encode(titles))).as_titles()
    assert [] == answered(200, b"[]").as_titles()


def test_books_counts_topics_and_settings_can_be_read() -> None:
    """Each as the catalog has it."""
    counts = BookCounts(books=9, topics=[TopicCount("law", 9)])
    shop = Shop(version=3, currency="JOD", name="Sea Books", post_price=Decimal("1.500"))
    assert [BOOK] == answered(200, bytes(encode([BOOK]))).as_books()
    assert counts == answered(200, bytes(encode(counts))).as_counts()
    assert counts.topics == answered(200, bytes(encode(counts.topics))).as_topics()
    assert shop == answered(200, bytes(encode(shop))).as_shop()


@pytest.mark.parametrize(
    ("link", "cursor"),
    [
        ('</books?q=a&after=-1.5%2C9>; rel="next"', "-1.5,9"),
        ('</books?after=a%3E%22b>; rel="next"', 'a>"b'),
        ('</books?after=4>; rel="prev"', None),
        ('</books?q=a>; rel="next"', None),
        ("", None),
    ],
)
def test_a_list_tells_where_it_goes_on(link: str, cursor: str | None) -> None:
    """By the link that the public sees too; on the last page there is none."""
    headers = {"link": link} if link else {}
    assert cursor == passed(Answer(200, b"[]", headers)).next_cursor


@pytest.mark.parametrize("read", READ)
@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (BookNotFound("no book has the id 2"), BookNotFound),
        (InvalidRequest("after is no cursor"), InvalidRequest),
        (Overloaded("busy"), Overloaded),
        (Unavailable("away"), Unavailable),
        (InternalError("a fault"), Unavailable),
    ],
)
def test_a_problem_is_raised_to_its_reader(
    read: Callable[[Passed], object], said: BazarError, heard: type[BazarError]
) -> None:
    """What the reader can do something about as it is; anything else is no answer at all."""
    with pytest.raises(heard) as raised:
        read(answered(said.status, bytes(encode(said.problem()))))
    assert (heard, said.detail) == (type(raised.value), raised.value.detail)


@pytest.mark.parametrize("read", READ)
@pytest.mark.parametrize(
    ("status", "body"), [(200, b"<html>"), (200, b'"text"'), (200, b'"\xff"'), (502, b"bad")]
)
def test_nonsense_is_no_answer(read: Callable[[Passed], object], status: int, body: bytes) -> None:
    """Nobody takes it for a book, and nobody takes it for a fault of the front."""
    with pytest.raises(Unavailable, match=f"an answer with status {status} makes no sense"):
        read(answered(status, body))
