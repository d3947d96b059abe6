"""Rows of a file, taken into the books of one store: looked up, decided and written by the part."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from msgspec.structs import replace

from bazar.catalog.domain import StoredBook, first_version
from bazar.catalog.store import CountedBook, KnownBy, Store
from bazar.catalog.taking import Batch, Change, Part, Wanted, read_row
from bazar.kit.clock import Clock
from bazar.kit.data.database import Transaction
from bazar.wire.books import BookChanged
from bazar.wire.imports import ImportResult, ImportRow


class Rows:
    """Takes rows into the books of one store."""

    def __init__(self, store: Store, currency: str, clock: Clock) -> None:
        """Price the rows in `currency`."""
        self._store = store
        self._currency = currency
        self._clock = clock

    async def take_in(
        self,
        transaction: Transaction,
        rows: Sequence[ImportRow],
        batch: Batch,
        enough: Callable[[], bool] = lambda: False,
    ) -> list[ImportResult]:
        """Take in rows, all good ones of them.

        Args:
            transaction: to write in.
            rows: of one file.
            batch: what is said of them all, and what those before them did.
            enough: tells after each part whether the rows behind it are left out.

        Returns:
            One result per row, up to the last that was taken; of one at least.
        """
        results: list[ImportResult] = []
        while len(results) < len(rows):
            part = rows[len(results) : len(results) + self._store.part_rows]
            results += await self._take_in(transaction, part, after(batch, results))
            if enough():
                break
        return results

    async def look_up(
        self, transaction: Transaction, wanted: Sequence[Wanted], batch: Batch, *, lock: bool
    ) -> tuple[dict[int, KnownBy], dict[int, CountedBook]]:
        """Return what the books of some rows are known by, by the place of each, and the books."""
        places = [place for place, one in enumerate(wanted) if one.fault is None]
        found = await self._store.known_by(
            transaction, [wanted[place].sought() for place in places], batch.import_id
        )
        known_by = dict(zip(places, found, strict=True))
        book_ids = {key for one in found for key in one if key is not None}
        book_ids.update(one.book_id for one in wanted if one.book_id)
        if not book_ids:
            return known_by, {}
        return known_by, await self._store.counted_books(transaction, book_ids, lock=lock)

    async def _take_in(
        self, transaction: Transaction, rows: Sequence[ImportRow], batch: Batch
    ) -> list[ImportResult]:
        """Take in the rows of a part, as far as none has to wait for another to be stored."""
        wanted = [read_row(row, self._currency) for row in rows]
        lock = batch.update != "none" or batch.same != "reject"
        known_by, books = await self.look_up(transaction, wanted, batch, lock=lock)
        part = Part(batch, known_by, books.values(), self._clock())
        for place, one in enumerate(wanted):
            if not part.take(place, one):
                break
        return await self._store_part(transaction, part)

    async def _store_part(self, transaction: Transaction, part: Part) -> list[ImportResult]:
        at_ms, store = self._clock(), self._store
        changes = [one for one in part.changes if isinstance(one, Change)]
        new_ids: dict[int, int] = {}
        if part.added:
            books = [_to_add(change.after) for change in part.added]
            stored = await store.add_books(transaction, books, at_ms)
            new_ids = {
                change.after.book_id: book_id
                for change, book_id in zip(part.added, stored, strict=True)
            }
        versions: dict[int, int] = {}
        described = {one.after.book_id: one.after for one in changes if one.described}
        if described:
            versions |= await store.edit_books(transaction, list(described.values()), at_ms)
        copies: Counter[int] = Counter()
        for change in changes:
            copies[change.after.book_id] += change.copies
        moved = {book_id: number for book_id, number in copies.items() if number}
        if moved:
            versions |= await store.adjust(transaction, moved, at_ms)
        await self._note(transaction, part, changes, new_ids)
        return [_told(transaction, one, new_ids, versions) for one in part.changes]

    async def _note(
        self,
        transaction: Transaction,
        part: Part,
        changes: Sequence[Change],
        new_ids: Mapping[int, int],
    ) -> None:
        """Note which rows were about which books."""
        seen = {
            one.seen.book_id: one.seen._replace(
                book_id=new_ids.get(one.seen.book_id, one.seen.book_id)
            )
            for one in changes
            if one.seen is not None
        }
        if seen:
            await self._store.save_seen(transaction, list(seen.values()))
        if part.counted:
            counted = sorted(new_ids.get(key, key) for key in part.counted)
            await self._store.save_counts(transaction, counted)
        if part.told_of:
            told_of = [(row, new_ids.get(key, key)) for row, key in part.told_of]
            await self._store.save_made_by(transaction, told_of)


def after(batch: Batch, results: Sequence[ImportResult]) -> Batch:
    """Return a batch as it is once some of its rows were taken."""
    taken = [one for one in results if one.id is not None and one.status != "rejected"]
    if not taken:
        return batch
    about = dict(batch.about)
    for one in taken:
        assert one.id is not None
        if batch.same == "last":
            about[one.id] = max(one.row, about.get(one.id, one.row))
        else:
            about.setdefault(one.id, one.row)
    made = {one.id for one in taken if one.status == "created" and one.id is not None}
    return replace(batch, about=about, made={*batch.made, *made})


def _to_add(book: StoredBook) -> StoredBook:
    """Return a new book as the store takes it, which chooses an id where none was given."""
    return book if book.book_id > 0 else replace(book, book_id=0)


def _told(
    transaction: Transaction,
    done: Change | ImportResult,
    new_ids: Mapping[int, int],
    versions: Mapping[int, int],
) -> ImportResult:
    """Announce what a row did, and return it."""
    if isinstance(done, ImportResult):
        return done
    number, book = done.number, done.after
    if done.before is None:
        book_id = new_ids[book.book_id]
        transaction.announce(BookChanged(book_id, first_version(book), listed=True))
        return ImportResult(row=number, status="created", id=book_id)
    changed = done.described or done.copies != 0
    if changed:
        version = versions.get(book.book_id, book.version)
        transaction.announce(BookChanged(book.book_id, version, listed=True))
    status: Literal["updated", "unchanged"] = "updated" if changed else "unchanged"
    return ImportResult(
        row=number, status=status, id=book.book_id, repeated=done.repeated, copies=done.copies
    )
