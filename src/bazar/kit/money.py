"""Money: integer minor units inside, an exact decimal with the currency's own decimals outside."""

from decimal import Decimal

DECIMALS_DEFAULT = 2
DECIMALS = {
    "BHD": 3,
    "BIF": 0,
    "CLF": 4,
    "CLP": 0,
    "DJF": 0,
    "GNF": 0,
    "IQD": 3,
    "ISK": 0,
    "JOD": 3,
    "JPY": 0,
    "KMF": 0,
    "KRW": 0,
    "KWD": 3,
    "LYD": 3,
    "OMR": 3,
    "PYG": 0,
    "RWF": 0,
    "TND": 3,
    "UGX": 0,
    "UYI": 0,
    "UYW": 4,
    "VND": 0,
    "VUV": 0,
    "XAF": 0,
    "XOF": 0,
    "XPF": 0,
}
"""Currencies whose minor unit is not a hundredth. Source: ISO 4217."""

_CODES = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV "
    "BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK "
    "DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL "
    "HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT "
    "LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR "
    "MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF "
    "SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP "
    "TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG "
    "XOF XPF YER ZAR ZMW ZWG "
)
CURRENCIES = frozenset(_CODES.split())
"""What prices can be in. Source: ISO 4217, of 2025."""

PRICE_MINOR_MAX = 10**12


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
