"""The audit: what counts as a difference, what is looked at again, and what it finds."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TypeVar, get_args
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from bazar.kit.errors import Unavailable
from bazar.kit.http.operations import Health
from bazar.tools import audit as module
from bazar.tools.audit import ALLOWED, RECHECKS, AuditReport, audit, difference, pairs, recheck
from bazar.tools.remote import TIMEOUT, Addresses, RemoteError
from bazar.tools.shop import Shop
from bazar.wire.audit import AuditMark, Integrity, KeptDecision, KeptLine, KeptOrder
from bazar.wire.orders import OrderStatus
from bazar.wire.problems import OrderNotFound
from bazar.wire.stock import WITHDRAWN, Outcome, Rejection, SoldLine, StockReport

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
REASON = Rejection("out-of-stock", "none", 7, 2, 0)
SOLD = KeptLine(7, 2, "T", 1999, "USD")


def an_order(
    order_id: str, status: str, quantity: int = 2, *, settled: bool | None = None
) -> KeptOrder:
    """Return an order for some copies of book 7."""
    sold = status in {"confirmed", "fulfilled", "cancelled"}
    line = msgspec.structs.replace(SOLD, quantity=quantity)
    return KeptOrder(
        order_id,
        status,
        status != "pending" if settled is None else settled,
        msgspec.json.encode(REASON).decode() if status == "rejected" else None,
        [line if sold else KeptLine(7, quantity, None, None, None)],
    )


def an_outcome(order_id: str, held: str, quantity: int = 2) -> KeptDecision | None:
    """Return what the catalog holds about an order for some copies of book 7."""
    lines = [SoldLine(7, quantity, "T", 1999, "USD", 2)]
    if held == "none":
        return None
    if held == "rejected":
        outcome = Outcome(order_id, "rejected", rejection=REASON)
    else:
        outcome = Outcome(order_id, held, lines)  # type: ignore[arg-type]
    return KeptDecision(order_id, held, msgspec.json.encode(outcome).decode())


def not_there() -> RemoteError:
    """Return the error for something that a service does not hold."""
    return RemoteError("no", OrderNotFound("no").problem())


def not_answered() -> RemoteError:
    """Return the error for a service that is away."""
    return RemoteError("away", Unavailable("away").problem())


class FakeShop(Shop):
    """Answers from lists. What is asked for one by one may have moved on from the lists."""

    def __init__(
        self, orders: Sequence[KeptOrder], outcomes: Sequence[KeptDecision | None]
    ) -> None:
        """Hold these."""
        super().__init__(Addresses(), "secret")
        self.orders = {one.order_id: one for one in orders}
        self.outcomes = {one.order_id: one for one in outcomes if one}
        self.later_orders: dict[str, KeptOrder] = {}
        self.singles = 0
        self.most = 1000
        """So many items are in a page at most, whatever was asked for."""
        self.stock_differences: list[str] = []
        self.faults: list[str] = []
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
        self.patience.append(timeout)
        if self.away:
            raise not_answered()
        return self._answer(service, path)  # type: ignore[no-any-return]

    def _answer(self, service: str, path: str) -> Any:  # noqa: ANN401
        held: dict[str, Any] = self.orders if service == "order" else self.outcomes
        parts = urlsplit(path)
        match parts.path.removeprefix("/audit").removeprefix("/").split("/"):
            case ["readyz"]:
                return Health(service, "ready")
            case ["stock-report"]:
                return self._part(parse_qs(parts.query).get("after", ["0"])[0])
            case ["integrity"]:
                return Integrity(self.faults if service == "order" else [])
            case [""]:
                return AuditMark(max(held, default=""))
            case [name]:
                assert {"order": "orders", "catalog": "decisions"}[service] == name
                query = {key: values[0] for key, values in parse_qs(parts.query).items()}
                ids = sorted(one for one in held if one > query.get("after", ""))
                return [held[one] for one in ids[: min(self.most, int(query["limit"]))]]
            case [_name, order_id]:
                self.singles += 1
                if service == "order" and order_id in self.later_orders:
                    held = self.later_orders
                if order_id not in held:
                    raise not_there()
                return held[order_id]
        raise AssertionError(path)

    def _part(self, after: str) -> StockReport:
        """Return a part of the check of the stock: three of them, one book and difference each."""
        number = int(after)
        return StockReport(
            books=1,
            movements=0 if number else 9,
            reservations=1,
            differences=self.stock_differences[number : number + 1],
            next=str(number + 1) if number + 1 < 3 else None,
        )


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


@pytest.mark.parametrize("held", HELD)
def test_a_cancel_may_still_be_on_its_way(held: str) -> None:
    """Until the catalog has released it, it may hold anything about it; sold as it was, or not."""
    order = an_order("a", "cancelled", settled=False)
    if held not in {"none", "rejected"}:
        assert difference(order, an_outcome("a", held)) is None
    unsold = msgspec.structs.replace(order, lines=[KeptLine(7, 2, None, None, None)])
    assert difference(unsold, an_outcome("a", held)) is None


def test_pairs_come_in_the_order_of_both_lists() -> None:
    """Each order id once, with what either side holds."""
    orders = [an_order(order_id, "pending") for order_id in "abde"]
    decisions = [an_outcome(order_id, "reserved") for order_id in "acef"]
    found = pairs(iter(orders), iter([one for one in decisions if one]))
    assert [("a", "a"), ("b", None), (None, "c"), ("d", None), ("e", "e"), (None, "f")] == [
        (order and order.order_id, decision and decision.order_id) for order, decision in found
    ]
    assert [] == list(pairs(iter([]), iter([])))


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
    names = [f"{n:04}" for n in range(2500)]
    shop = FakeShop(
        [an_order(name, "confirmed") for name in names],
        [an_outcome(name, "reserved") for name in names[:-1]],
    )
    report = audit(shop)
    assert (2500, 2499, 5000) == (report.orders, report.reservations, report.copies_sold)
    assert ["order 2499: it is confirmed, but the catalog says none"] == report.differences


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
    assert ["order a: it is confirmed, but the catalog says none"] == recheck(shop, ["a"])
    assert 2 * RECHECKS == shop.singles


def test_a_service_that_is_away_is_no_difference() -> None:
    """An audit that cannot look fails; it never says clean."""
    shop = FakeShop([], [])
    shop.away = True
    with pytest.raises(RemoteError):
        audit(shop)
    assert [TIMEOUT] == shop.patience  # not the minutes that the check itself may take
    with pytest.raises(RemoteError):
        recheck(shop, ["a"])


def test_a_short_page_is_not_the_last() -> None:
    """A service may end a page early; only an empty one is the end."""
    names = [f"{n:02}" for n in range(50)]
    shop = FakeShop(
        [an_order(name, "confirmed") for name in names],
        [an_outcome(name, "reserved") for name in names[:-1]],
    )
    shop.most = 7
    report = audit(shop)
    assert (50, 49) == (report.orders, report.reservations)
    assert ["order 49: it is confirmed, but the catalog says none"] == report.differences


def test_orders_that_come_meanwhile_do_not_keep_it_from_its_end() -> None:
    """It reads up to the last order that there was at its beginning."""

    class Busy(FakeShop):
        def _answer(self, service: str, path: str) -> Any:  # noqa: ANN401
            if path.startswith("/audit/"):
                order_id = f"{len(self.orders):04}"
                self.orders[order_id] = an_order(order_id, "pending")
            return super()._answer(service, path)

    shop = Busy([an_order("0000", "pending")], [])
    assert (1, []) == ((report := audit(shop)).orders, report.differences)
    assert len(shop.orders) < 10


def test_many_suspects_are_asked_for_again_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses are those of one, and what is still wrong comes in order."""
    pauses: list[float] = []
    monkeypatch.setattr(module, "sleep", pauses.append)
    shop = FakeShop([an_order(f"{n:03}", "confirmed") for n in range(200)], [])
    assert 200 == len(audit(shop).differences)
    assert RECHECKS - 1 == len(pauses)


def test_a_shop_that_is_all_wrong_ends_the_audit() -> None:
    """What it found is bounded, and says that there may be more."""
    shop = FakeShop([an_order(f"{n:05}", "confirmed") for n in range(2500)], [])
    found = audit(shop).differences
    assert module.DIFFERENCES_MAX + 1 == len(found)
    assert "there may be more" in found[-1]


def test_integrity_is_asked_for_on_request_alone() -> None:
    """What a database finds in itself comes first, with its name."""
    shop = FakeShop([], [])
    shop.faults = ["row 1 missing from index"]
    assert [] == audit(shop).differences
    assert ["order.db: row 1 missing from index"] == audit(shop, integrity=True).differences


@pytest.mark.parametrize("held", HELD)
def test_a_withdrawn_order_is_one_that_the_catalog_never_heard_of(held: str) -> None:
    """Whatever the catalog holds about it is a difference; so is any other reason without it."""
    reason = Rejection(WITHDRAWN, "a page had refused its form")
    order = msgspec.structs.replace(
        an_order("a", "rejected"), rejection=msgspec.json.encode(reason).decode()
    )
    assert (held == "none") == (difference(order, an_outcome("a", held)) is None)
    assert difference(an_order("a", "rejected"), None) is not None
    unreadable = msgspec.structs.replace(order, rejection="{")
    assert difference(unreadable, None) is not None
    pending = msgspec.structs.replace(order, settled=False)
    assert difference(pending, None) is not None
