"""What a keeper may decide about the shop, member by member."""

from decimal import Decimal

import msgspec
import pytest

from bazar.catalog.shop import CurrencyFixed, edited_shop
from bazar.kit.errors import InvalidRequest
from bazar.wire.limits import NAME_LENGTH_MAX
from bazar.wire.shop import TEXTS_MAX, Shop, ShopEdit

SHOP = Shop(version=3, currency="USD", texts={"privacy": "We keep little.", "returns": "Keep it."})
POSTING = {
    "deliveries": ["collect", "post"],
    "post_price": "4.5",
    "countries": ["JO"],
    "payments": ["shop", "invoice"],
}


def edited(**members: object) -> Shop:
    """Return the shop after an edit, which came as JSON does."""
    return edited_shop(SHOP, msgspec.convert(members, ShopEdit))


def test_what_is_left_out_stays() -> None:
    """An edit without members changes nothing, and none raises the version by itself."""
    assert SHOP == edited()
    assert msgspec.structs.replace(SHOP, keep_days=7) == edited(keep_days=7)


@pytest.mark.parametrize(
    ("member", "given", "kept"),
    [
        ("name", "  Sea\n Books ", "Sea Books"),
        ("claim", " All of\tit ", "All of it"),
        ("address", " 1 Sea Road \r\n\r\n Amman ", "1 Sea Road\nAmman"),
        ("hours", "Mon-Fri 9-18\nSat 10-14", "Mon-Fri 9-18\nSat 10-14"),
        ("hours", "Cafe\u0301", "Caf\u00e9"),
        ("time_zone", "Asia/Amman", "Asia/Amman"),
        ("tel", " +1 555 0100 ", "+1 555 0100"),
        ("tel", "", ""),
        ("email", " shop@example.org", "shop@example.org"),
        ("email", "", ""),
        ("languages", ["ar"], ["ar"]),
        ("picks", [3, 1], [3, 1]),
        ("picks", [], []),
        ("post_price", "4.5", Decimal("4.50")),
        ("currency", "USD", "USD"),
    ],
)
def test_a_member_is_kept_in_its_usual_form(member: str, given: object, kept: object) -> None:
    """Without needless spaces, its letters composed, prices with the currency's decimals."""
    found = getattr(edited(**{member: given}), member)
    assert (kept, str(kept)) == (found, str(found))


@pytest.mark.parametrize(
    ("member", "given", "words"),
    [
        ("name", " ", "name must not be blank"),
        ("name", "a" + "e\u0301\0", "NUL"),
        ("name", "\u0958" * NAME_LENGTH_MAX, "at most 100"),
        ("time_zone", "Mars/Olympus", "such as Europe/Berlin, not 'Mars/Olympus'"),
        ("time_zone", "../secret", "such as Europe/Berlin"),
        ("time_zone", "Europe", "such as Europe/Berlin"),
        ("time_zone", "", "such as Europe/Berlin"),
        ("tel", "1234", "5 to 20 digits"),
        ("tel", "ring us", "5 to 20 digits"),
        ("email", "shop", "such as shop@example.org"),
        ("email", "shop@example", "such as shop@example.org"),
        ("languages", [], "must name at least one"),
        ("deliveries", [], "must name at least one"),
        ("payments", [], "must name at least one"),
        ("languages", ["en", "en"], "names en twice"),
        ("countries", ["JO", "DE", "JO"], "names JO twice"),
        ("picks", [2, 2], "names 2 twice"),
        ("post_price", "-1", "must not be negative"),
        ("post_price", "1.999", "2 decimals of USD"),
    ],
)
def test_a_member_that_cannot_be_is_refused_by_its_name(
    member: str, given: object, words: str
) -> None:
    """With words that say what it takes."""
    with pytest.raises(InvalidRequest) as refused:
        edited(**{member: given})
    assert (member, True) == (refused.value.member, words in refused.value.detail)


def test_another_currency_is_refused() -> None:
    """For ever; the words say which one the shop has."""
    with pytest.raises(CurrencyFixed, match="in USD, not in EUR") as refused:
        edited(currency="EUR")
    assert "currency" == refused.value.member


def test_an_edit_of_texts_names_pages() -> None:
    """Those that it names are set, an empty one is taken away, and the others stay."""
    texts = edited(texts={"imprint": " We.\r\n\r\nYou. ", "returns": " "}).texts
    assert {"imprint": "We.\n\nYou.", "privacy": "We keep little."} == texts


def test_texts_have_a_number() -> None:
    """One more page than so many is refused."""
    letters = [chr(ord("a") + number) for number in range(TEXTS_MAX)]
    assert TEXTS_MAX == len(edited(texts=dict.fromkeys(letters[2:], "words")).texts)
    with pytest.raises(InvalidRequest, match="not at most 20"):
        edited(texts=dict.fromkeys(letters[1:], "words"))


@pytest.mark.parametrize(
    ("lacking", "given"), [("post_price", None), ("countries", []), ("payments", ["shop"])]
)
def test_an_order_by_post_can_be_priced_addressed_and_paid(lacking: str, given: object) -> None:
    """A shop that posts says what that costs, where to, and how to pay from far away."""
    assert ["collect", "post"] == edited(**POSTING).deliveries
    with pytest.raises(InvalidRequest, match="with post among the deliveries") as refused:
        edited(**POSTING | {lacking: given})
    assert lacking == refused.value.member
