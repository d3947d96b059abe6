"""Fixtures that several modules of the unit tests need."""

from pathlib import Path

import pytest

from support.importing import Desk, FakeShop


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Return a folder and a shop whose catalog takes everything in."""
    return Desk(tmp_path, FakeShop())
