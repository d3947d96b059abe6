"""Draw throughput and latency over time, one above the other, as one SVG file.

The two charts share their axis of time, so that a dip above lines up with the peak below.
"""

from collections.abc import Sequence
from pathlib import Path

from bazar.chart.lines import Line, LineChart
from bazar.chart.sheet import sheet
from bazar.load.measure import Moment


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
    file.write_text(sheet(title, subtitle, charts(moments)), "utf-8")


def charts(moments: Sequence[Moment]) -> list[LineChart]:
    """Return the charts of a course of time."""
    rates = [Line("good answers", [one.rate_s for one in moments])]
    if any(one.failures_s for one in moments):
        rates.append(Line("refused or failed", [one.failures_s for one in moments]))
    waits = [
        Line("p50", [one.p50_ms for one in moments]),
        Line("p99", [one.p99_ms for one in moments]),
    ]
    at_s = [one.at_s for one in moments]
    return [
        LineChart(heading="Throughput, answers a second", across="", at=at_s, lines=rates),
        LineChart(
            heading="Latency of good answers, milliseconds",
            across="seconds since the start",
            at=at_s,
            lines=waits,
        ),
    ]
