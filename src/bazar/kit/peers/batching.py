"""Turn many calls at once into few: while one batch is under way, the next one gathers.

How it works: a question that finds no batch under way is sent at once, alone or with those that
came in the same turn of the event loop. All others wait together, and leave as one batch as soon
as the answers of the last one are here. So one caller pays one call, and a thousand callers share
a handful. A batch that takes long, such as one on a connection that is cut, holds up the others
only for a moment: then the next one leaves as well.

What waits is bounded, in number and in time: a question that finds too many before it is refused
at once, and one whose deadline has passed is dropped before it is sent.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from bazar.kit.deadline import Deadline
from bazar.kit.errors import Overloaded, Unavailable

Q = TypeVar("Q")
A = TypeVar("A")


PATIENCE_S = 0.1
"""How long the next batch waits for the answers of the last one."""
UNDER_WAY_MAX = 3
"""Batches that may take longer than that."""
HANDED_OUT_AT_ONCE = 64
"""Answers in one turn of the event loop."""


@dataclass(slots=True, eq=False)
class _Group(Generic[Q, A]):
    """The questions of one asker; they travel together."""

    questions: Sequence[Q]
    answers: asyncio.Future[Sequence[A]]


class Batcher(Generic[Q, A]):
    """Sends questions in batches, and gives each asker its own answers."""

    def __init__(
        self,
        name: str,
        send: Callable[[Sequence[Q]], Awaitable[Sequence[A]]],
        batch_max: int,
        *,
        waiting_max: int,
    ) -> None:
        """Send through a function that answers a batch in the order of its questions.

        Args:
            name: of whoever answers, for error messages.
            send: raises Unavailable when nothing is known about the whole batch.
            batch_max: questions in a batch; only one asker's own may be more.
            waiting_max: questions that wait to be sent.
        """
        self._name = name
        self._send = send
        self._batch_max = batch_max
        self._waiting_max = waiting_max
        self._awaited: Sequence[_Group[Q, A]] | None = None
        self._under_way = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._groups: OrderedDict[_Group[Q, A], None] = OrderedDict()
        self._scheduled = False
        self.waiting = 0
        """Questions that wait to be sent."""

    async def ask(self, questions: Sequence[Q], deadline: Deadline) -> Sequence[A]:
        """Return the answers to some questions, which travel together.

        Args:
            questions: one or more.
            deadline: until then the asker waits; what was not sent by then never is.

        Raises:
            Overloaded: they were not sent; too many wait.
            Unavailable: indefinite; no answer in time, or none at all.
        """
        if self.waiting + len(questions) > self._waiting_max:
            message = f"{self.waiting} requests wait for {self._name} already"
            raise Overloaded(message)
        loop = asyncio.get_running_loop()
        group = _Group(questions, loop.create_future())
        self._groups[group] = None
        self.waiting += len(questions)
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._start)
        late = f"{self._name} did not answer in time"
        timer = loop.call_later(deadline.left_s(), _fail, (group,), late)
        try:
            return await group.answers
        finally:
            timer.cancel()
            if group in self._groups:
                self._leave(group)

    async def stop(self) -> None:
        """Give up; whoever waits hears that nothing is known."""
        _fail(self._groups, "the service is stopping")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _leave(self, group: _Group[Q, A]) -> None:
        """Take a group out of those that wait: it is sent, or its asker gave up."""
        del self._groups[group]
        self.waiting -= len(group.questions)

    def _start(self) -> None:
        self._scheduled = False
        while self._groups and self._awaited is None and self._under_way < UNDER_WAY_MAX:
            if batch := self._next_batch():
                self._awaited = batch
                self._under_way += 1
                task = asyncio.create_task(self._run(batch))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                asyncio.get_running_loop().call_later(PATIENCE_S, self._go_on, batch)

    def _go_on(self, batch: Sequence[_Group[Q, A]]) -> None:
        """Wait no longer for a batch: it was answered, or has had its time."""
        if self._awaited is batch:
            self._awaited = None
        self._start()

    def _next_batch(self) -> list[_Group[Q, A]]:
        """Take what fits into a batch from those who wait, without those who are late."""
        batch: list[_Group[Q, A]] = []
        room = self._batch_max
        while self._groups:
            group = next(iter(self._groups))
            if len(group.questions) > room and batch:
                break
            self._leave(group)
            if group.answers.done():  # the asker went away, or its time is up
                continue
            room -= len(group.questions)
            batch.append(group)
        return batch

    async def _run(self, batch: Sequence[_Group[Q, A]]) -> None:
        try:
            questions = [question for group in batch for question in group.questions]
            try:
                answers = await self._send(questions)
            finally:
                self._under_way -= 1
                self._go_on(batch)  # the next one leaves before these answers are handed out
            if len(answers) == len(questions):
                await _hand_out(batch, answers)
            else:
                _fail(batch, f"{len(questions)} questions got {len(answers)} answers")
        except Unavailable as error:
            _fail(batch, error.detail)
        except asyncio.CancelledError:
            _fail(batch, "the service is stopping")
        except Exception as error:  # noqa: BLE001  whatever it is, nobody may wait for ever
            _fail(batch, f"the answer of {self._name} makes no sense: {error}")


async def _hand_out(batch: Sequence[_Group[Q, A]], answers: Sequence[A]) -> None:
    """Give each asker its answers; whatever else there is to do gets its turn in between."""
    end = 0
    for number, group in enumerate(batch, 1):
        start, end = end, end + len(group.questions)
        if not group.answers.done():
            group.answers.set_result(answers[start:end])
        if number % HANDED_OUT_AT_ONCE == 0:
            await asyncio.sleep(0)


def _fail(groups: Iterable[_Group[Q, A]], reason: str) -> None:
    for group in groups:
        if not group.answers.done():
            group.answers.set_exception(Unavailable(reason))
