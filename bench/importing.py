"""What `bazar import` costs beside SQLite's own bulk insert of the same rows, in turns.

Each turn imports a file into a shop, while one reads books and one buys, and then inserts the same
rows into a database with the same tables and indexes, the index of words too, in one transaction.
Both databases grow from turn to turn.

`python -m bench.importing ROWS TURNS` measures that alone.
"""

import csv
import json
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from time import monotonic, perf_counter
from typing import Any
from urllib.parse import urlsplit

from bench.measure import running, tell
from bench.processes import ROOT, BenchError, environment
from bench.systems import Bazar
from bench.turns import Spread, ratio, spread

TURNS = 10
PAUSE_S = 0.02
"""Between two questions of a reader or a buyer."""
VOCABULARY = 30_000
TOPICS = 200
TABLES = ("books", "movements", "counts", "made_by_rows")


@dataclass(slots=True)
class Importing:
    """What was found out, a value a turn; the times of those who came meanwhile in milliseconds."""

    rows: int
    """Of a turn."""
    import_s: list[float] = field(default_factory=list)
    insert_s: list[float] = field(default_factory=list)
    read_ms: list[float] = field(default_factory=list)
    purchase_ms: list[float] = field(default_factory=list)

    @property
    def times(self) -> Spread | None:
        """Return how many times as long an import takes, turn by turn."""
        return ratio(dict(enumerate(self.import_s)), dict(enumerate(self.insert_s)))

    @property
    def growth(self) -> Spread | None:
        """Return how many times as long the last turn takes as the first, beside the inserts."""
        found = self.times
        if found is None or len(self.import_s) < 2:  # noqa: PLR2004
            return None
        shares = [ours / theirs for ours, theirs in zip(self.import_s, self.insert_s, strict=True)]
        return spread([shares[-1] / shares[0]])

    def lines(self) -> Iterator[str]:
        """Return what a person reads."""
        for what, taken_s in (("bazar import", self.import_s), ("bulk insert", self.insert_s)):
            us = [one / self.rows * 1e6 for one in taken_s]
            whole = f"{sum(taken_s):.1f} s for {self.rows * len(us):,} rows, a row"
            yield f"{what}: {whole} {us[0]:.0f} µs in the first turn, {us[-1]:.0f} in the last"
        for what, times_ms in (("a read", self.read_ms), ("a purchase", self.purchase_ms)):
            yield f"{what} meanwhile: p99 {p99(times_ms):.1f} ms of {len(times_ms)}"


def p99(values: Sequence[float]) -> float:
    """Return what one of a hundred is above."""
    return quantiles(values, n=100)[-1] if len(values) > 1 else 0.0


def measure_importing(folder: Path, rows: int, turns: int = TURNS) -> Importing:
    """Import files and insert the same rows, in turns.

    Args:
        folder: does not exist yet.
        rows: of all turns together.
        turns: how many.

    Raises:
        BenchError: the shop does not start, or an import fails.
    """
    found = Importing(max(1, rows // turns))
    reference = Reference(folder.with_name(f"{folder.name}-reference"))
    with running(Bazar(folder)) as shop:
        reference.copy(shop.data / "catalog.db")  # the books that it came with
        for number in range(turns):
            file = folder / f"{number}.csv"
            write_books(file, number * found.rows, found.rows)
            with pressed(shop, found):
                found.import_s.append(_import(shop, file, found.rows))
            found.insert_s.append(reference.copy(shop.data / "catalog.db"))
    if found.times:
        tell(f"an import takes {found.times.median:.2f} times as long as a bulk insert")
    return found


def write_books(file: Path, first: int, count: int) -> None:
    """Write a file of books, of which every fifth has no ISBN."""
    words = [_word(random.Random(number)) for number in range(VOCABULARY)]
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened)
        writer.writerow(
            ["title", "author", "isbn", "year", "topic", "price", "quantity", "description"]
        )
        for number in range(first, first + count):
            chance = random.Random(number)
            title, about = (" ".join(chance.choices(words, k=k)) for k in (4, 12))
            author = " ".join(chance.choices(words, k=2)).title()
            isbn = "" if number % 5 == 0 else _isbn(number)
            topic = words[number % TOPICS]
            writer.writerow([title.title(), author, isbn, 2000, topic, "9.50", 3, about])


def _word(chance: random.Random) -> str:
    return "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(3, 9)))


def _isbn(number: int) -> str:
    body = f"9781{number:08d}"
    return body + str(-sum(int(one) * (1, 3)[at % 2] for at, one in enumerate(body)) % 10)


def _import(shop: Bazar, file: Path, rows: int) -> float:
    """Import a file; return the seconds that it took, the start of the command too."""
    command = [sys.executable, "-m", "bazar", "import", str(file), "--data", str(shop.data)]
    command += ["--rejects", str(file.with_suffix(".rejects"))]
    begun_s = perf_counter()
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    taken_s = perf_counter() - begun_s
    if done.returncode or f"{rows} created" not in done.stdout:
        message = f"the import failed: {done.stdout[-300:]}{done.stderr[-300:]}"
        raise BenchError(message)
    return taken_s


@contextmanager
def pressed(shop: Bazar, found: Importing) -> Iterator[None]:
    """Have somebody read books at the catalog, and somebody buy at the front."""
    front, catalog, _order = shop.urls
    over = threading.Event()
    threads = [
        threading.Thread(target=_ask, args=(over, url, method, path, times_ms))
        for url, method, path, times_ms in (
            (catalog, "GET", "/info/{}", found.read_ms),
            (front, "POST", "/purchase/{}", found.purchase_ms),
        )
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _ask(over: threading.Event, url: str, method: str, path: str, times_ms: list[float]) -> None:
    parts = urlsplit(url)
    with closing(HTTPConnection(str(parts.hostname), parts.port, timeout=30)) as connection:
        number = 0
        while not over.wait(PAUSE_S):
            number += 1
            begun_s = monotonic()
            connection.request(method, path.format(number % 4 + 1))
            connection.getresponse().read()
            times_ms.append((monotonic() - begun_s) * 1000)


class Reference:
    """A database with the tables of a catalog, into which rows are inserted as fast as it goes."""

    def __init__(self, folder: Path) -> None:
        """Make it in a folder that does not exist yet."""
        import apsw

        from bazar.catalog.app import SCHEMA
        from bazar.kit.data.migrate import steps

        folder.mkdir(parents=True)
        self._connection = apsw.Connection(str(folder / "reference.db"))
        self._connection.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL").fetchall()
        for _number, _name, sql in steps(SCHEMA):
            self._connection.execute(sql).fetchall()
        self._last = dict.fromkeys(TABLES, 0)

    def copy(self, source: Path) -> float:
        """Insert what another database has and this one has not; return the seconds that it took.

        The rows, and the terms of the books, are there before the time begins.
        """
        given = [*self._new(source)]
        insert: Callable[[str, list[Any]], object] = self._connection.executemany
        begun_s = perf_counter()
        with self._connection:
            for sql, rows in given:
                insert(sql, rows)
        return perf_counter() - begun_s

    def _new(self, source: Path) -> Iterator[tuple[str, list[Any]]]:
        """Yield statements with the rows that each is to insert."""
        import apsw

        from bazar.catalog.domain import StoredBook
        from bazar.catalog.store.shared import BOOK
        from bazar.catalog.store.sqlite_search import ADD_TERMS, ADD_WORDS, long_words
        from bazar.catalog.words import terms
        from bazar.kit.data.database import made

        with closing(apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
            for table in TABLES:
                last = self._last[table]
                rowid = "rowid" if table != "made_by_rows" else "book_id"
                where = f"FROM {table} WHERE {rowid} > ?"
                if table == "movements":
                    where += " AND kind = 'received'"
                rows = connection.execute(f"SELECT * {where}", [last]).fetchall()
                if table == "books":
                    books = connection.execute(f"SELECT {BOOK} {where}", [last])
                    found = [(row[0], terms(made(StoredBook, row))) for row in books]
                    texts = [(book_id, " ".join(one)) for book_id, one in found]
                    words = {word for _book_id, one in found for word in long_words(one)}
                if rows:
                    marks = ", ".join("?" * len(rows[0]))
                    yield f"INSERT INTO {table} VALUES ({marks})", rows
                (highest,) = connection.execute(
                    f"SELECT coalesce(max({rowid}), ?) FROM {table}", [last]
                ).fetchall()
                self._last[table] = made(int, highest)
            yield ADD_TERMS, texts
            yield ADD_WORDS, [(json.dumps(sorted(words)),)]


def main() -> None:
    """Measure, and print what was found."""
    rows, turns = map(int, sys.argv[1:3])
    with TemporaryDirectory(prefix="bazar-bench-") as folder:
        found = measure_importing(Path(folder) / "importing", rows, turns)
    for line in found.lines():
        print(line)
    print(found.times)


if __name__ == "__main__":
    main()
