"""Files that are there as a whole or not at all, whatever happens while they are written."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


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
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    opened = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(opened, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if replace:
            part.replace(path)
        else:
            _name(part, path)
        flush_folder(path.parent)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


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
