"""The plan of a run: who does what, and which fault strikes when. Drawn from the seed alone.

An errand is drawn from the seed and its number, so it is the same whatever happened before it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Literal

from chaos.history import Lines

Kind = tuple[str, Sequence[str], tuple[float, float]]
"""A fault, its targets, of which it strikes one, and the shortest and longest time it lasts."""

NO_BOOK = 999_999
BOOKS = 12
SCARCE = 4
"""The first books have few copies, and get some more now and then."""
QUIET = 2
"""The last books are seldom bought, so that what a cache holds of them stays there."""
COPIES_SCARCE = 40
COPIES = 1_000_000
STRIKE_SHARES = 0.1, 0.9
"""When a fault strikes, within its share of the purchases."""
PROCESS_LASTS_S = {"kill -9": (0.01, 2.5), "stop": (0.1, 3.0), "crash": (0.01, 0.1)}
"""Of a kill: until the process is started again."""
LINK_LASTS_S = 0.1, 3.0
GIVE_UP_S = 0.002, 0.3
HURRY_S = 0.01, 0.6


@dataclass(frozen=True)
class Errand:
    """What one client comes for."""

    number: int
    act: Literal["buy", "restock", "read"]
    lines: Lines
    gives_up_after_s: float | None = None
    """It closes its connection after this time and never returns."""
    leaves_when_accepted: bool = False
    """It is content with a 202 and never asks again."""
    duplicates_s: tuple[float, ...] = ()
    """When it sends the same request again: 0 is at once, else after its answer."""
    other_lines: Lines = ()
    """What it asks for under the same key, which it must not get."""
    other_at_once: bool = False
    looks: bool = False
    cancels: bool = False
    """It cancels; where its order is not decided yet, it asks for it again at the same time."""
    fresh: bool = False
    """It reads past the cache."""
    hurries_s: float | None = None
    """It wants its first answer within this time, and leaves where that one is definite."""


@dataclass(frozen=True)
class PlannedFault:
    """A fault that strikes when so much of its share of the purchases is done."""

    kind: str
    target: str
    share: float
    lasts_s: float


def errand(seed: int, number: int) -> Errand:
    """Return the errand with this number."""
    random = Random(f"{seed} errand {number}")
    act: Literal["buy", "restock", "read"]
    act = random.choices(("buy", "restock", "read"), (76, 4, 20))[0]
    if act == "restock":
        return Errand(number, act, ((_book(random), random.randint(5, 40)),))
    if act == "read":
        return Errand(number, act, ((_book(random), 0),), fresh=random.random() < 0.15)
    lines = _lines(random)
    if random.random() < 0.10:
        return Errand(number, act, lines, gives_up_after_s=_spread(random, GIVE_UP_S))
    duplicates_s: tuple[float, ...] = ()
    if random.random() < 0.25:
        later_s = random.uniform(0.01, 1.5)
        duplicates_s = random.choice(((0.0,), (0.0, 0.0), (later_s,), (0.0, later_s)))
    other: Lines = ()
    if random.random() < 0.05:
        other = tuple((book_id, copies + 1) for book_id, copies in lines)
    return Errand(
        number,
        act,
        lines,
        leaves_when_accepted=random.random() < 0.5,
        duplicates_s=duplicates_s,
        other_lines=other,
        other_at_once=random.random() < 0.5,
        looks=random.random() < 0.3,
        cancels=random.random() < 0.12,
        fresh=random.random() < 0.1,
        hurries_s=_spread(random, HURRY_S) if random.random() < 0.15 else None,
    )


def faults(seed: int, count: int, kinds: Sequence[Kind]) -> list[PlannedFault]:
    """Return the faults of a run.

    Args:
        seed: of the plan.
        count: how many.
        kinds: each comes once before any comes again.
    """
    random = Random(f"{seed} faults")
    drawn = islice(_shuffled(random, kinds), count)
    return [
        PlannedFault(
            kind,
            random.choice(targets),
            random.uniform(*STRIKE_SHARES),
            _spread(random, lasts_s),
        )
        for kind, targets, lasts_s in drawn
    ]


def _shuffled(random: Random, kinds: Sequence[Kind]) -> Iterator[Kind]:
    while True:
        yield from random.sample(kinds, len(kinds))


def _spread(random: Random, between: tuple[float, float]) -> float:
    """Return a time between two, more often a short one."""
    shortest, longest = between
    return shortest + (longest - shortest) * random.random() ** 3


def _book(random: Random) -> int:
    return random.choices(range(1, BOOKS + 1), [6] * (BOOKS - QUIET) + [1] * QUIET)[0]


def _lines(random: Random) -> Lines:
    if random.random() < 0.02:
        return ((NO_BOOK, 1),)
    wanted = 1 if random.random() < 0.75 else random.randint(2, 4)
    books = {_book(random) for _ in range(wanted)}
    return tuple((book_id, random.randint(1, 3)) for book_id in sorted(books))
