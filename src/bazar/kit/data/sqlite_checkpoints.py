"""Checkpoints: what is in SQLite's write-ahead log goes into the file, and the log stays small.

How it works. After every so many pages of the log a thread of our own copies them into the file
(PASSIVE), while writes and scans go on. What was written meanwhile is few, and is copied by the
commit thread between two commits; then the next commit begins the log anew, unless a scan still
reads in it. Scans that overlap without a gap would so let the log grow for ever: when it passes a
bound, no new scan starts until those that run have ended, the keepers' long ones first; then the
log is emptied, and scans go on.

A checkpoint that fails is a disk that failed: the process stops, and the next start reads the log.

Source: sqlite.org/wal.html#avoiding_excessively_large_wal_files
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import apsw

from bazar.kit.data.database import KEEPERS, Lane
from bazar.kit.data.group import GroupCommit
from bazar.kit.data.sqlite_scans import Scans

T = TypeVar("T")

DISK_ERRORS: tuple[type[Exception], ...] = (
    apsw.IOError,
    apsw.FullError,
    apsw.CorruptError,
    apsw.NotADBError,
)
"""After one of these nobody knows what is on the disk."""
COPY_PAGES = 1000
"""After so many new pages in the log they are copied. SQLite's own figure."""
LAST_PAGES_MAX = 100
"""So few are copied between two commits, which takes as long as one commit more."""
ROUNDS_MAX = 5
"""Of copying, where much is written meanwhile."""
LOG_BYTES_MAX = 64 * 1024 * 1024
"""Of a log that scans keep from beginning anew, before they have to wait."""
LOG_BYTES_KEPT = 8 * 1024 * 1024
"""A log that begins anew is cut to this size."""
HOLD_S = 3.0
"""How long scans are kept from starting; longer than all but the keepers' run."""
HOLD_PAUSE_S = 5.0
"""Before the next try."""


class Checkpoints:
    """The care for the log of one database."""

    def __init__(  # noqa: PLR0913, PLR0917  each is a thing to deal with
        self,
        path: Path,
        connection: apsw.Connection,
        log_pages: Callable[[], int],
        writes: GroupCommit,
        scans: Scans,
        stop: Callable[[Exception], object],
    ) -> None:
        """Take care from now on. Needs a running event loop.

        Args:
            path: of the database.
            connection: of our own, to the database.
            log_pages: tells how many pages the log had after the last commit.
            writes: between whose commits the log is emptied.
            scans: that may have to wait.
            stop: ends the process, since the disk failed.
        """
        self._log = path.with_name(path.name + "-wal")
        self._connection = connection
        self._log_pages = log_pages
        self._writes = writes
        self._scans = scans
        self._stop = stop
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._due = asyncio.Event()
        self._copied_at_pages = 0
        self._task = asyncio.get_running_loop().create_task(self._care())

    def log_bytes(self) -> int:
        """Return the size of the log's file, which may hold fewer pages than there is room for."""
        try:
            return self._log.stat().st_size
        except OSError:  # not made yet
            return 0

    def committed(self) -> None:
        """Note that a commit was written."""
        pages = self._log_pages()
        if pages < self._copied_at_pages:
            self._copied_at_pages = 0  # it began anew
        if pages >= self._copied_at_pages + COPY_PAGES:
            self._copied_at_pages = pages
            self._due.set()

    async def close(self) -> None:
        """Take no more care; what is under way is finished."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await asyncio.to_thread(self._thread.shutdown)
        self._connection.close()

    async def _care(self) -> None:
        not_before_s = 0.0
        loop = asyncio.get_running_loop()
        while True:
            await self._due.wait()
            self._due.clear()
            await self._copy()
            if self.log_bytes() > LOG_BYTES_MAX and loop.time() >= not_before_s:
                await self._empty()
                not_before_s = loop.time() + HOLD_PAUSE_S

    async def _copy(self) -> None:
        """Copy the log into the file, as far as scans let us; all of it, if none is in the way."""
        copied = -1
        for _round in range(ROUNDS_MAX):
            before, copied = copied, await self._aside(self._passive)
            if self._log_pages() - copied <= LAST_PAGES_MAX:
                await self._between_commits(self._passive)
                return
            if copied <= before:
                return

    async def _empty(self) -> None:
        """Empty the log while no scan is under way, so that its file is as good as gone."""
        try:
            if await asyncio.to_thread(self._scans.hold, _is_keepers, KEEPERS.limit_s) and (
                await asyncio.to_thread(self._scans.hold, _is_any, HOLD_S)
            ):
                await self._copy()
                await self._between_commits(self._truncate)
        finally:
            self._scans.go_on()

    async def _aside(self, act: Callable[[], T]) -> T:
        """Run something in our own thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._tried, act)

    async def _between_commits(self, act: Callable[[], int]) -> int:
        return await self._writes.aside(lambda: self._tried(act))

    def _tried(self, act: Callable[[], T]) -> T:
        try:
            return act()
        except DISK_ERRORS as error:
            self._stop(error)
            raise

    def _passive(self) -> int:
        """Copy what no scan reads any more, and wait for nobody; return how much is copied now."""
        return self._checkpoint(apsw.SQLITE_CHECKPOINT_PASSIVE)

    def _truncate(self) -> int:
        return self._checkpoint(apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def _checkpoint(self, mode: int) -> int:
        try:
            return self._connection.wal_checkpoint(mode=mode)[1]
        except (apsw.BusyError, apsw.LockedError):  # another program has the file; the next may go
            return 0


def _is_keepers(lane: Lane) -> bool:
    return lane is KEEPERS


def _is_any(_lane: Lane) -> bool:
    return True
