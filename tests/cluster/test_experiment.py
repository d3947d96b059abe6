"""The command `bazar experiment` as a class uses it: real shops, and nothing left behind.

Figures of a quick run mean nothing, so no test looks at one.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bazar.experiment.lab import Wanted, free_rows, opened_lab
from bazar.experiment.machine import descendants
from support.processes import BAZAR, STOP_TIMEOUT_S, Result, environment, wait_for

WITHIN_S = 100.0
"""For an experiment, or its end."""


class Place:
    """A folder that a person works in, and another for what is temporary."""

    def __init__(self, folder: Path) -> None:
        """Make both."""
        self.work, self.temporary = folder / "work", folder / "t"
        self.work.mkdir()
        self.temporary.mkdir()
        self._started: list[subprocess.Popen[str]] = []

    def start(self, *words: object) -> subprocess.Popen[str]:
        """Start an experiment."""
        settings = {"TMPDIR": str(self.temporary), "BAZAR_DATA": str(self.work / "mine")}
        process = subprocess.Popen(
            [sys.executable, *BAZAR, "experiment", *map(str, words)],
            cwd=self.work,
            env=environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def run(self, *words: object) -> Result:
        """Run an experiment to its end."""
        process = self.start(*words)
        out, err = process.communicate(timeout=WITHIN_S)
        return Result(process.returncode, out, err)

    def end(self) -> None:
        """End what still runs, however the test went."""
        for process in self._started:
            process.kill()
            process.communicate(timeout=STOP_TIMEOUT_S)

    def left(self) -> list[str]:
        """Return all files and folders there are."""
        found = [*self.work.rglob("*"), *self.temporary.rglob("*")]
        return sorted(path.name for path in found)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Return a place where nothing is yet."""
    place = Place(tmp_path)
    yield place
    place.end()


def test_an_experiment_explains_itself_and_leaves_a_chart_and_a_report(place: Place) -> None:
    """With two shops: question, tables, what they mean and what to vary; and nothing else."""
    done = place.run("consistency", "--quick", "--duration", 0.2, "--updates", "0,40")
    assert 0 == done.code, done.err
    parts = ["CONSISTENCY: What does it cost", "first query that shows it", "What it means"]
    parts += ["What to vary", "One round only", "written: experiments/consistency.svg"]
    assert [] == [part for part in parts if part not in done.out]
    assert ["consistency.md", "consistency.svg", "experiments"] == place.left()
    again = place.run("all")
    assert (1, "") == (again.code, again.out)
    assert "experiments/consistency.svg is there already; name another folder" in again.err


def test_a_crash_is_seen_and_everything_adds_up(place: Place) -> None:
    """As programs read it: the moments in their order, and purchases without a difference."""
    words = ["--quick", "--duration", 1.5, "--out", "a/b", "--json"]
    done = place.run("crash", *words)
    assert 0 == done.code, done.err
    (found,) = json.loads(done.out)["experiments"]
    moments = {row[0][0]: row[1] for row in found["tables"][0]["rows"]}
    assert 0 == moments["1"] <= moments["2"] < moments["4"]
    assert "no order is lost" in found["meaning"][-1]
    assert ("kill", "order") == (found["settings"]["fault"], found["settings"]["service"])
    assert ["a", "b", "crash.md", "crash.svg"] == place.left()


def test_an_experiment_that_is_interrupted_leaves_nothing(place: Place) -> None:
    """No process, no folder, no file; Ctrl-C reaches it while customers ask."""
    process = place.start("clients", "--duration", 600, "--books", 2)
    wait_to_read(process, "round 1")
    below = [one.pid for one in descendants(process.pid)]
    assert len(below) > 4
    process.send_signal(signal.SIGINT)
    out, _err = process.communicate(timeout=WITHIN_S)
    assert (130, "") == (process.returncode, out)
    assert [] == place.left()
    assert [] == list(running(below))


def test_shops_end_with_an_experiment_that_is_killed(place: Place) -> None:
    """Nobody tells them; and the next run takes away the folder that was left."""
    process = place.start("crash", "--duration", 600, "--books", 2)
    wait_to_read(process, "fault 1")
    below = [one.pid for one in descendants(process.pid)]
    process.kill()
    process.communicate(timeout=STOP_TIMEOUT_S)
    try:
        wait_for("the end of all of them", lambda: not list(running(below)))
    finally:
        for pid in running(below):
            os.kill(pid, signal.SIGKILL)
    assert [] != place.left()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(place.temporary))
        with opened_lab(print):
            pass
    assert ["experiments"] == place.left()


def wait_to_read(process: subprocess.Popen[str], words: str) -> None:
    """Read what a process says, until these words; fail where it ends without them."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if words in line:
            return
    pytest.fail("".join(said))


def running(pids: list[int]) -> Iterator[int]:
    """Yield those of some processes that still run."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, 0)
            yield pid


def test_a_shop_whose_port_is_taken_is_started_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one may be faster than it, here its own order service; then others are found."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    taken, *others = free_rows(4, 1)
    tried = iter([[others[0], taken, taken]])
    monkeypatch.setattr("bazar.experiment.lab.free_rows", lambda *_: next(tried, others))
    with opened_lab(print) as lab, lab.shops([Wanted("one")], 1) as (one,):
        assert str(others[1]) in one.remote.addresses.catalog
        assert 1 == len(one.books.own)
    assert [] == list(tmp_path.iterdir())


def test_what_cannot_be_written_is_told_before_anything_runs(place: Place) -> None:
    """A file where the folder should be."""
    (place.work / "file").touch()
    done = place.run("cache", "--out", "file")
    assert (1, "") == (done.code, done.out)
    assert "cannot write to file" in done.err
