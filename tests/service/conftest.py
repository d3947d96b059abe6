"""Fixtures that several modules of the service tests need."""

import pytest

from bazar.wire import budgets
from support.browsers import Browser
from support.shops import CATALOG_URL, Caller, Shop
from support.wires import Wire


@pytest.fixture
def catalog(shop: Shop) -> Caller:
    """Call the catalog with the service secret."""
    return shop.catalog


@pytest.fixture
def browser(shop: Shop) -> Browser:
    """Open a browser before the front."""
    return Browser(shop.front)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the order service give a call to the catalog up after 300 ms instead of 2 s."""
    monkeypatch.setattr(budgets, "RESERVE_BATCH_MS", 300)


@pytest.fixture
def wire(shop: Shop) -> Wire:
    """Stand between the order service and the catalog."""
    return Wire(shop.network, CATALOG_URL)
