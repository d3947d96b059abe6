"""The statements that every engine takes as they are, and the way from rows to orders."""

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter

import msgspec

from bazar.kit.data.database import Row, Transaction, made
from bazar.order.buyers import same_person
from bazar.order.domain import UNREADABLE, StoredLine, StoredOrder
from bazar.order.progress import FIRST
from bazar.wire.audit import KeptLine, KeptOrder
from bazar.wire.orders import (
    Buyer,
    Channel,
    Delivery,
    Language,
    OrderStatus,
    Payment,
    Progress,
)
from bazar.wire.placing import Kind
from bazar.wire.stock import Rejection

# The first columns of each list are an _OrderRow, the next a _BuyerRow, the last a StoredLine. An
# order whose lines are lost is there all the same, with one row of NULLs for them; and so is one
# without a buyer.
_BY_ID = """
SELECT order_id, idempotency_key, kind, status, settled, rejection, placed_at_ms,
       channel, progress, progress_at_ms, ended_at_ms, tracking,
       name, email, tel, delivery, street, street2, postcode, city, country, payment, note,
       language, delivery_minor,
       book_id, quantity, title, price_minor, currency, price_seen
FROM orders LEFT JOIN buyers USING (sequence) LEFT JOIN order_lines USING (order_id)
WHERE order_id = ?1
ORDER BY line_number"""

_BY_KEY = """
SELECT order_id, idempotency_key, kind, status, settled, rejection, placed_at_ms,
       channel, progress, progress_at_ms, ended_at_ms, tracking,
       name, email, tel, delivery, street, street2, postcode, city, country, payment, note,
       language, delivery_minor,
       book_id, quantity, title, price_minor, currency, price_seen
FROM orders LEFT JOIN buyers USING (sequence) LEFT JOIN order_lines USING (order_id)
WHERE idempotency_key = ?1
ORDER BY line_number"""

_UNSETTLED_AFTER = """
WITH unsettled AS (
    SELECT * FROM orders
    WHERE settled = 0
      AND sequence > coalesce((SELECT sequence FROM orders WHERE order_id = ?1), 0)
    ORDER BY sequence LIMIT ?2
)
SELECT order_id, idempotency_key, kind, status, settled, rejection, placed_at_ms,
       channel, progress, progress_at_ms, ended_at_ms, tracking,
       name, email, tel, delivery, street, street2, postcode, city, country, payment, note,
       language, delivery_minor,
       book_id, quantity, title, price_minor, currency, price_seen
FROM unsettled LEFT JOIN buyers USING (sequence) LEFT JOIN order_lines USING (order_id)
ORDER BY sequence, line_number"""

_PAGE = """
WITH page AS (
    SELECT * FROM orders
    WHERE sequence > coalesce((SELECT sequence FROM orders WHERE order_id = ?1), 0)
    ORDER BY sequence LIMIT ?2
)
SELECT order_id, idempotency_key, kind, status, settled, rejection, placed_at_ms,
       channel, progress, progress_at_ms, ended_at_ms, tracking,
       name, email, tel, delivery, street, street2, postcode, city, country, payment, note,
       language, delivery_minor,
       book_id, quantity, title, price_minor, currency, price_seen
FROM page LEFT JOIN buyers USING (sequence) LEFT JOIN order_lines USING (order_id)
ORDER BY sequence, line_number"""

# Each of these two names the condition of the index that it goes by.
_PAGE_OF_STATUS = """
WITH page AS (
    SELECT * FROM orders
    WHERE status = ?3 AND status <> 'pending'
      AND sequence > coalesce((SELECT sequence FROM orders WHERE order_id = ?1), 0)
    ORDER BY sequence LIMIT ?2
)
SELECT order_id, idempotency_key, kind, status, settled, rejection, placed_at_ms,
       channel, progress, progress_at_ms, ended_at_ms, tracking,
       name, email, tel, delivery, street, street2, postcode, city, country, payment, note,
       language, delivery_minor,
       book_id, quantity, title, price_minor, currency, price_seen
FROM page LEFT JOIN buyers USING (sequence) LEFT JOIN order_lines USING (order_id)
ORDER BY sequence, line_number"""

_PAGE_OF_PENDING = """
WITH page AS (
    SELECT * FROM orders
    WHERE settled = 0 AND status = 'pending'
      AND sequence > coalesce((SELECT sequence FROM orders WHERE order_id = ?1), 0)
    ORDER BY sequence LIMIT ?2
)
SELECT order_id, idempotency_key, kind, status, settled, rejection, placed_at_ms,
       channel, progress, progress_at_ms, ended_at_ms, tracking,
       name, email, tel, delivery, street, street2, postcode, city, country, payment, note,
       language, delivery_minor,
       book_id, quantity, title, price_minor, currency, price_seen
FROM page LEFT JOIN buyers USING (sequence) LEFT JOIN order_lines USING (order_id)
ORDER BY sequence, line_number"""

_PAGE_BY_ID = """
WITH page AS (
    SELECT * FROM orders
    WHERE order_id > ?1
    ORDER BY order_id LIMIT ?2
)
SELECT order_id, idempotency_key, kind, status, settled, rejection, placed_at_ms,
       channel, progress, progress_at_ms, ended_at_ms, tracking,
       name, email, tel, delivery, street, street2, postcode, city, country, payment, note,
       language, delivery_minor,
       book_id, quantity, title, price_minor, currency, price_seen
FROM page LEFT JOIN buyers USING (sequence) LEFT JOIN order_lines USING (order_id)
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

_rejection = msgspec.json.Decoder(Rejection).decode


class _OrderRow(msgspec.Struct, frozen=True):
    """The columns of an order, without its lines."""

    order_id: str
    key: str
    kind: Kind
    status: OrderStatus
    settled: int
    rejection: str | None
    placed_at_ms: int
    channel: Channel | None
    progress: Progress | None
    progress_at_ms: int | None
    ended_at_ms: int | None
    tracking: str | None


class _BuyerRow(msgspec.Struct, frozen=True):
    """The columns of an order's buyer."""

    name: str
    email: str
    tel: str
    delivery: Delivery
    street: str
    street2: str
    postcode: str
    city: str
    country: str
    payment: Payment
    note: str
    language: Language
    delivery_minor: int


_BUYER_MEMBERS = _BuyerRow.__struct_fields__[:-1]
_BUYER_FROM = len(_OrderRow.__struct_fields__)
_LINE_FROM = _BUYER_FROM + len(_BuyerRow.__struct_fields__)
OPEN: frozenset[OrderStatus] = frozenset({"pending", "confirmed"})
"""Statuses of orders that count as open."""


class SharedStore:
    """What is the same on every engine."""

    async def by_id(self, transaction: Transaction, order_id: str) -> StoredOrder | None:
        """Return an order, or None."""
        rows = await transaction.all(_BY_ID, order_id)
        return _order(rows) if rows else None

    async def by_key(self, transaction: Transaction, key: str) -> StoredOrder | None:
        """Return the order that was placed with a key, or None."""
        rows = await transaction.all(_BY_KEY, key)
        return _order(rows) if rows else None

    async def update(self, transaction: Transaction, order: StoredOrder) -> None:
        """Store an order's status, rejection and progress, and what its lines were sold as."""
        await transaction.run(
            _UPDATE,
            order.order_id,
            order.status,
            int(order.settled),
            msgspec.json.encode(order.rejection).decode() if order.rejection else None,
            None if order.progress == FIRST else order.progress,
            order.progress_at_ms,
            order.ended_at_ms,
            order.tracking or None,
        )
        if order.buyer is not None and order.status not in OPEN:
            await transaction.run(_CLOSE_BUYER, order.order_id)
        if order.sold:
            await self._sell_lines(transaction, [order])

    async def _insert_buyers(self, transaction: Transaction, orders: Iterable[StoredOrder]) -> None:
        """Insert the buyers of orders that are inserted already; one without has no row."""
        rows = [
            (
                order.order_id,
                *(getattr(order.buyer, member) for member in _BUYER_MEMBERS),
                order.delivery_minor,
                same_person(order.buyer.name),
                same_person(order.buyer.email),
            )
            for order in orders
            if order.buyer is not None
        ]
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

    async def unsettled_after(
        self, transaction: Transaction, after: str, limit: int
    ) -> list[StoredOrder]:
        """Return orders whose status the catalog may not know of, oldest first."""
        return _orders(await transaction.all(_UNSETTLED_AFTER, after, limit))

    async def page(
        self, transaction: Transaction, after: str, status: OrderStatus | None, limit: int
    ) -> list[StoredOrder]:
        """Return a page of orders, oldest first, of one status or of all."""
        if status is None:
            return _orders(await transaction.all(_PAGE, after, limit))
        if status == "pending":
            return _orders(await transaction.all(_PAGE_OF_PENDING, after, limit))
        return _orders(await transaction.all(_PAGE_OF_STATUS, after, limit, status))

    async def page_by_id(
        self, transaction: Transaction, after: str, limit: int
    ) -> list[StoredOrder]:
        """Return a page of orders by order id."""
        return _orders(await transaction.all(_PAGE_BY_ID, after, limit))

    async def kept_orders(
        self, transaction: Transaction, after: str, limit: int
    ) -> list[KeptOrder]:
        """Return a page of orders as they are kept, in order of id; those without lines too."""
        return _kept(await transaction.all(_KEPT_ORDERS, after, limit))

    async def kept_unsettled(
        self, transaction: Transaction, after: str, limit: int
    ) -> list[KeptOrder]:
        """Return a page of those whose status the catalog may not know of, as they are kept."""
        return _kept(await transaction.all(_KEPT_UNSETTLED, after, limit))

    async def kept_order(self, transaction: Transaction, order_id: str) -> KeptOrder | None:
        """Return an order as it is kept, or None."""
        return next(iter(_kept(await transaction.all(_KEPT_ORDER, order_id))), None)

    async def last_order_id(self, transaction: Transaction) -> str:
        """Return the highest order id, empty where there is no order."""
        row = await transaction.one(_LAST_ORDER_ID)
        assert row is not None
        return made(str, row)


def _kept(rows: Sequence[Row]) -> list[KeptOrder]:
    """Return orders as they are kept from the rows of their lines."""
    kept = []
    for _order_id, group in groupby(rows, key=itemgetter(0)):
        first, *others = group
        lines = [made(KeptLine, row[4:]) for row in (first, *others) if row[4] is not None]
        kept.append(made(partial(_kept_order, lines), first[:4]))
    return kept


def _kept_order(
    lines: list[KeptLine], order_id: str, status: str, settled: int, rejection: str | None
) -> KeptOrder:
    return KeptOrder(order_id, status, bool(settled), rejection, lines)


def _orders(rows: Sequence[Row]) -> list[StoredOrder]:
    """Return orders from the rows of their lines; those of one order stand together."""
    return [_order(list(group)) for _order_id, group in groupby(rows, key=itemgetter(0))]


def _order(rows: Sequence[Row]) -> StoredOrder:
    """Return an order from the rows of its lines."""
    row = rows[0]
    order = made(_OrderRow, row[:_BUYER_FROM])
    bare = row[_LINE_FROM] is None
    buyer, delivery_minor = _buyer(row[_BUYER_FROM:_LINE_FROM])
    return StoredOrder(
        order.order_id,
        order.key,
        order.kind,
        order.status,
        settled=bool(order.settled),
        rejection=_reason(order.rejection) if order.status == "rejected" else None,
        placed_at_ms=order.placed_at_ms,
        lines=() if bare else tuple([made(StoredLine, row[_LINE_FROM:]) for row in rows]),
        channel=order.channel or "api",
        buyer=buyer,
        delivery_minor=delivery_minor,
        progress=order.progress,
        progress_at_ms=order.progress_at_ms,
        ended_at_ms=order.ended_at_ms,
        tracking=order.tracking or "",
    )


def _buyer(row: Row) -> tuple[Buyer | None, int]:
    """Return an order's buyer and what delivery costs; nobody, and nothing, where there is none."""
    if row[0] is None:
        return None, 0
    kept = made(_BuyerRow, row)
    return Buyer(
        **{member: getattr(kept, member) for member in _BUYER_MEMBERS}
    ), kept.delivery_minor


def _reason(document: str | None) -> Rejection:
    """Return why an order was rejected; that it was stays true where this cannot be read."""
    try:
        return _rejection(document or "")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return UNREADABLE
