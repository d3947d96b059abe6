"""Figures of experiments, made up so that it is known what has to follow from them."""

from collections.abc import Sequence

from bazar.experiment.pressing import Row, Turn
from bazar.experiment.striking import Heard, Timeline
from bazar.load.check import Checked
from bazar.load.plan import Act
from bazar.load.purchases import Purchases

CLEAN = Checked(purchases=10, sold=10, asked_again=0, audited=True, differences=[])


def turn(
    p50_ms: float = 1.0,
    rate_s: float = 100.0,
    *,
    not_ok: int = 0,
    cores: float = 0.2,
    hits: int = 0,
    misses: int = 0,
) -> Turn:
    """Return what one turn may have come to."""
    return Turn(rate_s, p50_ms, 4 * p50_ms, 100, not_ok, cores, hits, misses)


def waits(*p50_ms: float) -> Row:
    """Return a row with these medians, a round each."""
    return Row([turn(one) for one in p50_ms])


def rates(*rate_s: float) -> Row:
    """Return a row with so many answers a second, a round each."""
    return Row([turn(1000 / one, one) for one in rate_s])


def came(act: Act, at_s: Sequence[float], ms: float, outcome: str = "ok") -> list[Heard]:
    """Return customers who came at these moments, and waited so long."""
    return [Heard(act, outcome, one, ms) for one in at_s]


def crashed(
    heard: Sequence[Heard],
    *,
    detected_s: float | None = 1.01,
    ready_s: float | None = 2.0,
    length_s: float = 4.0,
) -> Timeline:
    """Return a timeline whose fault struck after one second."""
    return Timeline(length_s, 1.0, detected_s, ready_s, list(heard), Purchases())


def steps(first: float, last: float, step: float = 0.05) -> list[float]:
    """Return moments from one to another, evenly."""
    return [first + number * step for number in range(round((last - first) / step))]
