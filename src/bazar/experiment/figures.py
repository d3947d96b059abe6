"""What rounds come to: medians, ratios round by round, and what may be said of them; pure.

Two things that are compared take turns, and a ratio is always of one round, so that a moment in
which the machine is busy meets both. A difference is told only where every round shows it.
"""

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

TELLING = 1.05
"""A ratio nearer to 1 is no difference."""
APART = 1.5
"""Rounds that differ by more are told."""


class Spread(NamedTuple):
    """What several rounds came to."""

    median: float
    least: float
    most: float
    rounds: int

    @property
    def reach(self) -> tuple[float, float]:
        """Return the range."""
        return self.least, self.most


def spread(values: Sequence[float]) -> Spread:
    """Return the median of one or more values, and their range."""
    return Spread(median(values), min(values), max(values), len(values))


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Compare each round with the same round of the others.

    Args:
        ours: one value a round.
        theirs: as many; those above zero count.

    Raises:
        ValueError: there is no round with both.
    """
    both = [one / other for one, other in zip(ours, theirs, strict=True) if other > 0]
    if not both:
        message = "there is nothing to compare"
        raise ValueError(message)
    return spread(both)


def way(found: Spread) -> int:
    """Return 1 where all rounds say more, -1 where all say less, and 0 where they do not agree.

    One round agrees with itself whatever it says, so it says nothing.
    """
    if found.rounds == 1:
        return 0
    if found.least > 1 and found.median >= TELLING:
        return 1
    if found.most < 1 and found.median <= 1 / TELLING:
        return -1
    return 0


def told(found: Spread, *, more: str, less: str, same: str) -> str:
    """Return what a ratio means.

    Args:
        found: of the rounds.
        more: where it is above 1 in each of them; `{times}` stands for how many times.
        less: where it is below; `{times}` is then the other way round, above 1 as well.
        same: where the rounds do not agree, or where it is next to nothing.
    """
    if found.rounds == 1:
        return f"one round says {found.median:.2f} times, and one round proves nothing."
    rounds = f"ratio {found.median:.2f}, in the rounds from {found.least:.2f} to {found.most:.2f}"
    words, times = {
        1: (more, found.median),
        -1: (less, 1 / found.median if found.median else float("inf")),
        0: (same, 1.0),
    }[way(found)]
    return f"{words.format(times=f'{times:.1f}')} ({rounds})."


def apart(rounds: Sequence[Sequence[float]]) -> float:
    """Return how many times the most of some rounds is the least, of that row where it is most."""
    found = [max(row) / min(row) for row in rounds if row and min(row) > 0]
    return max(found, default=1.0)


def ms(value: float) -> str:
    """Return a time in milliseconds as a person reads it."""
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.3g} ms"  # noqa: PLR2004
