"""Turns of systems that are compared: their order, and what their ratios come to."""

from bench.turns import Spread, in_turns, ratio, spread


def test_ours_and_the_others_take_turns() -> None:
    """Each of ours has another beside it, whatever is left over."""
    assert ["A", "B", "C", "D"] == in_turns(["A", "C"], ["B", "D"])
    assert ["A", "B", "C", "D"] == in_turns(["A"], ["B", "C", "D"])
    assert ["A", "B", "C"] == in_turns(["A", "B", "C"], [])
    assert ["B"] == in_turns([], ["B"])


def test_a_spread_is_the_median_and_the_range() -> None:
    """One odd round moves the range, not the median."""
    assert Spread(2.0, 1.0, 90.0) == spread([90.0, 1.0, 2.0])
    assert Spread(1.5, 1.0, 2.0) == spread([2.0, 1.0])


def test_a_ratio_compares_turns_of_one_round() -> None:
    """A slow moment that met both turns of a round changes no ratio."""
    assert Spread(0.5, 0.5, 0.5) == ratio({1: 100.0, 2: 5.0}, {1: 200.0, 2: 10.0})


def test_the_median_is_of_the_ratios_and_not_of_the_rates() -> None:
    """The ratio of the medians would be 0.2 here."""
    ours, theirs = {1: 10.0, 2: 20.0, 3: 90.0}, {1: 20.0, 2: 100.0, 3: 100.0}
    assert Spread(0.5, 0.2, 0.9) == ratio(ours, theirs)


def test_a_round_that_one_of_them_missed_counts_for_nothing() -> None:
    """A system that failed on the way is compared as far as it came."""
    assert Spread(0.5, 0.5, 0.5) == ratio({1: 1.0, 2: 9.0}, {1: 2.0})
    assert ratio({1: 1.0}, {2: 1.0}) is None
    assert ratio({1: 1.0}, {1: 0.0}) is None
