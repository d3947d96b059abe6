"""The catalog's rules, without a database: selling, stock, topics, ISBNs."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bazar.catalog.domain import (
    StoredBook,
    checked_isbn,
    checked_note,
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


@pytest.mark.parametrize("seen", ["19.99", "19.990", "1999E-2", "19.9900000"])
def test_a_price_that_the_buyer_saw_and_is_still_asked_is_paid(seen: str) -> None:
    """Prices are amounts, however they are written."""
    lines = decide("o", [Line(1, 2, Decimal(seen))], books(book(1))).lines
    assert [SoldLine(1, 2, "Book 1", 1999, "USD", 4)] == lines


@pytest.mark.parametrize(
    "seen", ["15.95", "20", "19.991", "-19.99", "0", "NaN", "sNaN", "Infinity"]
)
def test_a_price_that_the_buyer_saw_and_is_another_now_sells_nothing(seen: str) -> None:
    """The buyer pays what the page said, or nothing is bought; a cheaper price is another too."""
    outcome = decide("o", [Line(2), Line(1, 2, Decimal(seen))], books(book(1), book(2)))
    assert ("rejected", []) == (outcome.status, outcome.lines)
    detail = f"Book 1 is 19.99 USD now, not {seen}"
    assert (
        Rejection("price-changed", detail, 1, price_minor=1999, currency="USD") == outcome.rejection
    )


def test_a_price_is_one_of_the_books_currency() -> None:
    """Which may have no decimals, or three."""
    yen, dinar = book(1, currency="JPY"), book(2, currency="JOD")
    assert "reserved" == decide("o", [Line(1, 1, Decimal("1999.0"))], books(yen)).status
    assert "reserved" == decide("o", [Line(2, 1, Decimal("1.999"))], books(dinar)).status
    rejection = decide("o", [Line(1, 1, Decimal("19.99"))], books(yen)).rejection
    assert rejection is not None
    assert "Book 1 is 1999 JPY now, not 19.99" == rejection.detail


def test_a_price_of_endless_digits_is_told_in_part() -> None:
    """What is kept of it does not grow with what was sent."""
    rejection = decide("o", [Line(1, 1, Decimal("1" * 4000))], books(book(1))).rejection
    assert rejection is not None
    assert f"Book 1 is 19.99 USD now, not {'1' * 40}" == rejection.detail


def test_of_several_reasons_the_first_counts() -> None:
    """Of a line: no such book, then retired, then its price, then its stock."""
    gone = replace(book(1, stock=0), retired_at_ms=7)
    sold_out = book(2, stock=0)
    shelf = books(gone, sold_out)
    other = Decimal(1)
    wanted = {
        "book-not-found": Line(9, 1, other),
        "book-retired": Line(1, 1, other),
        "price-changed": Line(2, 1, other),
        "out-of-stock": Line(2, 1, Decimal("19.99")),
    }
    for code, line in wanted.items():
        rejection = decide("o", [line], shelf).rejection
        assert rejection is not None
        assert (code, line.book_id) == (rejection.code, rejection.book_id)


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
    assert stored == edited(stored, BookEdit(), 5)
    changed = edited(stored, BookEdit(title=" New  title", price=Decimal(5), year=2000), 5)
    assert ("New title", 500, 2000) == (changed.title, changed.price_minor, changed.year)
    assert (stored.stock, stored.version, stored.topic) == (
        changed.stock,
        changed.version,
        changed.topic,
    )


def test_a_book_is_retired_and_comes_back() -> None:
    """It keeps the time of the first of several such edits."""
    stored = book(1)
    assert not stored.public().retired
    retired = edited(stored, BookEdit(retired=True), 5)
    assert 5 == retired.retired_at_ms
    assert retired.public().retired
    assert retired == edited(retired, BookEdit(retired=True), 6)
    assert stored == edited(retired, BookEdit(retired=False), 7)
    assert stored == edited(stored, BookEdit(retired=False), 8)


def test_what_is_not_known_of_a_book_takes_no_room() -> None:
    """A body has members for what is known and unusual, whatever it was read from."""
    usual = replace(book(1), condition="new book"[:3])
    bare = set(msgspec.to_builtins(usual.public()))
    assert set() == bare & {"subtitle", "format", "pages", "condition", "low_at", "retired"}
    told = replace(usual, subtitle="S", condition="good", low_at=9).public()
    assert {"subtitle", "condition", "low_at"} == set(msgspec.to_builtins(told)) - bare


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


def test_a_text_has_one_form_whoever_typed_it() -> None:
    """Letters composed, lines that end with a line feed, and nothing around it."""
    assert "é\nb" == checked_note("description", " e\u0301\r\nb\r\n")
