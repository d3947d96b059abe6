"""The one file of a backup: whole to its last byte, or refused."""

import random
import subprocess
import tarfile
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from bazar.kit.errors import StartupError
from bazar.mover.archive import About, digest_of, opened_archive, unpack, write_archive

CONTENT = {"secret": b"s" * 20, "order.db": bytes(range(256)) * 20, "catalog.db": b""}


def packed(folder: Path, **changes: object) -> Path:
    """Write a backup of three small files."""
    source = folder / "source"
    source.mkdir()
    for name, content in CONTENT.items():
        (source / name).write_bytes(content)
    about = About(
        format=1,
        release="1",
        made_at=datetime(2026, 11, 27, tzinfo=UTC),
        digests={name: digest_of(source / name) for name in CONTENT},
        differences=[],
    )
    path = folder / "backup"
    with path.open("wb") as file:
        written = write_archive(file, msgspec.structs.replace(about, **changes), source)
    assert written == path.stat().st_size
    return path


def unpacked(path: Path, folder: Path) -> dict[str, bytes]:
    """Return what a backup holds."""
    folder.mkdir()
    with opened_archive(path) as file:
        unpack(file, tuple(CONTENT), folder)
    return {one.name: one.read_bytes() for one in folder.iterdir()}


def test_a_backup_gives_back_what_was_put_in(tmp_path: Path) -> None:
    """Every file, to the byte."""
    assert CONTENT == unpacked(packed(tmp_path), tmp_path / "there")


def test_tar_opens_it(tmp_path: Path) -> None:
    """Whoever has nothing else can get the files out."""
    path = packed(tmp_path)
    done = subprocess.run(["tar", "-tf", path], capture_output=True, text=True, check=True)
    assert ["backup.json", *CONTENT, "sha256"] == done.stdout.split()


def test_a_backup_with_any_byte_changed_is_refused(tmp_path: Path) -> None:
    """Wherever it is: in a file, between two, in what is empty, and in the checksum itself."""
    path = packed(tmp_path)
    good = path.read_bytes()
    places = random.Random(1).sample(range(len(good)), 150)
    for place in {*places, 0, 100, len(good) - 1, len(good) - 1024, len(good) - 1030}:
        path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        with pytest.raises(StartupError, match="damaged"), opened_archive(path):
            pytest.fail(f"it was opened, though byte {place} is another")


@pytest.mark.parametrize("length", [0, 1, 512, 2048, 5000, -1])
def test_a_backup_that_was_cut_off_is_refused(tmp_path: Path, length: int) -> None:
    """As a disk that was full leaves it."""
    path = packed(tmp_path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(StartupError, match="cut off"), opened_archive(path):
        pytest.fail("it was opened")


def test_a_backup_with_something_behind_it_is_refused(tmp_path: Path) -> None:
    """Two of them in one file are none."""
    path = packed(tmp_path)
    path.write_bytes(path.read_bytes() * 2)
    with pytest.raises(StartupError, match="checksum"), opened_archive(path):
        pytest.fail("it was opened")


def test_a_backup_of_a_newer_form_is_refused(tmp_path: Path) -> None:
    """It says which release has made it."""
    with pytest.raises(StartupError, match="release"):
        unpacked(packed(tmp_path, format=2, release="9.9"), tmp_path / "there")


def test_a_backup_that_is_not_there_is_named(tmp_path: Path) -> None:
    """So is a folder, which is none."""
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(StartupError, match=str(path)), opened_archive(path):
            pytest.fail("it was opened")


def checked(body: bytes, old: bytes) -> bytes:
    """Return an archive of these bytes with a right checksum, made of another one."""
    end = 4 * tarfile.BLOCKSIZE
    was, is_now = (sha256(one).hexdigest().encode() for one in (old[:-end], body))
    return body + old[-end:].replace(was, is_now)


@pytest.mark.parametrize("name", ["backup.json", *CONTENT])
@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_a_backup_that_lacks_a_file_is_refused(tmp_path: Path, name: str, kind: str) -> None:
    """Though its checksum is right: somebody has made it by hand."""
    path = packed(tmp_path)
    content = path.read_bytes()
    with tarfile.open(path) as archive:
        member = archive.getmember(name)
    place = member.offset
    if kind == "missing":
        member.name = "another"
    else:
        member.type, member.size = tarfile.DIRTYPE, 0
    header = member.tobuf(tarfile.GNU_FORMAT)
    body = content[:place] + header + content[place + len(header) : -4 * tarfile.BLOCKSIZE]
    path.write_bytes(checked(body, content))
    with pytest.raises(StartupError, match="cannot read the backup"):
        unpacked(path, tmp_path / "there")


@pytest.mark.parametrize("body", [b"", b"{}", b"x" * 1024, bytes(5120)])
def test_what_is_no_archive_is_refused_though_its_checksum_is_right(
    tmp_path: Path, body: bytes
) -> None:
    """In one line that names the file."""
    path = packed(tmp_path)
    path.write_bytes(checked(body, path.read_bytes()))
    with pytest.raises(StartupError, match=f"cannot read the backup {path}"):
        unpacked(path, tmp_path / "there")


def test_a_backup_is_not_blamed_for_what_happens_elsewhere(tmp_path: Path) -> None:
    """A disk that is full is about the disk."""
    path, there = packed(tmp_path), tmp_path / "there"
    with pytest.raises(FileNotFoundError), opened_archive(path) as file:
        unpack(file, tuple(CONTENT), there)
    with pytest.raises(NotADirectoryError), opened_archive(path):
        (path / "x").touch()
