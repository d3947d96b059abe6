"""Letters to buyers from two order services over one database: each is sent by one of them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from bazar.order import turns
from bazar.order.mail import sending
from support.buyers import LINA, as_sent, placement
from support.engines import POSTGRES
from support.mailboxes import Mailbox, mail_server
from support.order_calls import SHORT, key
from support.replicas import Replica, Replicas, two_open
from support.wires import until


@pytest.fixture
def mailbox() -> Mailbox:
    """Take every mail."""
    return Mailbox()


@pytest.fixture(params=sorted(POSTGRES)[-1:])
async def shop(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Replicas]:
    """Open a shop with two order services that send mail, and look for it often."""
    monkeypatch.setattr(sending, "LOOK_INTERVAL_S", 0.01)
    monkeypatch.setattr(turns, "AGE_S_MIN", {"first": 0.0, "other": 0.0})
    async with (
        mail_server(mailbox) as settings,
        two_open(str(request.param), tmp_path, settings) as shop,
    ):
        yield shop


async def bought(replica: Replica, book_id: int, name: str) -> int:
    """Buy a copy of a book for a buyer, under a key; return the status."""
    body = {"lines": [{"id": book_id}], "buyer": as_sent(LINA)}
    return (await replica.order.post("/orders", body, key(name) | SHORT)).status


async def arrived(mailbox: Mailbox, number: int) -> None:
    """Wait until so many mails are there."""

    async def there() -> bool:
        return len(mailbox.mails) >= number

    await until(there)


@pytest.mark.parametrize("leaves", ["a", "b"])
async def test_each_letter_is_sent_once_whoever_leaves(
    shop: Replicas, mailbox: Mailbox, leaves: str
) -> None:
    """By one of the two; and by the other one, when that has stopped."""
    sent = "SELECT count(*) FROM outbox WHERE state = 'sent'"

    async def noted(number: int) -> bool:
        return (number,) == await shop.database.read(lambda t: t.one(sent))

    book_id = await shop.add_book(quantity=99)
    both = (shop.a, shop.b)
    await asyncio.gather(*[bought(both[n % 2], book_id, f"k{n}") for n in range(16)])
    await arrived(mailbox, 16)
    await until(lambda: noted(16))  # one that stops before that has the last letter sent again
    stays = shop.b if leaves == "a" else shop.a
    await (shop.a if leaves == "a" else shop.b).stop()
    for number in range(3):
        assert 201 == await bought(stays, book_id, f"later{number}")
    await arrived(mailbox, 19)
    await until(lambda: noted(19))
    assert 19 == len(mailbox.mails)
    assert 19 == len({mail["Message-ID"] for mail in mailbox.mails})


async def test_who_was_told_to_wait_by_one_hears_of_a_refusal_by_the_other(
    shop: Replicas, mailbox: Mailbox
) -> None:
    """By a letter, since nobody else will say so."""
    book_id = await shop.add_book(quantity=0)
    shop.a.wire.away = shop.b.wire.away = True
    assert 202 == await bought(shop.a, book_id, "a")
    shop.b.wire.away = False
    await arrived(mailbox, 1)
    assert "تعذّر" in mailbox.subjects()[0]


async def test_a_refusal_that_comes_as_its_buyer_stops_waiting_is_told(
    shop: Replicas, mailbox: Mailbox
) -> None:
    """Each of many orders whose decision comes at about its deadline: 409, or 202 and a letter."""
    book_id = await shop.add_book(quantity=0)
    crowd = [
        placement(
            f"k{n}", book_id, replace(LINA, email=f"b{n}@example.org"), deadline_ms=4 + n % 24
        )
        for n in range(60)
    ]
    both = (shop.a, shop.b)
    batches = await asyncio.gather(
        *[both[n % 2].order.post("/placements", [one]) for n, one in enumerate(crowd)]
    )
    statuses = [batch.json[0]["status"] for batch in batches]
    waiting = {f"b{n}@example.org" for n, status in enumerate(statuses) if status == 202}
    assert {202, 409, 503} >= set(statuses)

    async def told() -> bool:
        return waiting <= set(mailbox.recipients)

    await until(told)
