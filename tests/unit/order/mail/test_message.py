"""How letters are written: to whom, in which words, and with nothing in them that does harm."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import get_args

import pytest
from msgspec.structs import replace

from bazar.order.domain import StoredLine, StoredOrder, public
from bazar.order.letters import LetterKind
from bazar.order.mail.message import Writer
from bazar.order.wishes import Wish
from bazar.wire.orders import Buyer, Language
from support.buyers import LINA, OMAR

AT = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
SHOP = Address("Bazar Books", "shop", "shop.example")
URL = "https://shop.example"
REFERENCE = "K7Q 2T4"
KINDS: list[LetterKind] = [kind for kind in get_args(LetterKind) if kind != "back-in-stock"]
"""Those that are about an order."""
LANGUAGES: tuple[Language, ...] = get_args(Language)
ORDER = StoredOrder(
    "01h00000000000000000k7q2t4",
    "k",
    "order",
    "confirmed",
    settled=True,
    rejection=None,
    placed_at_ms=1,
    lines=(StoredLine(7, 2, "RPCs & <Noobs>", 1999, "USD"),),
    buyer=OMAR,
    delivery_minor=450,
    tracking="RR123",
)


def written(kind: LetterKind, buyer: Buyer = OMAR, url: str = URL) -> EmailMessage:
    """Return a letter as it arrives: through its bytes."""
    sent = composed(kind, buyer, url).as_bytes(policy=SMTP)
    return message_from_bytes(sent, policy=SMTP)


def composed(kind: LetterKind, buyer: Buyer, url: str = URL) -> EmailMessage:
    """Return a letter as it is written."""
    return Writer(SHOP, url).letter(kind, public(replace(ORDER, buyer=buyer)), buyer, AT)


def bodies(letter: EmailMessage) -> tuple[str, str]:
    """Return both forms of a letter."""
    plain, html = letter.get_body(("plain",)), letter.get_body(("html",))
    assert plain is not None
    assert html is not None
    return plain.get_content(), html.get_content()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_letter_is_there_in_every_language(kind: LetterKind, language: Language) -> None:
    """With whom it is for, the order, its link, and no text left in another language."""
    letter = written(kind, replace(OMAR, language=language))
    english = written(kind)
    for text in bodies(letter):
        assert "Omar" in text
        assert f"{URL}{'/ar' if language == 'ar' else ''}/order/{ORDER.order_id}" in text
        assert "Bazar Books" in text
        assert "%(" not in text
    assert language == letter["Content-Language"]
    assert ("rtl" in bodies(letter)[1]) == (language == "ar")
    assert (letter["Subject"] == english["Subject"]) == (language == "en")
    assert REFERENCE in letter["Subject"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_who_waits_for_a_book_hears_where_it_is_and_how_to_end_it(language: Language) -> None:
    """In their language, with the title as it is, the book's page, and an end of all wishes."""
    wish = Wish(3, 7, "omar@example.org", "stop", language, 1)
    sent = Writer(SHOP, URL).back_in_stock(wish, "RPCs & <Noobs>", AT).as_bytes(policy=SMTP)
    letter = message_from_bytes(sent, policy=SMTP)
    plain, html = bodies(letter)
    pages = f"{URL}{'/ar' if language == 'ar' else ''}"
    for text in (plain, html):
        assert f"{pages}/book/7" in text
        assert f"{pages}/tell-me/end/stop" in text
        assert "%(" not in text
    assert "RPCs & <Noobs>" in plain
    assert "RPCs &amp; &lt;Noobs&gt;" in html
    assert "RPCs & <Noobs>" in letter["Subject"]
    assert f"<{pages}/tell-me/end/stop>" == letter["List-Unsubscribe"]
    assert "omar@example.org" == letter["To"]
    assert language == letter["Content-Language"]


def test_a_letter_tells_what_was_bought_and_what_it_costs() -> None:
    """Copies, titles, delivery and total, with the titles escaped where that is needed."""
    plain, html = bodies(written("sent"))
    for text in ("2 × RPCs & <Noobs>: $39.98", "Delivery by post: $4.50", "Total: $44.48"):  # noqa: RUF001
        assert text in plain
    assert "Follow them with: RR123" in plain
    assert "RPCs &amp; &lt;Noobs&gt;" in html
    assert "<Noobs>" not in html
    assert "$" not in bodies(written("not-available"))[0]


def test_without_an_address_of_the_shop_there_is_only_the_reference() -> None:
    """No link that leads nowhere."""
    plain, html = bodies(written("confirmed", url=""))
    assert "order/" not in plain + html
    assert "href" not in html
    assert f"Your order is {REFERENCE}." in plain


def test_the_headers_say_what_a_letter_is() -> None:
    """From the shop, made by a program, with an id of order and kind that gives neither away."""
    letter = written("ready")
    assert "Bazar Books <shop@shop.example>" == letter["From"]
    assert "Omar <omar@example.org>" == letter["To"]
    assert "auto-generated" == letter["Auto-Submitted"]
    assert "Thu, 26 Nov 2026 09:30:00 +0000" == letter["Date"]
    assert letter["Message-ID"] == written("ready")["Message-ID"]
    assert len(KINDS) == len({written(kind)["Message-ID"] for kind in KINDS})
    assert ORDER.order_id not in letter["Message-ID"]


def test_names_and_addresses_of_any_letters_arrive() -> None:
    """Quotes, commas and Arabic; a host's name goes as every server understands it."""
    for name in ("لينا حداد", 'Lina "the" Haddad, Ramallah', "<script>alert(1)</script>"):
        buyer = replace(LINA, name=name, email="لينا@مثال.org")
        letter = composed("confirmed", buyer)
        (to,) = letter["To"].addresses
        assert (name, "لينا", "xn--mgbh0fb.org") == (to.display_name, to.username, to.domain)
        assert "<script>" not in bodies(letter)[1]


@pytest.mark.parametrize("member", ["name", "email"])
def test_no_name_gets_a_header_of_its_own(member: str) -> None:
    """Even from a database that somebody wrote into: such a letter is not written."""
    buyer = replace(LINA, **{member: "a@b.org\r\nBcc: all@example.org"})
    with pytest.raises(ValueError, match=r"."):
        composed("confirmed", buyer)
