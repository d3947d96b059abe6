"""Amounts and numbers of all countries, and what tells a comma from a point."""

from decimal import Decimal

import pytest

from bazar.formats.cells import Typed
from bazar.formats.numbers import Mark, WrongCurrency, amount, says, whole

AMOUNTS: list[tuple[str, str, Mark, str]] = [
    ("9.50", "USD", "", "9.50"),
    (".99", "USD", "", "0.99"),
    ("$9.50", "USD", ".", "9.50"),
    ("US$ 9.50", "USD", ".", "9.50"),
    ("9.50 usd", "USD", ".", "9.50"),
    ("1,299.00", "USD", ".", "1299.00"),
    ("1,500", "USD", "", "1500"),
    ("9.989999999999998", "USD", ".", "9.99"),
    ("9.500000", "USD", ".", "9.500000"),
    ("9,50 €", "EUR", ",", "9.50"),
    ("EUR 1.299,00", "EUR", ",", "1299.00"),
    ("1 299,00", "EUR", ",", "1299.00"),
    ("1\u202f299,00\u00a0€", "EUR", ",", "1299.00"),
    ("12,-", "EUR", ",", "12"),
    ("12,-- €", "EUR", ",", "12"),
    ("CHF 1'299.50", "CHF", ".", "1299.50"),
    ("Fr. 12.50", "CHF", ".", "12.50"),
    ("Fr.12.\u2013", "CHF", ".", "12"),
    ("£5", "GBP", "", "5"),
    ("zł 5", "PLN", "", "5"),
    ("129 kr", "SEK", "", "129"),
    ("R$ 12,50", "BRL", ",", "12.50"),
    ("Rs.500", "INR", "", "500"),
    ("1,29,900.00", "INR", ".", "129900.00"),
    ("¥1,500", "JPY", "", "1500"),
    ("1.500", "JPY", "", "1500"),
    ("\u0669\u066b\u0665\u0660", "EGP", "", "9.50"),
    ("12.50 ج.م", "EGP", "", "12.50"),
    ("1.500", "KWD", ".", "1.500"),
    ("$9.50", "", "", "9.50"),
]


@pytest.mark.parametrize(("text", "currency", "mark", "value"), AMOUNTS)
def test_an_amount_is_read_as_it_was_meant(
    text: str, currency: str, mark: Mark, value: str
) -> None:
    """With its sign before or behind it, and its groups parted as people part them."""
    assert value == str(amount(text, currency, mark))


@pytest.mark.parametrize(
    "text",
    ["", "free", "-5", "5-", "(5.00)", "+1", "1.", ".", "1e3", "0x10", "5 apples", "1,2,3", "9..5"],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    """Neither debts nor powers nor words."""
    with pytest.raises(ValueError, match=r"^$"):
        amount(text, "USD", "")


@pytest.mark.parametrize("text", ["£5", "5 GBP", "EUR 5", "C$5", "5 zł"])
def test_another_currency_is_refused_by_name(text: str) -> None:
    """Nobody changes money here."""
    with pytest.raises(WrongCurrency, match=r"the shop's prices are in USD$"):
        amount(text, "USD", "")


def test_a_number_that_may_be_two_is_refused() -> None:
    """Unless its column tells which; a number of a workbook is always one."""
    with pytest.raises(ValueError, match=r"^may be 1500 or 1\.5$"):
        amount("1.500", "EUR", "")
    assert Decimal("1.5") == amount("1.500", "EUR", ".") == amount(Typed("1.5"), "EUR", ",")
    assert Decimal(1500) == amount("1.500", "EUR", ",")
    with pytest.raises(ValueError, match=r"^$"):
        amount("9,50", "EUR", ".")


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("9,50", ","),
        ("9,5 €", ","),
        ("1.299,00", ","),
        ("1.299.000", ","),
        ("9.50", "."),
        ("1,299.00", "."),
        ("0.500", "."),
        ("9.500000", "."),
        ("1,500", ""),
        ("1.500", ""),
        ("12", ""),
        ("N/A", ""),
        ("", ""),
    ],
)
def test_a_number_may_show_what_begins_decimals(text: str, mark: str) -> None:
    """Where it may be either, it shows nothing."""
    assert mark == says(text)
    assert "" == says(Typed("9.5"))


def test_a_whole_number_may_have_decimals_of_zeros() -> None:
    """And groups, a unit, and a minus."""
    assert [3, 1000, 1000, -2, 12] == [
        *(whole("3.0", "."), whole("1,000", ""), whole("1.000", ",")),
        *(whole("-2", ""), whole("12 Stück", "")),
    ]
    for text in ("1.5", "many", "1e3", "--1", ""):
        with pytest.raises(ValueError, match=r"^$"):
            whole(text, ".")


@pytest.mark.parametrize(
    ("text", "number"), [("\uff12\u518a", 2), ("3 \u518a", 3), ("120\u9875", 120)]
)
def test_units_of_other_scripts_may_follow_a_number(text: str, number: int) -> None:
    """Books and pages as Japanese and Chinese count them, with digits of full width too."""
    assert number == whole(text, "")


def test_a_sign_that_stands_for_no_currency_tells_of_the_encoding() -> None:
    """Its byte is the Euro sign of ISO-8859-15."""
    with pytest.raises(WrongCurrency, match="--encoding iso-8859-15"):
        amount("14,95 \xa4", "EUR", ",")
