"""One turn of customers at a shop, and what they got."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bazar.experiment.asking import Reader
from bazar.experiment.figures import APART, apart
from bazar.experiment.lab import ExperimentError, OwnShop
from bazar.experiment.machine import FOREIGN_SHARE_MAX
from bazar.kit.process.loop import run_fast
from bazar.load.clients import Load, Pace, new_load_client
from bazar.load.measure import OK
from bazar.load.plan import Act, Plan, Tastes

WARM_UP_S = 0.3
GENERATOR_CORES_MAX = 0.9
"""From here on the customers' own process is the limit, and not the shop."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What the customers of one turn got."""

    rate_s: float
    p50_ms: float
    p99_ms: float
    answers: int
    not_ok: int
    """Refusals and failures."""
    cores: float
    """That the customers' own process kept busy."""
    hits: int
    misses: int

    @property
    def hit_share(self) -> float | None:
        """Return which part of the answers came from the cache; None where none could."""
        asked = self.hits + self.misses
        return self.hits / asked if asked else None


@dataclass(slots=True)
class Row:
    """The turns of one row of a table, a turn a round."""

    turns: list[Turn] = field(default_factory=list)

    def values(self, name: str) -> list[float]:
        """Return one figure of each round."""
        return [getattr(turn, name) for turn in self.turns]

    def total(self, name: str) -> int:
        """Return the sum of a count over all rounds."""
        return sum(getattr(turn, name) for turn in self.turns)

    @property
    def hit_share(self) -> float | None:
        """Return which part of all answers came from the cache; None where none could."""
        asked = self.total("hits") + self.total("misses")
        return self.total("hits") / asked if asked else None


def press(own: OwnShop, act: Act, pace: Pace, zipf: float) -> Turn:
    """Let customers do one thing for a while.

    Raises:
        ExperimentError: they got no good answer at all.
    """
    stock = own.books
    plan = Plan(Tastes({act: 1.0}, zipf, pace.seed), stock.shelf, stock.for_sale)
    front = own.remote.addresses.front
    with Reader(front) as reader:
        hits, misses = reader.cache_counts()
        load = run_fast(_pressed(front, plan, pace))
        now_hits, now_misses = reader.cache_counts()
    measured = load.measured
    latencies, outcomes = measured.latencies(), measured.outcomes()
    if not latencies.count:
        message = f"the shop {own.name!r} gave no good answer: {own.last_words()}"
        raise ExperimentError(message)
    return Turn(
        rate_s=measured.rate_s(),
        p50_ms=latencies.percentile_ms(0.5),
        p99_ms=latencies.percentile_ms(0.99),
        answers=latencies.count,
        not_ok=sum(outcomes.values()) - outcomes[OK],
        cores=measured.busy_s / measured.elapsed_s,
        hits=now_hits - hits,
        misses=now_misses - misses,
    )


async def _pressed(url: str, plan: Plan, pace: Pace) -> Load:
    async with new_load_client() as client:
        load = Load(url, client, plan, pace)
        await load.run()
    return load


def warm_up(own: OwnShop, acts: Sequence[Act], clients: int) -> None:
    """Let a shop get into its stride before anything is measured."""
    for act in acts:
        press(own, act, Pace(WARM_UP_S, clients), 0.0)


def limits(rows: Sequence[Row]) -> list[str]:
    """Return what kept the figures of some rows down or wrong, other than the shop."""
    found = []
    cores = max((max(row.values("cores")) for row in rows if row.turns), default=0.0)
    if cores >= GENERATOR_CORES_MAX:
        found.append(
            f"The customers' own process kept up to {cores:.1f} processors busy: in the fastest "
            "rows it was the limit, not the shop, so those are faster than is shown."
        )
    if not_ok := sum(row.total("not_ok") for row in rows):
        found.append(f"{not_ok:,} answers were refusals or failures; the times leave them out.")
    return found


def noise(rounds: Sequence[Sequence[float]], foreign_share: float | None) -> list[str]:
    """Return what a reader must know of a machine that was not quiet.

    Args:
        rounds: the figures of each round, row by row.
        foreign_share: of all processors, what others took; None where it is not known.
    """
    found = []
    if foreign_share is not None and foreign_share >= FOREIGN_SHARE_MAX:
        found.append(
            f"The machine was not quiet: other programs, or other guests of its host, took "
            f"{foreign_share:.0%} of its processors meanwhile. Trust the ratios more than the "
            "figures, and measure again when it is quiet."
        )
    if (times := apart(rounds)) >= APART:
        found.append(f"The rounds differ by up to {times:.1f} times: measure more of them.")
    if max(map(len, rounds), default=0) == 1:
        found.append("One round only: nothing here is sure. Measure more with --rounds.")
    return found
