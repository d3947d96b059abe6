"""In which order every engine's order store lists orders, and which of them, told by one suite."""

import msgspec
import pytest
from msgspec.structs import replace

from bazar.kit.data.database import Database
from bazar.order.domain import UNREADABLE, StoredLine
from bazar.order.finding import Sought, Wanted
from bazar.order.store import Store
from bazar.order.store.newest import PLACE_MAX
from bazar.wire.audit import KeptLine, KeptOrder
from support.buyers import LINA, OMAR
from support.stored_orders import SOLD, pending


async def test_unsettled_orders_come_in_pages(database: Database, store: Store) -> None:
    """Pending ones and cancelled ones whose release is due, oldest first; none that is settled."""
    orders = [pending(order_id, order_id) for order_id in "zbyxc"]
    await database.write(lambda t: store.insert(t, orders))
    settled = replace(orders[1], status="confirmed", settled=True, lines=SOLD)
    due = replace(orders[3], status="cancelled")
    await database.write(lambda t: store.update(t, [settled]))
    await database.write(lambda t: store.update(t, [due]))
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
        await database.write(lambda t, one=after: store.update(t, [one]))  # type: ignore[misc]

    async def listed(**question: object) -> list[int]:
        wanted = msgspec.structs.replace(Wanted(limit=9), **question)
        page = await database.scan(lambda t: store.newest(t, wanted))
        assert len(page) == await database.scan(lambda t: store.count_newest(t, wanted))
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
