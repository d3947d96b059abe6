"""Orders that the catalog does not take: they hold up nobody, are named, and end in the end."""

import asyncio
from pathlib import Path

import apsw
import pytest

from bazar.order import stuck
from bazar.order.driving import RECOVERY_INTERVAL_S
from bazar.wire import budgets
from support.order_calls import SHORT, key, status
from support.shops import Shop
from support.wires import Wire, until

ASKS_S = 0.2
DAMAGE = {
    "another book": "UPDATE order_lines SET book_id = 0 WHERE order_id = ?1",
    "no copies": "UPDATE order_lines SET quantity = 0 WHERE order_id = ?1",
    "too many copies": "UPDATE order_lines SET quantity = 100000 WHERE order_id = ?1",
    "no lines": "DELETE FROM order_lines WHERE order_id = ?1",
}


def damage(tmp_path: Path, statement: str, *values: object) -> None:
    """Change rows of the order service past it, as a disk or a person may."""
    connection = apsw.Connection(str(tmp_path / "order.db"))
    connection.set_busy_timeout(5000)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    connection.execute(statement, values)
    connection.close()


async def damage_for_good(tmp_path: Path, statement: str, order_id: str) -> None:
    """Change rows, and wait until nobody asks for what they were before."""
    damage(tmp_path, statement, order_id)
    await asyncio.sleep(RECOVERY_INTERVAL_S + ASKS_S * 2)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up a catalog that does not answer soon."""
    monkeypatch.setattr(budgets, "RESERVE_BATCH_MS", int(ASKS_S * 1000))


async def accepted(shop: Shop, book_id: int, count: int) -> list[str]:
    """Place orders while the catalog is away, and return their ids."""
    buying = (
        shop.order.post(f"/purchase/{book_id}", None, key(f"k{n}") | SHORT) for n in range(count)
    )
    replies = await asyncio.gather(*buying)
    assert {202} == {reply.status for reply in replies}
    return [reply.json["order_id"] for reply in replies]


async def stuck_orders(shop: Shop) -> dict[str, int]:
    """Return the stuck orders, each with how often it was tried."""
    listed = (await shop.order.get("/stuck-orders")).json
    assert all(one["reason"] and one["since_s"] >= 0 for one in listed)
    return {one["order_id"]: one["tries"] for one in listed}


@pytest.mark.parametrize("kind", DAMAGE)
async def test_a_damaged_order_holds_up_no_other(
    shop: Shop, wire: Wire, tmp_path: Path, kind: str
) -> None:
    """All others are sold, lists show every order, and the bad one is named until it ends."""
    book_id = await shop.add_book(quantity=50)
    wire.away = True
    order_ids = await accepted(shop, book_id, 8)
    bad = order_ids[3]
    await damage_for_good(tmp_path, DAMAGE[kind], bad)
    wire.away = False

    async def others_are_sold() -> bool:
        sold = (await shop.order.get("/orders?status=confirmed")).json
        return {one["order_id"] for one in sold} == {*order_ids} - {bad}

    await until(others_are_sold)
    assert "pending" == await status(shop, bad)
    assert {bad} == set(await stuck_orders(shop))
    metrics = (await shop.order.get("/metrics")).content.decode()
    assert 'bazar_orders_stuck{service="order"} 1.0' in metrics
    assert 43 == await shop.stock(book_id)
    cancelled = await shop.order.post(f"/orders/{bad}/cancel")
    assert (200, "cancelled") == (cancelled.status, cancelled.json["status"])

    async def ended() -> bool:
        return not await stuck_orders(shop)

    await until(ended)
    assert 43 == await shop.stock(book_id)


async def test_a_look_at_a_stuck_order_asks_the_catalog_nothing(
    shop: Shop, wire: Wire, tmp_path: Path
) -> None:
    """Whoever polls it, or repeats its purchase, spoils no batch of other buyers."""
    book_id = await shop.add_book(quantity=5)
    wire.away = True
    (bad,) = await accepted(shop, book_id, 1)
    await damage_for_good(tmp_path, DAMAGE["no lines"], bad)
    wire.away = False

    async def named() -> bool:
        return bad in await stuck_orders(shop)

    await until(named)
    before = (len(wire.calls), (await stuck_orders(shop))[bad])
    for _ in range(30):
        assert "pending" == (await shop.order.get(f"/orders/{bad}")).json["status"]
    assert 202 == (await shop.order.post(f"/purchase/{book_id}", None, key("k0"))).status
    tried = (await stuck_orders(shop))[bad] - before[1]
    assert tried >= len(wire.calls) - before[0]


async def test_a_stuck_order_that_was_mended_is_sold(
    shop: Shop, wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop tries it again by itself."""
    monkeypatch.setattr(stuck, "PAUSE_S_FIRST", 0.05)
    book_id = await shop.add_book(quantity=5)
    wire.away = True
    (bad,) = await accepted(shop, book_id, 1)
    await damage_for_good(tmp_path, DAMAGE["another book"], bad)
    wire.away = False

    async def named() -> bool:
        return bad in await stuck_orders(shop)

    await until(named)
    refused = await shop.order.post(f"/orders/{bad}/fulfil")
    assert (503, False) == (refused.status, refused.json["definite"])
    damage(tmp_path, "UPDATE order_lines SET book_id = ?2 WHERE order_id = ?1", bad, book_id)

    async def sold() -> bool:
        return "confirmed" == await status(shop, bad) and not await stuck_orders(shop)

    await until(sold)
    assert 4 == await shop.stock(book_id)


async def test_a_refused_order_whose_reason_is_damaged_spoils_no_list(
    shop: Shop, tmp_path: Path
) -> None:
    """Lists and looks show it as rejected, and its buyer hears that nothing was bought."""
    book_id = await shop.add_book(quantity=1)
    refused = await shop.order.post(f"/purchase/{book_id}", {"quantity": 9}, key("a"))
    order_id = refused.json["order_id"]
    await shop.order.post(f"/purchase/{book_id}", None, key("b"))
    damage(tmp_path, "UPDATE orders SET rejection = '{' WHERE order_id = ?1", order_id)
    listed = (await shop.order.get("/orders")).json
    assert ["rejected", "confirmed"] == [one["status"] for one in listed]
    replay = await shop.order.post(f"/purchase/{book_id}", {"quantity": 9}, key("a"))
    assert (409, "order-rejected", True) == (replay.status, replay.code, replay.json["definite"])
