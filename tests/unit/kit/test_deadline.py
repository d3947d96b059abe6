"""Deadlines: the time that is left, and no longer."""

from bazar.kit.deadline import Deadline


def test_a_deadline_runs_out_and_stays_so() -> None:
    """What is left shrinks and is never negative."""
    deadline = Deadline(10_000)
    first = deadline.left_s()
    assert 9 < first <= 10
    assert deadline.left_s() <= first
    assert 0.0 == Deadline(0).left_s()
    assert 0.0 == Deadline(-5).left_s()
