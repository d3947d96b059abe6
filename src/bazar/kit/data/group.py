"""Group commit: one flush to the disk for all the writes that wait.

How it works: `write` puts a unit of work into a queue. As soon as no flush is under way, all that
waits (at most 512) runs here, on the event loop, in one transaction; then a thread commits it (one
flush) while the next units gather; then what they announced is delivered; and only then are they
all answered. When a unit raises, the batch is rolled back and runs again with a savepoint around
each unit, so that the one that raises is rolled back alone. Nothing is answered or delivered
before it is durable, so a crash at any point loses only work whose caller never heard of success.

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
from typing import Any, NoReturn, Protocol, TypeVar, cast

from bazar.kit.data.database import Transaction, Work
from bazar.kit.errors import Overloaded, Unavailable

T = TypeVar("T")

BATCH_MAX = 512
QUEUE_MAX = 8192
LAZY_DELAY_MAX_S = 0.05

OnBatch = Callable[[int], None]
"""Is told the size of each batch that was committed."""
Deliver = Callable[[Sequence[Any]], None]
"""Is given what the units of one commit announced, in their order; must not raise."""


class Writer(Protocol):
    """An engine's one connection that writes, with at most one transaction open."""

    disk_errors: tuple[type[Exception], ...]
    """After one of these nobody knows what is on the disk."""

    def begin(self, announced: list[object]) -> Transaction:
        """Begin a transaction, which adds to a list what is announced in it."""
        ...

    def commit(self) -> None:
        """Make the transaction durable; called in a thread of its own."""
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

    def stop(self, error: Exception) -> NoReturn:
        """End the process at once, and say that the disk failed."""
        ...


@dataclass(slots=True)
class _Job:
    work: Work[Any]
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


@dataclass(slots=True)
class _Batch:
    jobs: list[_Job]
    announced: list[object] = field(default_factory=list)


class GroupCommit:
    """The writes of one database, and the thread that commits them."""

    def __init__(self, writer: Writer, on_batch: OnBatch, deliver: Deliver) -> None:
        """Write through this connection, which nobody else uses. Needs a running event loop."""
        self._writer = writer
        self._on_batch = on_batch
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._jobs: deque[_Job] = deque()
        self._flushing = False
        self._start: asyncio.Handle | None = None
        self._start_is_urgent = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = False
        self._commits: SimpleQueue[_Batch | None] = SimpleQueue()
        self._committer = threading.Thread(target=self._commit_batches, name="commit", daemon=True)
        self._committer.start()

    async def write(self, work: Work[T], *, lazy: bool = False) -> T:
        """Run a unit of work and return once it is durable.

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
        job = _Job(work, self._loop.create_future())
        self._jobs.append(job)
        self._schedule(LAZY_DELAY_MAX_S if lazy else 0)
        return cast("T", await job.future)

    async def close(self) -> None:
        """Commit what waits, and end the thread."""
        self._closing = True
        if self._jobs:
            self._schedule(0)
        await self._idle.wait()
        self._commits.put(None)
        self._committer.join()

    def _schedule(self, delay_s: float) -> None:
        """Have the next batch start, now or at the latest after a delay."""
        self._idle.clear()
        if self._flushing:
            return  # the end of this flush starts the next batch
        if self._start is not None:
            if delay_s or self._start_is_urgent:
                return
            self._start.cancel()
        self._start_is_urgent = not delay_s
        if delay_s:
            self._start = self._loop.call_later(delay_s, self._start_batch)
        else:
            self._start = self._loop.call_soon(self._start_batch)

    def _start_batch(self) -> None:
        self._start = None
        self._flushing = True
        batch = _Batch([self._jobs.popleft() for _ in range(min(BATCH_MAX, len(self._jobs)))])
        try:
            self._run(batch)
        except self._writer.disk_errors as error:
            self._writer.stop(error)
        except Exception as error:  # noqa: BLE001  handed to the callers of the batch
            self._finish(batch, error)
        else:
            self._commits.put(batch)

    def _run(self, batch: _Batch) -> None:
        """Run a batch in one transaction: all at once, or one by one where a unit raises."""
        transaction = self._writer.begin(batch.announced)
        try:
            for job in batch.jobs:
                job.result = at_once(job.work(transaction))
        except self._writer.disk_errors:
            raise
        except Exception:  # noqa: BLE001  found again, and handed to its caller, one by one
            self._writer.roll_back()
            batch.announced.clear()
            self._run_one_by_one(batch)

    def _run_one_by_one(self, batch: _Batch) -> None:
        writer = self._writer
        transaction = writer.begin(batch.announced)
        for job in batch.jobs:
            writer.mark()
            announced_before = len(batch.announced)
            try:
                job.result = at_once(job.work(transaction))
            except writer.disk_errors:
                raise
            except Exception as error:  # noqa: BLE001  handed to the caller
                job.error = error
                writer.go_back()
                del batch.announced[announced_before:]
            writer.unmark()

    def _commit_batches(self) -> None:
        """Commit what `_start_batch` hands over, one batch at a time, until the end."""
        while (batch := self._commits.get()) is not None:
            failed = None
            try:
                self._writer.commit()
            except self._writer.disk_errors as error:
                self._writer.stop(error)
            except Exception as error:  # noqa: BLE001  handed to the callers of the batch
                failed = error
            self._loop.call_soon_threadsafe(self._finish, batch, failed)

    def _finish(self, batch: _Batch, error: Exception | None) -> None:
        if error is not None:  # such as that another program held the file for too long
            self._writer.roll_back()
            for job in batch.jobs:
                job.error = Unavailable(f"the database did not take the write: {error}")
        elif batch.announced:
            self._deliver(batch.announced)
        self._on_batch(len(batch.jobs))
        for job in batch.jobs:
            if job.future.done():  # the caller went away; what it asked for is durable all the same
                continue
            if job.error is None:
                job.future.set_result(job.result)
            else:
                job.future.set_exception(job.error)
        self._flushing = False
        if self._jobs:
            self._schedule(0)
        else:
            self._idle.set()


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
