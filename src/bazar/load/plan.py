"""What to ask for next: a mix of calls, popular books more often than others, all from one seed.

The same seed and the same books give the same calls in the same order.
"""

import random
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal, NamedTuple, get_args
from urllib.parse import quote

Act = Literal["browse", "search", "buy"]
"""What a customer does."""
ACTS: tuple[Act, ...] = get_args(Act)
MIX_DEFAULT = "browse=70,search=20,buy=10"


class Item(NamedTuple):
    """A book that may be asked for."""

    book_id: int
    topic: str

    def path(self, act: Act) -> str:
        """Return the path on the front for an act."""
        if act == "search":
            return f"/search/{quote(self.topic, safe='')}"
        return f"/info/{self.book_id}" if act == "browse" else f"/purchase/{self.book_id}"


def parse_mix(text: str) -> dict[Act, float]:
    """Return the shares of `browse=70,search=20,buy=10`; they sum to 1.

    Raises:
        ValueError: an act is unknown or named twice, or a share is no number; the message says so.
    """
    shares: dict[Act, float] = {}
    for part in text.split(","):
        name, _, figure = part.strip().partition("=")
        plain = figure.isascii() and figure.replace(".", "", 1).isdigit()
        if name not in ACTS or name in shares or not plain:
            message = f"--mix takes shares such as {MIX_DEFAULT}, not {part.strip()!r}"
            raise ValueError(message)
        shares[name] = float(figure)
    total = sum(shares.values())
    if not total:
        message = "--mix needs a share above zero"
        raise ValueError(message)
    return {act: share / total for act, share in shares.items() if share}


class Zipf:
    """Books of which the one at rank r is drawn in proportion to 1 / r ** exponent."""

    def __init__(self, items: Sequence[Item], exponent: float) -> None:
        """Take at least one book, the most popular first; exponent 0 makes all equal."""
        self._items = items
        self._sums = list(accumulate(rank**-exponent for rank in range(1, len(items) + 1)))

    def draw(self, dice: random.Random) -> Item:
        """Return one of the books."""
        at = bisect(self._sums, dice.random() * self._sums[-1])
        return self._items[min(at, len(self._items) - 1)]


@dataclass(frozen=True, slots=True)
class Tastes:
    """What the customers like to do."""

    mix: dict[Act, float]
    zipf: float = 1.0
    seed: int = 1


class Plan:
    """An endless list of calls."""

    def __init__(self, tastes: Tastes, shelf: Sequence[Item], for_sale: Sequence[Item]) -> None:
        """Plan calls.

        Args:
            tastes: how often what is asked.
            shelf: the books that are looked at, the most popular first.
            for_sale: those that are bought, the most popular first.
        """
        self._dice = random.Random(tastes.seed)  # noqa: S311  the same seed, the same load
        self._acts = list(tastes.mix)
        self._sums = list(accumulate(tastes.mix.values()))
        seen, sold = Zipf(shelf, tastes.zipf), Zipf(for_sale or shelf, tastes.zipf)
        self._books = [sold if act == "buy" else seen for act in self._acts]

    def next(self) -> tuple[Act, Item]:
        """Return the next call."""
        at = bisect(self._sums, self._dice.random() * self._sums[-1])
        at = min(at, len(self._acts) - 1)
        return self._acts[at], self._books[at].draw(self._dice)


def arrivals(rate: float, duration_s: float, seed: int) -> Iterator[float]:
    """Yield the moments at which customers arrive, in seconds: independently, `rate` a second."""
    dice = random.Random(seed)  # noqa: S311  the same seed, the same load
    at_s = dice.expovariate(rate)
    while at_s < duration_s:
        yield at_s
        at_s += dice.expovariate(rate)
