"""What a page says of the copies in stock."""

from decimal import Decimal

import pytest

from bazar.front.storefront.showing import shown, stock_mark
from bazar.kit.web.texts import texts
from bazar.wire.books import Book

ENGLISH, ARABIC = texts("bazar.words", "en"), texts("bazar.words", "ar")


def book(quantity: int, *, low_at: int = 3, retired: bool = False) -> Book:
    """Return a book with so many copies."""
    return Book(
        id=8,
        title="Emma",
        topic="novel",
        quantity=quantity,
        price=Decimal("9.99"),
        currency="USD",
        author="Jane Austen",
        year=1815,
        isbn=None,
        description="",
        version=1,
        low_at=low_at,
        retired=retired,
    )


@pytest.mark.parametrize(
    ("quantity", "state", "text", "arabic"),
    [
        (0, "out", "Sold out", "نفدت النسخ"),
        (1, "low", "Last copy", "آخر نسخة"),
        (2, "low", "Last 2 copies", "آخر نسختين"),
        (5, "low", "Last 5 copies", "آخر 5 نسخ"),
        (6, "plenty", "In stock", "متوفر"),
    ],
)
def test_only_few_copies_are_counted(quantity: int, state: str, text: str, arabic: str) -> None:
    """Up to five, the public hears how many."""
    mark = stock_mark(book(quantity), ENGLISH)
    assert (state, text, quantity) == (mark.state, mark.text, mark.copies)
    assert arabic == stock_mark(book(quantity), ARABIC).text


def test_a_book_may_run_low_earlier() -> None:
    """Its keeper says when."""
    assert "low" == stock_mark(book(12, low_at=12), ENGLISH).state


def test_a_retired_book_cannot_be_bought_whatever_is_left() -> None:
    """Its copies are nobody's any more."""
    mark = stock_mark(book(9, retired=True), ENGLISH)
    assert ("gone", 0) == (mark.state, mark.copies)
    assert not shown(book(9, retired=True), ENGLISH).buyable


def test_a_book_is_shown_with_its_addresses() -> None:
    """The cover's holds what it was drawn from."""
    one = shown(book(9), ENGLISH)
    assert ("/book/8/emma", "/by/jane-austen", "$9.99") == (one.path, one.author_path, one.price)
    assert one.cover.startswith("/cover/8-")
