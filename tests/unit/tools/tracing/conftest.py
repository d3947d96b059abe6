"""An empty folder for logs."""

from pathlib import Path

import pytest

from support.logs import Logs


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    """Start with no log."""
    folder = tmp_path / "logs"
    folder.mkdir()
    return Logs(folder)
