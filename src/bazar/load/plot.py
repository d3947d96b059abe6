"""Draw throughput and latency over time, one above the other, as one SVG file.

It is drawn by hand: the two charts share their axis of time, so that a dip above lines up with the
peak below, and the file needs no script, style or font from elsewhere.
"""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from math import ceil, floor, log10
from pathlib import Path
from typing import NamedTuple

from bazar.load.measure import Moment

WIDTH_PX, HEIGHT_PX = 1000, 660
LEFT_PX, RIGHT_PX = 90, 970
CHART_HEIGHT_PX = 200
TOPS_PX = (110, 390)
TICKS_MAX = 5
NEARLY = 1 - 1e-9
"""So that 0.6 in steps of 0.2 are three of them, whatever the last binary digit says."""
GREEN, RED, BLUE, ORANGE = "#1b7f4b", "#c0392b", "#2466a8", "#d9822b"
PAGE = """<?xml version="1.0" encoding="utf-8"?>
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" \
font-family="Helvetica, Arial, 'Liberation Sans', sans-serif" font-size="14" fill="#555">
<title>{title}</title>
<rect width="100%" height="100%" fill="#fff"/>
<text x="{left}" y="38" font-size="20" font-weight="bold" fill="#222">{title}</text>
<text x="{left}" y="62">{subtitle}</text>
{body}
</svg>
"""


class Line(NamedTuple):
    """One line of a chart: a value for each moment, or none."""

    name: str
    color: str
    values: Sequence[float | None]


def draw(file: Path, title: str, subtitle: str, moments: Sequence[Moment]) -> None:
    """Write the drawing.

    Args:
        file: where to.
        title: what was measured.
        subtitle: how.
        moments: at least one, in order of time.

    Raises:
        OSError: the file cannot be written.
    """
    rates = [Line("good answers", GREEN, [one.rate_s for one in moments])]
    if any(one.failures_s for one in moments):
        rates.append(Line("refused or failed", RED, [one.failures_s for one in moments]))
    waits = [
        Line("p99", ORANGE, [one.p99_ms for one in moments]),
        Line("p50", BLUE, [one.p50_ms for one in moments]),
    ]
    at_s = [one.at_s for one in moments]
    body = [*_chart(TOPS_PX[0], "Throughput, answers a second", at_s, rates)]
    body += _chart(TOPS_PX[1], "Latency of good answers, milliseconds", at_s, waits)
    body.append(
        _text((LEFT_PX + RIGHT_PX) / 2, HEIGHT_PX - 18, "seconds since the start", "middle")
    )
    page = PAGE.format(
        width=WIDTH_PX,
        height=HEIGHT_PX,
        left=LEFT_PX,
        title=escape(title),
        subtitle=escape(subtitle),
        body="\n".join(body),
    )
    file.write_text(page, "utf-8")


def ticks(highest: float) -> list[float]:
    """Return round values from 0 to at least `highest`: steps of 1, 2 or 5 times a power of ten."""
    rough = max(highest, 1e-3) / TICKS_MAX
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * NEARLY)
    return [number * step for number in range(max(1, ceil(highest / step * NEARLY)) + 1)]


def _chart(top: float, heading: str, at_s: Sequence[float], lines: Sequence[Line]) -> Iterator[str]:
    bottom = top + CHART_HEIGHT_PX
    values = [value for line in lines for value in line.values if value is not None]
    rows, columns = ticks(max(values, default=0)), ticks(at_s[-1])
    across = (RIGHT_PX - LEFT_PX) / max(columns[-1], at_s[-1])
    up = CHART_HEIGHT_PX / rows[-1]
    yield _text(LEFT_PX, top - 14, heading, "start", "#222")
    for value in rows:
        y = bottom - value * up
        color = "#ddd" if value else "#888"
        yield f'<path d="M{LEFT_PX},{y:.1f}H{RIGHT_PX}" stroke="{color}"/>'
        yield _text(LEFT_PX - 10, y + 5, f"{value:,.10g}", "end")
    for second in columns:
        yield _text(LEFT_PX + second * across, bottom + 22, f"{second:,.10g}", "middle")
    for number, line in enumerate(lines):
        points = [
            None if value is None else (LEFT_PX + second * across, bottom - value * up)
            for second, value in zip(at_s, line.values, strict=True)
        ]
        path = "".join(_strokes(points))
        yield f'<path d="{path}" fill="none" stroke="{line.color}" stroke-width="2.5" \
stroke-linejoin="round" stroke-linecap="round"/>'
        yield _text(RIGHT_PX - 150 * number, top - 14, f"\u2501 {line.name}", "end", line.color)


def _strokes(points: Sequence[tuple[float, float] | None]) -> Iterator[str]:
    """Yield a stroke for each run of points without a gap; a lone point becomes a dot."""
    for there, run in groupby(points, key=lambda point: point is not None):
        if there:
            xys = [f"{x:.1f},{y:.1f}" for x, y in filter(None, run)]
            yield f"M{xys[0]}L{' '.join(xys)}"


def _text(x: float, y: float, words: str, anchor: str, color: str = "#555") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="{color}">{escape(words)}</text>'
