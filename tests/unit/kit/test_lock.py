"""The lock file: one holder at a time, and none once the holder is gone."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bazar.kit.data.sqlite import SqliteDatabase
from bazar.kit.errors import StartupError
from bazar.kit.lock import FileHold, hold

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


OTHER = """
import asyncio, pathlib, sys
from bazar.kit.data.sqlite import SqliteDatabase
from bazar.kit.errors import StartupError

async def main():
    try:
        await SqliteDatabase(pathlib.Path(sys.argv[1])).close()
    except StartupError as error:
        sys.exit(str(error))

asyncio.run(main())
"""


def same(path: Path) -> Path:
    """Use the very same name."""
    return path


def link(path: Path) -> Path:
    """Make a link in another folder, and one to that."""
    (path.parent / "b").mkdir()
    first, second = path.parent / "b" / "test.db", path.parent / "b" / "other.db"
    first.symlink_to(path)
    second.symlink_to(first.name)
    return second


def linked_folder(path: Path) -> Path:
    """Make a link to the folder."""
    folder = path.parent.parent / "linked"
    folder.symlink_to(path.parent)
    return folder / path.name


def hard_link(path: Path) -> Path:
    """Give the file a second name in another folder."""
    (path.parent / "b").mkdir()
    other = path.parent / "b" / "test.db"
    other.hardlink_to(path)
    return other


def move(path: Path) -> Path:
    """Move the file away under whoever has it."""
    (path.parent / "b").mkdir()
    return path.rename(path.parent / "b" / "test.db")


def no_lock_file(path: Path) -> Path:
    """Take the lock file away under whoever holds it."""
    path.with_name("test.db.lock").unlink()
    return path


@pytest.mark.parametrize("name", [same, link, linked_folder, hard_link, move, no_lock_file])
async def test_a_database_is_opened_by_one_under_whatever_name(
    tmp_path: Path, name: Callable[[Path], Path]
) -> None:
    """Two processes on one file would each sell what the other has sold."""
    path = tmp_path / "data" / "test.db"
    database = SqliteDatabase(path)
    try:
        other = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", OTHER, str(name(path))],
            env={"PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        await database.close()
    assert (1, 1) == (other.returncode, len(other.stderr.splitlines())), other.stderr
    assert "in use by another process" in other.stderr


def test_a_file_with_a_second_name_is_refused_even_alone(tmp_path: Path) -> None:
    """Each name would have a log of its own, and what is in the other one's would be lost."""
    path = tmp_path / "file"
    FileHold(path, "the thing").close()
    (tmp_path / "other").hardlink_to(path)
    with pytest.raises(StartupError, match="the thing has a second name"):
        FileHold(path, "the thing")
    (tmp_path / "other").unlink()
    FileHold(path, "the thing").close()


async def test_a_link_that_leads_nowhere_is_refused_in_words(tmp_path: Path) -> None:
    """A loop is no file."""
    (tmp_path / "test.db").symlink_to("test.db")
    with pytest.raises(StartupError, match="cannot open the database"):
        SqliteDatabase(tmp_path / "test.db")
