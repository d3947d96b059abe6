"""Letters to buyers: noted with each change, and sent at least once, whatever the server does."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bazar.kit.data.sqlite import SqliteDatabase
from bazar.order.mail import sending
from bazar.order.mail.sending import AWAY_PAUSE_S, PAUSES_S, Sending
from bazar.order.mail.settings import MailSettings
from bazar.order.mail.wished import Wished
from bazar.order.store.sqlite import SqliteStore
from bazar.order.store.wishes import WishStore
from bazar.wire.orders import Buyer
from support.buyers import LINA, OMAR, as_sent, placement
from support.mailboxes import Mailbox, mail_server
from support.order_calls import SHORT, key
from support.shops import CATALOG_URL, Caller, Reply, Shop, order_open
from support.wires import Wire, until


class Time:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        """Start long after the machine did."""
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


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
    """Open an order service that sends mail, in place of the shop's, and looks for it often."""
    monkeypatch.setattr(sending, "LOOK_INTERVAL_S", 0.01)
    async with order_open(tmp_path / "mailing.db", shop.network, server) as order:
        yield order


async def bought(order: Caller, book_id: int, buyer: Buyer, **headers: str) -> Reply:
    """Buy a copy of a book for a buyer."""
    body = {"lines": [{"id": book_id}], "buyer": as_sent(buyer)}
    return await order.post("/orders", body, headers)


async def arrived(mailbox: Mailbox, number: int) -> None:
    """Wait until so many mails are there."""

    async def there() -> bool:
        return len(mailbox.mails) >= number

    await until(there)


async def test_each_step_of_an_order_is_told_once(
    shop: Shop, mailing: Caller, mailbox: Mailbox
) -> None:
    """In the language of its buyer; nobody is written to who gave no address."""
    book_id = await shop.add_book(quantity=9)
    assert 201 == (await mailing.post(f"/purchase/{book_id}")).status
    orders = [await bought(mailing, book_id, buyer) for buyer in (LINA, OMAR, OMAR)]
    lina, omar, other = (one.headers["location"] for one in orders)
    assert (await mailing.get(lina)).json["mailed"]
    await arrived(mailbox, 3)
    for progress in ("ready", "to_pick", "ready"):
        await mailing.post(f"{lina}/progress", {"progress": progress})
    await arrived(mailbox, 4)
    await mailing.post(f"{omar}/progress", {"progress": "sent", "tracking": "RR1"})
    await arrived(mailbox, 5)
    for _ in range(2):
        await mailing.post(f"{other}/cancel")
    await arrived(mailbox, 6)
    assert ["lina", "omar", "omar", "lina", "omar", "omar"] == [
        to.partition("@")[0] for to in mailbox.recipients
    ]
    references = [path[-6:].upper() for path in (lina, omar, other)]
    spoken = [f"{one[:3]} {one[3:]}" for one in references]
    assert [
        f"تم تأكيد طلبك {spoken[0]}",
        f"Your order {spoken[1]} is confirmed",
        f"Your order {spoken[2]} is confirmed",
        f"طلبك {spoken[0]} جاهز للاستلام",
        f"Your order {spoken[1]} is on its way",
        f"Your order {spoken[2]} is cancelled",
    ] == mailbox.subjects()
    assert 6 == len({mail["Message-ID"] for mail in mailbox.mails})
    assert b"bazar_mails_waiting" in (await mailing.get("/metrics")).content


async def test_a_refusal_is_written_only_to_who_was_told_to_wait(
    shop: Shop, mailing: Caller, mailbox: Mailbox
) -> None:
    """Who sees it on the page needs no letter; who got a 202 has gone."""
    book_id = await shop.add_book(quantity=0)
    wire = Wire(shop.network, CATALOG_URL)
    assert 409 == (await bought(mailing, book_id, LINA)).status
    wire.away = True
    assert 202 == (await bought(mailing, book_id, OMAR, **key("a"), **SHORT)).status
    wire.away = False
    await arrived(mailbox, 1)
    assert 409 == (await bought(mailing, book_id, LINA)).status
    cancelled = await bought(mailing, await shop.add_book(quantity=1), LINA)
    await mailing.post(f"{cancelled.headers['location']}/cancel")
    await arrived(mailbox, 2)
    assert ["omar@example.org"] == mailbox.recipients[:1]
    assert "We could not fill your order" in mailbox.subjects()[0]
    assert {"lina@example.org"} == set(mailbox.recipients[1:])


async def test_a_refusal_that_comes_as_its_buyer_stops_waiting_is_told_one_way_or_the_other(
    shop: Shop, mailing: Caller, mailbox: Mailbox
) -> None:
    """Each of many orders whose decision comes at about its deadline: 409, or 202 and a letter."""
    book_id = await shop.add_book(quantity=0)
    crowd = [
        placement(
            f"k{n}", book_id, replace(LINA, email=f"b{n}@example.org"), deadline_ms=4 + n % 12
        )
        for n in range(60)
    ]
    batches = await asyncio.gather(*(mailing.post("/placements", [one]) for one in crowd))
    statuses = [batch.json[0]["status"] for batch in batches]
    waiting = {f"b{n}@example.org" for n, status in enumerate(statuses) if status == 202}
    assert {202, 409, 503} >= set(statuses)
    await arrived(mailbox, len(waiting))
    assert waiting <= set(mailbox.recipients)


async def test_a_server_that_hangs_holds_up_no_order(
    shop: Shop, mailing: Caller, mailbox: Mailbox
) -> None:
    """Orders are placed, changed and shown while a letter waits for its answer."""
    book_id = await shop.add_book(quantity=9)
    mailbox.open.clear()
    async with asyncio.timeout(5):
        for _ in range(3):
            order = await bought(mailing, book_id, OMAR)
            path = order.headers["location"]
            assert 200 == (await mailing.post(f"{path}/progress", {"progress": "packed"})).status
    assert [] == mailbox.mails
    mailbox.open.set()
    await arrived(mailbox, 3)


async def test_turning_mail_on_sends_no_old_letters(
    shop: Shop,
    server: MailSettings,
    mailbox: Mailbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Orders that were placed while it was off were promised none."""
    monkeypatch.setattr(sending, "LOOK_INTERVAL_S", 0.01)
    book_id = await shop.add_book(quantity=9)
    database = tmp_path / "silent.db"
    async with order_open(database, shop.network) as order:
        first = await bought(order, book_id, LINA)
        assert "mailed" not in (await order.get(first.headers["location"])).json
        refused = await order.post("/mail/test", {"to": "me@example.org"})
        assert (409, "mail-off") == (refused.status, refused.code)
    async with order_open(database, shop.network, server) as order:
        await bought(order, book_id, OMAR)
        await arrived(mailbox, 1)
    assert ["omar@example.org"] == mailbox.recipients


async def test_a_trial_shows_whether_mail_arrives(mailing: Caller, mailbox: Mailbox) -> None:
    """Or says why it does not."""
    sent = await mailing.post("/mail/test", {"to": "me@example.org"})
    assert (200, {"to": "me@example.org"}) == (sent.status, sent.json)
    assert ["Mail of the shop arrives"] == mailbox.subjects()
    mailbox.refused.add("you@example.org")
    refused = await mailing.post("/mail/test", {"to": "you@example.org"})
    assert (502, "mail-not-sent") == (refused.status, refused.code)
    assert "nobody lives here" in refused.json["detail"]
    wrong = await mailing.post("/mail/test", {"to": "you@example.org\r\nBcc: a@b"})
    assert (400, "to") == (wrong.status, wrong.json["member"])


async def no_book(_book_id: int) -> None:
    """Have no book."""


class Letters:
    """A database with orders whose letters wait, and a loop over it that the test turns."""

    def __init__(self, path: Path, settings: MailSettings, time: Time) -> None:
        """Open it."""
        self.time = time
        self.database = SqliteDatabase(path)
        store = SqliteStore()
        self.sending = Sending(
            self.database,
            store,
            settings,
            Wished(self.database, store, WishStore(), no_book),
            time=time,
            answer_max_s=0.2,
        )

    async def sent_after(self, pause_s: float) -> int:
        """Let time pass, and return how many letters were sent then."""
        self.time.now_s += pause_s
        return await self.sending.send_due()

    async def rows(self) -> list[tuple[Any, ...]]:
        """Return state and tries of each letter."""
        return await self.database.read(
            lambda t: t.all("SELECT state, tries FROM outbox ORDER BY letter_id")
        )


@pytest.fixture
async def waiting(shop: Shop, server: MailSettings, tmp_path: Path) -> Path:
    """Return a database with three orders whose letters are not sent yet."""
    book_id = await shop.add_book(quantity=9)
    database = tmp_path / "waiting.db"
    nowhere = replace(server, port=9)
    async with order_open(database, shop.network, nowhere) as order:
        for buyer in (LINA, OMAR, LINA):
            assert 201 == (await bought(order, book_id, buyer)).status
    connection = SqliteDatabase(database)
    await connection.write(lambda t: t.run("UPDATE outbox SET tries = 0"))
    await connection.close()
    return database


@pytest.fixture
async def letters(waiting: Path, server: MailSettings) -> AsyncIterator[Letters]:
    """Open what waits."""
    opened = Letters(waiting, server, Time())
    yield opened
    await opened.database.close()


async def test_a_letter_is_tried_after_each_pause_and_then_given_up(
    letters: Letters, mailbox: Mailbox
) -> None:
    """Not a second before; the letters beside it are not held up, and it is counted as dead."""
    mailbox.refused.add("omar@example.org")
    assert 2 == await letters.sent_after(0)
    for number, pause_s in enumerate(PAUSES_S, 1):
        assert [("sent", 1), ("waiting", number), ("sent", 1)] == await letters.rows()
        assert 0 == await letters.sent_after(pause_s - 1)
        assert ("waiting", number) == (await letters.rows())[1]
        assert 0 == await letters.sent_after(1)
    assert [("sent", 1), ("dead", 7), ("sent", 1)] == await letters.rows()
    mailbox.refused.clear()
    assert 0 == await letters.sent_after(10 * PAUSES_S[-1])
    assert (1, 0) == (letters.sending.dead, letters.sending.waiting())


async def test_a_server_that_is_away_costs_one_letter_a_try(
    letters: Letters, waiting: Path, server: MailSettings
) -> None:
    """The others wait for it without one; when it is back all are sent."""
    await letters.database.close()
    away = Letters(waiting, replace(server, port=9), Time())
    try:
        assert 0 == await away.sent_after(0)
        assert 0 == await away.sent_after(AWAY_PAUSE_S - 1)
        assert [("waiting", 1), ("waiting", 0), ("waiting", 0)] == await away.rows()
        away.sending._settings = server  # noqa: SLF001  it comes back
        assert 3 == await away.sent_after(1)
    finally:
        await away.database.close()


async def test_a_letter_that_was_sent_as_the_service_died_is_sent_again_and_can_be_told(
    letters: Letters, waiting: Path, server: MailSettings, mailbox: Mailbox, tmp_path: Path
) -> None:
    """The server took it and the disk does not say so: a second copy with the same Message-ID."""
    crashed = tmp_path / "crashed.db"

    def crash() -> None:
        if not crashed.exists():
            for ending in ("-wal", ""):
                shutil.copy(f"{waiting}{ending}", f"{crashed}{ending}")

    mailbox.on_arrival = crash
    assert 3 == await letters.sent_after(0)
    after = Letters(crashed, server, Time())
    try:
        assert [("waiting", 1), ("waiting", 0), ("waiting", 0)] == await after.rows()
        assert 3 == await after.sent_after(0)
    finally:
        await after.database.close()
    ids = [mail["Message-ID"] for mail in mailbox.mails]
    assert sorted(ids[:3]) == sorted(ids[3:])
    assert 3 == len(set(ids))


async def test_a_restart_tries_at_once_and_counts_nothing(
    letters: Letters, waiting: Path, server: MailSettings, mailbox: Mailbox
) -> None:
    """So no letter is given up before its pauses are over, however often the service starts."""
    mailbox.refused.add("omar@example.org")
    assert 2 == await letters.sent_after(0)
    assert 0 == await letters.sent_after(PAUSES_S[0])
    await letters.database.close()
    for _ in range(9):
        restarted = Letters(waiting, server, Time())
        assert 0 == await restarted.sent_after(0)
        assert ("waiting", 2) == (await restarted.rows())[1]
        assert 0 == await restarted.sent_after(PAUSES_S[1] - 1)
        await restarted.database.close()
    restarted = Letters(waiting, server, Time())
    mailbox.refused.clear()
    assert 1 == await restarted.sent_after(0)
    await restarted.database.close()


async def test_a_letter_that_is_not_true_any_more_is_dropped(
    letters: Letters, mailbox: Mailbox
) -> None:
    """An order that was cancelled meanwhile is not told to be confirmed."""
    await letters.database.write(
        lambda t: t.run("UPDATE orders SET status = 'cancelled' WHERE sequence = 2")
    )
    assert 2 == await letters.sent_after(0)
    assert [("sent", 1), ("dropped", 0), ("sent", 1)] == await letters.rows()
    assert 0 == letters.sending.waiting()
    assert "omar@example.org" not in mailbox.recipients


async def test_a_letter_that_cannot_be_written_holds_up_no_other(
    letters: Letters, mailbox: Mailbox
) -> None:
    """A name that somebody wrote into the database, with a header in it."""
    await letters.database.write(
        lambda t: t.run(
            "UPDATE buyers SET name = 'a' || char(13, 10) || 'Bcc: x' WHERE sequence = 2"
        )
    )
    assert 2 == await letters.sent_after(0)
    assert [("sent", 1), ("waiting", 1), ("sent", 1)] == await letters.rows()
    assert ["lina@example.org"] * 2 == mailbox.recipients


async def test_a_slow_recipient_holds_up_no_other(letters: Letters, mailbox: Mailbox) -> None:
    """Anyone may name an address whose server takes its time: it costs its own letter a try."""
    mailbox.slow.add("omar@example.org")
    async with asyncio.timeout(5):
        assert 2 == await letters.sent_after(0)
    assert [("sent", 1), ("waiting", 1), ("sent", 1)] == await letters.rows()


async def test_a_server_that_never_answers_is_left_after_a_while(
    letters: Letters, mailbox: Mailbox
) -> None:
    """The loop is not held up for ever, and tries again later."""
    mailbox.open.clear()
    async with asyncio.timeout(5):
        assert 0 == await letters.sent_after(0)
    mailbox.open.set()
    assert 0 == await letters.sent_after(AWAY_PAUSE_S - 1)
    assert 3 == await letters.sent_after(1)
