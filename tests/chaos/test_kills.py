"""The short form of kills, one a second."""

from pathlib import Path

from chaos import kills
from chaos.report import Progress

WAIT_S_MAX = 8.0
"""Under 3 s on a machine that does nothing else; tests share theirs."""


def test_a_killed_service_is_back_before_its_buyers_lose_patience(tmp_path: Path) -> None:
    """However often it was killed before; nothing is lost and nothing sold twice."""
    report = kills.run(
        seed=3, folder=tmp_path, progress=Progress(quiet=True), kills=6, wait_s_max=WAIT_S_MAX
    )
    assert [] == report.violations, report.text()
