"""The tables of both engines, held against what a move knows of them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bazar.kit.data.postgres_tables import PostgresTables, filling
from bazar.kit.data.sqlite_tables import SqliteTables
from bazar.mover.plan import CATALOG, ORDER, SERVICES, Service, unknown
from support.engines import url_with_tables
from support.moving import make_database
from support.postgres import RELEASES

_REFERENCES = """
SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint WHERE contype = 'f'"""
_KEYS = """
SELECT indrelid::regclass::text, array_agg(attname::text ORDER BY array_position(indkey, attnum))
FROM pg_index
JOIN pg_class ON pg_class.oid = indrelid
JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
WHERE indisprimary AND relnamespace = current_schema()::regnamespace
GROUP BY indrelid"""


@pytest.fixture(params=SERVICES, ids=lambda service: service.name)
def service(request: pytest.FixtureRequest) -> Service:
    """Name each service in turn."""
    found: Service = request.param
    return found


@pytest.fixture
async def target(service: Service, tmp_path: Path) -> AsyncIterator[PostgresTables]:
    """Open an empty database of a service in PostgreSQL."""
    url = url_with_tables(max(RELEASES), tmp_path, service.postgres_schema)
    async with filling(url) as tables:
        yield tables


@pytest.fixture
def source(service: Service, tmp_path: Path) -> Iterator[SqliteTables]:
    """Open an empty database of a service in SQLite."""
    make_database(tmp_path / "old.db", service.sqlite_schema)
    with closing(SqliteTables(tmp_path / "old.db")) as tables:
        yield tables


async def test_every_table_and_column_is_known(
    service: Service, source: SqliteTables, target: PostgresTables
) -> None:
    """Whatever only one engine has is named in the plan, so nothing new is left behind unseen."""
    assert [] == unknown(service, source.layout, await target.layout())


async def test_what_refers_to_a_table_comes_after_it(
    service: Service, target: PostgresTables
) -> None:
    """Else no row of it could be moved."""
    order = [step.name for step in service.steps]
    references = await target.connection.fetch(_REFERENCES)
    assert references
    for one, other in references:
        assert order.index(other) < order.index(one)


async def test_rows_are_moved_in_order_of_their_primary_keys(
    service: Service, target: PostgresTables
) -> None:
    """Which tells them apart, and has an index."""
    keys = {step.name: list(step.key) for step in service.steps}
    found = {name: key for name, key in await target.connection.fetch(_KEYS) if name in keys}
    assert keys == found


async def test_every_made_table_is_there(service: Service, target: PostgresTables) -> None:
    """None is excused that does not exist."""
    assert set() == service.made - set(await target.layout())


def test_a_difference_that_nobody_knows_is_named() -> None:
    """Tables and columns of either engine, keys that are gone, exceptions that are none."""
    columns = frozenset({"order_id", "line_number", "price"})
    sqlite = {
        "orders": frozenset({"sequence", "note"}),
        "order_lines": columns,
        "buyers": frozenset({"name"}),
        "gifts": frozenset({"gift_id"}),
        "schema_history": frozenset({"number"}),
    }
    postgres = {
        "orders": frozenset({"sequence", "colour"}),
        "order_lines": columns,
        "buyers": frozenset({"name"}),
        "sagas": frozenset({"saga_id"}),
        "move_state": frozenset({"rows"}),
    }
    assert [
        "PostgreSQL has a table sagas",
        "PostgreSQL has no table order_events",
        "PostgreSQL has no table outbox",
        "PostgreSQL has no table wishes",
        "SQLite has a table gifts",
        "SQLite has no table order_events",
        "SQLite has no table outbox",
        "SQLite has no table wishes",
        "nobody has buyers.sequence",
        "only PostgreSQL has orders.colour",
        "only SQLite has orders.note",
    ] == unknown(ORDER, sqlite, postgres)


def test_an_exception_that_is_none_is_named() -> None:
    """A column that PostgreSQL alone is said to have, and has not."""
    layout = {"movements": frozenset({"movement_id"}), "books_text_data": frozenset({"id"})}
    found = unknown(CATALOG, layout, layout)
    assert "nobody has movements.written_by" in found
    assert "SQLite has a table books_text_data" not in found
    assert "PostgreSQL has a table books_text_data" in found
