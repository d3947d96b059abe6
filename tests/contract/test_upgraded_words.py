"""A catalog of the release before: its books are found as new ones are, whenever it was stopped."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from bazar.catalog import completing as module
from bazar.catalog.completing import completing
from bazar.catalog.shelf import Shelf
from bazar.catalog.words import topic_key
from bazar.kit import log
from bazar.kit.data.database import Database, Row, Transaction
from bazar.kit.data.migrate import migrate, steps
from bazar.kit.errors import Unavailable
from bazar.wire.books import BookQuery
from support.engines import ENGINES, POSTGRES
from support.stored_books import KEPT, Engine

WORDS_STEP = {"sqlite": 8, "postgres": 2}
"""The step from which on the catalog makes the terms of books itself."""
OLD = """
INSERT INTO books (title, author, topic, topic_key, description, price_minor, currency,
                   retired_at_ms, author_key, title_key)
VALUES (?1, ?2, ?4, ?5, '', 1, 'USD', ?3, 'old', 'old')"""
POETRY = ("Poésie", "poésie")
BOOKS = [
    ("吾輩は猫である", "", None, *POETRY),
    ("Die Straße", "Bjørn", None, *POETRY),
    ("Gone", "", 9, *POETRY),
    ("Last", "", None, *POETRY),
]


@pytest.fixture(params=KEPT, ids=lambda kept: kept.name)
def kept(request: pytest.FixtureRequest) -> Engine:
    """Name each engine in turn."""
    engine: Engine = request.param
    return engine


@pytest.fixture
async def old(kept: Engine, tmp_path: Path) -> AsyncIterator[Database]:
    """Open a catalog as the release before has left it."""
    database = (POSTGRES | ENGINES)[kept.name](tmp_path / "old.db")
    await database.write(lambda transaction: _fill(transaction, kept.schema, BOOKS))
    yield database
    await database.close()


async def _fill(transaction: Transaction, schema: str, books: Sequence[Row]) -> None:
    """Make the tables as they were, and books in them."""
    words_step = WORDS_STEP[schema.rpartition(".")[2]]
    before = [one for one in steps(schema) if one[0] < words_step]
    for _number, _name, sql in before:
        await transaction.script(sql)
    await transaction.run_many(OLD, books)
    await transaction.script(
        "CREATE TABLE schema_history "
        "(number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at_ms BIGINT NOT NULL)"
    )
    sql = "INSERT INTO schema_history (number, name, applied_at_ms) VALUES (?1, '', 0)"
    await transaction.run(sql, before[-1][0])


async def test_an_older_catalog_is_found_by_its_words(old: Database, kept: Engine) -> None:
    """After the first start, also one that stopped halfway; keys and counts of topics follow."""
    await migrate(old, kept.schema)
    store = kept.store()
    assert 2 == await old.write(lambda t: store.complete_keys(t, 2))
    shelf = Shelf(old, store)
    edited = await old.read(lambda t: store.book(t, 4))
    assert edited is not None
    await old.write(lambda t: store.edit_book(t, edited, 5))
    await shelf.complete()
    await shelf.complete()

    async def ids(**query: str) -> list[int]:
        books, _cursor = await shelf.list_books(BookQuery(**query))  # type: ignore[arg-type]
        return [book.id for book in books]

    assert [1] == await ids(q="猫")
    assert [2] == await ids(q="strasse bjorn")
    assert [4] == await ids(q="last")
    assert [] == await ids(q="gone")
    assert (
        [1, 2, 4] == await ids(topic="POESIE") == [one.id for one in await shelf.search("poesie")]
    )
    assert [2] == await ids(author="Bjorn")
    assert [("Poésie", 3)] == [(one.topic, one.books) for one in await shelf.topics()]
    assert topic_key("Poésie") == await old.read(lambda t: store.known_topic(t, "poésie"))
    assert [] == await old.scan(store.faults)


async def test_the_start_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left is done beside, again after an error that passes, and ends with the service."""
    monkeypatch.setattr(module, "START_WAITS_S", 0.0)
    monkeypatch.setattr(module, "PAUSE_S", 0.0)
    calls, again, ended = 0, asyncio.Event(), asyncio.Event()

    async def complete() -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            message = "away"
            raise Unavailable(message)
        again.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with completing(complete):
        await again.wait()
        assert not ended.is_set()
    assert ended.is_set()


async def test_topics_of_many_books_get_other_keys(kept: Engine, tmp_path: Path) -> None:
    """Each of them loses all its books, and has them again under the key of this release."""
    topics = {"Poésie": 500, "L'Été": 300, "l\u2019été": 90, "Maps": 10, "Gone": 0}
    books: list[Row] = [
        (f"T{n}", "", None, topic, topic.casefold())
        for topic, count in topics.items()
        for n in range(count)
    ]
    books += [(f"T{n}", "", 9, "Gone", "gone") for n in range(5)]
    database = (POSTGRES | ENGINES)[kept.name](tmp_path / "old.db")
    try:
        await database.write(lambda transaction: _fill(transaction, kept.schema, books))
        await migrate(database, kept.schema)
        store = kept.store()
        shelf = Shelf(database, store)
        await shelf.complete()
        sums = {one.topic: one.books for one in await shelf.topics()}
        assert {"Poésie": 500, "L'Été": 390, "Maps": 10} == sums
        keys = await database.read(lambda t: t.all("SELECT DISTINCT topic_key FROM books"))
        assert {topic_key(topic) for topic in topics} == {row[0] for row in keys}
        assert [] == await database.scan(store.faults)
    finally:
        await database.close()


async def test_what_breaks_keeps_no_shop_closed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The start goes on at once; what broke is logged, and tried again later."""
    monkeypatch.setattr(module, "START_WAITS_S", 3600.0)
    monkeypatch.setattr(module, "BROKEN_PAUSE_S", 0.0)
    log.configure()
    calls, again, opened = 0, asyncio.Event(), asyncio.Event()

    async def complete() -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            message = "broken"
            raise ValueError(message)
        await opened.wait()
        again.set()

    async with completing(complete):
        opened.set()
        await again.wait()
    log.flush()
    told = capfd.readouterr().out
    assert "books-not-completed" in told
    assert "ValueError: broken" in told
