"""What PostgreSQL does in its own way: sets instead of rows, and a lock where others may write.

Every statement takes the rows that it writes in one order, of ids or of keys: two that take the
same rows in different orders would wait for each other.

Source: docs/decisions/0033-orders-of-many-replicas.md
"""

from collections.abc import Iterable, Sequence
from typing import Protocol, cast

from bazar.kit.data.database import Row, Transaction, Value, made
from bazar.order.domain import StoredOrder
from bazar.order.store.oldest import pages
from bazar.order.store.rows import BUYER_MEMBERS, COLUMNS, orders_of, row_of_buyer
from bazar.order.store.shared import SharedStore

FAULTS_MAX = 100
_Argument = Value | Sequence[Value]

_BY_IDS = f"""
{COLUMNS}FROM orders LEFT JOIN buyers USING (sequence) LEFT JOIN order_lines USING (order_id)
WHERE order_id = ANY (?1::text[])
ORDER BY order_id, line_number"""

_BY_KEYS = f"""
{COLUMNS}FROM orders LEFT JOIN buyers USING (sequence) LEFT JOIN order_lines USING (order_id)
WHERE idempotency_key = ANY (?1::text[])
ORDER BY order_id, line_number"""

# By itself, before the orders are read: a statement that waits for a lock goes on with the new row
# of what it locks, and with the old rows of all else.
_LOCK = """
SELECT FROM orders
WHERE order_id = ANY (?1::text[])
ORDER BY order_id FOR NO KEY UPDATE"""

_ASKED = """
WITH asked AS (
    SELECT * FROM unnest(?1::text[], ?2::text[], ?3::text[], ?4::text[], ?5::integer[],
                         ?6::bigint[], ?7::text[]) WITH ORDINALITY
        AS asked (order_id, idempotency_key, kind, status, settled, placed_at_ms, channel, number)
), inserted AS (
    INSERT INTO orders (sequence, order_id, idempotency_key, kind, status, settled, placed_at_ms,
                        channel)
    SELECT places_begin() + number, order_id, idempotency_key, kind, status, settled, placed_at_ms,
           channel
    FROM asked ORDER BY idempotency_key COLLATE "C", number
    ON CONFLICT (idempotency_key) DO NOTHING
    RETURNING sequence, order_id
), with_lines AS (
    INSERT INTO order_lines (order_id, line_number, book_id, quantity, price_seen)
    SELECT order_id, line_number, book_id, quantity, price_seen
    FROM unnest(?8::text[], ?9::integer[], ?10::bigint[], ?11::integer[], ?12::text[])
        AS line (order_id, line_number, book_id, quantity, price_seen)
    JOIN inserted USING (order_id)
)"""

_INSERT = f"""{_ASKED}
SELECT order_id FROM inserted"""

_BUYER_COLUMNS = ", ".join(BUYER_MEMBERS)
_BUYER_ARRAYS = ", ".join(
    f"?{number}::{kind}[]"
    for number, kind in enumerate(
        ["text", *["text"] * len(BUYER_MEMBERS), "bigint", "text", "text"], 13
    )
)
_INSERT_WITH_BUYERS = f"""{_ASKED}, with_buyers AS (
    INSERT INTO buyers (sequence, {_BUYER_COLUMNS}, delivery_minor, name_key, email_key, open)
    SELECT sequence, {_BUYER_COLUMNS}, delivery_minor, name_key, email_key, 1
    FROM unnest({_BUYER_ARRAYS})
        AS buyer (order_id, {_BUYER_COLUMNS}, delivery_minor, name_key, email_key)
    JOIN inserted USING (order_id)
)
SELECT order_id FROM inserted"""

_CONFIRM = """
WITH confirmed AS (
    UPDATE orders SET status = 'confirmed', settled = 1
    FROM (
        SELECT order_id FROM orders
        WHERE order_id = ANY (?1::text[]) AND status = 'pending'
        ORDER BY order_id FOR NO KEY UPDATE
    ) AS pending
    WHERE orders.order_id = pending.order_id
    RETURNING orders.order_id
), sold AS (
    UPDATE order_lines AS kept
    SET title = line.title, price_minor = line.price_minor, currency = line.currency
    FROM unnest(?2::text[], ?3::integer[], ?4::text[], ?5::bigint[], ?6::text[])
        AS line (order_id, line_number, title, price_minor, currency)
    JOIN confirmed USING (order_id)
    WHERE kept.order_id = line.order_id AND kept.line_number = line.line_number
)
SELECT order_id FROM confirmed"""

_SELL_LINES = """
UPDATE order_lines AS kept
SET title = line.title, price_minor = line.price_minor, currency = line.currency
FROM unnest(?1::text[], ?2::integer[], ?3::text[], ?4::bigint[], ?5::text[])
    AS line (order_id, line_number, title, price_minor, currency)
WHERE kept.order_id = line.order_id AND kept.line_number = line.line_number"""

_NEXT_PLACE = """
SELECT places_next()"""

_FOREIGN_PLACE = """
SELECT highest FROM (
    SELECT greatest((SELECT max(sequence) FROM orders), (SELECT max(letter_id) FROM outbox))
) AS places (highest)
WHERE highest >= places_next()"""

# Where nothing is missing these find nothing: the constraints see to it, unless they were off.
_FAULTS = """
(SELECT 'order_lines of ' || order_id || ': the order is gone'
 FROM order_lines LEFT JOIN orders USING (order_id) WHERE sequence IS NULL LIMIT ?1)
UNION ALL
(SELECT 'buyers at ' || sequence || ': the order is gone'
 FROM buyers LEFT JOIN orders USING (sequence) WHERE order_id IS NULL LIMIT ?1)
UNION ALL
(SELECT 'outbox of ' || order_id || ': the order is gone'
 FROM outbox LEFT JOIN orders USING (order_id)
 WHERE sequence IS NULL AND order_id IS NOT NULL LIMIT ?1)
UNION ALL
(SELECT 'order_events of ' || order_id || ': the order is gone'
 FROM order_events LEFT JOIN orders USING (order_id) WHERE sequence IS NULL LIMIT ?1)
UNION ALL
SELECT 'index ' || indexrelid::regclass::text || ' is not valid' FROM pg_index WHERE NOT indisvalid
UNION ALL
SELECT 'the server read ' || checksum_failures || ' damaged pages'
FROM pg_stat_database WHERE datname = current_database() AND checksum_failures > 0"""

_LETTERS_AFTER = """
SELECT letter_id, coalesce(order_id, ''), kind, tries, coalesce(wish_id, 0) FROM outbox
WHERE state = 'waiting' AND letter_id > ?1 AND letter_id < places_end()
ORDER BY letter_id LIMIT ?2"""

_PAGES = pages(" AND sequence < places_end()")


class PostgresStore(SharedStore):
    """The orders in a PostgreSQL database, which others change at the same time."""

    _pages = _PAGES
    _letters_after = _LETTERS_AFTER

    async def by_ids(self, transaction: Transaction, order_ids: Sequence[str]) -> list[StoredOrder]:
        """Return the orders that have one of these ids, each once."""
        return orders_of(await _sets(transaction).all(_BY_IDS, _sorted(order_ids)))

    async def by_keys(self, transaction: Transaction, keys: Sequence[str]) -> list[StoredOrder]:
        """Return the orders that were placed with one of these keys, each once."""
        return orders_of(await _sets(transaction).all(_BY_KEYS, _sorted(keys)))

    async def lock(self, transaction: Transaction, order_ids: Sequence[str]) -> None:
        """Wait until no other transaction changes these orders, and keep others from it."""
        await _sets(transaction).run(_LOCK, _sorted(order_ids))

    async def insert(self, transaction: Transaction, orders: Sequence[StoredOrder]) -> set[str]:
        """Insert new orders, but for those whose key is taken; return the ids of the inserted.

        It sends one statement. A transaction inserts once, since that gives the orders their
        places.
        """
        if not orders:
            return set()
        arrays = _columns_of_orders(orders) + _columns_of_lines(orders)
        buyers = _columns_of_buyers(orders)
        statement = _INSERT_WITH_BUYERS if buyers else _INSERT
        rows = await _sets(transaction).all(statement, *arrays, *buyers)
        return {made(str, row) for row in rows}

    async def confirm(self, transaction: Transaction, orders: Sequence[StoredOrder]) -> set[str]:
        """Store that pending orders were sold, and as what; any other order stays as it is.

        It sends one statement.

        Returns:
            The ids of those that are confirmed now.
        """
        if not orders:
            return set()
        order_ids = [order.order_id for order in orders]
        rows = await _sets(transaction).all(_CONFIRM, order_ids, *_columns_sold(orders))
        return {made(str, row) for row in rows}

    async def _sell_lines(self, transaction: Transaction, orders: Iterable[StoredOrder]) -> None:
        await _sets(transaction).run(_SELL_LINES, *_columns_sold(orders))

    async def next_place(self, transaction: Transaction) -> int:
        """Return a place below which all orders are that can be seen now."""
        row = await transaction.one(_NEXT_PLACE)
        assert row is not None
        return made(int, row)

    async def faults(self, transaction: Transaction) -> list[str]:
        """Return what PostgreSQL finds wrong with its files, and rows without their like."""
        return [made(str, row) for row in await transaction.all(_FAULTS, FAULTS_MAX)]

    async def adopt(self, transaction: Transaction) -> None:
        """Have new places lie above all that are there, whichever server gave those.

        A database that was dumped and restored, or moved here from SQLite, brings its places along,
        and the transactions of this server may have lower numbers.
        """
        await transaction.lock("places")
        row = await transaction.one(_FOREIGN_PLACE)
        if row is not None:
            behind = made(int, row) + 1
            await transaction.script(
                "CREATE OR REPLACE FUNCTION places_behind() RETURNS bigint LANGUAGE sql STABLE AS "
                f"$$ SELECT {behind}::bigint $$"
            )


class _Sets(Protocol):
    """A transaction of an engine whose statements take arrays."""

    async def all(self, sql: str, *values: _Argument) -> list[Row]: ...

    async def run(self, sql: str, *values: _Argument) -> int: ...


def _sets(transaction: Transaction) -> _Sets:
    return cast("_Sets", transaction)


def _sorted(texts: Iterable[str]) -> list[str]:
    return sorted(set(texts))


def _columns(rows: Sequence[Row], width: int) -> list[Sequence[Value]]:
    """Return the columns of rows: an array each, empty where there is no row."""
    return list(zip(*rows, strict=True)) if rows else [()] * width


def _columns_of_orders(orders: Iterable[StoredOrder]) -> list[Sequence[Value]]:
    rows: list[Row] = [
        (
            order.order_id,
            order.key,
            order.kind,
            order.status,
            int(order.settled),
            order.placed_at_ms,
            None if order.channel == "api" else order.channel,
        )
        for order in orders
    ]
    return _columns(rows, 7)


def _columns_of_lines(orders: Iterable[StoredOrder]) -> list[Sequence[Value]]:
    rows: list[Row] = [
        (order.order_id, number, line.book_id, line.quantity, line.price_seen)
        for order in orders
        for number, line in enumerate(order.lines)
    ]
    return _columns(rows, 5)


def _columns_sold(orders: Iterable[StoredOrder]) -> list[Sequence[Value]]:
    rows: list[Row] = [
        (order.order_id, number, line.title, line.price_minor, line.currency)
        for order in orders
        for number, line in enumerate(order.lines)
    ]
    return _columns(rows, 5)


def _columns_of_buyers(orders: Iterable[StoredOrder]) -> list[Sequence[Value]]:
    """Return the columns of those who have one; none where nobody has."""
    rows = [row_of_buyer(order, order.buyer) for order in orders if order.buyer is not None]
    return _columns(rows, 0)
