"""What a buyer says of themselves, in the one form in which it is kept: pure rules, no I/O.

These texts end in lists, on paper and in the headers of mails: none holds a control character.
"""

import re
from decimal import Decimal
from typing import NoReturn

import msgspec
from msgspec.structs import asdict

from bazar.kit.errors import InvalidRequest
from bazar.kit.money import PRICE_MINOR_MAX
from bazar.kit.text import composed, control_in
from bazar.wire.limits import Price
from bazar.wire.orders import Buyer, Delivery, Payment

_PAID_BY: dict[Delivery, frozenset[Payment]] = {
    "collect": frozenset({"shop", "invoice"}),
    "post": frozenset({"invoice"}),
}
"""How orders can be paid, by how their books are delivered."""
_NEEDED: dict[Delivery, tuple[str, ...]] = {
    "collect": (),
    "post": ("street", "city", "country"),
}
"""Which parts of the address each delivery needs."""
_LINES_IN = {"note": "\n\t"}
"""Control characters of the members that may have several lines."""
_EMAIL = re.compile(r"[^@\s<>()\[\]\\,;:\"]+@[^@\s<>()\[\]\\,;:\"]+")
"""One address and nothing around it; whether it is somebody's, only a mail tells.

Source: RFC 5322, section 3.4.1, without quoted local parts
"""
_DECIMALS_MAX = 6
"""Of a price; no currency has so many. Source: ISO 4217"""


def checked_buyer(buyer: Buyer) -> Buyer:
    """Return a buyer as it is kept, or refuse it.

    Raises:
        InvalidRequest: definite.
    """
    texts = {
        name: _text(name, value) for name, value in asdict(buyer).items() if isinstance(value, str)
    }
    try:  # composed letters may be more than the parted ones, and stripped ones fewer
        checked = msgspec.convert(texts, Buyer)
    except msgspec.ValidationError as error:
        name = str(error).rpartition("$.")[2].rstrip("`")
        _refuse(name, str(error))
    for name in _NEEDED[checked.delivery]:
        if not texts[name]:
            _refuse(name, f"delivery by {checked.delivery} needs it")
    if checked.payment not in _PAID_BY[checked.delivery]:
        ways = " or ".join(sorted(_PAID_BY[checked.delivery]))
        _refuse("payment", f"with delivery by {checked.delivery} it is {ways}")
    checked_email(checked.email, "buyer.email")
    return checked


def checked_email(text: str, member: str) -> str:
    """Return an e-mail address, or refuse it.

    Args:
        text: what was typed.
        member: where it stands in the request.

    Raises:
        InvalidRequest: definite; it is none, or more than one.
    """
    email = composed(text)
    if not _EMAIL.fullmatch(email):
        message = f"{member} is no e-mail address"
        raise InvalidRequest(message, member=member)
    return email


def checked_tracking(text: str) -> str:
    """Return where the post tells how far an order is, as it is kept, or refuse it.

    Raises:
        InvalidRequest: definite; it holds a control character.
    """
    kept = composed(text)
    if control_in(kept) is not None:
        message = "tracking must not hold a control character"
        raise InvalidRequest(message, member="tracking")
    return kept


def _text(name: str, text: str) -> str:
    kept = composed(text)
    if control_in(kept, but=_LINES_IN.get(name, "")) is not None:
        _refuse(name, "it holds a control character")
    return kept


def _refuse(name: str, why: str) -> NoReturn:
    message = f"the buyer's {name} is not valid: {why}"
    raise InvalidRequest(message, member=f"buyer.{name}") from None


def price_seen(price: Price | None, member: str) -> str | None:
    """Return the price that a buyer saw as the one text that is kept for its amount.

    Its currency is known to the catalog alone, so it may have any number of decimals here.

    Args:
        price: of one copy.
        member: where it stands in the request.

    Raises:
        InvalidRequest: definite; it is no amount, or none that a book can cost.
    """
    if price is None:
        return None
    if not price.is_finite() or price < 0 or price > PRICE_MINOR_MAX:
        message = f"{member} must be an amount from 0 to {PRICE_MINOR_MAX}"
        raise InvalidRequest(message, member=member)
    amount = price.normalize()
    exponent = amount.as_tuple().exponent
    assert isinstance(exponent, int)
    if -exponent > _DECIMALS_MAX or amount != price:
        message = f"{member} has more than {_DECIMALS_MAX} decimals"
        raise InvalidRequest(message, member=member)
    return f"{amount:f}" if amount else "0"


def same_person(text: str) -> str:
    """Return a name or an e-mail address as it is compared: in any case it is the same."""
    return composed(text.casefold())


def price_of(seen: str | None) -> Decimal | None:
    """Return the price that a buyer saw from the text that is kept for it."""
    return None if seen is None else Decimal(seen)
