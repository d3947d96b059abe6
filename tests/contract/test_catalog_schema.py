"""The catalog's tables are the same on every engine, and hold the same rules."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from bazar.catalog.app import POSTGRES_SCHEMA, SCHEMA
from bazar.kit.data.database import Database, Transaction, Work
from bazar.kit.data.migrate import steps
from bazar.kit.errors import InvalidRequest
from support.engines import POSTGRES, with_tables
from support.stored_books import KEPT, NOW_MS, Engine, added, book

ONLY_HERE = {
    "books_scarce": "which few copies are left, since no index of the books may name their stock",
    "topics_moved": "what comes to the sums of the topics",
}
"""Tables that PostgreSQL has and SQLite does without."""
ONLY_THERE = {
    "topics_books_not_negative": "sums are folded there, and what a topic has lost is below zero",
}
"""Rules that SQLite has and PostgreSQL does without."""
COLUMNS = """
SELECT table_name, column_name, is_nullable = 'YES' FROM information_schema.columns
WHERE table_schema = current_schema()"""
RULES = """
SELECT conname FROM pg_constraint
WHERE connamespace = current_schema()::regnamespace AND contype IN ('c', 'f', 'u')"""
BYTES = """
SELECT table_name || '.' || column_name FROM information_schema.columns
WHERE table_schema = current_schema() AND data_type = 'text' AND collation_name IS NULL"""

INDEXES = """
SELECT indexdef FROM pg_indexes
WHERE schemaname = current_schema() AND tablename = 'books'"""


@pytest.fixture
def sqlite() -> apsw.Connection:
    """Return a database of SQLite with the catalog's tables."""
    connection = apsw.Connection(":memory:")
    for _number, _name, sql in steps(SCHEMA):
        connection.execute(sql).fetchall()
    return connection


@pytest.fixture(params=sorted(POSTGRES))
async def postgres(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """Open a database of each PostgreSQL with the catalog's tables."""
    async with with_tables(request.param, tmp_path / "catalog", POSTGRES_SCHEMA) as database:
        yield database


async def test_the_tables_have_the_same_columns(
    sqlite: apsw.Connection, postgres: Database
) -> None:
    """So that every row of one has its place in the other; words are kept in another form."""
    wanted = {
        (table, row[1], not row[3] and not row[5])
        for (table,) in sqlite.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' "
            "AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'books_text%'"
        ).fetchall()
        for row in sqlite.execute(f"PRAGMA table_info({table})").fetchall()
    }
    rows = await postgres.read(lambda t: t.all(COLUMNS))
    kept = {
        tuple(row)
        for row in rows
        if not str(row[0]).startswith("books_text")
        and row[0] not in {"schema_history", *ONLY_HERE}
        and row[1] != "written_by"
    }
    assert wanted == kept


async def test_the_tables_have_the_same_rules(sqlite: apsw.Connection, postgres: Database) -> None:
    """Each by its name, which callers and tests know it by."""
    texts = sqlite.execute("SELECT sql FROM sqlite_schema WHERE type = 'table'").fetchall()
    wanted = {name for (sql,) in texts for name in re.findall(r"CONSTRAINT (\w+)", str(sql))}
    rows = await postgres.read(lambda t: t.all(RULES))
    found = {str(row[0]) for row in rows}
    assert wanted - set(ONLY_THERE) == {
        name for name in found if not re.search(r"_not_null$|^books_text_book$", name)
    }


async def test_what_is_compared_is_compared_by_bytes(postgres: Database) -> None:
    """Only what nothing is compared with, or put into an order by, has the locale of the server."""
    rows = await postgres.read(lambda t: t.all(BYTES))
    assert {
        "books.condition",
        "books.description",
        "books.format",
        "books.language",
        "books.publisher",
        "books.shelf",
        "books.subtitle",
        "keyed_writes.answer",
        "keyed_writes.request",
        "movements.actor",
        "movements.note",
        "reservations.outcome",
        "schema_history.name",
        "shop.settings",
    } == {row[0] for row in rows}


CHANGES = {
    "the stock ledger is append-only": (
        "UPDATE movements SET copies = copies + 1",
        "DELETE FROM movements",
    ),
    "the currency of a shop never changes": ("UPDATE shop SET currency = 'EUR'",),
}


@pytest.mark.parametrize("kept", KEPT, ids=lambda kept: kept.name)
async def test_what_never_changes_is_refused(kept: Engine, tmp_path: Path) -> None:
    """By the database itself, whoever asks for it."""
    async with kept.opened(tmp_path / "catalog.db") as database:
        await added(database, kept.store(), book(stock=5))
        shop = "INSERT INTO shop (shop_id, version, currency, settings) VALUES (1, 1, 'USD', '{}')"
        await database.write(lambda t: t.run(shop))

        def doing(sql: str) -> Work[int]:
            return lambda t: t.run(sql)

        for refusal, statements in CHANGES.items():
            for sql in statements:
                with pytest.raises(Exception, match=refusal):
                    await database.write(doing(sql))
        if kept.name in POSTGRES:
            with pytest.raises(Exception, match="append-only"):
                await database.write(doing("TRUNCATE movements"))
        row = await database.read(lambda t: t.one("SELECT copies FROM movements"))
        assert (5,) == row


async def test_faults_between_the_tables_are_named(postgres: Database) -> None:
    """What is kept to find books by has to follow them; a row without its book is one too."""
    store = KEPT[-1].store()
    await added(postgres, store, book("A", stock=1), book("B", stock=9), book("C"))
    assert [] == await postgres.scan(store.faults)

    async def tamper(transaction: Transaction) -> None:
        for sql in (
            "DELETE FROM books_text WHERE book_id = 2",
            "UPDATE books_scarce SET stock = 2 WHERE book_id = 1",
            "UPDATE topics_moved SET books = 2 WHERE moved_id = 1",
            "ALTER TABLE movements DROP CONSTRAINT movements_book",
            f"""INSERT INTO movements (book_id, kind, copies, moved_at_ms)
            VALUES (9, 'received', 1, {NOW_MS})""",
        ):
            await transaction.run(sql)

    await postgres.write(tamper)
    assert [
        "movements: book 9 is not there",
        "books_text: book 2 is not there as it should be",
        "books_scarce: book 1 is not there as it should be",
        "topics: systems is counted wrongly",
    ] == await postgres.scan(store.faults)


async def test_a_text_that_cannot_be_kept_is_refused(postgres: Database) -> None:
    """As a fault of the request, whether it is looked for, listed or stored."""
    store = KEPT[-1].store()
    for work in (
        postgres.read(lambda t: store.outcome(t, "o\0")),
        postgres.scan(lambda t: store.by_author(t, "a\0b", 9)),
        postgres.write(lambda t: store.add_book(t, book("A", shelf="\0"), NOW_MS)),
    ):
        with pytest.raises(InvalidRequest, match="NUL"):
            await work
    assert [] == await postgres.scan(lambda t: store.titles_by_topic(t, "a", 9))


async def test_a_sale_writes_no_index_of_the_books(postgres: Database) -> None:
    """So it stays on the page where the row is: no index names what a sale changes."""
    rows = await postgres.read(lambda t: t.all(INDEXES))
    definitions = [str(row[0]) for row in rows]
    assert 10 <= len(definitions)
    assert [] == [one for one in definitions if re.search(r"\b(stock|version|low_at)\b", one)]
