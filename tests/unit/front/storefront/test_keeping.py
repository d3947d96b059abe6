"""Pages are kept while all that they show is as it was, and never longer."""

from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest

from bazar.front.storefront import looking
from bazar.front.storefront.frame import Drawn
from bazar.front.storefront.keeping import Keeping
from bazar.front.storefront.looking import LIST_S, Look, Lookout
from bazar.front.upstream.cache import Cache
from bazar.front.upstream.catalog import Catalog
from bazar.kit.deadline import Deadline
from bazar.kit.errors import Unavailable
from bazar.kit.peers.answers import Answer
from bazar.kit.web.answers import piece
from bazar.wire.books import Book, BookChanged, BookQuery, Place, Sign

KEY = ("en", "page")


class Time:
    """A clock that a test sets."""

    now_s = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


class Shelf:
    """A catalog behind its client: two books, which a test changes."""

    def __init__(self) -> None:
        """Start with both in stock."""
        self.books = {number: _book(number, 1) for number in (1, 2)}
        self.asked: list[str] = []

    def change(self, number: int) -> None:
        """Give a book its next version."""
        self.books[number] = _book(number, self.books[number].version + 1)

    async def call(
        self,
        method: str,
        path: str,
        *,
        deadline: Deadline,
        request_id: str = "",
        hedge: bool = False,
    ) -> Answer:
        """Answer a book, or all of them."""
        del method, deadline, request_id, hedge
        self.asked.append(path)
        if path.startswith("/info/"):
            book = self.books[int(path.removeprefix("/info/"))]
            headers = {"bazar-version": str(book.version), "content-type": "application/json"}
            return Answer(200, msgspec.json.encode(book), headers)
        return Answer(200, msgspec.json.encode(list(self.books.values())), {})


def _book(number: int, version: int) -> Book:
    return Book(
        id=number,
        title=f"Book {number}",
        topic="novel",
        quantity=version,
        price=Decimal(5),
        currency="USD",
        author="",
        year=None,
        isbn=None,
        description="",
        version=version,
    )


class Stand:
    """A keeping over such a catalog, with an open feed."""

    def __init__(self) -> None:
        """Open all."""
        self.time = Time()
        self.shelf = Shelf()
        self.cache = Cache(self.time)
        self.catalog = Catalog(self.shelf, self.cache, self.time)  # type: ignore[arg-type]  # a stand-in
        self.keeping = Keeping(Lookout(self.catalog, self.time))
        self.drawn = 0
        self.number = 0
        self.open()

    def open(self) -> None:
        """Open the feed."""
        self.cache.opened(Sign("open", Place("a", 0), int(self.time() * 1000)), self.time())

    def alive(self) -> None:
        """Have the feed say that nothing was left out."""
        self.cache.heard(Sign("alive", Place("a", 0), int(self.time() * 1000)))

    def announce(self, number: int) -> None:
        """Announce the version that a book has."""
        self.cache.announce(BookChanged(number, self.shelf.books[number].version))

    async def page(self, query: BookQuery | None = None) -> str:
        """Return the page of book 1 and a list."""

        async def draw(look: Look) -> Drawn:
            self.drawn += 1
            books = [await look.book(1), *(await look.listed(query or BookQuery())).books]
            text = " ".join(f"{book.id}:{book.version}" for book in books)
            return Drawn((piece(text), piece(""), piece("")), text)

        return (await self.keeping.page(KEY, "r", draw)).tag


@pytest.fixture
def stand() -> Stand:
    """Return a fresh one."""
    return Stand()


async def test_a_page_is_drawn_once(stand: Stand) -> None:
    """And answered as it is."""
    assert "1:1 1:1 2:1" == await stand.page() == await stand.page()
    assert 1 == stand.drawn
    assert (1, 1) == (stand.keeping.hits, stand.keeping.misses)


@pytest.mark.parametrize("number", [1, 2])
async def test_an_announced_change_of_any_book_on_it_drops_a_page(
    stand: Stand, number: int
) -> None:
    """Of the list only that book is asked for anew."""
    await stand.page()
    stand.shelf.change(number)
    stand.announce(number)
    asked = len(stand.shelf.asked)
    expected = {1: "1:2 1:2 2:1", 2: "1:1 1:1 2:2"}[number]
    assert expected == await stand.page()
    assert [f"/info/{number}"] == stand.shelf.asked[asked:]


def _silent(stand: Stand) -> None:
    stand.time.now_s += 3


def _broken(stand: Stand) -> None:
    stand.cache.broken()


def _another_feed(stand: Stand) -> None:
    stand.open()


def _listed(stand: Stand) -> None:
    stand.cache.announce(BookChanged(3, 1, listed=True))  # a new book, not on the page so far


@pytest.mark.parametrize("event", [_silent, _broken, _another_feed, _listed])
async def test_what_may_have_been_missed_drops_a_page(
    stand: Stand, event: Callable[[Stand], None]
) -> None:
    """A silent feed, a broken one, another one, and a list that may be another."""
    await stand.page()
    event(stand)
    await stand.page()
    assert 2 == stand.drawn


async def test_without_a_feed_no_page_is_kept(stand: Stand) -> None:
    """Nobody would know when it is out of date."""
    stand.cache.broken()
    await stand.page()
    await stand.page()
    assert 2 == stand.drawn


async def test_a_change_while_a_page_is_drawn_is_not_lost(stand: Stand) -> None:
    """A page that was read before it, and drawn after it, is not kept."""

    async def draw(look: Look) -> Drawn:
        book = await look.book(1)
        stand.shelf.change(1)
        stand.announce(1)
        return Drawn((piece(""), piece(""), piece("")), str(book.version))

    assert "1" == (await stand.keeping.page(KEY, "r", draw)).tag
    assert "1:2 1:2 2:1" == await stand.page()


async def test_lists_are_remembered_within_so_many_bytes(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each spelling of a query is a list of its own: what a stranger asks for has an end."""
    monkeypatch.setattr(looking, "LISTS_BYTES_MAX", 20_000)
    for number in range(50):
        await stand.page(BookQuery(q=f"word{number}"))
        stand.shelf.change(1)
        stand.announce(1)
    lookout = stand.keeping.lookout
    assert 0 < lookout.bytes <= 20_000
    assert lookout.remembered(BookQuery(q="word0")) is None
    assert lookout.remembered(BookQuery(q="word49")) is not None


@pytest.mark.parametrize("times", [1, 2])
async def test_what_was_read_too_long_ago_is_drawn_again(stand: Stand, times: int) -> None:
    """Each answer came in time, but all of them together did not; a slow catalog is away."""
    drawn = 0

    async def draw(look: Look) -> Drawn:
        nonlocal drawn
        drawn += 1
        book = await look.book(1)
        if drawn <= times:
            stand.shelf.change(1)
            stand.announce(1)
            for _half_second in range(4):
                stand.time.now_s += 0.5
                stand.alive()
        return Drawn((piece(""), piece(""), piece("")), str(book.version))

    if times == 1:
        assert "2" == (await stand.keeping.page(KEY, "r", draw)).tag
    else:
        with pytest.raises(Unavailable):
            await stand.keeping.page(KEY, "r", draw)


async def test_a_list_that_depends_on_stock_is_shown_for_a_second(stand: Stand) -> None:
    """Each purchase may change what is in it, and nobody announces that."""
    query = BookQuery(list="bought")
    await stand.page(query)
    stand.time.now_s += LIST_S / 2
    stand.alive()
    await stand.page(query)
    assert 1 == stand.drawn
    stand.time.now_s += LIST_S
    stand.alive()
    await stand.page(query)
    assert 2 == stand.drawn
    assert 2 == sum(path.startswith("/books") for path in stand.shelf.asked)
