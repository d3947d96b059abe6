"""Fixtures for all tests."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from pyreqwest.client import ClientBuilder

from bazar.catalog.app import catalog_app
from bazar.front.app import front_app
from bazar.kit import log
from bazar.order.app import order_app
from support.shops import CATALOG_URL, FRONT_URL, ORDER_URL, SECRET, Caller, InProcess, Shop

LONG = ("chaos", "cluster", "fuzz", "mutants")
"""Folders whose modules take longest."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the long modules first, so that no worker is left alone with one at the end.

    Within the long ones, and within the others, the order stays random.
    """
    items.sort(key=lambda item: item.path.parent.name not in LONG)


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """End a log that a test configured, so that none writes after the tests."""
    yield
    log.close()


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """Open catalog, order and front on fresh databases."""
    network = InProcess()
    client = ClientBuilder().with_middleware(network).build()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(client)
        catalog = await stack.enter_async_context(catalog_app(tmp_path / "catalog.db", SECRET))
        network.host(CATALOG_URL, catalog)
        order = await stack.enter_async_context(
            order_app(tmp_path / "order.db", CATALOG_URL, SECRET, client)
        )
        network.host(ORDER_URL, order)
        front = await stack.enter_async_context(front_app(CATALOG_URL, ORDER_URL, SECRET, client))
        network.host(FRONT_URL, front)
        yield Shop(
            Caller(CATALOG_URL, client, SECRET),
            Caller(ORDER_URL, client, SECRET),
            Caller(FRONT_URL, client),
            network,
            client,
        )
