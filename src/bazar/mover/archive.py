"""The one file that a backup is: a tar archive whose end tells the digest of all before it.

So every byte of it is checked before any of it is used, and whoever has no Bazar at hand can open
it with `tar`.
"""

import os
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import IO, BinaryIO

import msgspec

from bazar.kit.errors import StartupError

FORMAT = 1
ABOUT = "backup.json"
_DIGEST = "sha256"
_CHUNK_BYTES = 1024 * 1024
_END = bytes(2 * tarfile.BLOCKSIZE)
"""Of every tar archive. Source: IEEE Std 1003.1, pax, ustar Interchange Format"""


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup is of."""

    format: int
    release: str
    """Of the program that made it."""
    made_at: datetime
    digests: dict[str, str]
    """SHA-256 of each file in it, by its name."""
    differences: list[str]
    """What the audit found wrong in it."""


class _Digesting:
    """A file that is written from its beginning to its end, and what its bytes sum up to."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = sha256()
        self.size_bytes = 0

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self.size_bytes += len(data)
        return self._file.write(data)


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def write_archive(file: BinaryIO, about: About, folder: Path) -> int:
    """Write a backup of the files that are named in `about`, as they lie in a folder.

    Returns:
        How many bytes that are.
    """
    digesting = _Digesting(file)
    content = msgspec.json.format(msgspec.json.encode(about)) + b"\n"
    _add(digesting, _member(ABOUT, len(content), about), BytesIO(content))
    for name in about.digests:
        with (folder / name).open("rb") as member:
            _add(digesting, _member(name, (folder / name).stat().st_size, about), member)
    end = _tail(digesting.digest.hexdigest())
    file.write(end)
    return digesting.size_bytes + len(end)


def _add(file: _Digesting, member: tarfile.TarInfo, content: BinaryIO) -> None:
    file.write(member.tobuf(tarfile.GNU_FORMAT))
    left_bytes = member.size
    while left_bytes and (chunk := content.read(min(_CHUNK_BYTES, left_bytes))):
        file.write(chunk)
        left_bytes -= len(chunk)
    assert not left_bytes, f"{member.name} has become shorter"
    file.write(bytes(-member.size % tarfile.BLOCKSIZE))


def _member(name: str, size_bytes: int, about: About) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = size_bytes
    member.mode = 0o600
    member.mtime = int(about.made_at.timestamp())
    return member


def _tail(digest: str) -> bytes:
    """Return the end of an archive, whose other bytes have this digest."""
    member = tarfile.TarInfo(_DIGEST)
    content = f"{digest}\n".encode()
    member.size = len(content)
    member.mode = 0o600
    block = content.ljust(tarfile.BLOCKSIZE, b"\0")
    return member.tobuf(tarfile.GNU_FORMAT) + block + _END


@contextmanager
def opened_archive(path: Path) -> Iterator[BinaryIO]:
    """Open a backup that is whole to its last byte.

    Raises:
        StartupError: it cannot be read, is no backup, or is damaged.
    """
    with _reading(path):
        file = path.open("rb")
    with file:
        with _reading(path):
            _check(file, path)
        yield file


@contextmanager
def _reading(path: Path | str) -> Iterator[None]:
    """Blame the backup for what is wrong in here, and so for nothing else.

    Raises:
        StartupError: it cannot be read.
    """
    try:
        yield
    except (OSError, KeyError, tarfile.TarError, msgspec.DecodeError) as error:
        reason = getattr(error, "strerror", None) or (error.args or ("it makes no sense",))[0]
        message = f"cannot read the backup {path}: {reason}"
        raise StartupError(message) from error


def _check(file: BinaryIO, path: Path) -> None:
    size_bytes = file.seek(0, 2)
    file.seek(0)
    digest, left_bytes = sha256(), size_bytes - len(_tail(""))
    while left_bytes > 0 and (chunk := file.read(min(_CHUNK_BYTES, left_bytes))):
        digest.update(chunk)
        left_bytes -= len(chunk)
    if left_bytes or file.read() != _tail(digest.hexdigest()):
        message = (
            f"{path} is no whole backup: its checksum does not match, so it is damaged, cut off, "
            "or something else. Nothing was restored"
        )
        raise StartupError(message)


def unpack(file: BinaryIO, names: Sequence[str], folder: Path) -> About:
    """Write the files of a checked backup into a folder.

    Args:
        file: as `opened_archive` gives it.
        names: of the files that have to be in it, and no others.
        folder: is there, and empty.

    Raises:
        StartupError: it is of a newer release, or not made as a backup is.
        OSError: the folder cannot be written to.
    """
    with ExitStack() as stack:
        with _reading(file.name):
            file.seek(0)
            archive = stack.enter_context(tarfile.open(fileobj=file, mode="r:"))
            about = msgspec.json.decode(_member_of(archive, ABOUT).read(), type=About)
        if about.format != FORMAT or sorted(about.digests) != sorted(names):
            message = f"the backup is of another release ({about.release}): install that one"
            raise StartupError(message)
        for name in names:
            _write(archive, name, folder)
            if digest_of(folder / name) != about.digests[name]:
                message = f"{name} in the backup is damaged. Nothing was restored"
                raise StartupError(message)
    return about


def _member_of(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    """Open a file of an archive.

    Raises:
        KeyError: there is none of that name.
    """
    if (member := archive.extractfile(name)) is None:
        message = f"{name} in it is no file"
        raise KeyError(message)
    return member


def _write(archive: tarfile.TarFile, name: str, folder: Path) -> None:
    path = str(archive.name)
    with _reading(path):
        member = _member_of(archive, name)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with member, os.fdopen(os.open(folder / name, flags, 0o600), "wb") as file:
        while chunk := _chunk(member, path):
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def _chunk(member: IO[bytes], path: str) -> bytes:
    with _reading(path):
        return member.read(_CHUNK_BYTES)
