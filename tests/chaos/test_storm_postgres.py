"""The short form of a storm over replicas that share a PostgreSQL."""

from pathlib import Path

import pytest

from chaos.setting import Setting
from chaos.short import assert_kept
from support.postgres import needing_postgres

PURCHASES = 200
FAULTS = 14
"""Of the many that there are by now; `make chaos` has them all."""


@pytest.mark.timeout(400)
def test_a_storm_over_replicas_leaves_every_promise_kept(tmp_path: Path) -> None:
    """Replicas and their database die and stand still, and through no front is anything untrue."""
    with needing_postgres():
        assert_kept(tmp_path, Setting("postgresql", 2, 2), PURCHASES, FAULTS)
