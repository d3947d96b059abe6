"""Systems take turns, so that a moment in which the machine is busy meets all of them; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from statistics import median
from typing import TypeVar

T = TypeVar("T")
_NONE = object()


@dataclass(frozen=True, slots=True)
class Spread:
    """What several rounds came to."""

    median: float
    least: float
    most: float


def in_turns(ours: Sequence[T], others: Sequence[T]) -> list[T]:
    """Return the order of a round: one of ours, one of the others, and so on, then what is left.

    A round follows a round, so each of ours has a reference before it and behind it.
    """
    pairs = zip_longest(ours, others, fillvalue=_NONE)
    return [one for one in chain.from_iterable(pairs) if one is not _NONE]  # type: ignore[misc]


def spread(values: Sequence[float]) -> Spread:
    """Return the median of some values, and their range.

    Args:
        values: one or more.
    """
    return Spread(median(values), min(values), max(values))


def ratio(ours: Mapping[int, float], theirs: Mapping[int, float]) -> Spread | None:
    """Compare each round with the same round, never with another; None where no round has both.

    Args:
        ours: requests a second by round.
        theirs: the same of a reference.
    """
    both = [ours[number] / theirs[number] for number in ours if theirs.get(number)]
    return spread(both) if both else None
