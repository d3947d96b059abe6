"""Wishes: whoever waits for a book is told once that it is back, whatever fails in between."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bazar.kit.clock import now_ms
from bazar.kit.data.sqlite import SqliteDatabase
from bazar.kit.errors import Unavailable
from bazar.kit.peers.client import Upstream
from bazar.order import wishing
from bazar.order.mail import sending
from bazar.order.mail.sending import STOCK_PAUSE_S, Sending
from bazar.order.mail.settings import MailSettings
from bazar.order.mail.wished import Wished
from bazar.order.store.sqlite import SqliteStore
from bazar.order.store.wishes import WishStore
from bazar.order.upstream import CatalogClient
from bazar.order.wishes import WISHES_OF_ADDRESS_MAX, Wish, stop_key
from bazar.order.wishing import END_INTERVAL_S, LETTERS_A_LOOK_MAX, Wishing
from bazar.wire import budgets
from bazar.wire.problems import TooManyWishes
from bazar.wire.wishes import WISH_DAYS_MAX, WishRequest
from support.mailboxes import Mailbox, mail_server
from support.shops import CATALOG_URL, SECRET, Caller, Shop, order_open
from support.wires import Wire, until

DAY_MS = 24 * 3600 * 1000
LINA = "Lina@example.org"


@pytest.fixture
def mailbox() -> Mailbox:
    """Take every mail."""
    return Mailbox()


@pytest.fixture
async def server(mailbox: Mailbox) -> AsyncIterator[MailSettings]:
    """Run a mail server."""
    async with mail_server(mailbox) as settings:
        yield settings


class Told:
    """An order service's wishes and letters, whose loops the test turns."""

    def __init__(self, path: Path, shop: Shop, settings: MailSettings) -> None:
        """Open a database that the order service has made."""
        self.now_s, self.now_ms = 1_000_000.0, now_ms()
        self.database = SqliteDatabase(path)
        self.wishes = WishStore()
        store = SqliteStore()
        self.catalog = CatalogClient(Upstream("catalog", CATALOG_URL, shop.client, SECRET))
        self.wishing = Wishing(
            self.database,
            self.wishes,
            self.catalog,
            SECRET,
            on=True,
            clock=lambda: self.now_ms,
            time=lambda: self.now_s,
        )
        wished = Wished(self.database, store, self.wishes, self.wishing.there)
        self.sending = Sending(
            self.database, store, settings, wished, time=lambda: self.now_s, answer_max_s=0.2
        )

    async def keep(self, book_id: int, email: str = LINA) -> None:
        """Wish for a book."""
        await self.wishing.keep(WishRequest(book_id=book_id, email=email))

    async def round(self) -> int:
        """Look which books are there, and send what is due; return how many letters that were."""
        await self.wishing.look()
        return await self.sending.send_due()

    async def kept(self) -> int:
        """Return how many wishes are kept."""
        return await self.database.read(self.wishes.count_wishes)

    async def letters(self) -> list[str]:
        """Return the states of all letters."""
        rows = await self.database.read(
            lambda t: t.all("SELECT state FROM outbox ORDER BY letter_id")
        )
        return [str(row[0]) for row in rows]


@pytest.fixture
async def told(
    shop: Shop, server: MailSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Told]:
    """Open wishes and letters over a shop, whose catalog is not waited for in vain for long."""
    monkeypatch.setattr(budgets, "READ_MS", 300)
    path = tmp_path / "told.db"
    async with order_open(path, shop.network):
        pass
    told = Told(path, shop, server)
    yield told
    await told.catalog.stop()
    await told.database.close()


async def stock(shop: Shop, book_id: int, change: int) -> None:
    """Have copies come or go."""
    reply = await shop.catalog.post(f"/books/{book_id}/stock", {"change": change})
    assert 200 == reply.status


async def test_a_wish_is_granted_once_and_forgotten(
    told: Told, shop: Shop, mailbox: Mailbox
) -> None:
    """Whatever comes later; and a new wish is another one."""
    book_id = await shop.add_book(title="Dracula")
    await told.keep(book_id)
    await told.keep(book_id, LINA.upper())
    assert 0 == await told.round()
    await stock(shop, book_id, 3)
    assert [1, 0] == [await told.round(), await told.round()]
    assert 0 == await told.kept()
    await stock(shop, book_id, -3)
    await stock(shop, book_id, 3)
    assert 0 == await told.round()
    await told.keep(book_id)
    assert 1 == await told.round()
    first, second = mailbox.mails
    assert [LINA, LINA] == mailbox.recipients
    assert ["Dracula is back"] * 2 == mailbox.subjects()
    assert first["Message-ID"] != second["Message-ID"]


async def test_the_letter_says_what_to_do_and_how_to_end_it(
    told: Told, shop: Shop, mailbox: Mailbox
) -> None:
    """In the reader's language; its links are those of the shop, and give no address away."""
    book_id = await shop.add_book(title="<Dracula>", quantity=1)
    asked = WishRequest(book_id=book_id, email=LINA, language="ar")
    await told.wishing.keep(asked)
    assert 1 == await told.round()
    (mail,) = mailbox.mails
    end = f"https://shop.example/ar/tell-me/end/{stop_key(SECRET, LINA)}"
    assert f"<{end}>" == mail["List-Unsubscribe"].strip()
    assert ("auto-generated", "ar") == (mail["Auto-Submitted"], mail["Content-Language"])
    plain, html = (part.get_content() for part in mail.iter_parts())
    for text in (plain, html):
        assert f"https://shop.example/ar/book/{book_id}" in text
        assert end in text
        assert "lina" not in text.lower()
    assert "\u2068<Dracula>\u2069" in plain
    assert "&lt;Dracula&gt;" in html


async def test_a_restock_while_nobody_looked_is_not_missed(
    told: Told, shop: Shop, mailbox: Mailbox
) -> None:
    """The catalog is asked how things stand, so it does not matter who was away when."""
    book_id = await shop.add_book()
    await told.keep(book_id)
    wire = Wire(shop.network, CATALOG_URL)
    wire.away = True
    with pytest.raises(Unavailable):
        await told.round()
    wire.away = False
    await stock(shop, book_id, 2)
    assert 1 == await told.round()
    assert 1 == len(mailbox.mails)


async def test_a_letter_that_waited_is_sent_only_while_it_is_true(
    told: Told, shop: Shop, mailbox: Mailbox
) -> None:
    """Sold out again, it is dropped and the wish waits on; where nobody knows, it waits too."""
    book_id = await shop.add_book(quantity=1)
    await told.keep(book_id)
    await told.wishing.look()
    wire = Wire(shop.network, CATALOG_URL)
    wire.away = True
    assert 0 == await told.sending.send_due()
    wire.away = False
    assert 0 == await told.sending.send_due()
    await stock(shop, book_id, -1)
    told.now_s += STOCK_PAUSE_S
    assert 0 == await told.sending.send_due()
    assert (["dropped"], 1) == (await told.letters(), await told.kept())
    await stock(shop, book_id, 1)
    assert 1 == await told.round()
    assert (["sent"], 0) == (await told.letters(), await told.kept())
    assert 1 == len(mailbox.mails)


async def test_a_crash_after_the_mail_left_sends_the_same_mail_again(
    told: Told, shop: Shop, mailbox: Mailbox, server: MailSettings, tmp_path: Path
) -> None:
    """With one Message-ID: at least once, and the wish is not forgotten before."""
    book_id = await shop.add_book(quantity=1)
    await told.keep(book_id)
    await told.wishing.look()
    crashed = tmp_path / "crashed.db"

    def crash() -> None:
        if not crashed.exists():
            for ending in ("-wal", ""):
                shutil.copy(f"{tmp_path / 'told.db'}{ending}", f"{crashed}{ending}")

    mailbox.on_arrival = crash
    assert 1 == await told.sending.send_due()
    after = Told(crashed, shop, server)
    try:
        assert 1 == await after.kept()
        assert [1, 0] == [await after.round(), await after.round()]
        assert 0 == await after.kept()
    finally:
        await after.catalog.stop()
        await after.database.close()
    assert 2 == len(mailbox.mails)
    assert 1 == len({mail["Message-ID"] for mail in mailbox.mails})


async def test_a_wish_whose_letter_is_given_up_is_forgotten(
    told: Told, shop: Shop, mailbox: Mailbox
) -> None:
    """Nobody lives there; after the last try the address is not kept any longer."""
    book_id = await shop.add_book(quantity=1)
    await told.keep(book_id)
    mailbox.refused.add(LINA)
    await told.wishing.look()
    for pause_s in (0.0, *sending.PAUSES_S):
        assert 1 == await told.kept()
        told.now_s += pause_s
        await told.sending.send_due()
    assert (["dead"], 0) == (await told.letters(), await told.kept())


async def test_many_who_wait_are_told_bit_by_bit(told: Told, shop: Shop) -> None:
    """So letters about orders never stand behind thousands; the first who asked come first."""
    books = [await shop.add_book(quantity=1) for _ in range(2)]
    for number in range(LETTERS_A_LOOK_MAX):
        for book_id in books:
            await told.keep(book_id, f"{number}@example.org")
    assert [LETTERS_A_LOOK_MAX] * 2 + [0] == [await told.wishing.look() for _ in range(3)]
    first = await told.database.read(
        lambda t: t.all("SELECT wish_id FROM outbox ORDER BY wish_id LIMIT ?1", LETTERS_A_LOOK_MAX)
    )
    assert [(number,) for number in range(1, LETTERS_A_LOOK_MAX + 1)] == first


async def test_old_wishes_end(told: Told, shop: Shop) -> None:
    """After half a year, counted from when they were asked for last."""
    books = [await shop.add_book() for _ in range(2)]
    for book_id in books:
        await told.keep(book_id)
    told.now_ms += DAY_MS
    await told.keep(books[0])
    told.now_ms += WISH_DAYS_MAX * DAY_MS - DAY_MS + 1
    await told.wishing.look()
    assert 1 == await told.kept()
    told.now_ms += DAY_MS
    await told.wishing.look()
    assert 1 == await told.kept()
    told.now_s += END_INTERVAL_S
    await told.wishing.look()
    assert 0 == await told.kept()


async def test_an_ended_wish_gets_no_letter(told: Told, shop: Shop, mailbox: Mailbox) -> None:
    """Even where its letter waits already."""
    book_id = await shop.add_book(quantity=1)
    await told.keep(book_id)
    await told.wishing.look()
    assert 1 == await told.wishing.end(stop_key(SECRET, LINA))
    assert 0 == await told.sending.send_due()
    assert (["dropped"], []) == (await told.letters(), mailbox.mails)


async def test_a_stranger_with_a_loop_fills_nothing(
    told: Told, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address has so many wishes, and the shop; what is kept already can be asked for again."""
    books = [await shop.add_book() for _ in range(WISHES_OF_ADDRESS_MAX + 1)]
    for book_id in books[:-1]:
        await told.keep(book_id)
    await told.keep(books[0])
    with pytest.raises(TooManyWishes):
        await told.keep(books[-1])
    monkeypatch.setattr(wishing, "WISHES_MAX", WISHES_OF_ADDRESS_MAX + 1)
    await told.keep(books[-1], "omar@example.org")
    with pytest.raises(TooManyWishes):
        await told.keep(books[-1], "else@example.org")


@pytest.fixture
async def mailing(
    shop: Shop, server: MailSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Caller]:
    """Open an order service that sends mail, in place of the shop's, and looks often."""
    monkeypatch.setattr(sending, "LOOK_INTERVAL_S", 0.01)
    monkeypatch.setattr(wishing, "LOOK_INTERVAL_S", 0.01)
    async with order_open(tmp_path / "mailing.db", shop.network, server) as order:
        yield order


async def test_a_restart_between_restock_and_mail_loses_no_wish(
    shop: Shop, server: MailSettings, mailbox: Mailbox, tmp_path: Path
) -> None:
    """Neither where the books came while it was away, nor where the letter was called for."""
    book_id = await shop.add_book()
    path = tmp_path / "mailing.db"
    async with order_open(path, shop.network, server) as order:
        assert 200 == (await order.post("/wishes", {"book_id": book_id, "email": LINA})).status
    await stock(shop, book_id, 1)

    async def arrived() -> bool:
        return bool(mailbox.mails)

    async with order_open(path, shop.network, server):
        await until(arrived)
    assert [LINA] == mailbox.recipients


async def test_the_service_keeps_ends_and_forgets_wishes(shop: Shop, mailing: Caller) -> None:
    """Over its routes; each is known by its address alone."""
    book_id = await shop.add_book()
    assert {"on": True} == (await mailing.get("/mail")).json
    wish = {"book_id": book_id, "email": LINA}
    assert 200 == (await mailing.post("/wishes", wish)).status
    end = {"stop_key": stop_key(SECRET, LINA)}
    assert {"wishes": 1} == (await mailing.post("/wishes/end", end)).json
    assert {"wishes": 0} == (await mailing.post("/wishes/end", end)).json
    await mailing.post("/wishes", wish)
    forget = {"email": LINA.upper()}
    assert {"wishes": 1} == (await mailing.post("/wishes/forget", forget)).json
    for path, body in (
        ("/wishes", wish | {"email": "lina"}),
        ("/wishes", wish | {"email": "a@b\r\nBcc: c@d"}),
        ("/wishes/end", {"stop_key": "x"}),
    ):
        assert 400 == (await mailing.post(path, body)).status


async def test_without_mail_no_wish_is_kept(shop: Shop) -> None:
    """Nobody could be told."""
    assert {"on": False} == (await shop.order.get("/mail")).json
    refused = await shop.order.post("/wishes", {"book_id": 1, "email": LINA})
    assert (409, "mail-off") == (refused.status, refused.code)


async def test_the_catalog_says_what_can_be_bought(shop: Shop) -> None:
    """Neither what is sold out nor what is no longer sold."""
    there = await shop.add_book(title="There", quantity=1)
    out = await shop.add_book()
    gone = await shop.add_book(quantity=1)
    await shop.catalog.call("PATCH", f"/books/{gone}", {"retired": True})
    reply = await shop.catalog.post("/in-stock", {"book_ids": [there, out, gone, 99]})
    assert [{"book_id": there, "title": "There"}] == reply.json


def test_what_stands_for_an_address_depends_on_the_secret() -> None:
    """And not on the case of its letters."""
    assert stop_key("a", LINA) == stop_key("a", LINA.lower())
    assert stop_key("a", LINA) != stop_key("b", LINA)
    assert "lina@example.org" == Wish(1, 2, LINA, "", "en", 3).email_key
