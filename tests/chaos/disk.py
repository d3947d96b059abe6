"""A disk that forgets at a power cut what was not flushed, and tears what it was writing.

How it works: `Power` stands before the real files as SQLite's default VFS. Every change goes
through to the real file, so that a database reads what it wrote. Beside it the content of each
file at its last flush is kept, and every change since. At a cut a file is left with that content
and with those later changes that chance picks: the first few or some of them, the last of them
torn. A name that was made or removed since its folder was flushed may be there or not.

A cut stops nobody: whoever still writes does so to files that nobody will read, and whoever
listens has to drop what it hears from then on. So thousands of cuts fit into one process.

Bytes outside of what is written never change, as SQLite assumes too ("powersafe overwrite"). The
index of the log (`-shm`) is never kept: SQLite makes it anew from the log.

Source: sqlite.org/c3ref/vfs.html, sqlite.org/psow.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from threading import Lock
from time import sleep
from types import TracebackType
from typing import Self

import apsw

from bazar.kit.data import sqlite_checkpoints

NAME = "power"
REAL = "unix"
LINGER_S = 0.005
"""Between the call that a cut hits and the cut: time for an answer that goes out too early."""
LOG_PAGES = (10, 40, 1000)
"""After so many pages the log is copied into the database. A service's own figure is the last; the
others have it done, and cut, far more often."""
LOGS = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL

Change = tuple[int, bytes | None]
"""Bytes at an offset; None where the file was truncated to that size."""


def apply(content: bytearray, change: Change) -> None:
    """Do to a content what was done to the file."""
    offset, data = change
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    if data is None:
        del content[offset:]
    else:
        content[offset : offset + len(data)] = data


@dataclass(eq=False)
class Content:
    """A file: what is on the disk for certain, and what was done to it since."""

    flushed: bytearray = field(default_factory=bytearray)
    changes: list[Change] = field(default_factory=list)

    def flush(self) -> None:
        """Make all that was done certain."""
        for change in self.changes:
            apply(self.flushed, change)
        self.changes.clear()

    def survivor(self, chance: Random) -> bytes:
        """Return what is left after a cut: of the changes some, and one of them torn."""
        content = bytearray(self.flushed)
        if self.changes:
            reached = chance.randrange(len(self.changes))
            share = chance.choice((0.5, 1))
            for change in self.changes[:reached]:
                if chance.random() < share:
                    apply(content, change)
            offset, data = self.changes[reached]
            apply(content, (offset, data and data[: chance.randint(0, len(data))]))
        return bytes(content)


@dataclass(eq=False)
class Aim:
    """A cut of some disks, all at once, at a call to come that changes one of them."""

    calls_left: int
    disks: tuple["Disk", ...]


class Disk:
    """A folder of files, until its power is cut."""

    def __init__(
        self, folder: Path, files: Mapping[str, bytes], on_cut: Callable[[], None]
    ) -> None:
        """Put files into a new folder.

        Args:
            folder: that is made.
            files: names and contents.
            on_cut: is called once, in whichever thread the cut happens.
        """
        folder.mkdir(parents=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        self.folder = folder
        self.on = True
        self.on_cut = on_cut
        self.aim: Aim | None = None
        self.left: dict[str, bytes] = {}
        """The files that a cut has left."""
        self.forgotten = 0
        """Changes that were not flushed at the cut."""
        self._names = {name: Content(bytearray(content)) for name, content in files.items()}
        self._flushed_names = dict(self._names)

    def opened(self, name: str) -> Content:
        """Return the file of a name, a new one where there is none."""
        return self._names.setdefault(name, Content())

    def remove(self, name: str) -> None:
        """Take a name away."""
        self._names.pop(name, None)

    def flush_names(self) -> None:
        """Make certain which names there are."""
        self._flushed_names = dict(self._names)

    def cut(self, chance: Random) -> None:
        """Leave what a power cut leaves."""
        self.on = False
        for name in sorted(self._names.keys() | self._flushed_names.keys()):
            now, before = self._names.get(name), self._flushed_names.get(name)
            kept = chance.choice((now, before))
            if kept is not None:
                self.forgotten += len(kept.changes)
                self.left[name] = kept.survivor(chance)


class PowerFile(apsw.VFSFile):
    """An open file of a disk."""

    def __init__(
        self, power: "Power", disk: Disk, name: apsw.URIFilename | str, flags: list[int]
    ) -> None:
        """Open the real file too."""
        self._power, self._disk = power, disk
        path = Path(name if isinstance(name, str) else name.filename())
        self._flushes_names = bool(flags[0] & LOGS and flags[0] & apsw.SQLITE_OPEN_CREATE)
        super().__init__(REAL, name, flags)
        self._content = disk.opened(path.name)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802  SQLite's own name
        """Write, for now."""
        super().xWrite(data, offset)
        self._power.changed(self._disk, self._content, (offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802  SQLite's own name
        """Shorten, for now."""
        super().xTruncate(newsize)
        self._power.changed(self._disk, self._content, (newsize, None))

    def xSync(self, flags: int) -> None:  # noqa: ARG002, N802  SQLite's own name and arguments
        """Make certain what was written, without the wait of a real flush.

        The first flush of a log that was opened flushes its folder too, as SQLite's own VFS does.
        """
        self._power.flushed(self._disk, self._content, names=self._flushes_names)
        self._flushes_names = False


class Power(apsw.VFS):
    """The current that all disks hang on; cut by hand, or at the Nth call that changes a disk."""

    def __init__(self, chance: Random) -> None:
        """Become SQLite's default until the end of a `with`; chance decides what a cut leaves."""
        super().__init__(NAME, REAL, makedefault=True)
        self._chance = chance
        self._disks: dict[Path, Disk] = {}
        self._lock = Lock()

    def __enter__(self) -> Self:
        """Have the logs of all databases copied at other sizes too."""
        apsw.connection_hooks.append(self._log_pages)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give SQLite its own default back."""
        apsw.connection_hooks.remove(self._log_pages)
        sqlite_checkpoints.COPY_PAGES = LOG_PAGES[-1]
        self.unregister()

    def _log_pages(self, connection: apsw.Connection) -> None:
        if connection.open_vfs == NAME:
            sqlite_checkpoints.COPY_PAGES = self._chance.choice(LOG_PAGES)

    def disk(self, folder: Path, files: Mapping[str, bytes], on_cut: Callable[[], None]) -> Disk:
        """Return a new disk with some files."""
        disk = self._disks[folder] = Disk(folder, files, on_cut)
        return disk

    def aim(self, calls: int, *disks: Disk) -> None:
        """Cut some disks, all at once, at the Nth call from now that changes one of them."""
        aim = Aim(calls, disks)
        with self._lock:
            for disk in disks:
                disk.aim = aim

    def cut(self, *disks: Disk) -> None:
        """Cut the current of some disks now; where it is cut already nothing changes."""
        with self._lock:
            fresh = [disk for disk in disks if disk.on]
            for disk in fresh:
                disk.cut(self._chance)
                del self._disks[disk.folder]
        for disk in fresh:
            disk.on_cut()

    def changed(self, disk: Disk, content: Content, change: Change) -> None:
        """Note a change that is not flushed yet."""
        with self._lock:
            if disk.on:
                content.changes.append(change)
        self._hit(disk)

    def flushed(self, disk: Disk, content: Content, *, names: bool) -> None:
        """Note a flush; a cut that hits it comes before it."""
        self._hit(disk)
        with self._lock:
            if disk.on:
                content.flush()
                if names:
                    disk.flush_names()

    def _hit(self, disk: Disk) -> None:
        with self._lock:
            aim = disk.aim
            if aim is None:
                return
            aim.calls_left -= 1
            if aim.calls_left != 0:
                return
        sleep(LINGER_S)
        self.cut(*aim.disks)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802  SQLite's own name
        """Open a file of a disk, or any other file as ever."""
        if name is not None:
            path = Path(name if isinstance(name, str) else name.filename())
            disk = self._disks.get(path.parent)
            if disk is not None:
                return PowerFile(self, disk, name, flags)
        return super().xOpen(name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: FBT001, N802  SQLite's own
        """Remove a file, for now; for certain where the folder is to be flushed."""
        super().xDelete(filename, syncdir)
        disk = self._disks.get(Path(filename).parent)
        if disk is not None:
            self._hit(disk)
            with self._lock:
                if disk.on:
                    disk.remove(Path(filename).name)
                    if syncdir:
                        disk.flush_names()
