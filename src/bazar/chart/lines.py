"""A chart of lines over time, or over any figure that grows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from bazar.chart.page import LEFT_PX, LETTER_PX, LINE_PX, RIGHT_PX, colour, look, mark, text
from bazar.chart.ticks import ticks, written

HEIGHT_PX = 200
ABOVE_PX, BELOW_PX = 34, 58
MARKED_MAX = 20
"""A line with more points has no marks on it: they would hide it."""

Range = tuple[float, float]
"""From the least to the most that was measured."""


class Line(NamedTuple):
    """One line of a chart: a value for each place along it, or none."""

    name: str
    values: Sequence[float | None]
    ranges: Sequence[Range | None] = ()


class Dots(NamedTuple):
    """Many single measurements."""

    name: str
    points: Sequence[tuple[float, float]]


class Moment(NamedTuple):
    """A place along the chart at which something happened."""

    at: float
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChart:
    """What is drawn, and what stands along its axes."""

    heading: str
    """What goes up, with its unit."""
    across: str
    """What goes to the right, with its unit; empty where the chart below says it."""
    at: Sequence[float]
    """Of the values of each line; ascending, one or more."""
    lines: Sequence[Line] = ()
    dots: Sequence[Dots] = ()
    moments: Sequence[Moment] = ()
    even: bool = False
    """Whether the places stand at equal distances, as doublings do, each with its figure."""

    @property
    def height_px(self) -> float:
        """Return how much room it takes, with its heading, names and axis."""
        return ABOVE_PX + LINE_PX * len(self.moments) + HEIGHT_PX + BELOW_PX


class _Scales(NamedTuple):
    """From figures to places on the page."""

    chart: LineChart
    bottom: float
    columns: list[float]
    up: float
    rows: list[float]

    def x(self, at: float) -> float:
        """Return the place of a figure along the chart."""
        if self.chart.even:
            room = (RIGHT_PX - LEFT_PX) / len(self.columns)
            return LEFT_PX + (self.columns.index(at) + 0.5) * room
        return LEFT_PX + at * (RIGHT_PX - LEFT_PX) / max(self.columns[-1], self.chart.at[-1])

    def y(self, value: float) -> float:
        """Return the height of a value."""
        return self.bottom - value * self.up


def draw_lines(chart: LineChart, top: float) -> Iterator[str]:
    """Yield the parts of a chart whose room begins at `top`."""
    bottom = top + chart.height_px - BELOW_PX
    values = [value for line in chart.lines for value in line.values if value is not None]
    values += [most for line in chart.lines for _least, most in filter(None, line.ranges)]
    values += [value for dots in chart.dots for _at, value in dots.points]
    rows = ticks(max(values, default=0))
    columns = list(chart.at) if chart.even else ticks(chart.at[-1], 10)
    scales = _Scales(chart, bottom, columns, HEIGHT_PX / rows[-1], rows)
    yield text(LEFT_PX, top + 18, chart.heading, name="ink")
    yield from _names(chart, top + 18)
    yield from _axes(scales)
    yield from _moments(scales, top + ABOVE_PX)
    for number, dots in enumerate(chart.dots):
        for at, value in dots.points:
            yield mark(number, scales.x(at), scales.y(value))
    for number, line in enumerate(chart.lines, len(chart.dots)):
        yield from _line(scales, number, line)


def _axes(scales: _Scales) -> Iterator[str]:
    for value in scales.rows:
        y = scales.y(value)
        shade = colour("grid" if value else "axis")
        yield f'<path d="M{LEFT_PX},{y:.1f}H{RIGHT_PX}" {shade}/>'
        yield text(LEFT_PX - 10, y + 5, written(value), "end")
    for value in scales.columns:
        yield text(scales.x(value), scales.bottom + 22, written(value), "middle")
    middle = (LEFT_PX + RIGHT_PX) / 2
    yield text(middle, scales.bottom + 44, scales.chart.across, "middle")


def _names(chart: LineChart, y: float) -> Iterator[str]:
    """Yield what each look means, from the right to the left."""
    names = [one.name for one in chart.dots] + [one.name for one in chart.lines]
    x = float(RIGHT_PX)
    for number, name in reversed(list(enumerate(names))):
        yield text(x, y, name, "end", "ink")
        x -= len(name) * LETTER_PX + 8
        if number >= len(chart.dots):
            yield f'<path d="M{x - 34:.1f},{y - 5:.1f}h34" {_stroke(number)}/>'
            x -= 17
        if number < len(chart.dots) or len(chart.at) <= MARKED_MAX:
            yield mark(number, x, y - 5)
        x -= 40


def _moments(scales: _Scales, top: float) -> Iterator[str]:
    """Yield an upright line for each moment, with its name beside it, each on a line of its own.

    They stand so that no line goes through the name of another one.
    """
    middle = (LEFT_PX + RIGHT_PX) / 2
    ordered = sorted(scales.chart.moments, key=lambda moment: moment.at)
    early = [moment for moment in ordered if scales.x(moment.at) <= middle]
    late = [moment for moment in ordered if scales.x(moment.at) > middle]
    for number, moment in enumerate([*early, *reversed(late)]):
        x, y = scales.x(moment.at), top + LINE_PX * number + 12
        shade = f'{colour("axis")} stroke-width="1.5"'
        yield f'<path d="M{x:.1f},{y:.1f}V{scales.bottom:.1f}" {shade}/>'
        place, anchor = (x + 6, "start") if moment in early else (x - 6, "end")
        yield text(place, y + 4, moment.name, anchor, "ink")


def _line(scales: _Scales, number: int, line: Line) -> Iterator[str]:
    points = [
        None if value is None else (scales.x(at), scales.y(value))
        for at, value in zip(scales.chart.at, line.values, strict=True)
    ]
    for at, reach in zip(scales.chart.at, line.ranges, strict=False):
        if reach is not None:
            least, most = map(scales.y, reach)
            shade = _stroke(number, plain=True)
            yield f'<path d="M{scales.x(at):.1f},{least:.1f}V{most:.1f}" {shade} opacity="0.6"/>'
    yield f'<path d="{"".join(_strokes(points))}" fill="none" {_stroke(number)} \
stroke-linejoin="round" stroke-linecap="round"/>'
    if len(points) <= MARKED_MAX:
        yield from (mark(number, *point) for point in points if point is not None)


def _stroke(number: int, *, plain: bool = False) -> str:
    dash = look(number).dash
    broken = f' stroke-dasharray="{dash}"' if dash and not plain else ""
    return f'{colour(f"s{number % 4}")} stroke-width="2.5"{broken}'


def _strokes(points: Sequence[tuple[float, float] | None]) -> Iterator[str]:
    """Yield a stroke for each run of points without a gap; a lone point becomes a dot."""
    for there, run in groupby(points, key=lambda point: point is not None):
        if there:
            xys = [f"{x:.1f},{y:.1f}" for x, y in filter(None, run)]
            yield f"M{xys[0]}L{' '.join(xys)}"
