"""Numbers and amounts of money as people and spreadsheets write them.

Whether a comma or a point begins the decimals is not told by one number but by its whole column.
"""

import re
import unicodedata
from decimal import Decimal
from typing import Literal

from bazar.formats.cells import Typed
from bazar.kit.money import DECIMALS, DECIMALS_DEFAULT

Mark = Literal["", ".", ","]
"""What begins the decimals of numbers; nothing where nobody knows."""
_SIGNS = {
    "$": "USD CAD AUD NZD MXN HKD SGD TWD ARS CLP COP BMD BSD BBD BZD JMD TTD NAD FJD LRD XCD",
    "US$": "USD",
    "CA$": "CAD",
    "C$": "CAD NIO",
    "A$": "AUD",
    "AU$": "AUD",
    "NZ$": "NZD",
    "HK$": "HKD",
    "S$": "SGD",
    "MX$": "MXN",
    "R$": "BRL",
    "€": "EUR",
    "EURO": "EUR",
    "EUROS": "EUR",
    "يورو": "EUR",
    "£": "GBP EGP LBP SYP SDG GIP FKP SHP",
    "E£": "EGP",
    "LE": "EGP",
    "L.E.": "EGP",
    "ج.م": "EGP",
    "ج.م.": "EGP",
    "جنيه": "EGP GBP SDG",
    "ر.س": "SAR",
    "ر.س.": "SAR",
    "ريال": "SAR QAR OMR YER IRR",
    "SR": "SAR",
    "﷼": "SAR QAR OMR YER IRR",
    "د.إ": "AED",
    "د.إ.": "AED",
    "درهم": "AED MAD",
    "DH": "MAD AED",
    "DHS": "MAD AED",
    "د.ك": "KWD",
    "د.ت": "TND",
    "DT": "TND",
    "د.ج": "DZD",
    "DA": "DZD",
    "د.أ": "JOD",
    "د.ع": "IQD",
    "دينار": "KWD TND DZD JOD IQD BHD LYD",
    "ل.ل": "LBP",
    "دولار": "USD CAD AUD",
    "¥": "JPY CNY",
    "円": "JPY",
    "元": "CNY TWD",
    "RMB": "CNY",
    "₩": "KRW",
    "₹": "INR",
    "RS": "INR PKR LKR NPR MUR",
    "RS.": "INR PKR LKR NPR MUR",
    "₺": "TRY",
    "TL": "TRY",
    "₽": "RUB",
    "РУБ": "RUB",
    "РУБ.": "RUB",
    "₴": "UAH",
    "₪": "ILS",
    "₫": "VND",
    "฿": "THB",
    "₱": "PHP",
    "₦": "NGN",
    "ZŁ": "PLN",
    "KČ": "CZK",
    "FT": "HUF",
    "LEI": "RON",
    "ЛВ": "BGN",
    "ЛВ.": "BGN",
    "KR": "SEK NOK DKK ISK",
    "KR.": "SEK NOK DKK ISK",
    "FR": "CHF",
    "FR.": "CHF",
    "SFR": "CHF",
    "SFR.": "CHF",
    "R": "ZAR BRL",
    "RM": "MYR",
    "RP": "IDR",
    "S/": "PEN",
}
"""What may stand beside an amount, in capitals, to the currencies that it may mean."""
_CURRENCY_SIGN = "\u00a4"
"""Stands for no currency; in Windows-1252 it is the byte that is a Euro sign in ISO-8859-15."""
_AROUND = re.compile(
    r"(?P<before>[^\d+\-]*?)\s*"
    r"(?P<amount>[-+]?(?:(?<![^\W\d_])[.,])?\d(?:.*\d)?[.,]?)"
    r"(?P<after>\D*)"
)
_WHOLE_MARK = re.compile(r"[.,][-\u2013\u2014=]{1,2}(?=\D*$)")
"""No pennies: `12,-` or `12.--`."""
_GROUP_GAP = re.compile(r"(?<=\d)[ \u00a0\u202f\u2009'\u2019\u066c](?=\d{3}(?!\d))")
_POINT = re.compile(r"\d{1,15}(?:\.\d{1,20})?|\.\d{1,20}|\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d{1,20})?")
_COMMA = re.compile(r"\d{1,15}(?:,\d{1,20})?|,\d{1,20}|\d{1,3}(?:\.\d{2,3})*\.\d{3}(?:,\d{1,20})?")
_SAYS_COMMA = re.compile(
    r"\d*,(?:\d{1,2}|\d{4,})|(?:0|\d{4,}),\d{3}|\d{1,3}(?:\.\d{3})+,\d+|\d{1,3}(?:\.\d{3}){2,}"
)
_SAYS_POINT = re.compile(
    r"\d*\.(?:\d{1,2}|\d{4,})|(?:0|\d{4,})\.\d{3}|\d{1,3}(?:,\d{3})+\.\d+|\d{1,3}(?:,\d{3}){2,}"
)
_EITHER = re.compile(r"[1-9]\d{0,2}\.\d{3}")
"""Of a shop where points begin decimals it is another number than of one where they do not."""
_THREE_BEHIND = {mark: re.compile(rf"([1-9]\d{{0,2}})[{mark}](\d{{3}})") for mark in (".", ",")}
_THOUSANDTHS = re.compile(r"(?:0|\d{4,})[.,]\d{3}")
"""It cannot be thousands."""
_NOISE_DIGITS_MIN = 10
_UNITS = re.compile(
    r"(?i)\s*(?:pcs?|pieces?|units?|copy|copies|ex|expl|exemplare?|exemplaires?|st|stk|stück|uds?|"
    r"unidades|ejemplares|p|pp|pages?|s|seiten?|págs?|páginas?|نسخة|نسخ|صفحة|صفحات|"
    r"冊|册|本|部|点|页|頁|ページ)\.?$"
)


class WrongCurrency(ValueError):
    """An amount is in another currency than the shop's; the message is for a person."""


def says(text: str) -> Mark:
    """Return what a number shows to begin decimals; nothing where it does not show it."""
    if isinstance(text, Typed):
        return ""
    around = _AROUND.fullmatch(_latin(text))
    if not around:
        return ""
    number = _GROUP_GAP.sub("", around["amount"])
    if _SAYS_COMMA.fullmatch(number):
        return ","
    return "." if _SAYS_POINT.fullmatch(number) else ""


def shows_thousandths(text: str) -> bool:
    """Tell whether a number has three decimals that cannot be thousands, such as `0.500`."""
    return bool(_THOUSANDTHS.fullmatch(text))


def amount(text: str, currency: str, mark: Mark) -> Decimal:
    """Return an amount of money.

    Args:
        text: with or without a sign of its currency.
        currency: of the shop, by which signs are checked; empty where nobody knows it.
        mark: what begins the decimals of its column, where that is known.

    Raises:
        WrongCurrency: it is in another currency.
        ValueError: it is no amount, or may be one of two; then the message says so.
    """
    around = _AROUND.fullmatch(_WHOLE_MARK.sub("", _latin(text)))
    if not around or text.startswith("("):  # so a bookkeeper writes what is owed
        raise ValueError
    for sign in (around["before"], around["after"]):
        check_currency(sign, currency)
    decimals = DECIMALS.get(currency, DECIMALS_DEFAULT)
    if isinstance(text, Typed):
        mark = "."
    elif not decimals and _EITHER.fullmatch(around["amount"]):
        mark = ","
    return _without_noise(_number(around["amount"], mark), decimals)


def check_currency(sign: str, currency: str) -> None:
    """Check that a sign, a word or a code says the shop's currency, or nothing.

    Raises:
        WrongCurrency: it says another one.
        ValueError: it says nothing that is known.
    """
    said = sign.strip(" \u00a0\u202f:()[]").upper()
    if not said or not currency:
        return
    if said == _CURRENCY_SIGN:
        message = "has a \u00a4 where a \u20ac may have been: try --encoding iso-8859-15"
        raise WrongCurrency(message)
    for one in dict.fromkeys([said, said.rstrip("."), *said.split()]):
        meant = _SIGNS.get(one, one if one in DECIMALS else "").split()
        if currency in meant:
            return
        if meant:
            message = f"is in {' or '.join(meant[:3])}; the shop's prices are in {currency}"
            raise WrongCurrency(message)
    raise ValueError


def is_currency(text: str) -> bool:
    """Tell whether a text is a sign, a word or a code of a currency."""
    said = text.strip(" ()[]").upper()
    return said in _SIGNS or said in DECIMALS


def whole(text: str, mark: Mark, *, thousandths: bool = False) -> int:
    """Return a whole number, whose decimals are all zeros, and behind which a unit may stand.

    Args:
        text: as shown.
        mark: what begins the decimals of its column, where that is known.
        thousandths: whether a number of its column shows three decimals.

    Raises:
        ValueError: it is none, or may be one of two; then the message says so.
    """
    sign, digits = re.match("([-+]?)(.*)", _latin(text), re.DOTALL).groups()  # type: ignore[union-attr]
    if digits[:1].isdigit():
        digits = _UNITS.sub("", digits)
    if isinstance(text, Typed):
        mark = "."
    elif mark and not thousandths and (either := _THREE_BEHIND[mark].fullmatch(digits)):
        message = f"may be {either[1]}{either[2]} or {either[1]}.{either[2]}".rstrip("0").rstrip(
            "."
        )
        raise ValueError(message)
    number = _number(digits, mark)
    if number != int(number):
        raise ValueError
    return -int(number) if sign == "-" else int(number)


def _latin(text: str) -> str:
    """Return a text with the digits, the signs and the points that all numbers here have."""
    if text.isascii():
        return text
    digits = "".join(
        str(unicodedata.digit(one)) if one.isdecimal() else one
        for one in unicodedata.normalize("NFKC", text)
    )
    return digits.replace("\u066b", ".").replace("\N{MINUS SIGN}", "-")


def _number(text: str, mark: Mark) -> Decimal:
    number = _GROUP_GAP.sub("", text)
    if not mark and _EITHER.fullmatch(number):
        message = f"may be {number.replace('.', '')} or {number.rstrip('0').rstrip('.')}"
        raise ValueError(message)
    if not (_COMMA if mark == "," else _POINT).fullmatch(number):
        raise ValueError
    groups, decimals = (".", ",") if mark == "," else (",", ".")
    return Decimal(number.replace(groups, "").replace(decimals, "."))


def _without_noise(number: Decimal, decimals: int) -> Decimal:
    """Return the number that a program meant which counts in binary: 9.989999999999998 is 9.99."""
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    if -exponent < _NOISE_DIGITS_MIN:
        return number
    rounded = round(number, decimals)
    return rounded if abs(number - rounded) < Decimal("1e-8") else number
