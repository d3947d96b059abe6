"""What the rounds of a row come to: medians, and ratios of turns that stood side by side."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.measure import Measurement, Result
from bench.turns import Spread, ratio


@dataclass(frozen=True, slots=True)
class Series:
    """A line of the table: the turns of one system in one row, a turn a round."""

    turns: Sequence[Measurement]
    """One or more."""

    @property
    def requests_s(self) -> float:
        """Return the median of the rounds."""
        return median(turn.requests_s for turn in self.turns)

    @property
    def p50_ms(self) -> float:
        """Return the median of the rounds."""
        return median(turn.p50_ms for turn in self.turns)

    @property
    def p99_ms(self) -> float:
        """Return the median of the rounds."""
        return median(turn.p99_ms for turn in self.turns)

    @property
    def cpu_ms(self) -> float:
        """Return the median of the rounds."""
        return median(turn.cpu_ms for turn in self.turns)

    @property
    def foreign_share(self) -> float:
        """Return the most of any round."""
        return max(turn.foreign_share for turn in self.turns)

    @property
    def problems(self) -> Mapping[str, int]:
        """Return why the row is invalid, of all rounds together."""
        return sum((Counter(turn.problems) for turn in self.turns), Counter())

    def ratio(self, other: "Series") -> Spread | None:
        """Return how many times as many requests a second as another line had, round by round."""
        return self._ratio(other, lambda turn: turn.requests_s)

    def cpu_ratio(self, other: "Series") -> Spread | None:
        """Return how many times as much processor time as another line took for a request."""
        return self._ratio(other, lambda turn: turn.cpu_ms)

    def p50_ratio(self, other: "Series") -> Spread | None:
        """Return how many times as long as another line half of its requests took."""
        return self._ratio(other, lambda turn: turn.p50_ms)

    def _ratio(self, other: "Series", of: Callable[[Measurement], float]) -> Spread | None:
        ours, theirs = ({turn.round: of(turn) for turn in one.turns} for one in (self, other))
        return ratio(ours, theirs)


class Figures:
    """The lines of the table, to be looked up."""

    def __init__(self, results: Sequence[Result]) -> None:
        """Take what was found out about each system."""
        turns: dict[tuple[str, str, int], list[Measurement]] = {}
        for result in results:
            for one in result.measurements:
                turns.setdefault((one.row, one.load, one.clients), []).append(one)
        self._lines = {key: Series(found) for key, found in turns.items()}

    def all(self) -> Mapping[tuple[str, str, int], Series]:
        """Return all lines, by row, load and clients."""
        return self._lines

    def line(self, row: str, load: str, clients: int) -> Series | None:
        """Return a line, None where it was not measured."""
        return self._lines.get((row, load, clients))

    def valid(self, row: str, load: str, clients: int) -> Series | None:
        """Return a line, None where it was not measured or is invalid."""
        found = self.line(row, load, clients)
        return found if found and not found.problems else None
