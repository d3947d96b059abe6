"""What PostgreSQL knows of the terms of books beside them: words, beginnings, and parts of ids."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bazar.catalog.app import POSTGRES_SCHEMA
from bazar.catalog.expressions import Term
from bazar.catalog.store.lists import LAST_ID
from bazar.catalog.store.postgres import PostgresStore
from bazar.catalog.store.postgres_search import SPAN_BITS, WORDS_MAX, By, few, question
from bazar.kit.data.database import Database, Row, Transaction
from bazar.kit.data.migrate import migrate, steps
from support.engines import POSTGRES
from support.searches import search_pages
from support.stored_books import NOW_MS, added, book

BEFORE = 4
"""The last step of the release before."""
PART = 1 << SPAN_BITS
HISTORY = """
CREATE TABLE schema_history
    (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at_ms BIGINT NOT NULL);
INSERT INTO schema_history SELECT number, '', 0 FROM generate_series(1, 4) AS number"""
OLD = """
INSERT INTO books (title, author, topic, topic_key, description, price_minor, currency)
VALUES (?1, '', '', '', '', 0, 'USD')"""
TERMS = """
INSERT INTO books_text (book_id, words)
SELECT book_id, array_to_tsvector(string_to_array(?2::text, ' ')) FROM books WHERE title = ?1"""

SCANS = """
SELECT coalesce(sum(seq_scan), 0)::bigint FROM pg_stat_xact_user_tables
WHERE relname = 'books_text_words'"""


class StoppedHalfway(Exception):
    """What is begun is not done."""


@pytest.fixture(params=sorted(POSTGRES))
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """Open an empty database."""
    database = POSTGRES[request.param](tmp_path / "catalog")
    yield database
    await database.close()


@pytest.fixture
def store() -> PostgresStore:
    """Return the engine's own store."""
    return PostgresStore()


async def _old(transaction: Transaction) -> None:
    for number, _name, sql in steps(POSTGRES_SCHEMA):
        if number <= BEFORE:
            await transaction.script(sql)
    await transaction.script(HISTORY)
    for title, terms in (("Seashore", "aseashore hseashore tseashore"), ("Sea", "asea hsea tsea")):
        await transaction.run(OLD, title)
        await transaction.run(TERMS, title, terms)


async def test_an_older_shop_finds_its_books_at_once(
    database: Database, store: PostgresStore
) -> None:
    """By the beginnings of their words, too; also where the upgrade was stopped, and begun anew."""

    async def stopped(transaction: Transaction) -> None:
        for number, _name, sql in steps(POSTGRES_SCHEMA):
            if number > BEFORE:
                await transaction.script(sql)
        raise StoppedHalfway

    await database.write(_old)
    with pytest.raises(StoppedHalfway):
        await database.write(stopped)
    await migrate(database, POSTGRES_SCHEMA)
    for text in ("seas", "seashore", "seasho"):
        assert [[1]] == await search_pages(database, store, text, None, limit=9), text
    assert [[2, 1]] == await search_pages(database, store, "sea", None, limit=9)
    listed = few(Term("asea", more=True), By(None, ("asea", "hse")), 9)
    row: Any = await database.scan(lambda t: t.one(listed.sql, *listed.values))
    assert {1, 2} == set(row[0])


@pytest.mark.parametrize("name", sorted(POSTGRES))
async def test_other_catalogs_search_while_a_shop_is_upgraded(name: str, tmp_path: Path) -> None:
    """Until the very end of the step; those of the release before, too."""
    (step,) = (sql for number, _name, sql in steps(POSTGRES_SCHEMA) if number == BEFORE + 1)
    begun, end = step.split("DROP INDEX")
    assert 1 == end.count(";"), "nothing comes after it"
    sea = question(Term("tsea"), By(Term("tsea")), range(1, LAST_ID), 9)
    database, other = POSTGRES[name](tmp_path / "shop"), POSTGRES[name](tmp_path / "shop")

    async def upgraded(transaction: Transaction) -> object:
        await transaction.script(begun)
        row = await other.scan(lambda t: t.one(sea.sql, *sea.values))
        await transaction.script(f"DROP INDEX {end}")
        return row

    try:
        await database.write(_old)
        assert ([2],) == await database.write(upgraded)
    finally:
        await other.close()
        await database.close()


async def test_the_words_that_begin_so_are_known(database: Database, store: PostgresStore) -> None:
    """Those of a book as soon as it is added or edited, each once; as long as they are few."""
    await migrate(database, POSTGRES_SCHEMA)

    async def spelt(*beginnings: str) -> dict[str, tuple[str, ...]]:
        return await database.scan(lambda t: store.spelt(t, beginnings))

    (one, _other) = await added(database, store, book("Seashore"), book("Seashore seaside sea"))
    assert {"seas": ("seashore", "seaside"), "land": ()} == await spelt("seas", "land", "sea")
    edited = replace(one, title="Landscape")
    await database.write(lambda t: store.edit_book(t, edited, NOW_MS))
    assert {"land": ("landscape",)} == await spelt("land")
    many = " ".join(f"many{number}" for number in range(WORDS_MAX + 1))
    await added(database, store, book("Many", description=many))
    known = await spelt("many", "many1")
    assert {"many1": 12} == {begin: len(words) for begin, words in known.items()}


async def test_a_new_word_is_looked_up_by_the_index(
    database: Database, store: PostgresStore
) -> None:
    """Also where the server has seen so few words that it would look through all of them."""
    await migrate(database, POSTGRES_SCHEMA)
    await added(database, store, book("Seashore"))
    await database.write(lambda t: t.script("ANALYZE books_text_words; DISCARD PLANS"))

    async def scans(transaction: Transaction) -> tuple[Row | None, Row | None]:
        await transaction.script("SET LOCAL enable_seqscan = on")  # as others have it
        before = await transaction.one(SCANS)
        await store.add_book(transaction, book("Landscape"), NOW_MS)
        return before, await transaction.one(SCANS)

    before, after = await database.write(scans)
    assert before == after


async def test_who_adds_a_word_waits_for_nobody(database: Database, store: PostgresStore) -> None:
    """Two books that are added at once may be the first that have it; it is there once or twice."""
    await migrate(database, POSTGRES_SCHEMA)
    both = asyncio.Barrier(2)

    async def add(transaction: Transaction) -> None:
        await store.add_book(transaction, book("Unheard"), NOW_MS)
        await both.wait()

    async with asyncio.timeout(10):
        await asyncio.gather(database.write(add), database.write(add))
    found = await database.scan(lambda t: store.spelt(t, ["unheard"]))
    assert {"unheard": ("unheard",)} == found


async def test_the_index_knows_in_which_part_of_the_ids_a_book_lies(
    database: Database, store: PostgresStore
) -> None:
    """And what its words begin with: two letters and three in its head, three anywhere."""
    await migrate(database, POSTGRES_SCHEMA)
    ids = [1, PART - 1, PART, 2 * PART, 5 * PART]
    books = [book("Sea", description="wind", book_id=book_id) for book_id in ids]
    await added(database, store, *books)
    sea = Term("tsea")

    async def found(by: By, between: range, *, spans: bool = True) -> object:
        asked = question(sea, by, between, 9, spans=spans)
        row = await database.scan(lambda t: t.one(asked.sql, *asked.values))
        assert row is not None
        return row[0]

    for by in (By(sea), By(None, ("hse",)), By(sea, ("hsea", "asea", "awin"))):
        assert ids == await found(by, range(1, LAST_ID), spans=False)
        assert ids[:3] == await found(by, range(1, 2 * PART))
        assert ids[2:4] == await found(by, range(PART, 5 * PART))
    for listed in ("hs", "hwi", "ase", "tse", "awind"):
        assert [] == await found(By(None, (listed,)), range(1, LAST_ID), spans=False), listed
