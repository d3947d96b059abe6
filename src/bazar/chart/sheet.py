"""Several charts on one page, one above the other."""

from collections.abc import Sequence

from bazar.chart.bars import BarChart, draw_bars
from bazar.chart.lines import LineChart, draw_lines
from bazar.chart.page import head, page

Chart = BarChart | LineChart
_GAP_PX = 10.0


def sheet(title: str, subtitle: str, charts: Sequence[Chart]) -> str:
    """Return an SVG file.

    Args:
        title: what was measured.
        subtitle: how.
        charts: from the top down; those of one axis of time line up.
    """
    body, top = head(title, subtitle)
    for chart in charts:
        top += _GAP_PX
        if isinstance(chart, BarChart):
            body += draw_bars(chart, top)
        else:
            body += draw_lines(chart, top)
        top += chart.height_px
    return page(title, body, top)
