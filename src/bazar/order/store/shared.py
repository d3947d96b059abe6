"""The statements that every engine takes as they are, and the way from rows to orders."""

from collections.abc import Iterable, Sequence

import msgspec

from bazar.kit.data.database import Row, Transaction, made
from bazar.order.changes import Event
from bazar.order.domain import StoredOrder
from bazar.order.finding import Wanted
from bazar.order.letters import Letter, LetterKind, LetterState
from bazar.order.progress import FIRST
from bazar.order.store import newest
from bazar.order.store.oldest import pages
from bazar.order.store.rows import COLUMNS, kept_of, order_of, orders_of, row_of_buyer
from bazar.wire.audit import KeptOrder
from bazar.wire.orders import OrderStatus

_BY_ID = f"""
{COLUMNS}FROM orders LEFT JOIN buyers USING (sequence) LEFT JOIN order_lines USING (order_id)
WHERE order_id = ?1
ORDER BY line_number"""

_BY_KEY = f"""
{COLUMNS}FROM orders LEFT JOIN buyers USING (sequence) LEFT JOIN order_lines USING (order_id)
WHERE idempotency_key = ?1
ORDER BY line_number"""

_UNSETTLED_AFTER = f"""
WITH unsettled AS (
    SELECT * FROM orders
    WHERE settled = 0 AND sequence < ?3
      AND sequence > coalesce((SELECT sequence FROM orders WHERE order_id = ?1), 0)
    ORDER BY sequence LIMIT ?2
)
{COLUMNS}FROM unsettled LEFT JOIN buyers USING (sequence) LEFT JOIN order_lines USING (order_id)
ORDER BY sequence, line_number"""

_PAGE, _PAGE_OF_STATUS, _PAGE_OF_PENDING = _PAGES = pages()

_PAGE_BY_ID = f"""
WITH page AS (
    SELECT * FROM orders
    WHERE order_id > ?1
    ORDER BY order_id LIMIT ?2
)
{COLUMNS}FROM page LEFT JOIN buyers USING (sequence) LEFT JOIN order_lines USING (order_id)
ORDER BY order_id, line_number"""

# Without its lines an order comes with one row that has no book.
_KEPT_ORDERS = """
WITH page AS (
    SELECT order_id, status, settled, rejection FROM orders
    WHERE order_id > ?1
    ORDER BY order_id LIMIT ?2
)
SELECT order_id, status, settled, rejection, book_id, quantity, title, price_minor, currency
FROM page LEFT JOIN order_lines USING (order_id)
ORDER BY order_id, line_number"""

_KEPT_UNSETTLED = """
WITH page AS (
    SELECT order_id, status, settled, rejection FROM orders
    WHERE settled = 0 AND order_id > ?1
    ORDER BY order_id LIMIT ?2
)
SELECT order_id, status, settled, rejection, book_id, quantity, title, price_minor, currency
FROM page LEFT JOIN order_lines USING (order_id)
ORDER BY order_id, line_number"""

_KEPT_ORDER = """
SELECT order_id, status, settled, rejection, book_id, quantity, title, price_minor, currency
FROM orders LEFT JOIN order_lines USING (order_id)
WHERE order_id = ?1
ORDER BY line_number"""

_LAST_ORDER_ID = """
SELECT coalesce(max(order_id), '') FROM orders"""

_UPDATE = """
UPDATE orders SET status = ?2, settled = ?3, rejection = ?4,
       progress = ?5, progress_at_ms = ?6, ended_at_ms = ?7, tracking = ?8
WHERE order_id = ?1"""

_INSERT_BUYER = """
INSERT INTO buyers
    (sequence, name, email, tel, delivery, street, street2, postcode, city, country, payment, note,
     language, delivery_minor, name_key, email_key, open)
SELECT sequence, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, 1
FROM orders WHERE order_id = ?1"""

_CLOSE_BUYER = """
UPDATE buyers SET open = 0
WHERE sequence = (SELECT sequence FROM orders WHERE order_id = ?1)"""

_COUNT_OPEN = """
WITH open_orders AS (
    SELECT sequence FROM buyers
    WHERE email_key = ?1 AND open = 1
    LIMIT ?2
)
SELECT count(*) FROM open_orders"""

_SELL_LINE = """
UPDATE order_lines SET title = ?3, price_minor = ?4, currency = ?5
WHERE order_id = ?1 AND line_number = ?2"""

_ADD_EVENT = """
INSERT INTO order_events (order_id, at_ms, what, "by", detail)
VALUES (?1, ?2, ?3, ?4, ?5)"""

_EVENTS = """
SELECT at_ms, what, "by", detail FROM order_events
WHERE order_id = ?1
ORDER BY event_id DESC LIMIT ?2"""

_FORGET_DROPPED = """
DELETE FROM outbox
WHERE order_id = ?1 AND kind = ?2 AND state = 'dropped'"""

_ADD_LETTER = """
INSERT INTO outbox (order_id, kind, state, tries, noted_at_ms)
VALUES (?1, ?2, 'waiting', 0, ?3)
ON CONFLICT (order_id, kind) DO NOTHING"""

_LETTERS_AFTER = """
SELECT letter_id, coalesce(order_id, ''), kind, tries, coalesce(wish_id, 0) FROM outbox
WHERE state = 'waiting' AND state IN ('waiting', 'dead') AND letter_id > ?1
ORDER BY letter_id LIMIT ?2"""

_TRY_LETTER = """
UPDATE outbox SET tries = ?2
WHERE letter_id = ?1 AND state = 'waiting'"""

_NOTE_LETTER = """
UPDATE outbox SET state = ?2, ended_at_ms = ?3, failure = ?4
WHERE letter_id = ?1 AND state = 'waiting'"""

_COUNT_LETTERS = """
SELECT count(*) FROM outbox
WHERE state = ?1 AND state IN ('waiting', 'dead')"""

OPEN: frozenset[OrderStatus] = frozenset({"pending", "confirmed"})
"""Statuses of orders that count as open."""


class SharedStore:
    """What is the same on every engine."""

    _pages = _PAGES
    _letters_after = _LETTERS_AFTER

    async def by_id(self, transaction: Transaction, order_id: str) -> StoredOrder | None:
        """Return an order, or None."""
        rows = await transaction.all(_BY_ID, order_id)
        return order_of(rows) if rows else None

    async def by_key(self, transaction: Transaction, key: str) -> StoredOrder | None:
        """Return the order that was placed with a key, or None."""
        rows = await transaction.all(_BY_KEY, key)
        return order_of(rows) if rows else None

    async def update(self, transaction: Transaction, orders: Sequence[StoredOrder]) -> None:
        """Store orders' status, rejection and progress, and what their lines were sold as."""
        await transaction.run_many(_UPDATE, [_row_of_update(order) for order in orders])
        ended = [order.order_id for order in orders if order.buyer and order.status not in OPEN]
        await transaction.run_many(_CLOSE_BUYER, [(order_id,) for order_id in ended])
        if sold := [order for order in orders if order.sold]:
            await self._sell_lines(transaction, sold)

    async def _insert_buyers(self, transaction: Transaction, orders: Iterable[StoredOrder]) -> None:
        """Insert the buyers of orders that are inserted already; one without has no row."""
        rows = [row_of_buyer(order, order.buyer) for order in orders if order.buyer is not None]
        if rows:
            await transaction.run_many(_INSERT_BUYER, rows)

    async def count_open(self, transaction: Transaction, email_key: str, limit: int) -> int:
        """Return how many orders of an address are open; it counts no further than the limit."""
        row = await transaction.one(_COUNT_OPEN, email_key, limit)
        assert row is not None
        return made(int, row)

    async def _sell_lines(self, transaction: Transaction, orders: Iterable[StoredOrder]) -> None:
        """Store what the lines of orders were sold as."""
        await transaction.run_many(
            _SELL_LINE,
            [
                (order.order_id, number, line.title, line.price_minor, line.currency)
                for order in orders
                for number, line in enumerate(order.lines)
            ],
        )

    async def add_event(self, transaction: Transaction, order_id: str, event: Event) -> None:
        """Add to what was done to an order."""
        values = event.at_ms, event.what, event.by, event.detail
        await transaction.run(_ADD_EVENT, order_id, *values)

    async def events(self, transaction: Transaction, order_id: str, limit: int) -> list[Event]:
        """Return what was done to an order last, in the order in which it was done."""
        rows = await transaction.all(_EVENTS, order_id, limit)
        return [made(Event, row) for row in reversed(rows)]

    async def add_letters(
        self, transaction: Transaction, due: Sequence[tuple[str, LetterKind]], at_ms: int
    ) -> None:
        """Note letters, by order id and kind.

        One that waits, was sent or was given up stays as it is; one that was dropped is made anew.
        """
        await transaction.run_many(_FORGET_DROPPED, due)
        await transaction.run_many(_ADD_LETTER, [(*letter, at_ms) for letter in due])

    async def letters_after(
        self, transaction: Transaction, letter_id: int, limit: int
    ) -> list[Letter]:
        """Return the next letters that wait, in the order in which they were noted."""
        rows = await transaction.all(self._letters_after, letter_id, limit)
        return [made(Letter, row) for row in rows]

    async def try_letter(self, transaction: Transaction, letter_id: int, tries: int) -> bool:
        """Store that a waiting letter is being tried, how often that was so; False: none waits."""
        return bool(await transaction.run(_TRY_LETTER, letter_id, tries))

    async def note_letter(
        self,
        transaction: Transaction,
        letter_id: int,
        state: LetterState,
        ended_at_ms: int | None,
        failure: str | None,
    ) -> None:
        """Store what became of a letter that waits."""
        await transaction.run(_NOTE_LETTER, letter_id, state, ended_at_ms, failure)

    async def count_letters(self, transaction: Transaction, state: LetterState) -> int:
        """Return how many letters wait, or were given up."""
        row = await transaction.one(_COUNT_LETTERS, state)
        assert row is not None
        return made(int, row)

    async def unsettled_after(
        self, transaction: Transaction, after: str, before: int, limit: int
    ) -> list[StoredOrder]:
        """Return orders whose status the catalog may not know of, oldest first."""
        return orders_of(await transaction.all(_UNSETTLED_AFTER, after, limit, before))

    async def page(
        self, transaction: Transaction, after: str, status: OrderStatus | None, limit: int
    ) -> list[StoredOrder]:
        """Return a page of orders, oldest first, of one status or of all."""
        statement, last = self._pages.of(status)
        return orders_of(await transaction.all(statement, after, limit, *last))

    async def newest(self, transaction: Transaction, wanted: Wanted) -> list[StoredOrder]:
        """Return a page of orders, the newest first, as they were stored: those that are wanted."""
        return orders_of(await transaction.all(newest.statement(wanted), *newest.values(wanted)))

    async def count_newest(self, transaction: Transaction, wanted: Wanted) -> int:
        """Count the orders that are wanted; it counts no further than their limit."""
        ((count,),) = await transaction.all(newest.count_statement(wanted), *newest.values(wanted))
        assert isinstance(count, int)
        return count

    async def page_by_id(
        self, transaction: Transaction, after: str, limit: int
    ) -> list[StoredOrder]:
        """Return a page of orders by order id."""
        return orders_of(await transaction.all(_PAGE_BY_ID, after, limit))

    async def kept_orders(
        self, transaction: Transaction, after: str, limit: int
    ) -> list[KeptOrder]:
        """Return a page of orders as they are kept, in order of id; those without lines too."""
        return kept_of(await transaction.all(_KEPT_ORDERS, after, limit))

    async def kept_unsettled(
        self, transaction: Transaction, after: str, limit: int
    ) -> list[KeptOrder]:
        """Return a page of those whose status the catalog may not know of, as they are kept."""
        return kept_of(await transaction.all(_KEPT_UNSETTLED, after, limit))

    async def kept_order(self, transaction: Transaction, order_id: str) -> KeptOrder | None:
        """Return an order as it is kept, or None."""
        return next(iter(kept_of(await transaction.all(_KEPT_ORDER, order_id))), None)

    async def last_order_id(self, transaction: Transaction) -> str:
        """Return the highest order id, empty where there is no order."""
        row = await transaction.one(_LAST_ORDER_ID)
        assert row is not None
        return made(str, row)


def _row_of_update(order: StoredOrder) -> Row:
    return (
        order.order_id,
        order.status,
        int(order.settled),
        msgspec.json.encode(order.rejection).decode() if order.rejection else None,
        None if order.progress == FIRST else order.progress,
        order.progress_at_ms,
        order.ended_at_ms,
        order.tracking or None,
    )
