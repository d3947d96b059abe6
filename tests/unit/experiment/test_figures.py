"""What may be said of rounds: only what every one of them shows."""

import pytest

from bazar.experiment.figures import apart, ms, ratio, spread, told, way

WORDS = {"more": "{times} times more", "less": "{times} times less", "same": "the same"}


def test_a_ratio_compares_a_round_with_the_same_round() -> None:
    """Never with another one: a busy moment meets both."""
    assert (2.0, 2.0, 2.0, 3) == ratio([2, 20, 200], [1, 10, 100])


def test_a_round_without_a_reference_does_not_count() -> None:
    """And where there is none at all, there is nothing to compare."""
    assert (3.0, 3.0, 3.0, 1) == ratio([3, 5], [1, 0])
    with pytest.raises(ValueError, match="nothing to compare"):
        ratio([1], [0])


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [
        ([1.5, 2.0, 1.2], 1),
        ([0.5, 0.6, 0.9], -1),
        ([0.9, 2.0, 3.0], 0),
        ([1.1, 0.2, 0.3], 0),
        ([1.01, 1.02, 1.03], 0),
        ([0.99, 0.98, 0.97], 0),
        ([9.0], 0),
    ],
)
def test_a_difference_is_one_that_every_round_shows(ratios: list[float], expected: int) -> None:
    """Rounds that disagree, a ratio of next to nothing and a single round tell no difference."""
    assert expected == way(spread(ratios))


@pytest.mark.parametrize(
    ("ratios", "said"),
    [
        ([2.0, 2.1, 2.2], "2.1 times more"),
        ([0.5, 0.5, 0.4], "2.0 times less"),
        ([0.5, 2.0, 1.0], "the same"),
        ([4.0], "proves nothing"),
    ],
)
def test_a_sentence_says_what_was_measured_and_not_the_contrary(
    ratios: list[float], said: str
) -> None:
    """Whatever was expected; how many times is never below one."""
    assert said in told(spread(ratios), **WORDS)


def test_the_range_of_the_rounds_is_told() -> None:
    """So that a reader can judge."""
    assert "ratio 2.00, in the rounds from 1.50 to 3.00" in told(spread([1.5, 2, 3]), **WORDS)


def test_rounds_of_zero_are_told_without_a_fault() -> None:
    """A ratio of nothing at all has no inverse."""
    assert "inf times less" in told(spread([0.0, 0.0]), **WORDS)


def test_rounds_that_lie_apart_are_noticed() -> None:
    """The row that differs most counts; zeros and empty rows do not."""
    assert 3.0 == apart([[1, 1.5], [1, 3], [0, 5], []])
    assert 1.0 == apart([])


@pytest.mark.parametrize(
    ("value", "expected"), [(0.5931, "0.593 ms"), (12.34, "12.3 ms"), (1234.5, "1,234 ms")]
)
def test_a_time_has_three_digits(value: float, expected: str) -> None:
    """More were not measured."""
    assert expected == ms(value)
