"""What a reservation costs on each engine, in batches of 64: processor time, without HTTP.

`python -m bench.reserving PLACE` decides batches for a while, in one process on one database, and
tells what it took; the server's own time is added by whoever runs it.
"""

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from statistics import median
from time import monotonic, process_time
from typing import TYPE_CHECKING

from bench.load import MARK
from bench.measure import tell
from bench.processes import ROOT, BenchError, Processes, environment
from bench.turns import Spread, ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bazar.catalog.stock import Stock
    from bazar.catalog.store import Store
    from bazar.kit.data.database import Database

BATCH = 64
BOOKS = 1000
COPIES = 1_000_000
PRICE = Decimal("9.99")
WARM_UP_S = 0.5
TURN_S = 1.5
ROUNDS = 5
BEGINS = "BEGINS"
"""Is told when the warm-up is over."""
DATABASE = "catalog"
POSTGRES, SQLITE = "postgresql", "sqlite"


@dataclass(slots=True)
class Reserving:
    """Processor time of a reservation, in µs, by engine, a value a round."""

    us: dict[str, list[float]] = field(default_factory=dict)

    @property
    def spread(self) -> Spread | None:
        """Return how many times as much it takes on PostgreSQL, round by round."""
        ours, theirs = (dict(enumerate(self.us.get(engine, []))) for engine in (POSTGRES, SQLITE))
        return ratio(ours, theirs)

    def lines(self) -> Iterator[str]:
        """Return what a person reads."""
        for engine, spent_us in self.us.items():
            yield (
                f"reservations in batches of {BATCH} on {engine}: {median(spent_us):.1f} µs of "
                f"processor time each ({min(spent_us):.1f} to {max(spent_us):.1f})"
            )


def measure_reserving(folder: Path) -> Reserving:
    """Let both engines decide in turns.

    Args:
        folder: does not exist yet.

    Raises:
        BenchError: there is no PostgreSQL, or a turn failed.
    """
    folder.mkdir(parents=True)
    found = Reserving()
    with _postgres(folder) as (server, url):
        for number in range(1, ROUNDS + 1):
            places = {SQLITE: str(folder / f"{number}.db"), POSTGRES: url}
            for engine, place in places.items():
                spent_s, served_s, decided = _turn(place, server)
                if engine == POSTGRES:
                    spent_s += served_s
                found.us.setdefault(engine, []).append(spent_s / decided * 1e6)
    if found.spread:
        tell(f"reserving on PostgreSQL takes {found.spread.median:.2f} times the processor time")
    return found


@contextmanager
def _postgres(folder: Path) -> Iterator[tuple[Processes, str]]:
    """Run a PostgreSQL with one database."""
    from bazar.kit.errors import StartupError
    from bazar.kit.process.postgres_server import prepare

    try:
        server = prepare(folder / "postgres", [DATABASE])
    except StartupError as error:
        raise BenchError(str(error)) from error
    processes = Processes(folder)
    pid = processes.start("postgres", server.command())
    try:
        processes.wait_until("PostgreSQL", lambda: server.is_ready(pid))
        yield processes, server.url(DATABASE)
    finally:
        processes.stop()


def _turn(place: str, server: Processes) -> tuple[float, float, int]:
    """Return the processor time of one turn, that of the server, and how many were decided.

    Raises:
        BenchError: it failed.
    """
    command = [sys.executable, "-m", "bench.reserving", place]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdin is not None
        began = process.stdout.readline()
        before_s = server.cpu_s()
        told = process.stdout.readline()
        served_s = server.cpu_s() - before_s
        process.stdin.close()
        wrong = process.stderr.read()
    if process.returncode or not began.startswith(BEGINS) or not told.startswith(MARK):
        message = f"reserving at {place} failed: {wrong[-500:]}"
        raise BenchError(message)
    found = json.loads(told.removeprefix(MARK))
    return found["cpu_s"], served_s, found["decided"]


async def _decide(place: str) -> None:
    """Decide batches on a database, and tell what the last ones took.

    It closes the database only when it is told to: of what the server has used, the part of a
    process that has just ended would be missing.
    """
    from bazar.catalog.stock import Stock

    database, store = await _opened(place)
    try:
        await _fill(database, store)
        stock = Stock(database, store)
        await _decide_for(WARM_UP_S, stock)
        print(BEGINS, flush=True)
        before_s = process_time()
        decided = await _decide_for(TURN_S, stock)
        spent_s = process_time() - before_s
        print(MARK + json.dumps({"cpu_s": spent_s, "decided": decided}), flush=True)
        await asyncio.to_thread(sys.stdin.readline)
    finally:
        await database.close()


async def _opened(place: str) -> "tuple[Database, Store]":
    """Open the catalog's database in a file, or at an address in a PostgreSQL."""
    from bazar.catalog.app import POSTGRES_SCHEMA, SCHEMA
    from bazar.catalog.store.postgres import PostgresStore
    from bazar.catalog.store.sqlite import SqliteStore
    from bazar.kit.data.migrate import migrate
    from bazar.kit.data.postgres import PostgresDatabase
    from bazar.kit.data.sqlite import SqliteDatabase

    if place.startswith(POSTGRES):
        shared = PostgresDatabase(place, encode=_payloads)
        await migrate(shared, POSTGRES_SCHEMA)
        return shared, PostgresStore()
    own = SqliteDatabase(Path(place))
    await migrate(own, SCHEMA)
    return own, SqliteStore()


def _payloads(changes: "Sequence[object]") -> list[str]:
    """Return what is told of the books that changed; nobody listens, the server is asked to."""
    return [",".join(f"{change.book_id}={change.version}" for change in changes)]  # type: ignore[attr-defined]


async def _fill(database: "Database", store: "Store") -> None:
    """Add the books, where they are not there yet."""
    from bazar.catalog.domain import BookExists
    from bazar.catalog.shelf import Shelf
    from bazar.wire.books import NewBook

    shelf = Shelf(database, store)
    books = [
        NewBook(id=number, title=f"Book {number}", topic="bench", price=PRICE, quantity=COPIES)
        for number in range(1, BOOKS + 1)
    ]
    for start in range(0, BOOKS, BATCH):
        adding = (shelf.add(book) for book in books[start : start + BATCH])
        for added in await asyncio.gather(*adding, return_exceptions=True):
            if isinstance(added, BaseException) and not isinstance(added, BookExists):
                raise added


async def _decide_for(seconds: float, stock: "Stock") -> int:
    """Decide one batch after the other for some time; return how many reservations that were."""
    from bazar.kit.identity import new_id
    from bazar.wire.orders import Line
    from bazar.wire.stock import Reserve

    decided, until_s = 0, monotonic() + seconds
    while monotonic() < until_s:
        lines = [[Line(random.randint(1, BOOKS), 1)] for _ in range(BATCH)]
        await stock.reserve([Reserve(new_id(), line) for line in lines])
        decided += BATCH
    return decided


def main() -> None:
    """Decide at the place that is named, and tell what it took."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_decide(sys.argv[1]))


if __name__ == "__main__":
    main()
