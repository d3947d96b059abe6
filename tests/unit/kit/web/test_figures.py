"""Prices, dates and years as each language writes them."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bazar.kit.web import figures

NOON = datetime(2026, 11, 26, 11, 42, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        ("12.99", "USD", "$12.99"),
        ("1234.50", "USD", "$1,234.50"),
        ("7", "USD", "$7.00"),
        ("1500", "JPY", "¥1,500"),
        ("1.234", "KWD", "KWD\xa01.234"),
        ("2.50", "AFN", "AFN\xa02.50"),
    ],
)
def test_a_price_has_exactly_the_decimals_of_its_currency(
    amount: str, currency: str, words: str
) -> None:
    """Those of ISO 4217, by which we store it, not those that a locale likes."""
    assert words == figures.price(Decimal(amount), currency, "en")


def test_a_latin_symbol_is_isolated_in_arabic() -> None:
    """Else `US$` reads `$US` there; the digits are Western, as in the forms."""
    words = figures.price(Decimal("12.99"), "USD", "ar")
    assert "\u2066US$\u2069" in words
    assert "12.99" in words


def test_an_arabic_symbol_stays_as_it_is() -> None:
    """It runs in the direction of the text."""
    assert "\u2066" not in figures.price(Decimal("1.234"), "KWD", "ar")


def test_a_moment_is_told_in_the_time_of_the_shop() -> None:
    """And in the words of the language."""
    assert "Thursday 26 November, 13:42" == figures.day_and_time(NOON, "Africa/Cairo", "en")
    assert "26 November" == figures.day(NOON, "UTC", "en")
    assert "نوفمبر" in figures.day(NOON, "UTC", "ar")


def test_an_unknown_time_zone_is_utc() -> None:
    """A page is shown all the same."""
    assert "11:42" == figures.clock_time(NOON, "Nowhere/Else")
    assert "11:42" == figures.clock_time(NOON, "../etc/passwd")


def test_a_year_before_the_first_is_told_as_such() -> None:
    """Homer is not of the year -725."""
    assert "725 BC" == figures.year(-725, "%(year)s BC")
    assert "1910" == figures.year(1910, "%(year)s BC")


def test_a_language_has_a_name_in_each_other() -> None:
    """A tag that nobody knows is shown as it is."""
    assert "German" == figures.language_name("de", "en")
    assert "الألمانية" == figures.language_name("de", "ar")
    assert "xx-nowhere" == figures.language_name("xx-nowhere", "en")
    assert "" == figures.language_name("", "en")
