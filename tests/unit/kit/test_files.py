"""A file is there as a whole under its name, or not at all."""

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bazar.kit.files import is_part, part_folder, whole_file


def names(folder: Path) -> list[str]:
    """Return what is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_a_file_has_its_name_only_once_it_is_whole(tmp_path: Path) -> None:
    """Who looks before sees none; it is its owner's alone, and nothing lies beside it."""
    path = tmp_path / "out.csv"
    with whole_file(path, replace=False) as file:
        file.write(b"1")
        assert not path.exists()
    assert b"1" == path.read_bytes()
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert ["out.csv"] == names(tmp_path)


def test_what_breaks_off_leaves_nothing_and_the_old_file_stays(tmp_path: Path) -> None:
    """Whatever is raised while it is written, and with a file to be replaced too."""
    path = tmp_path / "out.csv"
    with pytest.raises(KeyboardInterrupt), whole_file(path, replace=False):
        raise KeyboardInterrupt
    assert [] == names(tmp_path)
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match="closed"), whole_file(path, replace=True) as file:
        file.close()
    assert b"old" == path.read_bytes()
    assert ["out.csv"] == names(tmp_path)


def test_a_file_that_is_there_stays_unless_told_otherwise(tmp_path: Path) -> None:
    """At the beginning, and where it came while the new one was written."""
    path = tmp_path / "out.csv"
    with pytest.raises(FileExistsError), whole_file(path, replace=False):
        path.write_bytes(b"came meanwhile")
    with pytest.raises(FileExistsError), whole_file(path, replace=False):
        pytest.fail("it was there at the beginning")
    assert b"came meanwhile" == path.read_bytes()
    with whole_file(path, replace=True) as file:
        file.write(b"new")
    assert b"new" == path.read_bytes()
    assert ["out.csv"] == names(tmp_path)


def test_without_links_the_name_is_given_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a memory stick; there too a file that came meanwhile stays."""

    def no_links(*_names: object, **_more: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", no_links)
    path = tmp_path / "out.csv"
    with whole_file(path, replace=False) as file:
        file.write(b"1")
    assert b"1" == path.read_bytes()
    other = tmp_path / "other.csv"
    with pytest.raises(FileExistsError), whole_file(other, replace=False):
        other.write_bytes(b"came meanwhile")
    assert b"came meanwhile" == other.read_bytes()
    assert ["other.csv", "out.csv"] == names(tmp_path)


def test_a_pipe_is_written_to_as_it_is(tmp_path: Path) -> None:
    """Such as `>(gzip > books.csv.gz)` in a shell."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    heard: list[bytes] = []
    reader = threading.Thread(target=lambda: heard.append(pipe.read_bytes()))
    reader.start()
    with whole_file(pipe, replace=False) as file:
        file.write(b"1")
    reader.join()
    assert [b"1"] == heard


KILLED = """
import os, signal, sys
from pathlib import Path
from bazar.kit.files import part_folder, whole_file
folder = Path(sys.argv[1])
with whole_file(folder / "out.csv", replace=False) as file, part_folder(folder, "data") as part:
    file.write(b"a customer")
    file.flush()
    (part / "secret").write_bytes(b"a secret")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(folder: Path) -> None:
    """Have a process killed that makes a file and a folder."""
    done = subprocess.run([sys.executable, "-c", KILLED, folder], check=False)
    assert -signal.SIGKILL == done.returncode


@pytest.mark.parametrize("maker", ["file", "folder"])
def test_what_a_killed_process_has_left_goes_with_the_next(tmp_path: Path, maker: str) -> None:
    """Whatever that makes there, and under which name: nobody's data stays about."""
    killed(tmp_path)
    assert [True, True] == [is_part(name) for name in names(tmp_path)]
    if maker == "file":
        with whole_file(tmp_path / "other.csv", replace=False):
            assert 1 == len(names(tmp_path))
    else:
        with part_folder(tmp_path, "other"):
            assert 1 == len(names(tmp_path))


def test_what_a_process_that_runs_makes_is_left_alone(tmp_path: Path) -> None:
    """So is what has another name, or only looks alike."""
    kept = [".x.0123456.bazar-part", ".bazar-part", "x.01234567.bazar-part", ".x.01234567.part"]
    for name in kept:
        (tmp_path / name).touch()
    with (
        whole_file(tmp_path / "a.csv", replace=False) as file,
        part_folder(tmp_path, "b") as part,
        whole_file(tmp_path / "c.csv", replace=False),
    ):
        file.write(b"1")
        (part / "file").write_bytes(b"2")
    assert sorted([*kept, "a.csv", "c.csv"]) == names(tmp_path)
    assert b"1" == (tmp_path / "a.csv").read_bytes()


def test_a_folder_that_is_renamed_stays(tmp_path: Path) -> None:
    """Under its new name, and its owner's alone; one that is not goes with all that is in it."""
    for renamed in (True, False):
        with part_folder(tmp_path, "data") as part:
            (part / "file").write_bytes(b"1")
            if renamed:
                part.rename(tmp_path / "data")
    assert ["data"] == names(tmp_path)
    assert 0o700 == stat.S_IMODE((tmp_path / "data").stat().st_mode)


def test_a_long_name_is_no_reason_to_fail(tmp_path: Path) -> None:
    """The part's name is not longer than a file system takes, in any script."""
    for name in ("a" * 255, "書" * 85):
        with whole_file(tmp_path / name, replace=False) as file:
            file.write(b"1")
    assert 2 == len(names(tmp_path))
