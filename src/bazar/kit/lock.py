"""A file that one process holds at a time; the kernel lets go of it when the process ends."""

import fcntl
import os
import struct
from contextlib import suppress
from pathlib import Path
from time import sleep
from typing import IO

from bazar.kit.errors import StartupError

LOOKS_MAX = 3
LOOK_S = 0.02
"""Longer than `is_held` has a file."""
_LOCKED_BYTE = 2**62
"""Far from those at 2^30 that SQLite locks in a database, and from any that a file has."""


def hold(path: Path, what: str) -> IO[str]:
    """Lock a file until it is closed, creating it and its folder where they are missing.

    Args:
        path: the lock file.
        what: it guards, for the error message.

    Raises:
        StartupError: another process holds it, or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = path.open("a+")
    except OSError as error:
        message = f"cannot write to the data folder {path.parent}: {error.strerror}"
        raise StartupError(message) from error
    try:
        _lock(file)
    except OSError as error:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        message = f"{what} is in use by another process (pid {holder}); stop that one first"
        raise StartupError(message) from error
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def _lock(file: IO[str]) -> None:
    """Lock a file, also where somebody just looks whether anybody holds it."""
    for _look in range(LOOKS_MAX):
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        sleep(LOOK_S)
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_held(path: Path) -> bool:
    """Tell whether a process holds a lock file now."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


class FileHold:
    """A lock on a file itself, whatever it is called, beside one on a lock file by its name.

    A file has more names than one: a link, a mount, the name that it had before it was moved. On
    Linux the kernel locks the file behind them all. Elsewhere only links are told apart.

    Source: fcntl(2), open file description locks
    """

    def __init__(self, path: Path, what: str) -> None:
        """Lock a file until `close`, creating it where it is missing.

        Args:
            path: of the file; links have been followed.
            what: it is, for the error message.

        Raises:
            StartupError: another process holds it, it has a second name, or it cannot be opened.
        """
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            message = f"cannot open {what}: {error.strerror}"
            raise StartupError(message) from error
        try:
            self._check(what)
        except StartupError:
            self.close()
            raise

    def _check(self, what: str) -> None:
        if hasattr(fcntl, "F_OFD_SETLK"):
            lock = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, _LOCKED_BYTE, 1, 0)
            try:
                fcntl.fcntl(self._fd, fcntl.F_OFD_SETLK, lock)
            except (BlockingIOError, PermissionError) as error:
                message = f"{what} is in use by another process, under another name; stop that one"
                raise StartupError(message) from error
            except OSError:
                pass  # a file system without such locks; the lock file is still held
        if os.fstat(self._fd).st_nlink > 1:
            # What is not in the file yet lies in a log beside one of its names.
            message = f"{what} has a second name (a hard link), which would lose data; remove it"
            raise StartupError(message)

    def close(self) -> None:
        """Let go of the file. No database may have it open in this process any more."""
        with suppress(OSError):
            os.close(self._fd)
