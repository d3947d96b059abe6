"""The lock file: one holder at a time, and none once the holder is gone."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bazar.kit.errors import StartupError
from bazar.kit.lock import hold

HOLDER = """
import pathlib, sys, time
from bazar.kit.lock import hold
held = hold(pathlib.Path(sys.argv[1]), "the thing")
print("held", flush=True)
time.sleep(60)
"""


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    """The second is told who holds it; after the close it may be held again."""
    path = tmp_path / "lock"
    with hold(path, "the thing"):
        with pytest.raises(StartupError, match=rf"the thing is in use .*pid {os.getpid()}\)"):
            hold(path, "the thing")
        assert f"{os.getpid()}\n" == path.read_text()
    hold(path, "the thing").close()


def test_a_missing_folder_is_made_for_the_owner_only(tmp_path: Path) -> None:
    """Data folders are nobody else's business."""
    path = tmp_path / "a" / "lock"
    hold(path, "the thing").close()
    assert 0o700 == path.parent.stat().st_mode & 0o777


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """A StartupError names the folder."""
    (tmp_path / "file").touch()
    with pytest.raises(StartupError, match="cannot write to the data folder"):
        hold(tmp_path / "file" / "lock", "the thing")


def test_a_lock_dies_with_its_process(tmp_path: Path) -> None:
    """While another process holds it, its pid is told; after kill -9 it is free at once."""
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": ":".join(sys.path)},
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert "held\n" == holder.stdout.readline()
        with pytest.raises(StartupError, match=f"pid {holder.pid}"):
            hold(path, "the thing")
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with hold(path, "the thing"):
            assert f"{os.getpid()}\n" == path.read_text()
