"""Books and orders as people name them at a terminal."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

import pytest
import typer

from bazar.cli.naming import (
    BookName,
    OrderName,
    as_isbn,
    book_name,
    find_book,
    find_order,
    order_name,
)
from bazar.kit.errors import Unavailable
from bazar.tools.remote import RemoteError
from bazar.tools.shop import Shop
from bazar.wire.books import Book
from bazar.wire.problems import BookNotFound

DUNE = "9780441172719"


def meant(word: str) -> tuple[int | None, str | None]:
    """Return the id and the ISBN that a word may be."""
    name = book_name(word)
    return name.book_id, name.isbn


@pytest.mark.parametrize(
    ("word", "book_id", "isbn"),
    [
        ("7", 7, None),
        (" 7 ", 7, None),
        ("\u0667", 7, None),
        ("12345678", 12_345_678, None),
        ("978-0-441-17271-9", None, DUNE),
        ("ISBN 0-441-17271-7", None, DUNE),
        ('="9780441172719"', None, DUNE),
        ("\u200e978-0-441-17271-9\u200f", None, DUNE),
        (DUNE, int(DUNE), DUNE),
        ("٩٧٨٠٤٤١١٧٢٧١٩", int(DUNE), DUNE),
        ("0441172717", 441_172_717, DUNE),
        ("9780441172718", 9_780_441_172_718, None),
        (f"id:{DUNE}", int(DUNE), None),
        ("ID: 7", 7, None),
    ],
)
def test_a_word_is_an_id_or_an_isbn_or_may_be_both(
    word: str, book_id: int | None, isbn: str | None
) -> None:
    """A short number is an id; what has the check digit of an ISBN is one, in any dress."""
    assert (book_id, isbn) == meant(word)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("x", "neither a book's id, from 1 on, nor its ISBN"),
        ("0", "neither a book's id"),
        ("-5", "neither a book's id"),
        ("", "neither a book's id"),
        ("id:978-0-441-17271-9", "neither a book's id"),
        ("978-0-441-17271-8", "its check digit is wrong"),
        ("9.78E+12", "the spreadsheet destroyed this ISBN"),
        ("9223372036854775808", "neither a book's id"),
        ("1" * 5000, "neither a book's id"),
    ],
)
def test_what_names_no_book_is_refused_and_why(word: str, said: str) -> None:
    """Before anything is asked."""
    with pytest.raises(typer.BadParameter) as caught:
        book_name(word)
    assert said in caught.value.message


def test_a_topic_is_no_isbn() -> None:
    """But what is one in a search is meant as one."""
    assert (None, None, DUNE) == (as_isbn("novels"), as_isbn("1984"), as_isbn("0-441-17271-7"))


def book(book_id: int) -> Book:
    """Return a book of the shop."""
    facts: dict[str, Any] = {"author": "", "year": None, "isbn": None, "description": ""}
    price = Decimal(1)
    return Book(
        id=book_id,
        title=f"T{book_id}",
        topic="t",
        quantity=1,
        price=price,
        currency="USD",
        version=1,
        **facts,
    )


@dataclass
class Shelf:
    """A service that has some books."""

    ids: set[int] = field(default_factory=set)
    isbns: dict[str, int] = field(default_factory=dict)
    away: bool = False
    asked: list[str] = field(default_factory=list)

    def with_isbn(self, isbn: str) -> Book | None:
        """Return the book that has an ISBN."""
        self.asked.append(isbn)
        return book(self.isbns[isbn]) if isbn in self.isbns else None

    def book(self, book_id: int) -> Book:
        """Return a book by its id."""
        self.asked.append(str(book_id))
        error = Unavailable("away") if self.away else BookNotFound("none")
        if self.away or book_id not in self.ids:
            raise RemoteError(error.detail, error.problem())
        return book(book_id)


@dataclass
class FakeShop:
    """A shop of two services that have the same books."""

    catalog: Shelf
    front: Shelf


def found(shelf: Shelf, word: str) -> int:
    """Return the id of the book that a word names."""
    return find_book(cast("Shop", FakeShop(shelf, Shelf())), book_name(word), "catalog")


def test_an_id_is_not_looked_up() -> None:
    """The command itself says where there is none."""
    shelf = Shelf()
    assert 7 == found(shelf, "7")
    assert [] == shelf.asked


def test_an_isbn_finds_its_book() -> None:
    """Also where it could be an id that no book has."""
    shelf = Shelf({7}, {DUNE: 7})
    assert [7, 7] == [found(shelf, "978-0-441-17271-9"), found(shelf, DUNE)]


def test_a_number_that_is_the_id_of_a_book_finds_it_where_no_book_has_that_isbn() -> None:
    """As after an import that took ISBNs for ids."""
    assert int(DUNE) == found(Shelf({int(DUNE)}), DUNE)


def test_a_number_that_means_two_books_is_refused_until_somebody_says_which() -> None:
    """Nothing is guessed."""
    shelf = Shelf({7, int(DUNE)}, {DUNE: 7})
    with pytest.raises(RemoteError, match=rf"id:7 or id:{DUNE}"):
        found(shelf, DUNE)
    assert [7, int(DUNE)] == [found(shelf, "id:7"), found(shelf, f"id:{DUNE}")]
    assert 7 == found(shelf, "978-0-441-17271-9")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("978-0-441-17271-9", f"no book has the ISBN {DUNE}; 'bazar search --text WORDS'"),
        (DUNE, f"no book has the ISBN {DUNE}, and none the id {DUNE}"),
        ("9780441172718", "no book has the id 9780441172718, and an ISBN it is not: its check"),
    ],
)
def test_a_book_that_is_not_there_is_told_as_it_was_named(word: str, said: str) -> None:
    """It is certain that nothing was done."""
    with pytest.raises(RemoteError) as caught:
        found(Shelf(), word)
    assert said in str(caught.value)
    assert caught.value.definite


def test_a_shop_that_is_away_is_not_a_shop_without_the_book() -> None:
    """Its own error is told."""
    with pytest.raises(RemoteError, match="away"):
        found(Shelf({7}, {DUNE: 7}, away=True), DUNE)


def test_a_name_keeps_the_word_that_was_typed() -> None:
    """For messages about it."""
    assert BookName(" 7 ", 7, None, "it has too few digits") == book_name(" 7 ")


ORDER_ID = "01m8305m92xkwqsj041tznent2"


@pytest.mark.parametrize(
    ("word", "named"),
    [
        (ORDER_ID, ORDER_ID),
        (ORDER_ID.upper(), ORDER_ID),
        (f"https://shop.example/order/{ORDER_ID}/", ORDER_ID),
        ("ZNENT2", OrderName("ZNENT2", "znent2")),
        ("zne-nt2", OrderName("zne-nt2", "znent2")),
        ("ZNE NT2", OrderName("ZNE NT2", "znent2")),
        ("F7D4SO", OrderName("F7D4SO", "f7d4s0")),
        ("F7D4S", "F7D4S"),
        ("lina@example.org", "lina@example.org"),
        ("", ""),
    ],
)
def test_a_word_is_the_id_of_an_order_or_its_reference(word: str, named: object) -> None:
    """As letters, pages and people have either; else the shop says that there is no such order."""
    assert named == order_name(word)


@dataclass(frozen=True)
class Kept:
    """An order, as far as names go."""

    order_id: str


@dataclass
class Register:
    """A shop that finds some orders, whatever is asked."""

    ids: tuple[str, ...]

    @property
    def order(self) -> "Register":
        """Be the service itself."""
        return self

    def listing(self, status: None, sought: str, after: str, limit: int) -> list[Kept]:
        """Return all of them."""
        assert (None, "znent2", "") == (status, sought, after)
        assert limit >= len(self.ids)
        return [Kept(order_id) for order_id in self.ids]


def of_reference(*ids: str) -> str:
    """Return the id of the one among these orders that a reference names."""
    return find_order(cast("Shop", Register(ids)), OrderName("ZNENT2", "znent2"))


def test_a_reference_finds_its_order() -> None:
    """And not one whose buyer's name begins like it."""
    assert ORDER_ID == of_reference(f"{'0' * 26}", ORDER_ID)


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ((), "no order has the reference ZNENT2; 'bazar orders --find WORDS'"),
        (("0" * 26,), "no order has the reference ZNENT2"),
        (
            (ORDER_ID, f"{'0' * 20}znent2"),
            f"2 orders have the reference ZNENT2; name one by its id: {ORDER_ID}, {'0' * 20}znent2",
        ),
    ],
)
def test_a_reference_of_no_order_or_of_two_does_nothing(ids: tuple[str, ...], said: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(RemoteError) as caught:
        of_reference(*ids)
    assert said in str(caught.value)
    assert caught.value.definite
