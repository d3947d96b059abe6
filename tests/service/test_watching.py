"""The steps that services write while somebody watches, and that they write none else."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog

from bazar.kit import log
from bazar.kit.log_file import LogFile
from bazar.kit.steps import order_name, steps
from bazar.order.mail import sending
from bazar.order.mail.settings import MailSettings
from support.buyers import LINA, as_sent
from support.mailboxes import Mailbox, mail_server
from support.order_calls import SHORT, key
from support.shops import Shop, order_open
from support.wires import Wire, until

Lines = list[dict[str, Any]]


class Watched:
    """The log of a shop in this process."""

    def __init__(self, path: Path) -> None:
        """Read this file."""
        self.path = path

    def lines(self, **about: object) -> Lines:
        """Return the steps so far, or those with some facts."""
        said = [msgspec.json.decode(line) for line in self.path.read_text().splitlines()]
        return [
            line
            for line in said
            if line["event"] == "step" and all(line.get(name) == it for name, it in about.items())
        ]

    def steps(self, **about: object) -> str:
        """Return the names of those steps."""
        return " ".join(line["step"] for line in self.lines(**about))


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """Watch, for one test."""
    path = tmp_path / "watched.log"
    file = LogFile(path)
    log.configure("shop", "json", "debug", file)
    steps.watch("secret")
    yield Watched(path)
    steps.on = False
    log.configure()
    structlog.reset_defaults()
    file.close()


async def test_a_purchase_writes_each_step_once(shop: Shop, watched: Watched) -> None:
    """In the order in which they happen; the request's id travels to all of them."""
    book_id = await shop.add_book(quantity=5)
    headers = key("a") | {"x-request-id": "mine-1"}
    bought = await shop.front.post(f"/purchase/{book_id}", {"quantity": 2}, headers)
    assert 201 == bought.status
    assert watched.steps() == (
        "taken sent asked received stored sent asked asked-for decided committed answered heard "
        "kept answer answered told"
    )
    name = order_name(bought.json["order_id"])
    assert watched.steps(order=name) == (
        "stored sent asked-for decided committed heard kept answer told"
    )
    assert "taken sent received stored sent asked-for answer told" == watched.steps(
        request_id="mine-1"
    )
    (taken,) = watched.lines(step="taken")
    assert (f"2x{book_id}", "api") == (taken["lines"], taken["channel"])
    assert 1 == len({line["key"] for line in watched.lines() if "key" in line})
    assert 2 == len({line["call"] for line in watched.lines() if "call" in line})


async def test_orders_of_a_batch_keep_their_own_request_ids(shop: Shop, watched: Watched) -> None:
    """The call has one of its own, and its lines say how many it carries."""
    book_id = await shop.add_book(quantity=5)
    placements = [
        {"kind": "purchase", "lines": [{"id": book_id}], "key": f"k{n}", "request_id": f"mine-{n}"}
        for n in range(3)
    ]
    assert 200 == (await shop.order.post("/placements", placements)).status
    for step in ("received", "sent", "asked-for"):
        lines = watched.lines(step=step)
        assert ["mine-0", "mine-1", "mine-2"] == [line["request_id"] for line in lines]
        assert ({3}, 1) == ({line["batch"] for line in lines}, len({one["call"] for one in lines}))
    assert 1 == len(watched.lines(step="asked"))
    assert 3 == len(watched.lines(step="committed"))


async def test_what_a_key_placed_before_is_found(shop: Shop, watched: Watched) -> None:
    """The same order, by another request; one that asks for something else is refused."""
    book_id = await shop.add_book(quantity=5)
    first = await shop.front.post(f"/purchase/{book_id}", None, key("a"))
    again = await shop.front.post(f"/purchase/{book_id}", None, key("a"))
    assert first.content == again.content
    (replayed,) = watched.lines(step="replayed")
    assert (order_name(first.json["order_id"]), "confirmed") == (
        replayed["order"],
        replayed["status"],
    )
    other = await shop.front.post(f"/purchase/{book_id}", {"quantity": 2}, key("a"))
    assert 422 == other.status
    assert ("idempotency-key-reused", 422) == (
        watched.lines(step="told")[-1]["code"],
        watched.lines(step="told")[-1]["status"],
    )
    assert 1 == len({line["key"] for line in watched.lines(step="taken")})


async def test_a_refusal_says_why(shop: Shop, watched: Watched) -> None:
    """Whether the catalog refused an order, or none was stored."""
    book_id = await shop.add_book(quantity=0)
    assert 409 == (await shop.front.post(f"/purchase/{book_id}")).status
    assert ["out-of-stock"] * 3 == [
        watched.lines(step=step)[0]["code"] for step in ("decided", "heard", "told")
    ]
    assert "rejected" == watched.lines(step="kept")[0]["status"]
    lines = [{"id": book_id, "quantity": 1}, {"id": book_id, "quantity": 2}]
    refused = await shop.order.post("/orders", {"lines": lines})
    assert (400, refused.code) == (refused.status, watched.lines(step="refused")[0]["code"])


async def test_an_order_that_waits_for_the_catalog_is_watched_to_its_end(
    shop: Shop, wire: Wire, watched: Watched
) -> None:
    """No answer, no decision in time, and the loop that ends it."""
    book_id = await shop.add_book(quantity=5)
    wire.away = True
    accepted = await shop.front.post(f"/purchase/{book_id}", None, key("a") | SHORT)
    assert 202 == accepted.status
    name = order_name(accepted.json["order_id"])
    assert watched.lines(step="no-answer")
    assert [name] == [line["order"] for line in watched.lines(step="undecided")]
    assert [202] == [line["status"] for line in watched.lines(step="told")]
    wire.away = False

    async def kept() -> bool:
        return bool(watched.lines(step="kept", order=name, status="confirmed"))

    await until(kept)
    assert "decided committed" in watched.steps(order=name)


async def test_a_call_that_nobody_answers_is_given_up(
    shop: Shop, wire: Wire, watched: Watched, impatient: None
) -> None:
    """Then the order waits for the loop, which takes it up again."""
    assert impatient is None
    book_id = await shop.add_book(quantity=5)
    wire.away = True
    accepted = await shop.front.post(f"/purchase/{book_id}", None, key("a") | SHORT)
    name = order_name(accepted.json["order_id"])

    async def again() -> bool:
        return bool(watched.lines(step="driven-again", order=name))

    await until(again)
    assert watched.lines(step="gave-up", upstream="catalog")
    assert "not-heard" not in watched.steps()


async def test_a_cancel_is_watched_until_the_copies_are_back(shop: Shop, watched: Watched) -> None:
    """By whom is in no step."""
    book_id = await shop.add_book(quantity=5)
    order_id = (await shop.front.post(f"/purchase/{book_id}", {"quantity": 3})).json["order_id"]
    before = len(watched.lines())
    headers = {"bazar-actor": "Mira Keeper"}
    assert 200 == (await shop.order.post(f"/orders/{order_id}/cancel", None, headers)).status
    assert (
        "cancel-taken changed release-sent asked release-asked released answered released-heard"
        == (" ".join(line["step"] for line in watched.lines()[before:]))
    )
    assert [3] == [line["copies"] for line in watched.lines(step="released")]
    assert "Mira" not in watched.path.read_text()
    assert order_id not in watched.path.read_text()


async def test_letters_are_watched_and_name_nobody(
    shop: Shop, watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Noted with the change, and sent; to whom is in no line."""
    monkeypatch.setattr(sending, "LOOK_INTERVAL_S", 0.01)
    book_id = await shop.add_book(quantity=5)
    mailbox = Mailbox()
    async with mail_server(mailbox) as settings:
        await _buys_by_mail(shop, settings, tmp_path, book_id, watched)
    said = watched.path.read_text()
    for secret in (LINA.name, LINA.email, LINA.tel):
        assert not secret or secret not in said


async def _buys_by_mail(
    shop: Shop, settings: MailSettings, folder: Path, book_id: int, watched: Watched
) -> None:
    async with order_open(folder / "mailing.db", shop.network, settings) as order:
        body = {"lines": [{"id": book_id}], "buyer": as_sent(LINA)}
        bought = await order.post("/orders", body)
        assert 201 == bought.status

        async def sent() -> bool:
            return bool(watched.lines(step="mail-sent"))

        await until(sent)
    name = order_name(bought.json["order_id"])
    for step in ("mail-noted", "mail-sent"):
        (line,) = watched.lines(step=step)
        assert (name, "confirmed") == (line["order"], line["kind"])


async def test_a_form_that_is_refused_uses_its_key_up(shop: Shop, watched: Watched) -> None:
    """And that is a step of its own."""
    book_id = await shop.add_book(quantity=5)
    body = {"key": "a-form", "lines": [{"id": book_id}]}
    assert 200 == (await shop.order.post("/placements/refuse", body)).status
    assert 1 == len(watched.lines(step="withdrawn"))


async def test_nothing_is_written_where_nobody_watches(shop: Shop, tmp_path: Path) -> None:
    """At the level info there are the lines of requests alone."""
    path = tmp_path / "info.log"
    file = LogFile(path)
    log.configure("shop", "json", "info", file)
    try:
        book_id = await shop.add_book(quantity=5)
        answers = await asyncio.gather(*(shop.front.post(f"/purchase/{book_id}") for _ in range(5)))
        assert {201} == {answer.status for answer in answers}
        await shop.front.post(f"{answers[0].headers['location']}/cancel")
    finally:
        log.configure()
        structlog.reset_defaults()
        file.close()
    lines = [msgspec.json.decode(line) for line in path.read_text().splitlines()]
    assert {"request"} == {line["event"] for line in lines}
    assert not any("process" in line for line in lines)
