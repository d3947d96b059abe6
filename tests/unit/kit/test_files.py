"""A file is there as a whole under its name, or not at all."""

import os
import stat
import threading
from pathlib import Path

import pytest

from bazar.kit.files import whole_file


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
