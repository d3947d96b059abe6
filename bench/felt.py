"""What buyers felt of a fault: how long nobody was answered, and how long one waited; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Bought:
    """One purchase, from its first request to the answer that acknowledged it."""

    started_s: float
    ended_s: float
    others: int
    """Answers to it that said something else, or none."""


@dataclass(slots=True)
class Felt:
    """What buyers felt of a fault, in its worst round."""

    bought: int = 0
    gap_s: float = 0.0
    """The longest time without any acknowledgement."""
    slowest_s: float = 0.0
    others: int = 0
    """Answers that were no acknowledgement, in all rounds."""

    def take(self, purchases: Sequence[Bought]) -> None:
        """Add a round."""
        ends_s = sorted(one.ended_s for one in purchases)
        self.bought += len(purchases)
        gaps_s = [after - before for before, after in pairwise(ends_s)]
        self.gap_s = max([self.gap_s, *gaps_s])
        self.slowest_s = max([self.slowest_s, *(one.ended_s - one.started_s for one in purchases)])
        self.others += sum(one.others for one in purchases)
