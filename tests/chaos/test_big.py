"""The large shop in a small form: every question is asked, and answered."""

from pathlib import Path

from chaos import big
from chaos.report import Progress


def test_every_question_of_a_large_shop_is_answered(tmp_path: Path) -> None:
    """With few books times say nothing; statuses, the recovery and the log's size do."""
    report = big.run(
        books=2000, orders=2000, seconds=2, folder=tmp_path, progress=Progress(quiet=True)
    )
    assert [] == report.violations, report.text()
    assert "searches beside, p50 and p99" in dict(report.rows)
