"""Files and folders that are there as a whole or not at all, whatever happens while they are made.

What is half made has a hidden name, and is locked by who makes it. A process that is killed leaves
it behind and lets go of the lock, so the next one that makes something there takes it away.
"""

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_SHOWN_LENGTH_MAX = 40
"""Of a name in that of its part, which a file system bounds."""
_PART = re.compile(r"\..*\.[0-9a-f]{8}\.bazar-part", re.DOTALL)


@contextmanager
def whole_file(path: Path, *, replace: bool) -> Iterator[BinaryIO]:
    """Write beside a file, and put that into its place at the end, flushed to the disk.

    What is there and no file, such as a pipe, is written to as it is.

    Args:
        path: gets its name only once all is written; it is its owner's alone.
        replace: whether a file that is there already goes.

    Raises:
        FileExistsError: there is one, at the beginning or by the end, and it is to stay.
        OSError: it cannot be written; nothing is left of it.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as there:
            yield there
        return
    if not replace and (path.exists() or path.is_symlink()):
        raise FileExistsError(path)
    part, opened = _part_of(path.parent, path.name), -1
    try:  # from here on: a signal may end it as soon as the part is there
        opened = _begun(part, _new_file)
        with os.fdopen(opened, "wb", closefd=False) as file:
            yield file
            file.flush()
            os.fsync(opened)
        if replace:
            part.replace(path)
        else:
            _name(part, path)
        flush_folder(path.parent)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
        if opened >= 0:
            os.close(opened)


@contextmanager
def part_folder(folder: Path, name: str) -> Iterator[Path]:
    """Make a hidden folder inside another one, that is gone at the end unless it was renamed.

    Args:
        folder: in which it is made.
        name: of what will be made of it.

    Raises:
        OSError: it cannot be made.
    """
    part, opened = _part_of(folder, name), -1
    try:
        opened = _begun(part, _new_folder)
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)
        if opened >= 0:
            os.close(opened)


def is_part(name: str) -> bool:
    """Tell whether something of this name is half made."""
    return _PART.fullmatch(name) is not None


def _part_of(folder: Path, name: str) -> Path:
    """Return the name of a new part, and take away what others have left."""
    _sweep(folder)
    return folder / f".{name[:_SHOWN_LENGTH_MAX]}.{secrets.token_hex(4)}.bazar-part"


def _begun(part: Path, make: Callable[[Path], int]) -> int:
    """Make a part; return the descriptor that keeps it ours until that is closed."""
    while True:
        opened = make(part)
        with suppress(OSError):  # a file system without locks, where nobody sweeps either
            fcntl.flock(opened, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.lstat(part), os.fstat(opened)):
                return opened
        os.close(opened)  # it was swept before it was locked


def _new_file(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def _new_folder(path: Path) -> int:
    path.mkdir(mode=0o700)
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _sweep(folder: Path) -> None:
    """Take away what killed processes of this user have left half made in a folder."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if is_part(entry.name):
                with suppress(OSError):
                    _remove_left(Path(entry.path))


def _remove_left(part: Path) -> None:
    """Remove a part that nobody makes any more.

    Raises:
        OSError: somebody does, or it cannot be told.
    """
    opened = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if os.fstat(opened).st_uid != os.geteuid():
            return
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if part.is_dir():
            shutil.rmtree(part)
        else:
            part.unlink()
    finally:
        os.close(opened)


def _name(part: Path, path: Path) -> None:
    """Give a file its name; where another one got that meanwhile, the other one stays.

    Raises:
        FileExistsError: it did.
    """
    try:
        path.hardlink_to(part)
    except FileExistsError:
        raise
    except OSError:  # a file system without links, such as that of most memory sticks
        if path.exists():
            raise FileExistsError(path) from None
        part.rename(path)


def flush_folder(folder: Path) -> None:
    """Have the names in a folder survive a power cut."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
