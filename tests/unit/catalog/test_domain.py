"""The catalog's rules, without a database: selling, stock, topics, ISBNs."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bazar.catalog.domain import (
    StoredBook,
    checked_isbn,
    checked_text,
    checked_topic,
    decide,
    edited,
)
from bazar.formats.isbn import isbn13
from bazar.kit.errors import InvalidRequest
from bazar.wire.books import BookEdit
from bazar.wire.orders import Line
from bazar.wire.stock import Rejection, SoldLine

MODEST = settings(max_examples=100, deadline=None)


def book(book_id: int, stock: int = 5, currency: str = "USD") -> StoredBook:
    """Return a stored book."""
    return StoredBook(
        book_id, None, f"Book {book_id}", "", None, "topic", "", 1999, currency, stock, 3
    )


def books(*found: StoredBook) -> dict[int, StoredBook]:
    """Return books by id."""
    return {one.book_id: one for one in found}


# ------------------------------------------------------------------- selling


def test_lines_that_are_in_stock_are_sold() -> None:
    """Each at the book's price of now, with the version that the sale gives it."""
    outcome = decide("o", [Line(2, 5), Line(1, 1)], books(book(1), book(2)))
    assert ("o", "reserved", None) == (outcome.order_id, outcome.status, outcome.rejection)
    assert [
        SoldLine(2, 5, "Book 2", 1999, "USD", 4),
        SoldLine(1, 1, "Book 1", 1999, "USD", 4),
    ] == outcome.lines


def test_one_bad_line_rejects_all() -> None:
    """Nothing is sold, and the rejection names the line's book."""
    outcome = decide("o", [Line(1), Line(2, 6), Line(1)], books(book(1), book(2)))
    assert ("rejected", []) == (outcome.status, outcome.lines)
    detail = "Book 2: 5 in stock, 6 asked for"
    assert Rejection("out-of-stock", detail, 2, 6, 5) == outcome.rejection


@pytest.mark.parametrize(
    ("lines", "code", "book_id"),
    [
        ([Line(9), Line(2, 6)], "book-not-found", 9),
        ([Line(2, 6), Line(9)], "out-of-stock", 2),
        ([Line(3, 6), Line(2, 6)], "out-of-stock", 3),
        ([Line(1), Line(3), Line(2, 6)], "out-of-stock", 2),
        ([Line(1), Line(3), Line(9)], "book-not-found", 9),
        ([Line(1), Line(3)], "mixed-currencies", None),
        ([Line(4)], "out-of-stock", 4),
    ],
)
def test_rejections_have_an_order(lines: list[Line], code: str, book_id: int | None) -> None:
    """The first bad line counts; currencies are compared only where all lines could be sold."""
    shelf = books(book(1), book(2), book(3, currency="EUR"), book(4, stock=0))
    rejection = decide("o", lines, shelf).rejection
    assert rejection is not None
    assert (code, book_id) == (rejection.code, rejection.book_id)


def test_mixed_currencies_are_named() -> None:
    """In alphabetical order, whatever the order of the lines."""
    shelf = books(book(1, currency="USD"), book(2, currency="EUR"))
    for lines in ([Line(1), Line(2)], [Line(2), Line(1)]):
        rejection = decide("o", lines, shelf).rejection
        assert rejection is not None
        assert "the books are priced in EUR, USD" == rejection.detail


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(1, 9)), min_size=1, max_size=4).map(
        lambda pairs: [Line(*pair) for pair in dict(pairs).items()]
    ),
    st.lists(st.integers(0, 9), min_size=3, max_size=3),
)
@MODEST
def test_a_sale_is_exactly_what_was_asked_for_or_nothing(
    lines: list[Line], stocks: list[int]
) -> None:
    """It is sold when, and only when, every line is in stock."""
    shelf = books(*(book(number, stock) for number, stock in enumerate(stocks, 1)))
    outcome = decide("o", lines, shelf)
    possible = all(
        line.book_id in shelf and shelf[line.book_id].stock >= line.quantity for line in lines
    )
    assert possible == (outcome.status == "reserved")
    wanted = [(line.book_id, line.quantity) for line in lines] if possible else []
    assert wanted == [(sold.book_id, sold.quantity) for sold in outcome.lines]
    assert possible == (outcome.rejection is None)


# ------------------------------------------------------------------------------- texts


@pytest.mark.parametrize("text", ["", " ", "\t\n", "\u3000", "\0", "a\0b"])
def test_a_text_that_cannot_be_kept_is_refused(text: str) -> None:
    """Blank, or with a NUL, which ends a text in a database; the message names the field."""
    with pytest.raises(InvalidRequest, match="title"):
        checked_text("title", text)


def test_a_text_loses_needless_spaces() -> None:
    """Inside and outside, of any kind."""
    assert "a b c" == checked_text("title", " a\t b\n\u3000c ")


@pytest.mark.parametrize("text", ["", " ", "-", " - - ", ".", " ..", "/", "a/", "a / "])
def test_a_topic_that_nobody_could_search_for_is_refused(text: str) -> None:
    """It needs more than spaces and hyphens, and has to survive in a path."""
    with pytest.raises(InvalidRequest, match="topic"):
        checked_topic(text)


def test_an_edit_keeps_what_it_does_not_name() -> None:
    """And gives the same book where it names nothing."""
    stored = book(1)
    assert stored == edited(stored, BookEdit())
    changed = edited(stored, BookEdit(title=" New  title", price=Decimal(5), year=2000))
    assert ("New title", 500, 2000) == (changed.title, changed.price_minor, changed.year)
    assert (stored.stock, stored.version, stored.topic) == (
        changed.stock,
        changed.version,
        changed.topic,
    )


# ------------------------------------------------------------------- ISBNs


@pytest.mark.parametrize(
    "text",
    [
        "9780131103627",
        "978-0-13-110362-7",
        "0131103628",
        "0-13-110362-8",
        " 0 13 110362 8 ",
        "978 0131103627",
    ],
)
def test_forms_of_one_isbn_are_one_isbn(text: str) -> None:
    """Ten digits or thirteen, with hyphens or spaces or without."""
    assert "9780131103627" == isbn13(text)


def test_a_check_digit_may_be_x() -> None:
    """In ISBN-10, in either case."""
    assert "9780804429573" == isbn13("0-8044-2957-X") == isbn13("080442957x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "0131103629",
        "9780131103628",
        "978013110362",
        "4006381333931",
        "97801311036270",
        "é",
    ],
)
def test_anything_else_is_no_isbn(text: str) -> None:
    """Wrong check digit, wrong length, another kind of article number."""
    with pytest.raises(ValueError, match="is not an ISBN"):
        isbn13(text)


@given(st.text(max_size=20))
@MODEST
def test_any_text_is_an_isbn_or_refused(text: str) -> None:
    """What is accepted is 13 digits that start with 978 or 979, and is its own ISBN."""
    try:
        found = isbn13(text)
    except ValueError:
        return
    assert found.isdigit()
    assert (13, found) == (len(found), isbn13(found))
    assert found[:3] in {"978", "979"}


@pytest.mark.parametrize("text", [None, "", " "])
def test_a_blank_isbn_is_none(text: str | None) -> None:
    """A book need not have one."""
    assert checked_isbn(text) is None
