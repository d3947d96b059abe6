"""Prices, dates and numbers as a language writes them, each worked out once.

Formatting a price costs a tenth of a millisecond, which is as much as all else about a card.
"""

from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.dates import format_datetime, format_skeleton
from babel.numbers import NumberPattern, get_currency_symbol

from bazar.kit.money import DECIMALS, DECIMALS_DEFAULT

REMEMBERED_MAX = 20_000
_ISOLATED = "\u2066{}\u2069"
"""A symbol of Latin letters inside a text that runs leftwards; else `US$` reads `$US`."""


@lru_cache(REMEMBERED_MAX)
def price(amount: Decimal, currency: str, language: str) -> str:
    """Return an amount with exactly the decimals of its currency, as a language writes it."""
    locale = Locale.parse(language)
    pattern: NumberPattern = locale.currency_formats["standard"]
    decimals = DECIMALS.get(currency, DECIMALS_DEFAULT)
    exact = NumberPattern(
        pattern.pattern,
        pattern.prefix,
        pattern.suffix,
        pattern.grouping,
        pattern.int_prec,
        (decimals, decimals),
        pattern.exp_prec,
        pattern.exp_plus,
        pattern.number_pattern,
    )
    text: str = exact.apply(amount, locale, currency=currency, currency_digits=False)
    symbol = get_currency_symbol(currency, locale)
    if symbol[-1].isalpha():
        text = text.replace(symbol, f"{symbol}\xa0").replace("\xa0\xa0", "\xa0").strip()
    if locale.text_direction == "rtl" and symbol.strip("\u200f").isascii():
        text = text.replace(symbol, _ISOLATED.format(symbol))
    return text


@lru_cache(64)
def zone(name: str) -> ZoneInfo:
    """Return a time zone; one that this machine does not know is UTC."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def country(code: str, language: str) -> str:
    """Return the name of a country in a language; where it has none, its code: from CLDR."""
    return str(Locale.parse(language).territories.get(code, code))


def day(at: datetime, time_zone: str, language: str) -> str:
    """Return a day such as `26 November`."""
    return str(format_skeleton("MMMMd", at, zone(time_zone), locale=_dated(language)))


def day_and_time(at: datetime, time_zone: str, language: str) -> str:
    """Return a moment such as `Thursday 26 November, 11:42`."""
    there = zone(time_zone)
    shown = format_skeleton("MMMMEEEEd", at, there, locale=_dated(language))
    return f"{shown}, {clock_time(at, time_zone)}"


def clock_time(at: datetime, time_zone: str) -> str:
    """Return a time such as `11:42`, which all our languages write alike."""
    return format_datetime(at, "HH:mm", zone(time_zone), locale="en")


@lru_cache(REMEMBERED_MAX)
def year(value: int, before: str) -> str:
    """Return a year; one before the first is told with a phrase such as `%(year)s BC`."""
    return str(value) if value > 0 else before % {"year": 1 - value if value == 0 else -value}


@lru_cache(REMEMBERED_MAX)
def language_name(tag: str, language: str) -> str:
    """Return the name of a language in another; a tag that nobody knows stays as it is.

    Args:
        tag: such as `en` or `pt-BR`; empty where nobody knows.
        language: in which to name it.
    """
    if not tag:
        return ""
    try:
        return Locale.parse(tag, sep="-").get_display_name(language) or tag
    except (UnknownLocaleError, ValueError):
        return tag


def _dated(language: str) -> str:
    return "en_GB" if language == "en" else language
