"""The way from rows to orders: which columns a statement returns, and what they make."""

from collections.abc import Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter

import msgspec

from bazar.kit.data.database import Row, made
from bazar.order.buyers import same_person
from bazar.order.domain import UNREADABLE, StoredLine, StoredOrder
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

# The first columns of each row are an _OrderRow, the next a _BuyerRow, the last a StoredLine. An
# order whose lines are lost is there all the same, with one row of NULLs for them; and so is one
# without a buyer.
COLUMNS = """SELECT order_id, idempotency_key, kind, status, settled, rejection, placed_at_ms,
       channel, progress, progress_at_ms, ended_at_ms, tracking,
       name, email, tel, delivery, street, street2, postcode, city, country, payment, note,
       language, delivery_minor,
       book_id, quantity, title, price_minor, currency, price_seen
"""

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


BUYER_MEMBERS = _BuyerRow.__struct_fields__[:-1]
_BUYER_FROM = len(_OrderRow.__struct_fields__)
_LINE_FROM = _BUYER_FROM + len(_BuyerRow.__struct_fields__)


def kept_of(rows: Sequence[Row]) -> list[KeptOrder]:
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


def orders_of(rows: Sequence[Row]) -> list[StoredOrder]:
    """Return orders from the rows of their lines; those of one order stand together."""
    return [order_of(list(group)) for _order_id, group in groupby(rows, key=itemgetter(0))]


def order_of(rows: Sequence[Row]) -> StoredOrder:
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
    return Buyer(**{member: getattr(kept, member) for member in BUYER_MEMBERS}), kept.delivery_minor


def row_of_buyer(order: StoredOrder, buyer: Buyer) -> Row:
    """Return the id of an order, and the columns of its buyer that a new one has."""
    return (
        order.order_id,
        *(getattr(buyer, member) for member in BUYER_MEMBERS),
        order.delivery_minor,
        same_person(buyer.name),
        same_person(buyer.email),
    )


def _reason(document: str | None) -> Rejection:
    """Return why an order was rejected; that it was stays true where this cannot be read."""
    try:
        return _rejection(document or "")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return UNREADABLE
