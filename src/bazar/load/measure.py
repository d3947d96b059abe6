"""Latencies and counts, over the whole run and over time, in a memory that does not grow with it.

A latency falls into a bucket that is at most 1.1 % wide, so a percentile is that exact. What is
timed are good answers, `out-of-stock` among them: an honest no. A refusal for overload is counted
apart from failures, since the shop meant it and nothing was lost.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import log2
from typing import NamedTuple

from bazar.load.plan import ACTS, Act

BUCKETS_A_DOUBLING = 64
WINDOWS_WANTED = 60
WINDOW_WIDTHS_S = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
OK = "ok"
ACCEPTED = "accepted"
"""A purchase that is kept, and that the shop decides later."""
SOLD_OUT = "out-of-stock"
REFUSED = "overloaded"
GOOD = frozenset({OK, ACCEPTED, SOLD_OUT})


class Histogram:
    """How often which latency was seen, in microseconds."""

    __slots__ = ("count", "counts", "max_us")

    def __init__(self) -> None:
        """Start empty."""
        self.counts: dict[int, int] = {}
        self.count = 0
        self.max_us = 0.0

    def record(self, latency_us: float) -> None:
        """Count one."""
        bucket = int(log2(latency_us) * BUCKETS_A_DOUBLING) if latency_us > 1 else 0
        self.counts[bucket] = self.counts.get(bucket, 0) + 1
        self.count += 1
        self.max_us = max(self.max_us, latency_us)

    def add(self, other: "Histogram") -> None:
        """Count all that another one counted."""
        for bucket, count in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + count
        self.count += other.count
        self.max_us = max(self.max_us, other.max_us)

    def percentile_ms(self, share: float) -> float:
        """Return the latency that a share (0 to 1) of them does not exceed; 0 where none is."""
        left = share * self.count
        for bucket in sorted(self.counts):
            left -= self.counts[bucket]
            if left <= 0:
                middle_us: float = 2.0 ** ((bucket + 0.5) / BUCKETS_A_DOUBLING)
                return min(middle_us, self.max_us) / 1000
        return self.max_us / 1000


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """Return one that counts all that these counted."""
    total = Histogram()
    for histogram in histograms:
        total.add(histogram)
    return total


def _histograms() -> dict[Act, Histogram]:
    return {act: Histogram() for act in ACTS}


def _counters() -> dict[Act, Counter[str]]:
    return {act: Counter() for act in ACTS}


@dataclass(slots=True)
class Window:
    """What was answered within a stretch of time."""

    latencies: dict[Act, Histogram] = field(default_factory=_histograms)
    outcomes: dict[Act, Counter[str]] = field(default_factory=_counters)

    def record(self, act: Act, outcome: str, latency_us: float) -> None:
        """Count one answer, and time it if it is a good one."""
        self.outcomes[act][outcome] += 1
        if outcome in GOOD:
            self.latencies[act].record(latency_us)

    def total(self) -> Histogram:
        """Return the latencies of all acts."""
        return merged(self.latencies.values())

    def failures(self) -> int:
        """Return how many answers were no good ones."""
        return sum(
            count
            for counter in self.outcomes.values()
            for outcome, count in counter.items()
            if outcome not in GOOD
        )


class Moment(NamedTuple):
    """What was measured around one point in time, all acts together."""

    at_s: float
    rate_s: float
    """Good answers a second."""
    failures_s: float
    """All others a second."""
    p50_ms: float | None
    p99_ms: float | None


def window_width_s(duration_s: float) -> float:
    """Return the width of the windows that a duration is cut into, about 60 of them."""
    wanted_s = duration_s / WINDOWS_WANTED
    return next((width for width in WINDOW_WIDTHS_S if width >= wanted_s), wanted_s)


class Measurements:
    """All that one run measured."""

    def __init__(self, duration_s: float) -> None:
        """Measure a run of at most this length."""
        self.width_s = window_width_s(duration_s)
        self.windows: list[Window] = []
        self.late = Window()
        """Answers that came after the end; they count, but not for the throughput."""
        self.unsent = 0
        """With a rate: customers who arrived, and whom nobody had time to serve before the end."""
        self.elapsed_s = 0.0
        """The length of the run, once it is over."""
        self.busy_s = 0.0
        """Processor time that the load generator itself took meanwhile."""

    def record(self, act: Act, outcome: str, latency_us: float, at_s: float) -> None:
        """Count an answer that came so many seconds after the start."""
        if self.elapsed_s and at_s > self.elapsed_s:
            self.late.record(act, outcome, latency_us)
            return
        at = int(at_s / self.width_s)
        while len(self.windows) <= at:
            self.windows.append(Window())
        self.windows[at].record(act, outcome, latency_us)

    def latencies(self, acts: Sequence[Act] = ACTS) -> Histogram:
        """Return all latencies of some acts."""
        windows = [*self.windows, self.late]
        return merged(window.latencies[act] for window in windows for act in acts)

    def outcomes(self, acts: Sequence[Act] = ACTS) -> Counter[str]:
        """Return how often each outcome was seen for some acts."""
        total: Counter[str] = Counter()
        for window in [*self.windows, self.late]:
            for act in acts:
                total += window.outcomes[act]
        return total

    def rate_s(self, acts: Sequence[Act] = ACTS) -> float:
        """Return the good answers a second, of those that came before the end."""
        good = sum(window.latencies[act].count for window in self.windows for act in acts)
        return good / self.elapsed_s

    def moments(self) -> list[Moment]:
        """Return the course of the run, without a last window that is too short to say anything."""
        found = []
        for number, window in enumerate(self.windows):
            start_s = number * self.width_s
            width_s = min(self.width_s, self.elapsed_s - start_s)
            if width_s < self.width_s / 2:
                break
            total = window.total()
            p50_ms, p99_ms = (
                total.percentile_ms(share) if total.count else None for share in (0.5, 0.99)
            )
            found.append(
                Moment(
                    start_s + width_s / 2,
                    total.count / width_s,
                    window.failures() / width_s,
                    p50_ms,
                    p99_ms,
                )
            )
        return found
