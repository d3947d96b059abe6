"""Which orders a keeper looks for: what a text may mean, and which questions fit together."""

from datetime import datetime

from msgspec import Struct

from bazar.kit.errors import InvalidRequest
from bazar.kit.identity import is_id
from bazar.kit.text import composed
from bazar.order.buyers import same_person
from bazar.wire.orders import Channel, OrderQuery, OrderStatus, Progress, heard_reference

_STATUS_AT: dict[Progress, OrderStatus] = {
    "to_pick": "confirmed",
    "ready": "confirmed",
    "packed": "confirmed",
    "collected": "fulfilled",
    "sent": "fulfilled",
}
"""Which status an order has while it is at a step."""
_OLDEST_FIRST = ("after",)
_NEWEST_FIRST = ("before", "progress", "channel", "since", "until", "q")


class Sought(Struct, frozen=True):
    """What a text may mean; empty where it cannot mean that."""

    order_id: str = ""
    reference: str = ""
    """As it ends an order id."""
    email_key: str = ""
    name_key: str = ""
    """How the name begins."""


class Wanted(Struct, frozen=True, kw_only=True):
    """Which orders to list, the newest first."""

    before: str = ""
    """The last order id of the page before."""
    status: OrderStatus | None = None
    progress: Progress | None = None
    channel: Channel | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    """Placed before then."""
    sought: Sought | None = None
    limit: int


def check_query(query: OrderQuery) -> None:
    """Refuse questions that do not fit together.

    Raises:
        InvalidRequest: definite.
    """
    newest = query.sort == "-placed_at"
    for name in _OLDEST_FIRST if newest else _NEWEST_FIRST:
        if getattr(query, name):
            told = {"since": "from", "until": "to"}.get(name, name)
            sort = "placed_at" if newest else "-placed_at"
            message = f"{told} goes with sort={sort}"
            raise InvalidRequest(message, member=told)
    if query.by == "id" and (newest or query.status is not None):
        message = "orders of one status, and the newest first, are listed as they were placed"
        raise InvalidRequest(message, member="by")


def wanted(query: OrderQuery) -> Wanted | None:
    """Return which orders a question for the newest is about; None where there can be none."""
    status = query.status
    if query.progress is not None:
        status = _STATUS_AT[query.progress]
        if query.status not in {None, status}:
            return None
    return Wanted(
        before=query.before,
        status=status,
        progress=query.progress,
        channel=query.channel,
        since_ms=_ms(query.since),
        until_ms=_ms(query.until),
        sought=sought(query.q),
        limit=query.limit,
    )


def sought(text: str) -> Sought | None:
    """Return what a text may mean: an order's id, address or reference, an e-mail or a name."""
    text = composed(text)
    if not text:
        return None
    if "@" in text:
        return Sought(email_key=same_person(text))
    order_id = text.rstrip("/").rpartition("/")[2].lower()
    if is_id(order_id):
        return Sought(order_id=order_id)
    return Sought(reference=heard_reference(text), name_key=same_person(text))


def _ms(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1000)
