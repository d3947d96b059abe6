"""The charts: complete in themselves, true to the figures, and readable by everybody."""

import re
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest

from bazar.chart.bars import Bar, BarChart
from bazar.chart.lines import MARKED_MAX, Dots, Line, LineChart, Moment
from bazar.chart.page import GRID, INK, LOOKS, PAPER, SOFT, Shade, folded
from bazar.chart.sheet import Chart, sheet

NAMESPACE = "http://www.w3.org/2000/svg"
LINES = LineChart(
    heading="Latency, milliseconds",
    across="clients at once",
    at=[1, 2, 4],
    lines=[
        Line("buy", [10.0, 20.0, 40.0], [(9.0, 12.0), None, (30.0, 50.0)]),
        Line("query", [1.0, None, 3.0]),
    ],
    even=True,
)
BARS = BarChart(
    heading="Waits",
    across="milliseconds",
    bars=[Bar("with <cache>", 2.0, 1.0, 4.0, 0), Bar("without", 8.0, 8.0, 8.0, 1)],
)
TIMES = LineChart(
    heading="Waits",
    across="seconds",
    at=[0.5, 1.5, 2.5],
    dots=[Dots("query", [(0.1, 5.0), (2.0, 900.0)])],
    lines=[Line("rate", [1.0, 2.0, 3.0])],
    moments=[Moment(0.3, "fault"), Moment(2.1, "ready"), Moment(2.2, "calm")],
)
WHITE_SIGHT = {
    "protanopia": ((0.567, 0.433, 0.0), (0.558, 0.442, 0.0), (0.0, 0.242, 0.758)),
    "deuteranopia": ((0.625, 0.375, 0.0), (0.7, 0.3, 0.0), (0.0, 0.3, 0.7)),
    "tritanopia": ((0.95, 0.05, 0.0), (0.0, 0.433, 0.567), (0.0, 0.475, 0.525)),
}
"""What is left of red, green and blue with the common kinds of colour-blindness, roughly."""


def elements(charts: list[Chart]) -> list[ET.Element]:
    """Return all elements of a page with these charts."""
    return list(ET.fromstring(sheet("A & B", "how", charts)).iter())  # noqa: S314  ours


def words(charts: list[Chart]) -> list[str]:
    """Return all texts of a page."""
    return [one.text or "" for one in elements(charts)]


def points(path: str) -> list[tuple[float, float]]:
    """Return the places that a path goes through."""
    found = (place.split(",") for place in re.findall(r"[\d.]+,[\d.]+", path))
    return [(float(x), float(y)) for x, y in found]


def rgb(colour: str) -> list[float]:
    """Return red, green and blue, 0 to 1."""
    return [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]


def luminance(colour: str) -> float:
    """Return how bright a colour is. Source: WCAG 2.2, relative luminance."""
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb(colour)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: str, other: str) -> float:
    """Return how far apart two colours are for the eye. Source: WCAG 2.2, contrast ratio."""
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def shades(shade: Shade) -> list[tuple[str, str]]:
    """Return a colour and its paper, by day and by night."""
    return [(shade.light, PAPER.light), (shade.dark, PAPER.dark)]


def test_the_file_needs_nothing_from_elsewhere() -> None:
    """No script, no style of another file, no image, no address but the name of the format."""
    page = sheet("A & B <fast>", "how", [LINES, BARS, TIMES])
    assert [NAMESPACE] == re.findall(r"https?:[^\"'\s<]*", page)
    assert not re.search(r"<script|<image|<link|href|@import|url\(", page)


def test_axes_say_what_they_show_and_each_line_has_its_name() -> None:
    """What is special to XML is escaped."""
    shown = words([LINES, BARS])
    expected = {"Latency, milliseconds", "clients at once", "buy", "query", "with <cache>"}
    assert expected | {"milliseconds", "1", "2", "4", "40"} <= set(shown)


@pytest.mark.parametrize("charts", [[LINES], [BARS], [TIMES], [LINES, BARS, TIMES]])
def test_everything_lies_within_the_page(charts: list[Chart]) -> None:
    """Whatever was measured, and however many charts there are."""
    root, *parts = elements(charts)
    _left, _top, width, height = map(float, root.attrib["viewBox"].split())
    placed = [one.attrib for one in parts if "x" in one.attrib]
    assert all(0 <= float(one["x"]) <= width and 0 <= float(one["y"]) <= height for one in placed)
    paths = [one.attrib["d"] for one in parts if one.attrib.get("fill") == "none"]
    assert all(90 <= x <= 970 and 0 <= y <= height for path in paths for x, y in points(path))


def test_a_line_rises_with_its_values_and_has_gaps_where_nothing_was_measured() -> None:
    """No line is drawn across what is not known; a lone point is a mark."""
    buy, query = (one.attrib["d"] for one in elements([LINES]) if one.attrib.get("fill") == "none")
    _start, ten, twenty, forty = [y for _x, y in points(buy)]
    assert 2 == pytest.approx((twenty - forty) / (ten - twenty), abs=0.02)
    assert 2 == query.count("M")


def test_places_at_equal_distances_are_named_by_their_figures() -> None:
    """Doublings stand side by side, and not crowded to the left."""
    found = {one.text: float(one.attrib["x"]) for one in elements([LINES]) if "x" in one.attrib}
    assert found["4"] - found["2"] == pytest.approx(found["2"] - found["1"], abs=0.2)


def test_a_bar_is_as_long_as_its_value() -> None:
    """And starts at zero: half the value is half the length."""
    bars = [
        float(one.attrib["width"]) for one in elements([BARS]) if one.attrib.get("height") == "26"
    ]
    assert 4 == pytest.approx(bars[1] / bars[0], rel=0.01)


def test_only_what_differs_has_a_range() -> None:
    """A bar whose rounds were all the same, or that had one, has no thin line."""
    ranges = [one for one in elements([BARS]) if one.attrib.get("stroke-width") == "2"]
    assert 1 == len(ranges)


def test_no_moment_goes_through_the_name_of_another() -> None:
    """Names of early ones stand to the right of their lines, those of late ones to the left."""
    chart = elements([TIMES])
    names = {one.text: one.attrib for one in chart if one.text in {"fault", "ready", "calm"}}
    assert "start" == names["fault"]["text-anchor"]
    assert "end" == names["ready"]["text-anchor"]
    assert float(names["calm"]["y"]) < float(names["ready"]["y"])


def test_a_long_line_has_no_marks_that_would_hide_it() -> None:
    """Its dash tells it from the others."""
    many = MARKED_MAX + 1
    long = LineChart(heading="x", across="y", at=list(range(many)), lines=[Line("a", [1.0] * many)])
    assert not [one for one in elements([long]) if "transform" in one.attrib]
    assert [one for one in elements([LINES]) if "transform" in one.attrib]


def test_an_empty_chart_can_be_drawn() -> None:
    """Where nothing was answered there are axes all the same."""
    empty = LineChart(heading="x", across="y", at=[0.5], lines=[Line("a", [None])])
    assert {"x", "y", "0"} <= set(words([empty]))


@pytest.mark.parametrize("look", LOOKS)
def test_every_line_stands_out_from_the_paper(look: object) -> None:
    """By day and by night: 3 to 1 for what is drawn. Source: WCAG 2.2, 1.4.11."""
    assert isinstance(look, tuple)
    assert all(contrast(colour, paper) >= 3 for colour, paper in shades(look[0]))


@pytest.mark.parametrize("shade", [INK, SOFT])
def test_every_text_can_be_read(shade: Shade) -> None:
    """By day and by night: 4.5 to 1 for what is written. Source: WCAG 2.2, 1.4.3."""
    assert all(contrast(colour, paper) >= 4.5 for colour, paper in shades(shade))
    assert all(contrast(colour, paper) >= 1.1 for colour, paper in shades(GRID))


def test_no_two_series_look_alike_without_colour() -> None:
    """Each has a dash and a mark of its own."""
    assert len(LOOKS) == len({look.dash for look in LOOKS}) == len({look.mark for look in LOOKS})


@pytest.mark.parametrize("sight", WHITE_SIGHT)
def test_the_first_three_colours_differ_for_every_eye(sight: str) -> None:
    """What is left of them with each kind of colour-blindness is still apart."""
    for dark in (False, True):
        seen = []
        for look in LOOKS[:3]:
            colour = rgb(look.shade.dark if dark else look.shade.light)
            seen.append(
                [sum(a * b for a, b in zip(row, colour, strict=True)) for row in WHITE_SIGHT[sight]]
            )
        for one, other in combinations(seen, 2):
            assert 0.1 < sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5


def test_dark_colours_are_there_for_who_wants_them() -> None:
    """The page follows the reader's choice; without style sheets it is a light one."""
    page = sheet("t", "s", [LINES])
    assert f".paper{{fill:{PAPER.dark}}}" in page
    assert f'class="paper" fill="{PAPER.light}"' in page


def test_a_long_title_is_folded_between_words() -> None:
    """Nothing runs out of the page."""
    assert ["aa bb", "cc"] == folded("aa bb cc", 5)
    assert ["abcdefgh"] == folded("abcdefgh", 3)
