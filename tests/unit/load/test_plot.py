"""The drawing: one file, complete in itself, and true to the figures."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

from bazar.load.measure import Moment
from bazar.load.plot import draw

NAMESPACE = "http://www.w3.org/2000/svg"
MOMENTS = [Moment(second + 0.5, 100.0 + second, 0.0, 2.0, 9.0 + second) for second in range(10)]


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
    """No script, no style of another file, no image, no address but the name of the format."""
    page = drawn(tmp_path, MOMENTS)
    assert [NAMESPACE] == re.findall(r"https?:[^\"'\s<]*", page)
    assert not re.search(r"<script|<image|<link|href|@import|url\(", page)


def test_it_says_what_it_shows_with_units(tmp_path: Path) -> None:
    """Title, axes with their units, a name for each line; what is special to XML is escaped."""
    shown = words(drawn(tmp_path, MOMENTS))
    assert 2 == shown.count("A & B <fast>")
    assert {
        "64 clients",
        "Throughput, answers a second",
        "Latency of good answers, milliseconds",
        "seconds since the start",
        "good answers",
        "p50",
        "p99",
    } <= set(shown)


def test_failures_have_a_line_only_where_there_are_any(tmp_path: Path) -> None:
    """A line along zero would only ask what it is."""
    assert 3 == len(lines(drawn(tmp_path, MOMENTS)))
    failing = [*MOMENTS, Moment(10.5, 50.0, 3.0, 2.0, 9.0)]
    page = drawn(tmp_path, failing)
    assert 4 == len(lines(page))
    assert "refused or failed" in words(page)


def test_a_stretch_without_an_answer_is_a_gap(tmp_path: Path) -> None:
    """No line is drawn across what was not measured; a lone point is a dot."""
    silent = [Moment(one.at_s, 0.0, 1.0, None, None) for one in MOMENTS[4:6]]
    rate, _failures, p50, p99 = lines(drawn(tmp_path, [*MOMENTS[:4], *silent, *MOMENTS[6:]]))
    assert (1, 2, 2) == (rate.count("M"), p99.count("M"), p50.count("M"))
    (dot,) = {
        re.sub("[ML]", "", part) for part in lines(drawn(tmp_path, MOMENTS[:1]))[1].split("L")
    }
    assert re.fullmatch(r"[\d.]+,[\d.]+", dot)


def test_everything_lies_within_the_page(tmp_path: Path) -> None:
    """Points rise with their values, and none leaves the charts."""
    rate, _p50, _p99 = lines(drawn(tmp_path, MOMENTS))
    points = [tuple(map(float, point.split(","))) for point in re.findall(r"[\d.]+,[\d.]+", rate)]
    assert all(90 <= x <= 970 and 110 <= y <= 310 for x, y in points)
    heights = [y for _x, y in points[1:]]
    assert sorted(heights, reverse=True) == heights


def test_a_load_without_any_answer_can_be_drawn(tmp_path: Path) -> None:
    """Two empty charts, with axes."""
    page = drawn(tmp_path, [Moment(0.5, 0.0, 0.0, None, None)])
    assert {"0", "seconds since the start"} <= set(words(page))
