"""Round values along an axis."""

from math import ceil, floor, log10

TICKS_MAX = 5
NEARLY = 1 - 1e-9
"""So that 0.6 in steps of 0.2 are three of them, whatever the last binary digit says."""


def ticks(highest: float, count_max: int = TICKS_MAX) -> list[float]:
    """Return round values from 0 to at least `highest`: steps of 1, 2 or 5 times a power of ten.

    Args:
        highest: zero or more.
        count_max: so many steps at most.
    """
    rough = max(highest, 1e-3) / count_max
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * NEARLY)
    return [number * step for number in range(max(1, ceil(highest / step * NEARLY)) + 1)]


def written(value: float) -> str:
    """Return the value of a tick as a person writes it."""
    return f"{value:,.10g}"
