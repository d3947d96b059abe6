"""`python -m bench.big`: make the data folder of a large shop, as the shop would have written it.

The services' own stores write it, without their flushes, so that it has the tables of today, and
everything adds up. Books and topics are the same for the same figures; the ids of orders are
random, as everywhere.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import accumulate, islice
from pathlib import Path
from random import Random
from time import monotonic
from typing import TypeVar

import apsw
from msgspec.structs import replace

from bazar.catalog.app import SCHEMA as CATALOG_SCHEMA
from bazar.catalog.domain import StoredBook
from bazar.catalog.store.sqlite import SqliteStore as CatalogStore
from bazar.kit.clock import now_ms
from bazar.kit.data.database import made
from bazar.kit.data.migrate import migrate
from bazar.kit.data.sqlite import SqliteDatabase, SqliteTransaction
from bazar.kit.identity import new_id
from bazar.order.app import SCHEMA as ORDER_SCHEMA
from bazar.order.domain import StoredLine, StoredOrder, decided
from bazar.order.store.sqlite import SqliteStore as OrderStore
from bazar.wire.stock import Outcome, SoldLine

T = TypeVar("T")

ONSETS = [
    "b",
    "c",
    "d",
    "f",
    "g",
    "h",
    "j",
    "k",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "t",
    "v",
    "w",
    "z",
    "br",
    "ch",
    "cl",
    "cr",
    "dr",
    "fl",
    "gr",
    "pl",
    "pr",
    "sh",
    "st",
    "th",
    "tr",
]
NUCLEI = ["a", "e", "i", "o", "u", "ai", "ea", "ou"]
CODAS = ("", "", "", "n", "r", "l", "s", "t", "m", "nd", "st")
SMALL_WORDS = ("the", "of", "and", "a", "to", "in", "with", "for", "on", "is", "his", "that")
WORDS = 60_000
"""As many as the books of a large shop have, each as rare as its place in the list."""
SHARED_TOPICS = 2000
STOCK = 100_000
SOLD_BOOKS_MAX = 200_000
CHUNK = 20_000
SPAN_MS = 30 * 24 * 3600 * 1000
WIDE_LINES = 100
_FAST = """
PRAGMA synchronous = OFF;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -200000;
PRAGMA wal_autocheckpoint = 20000;
"""


def books(count: int) -> Iterator[StoredBook]:
    """Make books; nine in ten share 2,000 topics, a few of which most have; no two ISBNs."""
    chance = Random(1)
    words = vocabulary(chance)
    often = list(accumulate(1 / rank for rank in range(1, len(words) + 1)))
    topics = [f"topic {word}" for word in words[:SHARED_TOPICS]]

    def text(fewest: int, most: int) -> str:
        return " ".join(chance.choices(words, cum_weights=often, k=chance.randint(fewest, most)))

    for number in range(1, count + 1):
        place = min(int(chance.paretovariate(0.6)) - 1, len(topics) - 1)
        yield StoredBook(
            book_id=number,
            isbn=None,
            title=text(2, 7).capitalize(),
            author=" ".join(chance.choices(words, k=2)).title(),
            year=1900 + number % 120,
            topic=topics[place] if number % 10 else f"own topic {number}",
            description=text(10, 40),
            price_minor=1000 + number % 3000,
            currency="USD",
            stock=STOCK,
            version=1,
        )


def vocabulary(chance: Random) -> list[str]:
    """Return the words that books are made of, the most frequent first, each once."""
    syllables = [a + b + c for a in ONSETS for b in NUCLEI for c in CODAS]
    made_up = ("".join(chance.choices(syllables, k=chance.randint(1, 4))) for _ in range(2 * WORDS))
    return list(islice(dict.fromkeys((*SMALL_WORDS, *made_up)), WORDS))


def make(
    folder: Path, books_count: int, orders_count: int, pending: int = 0, wide: int = 0
) -> None:
    """Make a data folder that the services open.

    Args:
        folder: that is new, or empty.
        books_count: 1 or more.
        orders_count: that were sold, a copy each.
        pending: more orders, of which the catalog knows nothing.
        wide: so many more of those, with a hundred lines, or one for each book.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in (("catalog", CATALOG_SCHEMA), ("order", ORDER_SCHEMA)):
        asyncio.run(_schema(folder / f"{name}.db", schema))
    with (
        closing(apsw.Connection(str(folder / "catalog.db"))) as catalog,
        closing(apsw.Connection(str(folder / "order.db"))) as order,
    ):
        for connection in (catalog, order):
            connection.execute(_FAST).fetchall()
        asyncio.run(_fill(catalog, order, books_count, orders_count, pending))
        asyncio.run(_add_wide(order, wide, min(books_count, WIDE_LINES)))
    (folder / "started").touch()  # else the sample would come in as well


async def _schema(path: Path, schema: str) -> None:
    database = SqliteDatabase(path)
    try:
        await migrate(database, schema)
    finally:
        await database.close()


async def _fill(
    catalog: apsw.Connection,
    order: apsw.Connection,
    books_count: int,
    orders_count: int,
    pending: int,
) -> None:
    begin_ms = now_ms() - SPAN_MS
    selling = CatalogStore()
    for chunk in _chunks(books(books_count)):
        with catalog:
            transaction = SqliteTransaction(catalog)
            for book in chunk:
                await selling.add_book(transaction, book, begin_ms)
        _say("books", chunk[-1].book_id, books_count)
    sold = min(books_count, SOLD_BOOKS_MAX)
    sql = "SELECT book_id, title FROM books WHERE book_id <= ?1"
    titles = {made(int, row[:1]): made(str, row[1:]) for row in catalog.execute(sql, (sold,))}
    total = orders_count + pending
    for numbers in _chunks(iter(range(total))):
        at_ms = begin_ms + SPAN_MS * numbers[0] // total
        orders = [_order(number, 1 + number * 7919 % sold, at_ms) for number in numbers]
        outcomes = [_outcome(one, titles[one.lines[0].book_id]) for one in orders]
        done = max(0, min(len(numbers), orders_count - numbers[0]))
        with order:
            placing = SqliteTransaction(order)
            await OrderStore().insert(placing, orders)
            pairs = zip(orders[:done], outcomes[:done], strict=True)
            await OrderStore().confirm(placing, [decided(one, outcome) for one, outcome in pairs])
        with catalog:
            await selling.sell(SqliteTransaction(catalog), outcomes[:done], at_ms)
        _say("orders", numbers[-1] + 1, total)


async def _add_wide(order: apsw.Connection, count: int, lines: int) -> None:
    every = tuple(StoredLine(book_id, 1) for book_id in range(1, lines + 1))
    at_ms = now_ms()
    orders = [
        replace(_order(number, 1, at_ms), key=f"wide-{number}", kind="order", lines=every)
        for number in range(count)
    ]
    with order:
        await OrderStore().insert(SqliteTransaction(order), orders)


def _order(number: int, book_id: int, at_ms: int) -> StoredOrder:
    return StoredOrder(
        new_id(lambda: at_ms),
        f"big-{number}",
        "purchase",
        "pending",
        settled=False,
        rejection=None,
        placed_at_ms=at_ms,
        lines=(StoredLine(book_id, 1),),
    )


def _outcome(order: StoredOrder, title: str) -> Outcome:
    (line,) = order.lines
    price_minor = 1000 + line.book_id % 3000
    sold = SoldLine(line.book_id, line.quantity, title, price_minor, "USD", version=3)
    return Outcome(order.order_id, "reserved", [sold])


def _chunks(items: Iterator[T]) -> Iterator[list[T]]:
    while chunk := list(islice(items, CHUNK)):
        yield chunk


def _say(what: str, done: int, total: int) -> None:
    print(f"\r{done:,} of {total:,} {what}  ", end="", file=sys.stderr, flush=True)


def main(words: Sequence[str] | None = None) -> None:
    """Make what the options ask for."""
    parser = argparse.ArgumentParser(prog="python -m bench.big", description=__doc__)
    parser.add_argument("--books", type=int, default=1_000_000)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--pending", type=int, default=0, help="so many more, undecided")
    parser.add_argument("--wide", type=int, default=0, help="those with a hundred lines")
    parser.add_argument("--data", type=Path, required=True, help="the folder, new or empty")
    options = parser.parse_args(words)
    if options.data.exists() and any(options.data.iterdir()):
        parser.error(f"{options.data} is not empty")
    started_s = monotonic()
    make(options.data, options.books, options.orders, options.pending, options.wide)
    sizes = {one.name: f"{one.stat().st_size >> 20} MiB" for one in options.data.glob("*.db")}
    print(f"\n{options.data}: {sizes} in {monotonic() - started_s:.0f} s")


if __name__ == "__main__":
    main()
