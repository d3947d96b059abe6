"""Scans: long reads, in threads, each kind in a lane of its own, and each with an end.

Whoever asks for one waits in the lane of its kind, so no crowd of one kind pushes another out. A
scan ends when it took as long as its lane allows, when nobody waits for it any more, and when the
database closes. Its asker is answered at that moment, and its thread is soon free for the next.

SQLite's `interrupt` has a statement end at its next row. It does not meet what runs between two
statements: there the scan looks by itself whether it has to end.
"""

import asyncio
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

import apsw

from bazar.kit.data.database import Lane, Work
from bazar.kit.errors import BazarError, Overloaded, Unavailable

T = TypeVar("T")

INTERRUPT_INTERVAL_S = 0.02


class _Scan:
    """A scan from its question to its end."""

    __slots__ = ("answer", "connection", "lane", "work")

    def __init__(self, lane: Lane, work: Work[Any], answer: asyncio.Future[Any]) -> None:
        self.lane = lane
        self.work = work
        self.answer = answer
        self.connection: apsw.Connection | None = None
        """On which it runs now; changes under the gate's lock."""


class Scans:
    """The threads that scan one database."""

    def __init__(
        self,
        connect: Callable[[], apsw.Connection],
        run: Callable[[apsw.Connection, Work[Any], Callable[[], bool]], Any],
    ) -> None:
        """Scan in threads that start when they are needed first. Needs a running event loop.

        Args:
            connect: opens a connection, one for each thread.
            run: runs a work in a transaction, which it leaves open; its last argument tells whether
                the work has to end, and is asked before each statement.
        """
        self._connect = connect
        self._run_work = run
        self._loop = asyncio.get_running_loop()
        self._gate = threading.Condition()
        self._waiting: defaultdict[Lane, deque[_Scan]] = defaultdict(deque)
        self._running: set[_Scan] = set()
        self._held: Callable[[Lane], bool] = _none
        self._threads: defaultdict[Lane, list[threading.Thread]] = defaultdict(list)
        self._closing = False

    async def scan(self, work: Work[T], lane: Lane) -> T:
        """Run a work in a thread of its lane.

        Raises:
            Overloaded: definite; too many wait, it waited for too long, or it took too long.
            Unavailable: the database is closing.
        """
        scan = _Scan(lane, work, self._loop.create_future())
        self._put(scan)
        late = self._loop.call_later(lane.limit_s, self._end, scan, _too_long(lane))
        tired = self._loop.call_later(lane.patience_s, self._end_waiting, scan)
        try:
            return cast("T", await scan.answer)
        finally:
            late.cancel()
            tired.cancel()
            self._leave(scan)  # where nobody waits for it any more

    def _put(self, scan: _Scan) -> None:
        """Have a scan wait, and a thread more where each has something to do."""
        lane = scan.lane
        with self._gate:
            if self._closing:
                raise _closing()
            waiting = self._waiting[lane]
            taken = len(waiting) + sum(one.lane is lane for one in self._running)
            if taken >= lane.scans_max:
                message = f"{taken} {lane.name} wait already"
                raise Overloaded(message)
            waiting.append(scan)
            threads = self._threads[lane]
            if taken >= len(threads) < lane.threads:
                thread = threading.Thread(
                    target=self._work_through, args=(lane,), name=lane.name, daemon=True
                )
                threads.append(thread)
                thread.start()
            self._gate.notify_all()

    def _end(self, scan: _Scan, why: BazarError) -> None:
        """Answer a scan with an error, and have it end."""
        if not scan.answer.done():
            scan.answer.set_exception(why)
        self._leave(scan)

    def _end_waiting(self, scan: _Scan) -> None:
        with self._gate:
            waits = scan in self._waiting[scan.lane]
        if waits:
            message = f"this waited for {scan.lane.patience_s:g} s behind other {scan.lane.name}"
            self._end(scan, Overloaded(message))

    def _leave(self, scan: _Scan) -> None:
        """Take a scan out of its lane, or interrupt it until it has ended."""
        with self._gate:
            if scan in self._waiting[scan.lane]:
                self._waiting[scan.lane].remove(scan)
            if scan.connection is None:
                return
            scan.connection.interrupt()
        self._loop.call_later(INTERRUPT_INTERVAL_S, self._leave, scan)

    def _work_through(self, lane: Lane) -> None:
        """Run the scans of a lane, one at a time, until the end; in a thread of its own."""
        connection: apsw.Connection | None = None
        while (scan := self._next(lane)) is not None:
            result, error = None, None
            try:
                if connection is None:
                    connection = self._connect()
                with self._gate:
                    scan.connection = connection
                result = self._run_work(connection, scan.work, scan.answer.done)
            except Exception as raised:  # noqa: BLE001  handed to whoever asked
                error = raised
            with self._gate:  # so that whoever scans next on this connection is not interrupted
                scan.connection = None
            connection = _ended(connection)
            with self._gate:
                self._running.discard(scan)
                self._gate.notify_all()
            with suppress(RuntimeError):  # the loop has ended, and nobody waits
                self._loop.call_soon_threadsafe(_answer, scan.answer, result, error)
        if connection is not None:
            connection.close()

    def _next(self, lane: Lane) -> _Scan | None:
        """Wait for the next scan of a lane; None at the end."""
        with self._gate:
            waiting = self._waiting[lane]
            self._gate.wait_for(lambda: self._closing or (waiting and not self._held(lane)))
            if self._closing:
                return None
            scan = waiting.popleft()
            self._running.add(scan)
            return scan

    def hold(self, which: Callable[[Lane], bool], patience_s: float) -> bool:
        """Let no scan of some lanes start, and wait for the end of those that run.

        To be called in a thread; `go_on` lets them start again.

        Returns:
            Whether none of them runs any more.
        """
        with self._gate:
            self._held = which
            return self._gate.wait_for(
                lambda: self._closing or not any(which(one.lane) for one in self._running),
                patience_s,
            )

    def go_on(self) -> None:
        """Let all scans start again."""
        with self._gate:
            self._held = _none
            self._gate.notify_all()

    async def close(self) -> None:
        """End every scan, those that run too, and close the connections."""
        with self._gate:
            self._closing = True
            scans = [*self._running, *(one for lane in self._waiting.values() for one in lane)]
            self._gate.notify_all()
        for scan in scans:
            self._end(scan, _closing())
        for threads in self._threads.values():
            for thread in threads:
                await asyncio.to_thread(thread.join)


def _ended(connection: apsw.Connection | None) -> apsw.Connection | None:
    """Return a connection with no transaction open any more; None where that cannot be."""
    if connection is None or not connection.in_transaction:
        return connection
    try:
        connection.execute("COMMIT")
    except apsw.Error:
        connection.close(force=True)
        return None
    return connection


def _none(_lane: Lane) -> bool:
    return False


def _answer(future: asyncio.Future[Any], result: object, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def _too_long(lane: Lane) -> Overloaded:
    return Overloaded(f"this took longer than the {lane.limit_s:g} s that {lane.name} have")


def _closing() -> Unavailable:
    return Unavailable("the database is closing")
