"""A file that one process holds at a time; the kernel lets go of it when the process ends."""

import fcntl
import os
from pathlib import Path
from typing import IO

from bazar.kit.errors import StartupError


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
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
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
