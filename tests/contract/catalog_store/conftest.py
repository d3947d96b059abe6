"""The catalog's store on every engine in turn."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bazar.catalog.store import Store
from bazar.kit.data.database import Database
from support.stored_books import KEPT, Engine


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
    """Open a database with the catalog's tables."""
    async with kept.opened(tmp_path / "catalog.db") as database:
        yield database
