"""How long buyers waited, read from the history of a run."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from chaos.history import Call, Lines
from chaos.workload import ACCEPTED, CREATED, is_final

Waits = Sequence[tuple[float, float]]
"""From the first request of each purchase to its answer."""


def waits_of(calls: Sequence[Call]) -> Waits:
    """Return how long each purchase took, until its buyer knew or gave up asking.

    Who was told that it is under way, and left, had an answer. Who asked once, heard nothing and
    went away did not wait.
    """
    asked: dict[tuple[str, Lines], list[Call]] = defaultdict(list)
    for call in calls:
        if call.act == "buy" and call.key:
            asked[call.key, call.lines].append(call)
    return [
        (min(call.started_s for call in those), known_s)
        for those in asked.values()
        if (known_s := _known_s(those)) is not None
    ]


def _known_s(calls: Sequence[Call]) -> float | None:
    """Return when a buyer had the answer, or stopped to ask for it; None where it gave up."""
    for known in (is_final, _is_accepted):
        if told_s := [call.ended_s for call in calls if known(call)]:
            return min(told_s)
    return max(call.ended_s for call in calls) if len(calls) > 1 else None


def _is_accepted(call: Call) -> bool:
    return call.status == ACCEPTED


def longest(waits: Waits, started_s: float, ended_s: float) -> float:
    """Return the longest wait that overlaps with a time."""
    within = [one for one in waits if one[0] < ended_s and one[1] > started_s]
    return max((ended - started for started, ended in within), default=0.0)


def gap(calls: Sequence[Call], started_s: float, ended_s: float) -> float:
    """Return the longest time in which nobody's purchase was acknowledged."""
    told_s = sorted(call.ended_s for call in calls if call.status == CREATED)
    within = [at_s for at_s in told_s if started_s < at_s < ended_s]
    return max(after - before for before, after in pairwise([started_s, *within, ended_s]))
