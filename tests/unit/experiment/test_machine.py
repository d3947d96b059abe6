"""The machine that is measured on: its processes, its ports, and what else it does."""

import subprocess
import sys

from bazar.experiment.asking import Answer
from bazar.experiment.lab import PORTS, free_rows
from bazar.experiment.machine import Watch, cores, descendants, facts


def test_processes_below_this_one_are_found() -> None:
    """With their words; one that ended is none."""
    command = [sys.executable, "-c", "input()", "serve", "front"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        (found,) = [one for one in descendants(process.pid) if one.words[3:5] == ["serve", "front"]]
        assert process.pid == found.pid
        process.communicate(b"\n")
    assert [] == descendants(process.pid)


def test_the_machine_is_told() -> None:
    """Its processors, and what else it did meanwhile, where the system says."""
    assert f"{cores()} processors" in facts()["machine"]
    share = Watch().foreign_share()
    assert share is None or share >= 0


def test_rows_of_ports_do_not_touch() -> None:
    """A shop whose replicas take the next ports does not take those of another."""
    first, second, third = sorted(free_rows(3, 8))
    assert second - first >= 8
    assert third - second >= 8


def test_rows_of_ports_keep_off_those_that_were_given() -> None:
    """Whoever was given a port may not listen there yet."""
    (kept,) = free_rows(1, 1)
    given = {*PORTS} - {kept}
    assert [kept] == free_rows(1, 1, given)


def test_an_answer_tells_its_version() -> None:
    """By which a reader knows whether it shows a change."""
    assert 7 == Answer(b'{"id":1,"version":7}', 1.0, from_cache=False).version()
