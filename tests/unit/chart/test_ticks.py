"""Ticks: few, round, and up to the top."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bazar.chart.ticks import NEARLY, TICKS_MAX, ticks, written

MODEST = settings(max_examples=100, deadline=None)


@MODEST
@given(highest=st.floats(0, 1e7))
def test_ticks_are_few_and_round_and_reach_the_top(highest: float) -> None:
    """From zero, in even steps of 1, 2 or 5 times a power of ten."""
    found = ticks(highest)
    assert 0 == found[0]
    assert found[-1] >= highest * NEARLY
    assert 2 <= len(found) <= TICKS_MAX + 1
    assert f"{found[1]:e}"[0] in "125"
    assert f"{found[1]:.9e}"[2:11] == "0" * 9


@pytest.mark.parametrize(
    ("highest", "expected"),
    [
        (10, [0, 2, 4, 6, 8, 10]),
        (3400, [0, 1000, 2000, 3000, 4000]),
        (0.9, [0, 0.2, 0.4, 0.6, 0.8, 1]),
    ],
)
def test_ticks_for_some_values(highest: float, expected: list[float]) -> None:
    """As a person would choose them."""
    assert pytest.approx(expected) == ticks(highest)


@pytest.mark.parametrize(
    ("value", "expected"), [(0.6000000000000001, "0.6"), (20_000, "20,000"), (0, "0")]
)
def test_a_tick_is_written_as_people_write_it(value: float, expected: str) -> None:
    """No last binary digit, and thousands parted."""
    assert expected == written(value)
