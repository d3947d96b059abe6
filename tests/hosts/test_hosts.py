"""A shop on many hosts that lose each other, in every test run; and that nothing of it is left."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import SystemRandom

import pytest

from hosts.namespaces import why_not
from support.processes import (
    SOURCES,
    STOP_TIMEOUT_S,
    all_gone,
    descendants_of,
    environment,
    process_stat,
    wait_for,
)

WITHIN_S = 100.0
ENDS = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM)


@pytest.fixture(autouse=True, scope="module")
def namespaces() -> None:
    """Skip where nobody can make namespaces; in CI that is a failure."""
    if reason := why_not():
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


def started(folder: Path) -> subprocess.Popen[str]:
    """Start the program in its short form, in a process group of its own."""
    seed = str(SystemRandom().randrange(1_000_000))
    words = [sys.executable, "-m", "hosts", "--only", "brief", "--folder", str(folder)]
    tests = str(Path(__file__).parents[1])
    return subprocess.Popen(
        [*words, "--seed", seed],
        env={**environment(), "PYTHONPATH": os.pathsep.join([tests, str(SOURCES)])},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def test_no_buyer_is_lied_to_while_hosts_lose_each_other(tmp_path: Path) -> None:
    """Power, a link of one direction, and an address; then only who moved is left.

    To see one run again: `make hosts ARGS="--only brief --seed SEED"`.
    """
    running = started(tmp_path / "shop")
    try:
        printed, _ = running.communicate(timeout=WITHIN_S)
    finally:
        running.kill()
        running.wait(STOP_TIMEOUT_S)
    sys.stdout.write(printed)
    assert 0 == running.returncode
    assert "only the order service that moved is left" in printed
    assert ["violations", "none"] in [line.split() for line in printed.splitlines()]


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Start several at once, each with a shop of its own on the same addresses."""
    several = [started(tmp_path / how.name) for how in ENDS]
    yield several
    for one in several:
        one.kill()
        one.communicate(timeout=STOP_TIMEOUT_S)


def test_nothing_is_left_however_a_run_ends(
    runs: list[subprocess.Popen[str]], tmp_path: Path
) -> None:
    """Killed, by Ctrl-C, or told to end: hosts, addresses and processes are gone with it."""
    logs = [tmp_path / how.name / "brief" / "front-2.log" for how in ENDS]
    wait_for("every shop is started", lambda: all(log.exists() for log in logs), WITHIN_S)
    processes = [one for run in runs for one in descendants_of(run.pid)]
    assert len(processes) > 10 * len(runs)
    killed, interrupted, told = runs
    killed.kill()
    os.killpg(interrupted.pid, signal.SIGINT)  # as a terminal does
    told.terminate()
    for run in runs:
        assert run.wait(STOP_TIMEOUT_S)
    all_gone(processes, STOP_TIMEOUT_S)
    assert all(process_stat(run.pid) is None for run in runs)
