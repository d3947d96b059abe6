"""Taking in rows of a file, or only saying what would become of them."""

from collections.abc import Sequence
from time import monotonic

from msgspec.structs import replace

from bazar.catalog.rehearsal import Rehearsals, ids
from bazar.catalog.rows import Rows, after
from bazar.catalog.store import Store
from bazar.catalog.taking import Batch
from bazar.kit.clock import Clock, now_ms
from bazar.kit.data.database import Database, Transaction, Work
from bazar.wire.imports import ImportRequest, ImportResult, ImportRow

_LOCK = "imports"
"""What a unit holds: two at once would make two books of one name, where that is all it has."""


class Imports:
    """Takes in rows of files."""

    def __init__(
        self,
        database: Database,
        store: Store,
        rehearsals: Rehearsals,
        currency: str = "USD",
        clock: Clock = now_ms,
    ) -> None:
        """Work on an opened, migrated database; the rows are priced in `currency`."""
        self._database = database
        self._store = store
        self._rehearsals = rehearsals
        self._rows = Rows(store, currency, clock)
        self._clock = clock

    async def take_in(self, request: ImportRequest) -> list[ImportResult]:
        """Take in a batch of rows; each good one is there as a whole, or not at all.

        Args:
            request: 1 to 500 rows. `update` says what happens to books that are there already:
                nothing, their stock is set, or all that the row gives is set. `same` says what
                becomes of a second row that is the same book. With a `key` a
                count is taken once, and never after that of a file that was first seen later.
                With `dry_run` nothing is kept.

        Returns:
            One result per row, in the same order.

        Raises:
            Unavailable: indefinite; send it again.
        """
        if request.dry_run:
            return await self._rehearsals.take_in(request)
        results: list[ImportResult] = []
        batch = Batch(request.update, request.same)
        while len(results) < len(request.rows):
            rows = request.rows[len(results) :]
            results += await self._database.write(self._work(rows, request, after(batch, results)))
        return results

    def _work(
        self, rows: Sequence[ImportRow], request: ImportRequest, batch: Batch
    ) -> Work[list[ImportResult]]:
        """Return the unit of work that takes in the first of some rows, as many as it has time for.

        What a crash leaves is whole rows; the same request again finds them, and goes on. Each time
        that it is run again it takes half as many, down to one: another who adds the same books
        meanwhile then leaves it one to meet.
        """
        rows_max = 2 * len(rows)

        async def work(transaction: Transaction) -> list[ImportResult]:
            nonlocal rows_max
            rows_max = max(rows_max // 2, 1)
            await transaction.lock(_LOCK)
            import_id, rest_of = None, frozenset[int]()
            if (key := request.key) is not None:
                import_id = await self._store.import_id(transaction, key)
                await self._store.save_import(transaction, import_id, key, self._clock())
                rest_of = await ids(transaction, self._store, request.rest_of)
            end_s = monotonic() + self._store.unit_s
            return await self._rows.take_in(
                transaction,
                rows[:rows_max],
                replace(batch, import_id=import_id, rest_of=rest_of),
                lambda: monotonic() >= end_s,
            )

        return work
