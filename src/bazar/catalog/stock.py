"""The stock of the books, its ledger, and the decisions about orders, each made once."""

import asyncio
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from bazar.catalog.domain import (
    ReservationNotFound,
    StoredBook,
    after_sale,
    decide,
    move_stock,
    not_found,
)
from bazar.catalog.once import asked, once
from bazar.catalog.store import AFTER_ALL_ROWS, NO_WHY, Store, Why
from bazar.kit.clock import Clock, now_ms
from bazar.kit.data.database import KEEPERS, Database, Transaction
from bazar.kit.errors import InvalidRequest
from bazar.kit.parts import parts
from bazar.kit.steps import steps
from bazar.wire.books import Book, BookChanged
from bazar.wire.stock import InStock, Movement, MovementKind, Outcome, Reserve, StockChange

LINES_A_UNIT_MAX = 128
"""Of reservations that are decided in one go, which takes some milliseconds."""


class Stock:
    """What is done with the copies of books. Each use case is one transaction."""

    def __init__(self, database: Database, store: Store, clock: Clock = now_ms) -> None:
        """Work on an opened, migrated database."""
        self._database = database
        self._store = store
        self._clock = clock

    async def move_stock(self, book_id: int, copies: int, key: str | None = None) -> Book:
        """Add copies (received) or take some away (adjusted); with a key once.

        Args:
            book_id: of the book.
            copies: -10^9 to 10^9, not 0.
            key: of the request, or None: then each request counts.

        Raises:
            BookNotFound, StockTooLow, KeyReused: definite.
            InvalidRequest: the change is 0, or the stock would pass 10^9.
        """
        _refuse_nothing(copies, "quantity")

        async def work(transaction: Transaction) -> Book:
            book = await self._book(transaction, book_id, lock=True)
            return await self._move(transaction, book, copies)

        request = asked(key, "move-stock", book_id, copies)
        return await once(self._database, self._store, work, request)

    async def change_stock(
        self, book_id: int, wanted: StockChange, actor: str, key: str | None = None
    ) -> Book:
        """Note copies that came or went, or a new count; with a key once.

        Args:
            book_id: of the book.
            wanted: copies that come without a reason are received; all others are adjusted.
            actor: who says so.
            key: of the request, or None: then each request counts.

        Raises:
            BookNotFound, StockTooLow, KeyReused: definite.
            InvalidRequest: it names neither change nor count, or both, or changes nothing.
        """
        if (wanted.change is None) == (wanted.count is None):
            message = "name one of the two: change, the copies that came or went, or count"
            raise InvalidRequest(message, member="change")
        if wanted.change is not None:
            _refuse_nothing(wanted.change, "change")

        async def work(transaction: Transaction) -> Book:
            book = await self._book(transaction, book_id, lock=True)
            copies, reason = wanted.change or 0, wanted.reason
            if wanted.count is not None:
                copies, reason = wanted.count - book.stock, reason or "counted"
            why = Why(reason, wanted.note.strip(), actor)
            moved = await self._move(transaction, book, copies, why)
            if wanted.count is not None or reason == "counted":
                await self._store.save_counts(transaction, [book_id])
            return moved

        request = asked(
            key,
            "change-stock",
            book_id,
            wanted.change,
            wanted.count,
            reason=wanted.reason,
            note=wanted.note,
        )
        return await once(self._database, self._store, work, request)

    async def _book(
        self, transaction: Transaction, book_id: int, *, lock: bool = False
    ) -> StoredBook:
        book = await self._store.book(transaction, book_id, lock=lock)
        if book is None:
            raise not_found(book_id)
        return book

    async def _move(
        self, transaction: Transaction, book: StoredBook, copies: int, why: Why = NO_WHY
    ) -> Book:
        """Move copies, which may be none, and announce it."""
        if copies == 0:
            return book.public()
        moved = move_stock(book, copies)
        kind: MovementKind = "received" if copies > 0 and why.reason is None else "adjusted"
        version = await self._store.move_stock(
            transaction, book.book_id, kind, copies, None, self._clock(), why
        )
        transaction.announce(BookChanged(book.book_id, version))
        return replace(moved, version=version).public()

    async def reserve(self, requests: Sequence[Reserve]) -> list[Outcome]:
        """Decide a batch of reservations, each at most once.

        A request whose order_id was decided before gets the stored outcome, whatever it asks
        now. Rejections are stored too: a delayed duplicate that arrives after a restock must
        not turn into a sale.

        Args:
            requests: 1 to 512; each with 1 to 100 lines of 1 to 1000 copies.

        Returns:
            One outcome per request, in the same order: reserved, rejected or released.

        Raises:
            Unavailable: indefinite; ask again with the same order ids.

        Source: docs/decisions/0003-catalog-decides.md
        """
        few = list(parts(requests, _lines, LINES_A_UNIT_MAX))
        if len(few) == 1:
            return await self._reserve(requests)
        decided = await asyncio.gather(*map(self._reserve, few))
        return [outcome for part in decided for outcome in part]

    async def _reserve(self, requests: Sequence[Reserve]) -> list[Outcome]:
        """Decide reservations in one transaction, which is short enough for the event loop.

        The books are locked first: who holds them has decided about all orders that want them, so
        what was decided is looked up after that.
        """

        async def work(transaction: Transaction) -> list[Outcome]:
            wanted = {line.book_id for one in requests for line in one.lines}
            books = await self._store.books(transaction, wanted, lock=True)
            order_ids = [one.order_id for one in requests]
            outcomes = await self._store.outcomes(transaction, order_ids)
            open_requests = [one for one in requests if one.order_id not in outcomes]
            if steps.on:
                _write_decided("decided-before", outcomes)
            if open_requests:
                decided = await self._decide(transaction, open_requests, books)
                if steps.on:
                    _write_decided("decided", decided)
                outcomes |= decided
            return [outcomes[order_id] for order_id in order_ids]

        outcomes = await self._database.write(work, idempotent=True)
        if steps.on:
            for outcome in outcomes:
                steps.write("committed", order_id=outcome.order_id, batch=len(outcomes))
        return outcomes

    async def _decide(
        self,
        transaction: Transaction,
        requests: Sequence[Reserve],
        books: dict[int, StoredBook],
    ) -> dict[str, Outcome]:
        """Decide what was not decided before, one after the other, and sell it."""
        decided: dict[str, Outcome] = {}
        changed: dict[int, StoredBook] = {}
        for request in requests:
            if request.order_id not in decided:  # it may stand in the batch twice
                outcome = decide(request.order_id, request.lines, books)
                sold = after_sale(outcome, books)
                books |= sold
                changed |= sold
                decided[request.order_id] = outcome
        await self._store.sell(transaction, list(decided.values()), self._clock())
        for book in changed.values():
            transaction.announce(BookChanged(book.book_id, book.version))
        return decided

    async def release(self, order_id: str) -> Outcome:
        """Give back what an order took, once; a reservation that arrives later is refused.

        Raises:
            Unavailable: indefinite; ask again.
        """

        async def work(transaction: Transaction) -> Outcome:
            at_ms = self._clock()
            released = Outcome(order_id, "released")
            outcome = await self._store.outcome(transaction, order_id)
            if outcome is None:
                if await self._store.add_outcome(transaction, released, at_ms):
                    return released
                outcome = await self._store.outcome(transaction, order_id)  # another was quicker
            lines = outcome.lines if outcome else []
            await self._store.books(transaction, {line.book_id for line in lines}, lock=True)
            outcome = await self._store.outcome(transaction, order_id, lock=True)
            assert outcome is not None, "what was decided about an order stays"
            return await self._end(transaction, outcome, at_ms)

        released = await self._database.write(work, idempotent=True)
        if steps.on:
            copies = sum(line.quantity for line in released.lines)
            steps.write("released", order_id=order_id, copies=copies)
        return released

    async def _end(self, transaction: Transaction, outcome: Outcome, at_ms: int) -> Outcome:
        """Give back what an order took, where it still has it; its books are locked, and it is."""
        if outcome.status == "released":
            return outcome
        lines = []
        for line in outcome.lines:
            version = await self._store.move_stock(
                transaction, line.book_id, "released", line.quantity, outcome.order_id, at_ms
            )
            lines.append(replace(line, version=version))
            transaction.announce(BookChanged(line.book_id, version))
        ended = replace(outcome, status="released", lines=lines)
        await self._store.save_outcome(transaction, ended)
        return ended

    async def in_stock(self, book_ids: Sequence[int]) -> list[InStock]:
        """Return those of some books that are sold and of which there are copies now."""
        books = await self._database.read(
            lambda transaction: self._store.books(transaction, book_ids)
        )
        return [
            InStock(book.book_id, book.title)
            for book in books.values()
            if book.stock and book.retired_at_ms is None
        ]

    async def movements(self, after: int, limit: int) -> list[Movement]:
        """Return a page of the stock ledger."""
        return await self._database.scan(
            lambda transaction: self._store.movements_after(transaction, after, limit), KEEPERS
        )

    async def movements_of_book(
        self, book_id: int, before: int | None, limit: int
    ) -> list[Movement]:
        """Return a page of one book's ledger, the newest first, with the stock after each row.

        Raises:
            BookNotFound: definite.
        """

        async def work(transaction: Transaction) -> list[Movement]:
            await self._book(transaction, book_id)
            return await self._store.movements_of_book(
                transaction, book_id, before or AFTER_ALL_ROWS, limit
            )

        return await self._database.scan(work, KEEPERS)

    async def reservations(self, after: str, limit: int) -> list[Outcome]:
        """Return a page of the decisions, by order id."""
        return await self._database.scan(
            lambda transaction: self._store.outcomes_after(transaction, after, limit), KEEPERS
        )

    async def reservation(self, order_id: str) -> Outcome:
        """Return what was decided about an order.

        Raises:
            ReservationNotFound: definite.
        """
        outcome = await self._database.read(
            lambda transaction: self._store.outcome(transaction, order_id)
        )
        if outcome is None:
            message = f"nothing was decided about order {order_id}"
            raise ReservationNotFound(message)
        return outcome


def _write_decided(step: str, outcomes: Mapping[str, Outcome]) -> None:
    """Write what was decided of each order; it counts once its transaction is committed."""
    for order_id, outcome in outcomes.items():
        code = outcome.rejection.code if outcome.rejection else ""
        steps.write(step, order_id=order_id, outcome=outcome.status, code=code)


def _refuse_nothing(copies: int, member: str) -> None:
    if copies == 0:
        message = "a change of 0 copies changes nothing"
        raise InvalidRequest(message, member=member)


def _lines(request: Reserve) -> int:
    return len(request.lines)
