"""Small shops on SQLite with something in every table, which are to be moved, and their homes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import apsw
import asyncpg
from msgspec.structs import replace

from bazar.catalog.app import SCHEMA as CATALOG_SCHEMA
from bazar.catalog.domain import StoredBook
from bazar.catalog.store.sqlite import SqliteStore as CatalogStore
from bazar.kit.data.database import Transaction
from bazar.kit.data.migrate import migrate
from bazar.kit.data.sqlite import SqliteDatabase
from bazar.kit.process.config import postgres_parts
from bazar.mover.run import Moved, MoveSettings, move
from bazar.order.app import SCHEMA as ORDER_SCHEMA
from bazar.wire.stock import Outcome, Rejection, SoldLine
from support.postgres import server

Rows = list[tuple[Any, ...]]
SERVICES = ("catalog", "order")
ARABIC = "مِائَةُ عَامٍ مِنَ ٱلْعُزْلَة"
LONG = "an ending that nobody has read yet, " * 3000
SOLD, GONE, PENDING, REJECTED = "01A", "01B", "01C", "01D"
"""Order ids: one that was handed over, one that was cancelled, and so on."""

_ORDERS = f"""
INSERT INTO orders (order_id, idempotency_key, kind, status, settled, rejection, placed_at_ms,
                    channel, progress, progress_at_ms, ended_at_ms, tracking)
VALUES ('{SOLD}', 'key-a', 'order', 'fulfilled', 1, NULL, 10, 'web', 'sent', 20, 30, 'PS 1/2'),
    ('{GONE}', 'ключ-b', 'purchase', 'cancelled', 1, NULL, 11, 'counter', NULL, NULL, 31, NULL),
    ('{PENDING}', 'key-c', 'purchase', 'pending', 0, NULL, 12, NULL, NULL, NULL, NULL, NULL),
    ('{REJECTED}', 'key-d', 'order', 'rejected', 1, ?1, 13, NULL, NULL, NULL, NULL, NULL);
INSERT INTO order_lines VALUES
    ('{SOLD}', 0, 1, 2, 'RPCs for Noobs', 1999, 'USD', '19.99'),
    ('{SOLD}', 1, 2, 1, ?2, 5, 'USD', NULL),
    ('{GONE}', 0, 1, 1, NULL, NULL, NULL, NULL),
    ('{PENDING}', 0, 2, 1000, NULL, NULL, NULL, NULL),
    ('{REJECTED}', 0, 9, 1, NULL, NULL, NULL, NULL);
INSERT INTO buyers VALUES
    (1, ?2, 'Lina@example.org', '+970 59', 'post', '1 Olive Street', '', '00970', 'Nablus', 'PS',
     'invoice', 'Please' || char(10) || 'ring first.', 'ar', 500, 'lina', 'lina@example.org', 0);
INSERT INTO wishes VALUES
    (3, 2, 'a@example.org', 'a@example.org', '{"0" * 32}', 'en', 14, 0),
    (7, 2, 'b@example.org', 'b@example.org', '{"1" * 32}', 'ar', 15, 1);
DELETE FROM wishes WHERE wish_id = 7;
INSERT INTO outbox VALUES
    (4, '{SOLD}', 'sent', 'dead', 5, 16, 17, 'no such mailbox', NULL),
    (6, NULL, 'back-in-stock', 'waiting', 0, 18, NULL, NULL, 7);
INSERT INTO order_events VALUES (1, '{SOLD}', 19, 'sent', 'Omar', 'PS 1/2');"""

_BESIDE_BOOKS = """
INSERT INTO shop VALUES (1, 5, 'USD', '{"name": "Sea Books"}');
INSERT INTO imports VALUES (2, 'file', 21);
INSERT INTO counts VALUES (1, 2, 30, 2, 31);
INSERT INTO made_by_rows VALUES (2, 30, 1), (2, 31, 2);
INSERT INTO keyed_writes VALUES (8, 'write', '{}', '{"book": 1}'), (9, 'last', '{}', '{}');
DELETE FROM keyed_writes WHERE write_id = 9;
INSERT INTO movements (book_id, kind, copies, order_id, moved_at_ms, reason, note, actor)
VALUES (1, 'adjusted', -1, NULL, 22, 'damaged', 'wet', 'Omar'),
    (1, 'sold', -1, '01B', 23, NULL, '', ''),
    (1, 'released', 1, '01B', 24, NULL, '', '');
UPDATE books SET stock = stock - 1, edited_at_ms = 23 WHERE book_id = 1;
UPDATE books SET author_key = NULL, title_key = NULL WHERE book_id = 3;
INSERT INTO unfolded VALUES (1, 3, 3);"""


def small_shop(folder: Path) -> None:
    """Make the databases of a shop that is closed: few rows, each table, odd values."""
    folder.mkdir(parents=True)
    make_database(folder / "catalog.db", CATALOG_SCHEMA, _fill_catalog)
    make_database(folder / "order.db", ORDER_SCHEMA)
    reason = '{"code":"book-not-found","detail":"no book has the id 9","book_id":9}'
    change(folder / "order.db", _ORDERS, reason, ARABIC)
    change(folder / "catalog.db", _BESIDE_BOOKS)


def make_database(
    path: Path, schema: str, fill: Callable[[Transaction], Awaitable[None]] | None = None
) -> None:
    """Make a database of a service as the service does it."""

    async def made() -> None:
        database = SqliteDatabase(path)
        try:
            await migrate(database, schema)
            if fill:
                await database.write(fill)
        finally:
            await database.close()

    asyncio.run(made())


def change(path: Path, sql: str, *values: str) -> None:
    """Change a database behind the back of its service; a value stands wherever it is named."""
    for number, value in enumerate(values, 1):
        sql = sql.replace(f"?{number}", "'" + value.replace("'", "''") + "'")
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(sql)


async def _fill_catalog(transaction: Transaction) -> None:
    store = CatalogStore()
    for book in (
        _book(1, "RPCs for Noobs", 1999, isbn="9780000000002", description=LONG, year=1985),
        _book(2, ARABIC, 5, author="غابرييل غارسيا ماركيز", pages=417, language="ar"),
        _book(3, "Nobody Buys This", 0, retired_at_ms=6),
    ):
        await store.add_book(transaction, book, 5)
    sold = [
        SoldLine(1, 2, "RPCs for Noobs", 1999, "USD", version=2),
        SoldLine(2, 1, ARABIC, 5, "USD", version=2),
    ]
    unknown = Rejection("book-not-found", "no book has the id 9", book_id=9)
    await store.sell(
        transaction,
        [
            Outcome(SOLD, "reserved", sold),
            Outcome(GONE, "released"),
            Outcome(REJECTED, "rejected", rejection=unknown),
        ],
        7,
    )


def _book(book_id: int, title: str, price_minor: int, **members: Any) -> StoredBook:  # noqa: ANN401
    plain = StoredBook(
        book_id=book_id,
        isbn=None,
        title=title,
        author="",
        year=None,
        topic="At Sea",
        description="",
        price_minor=price_minor,
        currency="USD",
        stock=5,
        version=1,
    )
    return replace(plain, **members)


@contextmanager
def new_home(release: int) -> Iterator[str]:
    """Give the address of a server that has no shop yet; drop the shop that it has in the end."""
    running = server(release)
    try:
        yield running.url_of("")
    finally:
        for name in SERVICES:
            running.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def database_at(to: str, service: str) -> str:
    """Return the address of a service's database on a server."""
    before, _name, query = postgres_parts(to)
    return f"{before}/{service}{query}"


@contextmanager
def unwatched(_rows: int | None, _what: str) -> Iterator[Callable[[int], None]]:
    """Show nobody how far it is."""
    yield lambda _moved: None


async def moved(data: Path, to: str, *, as_it_is: bool = False) -> Moved:
    """Move a shop."""
    return await move(MoveSettings(data=data, to=to, as_it_is=as_it_is), unwatched)


async def asked(to: str, service: str, sql: str) -> Rows:
    """Return what the new database of a service answers to a statement."""
    connection = await asyncpg.connect(database_at(to, service))
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


def kept(data: Path, service: str, sql: str) -> Rows:
    """Return what the old database of a service answers to a statement."""
    with closing(apsw.Connection(str(data / f"{service}.db"))) as connection:
        return connection.execute(sql).fetchall()


def columns(data: Path, service: str, table: str) -> str:
    """Return the columns of an old table as a list in a statement."""
    rows = kept(data, service, f"SELECT name FROM pragma_table_info('{table}')")
    return ", ".join(f'"{name}"' for (name,) in rows)


def files(data: Path) -> dict[str, bytes]:
    """Return what is in the old databases."""
    return {path.name: path.read_bytes() for path in data.glob("*.db")}
