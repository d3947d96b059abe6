"""Every statement that the order service sends to its database. One function, one purpose."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import cast

import msgspec

from bazar.kit.data.database import Row, Transaction
from bazar.order.domain import StoredLine, StoredOrder
from bazar.wire.stock import Rejection

_SELECT = (
    "SELECT order_id, idempotency_key, request_hash, kind, status, settled, rejection, "
    "placed_at_ms, book_id, quantity, title, price_minor, currency "
    "FROM {orders} JOIN order_lines USING (order_id) {where} ORDER BY order_id, line_number"
)
_BY_ID = _SELECT.format(orders="orders", where="WHERE order_id = ?1")
_BY_KEY = _SELECT.format(orders="orders", where="WHERE idempotency_key = ?1")
_UNSETTLED = _SELECT.format(
    orders="(SELECT * FROM orders WHERE settled = 0 AND order_id > ?1 ORDER BY order_id LIMIT ?2)",
    where="",
)
_PAGE = _SELECT.format(
    orders="(SELECT * FROM orders WHERE order_id > ?1 AND (?3 IS NULL OR status = ?3) "
    "ORDER BY order_id LIMIT ?2)",
    where="",
)
_ORDER_COLUMNS = 8

_rejection = msgspec.json.Decoder(Rejection).decode


def _orders(rows: list[Row]) -> list[StoredOrder]:
    return [
        _order(list(group))
        for _order_id, group in groupby(rows, key=lambda row: cast("str", row[0]))
    ]


def _order(rows: list[Row]) -> StoredOrder:
    order_id, key, request_hash, kind, status, settled, rejection, placed_at_ms = rows[0][
        :_ORDER_COLUMNS
    ]
    return StoredOrder(
        order_id,  # type: ignore[arg-type]
        key,  # type: ignore[arg-type]
        request_hash,  # type: ignore[arg-type]
        kind,  # type: ignore[arg-type]
        status,  # type: ignore[arg-type]
        bool(settled),
        _rejection(cast("str", rejection)) if rejection is not None else None,
        placed_at_ms,  # type: ignore[arg-type]
        tuple(StoredLine(*row[_ORDER_COLUMNS:]) for row in rows),  # type: ignore[arg-type]
    )


async def by_id(transaction: Transaction, order_id: str) -> StoredOrder | None:
    """Return an order, or None."""
    rows = await transaction.all(_BY_ID, order_id)
    return _order(rows) if rows else None


async def by_key(transaction: Transaction, key: str) -> StoredOrder | None:
    """Return the order that was placed with a key, or None."""
    rows = await transaction.all(_BY_KEY, key)
    return _order(rows) if rows else None


async def insert(transaction: Transaction, orders: Sequence[StoredOrder]) -> set[str]:
    """Insert new orders, but for those whose key is taken; return the ids of the inserted."""
    count = await transaction.run_many(
        "INSERT INTO orders (order_id, idempotency_key, request_hash, kind, status, settled, "
        "placed_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) "
        "ON CONFLICT (idempotency_key) DO NOTHING",
        [
            (
                order.order_id,
                order.key,
                order.request_hash,
                order.kind,
                order.status,
                int(order.settled),
                order.placed_at_ms,
            )
            for order in orders
        ],
    )
    if count < len(orders):
        orders = await _those_with(transaction, "pending", orders)
    await transaction.run_many(
        "INSERT INTO order_lines (order_id, line_number, book_id, quantity) "
        "VALUES (?1, ?2, ?3, ?4)",
        [
            (order.order_id, number, line.book_id, line.quantity)
            for order in orders
            for number, line in enumerate(order.lines)
        ],
    )
    return {order.order_id for order in orders}


async def update(transaction: Transaction, order: StoredOrder) -> None:
    """Store an order's status, its rejection, and what its lines were sold as."""
    await transaction.run(
        "UPDATE orders SET status = ?2, settled = ?3, rejection = ?4 WHERE order_id = ?1",
        order.order_id,
        order.status,
        int(order.settled),
        msgspec.json.encode(order.rejection).decode() if order.rejection else None,
    )
    if order.sold:
        await _sell_lines(transaction, [order])


async def confirm(transaction: Transaction, orders: Sequence[StoredOrder]) -> None:
    """Store that pending orders were sold, and as what; any other order stays as it is."""
    count = await transaction.run_many(
        "UPDATE orders SET status = 'confirmed', settled = 1 "
        "WHERE order_id = ?1 AND status = 'pending'",
        [(order.order_id,) for order in orders],
    )
    if count < len(orders):
        orders = await _those_with(transaction, "confirmed", orders)
    await _sell_lines(transaction, orders)


async def _those_with(
    transaction: Transaction, status: str, orders: Iterable[StoredOrder]
) -> list[StoredOrder]:
    """Return those that are stored with a status.

    Asked only after fewer rows changed than were given: a RETURNING with each statement would
    cost more than the statement itself (docs/performance.md).
    """
    rows = await transaction.all_many(
        "SELECT order_id FROM orders WHERE order_id = ?1 AND status = ?2",
        [(order.order_id, status) for order in orders],
    )
    order_ids = {row[0] for row in rows}
    return [order for order in orders if order.order_id in order_ids]


async def _sell_lines(transaction: Transaction, orders: Iterable[StoredOrder]) -> None:
    """Store what the lines of orders were sold as."""
    await transaction.run_many(
        "UPDATE order_lines SET title = ?3, price_minor = ?4, currency = ?5 "
        "WHERE order_id = ?1 AND line_number = ?2",
        [
            (order.order_id, number, line.title, line.price_minor, line.currency)
            for order in orders
            for number, line in enumerate(order.lines)
        ],
    )


async def unsettled_after(transaction: Transaction, after: str, limit: int) -> list[StoredOrder]:
    """Return orders whose status the catalog may not know of, oldest first."""
    return _orders(await transaction.all(_UNSETTLED, after, limit))


async def page(
    transaction: Transaction, after: str, status: str | None, limit: int
) -> list[StoredOrder]:
    """Return a page of orders, oldest first, of one status or of all."""
    return _orders(await transaction.all(_PAGE, after, limit, status))
