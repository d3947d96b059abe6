"""What every engine's order store changes, and what it leaves alone, told by one suite."""

import ast
import inspect
from pathlib import Path
from typing import get_args

import pytest
from msgspec.structs import replace

from bazar.kit.data.database import Database, Transaction
from bazar.order.changes import Event
from bazar.order.domain import StoredLine, StoredOrder
from bazar.order.letters import LetterKind
from bazar.order.store import Store
from bazar.order.store.newest import PLACE_MAX
from bazar.wire.orders import OrderStatus
from bazar.wire.stock import Rejection
from support.buyers import LINA, OMAR
from support.stored_orders import KEPT, SOLD, pending

STATUSES: tuple[OrderStatus, ...] = get_args(OrderStatus)


async def test_an_order_comes_back_as_it_was_stored(database: Database, store: Store) -> None:
    """Whole, by its id and by its key, its lines in their order; another id or key finds none."""
    order = pending("a", "one", *[StoredLine(book_id, 2) for book_id in (9, 7, 8)])
    assert {"a"} == await database.write(lambda t: store.insert(t, [order]))
    assert order == await database.read(lambda t: store.by_id(t, "a"))
    assert order == await database.read(lambda t: store.by_key(t, "one"))
    assert None is await database.read(lambda t: store.by_id(t, "one"))
    assert None is await database.read(lambda t: store.by_key(t, "a"))


async def test_orders_come_back_together(database: Database, store: Store) -> None:
    """Each once, however often it is asked for; an id or key that no order has finds none."""
    orders = {name: pending(name, f"{name}-key", *SOLD, StoredLine(9, 1)) for name in "cab"}
    await database.write(lambda t: store.insert(t, list(orders.values())))
    by_ids = await database.read(lambda t: store.by_ids(t, ["c", "a", "z", "c"]))
    assert [("a", 2), ("c", 2)] == sorted((one.order_id, len(one.lines)) for one in by_ids)
    by_keys = await database.read(lambda t: store.by_keys(t, ["b-key", "a", "b-key", "a-key"]))
    assert ["a", "b"] == sorted(one.order_id for one in by_keys)
    assert [] == await database.read(lambda t: store.by_ids(t, []))
    assert [] == await database.read(lambda t: store.by_keys(t, []))


async def test_an_order_that_is_locked_is_read_and_changed(
    database: Database, store: Store
) -> None:
    """By the one that locked it; an id that no order has locks nothing."""
    order = pending("a", "one")
    await database.write(lambda t: store.insert(t, [order]))

    async def cancel(transaction: Transaction) -> StoredOrder | None:
        await store.lock(transaction, ["b", "a", "a"])
        found = await store.by_id(transaction, "a")
        assert order == found
        await store.update(transaction, [replace(order, status="cancelled")])
        return await store.by_id(transaction, "a")

    assert replace(order, status="cancelled") == await database.write(cancel)


async def test_an_order_comes_back_with_its_buyer(database: Database, store: Store) -> None:
    """Whole, wherever it is read; one without has none, though it stands beside."""
    orders = [
        replace(
            pending(name, name, StoredLine(7, 2, price_seen="19.99"), StoredLine(9, 1)),
            kind="order",
            channel=channel,
            buyer=buyer,
            delivery_minor=delivery_minor,
        )
        for name, channel, buyer, delivery_minor in (
            ("b", "web", OMAR, 450),
            ("a", "counter", LINA, 0),
            ("c", "api", None, 0),
        )
    ]
    await database.write(lambda t: store.insert(t, orders))
    for order in orders:
        assert order == await database.read(lambda t, one=order: store.by_id(t, one.order_id))  # type: ignore[misc]
        assert order == await database.read(lambda t, one=order: store.by_key(t, one.key))  # type: ignore[misc]
    assert orders == await database.scan(lambda t: store.page(t, "", None, 9))
    assert orders == await database.scan(lambda t: store.page(t, "", "pending", 9))
    assert orders == await database.scan(lambda t: store.unsettled_after(t, "", PLACE_MAX, 9))
    assert sorted(orders, key=lambda one: one.order_id) == await database.scan(
        lambda t: store.page_by_id(t, "", 9)
    )
    sold = replace(
        orders[0],
        lines=tuple(
            replace(line, title="T", price_minor=1, currency="USD") for line in orders[0].lines
        ),
    )
    assert {"b"} == await database.write(lambda t: store.confirm(t, [sold]))
    confirmed = replace(sold, status="confirmed", settled=True)
    assert confirmed == await database.read(lambda t: store.by_id(t, "b"))


async def test_a_buyer_whose_key_is_taken_is_not_inserted(database: Database, store: Store) -> None:
    """The first order keeps its own."""
    first, twin = (
        replace(pending(name, "one"), buyer=who) for name, who in (("a", LINA), ("b", OMAR))
    )
    assert {"a"} == await database.write(lambda t: store.insert(t, [first, twin]))
    assert first == await database.read(lambda t: store.by_key(t, "one"))
    assert 0 == await database.read(lambda t: store.count_open(t, OMAR.email, 9))


async def test_open_orders_of_an_address_are_counted(database: Database, store: Store) -> None:
    """In any case of its letters, up to the limit; until they are rejected, cancelled or done."""
    names = "abcde"
    orders = [
        replace(pending(name, name), buyer=replace(LINA, email=email))
        for name, email in zip(names, ("LINA@example.org", *["lina@example.org"] * 4), strict=True)
    ]
    await database.write(
        lambda t: store.insert(t, [*orders, replace(pending("z", "z"), buyer=OMAR)])
    )

    async def count(limit: int) -> int:
        return await database.read(lambda t: store.count_open(t, "lina@example.org", limit))

    assert (5, 3) == (await count(9), await count(3))
    rejection = Rejection("out-of-stock", "why", 7, 2, 0)
    for order, status, left in zip(
        orders, ("confirmed", "rejected", "cancelled", "fulfilled"), (5, 4, 3, 2), strict=False
    ):
        after = replace(
            order,
            status=status,
            settled=True,
            rejection=rejection if status == "rejected" else None,
        )
        await database.write(lambda t, one=after: store.update(t, [one]))  # type: ignore[misc]
        assert left == await count(9), status


async def test_an_update_stores_how_far_an_order_is(database: Database, store: Store) -> None:
    """Step, times and tracking, and back to none of them; the buyer stays."""
    order = replace(pending("a", "one"), buyer=OMAR)
    await database.write(lambda t: store.insert(t, [order]))
    sent = replace(
        order,
        status="fulfilled",
        settled=True,
        progress="sent",
        progress_at_ms=5,
        ended_at_ms=5,
        tracking="RR1",
        lines=SOLD,
    )
    for after in (sent, order):
        await database.write(lambda t, one=after: store.update(t, [one]))  # type: ignore[misc]
        kept = await database.read(lambda t: store.by_id(t, "a"))
        assert replace(after, lines=SOLD) == kept


async def test_an_order_whose_key_is_taken_is_not_inserted(
    database: Database, store: Store
) -> None:
    """Neither it nor its lines, whether the key was taken before or in the same batch."""
    first, twin, other = pending("a", "one"), pending("b", "one"), pending("c", "two")
    assert {"a"} == await database.write(lambda t: store.insert(t, [first]))
    assert {"c"} == await database.write(lambda t: store.insert(t, [twin, other]))
    assert None is await database.read(lambda t: store.by_id(t, "b"))
    assert first == await database.read(lambda t: store.by_key(t, "one"))
    assert other == await database.read(lambda t: store.by_id(t, "c"))
    twins = [pending("d", "three"), pending("e", "three")]
    assert {"d"} == await database.write(lambda t: store.insert(t, twins))
    assert None is await database.read(lambda t: store.by_id(t, "e"))


async def test_no_orders_change_nothing(database: Database, store: Store) -> None:
    """An empty batch is stored, and confirmed, as such."""
    assert set() == await database.write(lambda t: store.insert(t, []))
    assert set() == await database.write(lambda t: store.confirm(t, []))
    assert [] == await database.scan(lambda t: store.page(t, "", None, 10))


@pytest.mark.parametrize("status", STATUSES)
async def test_an_update_stores_status_reason_and_what_was_sold(
    database: Database, store: Store, status: OrderStatus
) -> None:
    """All that may change of one order changes; the order beside it does not."""
    order, other = pending("a", "one"), pending("b", "two")
    await database.write(lambda t: store.insert(t, [order, other]))
    rejection = Rejection("out-of-stock", "0 in stock, 2 asked for", 7, 2, 0)
    after = replace(
        order,
        status=status,
        settled=status != "pending",
        rejection=rejection if status == "rejected" else None,
        lines=SOLD if status in {"confirmed", "cancelled", "fulfilled"} else order.lines,
    )
    await database.write(lambda t: store.update(t, [after]))
    assert after == await database.read(lambda t: store.by_id(t, "a"))
    assert other == await database.read(lambda t: store.by_id(t, "b"))


async def test_only_pending_orders_are_confirmed_and_sold(database: Database, store: Store) -> None:
    """One that was cancelled meanwhile keeps its status, and its lines stay unsold."""
    bought, ended = pending("a", "one"), pending("b", "two")
    cancelled = replace(ended, status="cancelled")
    await database.write(lambda t: store.insert(t, [bought, ended]))
    await database.write(lambda t: store.update(t, [cancelled]))
    sold = [replace(order, lines=SOLD) for order in (bought, ended)]
    assert {"a"} == await database.write(lambda t: store.confirm(t, sold))
    confirmed = replace(bought, status="confirmed", settled=True, lines=SOLD)
    assert confirmed == await database.read(lambda t: store.by_id(t, "a"))
    assert cancelled == await database.read(lambda t: store.by_id(t, "b"))


async def test_what_was_done_to_an_order_is_only_added_to(database: Database, store: Store) -> None:
    """The last of it comes in the order in which it was done; of another order comes none."""
    await database.write(lambda t: store.insert(t, [pending("a", "a"), pending("b", "b")]))
    done = [Event(1, "packed", "Lina"), Event(2, "sent", "", "RR1"), Event(3, "cancelled")]
    for event in done:
        await database.write(lambda t, one=event: store.add_event(t, "a", one))  # type: ignore[misc]
    assert done == await database.read(lambda t: store.events(t, "a", 9))
    assert done[1:] == await database.read(lambda t: store.events(t, "a", 2))
    assert [] == await database.read(lambda t: store.events(t, "b", 9))
    for statement in ("UPDATE order_events SET at_ms = 0", "DELETE FROM order_events"):
        with pytest.raises(Exception, match="only added to"):
            await database.write(lambda t, sql=statement: t.run(sql))  # type: ignore[misc]


async def test_letters_wait_in_their_order_once_each(database: Database, store: Store) -> None:
    """One of a kind for each order; what was sent, dropped or given up waits no more."""
    await database.write(lambda t: store.insert(t, [pending("a", "a"), pending("b", "b")]))
    due: list[tuple[str, LetterKind]] = [("b", "confirmed"), ("a", "confirmed"), ("b", "ready")]
    await database.write(lambda t: store.add_letters(t, due, 5))
    await database.write(lambda t: store.add_letters(t, [*due, ("a", "cancelled")], 6))
    letters = await database.read(lambda t: store.letters_after(t, 0, 9))
    assert [*due, ("a", "cancelled")] == [(one.order_id, one.kind) for one in letters]
    assert [0] * 4 == [one.tries for one in letters]
    ids = [one.letter_id for one in letters]
    assert letters[1:3] == await database.read(lambda t: store.letters_after(t, ids[0], 2))
    assert await database.write(lambda t: store.try_letter(t, ids[3], 2))
    await database.write(lambda t: store.note_letter(t, ids[3], "waiting", None, "away"))
    for letter_id, state in zip(ids, ("sent", "dropped", "dead"), strict=False):
        await database.write(
            lambda t, one=letter_id, end=state: store.note_letter(t, one, end, 7, None)  # type: ignore[misc]
        )
    for letter_id in ids[:3]:
        assert not await database.write(lambda t, one=letter_id: store.try_letter(t, one, 1))  # type: ignore[misc]
    left = await database.read(lambda t: store.letters_after(t, 0, 9))
    assert [replace(letters[3], tries=2)] == left
    assert 1 == await database.read(lambda t: store.count_letters(t, "waiting"))
    assert 1 == await database.read(lambda t: store.count_letters(t, "dead"))
    await database.write(lambda t: store.add_letters(t, due, 8))
    again = await database.read(lambda t: store.letters_after(t, ids[3], 9))
    assert [("a", "confirmed", 0)] == [(one.order_id, one.kind, one.tries) for one in again]
    assert left + again == await database.read(lambda t: store.letters_after(t, 0, 9))
    newest = again[0].letter_id
    await database.write(lambda t: store.note_letter(t, newest, "dropped", 9, None))
    await database.write(lambda t: store.add_letters(t, due, 10))
    (anew,) = await database.read(lambda t: store.letters_after(t, newest, 9))
    assert ("a", "confirmed") == (anew.order_id, anew.kind)


async def test_an_empty_database_has_no_last_order_and_no_faults(
    database: Database, store: Store
) -> None:
    """Nothing is found where nothing is."""
    await database.write(store.adopt)
    assert "" == await database.read(store.last_order_id)
    assert [] == await database.scan(store.faults)


def functions_of(kind: type) -> set[str]:
    """Return the names of the public functions of a class."""
    return {name for name, _ in inspect.getmembers(kind, inspect.isfunction) if name[0] != "_"}


def test_no_function_of_the_store_is_left_out() -> None:
    """These modules run every one; an engine has no other that they would not run."""
    called = {
        node.attr
        for module in Path(__file__).parent.glob("test_*.py")
        for node in ast.walk(ast.parse(module.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and "store" == node.value.id
    }
    assert functions_of(Store) == called
    for engine in KEPT:
        assert called == functions_of(engine.store), engine.name
