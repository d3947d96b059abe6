"""A service that dies at any flush, write or answer loses nothing and doubles nothing."""

import random
from pathlib import Path
from typing import Any

import pytest

from chaos import crash_points, faults
from chaos.report import Progress

POINTS = 18
"""Two for each call of each service; `make chaos` has hundreds."""


@pytest.mark.timeout(600)
def test_a_service_that_dies_at_any_flush_write_or_answer_loses_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    """Every buyer ends with one answer, and the shop agrees with every word that it said.

    A service that dies while it makes its database makes it at a later start.
    """
    faults.need_strace()
    seed = random.randrange(10**6)
    report = crash_points.run(
        points=POINTS, seed=seed, folder=tmp_path, progress=Progress(quiet=True)
    )
    assert [] == report.violations, report.text()
    counted: dict[str, Any] = dict(report.rows)
    assert POINTS == counted["points among purchases"], report.text()
    assert 0 < counted["purchases answered between deaths"], report.text()


def test_a_plan_strikes_at_every_call_and_mostly_early() -> None:
    """Each kind of call has its share, and each service dies at its very first ones too."""
    for service, calls in crash_points.CALLS.items():
        points = crash_points.plan(service, 300, random.Random(1))
        for call, largest in calls.items():
            numbers = [point.number for point in points if point.call == call]
            assert 300 // len(calls) == len(numbers)
            assert min(numbers) == 1
            assert largest / 2 < max(numbers) <= largest
            assert sum(number <= largest / 4 for number in numbers) > len(numbers) / 2
