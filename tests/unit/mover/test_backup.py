"""A folder that is there is filled with a restored shop as a whole, or holds none."""

from pathlib import Path

import pytest

from bazar.cluster import STARTED_FILE
from bazar.kit.errors import StartupError
from bazar.kit.files import part_folder
from bazar.kit.lock import hold
from bazar.kit.process.config import find_secret
from bazar.mover.backup import FILES, LOCKS, fill, is_empty

WHOLE = (*FILES, STARTED_FILE)
GIVEN = "a secret of sixteen"


def fill_with(data: Path, names: tuple[str, ...], content: str) -> None:
    """Fill a folder with files that were restored, as far as they are there."""
    with part_folder(data, "data") as folder:
        for name in names:
            (folder / name).write_text(content)
        fill(folder, data)


def shown(data: Path) -> dict[str, str]:
    """Return what is in a folder, but for locks."""
    return {one.name: one.read_text() for one in data.iterdir() if one.name not in LOCKS}


@pytest.mark.parametrize("moved", range(len(WHOLE)))
def test_a_restore_that_broke_off_is_told_and_begun_anew(tmp_path: Path, moved: int) -> None:
    """Wherever it broke off: no service opens a part of a shop, and the next one is whole."""
    with pytest.raises(FileNotFoundError):
        fill_with(tmp_path, WHOLE[:moved], "half")
    with pytest.raises(StartupError, match="bazar restore FILE --data"):
        find_secret(GIVEN, None, tmp_path, "127.0.0.1")
    assert is_empty(tmp_path)
    fill_with(tmp_path, WHOLE, "whole")
    assert dict.fromkeys(WHOLE, "whole") == shown(tmp_path)
    assert GIVEN == find_secret(GIVEN, None, tmp_path, "127.0.0.1")
    assert not is_empty(tmp_path)


def test_the_root_of_a_new_disk_is_empty(tmp_path: Path) -> None:
    """Though its file system has a folder there; what anybody else has put there counts."""
    (tmp_path / "lost+found").mkdir()
    for name in LOCKS:
        (tmp_path / name).touch()
    assert is_empty(tmp_path)
    (tmp_path / "catalog.db").touch()
    assert not is_empty(tmp_path)


def test_what_came_meanwhile_stays(tmp_path: Path) -> None:
    """A shop that was opened there, or another restore."""
    (tmp_path / "catalog.db").write_text("theirs")
    with pytest.raises(StartupError, match="meanwhile"):
        fill_with(tmp_path, WHOLE, "ours")
    assert {"catalog.db": "theirs"} == shown(tmp_path)


@pytest.mark.parametrize("name", LOCKS)
def test_a_folder_in_use_is_not_filled(tmp_path: Path, name: str) -> None:
    """Whichever service is in it."""
    with hold(tmp_path / name, "it"), pytest.raises(StartupError, match="in use"):
        fill_with(tmp_path, WHOLE, "whole")
    assert {} == shown(tmp_path)
