"""Orders and decisions as they stand in the databases, for the audit of both services.

What is damaged must not stop the audit that is to name it, so texts that other messages bind to a
list of words or to a form of their own are plain texts here.
"""

from typing import Annotated

from msgspec import Meta, Struct

from bazar.wire.limits import AUDIT_PAGE_MAX, ORDER_ID_LENGTH_MAX


class AuditQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which part to read, by order id."""

    after: Annotated[str, Meta(max_length=ORDER_ID_LENGTH_MAX)] = ""
    limit: Annotated[int, Meta(ge=1, le=AUDIT_PAGE_MAX)] = AUDIT_PAGE_MAX


class AuditOrdersQuery(AuditQuery, frozen=True, forbid_unknown_fields=True):
    """Which orders to read, by order id."""

    unsettled: bool = False
    """Only those that are not decided yet, or not released."""


class AuditMark(Struct, frozen=True):
    """Where a service's orders end now."""

    last_order_id: str
    """The highest that it holds; empty where it holds none."""


class KeptLine(Struct, frozen=True, rename={"book_id": "id"}):
    """A line of an order as it is kept; the last three are None until it was sold."""

    book_id: int
    quantity: int
    title: str | None
    price_minor: int | None
    currency: str | None


class KeptOrder(Struct, frozen=True):
    """An order as the order service keeps it."""

    order_id: str
    status: str
    settled: bool
    rejection: str | None
    """As JSON."""
    lines: list[KeptLine]


class KeptDecision(Struct, frozen=True):
    """A decision as the catalog keeps it."""

    order_id: str
    status: str
    outcome: str
    """As JSON."""


class Integrity(Struct, frozen=True):
    """What is wrong with a database file in itself."""

    faults: list[str]
    """At most 200."""
