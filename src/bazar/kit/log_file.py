"""A file that log lines are added to: each is there as a whole before whoever logs goes on.

So a process that is killed loses nothing that it had logged. Several processes may add to one
file, as those of a front on one port do: each line is one write to its end. A file that has grown
too long gets the ending `.1`, in the place of the one that had it, and a new one is begun.

Source: docs/decisions/0047-a-purchase-can-be-watched.md
"""

import fcntl
import os
import stat
import threading
from contextlib import suppress
from pathlib import Path

from bazar.kit.errors import StartupError

FILE_BYTES_MAX = 64 * 1024 * 1024
"""A longer one is put aside; there is one such file beside it at most."""
OLDER_ENDING = ".1"
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
"""Not blocking: what is there and no file, such as a pipe, must not be waited for."""
_OWNERS_ALONE = 0o600


class LogFile:
    """The file to which this process adds its lines; its number stays the same for good."""

    def __init__(self, path: Path, bytes_max: int = FILE_BYTES_MAX) -> None:
        """Open a file, or make one that is its owner's alone.

        Raises:
            StartupError: it cannot be written, or is no file.
        """
        self.path = path
        self._bytes_max = bytes_max
        self._turning = threading.Lock()
        self._cut = False
        """Whether the last write ended within a line, as when the disk is full."""
        try:
            self._descriptor = os.open(path, _FLAGS, _OWNERS_ALONE)
        except OSError as error:
            message = f"cannot write the log file {path}: {error.strerror}"
            raise StartupError(message) from None
        if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            os.close(self._descriptor)
            message = f"cannot write the log file {path}: it is no file"
            raise StartupError(message)

    def add(self, lines: bytes) -> None:
        """Write whole lines to the end of the file.

        Raises:
            OSError: they are not in it, or not all of them.
        """
        data = b"\n" + lines if self._cut else lines
        written = os.write(self._descriptor, data)
        self._cut = written < len(data) and (written > 0 or self._cut)
        if written < len(data):
            message = "the disk took a part of it"
            raise OSError(message)
        if os.fstat(self._descriptor).st_size > self._bytes_max and self._turning.acquire(
            blocking=False
        ):
            try:
                self._put_aside()
            except OSError:  # such as that another process is at it: the next line tries again
                pass
            finally:
                self._turning.release()

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def _put_aside(self) -> None:
        """Begin a new file, unless another process has done so already.

        Nobody waits for the lock: who has it may have been stopped. And the new file takes the
        number of the old one in one go, so that no line is ever written to a number that means
        something else by now.
        """
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        old = os.fstat(self._descriptor)
        with suppress(FileNotFoundError):
            if os.path.samestat(old, self.path.stat()):
                self.path.replace(self.path.with_name(self.path.name + OLDER_ENDING))
        new = os.open(self.path, _FLAGS, _OWNERS_ALONE)
        try:
            os.fchmod(new, stat.S_IMODE(old.st_mode))
            os.dup2(new, self._descriptor, inheritable=False)  # which lets go of the lock
        finally:
            os.close(new)
