"""The store of orders on every engine in turn."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bazar.kit.data.database import Database
from bazar.order.store import Store
from support.stored_orders import KEPT, Engine


@pytest.fixture(params=KEPT, ids=lambda kept: kept.name)
def kept(request: pytest.FixtureRequest) -> Engine:
    """Name each engine in turn."""
    engine: Engine = request.param
    return engine


@pytest.fixture
def store(kept: Engine) -> Store:
    """Return the engine's own store."""
    return kept.store()


@pytest.fixture
async def database(kept: Engine, tmp_path: Path) -> AsyncIterator[Database]:
    """Open a database with the service's tables."""
    async with kept.opened(tmp_path / "order.db") as database:
        yield database
