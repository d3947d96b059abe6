"""What is typed into the checkout: taken as it is meant, or told what is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bazar.front.storefront.buyers import (
    buyer_of,
    chosen_at_first,
    deliveries,
    fields_of,
    filled,
    payments,
)
from bazar.wire.limits import NAME_LENGTH_MAX, NOTE_LENGTH_MAX
from bazar.wire.orders import Buyer
from bazar.wire.shop import Shop

POSTS = Shop(
    version=1,
    currency="USD",
    deliveries=["collect", "post"],
    countries=["JO", "AE"],
    payments=["shop", "invoice"],
)
COLLECTS = Shop(version=1, currency="USD")
LINA = {"name": "Lina Mansour", "email": "lina@example.org"}
COLLECT = LINA | {"delivery": "collect", "payment": "shop"}
POST = LINA | {
    "delivery": "post",
    "payment": "invoice",
    "street": "7 Rainbow Street",
    "postcode": "11183",
    "city": "Amman",
    "country": "JO",
}


def buyer(typed: dict[str, str], shop: Shop = POSTS) -> Buyer:
    """Return the buyer of a form that is right."""
    form = filled(shop, typed)
    assert {} == form.wrong
    return buyer_of(form, "en")


def wrong(typed: dict[str, str], shop: Shop = POSTS) -> dict[str, str]:
    """Return what is wrong with a form."""
    return dict(filled(shop, typed).wrong)


def test_a_form_that_is_right_makes_a_buyer() -> None:
    """Collected or by post: what was typed is what is ordered with."""
    assert Buyer(name=LINA["name"], email=LINA["email"]) == buyer(COLLECT, COLLECTS)
    assert Buyer(**POST) == buyer(POST)  # type: ignore[arg-type]
    assert "ar" == buyer_of(filled(POSTS, POST), "ar").language


def test_spaces_and_digits_of_other_scripts_are_taken_as_they_are_meant() -> None:
    """Full-width and Arabic digits, signs in a telephone number, and spaces are no mistakes."""
    typed = POST | {
        "name": "  Lina \t Mansour ",
        "tel": "+\u0669\u0666\u0662 (6) 555-\uff10\uff11\uff14\uff18",
        "postcode": " \u0661\u0661\u0661\u0668\u0663 ",
    }
    one = buyer(typed)
    assert ("Lina Mansour", "+96265550148", "11183") == (one.name, one.tel, one.postcode)


def test_signs_that_turn_text_around_are_left_out() -> None:
    """A name cannot turn around what stands behind it, nor break its line."""
    assert "AB C" == buyer(COLLECT | {"name": "A\u202eB\x00\r\nC"}).name


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("name", " ", "Enter your name"),
        ("name", "x" * 101, "Enter your name"),
        ("email", "", "Enter an e-mail address with a dot after the @, like lina@example.org"),
        ("email", "lina@example", "Enter an e-mail address"),
        ("email", "a@b@c.org", "Enter an e-mail address"),
        ("email", "a b@c.org", "Enter an e-mail address"),
        ("email", "a@.org", "Enter an e-mail address"),
        ("email", "a@b.org.", "Enter an e-mail address"),
        ("email", "Lina <lina@example.org>", "Enter an e-mail address"),
        ("email", "x" * 250 + "@b.org", "Enter an e-mail address"),
        ("tel", "1234", "Enter a telephone number, or leave it empty"),
        ("tel", "1" * 21, "Enter a telephone number"),
        ("tel", "call me", "Enter a telephone number"),
        ("street", "", "Enter street and number"),
        ("street2", "x" * 201, "Write at most 200 characters"),
        ("postcode", "", "Enter a postcode, or 0 if your place has none"),
        ("postcode", "1" * 13, "Enter a postcode"),
        ("city", "", "Enter your town"),
        ("country", "DE", "Choose a country that we post to"),
        ("payment", "", "Choose how you pay"),
        ("payment", "shop", "Choose how you pay"),
        ("payment", "card", "Choose how you pay"),
        ("note", "x" * 501, "Write at most 500 characters"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(field: str, text: str, words: str) -> None:
    """Each rule has its words, and no other field is blamed."""
    problems = wrong(POST | {field: text})
    assert {field} == set(problems)
    assert problems[field].startswith(words)


@pytest.mark.parametrize("way", ["", "pigeon"])
def test_how_the_books_get_there_has_to_be_chosen(way: str) -> None:
    """Nothing is taken for granted where the browser sends no choice that there is."""
    assert {"delivery": "Choose how you get your books"} == wrong(COLLECT | {"delivery": way})


def test_the_longest_that_is_allowed_is_taken() -> None:
    """A limit is the last length that fits; the two signs of a line's end count once."""
    note = "x\r\n" * (NOTE_LENGTH_MAX // 2)
    one = buyer(COLLECT | {"name": "x" * NAME_LENGTH_MAX, "note": note})
    assert ("x\n" * (NOTE_LENGTH_MAX // 2)).strip() == one.note


def test_an_address_is_asked_for_only_by_post() -> None:
    """Who collects is asked for none, and leaves none with the shop."""
    one = buyer(COLLECT | {"street": "7 Rainbow Street", "country": "XX"})
    assert ("", "") == (one.street, one.country)


def test_a_country_without_postcodes_needs_none() -> None:
    """Nobody has to invent a postcode, and 0 is one where there should be one."""
    assert "" == buyer(POST | {"country": "AE", "postcode": ""}).postcode
    assert "0" == buyer(POST | {"postcode": "0"}).postcode


def test_what_a_shop_does_not_offer_cannot_be_chosen() -> None:
    """By post needs a country and an invoice; nobody pays at the counter for a parcel."""
    assert ["collect"] == deliveries(COLLECTS)
    assert ["collect", "post"] == deliveries(POSTS)
    only_counter = Shop(version=1, currency="USD", deliveries=["collect", "post"], countries=["JO"])
    assert ["collect"] == deliveries(only_counter)
    assert (["shop", "invoice"], ["invoice"]) == (payments(POSTS), payments(POSTS, "post"))
    assert {"delivery", "country", "payment"} == set(wrong(POST, COLLECTS))


def test_an_empty_form_has_its_choices_made() -> None:
    """Collecting is chosen at first, with the first way to pay and the first country."""
    assert {"delivery": "collect", "payment": "shop", "country": "JO"} == chosen_at_first(POSTS)
    by_post = Shop(
        version=1, currency="USD", deliveries=["post"], countries=["JO"], payments=["invoice"]
    )
    first = {"delivery": "post", "payment": "invoice", "country": "JO"}
    assert first == chosen_at_first(by_post)


NAMES = sorted({field.name for field in fields_of(POSTS, POST)})


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=30)))
def test_no_form_breaks_the_rules(typed: dict[str, str]) -> None:
    """Whatever is typed, it is right or wrong, and problems stand in the order of the form."""
    fields = [field.name for field in fields_of(POSTS, typed)]
    form = filled(POSTS, typed)
    assert set(fields) == {*form.wrong, *form.values}
    assert [name for name in fields if name in form.wrong] == list(form.wrong)
