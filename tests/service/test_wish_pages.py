"""Tell me when it is back, in a browser: the button, its form, and the page that ends it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bazar.front.storefront import wish_pages
from bazar.front.storefront.wish_pages import WISHES_AN_HOUR_MAX
from bazar.front.upstream import wishes
from bazar.order import wishing
from bazar.order.mail import sending
from bazar.order.mail.settings import MailSettings
from bazar.order.wishes import WISHES_OF_ADDRESS_MAX, stop_key
from bazar.wire.wishes import WISH_DAYS_MAX
from support.browsers import OWN, Browser, Page, checkout_form, put_in
from support.mailboxes import Mailbox, mail_server
from support.shops import ORDER_URL, SECRET, Caller, Shop, order_open
from support.wires import Wire, until

LINA = "lina@example.org"
BUTTON = "Tell me when it is back"


@pytest.fixture
def mailbox() -> Mailbox:
    """Take every mail."""
    return Mailbox()


@pytest.fixture
async def server(mailbox: Mailbox) -> AsyncIterator[MailSettings]:
    """Run a mail server."""
    async with mail_server(mailbox) as settings:
        yield settings


@pytest.fixture
async def mailing(
    shop: Shop, server: MailSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Caller]:
    """Have the shop send mail, and look often which books are back."""
    monkeypatch.setattr(sending, "LOOK_INTERVAL_S", 0.01)
    monkeypatch.setattr(wishing, "LOOK_INTERVAL_S", 0.01)
    async with order_open(tmp_path / "mailing.db", shop.network, server) as order:
        yield order


async def book_page(browser: Browser, book_id: int, prefix: str = "") -> Page:
    """Look at the page of a book."""
    moved = await browser.get(f"{prefix}/book/{book_id}")
    return await browser.get(moved.location)


async def asked(browser: Browser, book_id: int) -> dict[str, str]:
    """Return the form that the button leads to, filled in."""
    page = await browser.get(f"/tell-me?book={book_id}")
    assert (200, BUTTON) == (page.status, page.h1)
    return page.form("/tell-me").fields | {"email": LINA}


@pytest.mark.usefixtures("mailing")
async def test_who_asks_is_told(shop: Shop, browser: Browser, mailbox: Mailbox) -> None:
    """From the sold-out book over its form to the mail; a book that is there has no button."""
    book_id = await shop.add_book(title="Dracula")
    page = await book_page(browser, book_id)
    assert "All copies are sold. Tell me when it is back" in page.text
    assert f"/tell-me?book={book_id}" in page.links
    form = await browser.get(f"/tell-me?book={book_id}&fbclid=abc")
    assert "We write to you once, when Dracula is on our shelf again." in form.text
    assert f"after {WISH_DAYS_MAX} days" in form.text
    assert "no-store" == form.headers["cache-control"]
    for _ in range(2):
        noted = await browser.follow(await browser.post("/tell-me", await asked(browser, book_id)))
        assert f"We write to {LINA} once it is back." in noted.text
    assert "We write to" not in (await book_page(browser, book_id)).text
    await shop.catalog.post(f"/books/{book_id}/stock", {"change": 1})

    async def arrived() -> bool:
        return bool(mailbox.mails)

    await until(arrived)
    assert [LINA] == mailbox.recipients
    await until(lambda: _says(browser, book_id, "Add to basket"))
    assert f"/tell-me?book={book_id}" not in (await book_page(browser, book_id)).links
    late = await browser.post("/tell-me", {"book": str(book_id), "email": LINA})
    assert "It is here again. You can order it now." in (await browser.follow(late)).text


async def _says(browser: Browser, book_id: int, words: str) -> bool:
    return words in (await book_page(browser, book_id)).text


async def test_a_shop_without_mail_offers_nothing(shop: Shop, browser: Browser) -> None:
    """Its page says whom to ask; the form leads back to it, and a post is told so."""
    await shop.catalog.call("PATCH", "/shop", {"tel": "+1 555 0148"})
    book_id = await shop.add_book()
    page = await book_page(browser, book_id)
    assert BUTTON not in page.text
    await until(lambda: _says(browser, book_id, "Ask us about it: +1 555 0148"))
    sent_on = await browser.get(f"/tell-me?book={book_id}")
    assert (303, f"/book/{book_id}/rpcs-for-noobs") == (sent_on.status, sent_on.location)
    told = await browser.post("/tell-me", {"book": str(book_id), "email": LINA})
    assert 409 == told.status
    assert "We could not note that. We send no mail at the moment." in told.text


@pytest.mark.usefixtures("mailing")
async def test_what_is_wrong_is_told_at_the_field(shop: Shop, browser: Browser) -> None:
    """With what was typed, in the page's language."""
    book_id = str(await shop.add_book())
    wrong = await browser.post("/tell-me", {"book": book_id, "email": "lina@example"})
    assert (422, "Problem: Tell me when it is back · Bazar Books") == (wrong.status, wrong.title)
    assert 2 == wrong.text.count("Enter an e-mail address with a dot after the @")
    assert "lina@example" == wrong.form("/tell-me").fields["email"]
    arabic = await browser.post("/ar/tell-me", {"book": book_id, "email": ""})
    assert (422, "أخبرني عند توفره") == (arabic.status, arabic.h1)
    for book in ("", "x", "0", "999", "9" * 30):
        assert 404 == (await browser.post("/tell-me", {"book": book, "email": LINA})).status
        assert 404 == (await browser.get(f"/tell-me?book={book}")).status
    foreign = OWN | {"sec-fetch-site": "cross-site"}
    fields = {"book": book_id, "email": LINA}
    assert 403 == (await browser.post("/tell-me", fields, foreign)).status


@pytest.mark.usefixtures("mailing")
async def test_wishes_have_limits(
    shop: Shop, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many of an address, and so many an hour from a network; the same one counts once."""
    books = [str(await shop.add_book()) for _ in range(WISHES_OF_ADDRESS_MAX + 1)]
    monkeypatch.setattr(wish_pages, "WISHES_AN_HOUR_MAX", WISHES_OF_ADDRESS_MAX + 1)
    for book in (books[0], *books[:-1]):
        kept = await browser.post("/tell-me", {"book": book, "email": LINA})
        assert 303 == kept.status
    many = await browser.post("/tell-me", {"book": books[-1], "email": LINA})
    assert 409 == many.status
    assert "You wait for many books already." in many.text
    monkeypatch.setattr(wish_pages, "WISHES_AN_HOUR_MAX", WISHES_AN_HOUR_MAX)
    often = await browser.post("/tell-me", {"book": books[-1], "email": "omar@example.org"})
    assert 429 == often.status
    assert 3500 < int(often.headers["retry-after"]) <= 3601
    assert "Many wishes came from your network. Please wait 60 minutes, or ring us." in often.text
    assert "omar@example.org" == often.form("/tell-me").fields["email"]


@pytest.mark.usefixtures("mailing")
async def test_nobody_knows_is_said_and_asking_again_keeps_one_wish(
    shop: Shop, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order service is away, or its answer got lost."""
    monkeypatch.setattr(wish_pages, "PLACE_MS", 300)
    book_id = await shop.add_book()
    fields = await asked(browser, book_id)
    wire = Wire(shop.network, ORDER_URL)
    wire.lose_replies = 99
    unknown = await browser.post("/tell-me", fields)
    assert (503, "2") == (unknown.status, unknown.headers["retry-after"])
    assert "Please send it again: we still write only once." in unknown.text
    wire.lose_replies = 0
    assert 303 == (await browser.post("/tell-me", unknown.form("/tell-me").fields)).status
    end = await browser.post(f"/tell-me/end/{stop_key(SECRET, LINA)}", {})
    wire.away = True
    away = await browser.post(f"/tell-me/end/{stop_key(SECRET, LINA)}", {})
    assert (303, 503) == (end.status, away.status)


async def test_the_link_of_a_letter_ends_all_wishes(
    shop: Shop, browser: Browser, mailing: Caller
) -> None:
    """After a question, once or twice; any other link is none of ours."""
    for book_id in (await shop.add_book(), await shop.add_book()):
        await browser.post("/tell-me", await asked(browser, book_id))
    path = f"/tell-me/end/{stop_key(SECRET, LINA)}"
    question = await browser.get(path)
    assert (200, "Wait for no book any more?") == (question.status, question.h1)
    assert {"wishes": 2} == (await mailing.post("/wishes/forget", {"email": LINA})).json
    await browser.post("/tell-me", {"book": str(book_id), "email": LINA})
    for _ in range(2):
        done = await browser.follow(await browser.post(path, {}))
        assert "Your address is deleted." in done.text
    assert {"wishes": 0} == (await mailing.post("/wishes/forget", {"email": LINA})).json
    for other in ("/tell-me/end/x", path[:-1], f"{path}0"):
        assert 404 == (await browser.get(other)).status


@pytest.mark.usefixtures("mailing")
async def test_a_book_that_sold_out_at_the_checkout_can_be_wished_for(
    shop: Shop, browser: Browser, mailing: Caller
) -> None:
    """With the rest of the order, by a box; where nothing is left, by a button of its own."""
    here, gone = await shop.add_book(title="Emma", quantity=5), await shop.add_book(quantity=1)
    await put_in(browser, here)
    await put_in(browser, gone)
    filled = await checkout_form(browser)
    assert 201 == (await shop.front.post(f"/purchase/{gone}")).status
    told = await browser.post("/checkout", filled)
    rest = told.form("/checkout").fields
    assert (409, str(gone)) == (told.status, rest["wish"])
    assert "E-mail me when RPCs for Noobs is back" in told.text
    order = await browser.follow(await browser.post("/checkout", rest))
    assert "We write to lina@example.org once it is back." in order.text
    assert {"wishes": 1} == (await mailing.post("/wishes/forget", {"email": LINA})).json
    alone = await browser.post(
        "/checkout", filled | {"lines": f"{gone}x1@1999", "key": f"{'A' * 22}.1"}
    )
    fields = alone.form("/tell-me").fields
    assert {"book": str(gone), "email": LINA} == fields
    assert 303 == (await browser.post("/tell-me", fields)).status
    assert {"wishes": 1} == (await mailing.post("/wishes/forget", {"email": LINA})).json


@pytest.mark.usefixtures("mailing")
async def test_an_order_is_there_whatever_becomes_of_the_wish(shop: Shop, browser: Browser) -> None:
    """It is a courtesy beside it."""
    await put_in(browser, await shop.add_book(quantity=5))
    for wish in ("0", "-1", "x", "9" * 17, "999999"):
        filled = await checkout_form(browser, wish=wish, email=f"l{len(wish)}{wish[0]}@example.org")
        assert 303 == (await browser.post("/checkout", filled)).status
        await put_in(browser, 1)


async def test_a_page_follows_whether_the_shop_sends_mail(
    shop: Shop,
    browser: Browser,
    server: MailSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once that is asked again; while nobody answers, what was known last counts."""
    monkeypatch.setattr(wishes, "OFFERED_S", 0.0)
    monkeypatch.setattr(wishes, "UNKNOWN_S", 0.0)
    book_id = await shop.add_book()
    assert not await _says(browser, book_id, BUTTON)
    async with order_open(tmp_path / "mailing.db", shop.network, server):
        assert await _says(browser, book_id, BUTTON)
        Wire(shop.network, ORDER_URL).away = True
        assert await _says(browser, book_id, BUTTON)
