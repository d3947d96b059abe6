"""A chart of bars that lie, one below the other, with the range of what was measured."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bazar.chart.page import LEFT_PX, LETTER_PX, RIGHT_PX, colour, text
from bazar.chart.ticks import ticks, written

BAR_PX, GAP_PX = 26, 14
ABOVE_PX, BELOW_PX = 34, 58
NAMES_LEFT_PX = 20
VALUE_ROOM_PX = 90


class Bar(NamedTuple):
    """One bar."""

    name: str
    value: float
    least: float
    most: float
    look: int
    """The number of the look of its group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BarChart:
    """What is drawn, and what stands along its axis."""

    heading: str
    across: str
    """What a bar's length means, with its unit."""
    bars: Sequence[Bar]

    @property
    def height_px(self) -> float:
        """Return how much room it takes, with its heading and axis."""
        return ABOVE_PX + len(self.bars) * (BAR_PX + GAP_PX) + BELOW_PX


def draw_bars(chart: BarChart, top: float) -> Iterator[str]:
    """Yield the parts of a chart whose room begins at `top`."""
    left = NAMES_LEFT_PX + max(len(bar.name) for bar in chart.bars) * LETTER_PX + 12
    columns = ticks(max(bar.most for bar in chart.bars), 8)
    across = (RIGHT_PX - VALUE_ROOM_PX - left) / columns[-1]
    first = top + ABOVE_PX
    bottom = first + len(chart.bars) * (BAR_PX + GAP_PX)
    yield text(LEFT_PX, top + 18, chart.heading, name="ink")
    for value in columns:
        x = left + value * across
        shade = colour("grid" if value else "axis")
        yield f'<path d="M{x:.1f},{first:.1f}V{bottom:.1f}" {shade}/>'
        yield text(x, bottom + 22, written(value), "middle")
    middle = (left + RIGHT_PX - VALUE_ROOM_PX) / 2
    yield text(middle, bottom + 44, chart.across, "middle")
    for number, bar in enumerate(chart.bars):
        yield from _bar(bar, left, first + number * (BAR_PX + GAP_PX) + GAP_PX / 2, across)


def _bar(bar: Bar, left: float, top: float, across: float) -> Iterator[str]:
    middle = top + BAR_PX / 2
    yield text(left - 10, middle + 5, bar.name, "end", "ink")
    yield (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{max(1.0, bar.value * across):.1f}" '
        f'height="{BAR_PX}" {colour(f"f{bar.look}")}/>'
    )
    least, most = left + bar.least * across, left + bar.most * across
    if bar.most > bar.least:
        yield (
            f'<path d="M{least:.1f},{middle:.1f}H{most:.1f}M{least:.1f},{middle - 6:.1f}v12'
            f'M{most:.1f},{middle - 6:.1f}v12" {colour("axis")} stroke-width="2"/>'
        )
    yield text(max(most, left + bar.value * across) + 8, middle + 5, figure(bar.value), name="ink")


def figure(value: float) -> str:
    """Return a measured value with as many digits as mean something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004
