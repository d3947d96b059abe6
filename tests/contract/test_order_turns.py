"""Whose turn it is to drive orders: all at once where a process is alone, else after a while."""

from pathlib import Path

import pytest

from bazar.kit.data.database import Database
from bazar.order.app import POSTGRES_SCHEMA
from bazar.order.store import Store
from bazar.order.turns import Turns
from support.engines import POSTGRES, with_tables
from support.stored_orders import KEPT, pending


class Time:
    """Seconds that pass when the test says so."""

    now_s = 1_000_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


async def theirs(database: Database, store: Store, turns: Turns) -> str:
    """Return the ids of the orders whose turn it is."""
    before = await turns.before()
    orders = await database.scan(lambda t: store.unsettled_after(t, "", before, 9))
    return "".join(order.order_id for order in orders)


async def test_who_is_alone_waits_for_nothing(tmp_path: Path) -> None:
    """All orders that are there are its own to drive."""
    kept = KEPT[0]
    store = kept.store()
    async with kept.opened(tmp_path / "order.db") as database:
        turns = Turns(database, store, Time())
        assert "" == await theirs(database, store, turns)
        await database.write(lambda t: store.insert(t, [pending("a", "a")]))
        assert "a" == await theirs(database, store, turns)


@pytest.mark.parametrize("engine", sorted(POSTGRES))
async def test_the_first_waits_a_second_and_the_others_five(engine: str, tmp_path: Path) -> None:
    """From when they have seen an order; when the first one is gone, another one is the first."""
    store = KEPT[-1].store()
    path, time = tmp_path / "orders", Time()
    async with (
        with_tables(engine, path, POSTGRES_SCHEMA) as one,
        with_tables(engine, path, POSTGRES_SCHEMA) as other,
    ):
        first, second = Turns(one, store, time), Turns(other, store, time)

        async def seen() -> tuple[str, str]:
            return await theirs(one, store, first), await theirs(other, store, second)

        await one.write(lambda t: store.insert(t, [pending("a", "a")]))
        assert ("", "") == await seen()
        time.now_s += 0.9
        assert ("", "") == await seen()
        await one.write(lambda t: store.insert(t, [pending("b", "b")]))
        time.now_s += 0.1
        assert ("a", "") == await seen()
        time.now_s += 3.9
        assert ("ab", "") == await seen()
        time.now_s += 0.1
        assert ("ab", "a") == await seen()
        time.now_s += 60
        await one.write(lambda t: store.insert(t, [pending("c", "c")]))
        assert ("ab", "ab") == await seen()
        await one.close()
        time.now_s += 1
        assert "abc" == await theirs(other, store, second)
