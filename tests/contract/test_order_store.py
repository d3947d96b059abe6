"""What every engine's order store changes, and what it leaves alone, told by one suite."""

import ast
import inspect
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple, get_args

import msgspec
import pytest
from msgspec.structs import replace

from bazar.kit.data.database import Database, Transaction
from bazar.order.app import POSTGRES_SCHEMA, SCHEMA
from bazar.order.changes import Event
from bazar.order.domain import UNREADABLE, StoredLine, StoredOrder
from bazar.order.finding import Sought, Wanted
from bazar.order.letters import LetterKind
from bazar.order.store import Store
from bazar.order.store.newest import PLACE_MAX
from bazar.order.store.postgres import PostgresStore
from bazar.order.store.sqlite import SqliteStore
from bazar.wire.audit import KeptLine, KeptOrder
from bazar.wire.orders import OrderStatus
from bazar.wire.stock import Rejection
from support.buyers import LINA, OMAR
from support.engines import POSTGRES, with_tables

SOLD = (StoredLine(7, 2, "RPCs for Noobs", 1999, "USD"),)
STATUSES: tuple[OrderStatus, ...] = get_args(OrderStatus)


class Engine(NamedTuple):
    """How orders are kept on an engine."""

    name: str
    schema: str
    store: type[Store]


KEPT = [
    Engine("sqlite", SCHEMA, SqliteStore),
    *[Engine(name, POSTGRES_SCHEMA, PostgresStore) for name in POSTGRES],
]


@pytest.fixture(params=KEPT, ids=lambda engine: engine.name)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Name each engine in turn."""
    kept: Engine = request.param
    return kept


@pytest.fixture
async def database(engine: Engine, tmp_path: Path) -> AsyncIterator[Database]:
    """Open an empty database with the service's tables."""
    async with with_tables(engine.name, tmp_path / "order.db", engine.schema) as database:
        yield database


@pytest.fixture
def store(engine: Engine) -> Store:
    """Return the engine's statements."""
    return engine.store()


def pending(order_id: str, key: str, *lines: StoredLine) -> StoredOrder:
    """Return a new order, of two copies of one book where no lines are given."""
    return StoredOrder(
        order_id,
        key,
        "purchase",
        "pending",
        settled=False,
        rejection=None,
        placed_at_ms=1,
        lines=lines or (StoredLine(7, 2),),
    )


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
        await store.update(transaction, replace(order, status="cancelled"))
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
        await database.write(lambda t, one=after: store.update(t, one))  # type: ignore[misc]
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
        await database.write(lambda t, one=after: store.update(t, one))  # type: ignore[misc]
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
    await database.write(lambda t: store.update(t, after))
    assert after == await database.read(lambda t: store.by_id(t, "a"))
    assert other == await database.read(lambda t: store.by_id(t, "b"))


async def test_only_pending_orders_are_confirmed_and_sold(database: Database, store: Store) -> None:
    """One that was cancelled meanwhile keeps its status, and its lines stay unsold."""
    bought, ended = pending("a", "one"), pending("b", "two")
    cancelled = replace(ended, status="cancelled")
    await database.write(lambda t: store.insert(t, [bought, ended]))
    await database.write(lambda t: store.update(t, cancelled))
    sold = [replace(order, lines=SOLD) for order in (bought, ended)]
    assert {"a"} == await database.write(lambda t: store.confirm(t, sold))
    confirmed = replace(bought, status="confirmed", settled=True, lines=SOLD)
    assert confirmed == await database.read(lambda t: store.by_id(t, "a"))
    assert cancelled == await database.read(lambda t: store.by_id(t, "b"))


async def test_unsettled_orders_come_in_pages(database: Database, store: Store) -> None:
    """Pending ones and cancelled ones whose release is due, oldest first; none that is settled."""
    orders = [pending(order_id, order_id) for order_id in "zbyxc"]
    await database.write(lambda t: store.insert(t, orders))
    settled = replace(orders[1], status="confirmed", settled=True, lines=SOLD)
    due = replace(orders[3], status="cancelled")
    await database.write(lambda t: store.update(t, settled))
    await database.write(lambda t: store.update(t, due))
    first = await database.scan(lambda t: store.unsettled_after(t, "", PLACE_MAX, 2))
    assert ["z", "y"] == [order.order_id for order in first]
    rest = await database.scan(lambda t: store.unsettled_after(t, "y", PLACE_MAX, 9))
    assert ["x", "c"] == [order.order_id for order in rest]
    assert due == rest[0]


async def test_unsettled_orders_end_before_a_place(database: Database, store: Store) -> None:
    """All that were there when the place was asked for are below it, and none that came later."""
    nowhere = await database.read(store.next_place)
    await database.write(lambda t: store.insert(t, [pending("b", "b"), pending("c", "c")]))
    between = await database.read(store.next_place)
    await database.write(lambda t: store.insert(t, [pending("a", "a")]))
    for before, seen in (nowhere, ""), (between, "bc"), (PLACE_MAX, "bca"):
        page = await database.scan(lambda t, end=before: store.unsettled_after(t, "", end, 9))  # type: ignore[misc]
        assert list(seen) == [order.order_id for order in page]


async def test_a_page_is_of_orders_not_of_lines(database: Database, store: Store) -> None:
    """Oldest first whatever their ids, at most so many orders; each with all of its lines."""
    lines = [StoredLine(book_id, 1) for book_id in (3, 1, 2)]
    orders = [pending(order_id, order_id, *lines) for order_id in "cab"]
    await database.write(lambda t: store.insert(t, orders))
    first = await database.scan(lambda t: store.page(t, "", None, 2))
    assert orders[:2] == first
    rest = await database.scan(lambda t: store.page(t, "a", None, 2))
    assert orders[2:] == rest
    by_id = await database.scan(lambda t: store.page_by_id(t, "", 2))
    assert [orders[1], orders[2]] == by_id
    rest = await database.scan(lambda t: store.page_by_id(t, "b", 2))
    assert [orders[0]] == rest


async def test_an_order_that_is_stored_later_comes_later(database: Database, store: Store) -> None:
    """Whoever has read a page to its end finds it after that, however small its id is."""
    await database.write(lambda t: store.insert(t, [pending("m", "one")]))
    await database.write(lambda t: store.insert(t, [pending("m2", "one"), pending("b", "two")]))
    await database.write(lambda t: store.insert(t, [pending("a", "three")]))
    for after, later in {"": ["m", "b", "a"], "m": ["b", "a"], "b": ["a"], "a": []}.items():
        page = await database.scan(lambda t, after=after: store.page(t, after, None, 9))  # type: ignore[misc]
        assert later == [order.order_id for order in page]


async def test_an_order_without_lines_is_in_its_place(database: Database, store: Store) -> None:
    """Its lines are lost: it is found, listed and driven as the others are."""
    orders = [pending(order_id, order_id) for order_id in "cab"]
    await database.write(lambda t: store.insert(t, orders))
    await database.write(lambda t: t.run("DELETE FROM order_lines WHERE order_id = 'a'"))
    bare = replace(orders[1], lines=())
    assert bare == await database.read(lambda t: store.by_id(t, "a"))
    assert bare == await database.read(lambda t: store.by_key(t, "a"))
    left = [orders[0], bare, orders[2]]
    assert left == await database.scan(lambda t: store.page(t, "", None, 9))
    assert left == await database.scan(lambda t: store.unsettled_after(t, "", PLACE_MAX, 9))


@pytest.mark.parametrize("document", ["", "{", "null", "[1]", '{"code": 7}', '{"code": "x"}'])
async def test_a_reason_that_cannot_be_read_leaves_the_order_rejected(
    database: Database, store: Store, document: str
) -> None:
    """It spoils no list; that nothing was bought stays true."""
    await database.write(lambda t: store.insert(t, [pending("a", "one"), pending("b", "two")]))
    await database.write(
        lambda t: t.run(
            "UPDATE orders SET status = 'rejected', settled = 1, rejection = ?1 "
            "WHERE order_id = 'a'",
            document,
        )
    )
    first, second = await database.scan(lambda t: store.page(t, "", None, 9))
    assert ("rejected", UNREADABLE) == (first.status, first.rejection)
    assert "b" == second.order_id


async def test_a_page_of_one_status_holds_no_other(database: Database, store: Store) -> None:
    """A limit counts the orders of that status alone."""
    orders = [pending(order_id, order_id) for order_id in "abcd"]
    await database.write(lambda t: store.insert(t, orders))
    await database.write(lambda t: store.confirm(t, [replace(orders[1], lines=SOLD)]))
    still_pending = await database.scan(lambda t: store.page(t, "", "pending", 2))
    assert ["a", "c"] == [order.order_id for order in still_pending]
    confirmed = await database.scan(lambda t: store.page(t, "", "confirmed", 2))
    assert ["b"] == [order.order_id for order in confirmed]
    assert [] == await database.scan(lambda t: store.page(t, "", "rejected", 2))


async def test_the_newest_come_first_and_only_those_that_are_wanted(
    database: Database, store: Store
) -> None:
    """By status, step, channel, time, id, reference, address and name; in pages by their place."""
    day_ms = 86_400_000
    orders = [
        replace(
            pending(order_id, order_id),
            placed_at_ms=number * day_ms,
            channel="web" if buyer else "api",
            buyer=buyer,
        )
        for number, (order_id, buyer) in enumerate(
            [
                ("zz00000000000000000000aaaa", None),
                ("01aaaaaaaaaaaaaaaaaak7q2t4", LINA),
                ("01bbbbbbbbbbbbbbbbbbk7q2t4", None),
                ("00cccccccccccccccccccccccc", replace(OMAR, name="LINA Q")),
                ("02dddddddddddddddddddddddd", replace(LINA, name="Karolina")),
            ]
        )
    ]
    await database.write(lambda t: store.insert(t, orders))
    first, lina, third, omar, _karolina = orders
    for after in (
        replace(first, status="confirmed", settled=True, lines=SOLD),
        replace(lina, status="confirmed", settled=True, progress="ready", lines=SOLD),
        replace(third, status="fulfilled", settled=True, progress="collected", lines=SOLD),
        replace(omar, status="cancelled", settled=True, progress="ready", lines=SOLD),
    ):
        await database.write(lambda t, one=after: store.update(t, one))  # type: ignore[misc]

    async def listed(**question: object) -> list[int]:
        wanted = msgspec.structs.replace(Wanted(limit=9), **question)
        page = await database.scan(lambda t: store.newest(t, wanted))
        places = {order.order_id: number for number, order in enumerate(orders)}
        return [places[order.order_id] for order in page]

    assert [4, 3, 2, 1, 0] == await listed()
    assert [4, 3] == await listed(limit=2)
    assert [2, 1] == await listed(limit=2, before=omar.order_id)
    assert [1, 0] == await listed(status="confirmed")
    assert [0] == await listed(status="confirmed", progress="to_pick")
    assert [0] == await listed(status="confirmed", before=lina.order_id)
    assert [4] == await listed(status="pending")
    assert [1] == await listed(status="confirmed", progress="ready")
    assert [2] == await listed(status="fulfilled", progress="collected")
    assert [4, 3, 1] == await listed(channel="web")
    assert [2, 0] == await listed(channel="api")
    assert [] == await listed(channel="counter")
    assert [3, 2] == await listed(since_ms=2 * day_ms, until_ms=4 * day_ms)
    assert [2, 1] == await listed(sought=Sought(reference="k7q2t4", name_key="k7q2t4"))
    assert [1] == await listed(sought=Sought(reference="k7q2t4"), before=third.order_id)
    assert [1] == await listed(sought=Sought(reference="k7q2t4"), status="confirmed")
    assert [3] == await listed(sought=Sought(order_id=omar.order_id))
    assert [4, 1] == await listed(sought=Sought(email_key="lina@example.org"))
    assert [3, 1] == await listed(sought=Sought(name_key="lina"))
    assert [4, 3] == await listed(
        sought=Sought(name_key="lina q", email_key="lina@example.org"), since_ms=2 * day_ms
    )
    assert [] == await listed(sought=Sought(name_key="olina"))


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


async def test_orders_are_shown_as_they_are_kept(database: Database, store: Store) -> None:
    """Those without lines too, and none is made sense of; each alone, in pages, or unsettled."""
    orders = [pending(order_id, order_id) for order_id in "cab"]
    await database.write(lambda t: store.insert(t, orders))
    await database.write(lambda t: store.confirm(t, [replace(orders[1], lines=SOLD)]))
    await database.write(lambda t: t.run("DELETE FROM order_lines WHERE order_id = 'c'"))
    sold = [KeptLine(*msgspec.structs.astuple(line)[:5]) for line in SOLD]
    kept = [
        KeptOrder("a", "confirmed", settled=True, rejection=None, lines=sold),
        KeptOrder("b", "pending", False, None, [KeptLine(7, 2, None, None, None)]),  # noqa: FBT003
        KeptOrder("c", "pending", settled=False, rejection=None, lines=[]),
    ]
    assert kept == await database.scan(lambda t: store.kept_orders(t, "", 9))
    assert kept[1:2] == await database.scan(lambda t: store.kept_orders(t, "a", 1))
    assert kept[1:] == await database.scan(lambda t: store.kept_unsettled(t, "", 9))
    assert kept[2] == await database.read(lambda t: store.kept_order(t, "c"))
    assert None is await database.read(lambda t: store.kept_order(t, "d"))
    assert "c" == await database.read(store.last_order_id)


async def test_an_empty_database_has_no_last_order_and_no_faults(
    database: Database, store: Store
) -> None:
    """Nothing is found where nothing is."""
    assert "" == await database.read(store.last_order_id)
    assert [] == await database.scan(store.faults)


def functions_of(kind: type) -> set[str]:
    """Return the names of the public functions of a class."""
    return {name for name, _ in inspect.getmembers(kind, inspect.isfunction) if name[0] != "_"}


def test_no_function_of_the_store_is_left_out() -> None:
    """This suite runs every one; an engine has no other that it would not run."""
    called = {
        node.attr
        for node in ast.walk(ast.parse(Path(__file__).read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and "store" == node.value.id
    }
    assert functions_of(Store) == called
    for engine in KEPT:
        assert called == functions_of(engine.store), engine.name
