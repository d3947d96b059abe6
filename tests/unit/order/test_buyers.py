"""What a buyer says of themselves: kept in one form, and refused where it can do harm."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from bazar.kit.errors import InvalidRequest
from bazar.kit.money import PRICE_MINOR_MAX
from bazar.order.buyers import checked_buyer, price_of, price_seen, same_person
from support.buyers import LINA, OMAR


def test_a_proper_buyer_stays_as_it_is() -> None:
    """Who collects and who has it posted, with every member."""
    for buyer in (LINA, OMAR):
        assert buyer == checked_buyer(buyer)


def test_texts_are_kept_in_one_form() -> None:
    """Letters composed, no spaces around, lines that end with a line feed."""
    typed = replace(LINA, name="  Ame\u0301lie ", note="one\r\ntwo\tthree\n", city=" ")
    kept = checked_buyer(typed)
    assert ("Am\u00e9lie", "one\ntwo\tthree", "") == (kept.name, kept.note, kept.city)


@pytest.mark.parametrize("name", [name for name, text in asdict(LINA).items() if text is not None])
@pytest.mark.parametrize("letter", ["\r\nBcc: all@example.org", "\0", "\x1b", "\u2028", "\x85"])
def test_a_control_character_is_refused_and_named(name: str, letter: str) -> None:
    """It could end a header of a mail, or a line of a list; a note has lines, and no other."""
    if name in {"delivery", "payment", "language", "country"}:
        return  # words of a list, and a code: nothing else gets here
    if name == "note":
        letter = letter.strip("\r\n").replace("Bcc: all@example.org", "\v")
    with pytest.raises(InvalidRequest) as refused:
        checked_buyer(replace(OMAR, **{name: f"a{letter}b@example.org"}))
    assert f"buyer.{name}" == refused.value.member


@pytest.mark.parametrize("name", ["street", "city", "country"])
def test_the_post_needs_an_address(name: str) -> None:
    """Street, town and country; who collects needs none of them."""
    with pytest.raises(InvalidRequest) as refused:
        checked_buyer(replace(OMAR, **{name: ""}))
    assert f"buyer.{name}" == refused.value.member
    assert "" == getattr(checked_buyer(LINA), name)


def test_what_is_posted_is_not_paid_in_the_shop() -> None:
    """Nobody comes to it."""
    with pytest.raises(InvalidRequest) as refused:
        checked_buyer(replace(OMAR, payment="shop"))
    assert "buyer.payment" == refused.value.member
    assert "invoice" == checked_buyer(replace(LINA, payment="invoice")).payment


@pytest.mark.parametrize(
    "email",
    [
        "nobody",
        "@example.org",
        "a@",
        "a@b@c",
        "a b@c",
        "a@b,c@d",
        "<a@b>",
        "a@b;",
        '"a"@b',
        "a@b>",
        "a\u00a0b@c",
    ],
)
def test_what_is_no_single_address_is_refused(email: str) -> None:
    """A mail goes to one person, whatever was typed."""
    with pytest.raises(InvalidRequest) as refused:
        checked_buyer(replace(LINA, email=email))
    assert "buyer.email" == refused.value.member


@pytest.mark.parametrize("email", ["a@b", "li.na+shop@mail.example.org", "\u0644@\u0645\u062b.org"])
def test_addresses_of_many_kinds_are_taken(email: str) -> None:
    """Also those whose letters are not Latin."""
    assert email == checked_buyer(replace(LINA, email=email)).email


def test_nothing_but_spaces_is_no_name() -> None:
    """What is left has to keep the limits that what was typed has."""
    with pytest.raises(InvalidRequest) as refused:
        checked_buyer(replace(LINA, name="   "))
    assert "buyer.name" == refused.value.member


@given(st.decimals(0, PRICE_MINOR_MAX, places=3))
def test_an_amount_has_one_text(price: Decimal) -> None:
    """However many noughts it was written with; and the text gives the amount again."""
    seen = price_seen(price, "lines[0].price")
    assert seen == price_seen(price.normalize(), "lines[0].price")
    assert seen is not None
    assert price == price_of(seen)
    assert seen == str(price_of(seen))
    assert "E" not in seen


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-0.01", "1e13", "1e-7", "1e999999", "1e-400"])
def test_what_no_book_can_cost_is_refused(text: str) -> None:
    """And named, since an order has many lines."""
    with pytest.raises(InvalidRequest) as refused:
        price_seen(Decimal(text), "lines[3].price")
    assert "lines[3].price" == refused.value.member
    assert None is price_seen(None, "lines[0].price")


def test_a_person_is_the_same_in_any_case() -> None:
    """Which is how addresses are counted and names are found."""
    assert same_person("Lina@Example.org") == same_person("LINA@example.ORG")
    assert same_person("STRASSE") == same_person("Stra\u00dfe")
    assert same_person("Am\u00e9lie") == same_person("AME\u0301LIE")
