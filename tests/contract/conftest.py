"""Every engine in turn, for the suites that all engines must pass."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bazar.catalog.store import Store
from bazar.kit.data.database import Database
from bazar.kit.data.migrate import migrate
from support.engines import ENGINES, Opener
from support.stored_books import KEPT, Engine


@pytest.fixture(params=sorted(ENGINES))
def engine(request: pytest.FixtureRequest) -> Opener:
    """Name each engine in turn."""
    return ENGINES[request.param]


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
    database = ENGINES[kept.name](tmp_path / "catalog.db")
    await migrate(database, kept.schema)
    yield database
    await database.close()
