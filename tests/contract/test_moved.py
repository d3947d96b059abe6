"""What a moved shop has in its new home, which is all that it had in the old one."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from bazar.catalog.store.postgres import PostgresStore as CatalogStore
from bazar.kit.data.postgres import PostgresDatabase
from bazar.mover.plan import SERVICES
from bazar.mover.run import Moved
from support.moving import asked, columns, database_at, files, kept, moved, new_home, small_shop
from support.postgres import RELEASES
from support.searches import searched

SEARCHES: tuple[tuple[str, list[int]], ...] = (
    ("عام العزلة", [2]),
    ("ending rpc", [1]),
    ("nobody bu", []),
)
"""Words without the marks of vowels, beginnings of words, a book that is not sold."""


class Home(NamedTuple):
    """A shop that has moved."""

    data: Path
    """The old folder."""
    before: dict[str, bytes]
    """What was in its databases."""
    to: str
    report: Moved


@pytest.fixture(scope="module", params=RELEASES)
def home(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Home]:
    """Move a small shop to a server of each release in turn."""
    data = tmp_path_factory.mktemp("moved") / "data"
    small_shop(data)
    before = files(data)
    with new_home(RELEASES[request.param]) as to:
        yield Home(data, before, to, asyncio.run(moved(data, to)))


async def test_every_row_arrives_as_it_was(home: Home) -> None:
    """Of each table all columns, whatever is in them; the old files stay as they are."""
    told = {table.name: table.rows for table in home.report.tables}
    for service in SERVICES:
        for table in service.tables:
            named = columns(home.data, service.name, table.name)
            key = ", ".join(f'"{column}"' for column in table.key)
            sql = f'SELECT {named} FROM "{table.name}" ORDER BY {key}'
            old = kept(home.data, service.name, sql)
            assert old, f"{table.name} is empty here"
            assert old == await asked(home.to, service.name, sql)
            assert len(old) == told[table.name]
    assert [] == home.report.differences
    assert home.before == files(home.data)


async def test_what_is_made_of_the_books_is_there(home: Home) -> None:
    """Words, without the marks of vowels, and topics; none of a book that is not sold."""
    database = PostgresDatabase(database_at(home.to, "catalog"))
    store = CatalogStore()
    try:
        for text, found in (("عام العزلة", [2]), ("ending rpc", [1]), ("nobody bu", [])):
            assert found == await searched(database, store, text)
        topics = await database.read(lambda t: store.topics(t, 9))
    finally:
        await database.close()
    assert [("At Sea", 2)] == [(one.topic, one.books) for one in topics]


async def test_no_number_is_given_twice(home: Home) -> None:
    """Rows that are gone had numbers too, which letters and keys may still name."""
    numbered = [
        ("catalog", "books", "book_id", 4),
        ("catalog", "movements", "movement_id", 9),
        ("catalog", "keyed_writes", "write_id", 10),
        ("catalog", "imports", "import_id", 3),
        ("order", "wishes", "wish_id", 8),
        ("order", "order_events", "event_id", 2),
    ]
    given = [
        await asked(home.to, service, f"SELECT nextval(pg_get_serial_sequence('{table}', '{key}'))")
        for service, table, key, _next in numbered
    ]
    assert [[(following,)] for *_name, following in numbered] == given


async def test_a_ledger_is_followed_in_the_order_that_it_had(home: Home) -> None:
    """Rows of the ledger come after each other as they did, in pages too."""
    database, store = PostgresDatabase(database_at(home.to, "catalog")), CatalogStore()
    try:
        followed, after = [], 0
        while page := await database.scan(lambda t, a=after: store.movements_after(t, a, 3)):  # type: ignore[misc]
            followed += [one.id for one in page]
            after = followed[-1]
    finally:
        await database.close()
    assert list(range(1, 9)) == followed
