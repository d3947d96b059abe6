"""Our columns: the rules of their cells."""

from decimal import Decimal

import pytest

from bazar.formats.columns import (
    COLUMNS,
    MEMBERS,
    BadCell,
    CutOff,
    LeftOut,
    Reading,
    parse_cell,
)
from bazar.wire.books import NewBook


def test_the_rules_are_those_of_the_catalog() -> None:
    """The words about a column should state the limits that its type has."""
    told = {"isbn", "language"}  # by what they are
    for name, column in COLUMNS.items():
        for limit in getattr(column.kind, "__metadata__", ()):
            for bound in (limit.le, limit.max_length if name not in told else None):
                assert bound is None or str(bound) in column.wanted


def test_every_member_of_a_new_book_has_a_column() -> None:
    """Nothing that the catalog takes is out of reach of a file; only the id has a name of ours."""
    assert set(NewBook.__struct_fields__) == {MEMBERS.get(name, name) for name in COLUMNS}
    assert "id" not in COLUMNS


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        ("bazar_id", "007", 7),
        ("year", "-720.0", -720),
        ("year", "1816-01-01", 1816),
        ("year", "1816/01", 1816),
        ("year", "2019-03-05T01:00:00+01:00", 2019),
        ("year", "9/14/2008", 2008),
        ("year", "14.09.2008", 2008),
        ("year", "14. 9. 2008", 2008),
        ("year", "20080914", 2008),
        ("year", "Sep 14, 2008", 2008),
        ("year", "September 14th, 2008", 2008),
        ("year", "14. März 2008", 2008),
        ("year", "1er août 2008", 2008),
        ("year", "14 de septiembre de 2008", 2008),
        ("year", "14-Sep-2008", 2008),
        ("year", "March 2008", 2008),
        ("year", "14 سبتمبر 2008", 2008),
        ("year", "٢٠٠٨", 2008),
        ("year", "2,008", 2008),
        ("isbn", "439023483", "9780439023481"),
        ("isbn", "'9780439023481", "9780439023481"),
        ("pages", "320.0", 320),
        ("pages", "474 p.", 474),
        ("pages", "474 Seiten", 474),
        ("quantity", "3.0", 3),
        ("quantity", "1,000", 1000),
        ("quantity", "3 pcs", 3),
        ("quantity", "'3", 3),
        ("quantity", "٣", 3),
        ("format", "Hardcover", "hardback"),
        ("format", "Mass Market Paperback", "paperback"),
        ("format", "Gebundene Ausgabe", "hardback"),
        ("format", "Broché", "paperback"),
        ("format", "Tapa dura", "hardback"),
        ("format", "Kindle Edition", "other"),
        ("format", "MAP", "map"),
        ("condition", "As-New", "as-new"),
        ("condition", "Used - Very Good", "very-good"),
        ("condition", "sehr gut", "very-good"),
        ("language", "ar-EG", "ar-EG"),
        ("language", "en_US", "en-US"),
        ("language", "eng", "en"),
        ("language", "Deutsch", "de"),
        ("language", "العربية", "ar"),
        ("low_at", "0", 0),
        ("title", "Brinkmann &amp; Bose", "Brinkmann & Bose"),
        ("title", "<i>Emma</i>", "Emma"),
        ("title", "1 < 2 & 3 > 2", "1 < 2 & 3 > 2"),
        ("title", "'=1+1", "=1+1"),
        ("title", "'Tis Pity She's a Whore", "'Tis Pity She's a Whore"),
        ("author", "None", "None"),
        ("topic", "Fiction/", "Fiction"),
        (
            "description",
            "<p>A <b>novel</b>.</p>\n<p>Two&nbsp;parts<br>more</p><script>x()</script>",
            "A novel.\nTwo\u00a0parts\nmore",
        ),
    ],
)
def test_a_cell_is_read_as_it_was_meant(column: str, text: str, value: object) -> None:
    """However a spreadsheet, a web shop or another country writes it."""
    assert value == parse_cell(column, text)


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("format", "scroll"),
        ("condition", "eaten"),
        ("pages", "12.5"),
        ("language", "e"),
        ("low_at", "-1"),
        ("shelf", "x" * 41),
        *(("year", text) for text in ["1999.", "1999.5", ".0", "19 99", "c1816", "[1816]"]),
        *(("year", text) for text in ["about 1816", "1816?", "12/05", "9/14/08", "99999999"]),
    ],
)
def test_a_cell_that_says_nothing_we_know_is_bad(column: str, text: str) -> None:
    """The message says what the column takes."""
    with pytest.raises(BadCell, match=f"^{column} must be ") as caught:
        parse_cell(column, text)
    assert (BadCell, column) == (caught.type, caught.value.column)


@pytest.mark.parametrize("text", ["NULL", "n/a", "#N/A", "-", "\u2014", "\\N", "(none)"])
def test_a_cell_can_say_that_it_says_nothing(text: str) -> None:
    """In every column; a book without a title is none, unless our own export has it."""
    for column in COLUMNS:
        with pytest.raises(BadCell) as caught:
            parse_cell(column, text)
        assert (BadCell if column == "title" else LeftOut) is caught.type
    assert text == parse_cell("title", text, Reading(verbatim=True))


@pytest.mark.parametrize("text", ["---", "...", "_", ". .", "\u2026", "\u2013\xa0\u2013"])
def test_signs_alone_are_no_title(text: str) -> None:
    """Nobody could ask for such a book; letters, digits and signs that say something are one."""
    with pytest.raises(BadCell, match="title must be"):
        parse_cell("title", text)
    for title in ("S.", "?", "1984", "$"):
        assert title == parse_cell("title", title)


def test_our_own_export_is_taken_as_it_stands() -> None:
    """What looks like HTML or like nothing is a text there; only the guard of formulas goes."""
    own = Reading(verbatim=True)
    for text in ["<p>Emma</p>", "&amp;", "-", "NULL"]:
        assert text == parse_cell("description", text, own)
    assert "=1" == parse_cell("description", "'=1", own)
    assert 0 == parse_cell("year", "0", own)


def test_the_number_of_another_thing_is_no_fault_where_all_things_have_one() -> None:
    """In a column of barcodes; in one of ISBNs it is."""
    with pytest.raises(LeftOut, match="is the number of another article"):
        parse_cell("isbn", "4006381333931", Reading(barcodes=True))
    with pytest.raises(BadCell) as caught:
        parse_cell("isbn", "4006381333931")
    assert caught.type is BadCell


def test_a_long_text_keeps_what_fits() -> None:
    """But a title does not, and what places a book neither."""
    with pytest.raises(CutOff, match="is cut to 200 characters") as caught:
        parse_cell("publisher", "x" * 201)
    assert "x" * 200 == caught.value.kept
    for column in ("title", "topic", "shelf"):
        with pytest.raises(BadCell, match=f"{column} must be "):
            parse_cell(column, "x" * 501)


def test_a_price_is_checked_by_the_currency_of_the_shop() -> None:
    """Its signs and its decimals; where nobody knows the currency, neither."""
    assert Decimal("9.50") == parse_cell("price", "€9.50", Reading("EUR"))
    reading = Reading("EUR", {"price": "."})
    for text, reason in [
        ("$9.50", "price is in USD or CAD or AUD; the shop's prices are in EUR"),
        ("9.505", "price has more than the 2 decimals of EUR"),
    ]:
        with pytest.raises(BadCell, match=f"^{reason}$"):
            parse_cell("price", text, reading)
    with pytest.raises(BadCell, match=r"^price may be 1500 or 1\.5$"):
        parse_cell("price", "1.500", Reading("EUR"))
    assert Decimal("9.505") == parse_cell("price", "9.505 USD", Reading(marks={"price": "."}))


@pytest.mark.parametrize("text", ["1905\u5e74", "1905 \u0433.", "1905\ub144", "1905\u0645"])
def test_a_word_for_a_year_may_follow_it(text: str) -> None:
    """In languages that write one; what may be another year is left out as before."""
    assert 1905 == parse_cell("year", text)
    with pytest.raises(BadCell):
        parse_cell("year", "1905x")
