"""What a keeper may decide about the shop: pure rules, no I/O but a look at the time zones."""

import re
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import asdict, replace

from bazar.kit.errors import BazarError, InvalidRequest
from bazar.kit.money import to_minor, to_price
from bazar.kit.text import composed
from bazar.wire.limits import EMAIL_LENGTH_MAX, NAME_LENGTH_MAX, TEL_LENGTH_MAX
from bazar.wire.shop import TEXTS_MAX, Shop, ShopEdit

_SENTENCE_LENGTH_MAX = 300
_PARAGRAPHS_LENGTH_MAX = 20_000
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_TEL = re.compile(r"\+?[0-9 ()/.-]+")
_TEL_DIGITS = range(5, 21)


class CurrencyFixed(BazarError):
    """The shop keeps its prices in another currency, and that never changes."""

    code = "currency-fixed"
    status = 409
    title = "The currency of a shop never changes"
    hint = "Open another shop, with a data folder of its own, for prices in another currency."
    definite = True


def edited_shop(shop: Shop, edit: ShopEdit) -> Shop:
    """Return the shop with an edit applied, checked; its version stays.

    Raises:
        CurrencyFixed: definite; the edit names another currency.
        InvalidRequest: a value is not valid, or does not go with the others.
    """
    given = {name: value for name, value in asdict(edit).items() if value is not msgspec.UNSET}
    for name, value in given.items():
        check = _CHECKS.get(name)
        if check is not None:
            given[name] = check(name, value, shop)
    changed = replace(shop, **given)
    _check_post(changed)
    return changed


def shop_name(text: str) -> str:
    """Return a name of a shop without needless spaces, or raise InvalidRequest."""
    name = _one_line("name", text, NAME_LENGTH_MAX)
    if not name:
        message = "name must not be blank"
        raise InvalidRequest(message, member="name")
    return name


def _check_post(shop: Shop) -> None:
    """Make sure that an order by post can be priced, addressed and paid."""
    if "post" not in shop.deliveries:
        return
    needs = {
        "post_price": (shop.post_price is not None, "what an order by post costs"),
        "countries": (bool(shop.countries), "the countries that the shop posts to"),
        "payments": (set(shop.payments) != {"shop"}, "a way to pay without coming to the shop"),
    }
    for member, (there, what) in needs.items():
        if not there:
            message = f"with post among the deliveries, {member} has to name {what}"
            raise InvalidRequest(message, member=member)


def _currency(_name: str, given: str, shop: Shop) -> str:
    if given != shop.currency:
        message = f"this shop keeps its prices in {shop.currency}, not in {given[:10]}"
        raise CurrencyFixed(message, member="currency")
    return given


def _texts(name: str, given: dict[str, str], shop: Shop) -> dict[str, str]:
    texts = dict(shop.texts)
    for page, text in given.items():
        texts[page] = _composed(f"{name}.{page}", text, _PARAGRAPHS_LENGTH_MAX)
    texts = {page: text for page, text in sorted(texts.items()) if text}
    if len(texts) > TEXTS_MAX:
        raise _invalid(name, f"would have {len(texts)} pages, not at most {TEXTS_MAX}")
    return texts


def _time_zone(name: str, given: str, _shop: Shop) -> str:
    try:
        return ZoneInfo(given).key
    except (OSError, ValueError, LookupError) as error:
        message = f"takes a place of the time zone database such as Europe/Berlin, not {given!r}"
        raise _invalid(name, message) from error


def _email(name: str, given: str, _shop: Shop) -> str:
    text = _one_line(name, given, EMAIL_LENGTH_MAX)
    if text and not _EMAIL.fullmatch(text):
        raise _invalid(name, "takes an address such as shop@example.org, or nothing")
    return text


def _tel(name: str, given: str, _shop: Shop) -> str:
    text = _one_line(name, given, TEL_LENGTH_MAX)
    digits = sum(letter.isdigit() for letter in text)
    if text and not (_TEL.fullmatch(text) and digits in _TEL_DIGITS):
        raise _invalid(name, "takes 5 to 20 digits such as +1 555 0100, or nothing")
    return text


def _post_price(name: str, given: Any, shop: Shop) -> Any:  # noqa: ANN401  a price or none
    if given is None:
        return None
    try:
        return to_price(to_minor(given, shop.currency), shop.currency)
    except ValueError as error:
        raise _invalid(name, str(error)) from error


def _each_once(name: str, given: list[Any], _shop: Shop) -> list[Any]:
    for one in given:
        if given.count(one) > 1:
            raise _invalid(name, f"names {one} twice")
    return given


def _some(name: str, given: list[Any], shop: Shop) -> list[Any]:
    if not given:
        raise _invalid(name, "must name at least one")
    return _each_once(name, given, shop)


def _name(_name: str, given: str, _shop: Shop) -> str:
    return shop_name(given)


def _line(name: str, given: str, _shop: Shop) -> str:
    return _one_line(name, given, _SENTENCE_LENGTH_MAX)


def _lines(name: str, given: str, _shop: Shop) -> str:
    lines = _composed(name, given, _SENTENCE_LENGTH_MAX).splitlines()
    return "\n".join(line.strip() for line in lines if line.strip())


def _one_line(name: str, text: str, length_max: int) -> str:
    return " ".join(_composed(name, text, length_max).split())


def _composed(name: str, text: str, length_max: int) -> str:
    """Return a text with its letters composed, or raise InvalidRequest at a NUL."""
    if "\0" in text:
        raise _invalid(name, "must not hold a NUL character")
    kept = composed(text)
    if len(kept) > length_max:
        raise _invalid(name, f"has {len(kept)} characters, not at most {length_max}")
    return kept


def _invalid(member: str, message: str) -> InvalidRequest:
    return InvalidRequest(f"{member} {message}", member=member)


_CHECKS: dict[str, Callable[[str, Any, Shop], Any]] = {
    "currency": _currency,
    "name": _name,
    "claim": _line,
    "sentence": _line,
    "address": _lines,
    "hours": _lines,
    "time_zone": _time_zone,
    "tel": _tel,
    "email": _email,
    "languages": _some,
    "deliveries": _some,
    "post_price": _post_price,
    "countries": _each_once,
    "payments": _some,
    "texts": _texts,
    "picks": _each_once,
}
"""What makes a member ready to be kept, or raises; the others are checked by their type alone."""
