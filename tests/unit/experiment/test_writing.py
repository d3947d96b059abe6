"""The files that an experiment leaves."""

from pathlib import Path

import pytest

from bazar.chart.bars import Bar, BarChart
from bazar.experiment.result import Report, Table, Vary
from bazar.experiment.run import Asked, run
from bazar.experiment.writing import chart_name, said, taken, text_name, write

REPORT = Report(
    name="cache",
    question="How fast?",
    does="It asks.",
    settings={"clients": 4, "zipf": 1.0, "updates": (0, 10)},
    tables=[Table(title="Medians", columns=["what", "ms"], rows=[["query", 1.234], ["buy", None]])],
    meaning=["It is fast."],
    remarks=["It was noisy."],
    vary=[Vary("bazar experiment cache --clients 1", "And now?")],
    chart=chart_name("cache"),
    text=text_name("cache"),
)
CHART = BarChart(heading="h", across="ms", bars=[Bar("query", 1, 1, 1, 0)])
MACHINE = {"machine": "2 processors", "date": "today"}


def test_a_report_has_all_that_a_class_needs(tmp_path: Path) -> None:
    """Question, what was done and with what, figures, meaning, what to vary, and the machine."""
    write(tmp_path, REPORT, [CHART], MACHINE, replace=False)
    text = (tmp_path / "cache.md").read_text("utf-8")
    expected = [
        "# How fast?",
        "with clients 4, zipf 1, updates 0,10",
        "![How fast?](cache.svg)",
        "| query | 1.23 |",
        "| buy |  |",
        "- It is fast.",
        "- It was noisy.",
        "- `bazar experiment cache --clients 1`: And now?",
        "- machine: 2 processors",
    ]
    assert [] == [part for part in expected if part not in text]
    assert "2 processors; today" in (tmp_path / "cache.svg").read_text("utf-8")


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    """Also where it came while the experiment ran; unless somebody said otherwise."""
    (tmp_path / "cache.md").write_text("mine")
    with pytest.raises(FileExistsError):
        write(tmp_path, REPORT, [CHART], MACHINE, replace=False)
    assert "mine" == (tmp_path / "cache.md").read_text()
    write(tmp_path, REPORT, [CHART], MACHINE, replace=True)
    assert "mine" != (tmp_path / "cache.md").read_text()


def test_nothing_is_run_where_a_file_is_in_its_way(tmp_path: Path) -> None:
    """Of any of the experiments; a link that leads nowhere is one too."""
    (tmp_path / "crash.svg").symlink_to("nowhere")
    assert [tmp_path / "crash.svg"] == taken(tmp_path, ["cache", "crash"])
    told: list[str] = []
    with pytest.raises(FileExistsError):
        run(Asked(["cache", "crash"], tmp_path, {}), told.append, lambda _found: None)
    assert [] == told


def test_without_postgresql_the_rest_goes_on(tmp_path: Path) -> None:
    """Where its programs are not, one clear line says so, and no folder is left for it."""
    folder, programs = tmp_path / "new" / "out", tmp_path / "none"
    shown: list[Report] = []
    done = run(Asked(["replicas"], folder, {}, programs=programs), print, shown.append)
    assert f"in {programs} there is none" in done.experiments[0].skipped
    assert ["replicas"] == [one.name for one in shown]
    assert not folder.parent.exists()


@pytest.mark.parametrize(("value", "expected"), [((1, 2), "1,2"), (2.0, "2"), ("kill", "kill")])
def test_a_setting_is_written_as_it_is_typed(value: object, expected: str) -> None:
    """So that it can be typed again."""
    assert expected == said(value)
