"""Measuring: percentiles within their bound, and what counts where."""

from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bazar.load.measure import (
    BUCKETS_A_DOUBLING,
    OK,
    REFUSED,
    SOLD_OUT,
    WINDOWS_WANTED,
    Histogram,
    Measurements,
    merged,
    window_width_s,
)

LATENCIES_US = st.lists(st.floats(1, 6e7), min_size=1, max_size=200)
ERROR_MAX = 2 ** (1 / BUCKETS_A_DOUBLING) - 1
"""The width of a bucket: 1.1 %."""
MODEST = settings(max_examples=100, deadline=None)


def histogram(latencies_us: list[float]) -> Histogram:
    """Return one that counted these."""
    found = Histogram()
    for latency_us in latencies_us:
        found.record(latency_us)
    return found


@MODEST
@given(latencies_us=LATENCIES_US, share=st.sampled_from([0.01, 0.5, 0.95, 0.99, 1.0]))
def test_a_percentile_is_exact_to_one_bucket(latencies_us: list[float], share: float) -> None:
    """It differs from the exact one, by sorting, by at most the width of a bucket."""
    exact_us = sorted(latencies_us)[ceil(share * len(latencies_us)) - 1]
    found_us = histogram(latencies_us).percentile_ms(share) * 1000
    assert pytest.approx(exact_us, rel=ERROR_MAX) == found_us


@MODEST
@given(first=LATENCIES_US, second=LATENCIES_US)
def test_merging_is_counting_all_at_once(first: list[float], second: list[float]) -> None:
    """Percentiles of windows add up to those of the whole run."""
    together, apart = histogram(first + second), merged([histogram(first), histogram(second)])
    assert (together.counts, together.count, together.max_us) == (
        apart.counts,
        apart.count,
        apart.max_us,
    )


def test_no_percentile_is_above_the_slowest_and_none_is_of_nothing() -> None:
    """One latency is all percentiles; without any they are 0."""
    assert 0.0015 == histogram([1.5]).percentile_ms(0.99)
    assert 0 == Histogram().percentile_ms(0.99)
    assert 0 < histogram([0.2]).percentile_ms(0.5) <= 0.0002


@MODEST
@given(duration_s=st.floats(0.5, 3600))
def test_a_run_has_a_bounded_number_of_windows(duration_s: float) -> None:
    """A long run is not drawn finer than a short one."""
    assert 1 <= duration_s / window_width_s(duration_s) + 1 <= WINDOWS_WANTED + 1


def test_good_answers_are_timed_and_all_others_counted() -> None:
    """An honest no is a good answer; a refusal is none, and its speed says nothing."""
    measured = Measurements(10)
    measured.record("buy", OK, 1000, 0.1)
    measured.record("buy", SOLD_OUT, 3000, 0.2)
    measured.record("buy", REFUSED, 10, 0.3)
    measured.record("browse", "timeout", 10, 0.4)
    measured.elapsed_s = 2.0
    assert {OK: 1, SOLD_OUT: 1, REFUSED: 1} == measured.outcomes(["buy"])
    assert {"timeout": 1} == measured.outcomes(["browse"])
    assert (2, 3000) == (measured.latencies().count, measured.latencies().max_us)
    assert (1.0, 0.0) == (measured.rate_s(), measured.rate_s(["browse"]))


def test_an_answer_after_the_end_is_no_throughput() -> None:
    """It counts for the latency: those who wait longest must not be left out."""
    measured = Measurements(1)
    measured.record("browse", OK, 1000, 0.5)
    measured.elapsed_s = 1.0
    measured.record("browse", OK, 5_000_000, 5.5)
    assert (1.0, 2) == (measured.rate_s(), measured.latencies().count)
    assert 5000 == measured.latencies().percentile_ms(1)
    assert 4 >= len(measured.windows)


def test_a_run_without_an_answer_has_no_throughput() -> None:
    """And no course either."""
    measured = Measurements(10)
    measured.elapsed_s = 10.0
    assert (0, []) == (measured.rate_s(), measured.moments())


def test_moments_tell_rate_and_latency_over_time() -> None:
    """Each is in the middle of its window, a window with nothing has no latency."""
    measured = Measurements(10)
    for at_s in (0.1, 0.2, 0.6):
        measured.record("browse", OK, 2000, at_s)
    measured.record("buy", REFUSED, 10, 0.3)
    measured.elapsed_s = 0.7
    first, second, third = measured.moments()
    assert 0.25 == measured.width_s
    assert (0.125, 8.0, 0.0) == (first.at_s, first.rate_s, first.failures_s)
    assert 2.0 == pytest.approx(first.p50_ms, rel=ERROR_MAX)
    assert (0.375, 0.0, 4.0, None, None) == second
    assert pytest.approx((0.6, 5.0)) == third[:2]


def test_a_last_window_that_is_too_short_is_left_out() -> None:
    """One answer within a hundredth of a second is no throughput of a hundred."""
    measured = Measurements(10)
    measured.record("browse", OK, 2000, 0.1)
    measured.record("browse", OK, 2000, 0.255)
    measured.elapsed_s = 0.26
    assert 1 == len(measured.moments())
