"""The audit: what counts as a difference, what is looked at again, and what it finds."""

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, get_args
from urllib.parse import parse_qs, urlsplit

import pytest

from bazar.kit.errors import Unavailable
from bazar.kit.http.operations import Health
from bazar.tools import audit as module
from bazar.tools.audit import ALLOWED, RECHECKS, AuditReport, audit, difference, recheck
from bazar.tools.remote import TIMEOUT, Addresses, RemoteError
from bazar.tools.shop import Shop
from bazar.wire.orders import Order, OrderLine, OrderStatus
from bazar.wire.problems import OrderNotFound
from bazar.wire.stock import Outcome, Rejection, SoldLine, StockReport

T = TypeVar("T")

STATUSES: tuple[OrderStatus, ...] = get_args(OrderStatus)
HELD = ("none", "reserved", "rejected", "released")
FITTING = {
    ("pending", "none"),
    ("pending", "reserved"),
    ("pending", "rejected"),
    ("pending", "released"),
    ("confirmed", "reserved"),
    ("fulfilled", "reserved"),
    ("rejected", "rejected"),
    ("cancelled", "released"),
}


def an_order(order_id: str, status: OrderStatus, quantity: int = 2) -> Order:
    """Return an order for some copies of book 7."""
    return Order(
        order_id=order_id,
        status=status,
        lines=[OrderLine(book_id=7, quantity=quantity)],
        total=None,
        currency=None,
        reason=None,
        placed_at=datetime(2024, 1, 1, tzinfo=UTC),
    )


def an_outcome(order_id: str, held: str, quantity: int = 2) -> Outcome | None:
    """Return what the catalog holds about an order for some copies of book 7."""
    lines = [SoldLine(7, quantity, "T", 1999, "USD", 2)]
    if held == "reserved":
        return Outcome(order_id, "reserved", lines)
    if held == "released":
        return Outcome(order_id, "released", lines)
    if held == "rejected":
        return Outcome(order_id, "rejected", rejection=Rejection("out-of-stock", "none"))
    return None


def not_there() -> RemoteError:
    """Return the error for something that a service does not hold."""
    return RemoteError("no", OrderNotFound("no").problem())


def not_answered() -> RemoteError:
    """Return the error for a service that is away."""
    return RemoteError("away", Unavailable("away").problem())


class FakeShop(Shop):
    """Answers from lists. What is asked for one by one may have moved on from the lists."""

    def __init__(self, orders: list[Order], outcomes: list[Outcome | None]) -> None:
        """Hold these."""
        super().__init__(Addresses(), "secret")
        self.orders = {one.order_id: one for one in orders}
        self.outcomes = {one.order_id: one for one in outcomes if one}
        self.later_orders: dict[str, Order] = {}
        self.singles = 0
        self.stock_differences: list[str] = []
        self.away = False
        self.patience: list[timedelta] = []
        """For each answer so far."""

    def call(
        self,
        service: str,
        method: str,
        path: str,
        kind: type[T],  # noqa: ARG002  the lists hold what was asked for
        *,
        body: Any = None,  # noqa: ANN401
        key: str | None = None,
        timeout: timedelta = TIMEOUT,
    ) -> T:
        """Answer a read."""
        assert ("GET", None, None) == (method, body, key)
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        answer: object
        self.patience.append(timeout)
        if self.away:
            raise not_answered()
        if path == "/readyz":
            answer = Health(service, "ready")
        elif (service, path) == ("catalog", "/stock-report"):
            answer = StockReport(
                books=3, movements=9, reservations=0, differences=self.stock_differences
            )
        else:
            held: dict[str, Any] = self.orders if service == "order" else self.outcomes
            assert parts.path.startswith({"order": "/orders", "catalog": "/reservations"}[service])
            order_id = parts.path.partition("/")[2].partition("/")[2]
            if order_id:
                self.singles += 1
                if service == "order" and order_id in self.later_orders:
                    held = self.later_orders
                if order_id not in held:
                    raise not_there()
                answer = held[order_id]
            else:
                after = query.get("after", "")
                ids = sorted(one for one in held if one > after)[: int(query["limit"])]
                answer = [held[one] for one in ids]
        return answer  # type: ignore[return-value]


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recheck without waiting."""
    monkeypatch.setattr(module, "RECHECK_PAUSE_S", 0)


def test_every_status_has_a_rule() -> None:
    """No status of an order is left out of the table."""
    assert set(STATUSES) == set(ALLOWED)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("held", HELD)
def test_each_pair_of_status_and_decision(status: OrderStatus, held: str) -> None:
    """Only the pairs that the protocol can leave behind are no difference."""
    found = difference(an_order("a", status), an_outcome("a", held))
    assert ((status, held) in FITTING) == (found is None)
    if found is not None:
        assert f"order a: it is {status}, but the catalog says {held}" == found


@pytest.mark.parametrize("held", HELD[1:])
def test_a_decision_without_an_order_is_a_difference(held: str) -> None:
    """The catalog must not decide what nobody ordered."""
    found = difference(None, an_outcome("a", held))
    assert found is not None
    assert "order a: " in found
    assert "there is no order" in found


@pytest.mark.parametrize("status", ["pending", "confirmed", "fulfilled"])
def test_other_lines_than_those_sold_are_a_difference(status: OrderStatus) -> None:
    """The copies of order and reservation must be the same, in whatever order the lines are."""
    found = difference(an_order("a", status, 2), an_outcome("a", "reserved", 3))
    assert "order a: its lines are [(7, 2)], the catalog sold [(7, 3)]" == found


def test_a_clean_shop_has_no_differences_and_right_counts() -> None:
    """Copies sold are those of confirmed and fulfilled orders; pending ones are counted apart."""
    pairs: list[tuple[OrderStatus, str]] = [
        ("confirmed", "reserved"),
        ("fulfilled", "reserved"),
        ("cancelled", "released"),
        ("rejected", "rejected"),
        ("pending", "none"),
        ("pending", "reserved"),
    ]
    shop = FakeShop(
        [an_order(f"{n}", status) for n, (status, _held) in enumerate(pairs)],
        [an_outcome(f"{n}", held) for n, (_status, held) in enumerate(pairs)],
    )
    assert AuditReport(
        books=3,
        movements=9,
        reservations=5,
        orders=6,
        pending=2,
        copies_sold=4,
        differences=[],
    ) == audit(shop)
    assert 0 == shop.singles


def test_every_page_is_read() -> None:
    """More orders than fit one page are all compared, a difference on the last one is found."""
    names = [f"{n:03}" for n in range(250)]
    shop = FakeShop(
        [an_order(name, "confirmed") for name in names],
        [an_outcome(name, "reserved") for name in names[:-1]],
    )
    report = audit(shop)
    assert (250, 249, 500) == (report.orders, report.reservations, report.copies_sold)
    assert ["order 249: it is confirmed, but the catalog says none"] == report.differences


def test_seeded_differences_are_found() -> None:
    """Lost, ghost, doubled and unreleased sales are each named, the stock's own first."""
    shop = FakeShop(
        [
            an_order("lost", "confirmed"),
            an_order("kept", "cancelled"),
            an_order("more", "fulfilled", 1),
            an_order("fine", "confirmed"),
        ],
        [
            an_outcome("kept", "reserved"),
            an_outcome("more", "reserved", 2),
            an_outcome("ghost", "reserved"),
            an_outcome("fine", "reserved"),
        ],
    )
    shop.stock_differences = ["book 7: stock is 1, the ledger sums to 2"]
    assert [
        "book 7: stock is 1, the ledger sums to 2",
        "order ghost: the catalog holds a decision, but there is no order",
        "order kept: it is cancelled, but the catalog says reserved",
        "order lost: it is confirmed, but the catalog says none",
        "order more: its lines are [(7, 1)], the catalog sold [(7, 2)]",
    ] == audit(shop).differences


def test_what_was_seen_at_two_moments_is_asked_again() -> None:
    """An order that was cancelled between the two lists is no difference."""
    shop = FakeShop([an_order("a", "confirmed")], [an_outcome("a", "released")])
    shop.later_orders["a"] = an_order("a", "cancelled")
    assert [] == audit(shop).differences
    assert 2 == shop.singles


def test_a_difference_that_stays_is_asked_for_a_bounded_number_of_times() -> None:
    """After five looks it counts."""
    shop = FakeShop([an_order("a", "confirmed")], [])
    assert recheck(shop, "a") == "order a: it is confirmed, but the catalog says none"
    assert 2 * RECHECKS == shop.singles


def test_a_service_that_is_away_is_no_difference() -> None:
    """An audit that cannot look fails; it never says clean."""
    shop = FakeShop([], [])
    shop.away = True
    with pytest.raises(RemoteError):
        audit(shop)
    assert [TIMEOUT] == shop.patience  # not the minutes that the check itself may take
    with pytest.raises(RemoteError):
        recheck(shop, "a")
