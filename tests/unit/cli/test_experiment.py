"""The command line of `bazar experiment`, where nothing is run."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bazar.cli.main import app
from bazar.experiment.settings import NAMES


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    """Return a runner in an empty folder, which stays empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    yield CliRunner()
    assert [] == list(tmp_path.iterdir())


def test_the_experiments_are_listed_with_their_questions(run: CliRunner) -> None:
    """And how to run one."""
    done = run.invoke(app, ["experiment"])
    assert 0 == done.exit_code
    *listed, _blank, how = done.stdout.splitlines()
    assert list(NAMES) == [line.split()[0] for line in listed]
    assert all(line.endswith("?") for line in listed)
    assert "bazar experiment NAME" in how


def test_programs_get_the_list_with_what_can_be_varied(run: CliRunner) -> None:
    """As options that exist."""
    done = run.invoke(app, ["experiment", "--json"])
    listed = json.loads(done.stdout)
    assert list(NAMES) == [one["name"] for one in listed]
    assert {"--duration", "--clients", "--updates"} <= set(listed[1]["varies"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["cache", "--rate", "5"], "--rate has no effect on 'cache', which takes --duration"),
        (["crash", "--clients", "5"], "--clients has no effect on 'crash'"),
        (["--clients", "5"], "name the experiment"),
        (["--quick"], "name the experiment"),
        (["--out", "x"], "name the experiment"),
        (["consistency", "--updates", "1,x"], "--updates: it takes 1 to 8 whole numbers"),
        (["replicas", "--replicas", "0"], "--replicas: it takes 1 to 8 whole numbers"),
        (["replicas", "--replicas", "9"], "from 1 to 8"),
        (["nothing"], "nothing"),
        (["cache", "--duration", "nan"], "--duration"),
        (["cache", "--duration", "0"], "--duration"),
        (["crash", "--service", "mail"], "--service"),
    ],
)
def test_a_command_line_that_makes_no_sense_starts_nothing(
    run: CliRunner, words: list[str], said: str
) -> None:
    """It says so, with exit code 2; also what would be varied in vain."""
    done = run.invoke(app, ["experiment", *words])
    assert (2, "") == (done.exit_code, done.stdout)
    assert said in " ".join(done.stderr.split())
