"""Who orders: the fields of the checkout's form, and the buyer that they describe. Pure."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from bazar.kit.web.forms import Field, Filled, digits, fill
from bazar.kit.web.texts import noted
from bazar.wire.limits import (
    CITY_LENGTH_MAX,
    EMAIL_LENGTH_MAX,
    NAME_LENGTH_MAX,
    NOTE_LENGTH_MAX,
    POSTCODE_LENGTH_MAX,
    STREET_LENGTH_MAX,
)
from bazar.wire.orders import Buyer, Delivery, Language, Payment
from bazar.wire.shop import Shop

WITHOUT_POSTCODES = re.compile(
    "AE|AO|B[FIJSWZ]|C[DFGIKM]|D[JM]|FJ|G[ADMY]|HK|K[IMN]|LC|M[LORW]|N[RU]|QA|RW"
    "|S[BCRTY]|T[DGKLOV]|UG|VU|YE|ZW"
)
"""Countries whose post knows none. Source: Universal Postal Union, addressing by country"""
_ATOM = r"[^@\s<>()\[\]\\,;:\".]+"
_EMAIL = re.compile(rf"{_ATOM}(\.{_ATOM})*@{_ATOM}(\.{_ATOM})+")
"""One address and nothing around it. Source: RFC 5322, section 3.4.1, without quoted parts"""
_TEL = re.compile(r"\+?[0-9 ()./-]+")
_TEL_DIGITS = range(5, 21)
_TYPED_LENGTH_MAX = 100
"""Of a telephone number or a postcode with all its signs and spaces."""


def deliveries(shop: Shop) -> list[Delivery]:
    """Return how books can get to their buyer.

    By post only to some country, and only on invoice: nobody pays at a counter that they don't see.
    """
    by_post = bool(shop.countries) and "invoice" in shop.payments
    return [way for way in shop.deliveries if way == "collect" or by_post]


def payments(shop: Shop, delivery: str = "collect") -> list[Payment]:
    """Return how an order that is delivered in this way can be paid."""
    return [way for way in shop.payments if way == "invoice" or delivery != "post"]


def one_line(text: str) -> str:
    """Return one line of text in one form: composed letters, single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _within(length_max: int, text: str) -> str | None:
    line = one_line(text)
    return line if len(line) <= length_max else None


def _email(text: str) -> str | None:
    return text if _EMAIL.fullmatch(text) else None


def _tel(text: str) -> str | None:
    """Return a number as its digits, with the + of a country before them, or None."""
    number = digits(text)
    bare = "".join(filter(str.isdigit, number))
    if not _TEL.fullmatch(number) or len(bare) not in _TEL_DIGITS:
        return None
    return number[: number.startswith("+")] + bare


def _postcode(text: str) -> str | None:
    return _within(POSTCODE_LENGTH_MAX, digits(text).upper())


def _note(text: str) -> str | None:
    note = unicodedata.normalize("NFC", text)
    return note if len(note) <= NOTE_LENGTH_MAX else None


NAME = Field(
    name="name",
    label=noted("Your name"),
    wrong=noted("Enter your name"),
    rule=partial(_within, NAME_LENGTH_MAX),
    autocomplete="name",
    length_max=NAME_LENGTH_MAX,
)
EMAIL = Field(
    name="email",
    label=noted("E-mail"),
    hint=noted("For news of this order and for nothing else."),
    wrong=noted("Enter an e-mail address with a dot after the @, like lina@example.org"),
    rule=_email,
    control="email",
    autocomplete="email",
    ltr=True,
    length_max=EMAIL_LENGTH_MAX,
)
TEL = Field(
    name="tel",
    label=noted("Telephone"),
    hint=noted("Only if something is wrong with your order."),
    wrong=noted("Enter a telephone number, or leave it empty"),
    rule=_tel,
    control="tel",
    autocomplete="tel",
    optional=True,
    ltr=True,
    length_max=_TYPED_LENGTH_MAX,
)
STREET = Field(
    name="street",
    label=noted("Street and number"),
    wrong=noted("Enter street and number"),
    rule=partial(_within, STREET_LENGTH_MAX),
    autocomplete="address-line1",
    length_max=STREET_LENGTH_MAX,
)
STREET2 = Field(
    name="street2",
    label=noted("Flat, floor, company"),
    wrong=noted("Write at most 200 characters"),
    rule=partial(_within, STREET_LENGTH_MAX),
    autocomplete="address-line2",
    optional=True,
    length_max=STREET_LENGTH_MAX,
)
POSTCODE = Field(
    name="postcode",
    label=noted("Postcode"),
    wrong=noted("Enter a postcode, or 0 if your place has none"),
    rule=_postcode,
    autocomplete="postal-code",
    ltr=True,
    length_max=_TYPED_LENGTH_MAX,
)
POSTCODE_IF_ANY = replace(POSTCODE, optional=True)
CITY = Field(
    name="city",
    label=noted("Town"),
    wrong=noted("Enter your town"),
    rule=partial(_within, CITY_LENGTH_MAX),
    autocomplete="address-level2",
    length_max=CITY_LENGTH_MAX,
)
NOTE = Field(
    name="note",
    label=noted("A word to us"),
    wrong=noted("Write at most 500 characters"),
    rule=_note,
    control="textarea",
    optional=True,
    length_max=NOTE_LENGTH_MAX,
)


def delivery_field(shop: Shop) -> Field:
    """Return the question how the books get to their buyer."""
    return Field(
        name="delivery",
        label=noted("How do you get it?"),
        wrong=noted("Choose how you get your books"),
        rule=partial(_one_of, deliveries(shop)),
        control="radio",
    )


def country_field(shop: Shop) -> Field:
    """Return the question where the books go."""
    return Field(
        name="country",
        label=noted("Country"),
        wrong=noted("Choose a country that we post to"),
        rule=partial(_one_of, shop.countries),
        control="select",
        autocomplete="country",
    )


def payment_field(shop: Shop, delivery: str) -> Field:
    """Return the question how an order is paid that is delivered in this way."""
    return Field(
        name="payment",
        label=noted("How do you pay?"),
        wrong=noted("Choose how you pay"),
        rule=partial(_one_of, payments(shop, delivery)),
        control="radio",
    )


def _one_of(offered: Sequence[str], text: str) -> str | None:
    return text if text in offered else None


def fields_of(shop: Shop, typed: Mapping[str, str]) -> list[Field]:
    """Return the fields that count, in their order: the address only by post."""
    delivery = typed.get("delivery", "").strip()
    fields = [NAME, EMAIL, TEL, delivery_field(shop)]
    if delivery == "post":
        spared = WITHOUT_POSTCODES.fullmatch(typed.get("country", "").strip())
        fields += [STREET, STREET2, POSTCODE_IF_ANY if spared else POSTCODE, CITY]
        fields.append(country_field(shop))
    return [*fields, payment_field(shop, delivery), NOTE]


def filled(shop: Shop, typed: Mapping[str, str]) -> Filled:
    """Check what was typed into the form."""
    return fill(fields_of(shop, typed), typed)


def buyer_of(form: Filled, language: Language) -> Buyer:
    """Return the buyer that a form without anything wrong describes."""
    return Buyer(**form.values, language=language)  # type: ignore[arg-type]


def chosen_at_first(shop: Shop) -> dict[str, str]:
    """Return what an empty form shows: its choices are made."""
    ways = deliveries(shop)
    delivery = "collect" if "collect" in ways or not ways else ways[0]
    paying = payments(shop, delivery)
    return {
        "delivery": delivery,
        "payment": paying[0] if paying else "",
        "country": shop.countries[0] if shop.countries else "",
    }
