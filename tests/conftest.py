"""Fixtures for all tests."""

import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bazar.front.app import front_app
from bazar.kit import log
from bazar.kit.data.postgres import LAZY, WRITER
from support.postgres import drop_databases, stop_servers
from support.shops import (
    CATALOG_URL,
    FRONT_URL,
    ORDER_URL,
    SECRET,
    Caller,
    InProcess,
    Shop,
    catalog_open,
    order_open,
)

LONG = ("browser", "chaos", "clients", "cluster", "fuzz", "hosts", "mutants")
"""Folders whose modules take longest."""
UNMEASURED = ("browser", "chaos", "clients", "deployment", "fuzz", "hosts")
"""Folders that run no line of a service that the others do not, and have no time to spare."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the long modules first, so that no worker is left alone with one at the end.

    Within the long ones, and within the others, the order stays random.
    """
    _tell_apart(items)
    items.sort(key=lambda item: item.path.parent.name not in LONG)


def _tell_apart(items: list[pytest.Item]) -> None:
    """Give each test an id of its own: of two with one id, the workers would run only one.

    Schemathesis names its tests by their routes, which pytest 9.2 leaves out of the id.

    Raises:
        UsageError: two tests are called the same.
    """
    for item in items:
        if not item.nodeid.endswith(f"::{item.name}"):
            file = item.nodeid.partition("::")[0]
            item._id = type(item.id).parse(f"{file}::{item.name}")  # noqa: SLF001
    if twice := [name for name, count in Counter(one.nodeid for one in items).items() if count > 1]:
        message = f"several tests are called {', '.join(twice)}"
        raise pytest.UsageError(message)


@pytest.fixture(autouse=True, scope="module")
def unmeasured(request: pytest.FixtureRequest) -> Iterator[None]:
    """Measure no coverage of services that are stormed and fuzzed; they do half as much with it."""
    with pytest.MonkeyPatch.context() as environment:
        if request.path.parent.name in UNMEASURED:
            for name in [name for name in os.environ if name.startswith("COVERAGE_")]:
                environment.delenv(name)
        yield


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """End a log that a test configured, so that none writes after the tests."""
    yield
    log.close()


@pytest.fixture(autouse=True)
def dropped_databases() -> Iterator[None]:
    """Drop the databases that a test made in a PostgreSQL."""
    yield
    drop_databases()


@pytest.fixture(autouse=True, scope="session")
def open_transactions() -> Iterator[None]:
    """Let a transaction of a test stand open for as long as the test looks at what that does."""
    with pytest.MonkeyPatch.context() as settings:
        for each in (WRITER, LAZY):
            settings.setitem(each, "idle_in_transaction_session_timeout", "1min")
        yield


@pytest.fixture(autouse=True, scope="session")
def stopped_servers() -> Iterator[None]:
    """Stop the PostgreSQL servers that tests started."""
    yield
    stop_servers()


@pytest.fixture
def catalog_engine() -> str:
    """Keep the catalog in SQLite, where a test names no other."""
    return "sqlite"


@pytest.fixture
async def shop(tmp_path: Path, catalog_engine: str) -> AsyncIterator[Shop]:
    """Open catalog, order and front on fresh databases."""
    network = InProcess()
    async with (
        catalog_open(tmp_path, network, catalog_engine) as client,
        order_open(tmp_path / "order.db", network) as order,
        front_app(CATALOG_URL, ORDER_URL, SECRET, client) as front,
    ):
        network.host(FRONT_URL, front)
        catalog = Caller(CATALOG_URL, client, SECRET)
        yield Shop(catalog, order, Caller(FRONT_URL, client), network, client)
