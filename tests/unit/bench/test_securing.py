"""What TLS costs is told round by round, so that a busy moment meets both ways."""

from bench.goals import SECURED_CPU_MAX, of_securing
from bench.securing import PLAIN, SECURED, Securing


def test_rounds_are_compared_with_each_other() -> None:
    """The median of their ratios, and never a ratio of medians."""
    found = Securing({PLAIN: [100.0, 200.0, 400.0], SECURED: [110.0, 240.0, 400.0]})
    assert found.spread is not None
    assert (1.1, 1.0, 1.2) == (found.spread.median, found.spread.least, found.spread.most)
    assert ["a call in the clear: 200", "a call under TLS: 240"] == [
        line.partition(" µs")[0] for line in found.lines()
    ]


def test_the_goal_is_met_up_to_a_quarter_more() -> None:
    """And it is open where nothing was measured."""
    met = Securing({PLAIN: [100.0], SECURED: [100.0 * SECURED_CPU_MAX]})
    missed = Securing({PLAIN: [100.0], SECURED: [101.0 * SECURED_CPU_MAX]})
    assert [True, False, None] == [
        goal.met for found in (met, missed, None) for goal in of_securing(found)
    ]
