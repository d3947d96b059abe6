"""Dry runs: the rows of a file are taken into a copy of the books that they are about.

All batches of one run share a copy, so that each meets what those before it would have done. What
a run touches is copied when it is first touched, and the copy is a database for the moment: a run
writes nothing into the catalog, and holds up nobody.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from bazar.catalog.rows import Rows
from bazar.catalog.store import CountedBook, FileRow, Seen, Sought, Store
from bazar.catalog.taking import Batch, read_row
from bazar.kit.clock import Clock, now_ms
from bazar.kit.data.database import KEEPERS, Database, Transaction
from bazar.kit.identity import new_request_id
from bazar.wire.imports import ImportRequest, ImportResult

RUNS_MAX = 4
"""Beyond these the run that is idle for longest is forgotten."""
IDLE_S = 60.0
"""After which a run whose next batch does not come is forgotten."""

Open = Callable[[], Awaitable[tuple[Database, Store]]]
"""Returns an empty catalog for the moment."""


class _Origin(msgspec.Struct):
    """What the catalog holds that a batch may be about."""

    import_id: int | None
    rest_of: frozenset[int]
    books: list[CountedBook]
    made: list[tuple[FileRow, int]]
    """Rows that have made books before, or were about them, with those."""


class Rehearsals:
    """The dry runs that are under way."""

    def __init__(
        self,
        database: Database,
        store: Store,
        open_scratch: Open,
        currency: str = "USD",
        clock: Clock = now_ms,
    ) -> None:
        """Copy from an opened, migrated database, which is never written."""
        self._database = database
        self._store = store
        self._open_scratch = open_scratch
        self._currency = currency
        self._clock = clock
        self._rows = Rows(store, currency, clock)
        self._runs: dict[str, _Run] = {}
        """Those that wait for their next batch, the longest idle first."""

    async def take_in(self, request: ImportRequest) -> list[ImportResult]:
        """Say what would become of rows, after those of the same run before them.

        Raises:
            Unavailable: there is no room for the copy.
            Overloaded: definite.
        """
        name = request.run or new_request_id()
        run = self._runs.pop(name, None)  # so that nobody forgets it meanwhile
        if run is None:
            scratch, store = await self._open_scratch()
            run = _Run(scratch, store, Rows(store, self._currency, self._clock))
        run.rest()
        keep = False
        try:
            origin = await self._database.scan(
                lambda transaction: self._origin(transaction, request, whole=not run.used), KEEPERS
            )
            results = await run.take_in(request, origin)
            keep = request.run is not None
        finally:
            if not keep:
                await run.close()
        self._runs[name] = run
        run.forget_later(IDLE_S, lambda: self._runs.pop(name, None))
        while len(self._runs) > RUNS_MAX:
            await self._runs.pop(next(iter(self._runs))).close()
        return results

    async def close(self) -> None:
        """Forget all runs."""
        while self._runs:
            await self._runs.popitem()[1].close()

    async def _origin(
        self, transaction: Transaction, request: ImportRequest, *, whole: bool
    ) -> _Origin:
        """Find the books that rows may be about; for a new run the one that ids go on from."""
        import_id, rest_of = None, frozenset[int]()
        if request.key is not None:
            import_id = await self._store.import_id(transaction, request.key)
            rest_of = await ids(transaction, self._store, request.rest_of)
        wanted = [read_row(row, self._currency) for row in request.rows]
        known_by, books = await self._rows.look_up(
            transaction, wanted, Batch(import_id=import_id), lock=False
        )
        if whole and (last := await self._store.last_book(transaction)) is not None:
            books |= await self._store.counted_books(transaction, [last.book_id])
        made = [
            (FileRow(import_id, request.rows[place].row), known.made_by)
            for place, known in known_by.items()
            if import_id is not None and known.made_by is not None
        ]
        return _Origin(import_id, rest_of, list(books.values()), made)


async def ids(transaction: Transaction, store: Store, keys: Sequence[str]) -> frozenset[int]:
    """Return the numbers of files; one that nobody has seen gets one that none has."""
    return frozenset([await store.import_id(transaction, key) for key in keys])


class _Run:
    """One dry run, and its copy."""

    def __init__(self, database: Database, store: Store, rows: Rows) -> None:
        self._database = database
        self._store = store
        self._rows = rows
        self._timer: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None
        self.used = False

    async def take_in(self, request: ImportRequest, origin: _Origin) -> list[ImportResult]:
        """Copy what is not there yet, and take the rows into the copy."""

        async def work(transaction: Transaction) -> list[ImportResult]:
            await self._copy(transaction, origin)
            batch = Batch(request.update, request.same, origin.import_id, origin.rest_of)
            return await self._rows.take_in(transaction, request.rows, batch)

        results = await self._database.write(work)
        self.used = True
        return results

    async def _copy(self, transaction: Transaction, origin: _Origin) -> None:
        """Copy what is not in it, and leave the rest as the run has left it."""
        if origin.made:
            await self._store.save_made_by(transaction, origin.made)
        origins = {one.book.book_id: one for one in origin.books}
        there = await self._store.counted_books(transaction, origins)
        new = [one for key, one in sorted(origins.items()) if key not in there]
        # What came into the catalog after the run had made the same stays out.
        taken = await self._store.known_by(
            transaction, [Sought(0, one.book.isbn, None, None, 0) for one in new], None
        )
        new = [one for one, same in zip(new, taken, strict=True) if same.isbn is None]
        if new:
            await self._store.add_books(transaction, [one.book for one in new], 0)
            await self._store.save_seen(
                transaction, [Seen(one.book.book_id, one.counted, one.seen) for one in new]
            )

    def forget_later(self, idle_s: float, forget: Callable[[], object]) -> None:
        """Close it unless it is used before."""

        def close() -> None:
            forget()
            self._closing = asyncio.ensure_future(self.close())

        self._timer = asyncio.get_running_loop().call_later(idle_s, close)

    def rest(self) -> None:
        """Stop the time after which it is forgotten."""
        if self._timer is not None:
            self._timer.cancel()

    async def close(self) -> None:
        """Forget the copy."""
        self.rest()
        await self._database.close()
