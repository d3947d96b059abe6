"""Group commit: one flush to the disk for all the writes that wait.

How it works: `write` puts a unit of work into a queue. As soon as no flush is under way, all that
waits (at most 512, and no longer than 20 ms) runs here, on the event loop, in one transaction;
then a thread commits it (one flush) while the next units gather; then what they announced is
delivered; and only then are they all answered. When a unit raises, the batch is rolled back and
runs again, in a later turn of the event loop, with a savepoint around each unit, so that the one
that raises is rolled back alone.
Nothing is answered or delivered before it is durable, so a crash at any point loses only work
whose caller never heard of success.

A batch of lazy units alone is committed without a flush: visible to all, and after whatever was
committed before it. The next flush takes it along; where none comes for 50 ms, one is made.

Whatever goes wrong outside the units, and is no error that the engine comes back from, ends the
process: nobody would know what is on the disk, or every later write would wait for ever.

The statements run on the event loop and only the commit in a thread, because a thread that runs
many short statements has to win Python's lock back after each (docs/performance.md).

It is for an engine with one writer, whose statements never suspend. Where several transactions can
be open at once, units that share one lock in each other's way: there the server gathers flushes.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from time import monotonic
from typing import Any, NoReturn, Protocol, TypeVar, cast

from bazar.kit.data.database import QUEUE_MAX, Transaction, Work
from bazar.kit.errors import Overloaded, Unavailable

T = TypeVar("T")

BATCH_MAX = 512
BATCH_TIME_MAX_S = 0.02
"""After which a batch takes no further unit, so that the event loop gets its turn."""
LAZY_DELAY_MAX_S = 0.05

UNIT_ERRORS = (Exception, asyncio.CancelledError)
"""All that a unit may raise, short of the end of the whole program."""
OnBatch = Callable[[int], None]
"""Is told how many writes each flush made durable."""
Deliver = Callable[[Sequence[Any]], None]
"""Is given what the units of one commit announced, in their order; must not raise."""


class Writer(Protocol):
    """An engine's one connection that writes, with at most one transaction open."""

    passing_errors: tuple[type[Exception], ...]
    """After one of these the transaction is undone, and the next one may go well."""
    disk_errors: tuple[type[Exception], ...]
    """After one of these nobody knows what is on the disk; they go before passing errors."""

    def begin(self, announced: list[object], *, flush: bool) -> Transaction:
        """Begin a transaction, which adds to a list what is announced in it.

        Args:
            announced: is added to.
            flush: whether its commit makes it and all before it durable, or only visible.
        """
        ...

    def flush_with_commit(self) -> None:
        """Have the open transaction change something, so that its commit has what to flush."""
        ...

    def commit(self) -> None:
        """Make the transaction visible, and durable where it began so; called in a thread."""
        ...

    def roll_back(self) -> None:
        """Undo the transaction, if one is open."""
        ...

    def mark(self) -> None:
        """Set the point to go back to."""
        ...

    def go_back(self) -> None:
        """Undo what was done since the mark, which stays."""
        ...

    def unmark(self) -> None:
        """Take the mark away, and keep what was done since."""
        ...

    def stop(self, error: BaseException) -> NoReturn:
        """End the process at once, and say why."""
        ...


@dataclass(slots=True)
class _Job:
    work: Work[Any]
    lazy: bool
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


@dataclass(slots=True)
class _Batch:
    jobs: list[_Job]
    flush: bool
    announced: list[object] = field(default_factory=list)


@dataclass(slots=True)
class _Aside:
    act: Callable[[], Any]
    future: asyncio.Future[Any]


class GroupCommit:
    """The writes of one database, and the thread that commits them."""

    def __init__(self, writer: Writer, on_batch: OnBatch, deliver: Deliver) -> None:
        """Write through this connection, which nobody else uses. Needs a running event loop."""
        self._writer = writer
        self._on_batch = on_batch
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._jobs: deque[_Job] = deque()
        self._asides: deque[_Aside] = deque()
        self._busy = False
        """Whether a transaction is open, or the thread has something to do."""
        self._careful = False
        """Whether a unit of the next batch raised when they ran all at once."""
        self._unflushed = 0
        """Lazy writes that are visible and not yet durable."""
        self._flush_timer: asyncio.TimerHandle | None = None
        self._flush_due = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = False
        self._handed_over: SimpleQueue[_Batch | _Aside | None] = SimpleQueue()
        self._committer = threading.Thread(target=self._work_through, name="commit", daemon=True)
        self._committer.start()

    async def write(self, work: Work[T], *, lazy: bool = False) -> T:
        """Run a unit of work and return once it is durable; a lazy one, once it is visible.

        Raises:
            Overloaded: definite; 8,192 writes wait already.
            Unavailable: the database is closing, or did not take the write.
        """
        if self._closing:
            message = "the database is closing"
            raise Unavailable(message)
        if len(self._jobs) >= QUEUE_MAX:
            message = f"{QUEUE_MAX} writes wait already"
            raise Overloaded(message)
        job = _Job(work, lazy, self._loop.create_future())
        self._jobs.append(job)
        self._wake()
        return cast("T", await job.future)

    async def aside(self, act: Callable[[], T]) -> T:
        """Run something in the commit thread while no transaction is open, before the next batch.

        Args:
            act: must be short, since every write waits for it; what it raises is raised here.
        """
        aside = _Aside(act, self._loop.create_future())
        self._asides.append(aside)
        self._wake()
        return cast("T", await aside.future)

    async def close(self) -> None:
        """Commit and flush what waits, and end the thread."""
        self._closing = True
        if self._unflushed:
            self._flush_now()
        await self._idle.wait()
        self._handed_over.put(None)
        self._committer.join()

    def _wake(self) -> None:
        """Have the next batch start, unless the end of what is under way starts it."""
        if self._idle.is_set():
            self._idle.clear()
            self._loop.call_soon(self._next)

    def _flush_now(self) -> None:
        self._flush_due = True
        self._wake()

    def _next(self) -> None:
        """Start what waits: something aside, or the next batch; otherwise rest."""
        assert not self._busy
        if self._asides:
            self._busy = True
            self._handed_over.put(self._asides.popleft())
        elif self._jobs or self._flush_due:
            self._busy = True
            self._start_batch()
        elif self._closing and self._unflushed:
            self._flush_due = self._busy = True
            self._start_batch()
        else:
            self._idle.set()

    def _start_batch(self) -> None:
        jobs = [self._jobs.popleft() for _ in range(min(BATCH_MAX, len(self._jobs)))]
        flush = self._flush_due or not all(job.lazy for job in jobs)
        batch = _Batch(jobs, flush)
        try:
            ran = self._run_one_by_one(batch) if self._careful else self._run(batch)
        except self._writer.disk_errors as error:
            self._writer.stop(error)
        except self._writer.passing_errors as error:
            self._finish(batch, error)
        except UNIT_ERRORS as error:  # such as no memory: nobody knows where it broke off
            self._writer.stop(error)
        else:
            self._careful = not ran
            if ran:
                self._handed_over.put(batch)
            else:
                self._busy = False
                self._loop.call_soon(self._next)  # so that others have their turn before

    def _run(self, batch: _Batch) -> bool:
        """Run a batch in one transaction, all at once; return False where a unit raised."""
        transaction = self._begin(batch)
        end_s = monotonic() + BATCH_TIME_MAX_S
        try:
            for number, job in enumerate(batch.jobs, 1):
                job.result = at_once(job.work(transaction))
                if monotonic() > end_s:
                    self._put_back(batch, number)
                    break
        except self._writer.disk_errors:
            raise
        except UNIT_ERRORS as error:
            self._writer.roll_back()
            batch.announced.clear()
            if len(batch.jobs) == 1:
                batch.jobs[0].error = error
                self._begin(batch)  # in place of the one that was undone
            else:  # found again, and handed to its caller, one by one
                self._put_back(batch, 0)
                return False
        return True

    def _run_one_by_one(self, batch: _Batch) -> bool:
        """Run a batch in one transaction, with each unit rolled back alone where it raises."""
        writer = self._writer
        transaction = self._begin(batch)
        end_s = monotonic() + BATCH_TIME_MAX_S
        for number, job in enumerate(batch.jobs, 1):
            writer.mark()
            announced_before = len(batch.announced)
            try:
                job.result = at_once(job.work(transaction))
            except writer.disk_errors:
                raise
            except UNIT_ERRORS as error:
                job.error = error
                writer.go_back()
                del batch.announced[announced_before:]
            writer.unmark()
            if monotonic() > end_s:
                self._put_back(batch, number)
                break
        return True

    def _begin(self, batch: _Batch) -> Transaction:
        transaction = self._writer.begin(batch.announced, flush=batch.flush)
        if batch.flush and self._unflushed:
            # A commit that changes nothing flushes nothing; this one has promised to.
            self._writer.flush_with_commit()
        return transaction

    def _put_back(self, batch: _Batch, done: int) -> None:
        """Leave to the next batch what this one did not come to."""
        self._jobs.extendleft(reversed(batch.jobs[done:]))
        del batch.jobs[done:]

    def _work_through(self) -> None:
        """Do what is handed over, one thing at a time, until the end."""
        while (given := self._handed_over.get()) is not None:
            try:
                if isinstance(given, _Aside):
                    self._do_aside(given)
                else:
                    self._commit(given)
            except BaseException as error:  # noqa: BLE001  else all later writes would wait for ever
                if self._loop.is_closed():
                    return  # and nobody waits any more
                self._writer.stop(error)

    def _commit(self, batch: _Batch) -> None:
        failed = None
        try:
            self._writer.commit()
        except self._writer.disk_errors as error:
            self._writer.stop(error)
        except self._writer.passing_errors as error:
            failed = error
        self._loop.call_soon_threadsafe(self._finish, batch, failed)

    def _do_aside(self, aside: _Aside) -> None:
        result, failed = None, None
        try:
            result = aside.act()
        except self._writer.disk_errors as error:
            self._writer.stop(error)
        except self._writer.passing_errors as error:
            failed = error
        self._loop.call_soon_threadsafe(self._finish_aside, aside, result, failed)

    def _finish_aside(self, aside: _Aside, result: object, failed: Exception | None) -> None:
        _answer(aside.future, result, failed)
        self._busy = False
        self._next()

    def _finish(self, batch: _Batch, failed: Exception | None) -> None:
        try:
            if failed is not None:  # such as that another program held the file for too long
                self._writer.roll_back()
                for job in batch.jobs:
                    job.error = Unavailable(f"the database did not take the write: {failed}")
            else:
                self._committed(batch)
        except UNIT_ERRORS as error:  # else all later writes would wait for ever
            self._writer.stop(error)
        for job in batch.jobs:
            _answer(job.future, job.result, job.error)
        self._busy = False
        self._next()

    def _committed(self, batch: _Batch) -> None:
        """Deliver what a commit announced, and see to it that a flush follows a lazy one."""
        if batch.announced:
            self._deliver(batch.announced)
        self._unflushed += len(batch.jobs)
        if batch.flush:
            self._on_batch(self._unflushed)
            self._unflushed = 0
            self._flush_due = False
            if self._flush_timer is not None:
                self._flush_timer.cancel()
                self._flush_timer = None
        elif self._flush_timer is None:
            self._flush_timer = self._loop.call_later(LAZY_DELAY_MAX_S, self._flush_now)


def _answer(future: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    if future.done():  # the caller went away; what it asked for is done all the same
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def at_once(work: Any) -> Any:  # noqa: ANN401
    """Run a coroutine that never suspends to its end.

    Raises:
        RuntimeError: it suspended.
    """
    try:
        cast("Coroutine[Any, Any, Any]", work).send(None)
    except StopIteration as done:
        return done.value
    message = "a unit of work may await nothing but its transaction"
    raise RuntimeError(message)
