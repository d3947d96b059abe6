"""Searches in a large shop, on both engines: how long each kind takes, beside a look at one book.

The books are made up (`bench/big.py`), of 60,000 words of which each is as rare as its place in the
list, as in every language; twelve are English, so that titles hold *the* and *of* as titles do. The
catalog's own code asks, in this process, as the service would; the network and the pages come on
top. Each question is asked once, and between two of them a book is looked up by its id: what that
costs at its 99th of a hundred is the machine's.
"""

import asyncio
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from random import Random
from time import perf_counter, sleep

from bazar.catalog.app import POSTGRES_SCHEMA
from bazar.catalog.searching import Searching, search
from bazar.catalog.store import Store
from bazar.catalog.store.shared import DESCRIPTION, description
from bazar.catalog.store.sqlite import SqliteStore
from bazar.catalog.words import terms
from bazar.kit.data.database import SEARCHERS, Database, Transaction
from bazar.kit.data.migrate import migrate
from bazar.kit.data.sqlite import SqliteDatabase
from bazar.kit.process.postgres_server import STOP_SIGNAL, STOP_TIMEOUT_S, prepare
from bench.big import SMALL_WORDS, books, make, vocabulary
from bench.measure import tell
from bench.processes import BenchError

QUESTIONS = 200
"""Of each kind."""
WARMING = 20
PAGE = 20
CHUNK = 5000
SAMPLE = 2000
START_S_MAX = 60.0
A_BOOK = "a book by its id"

_ADD_TERMS = """
INSERT INTO books_text (book_id, words)
SELECT book_id, array_to_tsvector(string_to_array(terms, ' '))
FROM unnest($1::bigint[], $2::text[]) AS made (book_id, terms)"""
_WITHOUT_INDEX = "DROP INDEX books_text_terms; ALTER TABLE books DISABLE TRIGGER USER"
_WITH_INDEX = """
ALTER TABLE books ENABLE TRIGGER USER;
INSERT INTO topics SELECT topic_key, topic, count(*) FROM books GROUP BY topic_key, topic;
CREATE INDEX books_text_terms ON books_text
USING gin (words, (ARRAY[book_id >> 14]), (books_text_beginnings(words)))
WITH (gin_pending_list_limit = 512);
ALTER INDEX books_text_terms ALTER COLUMN 2 SET STATISTICS 0;
ALTER INDEX books_text_terms ALTER COLUMN 3 SET STATISTICS 0"""


@dataclass(frozen=True, slots=True)
class Times:
    """How long questions of a kind took, shortest first."""

    engine: str
    kind: str
    all_ms: tuple[float, ...]

    @property
    def p50_ms(self) -> float:
        """Return the time of the one in the middle."""
        return self.all_ms[len(self.all_ms) // 2]

    @property
    def p99_ms(self) -> float:
        """Return the time that one of a hundred takes longer than."""
        return self.all_ms[len(self.all_ms) * 99 // 100]


@dataclass(slots=True)
class Searches:
    """All that was measured."""

    books: int
    times: list[Times] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """Return a table."""
        yield f"{'engine':<12} {'what is looked for':<24} {'p50 ms':>9} {'p99 ms':>9}"
        for one in self.times:
            yield f"{one.engine:<12} {one.kind:<24} {one.p50_ms:>9.2f} {one.p99_ms:>9.2f}"


def kinds(chance: Random) -> dict[str, Callable[[], tuple[str, str | None]]]:
    """Return what draws a text and a topic for each kind of question."""
    words = vocabulary(Random(1))
    some = list(islice(books(SAMPLE), SAMPLE))

    def typed() -> str:
        title = chance.choice(some).title.lower().split()
        at = chance.randrange(len(title))
        part = title[at : at + chance.randint(1, 2)]
        part[-1] = part[-1][: chance.randint(1, len(part[-1]))]
        return " ".join(part)

    return {
        "one letter": lambda: (chance.choice("aeiklmnorstv"), None),
        "two or three letters": lambda: (chance.choice(words[:5000])[: chance.randint(2, 3)], None),
        "a common word": lambda: (chance.choice(SMALL_WORDS), None),
        "two common words": lambda: (" ".join(chance.sample(words[:40], 2)), None),
        "a word": lambda: (chance.choice(words[100:5000]), None),
        "two words": lambda: (" ".join(chance.sample(words[100:1000], 2)), None),
        "a rare word": lambda: (chance.choice(words[20_000:]), None),
        "a beginning": lambda: (chance.choice(words[100:20_000])[:-1], None),
        "as a title is typed": lambda: (typed(), None),
        "a whole title": lambda: (chance.choice(some).title, None),
        "a common word in a topic": lambda: (
            chance.choice(SMALL_WORDS),
            chance.choice(some).topic,
        ),
        "typed in a topic": lambda: (typed(), chance.choice(some).topic),
    }


def measure_searches(folder: Path, count: int, engines: Sequence[str]) -> Searches:
    """Make a shop on each engine, and ask it.

    Args:
        folder: that does not exist.
        count: of books.
        engines: `sqlite`, `postgresql`.

    Raises:
        BenchError: a PostgreSQL does not start.
    """
    found = Searches(count)
    folder.mkdir(parents=True)
    for engine in engines:
        tell(f"searches: {count:,} books on {engine}")
        with _made(folder / engine, count, engine) as at:
            found.times += asyncio.run(_measured(at, count, engine))
    return found


async def _measured(at: Path | str, count: int, engine: str) -> list[Times]:
    database, store = _opened(at)
    chance = Random(3)
    found: list[Times] = []
    looks: list[float] = []
    try:
        for kind, draw in kinds(chance).items():
            times = []
            for text, topic in [draw() for _ in range(QUESTIONS + WARMING)]:
                times.append(await _asked(database, store, text, topic))
                looks.append(await _looked(database, store, chance.randint(1, count)))
            found.append(Times(engine, kind, tuple(sorted(times[WARMING:]))))
    finally:
        await database.close()
    return [Times(engine, A_BOOK, tuple(sorted(looks))), *found]


async def _asked(database: Database, store: Store, text: str, topic: str | None) -> float:
    async def work(transaction: Transaction) -> None:
        key = None if topic is None else await store.known_topic(transaction, topic)
        asked = search(text, key)
        assert asked is not None
        await Searching(store).page(transaction, asked, None, PAGE)

    return await _timed(database, work)


async def _looked(database: Database, store: Store, book_id: int) -> float:
    async def work(transaction: Transaction) -> None:
        await store.book(transaction, book_id)

    return await _timed(database, work)


async def _timed(database: Database, work: Callable[[Transaction], object]) -> float:
    started_s = perf_counter()
    await database.scan(work, SEARCHERS)  # type: ignore[arg-type]
    return (perf_counter() - started_s) * 1000


@contextmanager
def _made(folder: Path, count: int, engine: str) -> Iterator[Path | str]:
    """Make a shop, and say where it is, as long as it is open."""
    if engine == "sqlite":
        make(folder, count, 1)
        yield folder / "catalog.db"
        return
    folder.mkdir()
    server = prepare(folder, ["catalog"])
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(server.command({}), stdout=log, stderr=log)
        try:
            until_s = perf_counter() + START_S_MAX
            while not server.is_ready(process.pid):
                if perf_counter() > until_s or process.poll() is not None:
                    message = f"PostgreSQL does not start: {folder / 'log'}"
                    raise BenchError(message)
                sleep(0.05)
            asyncio.run(_fill(server.url("catalog"), count))
            yield server.url("catalog")
        finally:
            process.send_signal(STOP_SIGNAL)
            process.wait(STOP_TIMEOUT_S)


def _opened(at: Path | str) -> tuple[Database, Store]:
    if isinstance(at, Path):
        return SqliteDatabase(at), SqliteStore()
    from bazar.catalog.store.postgres import PostgresStore
    from bazar.kit.data.postgres import PostgresDatabase

    return PostgresDatabase(at), PostgresStore()


async def _fill(url: str, count: int) -> None:
    import asyncpg

    from bazar.kit.data.postgres import PostgresDatabase

    database = PostgresDatabase(url)
    await migrate(database, POSTGRES_SCHEMA)
    await database.close()
    connection = await asyncpg.connect(url)
    columns = ["book_id", *DESCRIPTION.split(", "), "stock"]
    try:
        await connection.execute(_WITHOUT_INDEX)
        made_up = iter(books(count))
        while chunk := list(islice(made_up, CHUNK)):
            rows = [(one.book_id, *description(one), one.stock) for one in chunk]
            await connection.copy_records_to_table("books", records=rows, columns=columns)
            texts = [" ".join(terms(one)) for one in chunk]
            await connection.execute(_ADD_TERMS, [one.book_id for one in chunk], texts)
        await connection.execute(_WITH_INDEX)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
