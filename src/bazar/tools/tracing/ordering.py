"""Lines of many processes in the order of cause, whatever their clocks say. Pure.

How it works: one process writes its lines in the order in which things happen there. What a service
does with a call comes after the call was sent, and an answer is heard after it was given. These two
rules make a partial order, which holds always. Among what may have happened either way, times
choose.

The same rules bound by how much two clocks differ: nothing arrives before it was sent. Where those
bounds let two clocks agree they are taken to agree. Else the one is moved to the middle of what is
possible, as NTP does it, and the difference is told.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from bazar.tools.tracing.lines import Line

Edges = Mapping[int, Sequence[int]]
"""What comes right after a line, by the number of each."""


@dataclass(frozen=True, slots=True)
class Clock:
    """How the clock of one process differs from that of another."""

    writer: str
    ahead_us: int
    """By how much it is ahead; negative: behind."""
    at_least: bool
    """Whether that is only a bound: nothing says how much more it may be."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """Lines in the order of cause."""

    lines: list[Line]
    at_us: list[int]
    """When each was, by the clock that the others are compared with; it never goes back."""
    whose: str
    """Writer whose clock that is."""
    clocks: list[Clock]
    """Those that differ."""
    contradicts: bool
    """Whether the lines cannot be in any such order: some are not what they seem."""


def ordered(lines: Sequence[Line]) -> Ordered:
    """Put lines into the order of cause.

    Args:
        lines: those of one process in the order in which it wrote them.
    """
    messages = [*_messages(lines)]
    whose = _first(lines, messages)
    offsets, clocks = _clocks(lines, messages, whose)
    times = [line.at_us - offsets[line.writer] for line in lines]
    after: dict[int, list[int]] = defaultdict(list)
    for sent, came in messages:
        after[sent].append(came)
    for mine in _by_writer(lines).values():
        for number, follows in pairwise(mine):
            after[number].append(follows)
    order, contradicts = _sorted(times, after)
    shown: list[int] = []
    for number in order:
        shown.append(max(times[number], shown[-1] if shown else times[number]))
    return Ordered([lines[number] for number in order], shown, whose, clocks, contradicts)


def _first(lines: Sequence[Line], messages: Sequence[tuple[int, int]]) -> str:
    """Return who began: the first of those whom nobody sent anything, where there is one."""
    sent_to = {lines[came].writer for _sent, came in messages if lines[came].step != "answered"}
    began = [line for line in lines if line.writer not in sent_to] or lines
    return min(began, key=lambda line: line.at_us).writer


def _by_writer(lines: Sequence[Line]) -> dict[str, list[int]]:
    mine: dict[str, list[int]] = defaultdict(list)
    for number, line in enumerate(lines):
        mine[line.writer].append(number)
    return mine


def _messages(lines: Sequence[Line]) -> Iterable[tuple[int, int]]:
    """Yield pairs of lines of which the second can only be after the first, in another process."""
    asked: dict[tuple[str, str], list[int]] = defaultdict(list)
    heard: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, line in enumerate(lines):
        if line.step == "asked":
            asked[line["call"], line["upstream"]].append(number)
        elif line.step == "answered":
            heard[line["call"], line["upstream"]].append(number)
    arrived: set[tuple[str, str]] = set()
    ended: set[tuple[str, str]] = set()
    for number, line in enumerate(lines):
        call = line["call"] if line.event == "step" else line["request_id"]
        about = (call, line.service)
        asks = asked.get(about, [])
        if len({lines[one].writer for one in asks}) != 1:  # a request id of two fronts, say
            continue
        if (line.writer, call) not in arrived:
            arrived.add((line.writer, call))
            yield _at(lines, asks, line)[0], number
        if line.event == "request" and (line.writer, call) not in ended:
            ended.add((line.writer, call))
            for answer in _at(lines, heard[about], line, only=len(asks) > 1)[:1]:
                yield number, answer


def _at(
    lines: Sequence[Line], numbers: Sequence[int], line: Line, *, only: bool = False
) -> Sequence[int]:
    """Return those lines that name the place of another line's process; else all, or none."""
    there = [one for one in numbers if _place(lines[one]["target"]) == line.place]
    return there or ([] if only else numbers)


def _place(target: str) -> str:
    return target.partition("//")[2].rstrip("/")


def _clocks(
    lines: Sequence[Line], messages: Sequence[tuple[int, int]], whose: str
) -> tuple[dict[str, int], list[Clock]]:
    """Return by how much each clock is ahead of one, and those that differ from it."""
    behind: dict[str, dict[str, int]] = defaultdict(dict)
    """By how much the clock of one who was sent something is behind the sender's, at least."""
    for sent, came in messages:
        sender, receiver = lines[sent], lines[came]
        lag_us = sender.at_us - receiver.at_us
        known = behind[sender.writer].get(receiver.writer, lag_us)
        behind[sender.writer][receiver.writer] = max(known, lag_us)
    places = {line.writer: line.place for line in lines}
    writers = list(dict.fromkeys(line.writer for line in lines))
    offsets: dict[str, int] = {whose: 0}
    clocks: list[Clock] = []
    while len(offsets) < len(writers):
        near = [one for one in writers if one not in offsets and _met(behind, one, offsets)]
        one = near[0] if near else next(one for one in writers if one not in offsets)
        least, most = _bounds(behind, one, offsets)
        alike = [offsets[other] for other in offsets if places[other] == places[one] != ""]
        offsets[one] = _chosen(least, most, [0, *alike])
        if offsets[one]:
            clocks.append(Clock(one, offsets[one], at_least=inf in {-least, most}))
    return offsets, clocks


def _met(behind: Mapping[str, Mapping[str, int]], one: str, offsets: Mapping[str, int]) -> bool:
    return any(one in behind.get(other, ()) or other in behind.get(one, ()) for other in offsets)


def _bounds(
    behind: Mapping[str, Mapping[str, int]], one: str, offsets: Mapping[str, int]
) -> tuple[float, float]:
    """Return between what a clock is ahead of the first one's, by those that are known."""
    least, most = -inf, inf
    for other, offset in offsets.items():
        if other in behind.get(one, ()):  # it sent, the other received
            least = max(least, offset + behind[one][other])
        if one in behind.get(other, ()):
            most = min(most, offset - behind[other][one])
    return least, most


def _chosen(least: float, most: float, likely: Sequence[int]) -> int:
    for offset in likely:
        if least <= offset <= most:
            return offset
    if inf in {-least, most}:
        return int(most if least == -inf else least)
    return int((least + most) / 2)


def _sorted(times: Sequence[int], after: Edges) -> tuple[list[int], bool]:
    """Return numbers in an order that keeps to the edges, earlier times first where they may be."""
    before = [0] * len(times)
    for later in after.values():
        for number in later:
            before[number] += 1
    free = [(time, number) for number, time in enumerate(times) if not before[number]]
    heapq.heapify(free)
    order: list[int] = []
    left = set(range(len(times)))
    contradicts = False
    while left:
        if not free:  # a circle: whatever is the earliest goes first
            contradicts = True
            free = [min((times[number], number) for number in left)]
        _time, number = heapq.heappop(free)
        if number not in left:
            continue
        left.discard(number)
        order.append(number)
        for follows in after.get(number, ()):
            before[follows] -= 1
            if not before[follows]:
                heapq.heappush(free, (times[follows], follows))
    return order, contradicts
