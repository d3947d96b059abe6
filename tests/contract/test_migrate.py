"""Schema steps: each applied once, none by an old release, and together the schema we expect."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from bazar.kit.data.database import Transaction
from bazar.kit.data.migrate import migrate, steps
from bazar.kit.data.sqlite import SqliteDatabase

CATALOG = "bazar.catalog.schema.sqlite"
ORDER = "bazar.order.schema.sqlite"

SHOP_STEP = 6
"""Which brings the settings of the shop."""
CATALOG_TABLES = {
    "books",
    "counts",
    "imports",
    "keyed_writes",
    "made_by_rows",
    "movements",
    "reservations",
    "schema_history",
    "shop",
    "topics",
    "unfolded",
}
CATALOG_CONSTRAINTS = {
    "unfolded_one_row",
    "books_isbn_unique",
    "books_isbn_length",
    "books_title_length",
    "books_price_not_negative",
    "books_currency_length",
    "books_stock_not_negative",
    "books_format",
    "books_pages_positive",
    "books_condition",
    "books_low_at_not_negative",
    "imports_file_key_unique",
    "keyed_writes_key_unique",
    "movements_book",
    "movements_kind",
    "movements_sign",
    "movements_order",
    "movements_reason",
    "reservations_status",
    "shop_currency_length",
    "shop_one_row",
    "topics_books_not_negative",
}


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    """Open an empty file."""
    database = SqliteDatabase(tmp_path / "test.db")
    yield database
    await database.close()


@pytest.fixture
async def catalog(database: SqliteDatabase) -> SqliteDatabase:
    """Open a catalog with one book and one ledger row."""
    await migrate(database, CATALOG)
    await database.write(
        lambda t: t.script(
            "INSERT INTO books (title, author, topic, topic_key, description, price_minor, "
            "currency, stock) VALUES ('A', '', 'b', 'b', '', 1, 'USD', 5);"
            "INSERT INTO movements (book_id, kind, copies, moved_at_ms) "
            "VALUES (1, 'received', 5, 0);"
        )
    )
    return database


async def _names(transaction: Transaction) -> set[str]:
    rows = await transaction.all(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
        "AND name NOT LIKE 'books_text%'"
    )
    return {str(row[0]) for row in rows}


async def _schema(transaction: Transaction) -> str:
    rows = await transaction.all("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")
    return "\n".join(str(row[0]) for row in rows)


@pytest.mark.parametrize("package", [CATALOG, ORDER])
def test_steps_are_numbered_without_gaps(package: str) -> None:
    """The steps of a service are 1, 2, 3 and so on, each with a name of its own."""
    found = steps(package)
    assert list(range(1, len(found) + 1)) == [number for number, _name, _sql in found]
    assert all(re.fullmatch(r"\d{4}_[a-z_]+\.sql", name) for _number, name, _sql in found)


@pytest.mark.parametrize("package", [CATALOG, ORDER])
async def test_each_step_is_applied_once(database: SqliteDatabase, package: str) -> None:
    """The first run applies every step in order, the second none, and both leave one schema."""
    wanted = [name for _number, name, _sql in steps(package)]
    assert wanted == await migrate(database, package)
    before = await database.read(_schema)
    assert [] == await migrate(database, package)
    assert before == await database.read(_schema)
    rows = await database.read(lambda t: t.all("SELECT name FROM schema_history ORDER BY number"))
    assert wanted == [row[0] for row in rows]


async def test_the_steps_add_up_to_the_catalogs_schema(database: SqliteDatabase) -> None:
    """The tables and the named constraints are exactly the expected ones."""
    await migrate(database, CATALOG)
    assert CATALOG_TABLES == await database.read(_names)
    found = set(re.findall(r"CONSTRAINT (\w+)", await database.read(_schema)))
    assert CATALOG_CONSTRAINTS == found


@pytest.mark.parametrize("package", [CATALOG, ORDER])
async def test_every_table_of_ours_is_strict(database: SqliteDatabase, package: str) -> None:
    """No column takes a value of another type, in any table that a step creates."""
    await migrate(database, package)
    rows = await database.read(
        lambda t: t.all(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' "
            "AND strict = 0 AND name NOT LIKE 'sqlite_%' AND name <> 'schema_history'"
        )
    )
    assert [] == rows


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE movements SET copies = 6",
        "DELETE FROM movements",
        "REPLACE INTO movements VALUES (1, 1, 'received', 6, NULL, 0, NULL, '', '')",
    ],
)
async def test_the_ledger_is_append_only(catalog: SqliteDatabase, statement: str) -> None:
    """The database itself refuses to change or to drop a ledger row."""
    with pytest.raises(apsw.ConstraintError, match="append-only"):
        await catalog.write(lambda t: t.run(statement))
    rows = await catalog.read(lambda t: t.all("SELECT movement_id, copies FROM movements"))
    assert [(1, 5)] == rows


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE books SET stock = -1", "books_stock_not_negative"),
        ("UPDATE books SET price_minor = -1", "books_price_not_negative"),
        ("UPDATE books SET isbn = '978'", "books_isbn_length"),
        ("UPDATE books SET title = ''", "books_title_length"),
        ("UPDATE books SET currency = 'EURO'", "books_currency_length"),
        (
            "INSERT INTO movements VALUES (9, 1, 'stolen', -1, NULL, 0, NULL, '', '')",
            "movements_kind",
        ),
        ("INSERT INTO movements VALUES (9, 1, 'sold', 1, 'o', 0, NULL, '', '')", "movements_sign"),
        (
            "INSERT INTO movements VALUES (9, 1, 'released', -1, 'o', 0, NULL, '', '')",
            "movements_sign",
        ),
        (
            "INSERT INTO movements VALUES (9, 1, 'received', 0, NULL, 0, NULL, '', '')",
            "movements_sign",
        ),
        (
            "INSERT INTO movements VALUES (9, 1, 'sold', -1, NULL, 0, NULL, '', '')",
            "movements_order",
        ),
        (
            "INSERT INTO movements VALUES (9, 1, 'received', 1, 'o', 0, NULL, '', '')",
            "movements_order",
        ),
        ("INSERT INTO reservations VALUES ('o', 'maybe', '{}', 0)", "reservations_status"),
        (
            "INSERT INTO movements VALUES (9, 1, 'adjusted', 1, NULL, 0, 'bored', '', '')",
            "movements_reason",
        ),
        (
            "INSERT INTO movements VALUES (9, 1, 'received', 1, NULL, 0, 'gift', '', '')",
            "movements_reason",
        ),
        ("INSERT INTO shop VALUES (2, 1, 'USD', '{}')", "shop_one_row"),
        ("INSERT INTO shop VALUES (1, 1, 'EURO', '{}')", "shop_currency_length"),
        (
            "INSERT INTO movements VALUES (9, 77, 'received', 1, NULL, 0, NULL, '', '')",
            "FOREIGN KEY",
        ),
        ("DELETE FROM books", "FOREIGN KEY"),
    ],
)
async def test_the_catalogs_schema_refuses_what_must_not_be(
    catalog: SqliteDatabase, statement: str, constraint: str
) -> None:
    """Each rule that the code checks first is held by the database as well."""
    with pytest.raises(apsw.ConstraintError, match=constraint):
        await catalog.write(lambda t: t.run(statement))


async def test_the_currency_of_a_shop_never_changes(catalog: SqliteDatabase) -> None:
    """The database itself refuses another; the same one is nothing new."""
    await catalog.write(lambda t: t.run("INSERT INTO shop VALUES (1, 1, 'USD', '{}')"))
    await catalog.write(lambda t: t.run("UPDATE shop SET currency = 'USD', version = 2"))
    with pytest.raises(apsw.ConstraintError, match="never changes"):
        await catalog.write(lambda t: t.run("UPDATE shop SET currency = 'EUR'"))


@pytest.mark.parametrize(
    ("currencies", "known"),
    [((), []), (("EUR", "EUR"), [(0, "EUR", "{}")]), (("EUR", "JOD"), [])],
)
async def test_an_older_shop_keeps_the_currency_of_its_books(
    database: SqliteDatabase, currencies: tuple[str, ...], known: list[tuple[object, ...]]
) -> None:
    """Where they have one; without books, or with several currencies, there is none to keep."""
    earlier = [step for step in steps(CATALOG) if step[0] < SHOP_STEP]
    (shop_step,) = [sql for number, _name, sql in steps(CATALOG) if number == SHOP_STEP]

    async def work(transaction: Transaction) -> None:
        for _number, _name, sql in earlier:
            await transaction.script(sql)
        for currency in currencies:
            await transaction.run(
                "INSERT INTO books (title, author, topic, topic_key, description, price_minor, "
                "currency) VALUES ('A', '', 'b', 'b', '', 1, ?1)",
                currency,
            )
        await transaction.script(shop_step)

    await database.write(work)
    rows = await database.read(lambda t: t.all("SELECT version, currency, settings FROM shop"))
    assert known == rows
