"""The drawing: one file, complete in itself, and true to the figures."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bazar.load.measure import Moment
from bazar.load.plot import NEARLY, TICKS_MAX, draw, ticks

NAMESPACE = "http://www.w3.org/2000/svg"
MOMENTS = [Moment(second + 0.5, 100.0 + second, 0.0, 2.0, 9.0 + second) for second in range(10)]
MODEST = settings(max_examples=100, deadline=None)


def drawn(folder: Path, moments: list[Moment]) -> str:
    """Return the file that these moments make."""
    file = folder / "load.svg"
    draw(file, "A & B <fast>", "64 clients", moments)
    return file.read_text("utf-8")


def words(page: str) -> list[str]:
    """Return all texts of a drawing."""
    return [element.text or "" for element in ET.fromstring(page).iter()]  # noqa: S314  ours


def lines(page: str) -> list[str]:
    """Return the paths of the lines of the charts, axes left out."""
    return re.findall(r'<path d="([^"]*)" fill="none"', page)


def test_the_file_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    """No script, no style sheet, no image, no address but the name of the format."""
    page = drawn(tmp_path, MOMENTS)
    assert [NAMESPACE] == re.findall(r"https?:[^\"'\s<]*", page)
    assert not re.search(r"<script|<style|<image|<link|href|@import|url\(", page)


def test_it_says_what_it_shows_with_units(tmp_path: Path) -> None:
    """Title, axes with their units, a name for each line; what is special to XML is escaped."""
    shown = words(drawn(tmp_path, MOMENTS))
    assert 2 == shown.count("A & B <fast>")
    assert {
        "64 clients",
        "Throughput, answers a second",
        "Latency of good answers, milliseconds",
        "seconds since the start",
        "━ good answers",
        "━ p50",
        "━ p99",
    } <= set(shown)


def test_failures_have_a_line_only_where_there_are_any(tmp_path: Path) -> None:
    """A line along zero would only ask what it is."""
    assert 3 == len(lines(drawn(tmp_path, MOMENTS)))
    failing = [*MOMENTS, Moment(10.5, 50.0, 3.0, 2.0, 9.0)]
    page = drawn(tmp_path, failing)
    assert 4 == len(lines(page))
    assert "━ refused or failed" in words(page)


def test_a_stretch_without_an_answer_is_a_gap(tmp_path: Path) -> None:
    """No line is drawn across what was not measured; a lone point is a dot."""
    silent = [Moment(one.at_s, 0.0, 1.0, None, None) for one in MOMENTS[4:6]]
    rate, _failures, p99, p50 = lines(drawn(tmp_path, [*MOMENTS[:4], *silent, *MOMENTS[6:]]))
    assert (1, 2, 2) == (rate.count("M"), p99.count("M"), p50.count("M"))
    (dot,) = {
        re.sub("[ML]", "", part) for part in lines(drawn(tmp_path, MOMENTS[:1]))[1].split("L")
    }
    assert re.fullmatch(r"[\d.]+,[\d.]+", dot)


def test_everything_lies_within_the_page(tmp_path: Path) -> None:
    """Points rise with their values, and none leaves the charts."""
    rate, _p99, _p50 = lines(drawn(tmp_path, MOMENTS))
    points = [tuple(map(float, point.split(","))) for point in re.findall(r"[\d.]+,[\d.]+", rate)]
    assert all(90 <= x <= 970 and 110 <= y <= 310 for x, y in points)
    heights = [y for _x, y in points[1:]]
    assert sorted(heights, reverse=True) == heights


def test_a_load_without_any_answer_can_be_drawn(tmp_path: Path) -> None:
    """Two empty charts, with axes."""
    page = drawn(tmp_path, [Moment(0.5, 0.0, 0.0, None, None)])
    assert {"0", "seconds since the start"} <= set(words(page))


@MODEST
@given(highest=st.floats(0, 1e7))
def test_ticks_are_few_and_round_and_reach_the_top(highest: float) -> None:
    """From zero, in even steps of 1, 2 or 5 times a power of ten."""
    found = ticks(highest)
    assert 0 == found[0]
    assert found[-1] >= highest * NEARLY
    assert 2 <= len(found) <= TICKS_MAX + 1
    assert f"{found[1]:e}"[0] in "125"
    assert f"{found[1]:.9e}"[2:11] == "0" * 9


@pytest.mark.parametrize(
    ("highest", "expected"),
    [
        (10, [0, 2, 4, 6, 8, 10]),
        (3400, [0, 1000, 2000, 3000, 4000]),
        (0.9, [0, 0.2, 0.4, 0.6, 0.8, 1]),
    ],
)
def test_ticks_for_some_values(highest: float, expected: list[float]) -> None:
    """As a person would choose them."""
    assert pytest.approx(expected) == ticks(highest)
