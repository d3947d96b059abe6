"""Money: exact, with the currency's own decimals, and nothing else."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bazar.kit.money import DECIMALS, PRICE_MINOR_MAX, to_minor, to_price

CURRENCIES = sorted(DECIMALS)

NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
FOUR_DECIMALS = "CLF UYW"


@given(st.sampled_from(CURRENCIES), st.integers(0, PRICE_MINOR_MAX))
@settings(max_examples=100, deadline=None)
def test_minor_units_survive_the_way_out_and_in(currency: str, minor: int) -> None:
    """An amount comes back as it was, in every currency, through JSON too."""
    price = to_price(minor, currency)
    assert minor == to_minor(price, currency)
    text = msgspec.json.Encoder(decimal_format="number").encode(price)
    assert minor == to_minor(msgspec.json.decode(text, type=Decimal), currency)


@given(st.sampled_from(CURRENCIES), st.integers(0, PRICE_MINOR_MAX))
@settings(max_examples=100, deadline=None)
def test_a_price_has_exactly_the_currencys_decimals(currency: str, minor: int) -> None:
    """It is written with that many decimals, never with an exponent."""
    decimals = DECIMALS.get(currency, 2)
    text = str(to_price(minor, currency))
    assert text.replace(".", "").isdigit()
    assert decimals == len(text.partition(".")[2])


@given(
    st.sampled_from(CURRENCIES),
    st.decimals(allow_nan=False, allow_infinity=False, places=None),
)
@settings(max_examples=100, deadline=None)
def test_any_number_is_either_exact_or_refused(currency: str, price: Decimal) -> None:
    """What is accepted is the same amount afterwards: nothing is rounded."""
    try:
        minor = to_minor(price, currency)
    except ValueError:
        return
    assert 0 <= minor <= PRICE_MINOR_MAX
    assert price == to_price(minor, currency)


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (1999, "USD", "19.99"),
        (0, "USD", "0.00"),
        (5, "USD", "0.05"),
        (12500, "JOD", "12.500"),
        (1, "JOD", "0.001"),
        (500, "JPY", "500"),
    ],
)
def test_known_amounts_are_written_as_expected(minor: int, currency: str, text: str) -> None:
    """Two, three and no decimals."""
    assert text == str(to_price(minor, currency))
    assert minor == to_minor(Decimal(text), currency)


@pytest.mark.parametrize("text", ["19.9", "19.90", "19.900000", "1.99E1", "0019.9"])
def test_the_spelling_of_a_number_does_not_matter(text: str) -> None:
    """Zeros at either end and exponents change nothing."""
    assert 1990 == to_minor(Decimal(text), "USD")


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("-0.01", "USD"),
        ("0.001", "USD"),
        ("0.5", "JPY"),
        ("0.0001", "JOD"),
        ("NaN", "USD"),
        ("sNaN", "USD"),
        ("Infinity", "USD"),
        ("-Infinity", "USD"),
        ("10000000000.01", "USD"),
        ("1E+1000", "USD"),
        ("1E-1000", "USD"),
        ("1E-9999999999", "USD"),
        ("0.0100000000000000000000000000000001", "USD"),
        ("19.99000000000000000000000000000000000000001", "USD"),
    ],
)
def test_an_amount_that_cannot_be_exact_is_refused(text: str, currency: str) -> None:
    """Negative, too large, not a number, or finer than the currency, however fine."""
    with pytest.raises(ValueError, match=r"negative|too large|decimals"):
        to_minor(Decimal(text), currency)


def test_the_largest_amount_is_accepted() -> None:
    """10^12 minor units are, one more is not."""
    assert PRICE_MINOR_MAX == to_minor(Decimal("10000000000.00"), "USD")


def test_the_table_is_that_of_iso_4217() -> None:
    """Every currency whose minor unit is not a hundredth is in it, and no other."""
    wanted = (
        dict.fromkeys(NO_DECIMALS.split(), 0)
        | dict.fromkeys(THREE_DECIMALS.split(), 3)
        | dict.fromkeys(FOUR_DECIMALS.split(), 4)
    )
    assert wanted == {code: count for code, count in DECIMALS.items() if count != 2}
    assert {"USD", "EUR", "ILS", "JOD"} < DECIMALS.keys()
