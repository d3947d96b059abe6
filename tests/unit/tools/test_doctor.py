"""The doctor: what it asks a shop, and what it says of orders that wait."""

from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bazar.kit.errors import Unauthorized
from bazar.kit.http.operations import Health
from bazar.kit.peers.finding import Found
from bazar.tools import doctor
from bazar.tools.doctor import Finding, examine
from bazar.tools.remote import TIMEOUT, Addresses, RemoteError
from bazar.tools.shop import Shop
from bazar.wire.audit import AuditMark, KeptOrder

T = TypeVar("T")


class FakeShop(Shop):
    """A shop that is well, but for what a test says; it answers no check of its books."""

    def __init__(self) -> None:
        """Start with nothing to decide."""
        super().__init__(Addresses(), "secret")
        self.unsettled: list[list[str]] = [[], []]
        """At each look."""
        self.refuses = ""

    def call(
        self,
        service: str,
        method: str,
        path: str,
        kind: type[T],  # noqa: ARG002
        *,
        body: Any = None,  # noqa: ANN401
        key: str | None = None,
        timeout: timedelta = TIMEOUT,  # noqa: ARG002
    ) -> T:
        """Answer what is cheap to answer."""
        assert ("GET", None, None) == (method, body, key)
        if path == "/readyz":
            return Health(service, "ready")  # type: ignore[return-value]
        if service == self.refuses:
            msg = "no"
            raise RemoteError(msg, Unauthorized("wrong").problem())
        if path == "/audit":
            return AuditMark("")  # type: ignore[return-value]
        assert ("order", "/audit/orders?unsettled=true&limit=1000") == (service, path)
        look = self.unsettled.pop(0)
        return [KeptOrder(one, "pending", False, None, []) for one in look]  # type: ignore[return-value]  # noqa: FBT003


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Note the pauses instead of making them."""
    noted: list[float] = []
    monkeypatch.setattr(doctor, "sleep", noted.append)
    return noted


def found(shop: Shop, what: str) -> Finding:
    """Return the one finding about something."""
    (finding,) = [one for one in examine(shop, Path("nowhere")) if one.what == what]
    return finding


@pytest.mark.usefixtures("pauses")
def test_a_secret_is_tried_where_it_costs_nothing() -> None:
    """At both services that want it, however large the shop; one that refuses it is named."""
    shop = FakeShop()
    assert found(shop, "secret").ok
    for service in ("catalog", "order"):
        shop.refuses = service
        shop.unsettled = [[], []]
        assert not found(shop, "secret").ok


def test_nothing_that_waits_costs_no_pause(pauses: list[float]) -> None:
    """One look is enough."""
    assert found(FakeShop(), "orders").ok
    assert [] == pauses


def test_orders_that_are_decided_meanwhile_are_well(pauses: list[float]) -> None:
    """Those of the first look are gone at the second; others are new."""
    shop = FakeShop()
    shop.unsettled = [["a", "b"], ["c"]]
    assert found(shop, "orders").ok
    assert [doctor.UNDECIDED_PAUSE_S] == pauses


@pytest.mark.usefixtures("pauses")
def test_orders_that_stay_undecided_are_named() -> None:
    """The first of them, by their ids; no clock is asked."""
    shop = FakeShop()
    shop.unsettled = [["a", "b"], ["b", "c"]]
    finding = found(shop, "orders")
    assert (False, "undecided for 4 s and longer: b") == (finding.ok, finding.found)
    names = [f"o{n}" for n in range(9)]
    shop.unsettled = [names, names]
    assert "o0, o1, o2, o3, o4 and more" in found(shop, "orders").found


def test_each_replica_is_looked_at() -> None:
    """By its own address, as if it were alone."""
    shop = FakeShop()
    shop.addresses = Addresses("http://f", "http://c1,http://c2", "http://o")
    lines = [one.found for one in examine(shop, Path("nowhere")) if one.found.endswith("0)")]
    versions = [line.partition(" is ready")[0] for line in lines]
    assert ["http://c1", "http://c2", "http://o", "http://f"] == versions


def test_the_name_of_a_strange_shop_makes_no_line_of_its_own() -> None:
    """Anybody can announce any name."""
    shop = FakeShop()
    name = "theirs\nok   secret: accepted\x1b[2K"
    seen = {"catalog": Found(frozenset(), frozenset(), frozenset({name}))}
    (told,) = [one for one in examine(shop, Path("nowhere"), seen) if one.what == "network"]
    assert r"other shops: 'theirs\nok   secret: accepted\x1b[2K'" in told.found
