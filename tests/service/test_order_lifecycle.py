"""What becomes of an order after its purchase: shown, listed, cancelled, fulfilled."""

import asyncio
from time import process_time
from typing import Any

import pytest

from bazar.kit.data.database import Lane, Work
from bazar.kit.data.sqlite import SqliteDatabase
from bazar.order.domain import StoredOrder
from support.buyers import LINA, OMAR, as_sent
from support.order_calls import SHORT, key, ledger, status
from support.shops import Reply, Shop
from support.wires import Wire, until


async def ended_unsold(shop: Shop, book_id: int, text: str) -> bool:
    """Tell whether the cancelled order of a key was never sold; 202 says: not known yet."""
    replay = await shop.order.post(f"/purchase/{book_id}", None, key(text))
    if replay.status == 202:
        return False
    assert (409, "order-cancelled") == (replay.status, replay.code)
    return True


async def test_an_order_shows_as_it_stands(shop: Shop) -> None:
    """It has its lines, its total to the cent, no reason, and when it was placed."""
    book_id = await shop.add_book(quantity=5)
    bought = await shop.order.post(f"/purchase/{book_id}", {"quantity": 2}, key("a"))
    found = await shop.order.get(bought.headers["location"])
    assert 200 == found.status
    placed_at = found.json["placed_at"]
    assert placed_at.endswith("Z")
    assert {
        "order_id": bought.json["order_id"],
        "status": "confirmed",
        "lines": [{"id": book_id, "quantity": 2, "title": "RPCs for Noobs", "price": 19.99}],
        "total": 39.98,
        "currency": "USD",
        "reason": None,
        "placed_at": placed_at,
        "reference": bought.json["order_id"][-6:].upper(),
        "progress": "to_pick",
    } == found.json
    refused = await shop.order.post(f"/purchase/{book_id}", {"quantity": 9}, key("b"))
    found = await shop.order.get(f"/orders/{refused.json['order_id']}")
    assert ("rejected", "out-of-stock") == (found.json["status"], found.json["reason"])
    assert 404 == (await shop.order.get("/orders/nope")).status


async def test_a_confirmation_is_seen_at_once(shop: Shop) -> None:
    """Reads right after the answer show the order confirmed, before it reached the disk."""
    book_id = await shop.add_book(quantity=50)
    for n in range(10):
        bought = await shop.order.post(f"/purchase/{book_id}", None, key(f"k{n}"))
        order_id = bought.json["order_id"]
        listed = (await shop.order.get("/orders?limit=100")).json
        assert "confirmed" == listed[-1]["status"]
        assert order_id in {one["order_id"] for one in listed}
        assert "confirmed" == (await shop.order.get(f"/orders/{order_id}")).json["status"]


async def test_orders_come_in_pages(shop: Shop) -> None:
    """Following the last order id of each page gives every order once, oldest first."""
    book_id = await shop.add_book(quantity=50)
    placed = []
    for n in range(5):
        bought = await shop.order.post(f"/purchase/{book_id}", None, key(f"k{n}"))
        placed.append(bought.json["order_id"])
        await asyncio.sleep(0.002)  # ids sort by the millisecond
    seen: list[str] = []
    after = ""
    while page := (await shop.order.get(f"/orders?limit=2&after={after}")).json:
        assert len(page) <= 2
        seen += [one["order_id"] for one in page]
        after = seen[-1]
    assert placed == seen
    for bad in ("limit=0", "limit=101", "status=lost", "page=2", "limit=1&limit=2"):
        assert 400 == (await shop.order.get(f"/orders?{bad}")).status


async def test_orders_are_listed_by_status(shop: Shop) -> None:
    """A filter gives the orders of that status and no others, once all of it is on the disk."""
    book_id = await shop.add_book(quantity=3)
    ids: dict[str, str] = {}
    for name, step in (("cancelled", "cancel"), ("fulfilled", "fulfil"), ("confirmed", "")):
        bought = await shop.order.post(f"/purchase/{book_id}", None, key(name))
        ids[name] = bought.json["order_id"]
        if step:
            await shop.order.post(f"/orders/{ids[name]}/{step}")
    refused = await shop.order.post(f"/purchase/{book_id}", {"quantity": 9}, key("rejected"))
    ids["rejected"] = refused.json["order_id"]

    async def flushed() -> bool:
        return bool((await shop.order.get("/orders?status=confirmed")).json)

    await until(flushed)
    for name, order_id in ids.items():
        listed = (await shop.order.get(f"/orders?status={name}")).json
        assert [(order_id, name)] == [(one["order_id"], one["status"]) for one in listed]
    assert [] == (await shop.order.get("/orders?status=pending")).json


async def test_a_list_of_one_status_holds_no_other(shop: Shop) -> None:
    """Right after the answer the order is in the list of its status, and in no other."""
    book_id = await shop.add_book(quantity=3)
    bought = await shop.order.post(f"/purchase/{book_id}", None, key("a"))
    pending = (await shop.order.get("/orders?status=pending")).json
    confirmed = (await shop.order.get("/orders?status=confirmed")).json
    assert [] == pending
    assert [bought.json["order_id"]] == [one["order_id"] for one in confirmed]


async def test_cancelling_gives_the_copies_back_once(shop: Shop) -> None:
    """Ten cancels at once, and one later, all say cancelled; the stock comes back once."""
    book_id = await shop.add_book(quantity=5)
    bought = await shop.order.post(f"/purchase/{book_id}", {"quantity": 2}, key("a"))
    path = f"/orders/{bought.json['order_id']}/cancel"
    replies = await asyncio.gather(*(shop.order.post(path) for _ in range(10)))
    replies.append(await shop.order.post(path))
    assert {(200, "cancelled")} == {(reply.status, reply.json["status"]) for reply in replies}
    assert 5 == await shop.stock(book_id)
    assert [("received", 5), ("sold", -2), ("released", 2)] == await ledger(shop)


async def test_many_cancels_of_one_order_cost_in_proportion_to_their_number(shop: Shop) -> None:
    """None wakes another: sixteen times as many take no more than some forty times the work."""
    book_id = await shop.add_book(quantity=50)
    spent_s: list[float] = []
    for count in (25, 25, 400):  # the first is to warm up
        bought = await shop.order.post(f"/purchase/{book_id}", None, key(f"k{len(spent_s)}"))
        path = f"/orders/{bought.json['order_id']}/cancel"
        start_s = process_time()
        replies = await asyncio.gather(*(shop.order.post(path) for _ in range(count)))
        spent_s.append(process_time() - start_s)
        assert {(200, "cancelled")} == {(reply.status, reply.json["status"]) for reply in replies}
    assert spent_s[2] < 40 * spent_s[1]
    assert 50 == await shop.stock(book_id)


async def test_cancels_at_once_share_one_release(shop: Shop, wire: Wire) -> None:
    """However many ask, the catalog is asked once while they wait."""
    book_id = await shop.add_book(quantity=5)
    bought = await shop.order.post(f"/purchase/{book_id}", None, key("a"))
    path = f"/orders/{bought.json['order_id']}/cancel"
    wire.calls.clear()
    await asyncio.gather(*(shop.order.post(path) for _ in range(100)))
    assert len(wire.calls) <= 3


async def test_what_has_ended_otherwise_is_not_cancelled(shop: Shop) -> None:
    """A rejected and a fulfilled order are 409 and stay as they are; an unknown one is 404."""
    book_id = await shop.add_book(quantity=5)
    rejected = await shop.order.post(f"/purchase/{book_id}", {"quantity": 9}, key("a"))
    fulfilled = await shop.order.post(f"/purchase/{book_id}", {"quantity": 2}, key("b"))
    await shop.order.post(f"/orders/{fulfilled.json['order_id']}/fulfil")
    for order_id, ended in (
        (rejected.json["order_id"], "rejected"),
        (fulfilled.json["order_id"], "fulfilled"),
    ):
        refused = await shop.order.post(f"/orders/{order_id}/cancel")
        assert (409, "order-not-cancellable") == (refused.status, refused.code)
        assert order_id == refused.json["order_id"]
        assert ended == await status(shop, order_id)
    unknown = await shop.order.post("/orders/nope/cancel")
    assert (404, "order-not-found") == (unknown.status, unknown.code)
    assert 3 == await shop.stock(book_id)


async def test_an_order_goes_step_by_step_to_its_buyer(shop: Shop) -> None:
    """Shown with its times; the last step fulfils it, after which it cannot go back or away."""
    book_id = await shop.add_book(quantity=5)
    bought = await shop.order.post("/orders", {"lines": [{"id": book_id}], "buyer": as_sent(OMAR)})
    path = bought.headers["location"]

    async def step(progress: str, **more: str) -> Reply:
        return await shop.order.post(f"{path}/progress", {"progress": progress} | more)

    shown = [(await step(name)).json for name in ("packed", "to_pick", "packed")]
    assert ["packed", "to_pick", "packed"] == [order["progress"] for order in shown]
    refused = await step("ready")
    assert (409, "progress-not-possible") == (refused.status, refused.code)
    assert 400 == (await step("packed", tracking="a\r\nb")).status
    sent = await step("sent", tracking=" RR1 ")
    assert ("fulfilled", "sent", "RR1", sent.json["progress_at"]) == tuple(
        sent.json[name] for name in ("status", "progress", "tracking", "ended_at")
    )
    assert sent.content == (await step("sent")).content == (await shop.order.get(path)).content
    assert sent.content == (await shop.order.post(f"{path}/fulfil")).content
    for refused in (await step("packed"), await shop.order.post(f"{path}/cancel")):
        assert 409 == refused.status
    assert 404 == (await shop.order.post("/orders/nope/progress", {"progress": "sent"})).status


async def test_what_people_did_to_an_order_is_listed(shop: Shop) -> None:
    """Who did it, when, and what was said; nothing that changed nothing, and only to keepers."""
    book_id = await shop.add_book(quantity=5)
    bought = await shop.order.post("/orders", {"lines": [{"id": book_id}], "buyer": as_sent(OMAR)})
    path = bought.headers["location"]
    assert [] == (await shop.order.get(f"{path}/events")).json
    lina = {"bazar-actor": "Lina"}
    for progress in ("packed", "packed", "to_pick"):
        await shop.order.post(f"{path}/progress", {"progress": progress}, lina)
    sent = {"progress": "sent", "tracking": "RR1"}
    shown = (await shop.order.post(f"{path}/progress", sent)).json
    events = (await shop.order.get(f"{path}/events")).json
    assert ["packed", "to_pick", "sent"] == [event["what"] for event in events]
    assert ["Lina", "Lina", ""] == [event.get("by", "") for event in events]
    assert "RR1" == events[2]["detail"]
    assert shown["progress_at"][:19] == events[2]["at"][:19]
    other = await shop.order.post(f"/purchase/{book_id}")
    for _ in range(2):
        await shop.order.post(f"{other.headers['location']}/cancel", None, lina)
    events = (await shop.order.get(f"{other.headers['location']}/events")).json
    assert [("cancelled", "Lina")] == [(event["what"], event["by"]) for event in events]
    assert 404 == (await shop.order.get("/orders/nope/events")).status
    assert 404 == (await shop.front.get(f"{path}/events")).status
    long = await shop.order.post(f"{path}/cancel", None, {"bazar-actor": "x" * 101})
    assert (400, "bazar-actor") == (long.status, long.json["member"])


async def test_a_step_of_an_undecided_order_has_to_wait(shop: Shop, wire: Wire) -> None:
    """Nobody knows whether it will be sold."""
    book_id = await shop.add_book(quantity=5)
    wire.away = True
    accepted = await shop.order.post(f"/purchase/{book_id}", None, key("a") | SHORT)
    path = f"{accepted.headers['location']}/progress"
    assert 503 == (await shop.order.post(path, {"progress": "ready"})).status


async def test_a_cancelled_order_tells_when(shop: Shop) -> None:
    """Once for all; the time stays when it is cancelled again."""
    book_id = await shop.add_book(quantity=5)
    bought = await shop.order.post(f"/purchase/{book_id}")
    first, again = [await shop.order.post(f"{bought.headers['location']}/cancel") for _ in range(2)]
    assert first.json["ended_at"] == again.json["ended_at"]


async def test_the_newest_orders_are_listed_first(shop: Shop) -> None:
    """With filters, and in pages; what does not fit together is refused, and named."""
    book_id = await shop.add_book(quantity=9)
    bought = [
        await shop.order.post("/orders", {"lines": [{"id": book_id}], "buyer": as_sent(buyer)})
        for buyer in (LINA, OMAR, LINA)
    ]
    ids = [one.json["order_id"] for one in bought]
    await shop.order.post(f"/orders/{ids[1]}/fulfil")

    async def listed(question: str) -> list[int]:
        reply = await shop.order.get(f"/orders?sort=-placed_at&{question}")
        assert 200 == reply.status, reply.content
        counts = await shop.order.get(f"/orders/counts?sort=-placed_at&{question}")
        whole = len(ids) if "limit" in question else len(reply.json)
        assert {"orders": whole} == counts.json
        return [ids.index(order["order_id"]) for order in reply.json]

    placed_at = (await shop.order.get(f"/orders/{ids[1]}")).json["placed_at"]
    assert [2, 1, 0] == await listed("limit=9")
    assert [2] == await listed("limit=1")
    assert [1, 0] == await listed(f"before={ids[2]}")
    assert [1] == await listed("status=fulfilled")
    assert [2, 0] == await listed("progress=to_pick")
    assert [1] == await listed("progress=sent")
    assert [] == await listed("progress=sent&status=confirmed")
    assert [2, 1, 0] == await listed("channel=api")
    assert [2, 1] == await listed(f"from={placed_at}")
    assert [0] == await listed(f"to={placed_at}")
    assert [2, 0] == await listed("q=LINA%40example.org")
    assert [1] == await listed("q=oma")
    assert [1] == await listed(f"q={ids[1][-6:-3].upper()}+{ids[1][-3:].upper()}")
    for question in ("q=lina", "sort=-placed_at&after=a", "sort=-placed_at&before=nope"):
        assert 400 == (await shop.order.get(f"/orders?{question}")).status
    for question in ("q=lina", "sort=-placed_at&after=a", "sort=-placed_at&status=x"):
        assert 400 == (await shop.order.get(f"/orders/counts?{question}")).status


async def test_only_a_confirmed_order_is_fulfilled(shop: Shop) -> None:
    """Twice is as once; rejected and cancelled are 409 and stay; unknown is 404."""
    book_id = await shop.add_book(quantity=5)
    bought = await shop.order.post(f"/purchase/{book_id}", None, key("a"))
    for _ in range(2):
        done = await shop.order.post(f"/orders/{bought.json['order_id']}/fulfil")
        assert (200, "fulfilled") == (done.status, done.json["status"])
    rejected = await shop.order.post(f"/purchase/{book_id}", {"quantity": 9}, key("b"))
    cancelled = await shop.order.post(f"/purchase/{book_id}", None, key("c"))
    await shop.order.post(f"/orders/{cancelled.json['order_id']}/cancel")
    for reply, ended in ((rejected, "rejected"), (cancelled, "cancelled")):
        refused = await shop.order.post(f"/orders/{reply.json['order_id']}/fulfil")
        assert (409, "order-not-fulfillable") == (refused.status, refused.code)
        assert ended == await status(shop, reply.json["order_id"])
    assert 404 == (await shop.order.post("/orders/nope/fulfil")).status
    assert 4 == await shop.stock(book_id)


@pytest.mark.usefixtures("impatient")
async def test_a_pending_order_can_be_cancelled(shop: Shop, wire: Wire) -> None:
    """Cancelled while the catalog is away, it is never sold, and its key says so."""
    book_id = await shop.add_book(quantity=5)
    wire.away = True
    accepted = await shop.order.post(f"/purchase/{book_id}", None, key("a") | SHORT)
    order_id = accepted.json["order_id"]
    cancelled = await shop.order.post(f"/orders/{order_id}/cancel")
    assert (200, "cancelled") == (cancelled.status, cancelled.json["status"])
    wire.away = False

    await until(lambda: ended_unsold(shop, book_id, "a"))
    assert 200 == (await shop.catalog.get(f"/reservations/{order_id}")).status
    assert 5 == await shop.stock(book_id)
    assert [("received", 5)] == await ledger(shop)


@pytest.mark.usefixtures("impatient")
async def test_a_cancel_that_overtakes_the_recovery_loop_is_never_sold(
    shop: Shop, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop read the order as pending, and goes on when it is cancelled and the catalog back."""
    book_id = await shop.add_book(quantity=5)
    wire.away = True
    accepted = await shop.order.post(f"/purchase/{book_id}", None, key("a") | SHORT)
    order_id = accepted.json["order_id"]
    go_on = asyncio.Event()
    seen: list[object] = []
    scan = SqliteDatabase.scan

    async def slow(database: SqliteDatabase, work: Work[Any], *lane: Lane) -> object:
        found: list[StoredOrder] = await scan(database, work, *lane)
        seen.extend(one.order_id for one in found if isinstance(one, StoredOrder))
        await go_on.wait()
        return found

    async def read_by_the_loop() -> bool:
        return order_id in seen

    monkeypatch.setattr(SqliteDatabase, "scan", slow)
    await until(read_by_the_loop)
    cancelled = await shop.order.post(f"/orders/{order_id}/cancel")
    assert (200, "cancelled") == (cancelled.status, cancelled.json["status"])
    wire.away = False
    go_on.set()

    async def settled() -> bool:
        assert "cancelled" == (await shop.order.get(f"/orders/{order_id}")).json["status"]
        return await ended_unsold(shop, book_id, "a")

    await until(settled)
    assert [("received", 5)] == await ledger(shop)


@pytest.mark.usefixtures("impatient")
async def test_a_cancel_while_the_catalog_is_away_returns_the_stock_later(
    shop: Shop, wire: Wire
) -> None:
    """The order is cancelled at once; the loop gives its copies back, once."""
    book_id = await shop.add_book(quantity=5)
    bought = await shop.order.post(f"/purchase/{book_id}", {"quantity": 2}, key("a"))
    wire.away = True
    cancelled = await shop.order.post(f"/orders/{bought.json['order_id']}/cancel")
    assert (200, "cancelled") == (cancelled.status, cancelled.json["status"])
    wire.away = False

    async def returned() -> bool:
        return 5 == await shop.stock(book_id)

    await until(returned)
    assert [("received", 5), ("sold", -2), ("released", 2)] == await ledger(shop)


async def test_a_cancel_during_the_purchase_waits_for_its_decision(shop: Shop, wire: Wire) -> None:
    """The buyer hears that it was bought, the canceller that it is cancelled, in that order."""
    book_id = await shop.add_book(quantity=5)
    wire.open.clear()
    buying = asyncio.create_task(shop.order.post(f"/purchase/{book_id}", None, key("a")))

    async def asked() -> bool:
        return "POST /reservations" in wire.calls

    await until(asked)
    order_id = (await shop.order.get("/orders")).json[0]["order_id"]
    cancelling = asyncio.create_task(shop.order.post(f"/orders/{order_id}/cancel"))
    await asyncio.sleep(0.1)
    assert not cancelling.done()
    wire.open.set()
    bought, cancelled = await asyncio.gather(buying, cancelling)
    assert (201, order_id) == (bought.status, bought.json["order_id"])
    assert "cancelled" == cancelled.json["status"]
    assert 5 == await shop.stock(book_id)
    replay = await shop.order.post(f"/purchase/{book_id}", None, key("a"))
    assert bought.content == replay.content


async def test_a_canceller_that_goes_away_disturbs_no_other(shop: Shop, wire: Wire) -> None:
    """Of three cancels that wait for a purchase one gives up; the others are answered."""
    book_id = await shop.add_book(quantity=5)
    wire.open.clear()
    buying = asyncio.create_task(shop.order.post(f"/purchase/{book_id}", None, key("a")))

    async def asked() -> bool:
        return "POST /reservations" in wire.calls

    await until(asked)
    order_id = (await shop.order.get("/orders")).json[0]["order_id"]
    cancels = [asyncio.create_task(shop.order.post(f"/orders/{order_id}/cancel")) for _ in range(3)]
    await asyncio.sleep(0.1)
    cancels[1].cancel()
    await asyncio.sleep(0.1)
    wire.open.set()
    await buying
    replies = await asyncio.gather(*cancels, return_exceptions=True)
    assert [200, 200] == [reply.status for reply in replies if isinstance(reply, Reply)]
    assert 5 == await shop.stock(book_id)
