"""The books of a load: brought, found again, left alone, and taken away."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from msgspec import UNSET
from msgspec.structs import asdict

from bazar.kit.http.conditions import PreconditionFailed
from bazar.load.own import TITLE, TOPIC, is_free, mark, real_book
from bazar.load.stock import Stock, StockError, StockOptions, prepared_stock
from bazar.tools.remote import TIMEOUT, Addresses, RemoteError
from bazar.tools.shop import Shop
from bazar.wire.books import Book, BookEdit, NewBook
from bazar.wire.problems import BookNotFound

T = TypeVar("T")
OPTIONS = StockOptions(books=2, copies=50)


def a_book(book_id: int, copies: int, title: str = "RPCs for Noobs", topic: str = "t") -> Book:
    """Return a book."""
    return Book(
        id=book_id,
        title=title,
        topic=topic,
        quantity=copies,
        price=Decimal(1),
        currency="USD",
        author="",
        year=None,
        isbn=None,
        description="",
        version=1,
    )


class FakeShop(Shop):
    """A catalog in a dictionary, with a front that shows it."""

    def __init__(self, *books: Book) -> None:
        """Hold these books."""
        super().__init__(Addresses(), "secret")
        self.books = {book.id: book for book in books}
        self.shows_the_same = True
        self.after_look: Callable[[], None] = lambda: None
        self.refused: list[int] = []
        """Books whose next change is refused, as many times as they are in here."""
        self.silent = False
        self.asked = 0
        """How often while it was silent."""

    def call(
        self,
        service: str,
        method: str,
        path: str,
        kind: type[T],  # noqa: ARG002  the dictionary holds what was asked for
        *,
        body: Any = None,  # noqa: ANN401
        key: str | None = None,  # noqa: ARG002  nothing is bought here
        timeout: timedelta = TIMEOUT,  # noqa: ARG002  a dictionary answers at once
    ) -> T:
        """Answer."""
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        answer: object
        if changing := re.fullmatch(r"/update/(\d+)/amount_of_items/(-?\d+)", path):
            answer = self.change(int(changing[1]), int(changing[2]))
        elif method == "PATCH":
            answer = self.edited(int(path.removeprefix("/books/")), body)
        elif method == "POST":
            assert isinstance(body, NewBook)
            added = a_book(max(self.books, default=0) + 1, body.quantity, body.title, body.topic)
            answer = self.books[added.id] = msgspec.structs.replace(
                added, description=body.description
            )
        elif shown := re.fullmatch(r"/info/(\d+)", path):
            if int(shown[1]) not in self.books or not (self.shows_the_same or service != "front"):
                message = "no"
                raise RemoteError(message, BookNotFound(message).problem())
            answer = self.books[int(shown[1])]
        else:
            assert "/books" == parts.path
            found = [
                book
                for book in self.books.values()
                if book.id > int(query.get("after", 0))
                and query.get("topic", book.topic) == book.topic
                and book.retired == (query.get("list") == "retired")
            ]
            answer = found[: int(query["limit"])]
        return answer  # type: ignore[return-value]

    def page(self, service: str, path: str, kind: type[T]) -> tuple[T, str | None]:
        """Answer with a whole list."""
        return self.call(service, "GET", path, kind), None

    def tagged(self, service: str, path: str, kind: type[T]) -> tuple[T, str]:
        """Answer with all that a book is as its tag."""
        found = self.call(service, "GET", path, kind)
        tag = repr(found)
        hook, self.after_look = self.after_look, lambda: None
        hook()
        return found, tag

    def change_tagged(
        self, service: str, path: str, kind: type[T], *, body: object, key: str, tag: str
    ) -> T:
        """Change a book that is still the same."""
        if tag != repr(self.books[int(path.removeprefix("/books/"))]):
            message = "it is another one"
            raise RemoteError(message, PreconditionFailed(message).problem())
        return self.call(service, "PATCH", path, kind, body=body, key=key)

    def edited(self, book_id: int, edit: BookEdit) -> Book:
        """Change what describes a book."""
        given = {name: value for name, value in asdict(edit).items() if value is not UNSET}
        book = self.books[book_id] = msgspec.structs.replace(self.books[book_id], **given)
        return book

    def for_sale(self) -> list[int]:
        """Return the books that can be seen."""
        return [book.id for book in self.books.values() if not book.retired]

    def change(self, book_id: int, copies: int) -> Book:
        """Change a stock."""
        if book_id in self.refused:
            self.refused.remove(book_id)
            message = "no"
            raise RemoteError(message, BookNotFound(message).problem())
        if self.silent:
            self.asked += 1
            message = "nobody answers"
            raise RemoteError(message)
        book = self.books[book_id]
        assert book.quantity + copies >= 0
        self.books[book_id] = msgspec.structs.replace(book, quantity=book.quantity + copies)
        return self.books[book_id]

    def left(self) -> dict[int, int]:
        """Return the copies of each book."""
        return {book.id: book.quantity for book in self.books.values()}


def ids(stock: Stock) -> tuple[list[int], list[int]]:
    """Return which books are looked at and which are bought, sorted."""
    return sorted(i.book_id for i in stock.shelf), sorted(i.book_id for i in stock.for_sale)


def test_a_load_brings_books_of_its_own_and_takes_away_what_is_left() -> None:
    """All books are looked at, only its own are bought; the shop's stock is as before."""
    shop = FakeShop(a_book(1, 5), a_book(2, 0))
    with prepared_stock(shop, OPTIONS, buying=True, seed=1) as stock:
        assert ([1, 2, 3, 4], [3, 4]) == ids(stock)
        assert {3: 50, 4: 50} == stock.own
        assert {(TOPIC, f"{TITLE} 1"), (TOPIC, f"{TITLE} 2")} == {
            (shop.books[book_id].topic, shop.books[book_id].title) for book_id in (3, 4)
        }
        shop.change(3, -20)
        shop.change(4, -50)
    assert {1: 5, 2: 0, 3: 0, 4: 0} == shop.left()
    assert [1, 2] == shop.for_sale()


def ended_process() -> int:
    """Return the id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def left_by(process_id: int, book_id: int, copies: int) -> Book:
    """Return a book that a load sells, or sold."""
    said = mark(60).replace(f" {os.getpid()}", f" {process_id}")
    book = a_book(book_id, copies, f"{TITLE} {book_id}", TOPIC)
    return msgspec.structs.replace(book, description=said)


def test_what_a_killed_load_has_left_is_put_away_by_the_next() -> None:
    """All of it, also what the next one has no use for; what a load sells that runs stays."""
    dead = ended_process()
    shop = FakeShop(
        a_book(1, 5), *(left_by(dead, n, 9) for n in (2, 3, 4)), left_by(os.getppid(), 5, 9)
    )
    with prepared_stock(shop, replace(OPTIONS, books=1), buying=True, seed=1) as stock:
        assert {2: 50} == stock.own
        assert mark(OPTIONS.duration_s)[-20:] == shop.books[2].description[-20:]
        assert [1, 2, 5] == shop.for_sale()
    assert {1: 5, 2: 0, 3: 0, 4: 0, 5: 9} == shop.left()
    assert [1, 5] == shop.for_sale()


def test_a_load_on_another_machine_is_believed_until_its_time_is_over() -> None:
    """Whether its process runs cannot be seen from here."""
    shop = FakeShop(left_by(1, 2, 9))
    book = shop.books[2]
    here, elsewhere = mark(60).split()[-2], "0" * 8
    away = msgspec.structs.replace(book, description=book.description.replace(here, elsewhere))
    assert not is_free(away)
    until = away.description.split()[7].rstrip(":")
    assert is_free(
        msgspec.structs.replace(away, description=away.description.replace(until, "1000"))
    )


def test_a_shop_with_books_of_its_own_is_found_out() -> None:
    """Neither those of the sample catalogue nor those of loads are its own."""
    sample = msgspec.structs.replace(a_book(1, 5), author="Bazar Lab")
    loads = a_book(2, 5, f"{TITLE} 1", TOPIC)
    assert None is real_book(FakeShop(sample, loads))
    assert "Emma" == real_book(FakeShop(sample, loads, a_book(3, 5, "Emma")))


def test_the_next_load_uses_the_books_again_and_leaves_those_of_another() -> None:
    """A book with copies belongs to a load that runs; one of another title to somebody else."""
    shop = FakeShop(
        a_book(1, 5),
        a_book(2, 0, f"{TITLE} 1", TOPIC),
        a_book(3, 9, f"{TITLE} 2", TOPIC),
        a_book(4, 0, "About load tests", TOPIC),
    )
    with prepared_stock(shop, OPTIONS, buying=True, seed=1) as stock:
        assert ([1, 2, 5], [2, 5]) == ids(stock)
    assert {1: 5, 2: 0, 3: 9, 4: 0, 5: 0} == shop.left()


def test_no_more_books_than_wished_for_are_taken() -> None:
    """Those of a bigger load before stay without copies."""
    shop = FakeShop(a_book(1, 5), *(a_book(n, 0, f"{TITLE} {n}", TOPIC) for n in range(2, 9)))
    with prepared_stock(shop, OPTIONS, buying=True, seed=1) as stock:
        assert {2: 50, 3: 50} == stock.own


@pytest.mark.parametrize("copies", [0, 9])
@pytest.mark.parametrize("wanted", [1, 2])
def test_two_loads_that_start_at_once_do_not_share_a_book(wanted: int, copies: int) -> None:
    """The one that comes second neither sells it nor takes copies off it, nor puts it away."""
    dead = ended_process()
    shop = FakeShop(a_book(1, 5), *(left_by(dead, n, copies) for n in (2, 3)))
    theirs = left_by(os.getppid(), 3, 70)

    def look_again() -> None:
        shop.after_look = lambda: shop.books.update({3: theirs})

    shop.after_look = look_again
    with prepared_stock(shop, replace(OPTIONS, books=wanted), buying=True, seed=1) as stock:
        assert {1: {2: 50}, 2: {2: 50, 4: 50}}[wanted] == stock.own
        assert theirs == shop.books[3]
    assert theirs == shop.books[3]


def test_a_book_that_another_load_has_taken_since_the_list_is_left_alone() -> None:
    """What the list said of it is old by now."""
    dead = ended_process()
    shop = FakeShop(a_book(1, 5), left_by(dead, 2, 9), left_by(dead, 3, 9))
    theirs = left_by(os.getppid(), 3, 70)
    shop.after_look = lambda: shop.books.update({3: theirs})
    with prepared_stock(shop, replace(OPTIONS, books=2), buying=True, seed=1) as stock:
        assert {2: 50, 4: 50} == stock.own
    assert theirs == shop.books[3]


def test_the_copies_are_taken_away_whatever_happens() -> None:
    """A load that fails leaves nothing to be bought by mistake."""
    shop = FakeShop(a_book(1, 5))
    with pytest.raises(KeyboardInterrupt), prepared_stock(shop, OPTIONS, buying=True, seed=1):
        raise KeyboardInterrupt
    assert {1: 5, 2: 0, 3: 0} == shop.left()


def test_a_book_that_is_bought_while_it_is_counted_is_counted_again() -> None:
    """And the books after it lose their copies too."""
    shop = FakeShop(a_book(1, 5))
    with prepared_stock(shop, OPTIONS, buying=True, seed=1):
        shop.refused = [2]
    assert {1: 5, 2: 0, 3: 0} == shop.left()


def test_what_could_not_be_taken_away_is_named() -> None:
    """As the error of a load that went well, and as a note to that of one that failed."""
    shop = FakeShop(a_book(1, 5))
    with (
        pytest.raises(StockError, match=r"books 2 are still for sale.*: no\. The next load"),
        prepared_stock(shop, OPTIONS, buying=True, seed=1),
    ):
        shop.refused = [2, 2]
    assert {1: 5, 2: 50, 3: 0} == shop.left()

    def interrupted() -> None:
        with prepared_stock(shop, OPTIONS, buying=True, seed=1):
            shop.refused = [3, 4, 3, 4]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as failed:
        interrupted()
    assert "books 3, 4 are still for sale" in failed.value.__notes__[0]


def test_a_shop_that_does_not_answer_is_not_asked_for_every_book() -> None:
    """Each question takes as long as the patience of the command."""
    shop = FakeShop(a_book(1, 5))
    with (
        pytest.raises(StockError, match=r"books 2, 3 are still for sale.*nobody answers"),
        prepared_stock(shop, OPTIONS, buying=True, seed=1),
    ):
        shop.silent = True
    assert 2 == shop.asked


def test_without_buyers_nothing_is_brought() -> None:
    """Then the load needs neither the catalog nor the secret."""
    shop = FakeShop(a_book(1, 5))
    with prepared_stock(shop, OPTIONS, buying=False, seed=1) as stock:
        assert ([1], []) == ids(stock)
    assert {1: 5} == shop.left()


def test_the_real_stock_is_what_has_copies() -> None:
    """Nobody brings anything, and nothing is taken away."""
    shop = FakeShop(a_book(1, 5), a_book(2, 0), a_book(3, 1))
    with prepared_stock(shop, StockOptions(real=True), buying=True, seed=1) as stock:
        assert ([1, 2, 3], [1, 3]) == ids(stock)
        assert {} == stock.own
    assert {1: 5, 2: 0, 3: 1} == shop.left()


def test_a_flash_sale_is_about_one_book() -> None:
    """It is looked at and bought, with its own topic to search for."""
    with prepared_stock(
        FakeShop(a_book(1, 5), a_book(2, 3)), StockOptions(flash_sale=2), buying=True, seed=1
    ) as (stock):
        assert (([2], [2]), {}) == (ids(stock), stock.own)
    with (
        pytest.raises(RemoteError),
        prepared_stock(FakeShop(), StockOptions(flash_sale=2), buying=True, seed=1),
    ):
        pytest.fail("there is no such book")


@pytest.mark.parametrize(
    ("books", "said"), [([], "no books to look at"), ([a_book(1, 0)], "no copy of any book")]
)
def test_a_load_that_cannot_be_says_why(books: list[Book], said: str) -> None:
    """And what to do about it."""
    with (
        pytest.raises(StockError, match=said),
        prepared_stock(FakeShop(*books), StockOptions(real=True), buying=True, seed=1),
    ):
        pytest.fail("there was nothing to load")


def test_front_and_catalog_of_two_shops_are_told_apart_before_anything_is_bought() -> None:
    """The front does not know the book that the catalog has; it is without copies afterwards."""
    shop = FakeShop(a_book(1, 5))
    shop.shows_the_same = False
    with (
        pytest.raises(StockError, match="are they of the same shop"),
        prepared_stock(shop, OPTIONS, buying=True, seed=1),
    ):
        pytest.fail("it is another shop")
    assert {1: 5, 2: 0, 3: 0} == shop.left()


def test_the_seed_decides_which_books_are_popular() -> None:
    """The same for the same seed, another order for another."""

    def popular(seed: int) -> list[int]:
        shop = FakeShop(*(a_book(book_id, 1) for book_id in range(1, 200)))
        with prepared_stock(shop, OPTIONS, buying=False, seed=seed) as stock:
            return [item.book_id for item in stock.shelf]

    assert popular(1) == popular(1)
    assert popular(1) != popular(2)
    assert list(range(1, 200)) == sorted(popular(1))
