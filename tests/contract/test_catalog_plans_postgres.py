"""How many rows PostgreSQL reads for each statement of the catalog, in a shop that is not small.

The planner goes by what the tables hold, so here they hold something, and it has looked at them.
"""

from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from msgspec.structs import replace

from bazar.catalog.app import POSTGRES_SCHEMA
from bazar.catalog.expressions import Term
from bazar.catalog.store import (
    AFTER_ALL_ORDERS,
    AFTER_ALL_ROWS,
    NO_YEAR,
    FileRow,
    Seen,
    Sought,
    postgres_search,
)
from bazar.catalog.store.lists import LAST_ID, Narrowing, Order, Ranked
from bazar.catalog.store.postgres import PostgresStore
from bazar.catalog.store.postgres_search import (
    LOOKED_THROUGH,
    WORDS,
    By,
    Question,
    few,
    in_tiers,
    question,
)
from bazar.kit.data.database import Database, Row, Transaction, Value, Work
from bazar.kit.data.postgres import PostgresDatabase, numbered
from support.engines import POSTGRES, with_tables
from support.stored_books import NOW_MS, book, rejected, reserved

BOOKS = 8000
FILL = f"""
INSERT INTO books (isbn, title, author, topic, topic_key, description, price_minor, currency, stock,
                   added_at_ms, author_key, title_key, retired_at_ms)
SELECT CASE WHEN n % 2 = 0 THEN lpad(n::text, 13, '0') END,
    CASE WHEN n % 4 < 2 AND n > 6000 THEN 'Many' ELSE 'Title ' || n END,
    CASE WHEN n % 4 < 2 AND n > 6000 THEN 'Author of many' ELSE 'Author ' || n % 400 END,
    'topic ' || n % 40, 'topic ' || n % 40, '', n % 5000, 'USD', n % 50, n,
    'author ' || n % 400, 'title ' || n, CASE WHEN n % 20 = 0 THEN n END
FROM generate_series(1, {BOOKS}) AS n;
INSERT INTO books_text (book_id, words)
SELECT book_id, array_to_tsvector(array(
    SELECT DISTINCT 'aw' || book_id * n % 9973 FROM generate_series(1, 40) AS n
))
FROM books WHERE retired_at_ms IS NULL;
INSERT INTO reservations (order_id, status, outcome, decided_at_ms)
SELECT id, 'rejected', '{{"order_id":"' || id || '","status":"rejected"}}', 0
FROM generate_series(1, {BOOKS}) AS n, LATERAL (SELECT 'o' || lpad(n::text, 8, '0') AS id) AS made;
INSERT INTO movements (book_id, kind, copies, order_id, moved_at_ms)
SELECT n % {BOOKS} + 1, 'sold', -1, 'o' || lpad((n % {BOOKS} + 1)::text, 8, '0'), 0
FROM generate_series(1, {4 * BOOKS}) AS n;
INSERT INTO made_by_rows (import_id, row, book_id)
SELECT 1, n, n FROM generate_series(1, {BOOKS}) AS n;
INSERT INTO counts (import_id, row, book_id)
SELECT 1, n, n FROM generate_series(1, {BOOKS}) AS n;
INSERT INTO keyed_writes (key, request, answer)
SELECT 'k' || n, '', '' FROM generate_series(1, {BOOKS}) AS n;
INSERT INTO imports (file_key, begun_at_ms)
SELECT 'f' || n, 0 FROM generate_series(1, {BOOKS}) AS n;
"""
COMMON = 500
"""What one book of forty has is soon found on the way through all of them."""
SOME = [Ranked(number, number * 7 + 1) for number in range(50)]
IDS = [one.book_id for one in SOME]
ORDERS = [f"o{number:08}" for number in IDS]
SOUGHT = [
    Sought(1, None, "Many\nAuthor of many", None, NO_YEAR),
    Sought(2, "0000000000078", None, None, NO_YEAR),
    Sought(3, None, "Title 77\nAuthor 77", None, NO_YEAR),
    Sought(4, None, "Nobody\nknows", "it", 1999),
]
SALES = [reserved(f"new{number:02}", (number * 50 + 7, 1, 3)) for number in range(50)]


class Explained:
    """A transaction that notes how many rows each statement reads of the tables."""

    def __init__(self, transaction: Transaction) -> None:
        """Send what is asked to a transaction, too."""
        self._transaction = transaction
        self.read = 0

    async def all(self, sql: str, *values: Value) -> list[Row]:
        """Return every row."""
        await self._transaction.run("SAVEPOINT explained")
        explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}"
        row = await self._transaction.one(explain, *values)
        await self._transaction.run("ROLLBACK TO explained")
        assert row is not None
        for plan in msgspec.json.decode(str(row[0])):
            self.read += read(plan["Plan"])
        return await self._transaction.all(sql, *values)

    async def one(self, sql: str, *values: Value) -> Row | None:
        """Return the first row, or None."""
        rows = await self.all(sql, *values)
        return rows[0] if rows else None

    async def run(self, sql: str, *values: Value) -> int:
        """Run a statement; nobody wants to know how many rows it changed."""
        return len(await self.all(sql, *values))

    async def run_many(self, sql: str, rows: Iterable[Row]) -> None:
        """Run a statement for each row of values."""
        for row in rows:
            await self.all(sql, *row)


def read(plan: dict[str, Any]) -> int:
    """Return how many rows a plan has read of tables and indexes, those that did not fit too."""
    rows = sum(read(part) for part in plan.get("Plans", ()))
    if "Relation Name" in plan and plan["Node Type"] != "ModifyTable":
        passed = plan.get("Rows Removed by Filter", 0) + plan.get(
            "Rows Removed by Index Recheck", 0
        )
        rows += int((plan["Actual Rows"] + passed) * plan["Actual Loops"])
    return rows


@pytest.fixture(params=sorted(POSTGRES))
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """Open a shop with some thousand books, of which the planner knows."""
    async with with_tables(request.param, tmp_path / "catalog", POSTGRES_SCHEMA) as database:
        assert isinstance(database, PostgresDatabase)
        await database.write(lambda t: t.script(FILL), limit_s=60)
        await database.write(lambda t: t.script("ANALYZE"), limit_s=60)
        yield database


def points(store: PostgresStore) -> dict[str, tuple[Work[object], int]]:
    """Return what is asked of single rows, and of how many, each with how many may be read."""
    new = book(book_id=0, stock=3, isbn="9780131103627")
    old = replace(new, book_id=77, isbn=None, topic="topic 1")
    other = replace(new, isbn="9780306406157")
    row = FileRow(1, 77)
    return {
        "book": (lambda t: store.book(t, 77, lock=True), 2),
        "books": (lambda t: store.books(t, IDS, lock=True), 100),
        "book_by_isbn": (lambda t: store.book_by_isbn(t, "0000000000078"), 2),
        "last_book": (store.last_book, 3),
        "last_order_id": (store.last_order_id, 4),
        "kept_write": (lambda t: store.kept_write(t, "k77"), 2),
        "keep_write": (lambda t: store.keep_write(t, "new", "", "", 10_000), 3),
        "import_id": (lambda t: store.import_id(t, "f77"), 4),
        "shop": (store.shop, 1),
        "outcome": (lambda t: store.outcome(t, "o00000077", lock=True), 2),
        "outcomes": (lambda t: store.outcomes(t, ORDERS), 100),
        "kept_decision": (lambda t: store.kept_decision(t, "o00000077"), 2),
        "save_outcome": (lambda t: store.save_outcome(t, rejected("o00000077")), 2),
        "add_outcome": (lambda t: store.add_outcome(t, rejected("new"), 0), 2),
        "sell": (lambda t: store.sell(t, SALES, NOW_MS), 200),
        "known_by": (lambda t: store.known_by(t, SOUGHT, 1), 4 * len(SOUGHT)),
        "counted_books": (lambda t: store.counted_books(t, IDS, lock=True), 150),
        "add_books": (lambda t: store.add_books(t, [other], NOW_MS), 15),
        "edit_books": (lambda t: store.edit_books(t, [old], NOW_MS), 15),
        "adjust": (lambda t: store.adjust(t, dict.fromkeys(IDS, 1), NOW_MS), 150),
        "save_seen": (lambda t: store.save_seen(t, [Seen(77, row, row)]), 2),
        "save_counts": (lambda t: store.save_counts(t, [77]), 4),
        "save_made_by": (lambda t: store.save_made_by(t, [(row, 77)]), 2),
        "add_book": (lambda t: store.add_book(t, new, NOW_MS), 10),
        "edit_book": (lambda t: store.edit_book(t, old, NOW_MS), 10),
        "move_stock": (lambda t: store.move_stock(t, 77, "adjusted", 5, None, NOW_MS), 5),
        "complete_keys": (lambda t: store.complete_keys(t, 100), 10),
    }


def pages(store: PostgresStore) -> dict[str, tuple[Work[object], int]]:
    """Return what is asked for in pages of ten, each with how many rows may be read."""
    orders: list[Order] = ["rank", "new", "price", "-price", "title"]
    found: dict[str, tuple[Work[object], int]] = {
        "books_after": (lambda t: store.books_after(t, 77, None, 10), 20),
        "books_of_topic_after": (lambda t: store.books_after(t, 77, "topic 7", 10), COMMON),
        "titles_by_topic": (lambda t: store.titles_by_topic(t, "topic 7", 10), COMMON),
        "movements_after": (lambda t: store.movements_after(t, 77, 10), 20),
        "movements_of_book": (lambda t: store.movements_of_book(t, 77, AFTER_ALL_ROWS, 10), 20),
        "outcomes_after": (lambda t: store.kept_decisions(t, "o00000077", 10), 20),
        "stocks_after": (lambda t: store.stocks_after(t, 77, 10), 20),
        "ledger_until": (lambda t: store.ledger_until(t, 77, 10), 20),
        "ledger_sums": (lambda t: store.ledger_sums(t, (77, 87), (0, AFTER_ALL_ROWS)), 20),
        "orders_until": (lambda t: store.orders_until(t, "o00000077", 10), 40),
        "count_decisions": (lambda t: store.count_decisions(t, "o00000077", "o00000087"), 20),
        "differences": (lambda t: store.reservation_differences(t, "o00000077", "o00000087"), 80),
        "of_topic": (lambda t: store.of_topic(t, "topic 7", 10), COMMON),
        "by_author": (lambda t: store.by_author(t, "author 77", 10), 20),
        "priced": (lambda t: store.priced(t, 77, 80, 10), 20),
        "last": (lambda t: store.listed(t, "last", (), 10), 20),
        "out": (lambda t: store.listed(t, "out", (), 10), 300),
        "retired": (lambda t: store.listed(t, "retired", (), 10), 20),
        "retired_named": (lambda t: store.listed(t, "retired", ["title"], 10), 20),
        "bought": (lambda t: store.bought(t, 0, 100, 10), 700),
        "topics": (lambda t: store.topics(t, 10), 600),
        "found": (lambda t: store.found(t, Term("aw777"), 0, LAST_ID, 10), 100),
        "found_of_all": (lambda t: store.found(t, Term("aw", more=True), 77, LAST_ID, 10), 20),
        "heads": (lambda t: store.heads(t, IDS), 100),
        "shown": (lambda t: store.shown(t, IDS), 100),
        "known_topic": (lambda t: store.known_topic(t, "topic7"), 250),
        "topics_of_set": (lambda t: store.topics_of_set(t, SOME, Narrowing(topic="topic 8")), 250),
        "topics_of_all": (lambda t: store.topics_of_all(t, Narrowing(in_stock=True), 100), 150),
    }
    for order in orders:
        found[f"all {order}"] = (
            lambda t, o=order: store.page_of_all(t, Narrowing(), o, _place(o), 10),  # type: ignore[misc]
            20,
        )
        found[f"set {order}"] = (
            lambda t, o=order: store.page_of_set(t, SOME, Narrowing(), o, None, 10),  # type: ignore[misc]
            120,
        )
    return found


def _place(order: Order) -> tuple[float | str, int]:
    """Return a place in the middle of a list."""
    return ("title 5", 0) if order == "title" else (BOOKS / 4, 77)


async def test_no_statement_reads_more_than_it_has_to(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few rows where few are asked for, however many there are; searches as in a large shop."""
    monkeypatch.setattr(postgres_search, "SMALL_BOOKS", BOOKS // 2)
    store = PostgresStore()
    read_of: dict[str, int] = {}
    most: dict[str, int] = {}
    for name, (work, rows_max) in (points(store) | pages(store)).items():

        async def unit(transaction: Transaction, work: Work[object] = work) -> int:
            explained = Explained(transaction)
            await work(cast("Transaction", explained))
            return explained.read

        read_of[name] = await database.write(unit)
        most[name] = rows_max
    too_many = {name: rows for name, rows in read_of.items() if rows > most[name]}
    assert not too_many
    assert AFTER_ALL_ORDERS > max(ORDERS)


async def test_searches_read_no_more_once_their_plans_are_kept(database: Database) -> None:
    """After some calls the server keeps one plan for whatever is asked for."""
    rare, beginning = Term("aw777"), Term("aw7", more=True)
    all_ids, some_ids = range(1, LAST_ID), range(78, 178)
    through = Question(LOOKED_THROUGH, ("'aw':*", 77, LAST_ID, 10, 40))
    asked = [
        (question(rare, By(rare), all_ids, 10), 100),
        (question(beginning, By(rare), all_ids, 10), 100),
        (question(beginning, By(rare), some_ids, 10, spans=True), 100),
        (question(rare, By(None, ("aw77",)), all_ids, 10), 4000),
        (few(beginning, By(rare, ("aw77",)), 10), 100),
        (in_tiers([rare, beginning], beginning, By(rare), 0, 10), 100),
        (Question(WORDS, (["w777"], ["w778"], 10)), 20),
        (through, 50),
    ]

    async def unit(transaction: Transaction) -> dict[str, int]:
        await transaction.script("SET LOCAL plan_cache_mode = force_generic_plan")
        read_of = {}
        for number, ((sql, values), rows_max) in enumerate(asked):
            await transaction.script(f"PREPARE kept_{number} AS {numbered(sql)}")
            given = ", ".join(f"ARRAY{v}" if isinstance(v, list) else _quoted(v) for v in values)
            explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE kept_{number}({given})"
            row = await transaction.one(explain)
            await transaction.script(f"DEALLOCATE kept_{number}")
            assert row is not None
            rows = sum(read(plan["Plan"]) for plan in msgspec.json.decode(str(row[0])))
            if rows > rows_max:
                read_of[sql] = rows
        return read_of

    assert {} == await database.write(unit)


def _quoted(value: object) -> str:
    return f"$${value}$$" if isinstance(value, str) else str(value)
