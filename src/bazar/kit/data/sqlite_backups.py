"""Backups of a SQLite file while it is written: a copy of one snapshot, made beside it.

A connection that has begun to read sees one moment, however long it reads, and SQLite's backup
copies what that connection sees. So the moment is taken at once, and the copy is made afterwards,
slowly enough for the disk to flush commits beside it. The copy is a file without a name, so that
nothing is left of it whatever ends.

Where a second database has to show the same moment, nothing is written here from before that takes
its moment until it has: then whatever it shows was caused by what is to be seen here, and whatever
is to be seen here as its effect it shows.

Source: sqlite.org/backup.html, sqlite.org/isolation.html; docs/decisions/0039-backups.md
"""

import asyncio
import os
import shutil
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from time import sleep
from typing import TypeVar

import apsw

from bazar.kit.backup import BackupNotFound, BackupState, NoRoomForBackup
from bazar.kit.data.sqlite import SqliteDatabase
from bazar.kit.errors import Unavailable

T = TypeVar("T")

PIECE_BYTES = 1024 * 1024
STEP_PAGES = 256
"""Copied in one go: a mebibyte, about a millisecond."""
STEP_PAUSE_S = 0.002
FLUSH_BYTES = 8 * 1024 * 1024
"""After so many the copy is flushed, so that no commit waits behind a heap of it."""
HOLD_S_MAX = 0.25
"""So long no write may begin."""
HOLDS_MAX = 8
HOLD_PAUSE_S = 0.2
LINGER_S = 600.0
"""After which a backup that nobody reads or asks for goes."""
ROOM_BYTES_LEFT = 64 * 1024 * 1024


class _Backup:
    """One backup, from its moment on."""

    def __init__(self, asked_id: str, backup_id: str, snapshot: apsw.Connection) -> None:
        self.asked_id = asked_id
        self.id = backup_id
        self.snapshot = snapshot
        self.stop = threading.Event()
        self.task: asyncio.Task[None] | None = None
        self.file_descriptor: int | None = None
        self.size_bytes = 0
        self.sha256 = ""
        self.failure = ""
        self.reading = 0
        self.timer: asyncio.TimerHandle | None = None

    def state(self) -> BackupState:
        made = self.sha256 != ""
        size_bytes = self.size_bytes if made else 0
        return BackupState(id=self.id, made=made, size_bytes=size_bytes, sha256=self.sha256)


class SqliteBackups:
    """The backups of one database, one at a time."""

    def __init__(self, database: SqliteDatabase) -> None:
        """Make them beside the database's file. Needs a running event loop."""
        self._database = database
        self._path = database.path.with_name(f"{database.path.name}.backup")
        self._loop = asyncio.get_running_loop()
        self._now: _Backup | None = None
        self._beginning = asyncio.Lock()
        with suppress(FileNotFoundError):  # of a process that was killed
            self._path.unlink()

    async def begin(
        self, backup_id: str, beside: Callable[[str], Awaitable[object]] | None = None
    ) -> BackupState:
        """Take the moment, and begin to copy; see `bazar.kit.backup.Backups`."""
        async with self._beginning:
            if self._now is not None and self._now.asked_id == backup_id:
                return self._now.state()
            await self._drop()
            self._check_room()
            snapshot = await asyncio.to_thread(self._database.connection)
            made_id = backup_id
            try:
                if beside is None:
                    _take_moment(snapshot)
                else:
                    made_id = await self._at_one_moment(backup_id, snapshot, beside)
            except BaseException:
                snapshot.close()
                raise
            self._now = backup = _Backup(backup_id, made_id, snapshot)
            backup.task = asyncio.create_task(self._make(backup))
            self._linger(backup)
            return backup.state()

    async def _at_one_moment(
        self,
        backup_id: str,
        snapshot: apsw.Connection,
        beside: Callable[[str], Awaitable[object]],
    ) -> str:
        """Take the moment while the other one is taken; return under which id that was."""

        async def both() -> None:
            _take_moment(snapshot)
            await beside(tried)

        reason = ""
        for number in range(HOLDS_MAX):
            if number:
                await asyncio.sleep(HOLD_PAUSE_S)
            tried = f"{backup_id}-{number}"
            try:
                if await self._database.held(both, HOLD_S_MAX):
                    return tried
                reason = "it took too long"
            except (TimeoutError, Unavailable) as error:
                reason = str(error) or "it took too long"
            snapshot.execute("COMMIT")
        message = (
            f"the moment of a backup could not be taken within {HOLD_S_MAX:g} s in both "
            f"databases, in {HOLDS_MAX} tries: {reason}"
        )
        raise Unavailable(message)

    def _check_room(self) -> None:
        path = self._database.path
        needed = path.stat().st_size + self._database.log_bytes() + ROOM_BYTES_LEFT
        free = shutil.disk_usage(path.parent).free
        if free < needed:
            message = f"a backup needs {needed:,} bytes beside the database, and {free:,} are free"
            raise NoRoomForBackup(message)

    async def _make(self, backup: _Backup) -> None:
        try:
            await asyncio.to_thread(_copy, backup, self._path)
        except (OSError, apsw.Error) as error:
            backup.failure = str(error)
        finally:
            backup.snapshot.close()

    def state(self, backup_id: str) -> BackupState:
        """Tell how far a backup is; see `bazar.kit.backup.Backups`."""
        backup = self._found(backup_id)
        if backup.failure:
            message = f"the backup could not be made: {backup.failure}"
            raise Unavailable(message)
        self._linger(backup)  # who asks still wants it
        return backup.state()

    async def piece(self, backup_id: str, after: int) -> bytes:
        """Return the next bytes of a backup; see `bazar.kit.backup.Backups`."""
        backup = self._found(backup_id)
        file_descriptor = backup.file_descriptor
        if not backup.sha256 or file_descriptor is None:
            message = f"the backup {backup_id} is not made yet"
            raise BackupNotFound(message)
        backup.reading += 1
        try:
            return await asyncio.to_thread(os.pread, file_descriptor, PIECE_BYTES, after)
        finally:
            backup.reading -= 1
            self._linger(backup)
            _free(backup)

    async def end(self, backup_id: str) -> None:
        """Forget a backup; see `bazar.kit.backup.Backups`."""
        self._found(backup_id)
        await self._drop()

    async def close(self) -> None:
        """End what is under way."""
        await self._drop()

    def _found(self, backup_id: str) -> _Backup:
        if self._now is None or self._now.id != backup_id:
            message = f"there is no backup {backup_id}; another one may have begun since"
            raise BackupNotFound(message)
        return self._now

    def _linger(self, backup: _Backup) -> None:
        """Keep a backup for a while from now on."""
        if backup.timer is not None:
            backup.timer.cancel()
        if self._now is backup:
            backup.timer = self._loop.call_later(LINGER_S, self._forget, backup)

    def _forget(self, backup: _Backup) -> None:
        """Let go of a backup; what is under way of it ends soon."""
        if self._now is backup:
            self._now = None
        backup.stop.set()
        if backup.timer is not None:
            backup.timer.cancel()
        assert backup.task is not None
        backup.task.add_done_callback(lambda _task: _free(backup))

    async def _drop(self) -> None:
        """Let go of the backup that there is, and wait for its end."""
        if (backup := self._now) is not None:
            self._forget(backup)
            assert backup.task is not None
            await asyncio.wait({backup.task})


def _take_moment(snapshot: apsw.Connection) -> None:
    """Have a connection see the database as it is now, until its transaction ends."""
    snapshot.execute("BEGIN")
    snapshot.execute("SELECT count(*) FROM sqlite_schema").fetchall()


def _copy(backup: _Backup, path: Path) -> None:
    """Copy what a connection sees into a file without a name; in a thread."""
    opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    backup.file_descriptor = opened
    try:
        _copy_pages(backup, path, opened)
    finally:
        path.unlink()
    digest, size_bytes = sha256(), 0
    while piece := os.pread(opened, PIECE_BYTES, size_bytes):
        if backup.stop.is_set():
            return
        digest.update(piece)
        size_bytes += len(piece)
    backup.size_bytes, backup.sha256 = size_bytes, digest.hexdigest()


def _copy_pages(backup: _Backup, path: Path, opened: int) -> None:
    target = apsw.Connection(str(path))
    try:
        target.execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF").fetchall()
        flushed_bytes = 0
        with target.backup("main", backup.snapshot, "main") as copying:
            while not copying.done and not backup.stop.is_set():
                copying.step(STEP_PAGES)
                written_bytes = os.fstat(opened).st_size
                if written_bytes - flushed_bytes >= FLUSH_BYTES:
                    os.fdatasync(opened)
                    flushed_bytes = written_bytes
                sleep(STEP_PAUSE_S)
    finally:
        target.close()


def _free(backup: _Backup) -> None:
    """Close the file of a backup that is over and that nobody reads."""
    if backup.stop.is_set() and not backup.reading and backup.file_descriptor is not None:
        os.close(backup.file_descriptor)
        backup.file_descriptor = None
