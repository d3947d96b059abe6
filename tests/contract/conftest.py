"""Every engine in turn, for the suites that all engines must pass."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bazar.kit.data.database import Database
from support.engines import ENGINES, POSTGRES, Opener
from support.notes import create, opened


@pytest.fixture(params=[*ENGINES, *POSTGRES])
def engine(request: pytest.FixtureRequest) -> Opener:
    """Name each engine in turn."""
    return (ENGINES | POSTGRES)[request.param]


@pytest.fixture
def batches() -> list[int]:
    """Gather the sizes of the committed batches."""
    return []


@pytest.fixture
async def database(engine: Opener, tmp_path: Path, batches: list[int]) -> AsyncIterator[Database]:
    """Open a database with one table of notes and one counter."""
    async with opened(engine, tmp_path / "test.db", batches) as database:
        await database.write(create)
        batches.clear()
        yield database
