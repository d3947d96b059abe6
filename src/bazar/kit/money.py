"""Money: integer minor units inside, an exact decimal with the currency's own decimals outside."""

from decimal import Decimal

from iso4217 import Currency

DECIMALS = {
    currency.code: currency.exponent for currency in Currency if currency.exponent is not None
}
"""What prices can be in, each with the decimals of its minor unit. Source: ISO 4217."""
DECIMALS_DEFAULT = 2
"""Of a currency that was withdrawn since its prices were stored."""
PRICE_MINOR_MAX = 10**12


def may_be_price(amount: Decimal) -> bool:
    """Tell whether an amount can be a price at all: a number, and not below zero."""
    return amount.is_finite() and (amount.is_zero() or not amount.is_signed())


def to_price(minor: int, currency: str) -> Decimal:
    """Return an amount with exactly the currency's decimals: 1999 USD is 19.99."""
    return Decimal(minor).scaleb(-DECIMALS.get(currency, DECIMALS_DEFAULT))


def to_minor(price: Decimal, currency: str) -> int:
    """Return integer minor units.

    Raises:
        ValueError: negative, too large, or with more decimals than the currency has.
    """
    decimals = DECIMALS.get(currency, DECIMALS_DEFAULT)
    if not price.is_finite() or price < 0:
        message = "must not be negative"
        raise ValueError(message)
    if price > PRICE_MINOR_MAX:
        message = "is too large"
        raise ValueError(message)
    _sign, digits, exponent = price.as_tuple()
    assert isinstance(exponent, int)
    spare = -exponent - decimals
    if spare > 0 and any(digits[-spare:]):
        message = f"has more than the {decimals} decimals of {currency}"
        raise ValueError(message)
    minor = price.scaleb(decimals)
    if minor > PRICE_MINOR_MAX:
        message = "is too large"
        raise ValueError(message)
    return int(minor)
