"""The catalog's own books, checked a part at a time, and its decisions as they are kept.

Stock is compared with the ledger, and the ledger with the decisions. Each part is one snapshot and
ends after a bounded time, and what it holds in memory is bounded too, however much there is.
"""

from collections import Counter
from time import monotonic

from bazar.catalog.domain import ReservationNotFound
from bazar.catalog.store import AFTER_ALL_ORDERS, AFTER_ALL_ROWS, Store
from bazar.kit.data.database import KEEPERS, Database, Transaction
from bazar.kit.data.integrity import INSPECTORS
from bazar.kit.data.pages import gathered
from bazar.kit.errors import InvalidRequest
from bazar.wire.audit import KeptDecision
from bazar.wire.stock import StockReport

PART_S = 0.5
"""After which a part of the check ends with the step that it is amid."""
BOOKS_A_STEP = 100_000
"""The whole ledger is read once for so many books."""
MOVEMENTS_A_STEP = 50_000
ORDERS_A_STEP = 1000
PAGE_BYTES_MAX = 1024 * 1024
_BOOKS, _ORDERS = "books", "orders"
_START = f"{_BOOKS}:0"


class _Part:
    """What a part of the check has found until now."""

    def __init__(self) -> None:
        self.books = self.movements = self.reservations = 0
        self.differences: list[str] = []

    def report(self, following: str | None) -> StockReport:
        return StockReport(
            books=self.books,
            movements=self.movements,
            reservations=self.reservations,
            differences=self.differences,
            next=following,
        )


class Checking:
    """What the keeper's audit asks. Nothing is changed."""

    def __init__(self, database: Database, store: Store, part_s: float = PART_S) -> None:
        """Read an opened, migrated database; a part of the check takes about `part_s`."""
        self._database = database
        self._store = store
        self._part_s = part_s

    async def part(self, after: str) -> StockReport:
        """Check the next part: first the ledger's numbers, then books by id, then orders by id.

        Args:
            after: empty for the first part, then `next` of the part before.

        Raises:
            InvalidRequest: that is no cursor of ours.
            Overloaded: definite.
        """
        start = after or _START
        check_cursor(start)

        async def work(transaction: Transaction) -> StockReport:
            ends_at_s = monotonic() + self._part_s
            part, following = _Part(), start
            if not after:
                await self._check_numbers(transaction, part)
            while following:
                kind, _, last = following.partition(":")
                if kind == _BOOKS:
                    following = await self._check_books(transaction, part, int(last))
                else:
                    following = await self._check_orders(transaction, part, last)
                if monotonic() > ends_at_s:
                    break
            return part.report(following or None)

        return await self._database.scan(work, KEEPERS)

    async def _check_numbers(self, transaction: Transaction, part: _Part) -> None:
        """Find rows of the ledger that are gone: its numbers have no gaps."""
        numbers = await self._store.ledger_numbers(transaction)
        part.movements = numbers.rows
        if numbers.rows != numbers.last:
            part.differences.append(
                f"the ledger has {numbers.rows} rows, but its numbers go up to {numbers.last}"
            )

    async def _check_books(self, transaction: Transaction, part: _Part, after: int) -> str:
        """Compare stock and ledger of the next books, and return where to go on."""
        stocks = await self._store.stocks_after(transaction, after, BOOKS_A_STEP)
        whole = len(stocks) == BOOKS_A_STEP
        until = stocks[-1].book_id if whole else AFTER_ALL_ROWS
        ledger = await self._ledger(transaction, (after, until))
        found: dict[int, str] = {}
        for book in stocks:
            total = ledger.pop(book.book_id, 0)
            if book.stock != total or book.stock < 0:
                found[book.book_id] = f"stock is {book.stock}, the ledger sums to {total}"
        for book_id, total in ledger.items():
            found[book_id] = f"it is gone, but the ledger has rows of it, which sum to {total}"
        part.differences += [f"book {book_id}: {found[book_id]}" for book_id in sorted(found)]
        part.books += len(stocks)
        return f"{_BOOKS}:{until}" if whole else f"{_ORDERS}:"

    async def _ledger(self, transaction: Transaction, books: tuple[int, int]) -> dict[int, int]:
        """Return what the ledger says of some books, from all of it, a step at a time."""
        ledger: Counter[int] = Counter()
        after = 0
        while after != AFTER_ALL_ROWS:
            until = await self._store.ledger_until(transaction, after, MOVEMENTS_A_STEP)
            for book_id, copies in await self._store.ledger_sums(
                transaction, (after, until), books
            ):
                ledger[book_id] += copies
            after = until
        return ledger

    async def _check_orders(self, transaction: Transaction, part: _Part, after: str) -> str:
        """Compare ledger and decisions of the next orders, and return where to go on."""
        until = await self._store.orders_until(transaction, after, ORDERS_A_STEP)
        part.reservations += await self._store.count_decisions(transaction, after, until)
        part.differences += [
            f"order {one.order_id}, book {one.book_id}: its reservation took {-one.reserved} "
            f"copies, the ledger says {-one.ledger} copies"
            for one in await self._store.reservation_differences(transaction, after, until)
        ]
        return "" if until == AFTER_ALL_ORDERS else f"{_ORDERS}:{until}"

    async def decisions(self, after: str, limit: int) -> list[KeptDecision]:
        """Return a page of decisions as they are kept, by order id; only the end is empty."""
        return await self._database.scan(
            lambda transaction: gathered(
                lambda last, rows: self._store.kept_decisions(transaction, last, rows),
                lambda one: one.order_id,
                lambda one: len(one.outcome),
                after=after,
                limit=limit,
                weight_max=PAGE_BYTES_MAX,
            ),
            KEEPERS,
        )

    async def decision(self, order_id: str) -> KeptDecision:
        """Return a decision as it is kept.

        Raises:
            ReservationNotFound: definite.
        """
        kept = await self._database.read(
            lambda transaction: self._store.kept_decision(transaction, order_id)
        )
        if kept is None:
            message = f"nothing was decided about order {order_id}"
            raise ReservationNotFound(message)
        return kept

    async def last_order_id(self) -> str:
        """Return the highest order id about which anything was decided; empty where none was."""
        return await self._database.read(self._store.last_order_id)

    async def faults(self) -> list[str]:
        """Return what is wrong with the database in itself; it reads all of it."""
        return await self._database.scan(self._store.faults, INSPECTORS)


def check_cursor(cursor: str) -> None:
    """Refuse what is no cursor of the check.

    Raises:
        InvalidRequest: definite.
    """
    kind, separator, last = cursor.partition(":")
    digits = last.isascii() and last.isdigit() and int(last) <= AFTER_ALL_ROWS
    if not separator or not (kind == _ORDERS or (kind == _BOOKS and digits)):
        message = f"after={cursor[:40]!r} is not a cursor of ours; take `next` of the part before"
        raise InvalidRequest(message, member="after")
