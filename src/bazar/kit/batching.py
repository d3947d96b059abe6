"""Turn many calls at once into few: while some are in flight, the next ones gather.

How it works: questions that find a free place are sent at once, alone or with those that came in
the same turn of the event loop. All others wait together, and go as one batch as soon as a place
is free. So one caller pays one call, and a thousand callers share a handful.

What waits is bounded, in number and in time: a question that finds too many before it is refused
at once, and one whose deadline has passed is dropped before it is sent.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from bazar.kit.errors import Overloaded, Unavailable
from bazar.kit.request import Deadline

Q = TypeVar("Q")
A = TypeVar("A")


@dataclass(frozen=True, slots=True)
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
        in_flight_max: int = 1,
        waiting_max: int,
    ) -> None:
        """Send through a function that answers a batch in the order of its questions.

        Args:
            name: of whoever answers, for error messages.
            send: raises Unavailable when nothing is known about the whole batch.
            batch_max: questions in a batch; only one asker's own may be more.
            in_flight_max: batches at a time.
            waiting_max: questions that wait to be sent.
        """
        self._name = name
        self._send = send
        self._batch_max = batch_max
        self._in_flight_max = in_flight_max
        self._waiting_max = waiting_max
        self._in_flight: set[asyncio.Task[None]] = set()
        self._groups: deque[_Group[Q, A]] = deque()
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
        self._groups.append(group)
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

    async def stop(self) -> None:
        """Give up; whoever waits hears that nothing is known."""
        _fail(self._groups, "the service is stopping")
        self._groups.clear()
        self.waiting = 0
        for task in self._in_flight:
            task.cancel()
        await asyncio.gather(*self._in_flight, return_exceptions=True)

    def _start(self) -> None:
        self._scheduled = False
        while self._groups and len(self._in_flight) < self._in_flight_max:
            if batch := self._next_batch():
                task = asyncio.create_task(self._run(batch))
                self._in_flight.add(task)
                task.add_done_callback(self._ended)

    def _next_batch(self) -> list[_Group[Q, A]]:
        """Take what fits into a batch from those who wait, without those who are late."""
        batch: list[_Group[Q, A]] = []
        room = self._batch_max
        while self._groups and (len(self._groups[0].questions) <= room or not batch):
            group = self._groups.popleft()
            self.waiting -= len(group.questions)
            if group.answers.done():  # the asker went away, or its time is up
                continue
            room -= len(group.questions)
            batch.append(group)
        return batch

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        self._start()

    async def _run(self, batch: Sequence[_Group[Q, A]]) -> None:
        try:
            questions = [question for group in batch for question in group.questions]
            answers = await self._send(questions)
            if len(answers) != len(questions):
                _fail(batch, f"{len(questions)} questions got {len(answers)} answers")
                return
            start = 0
            for group in batch:
                end = start + len(group.questions)
                if not group.answers.done():
                    group.answers.set_result(answers[start:end])
                start = end
        except Unavailable as error:
            _fail(batch, error.detail)
        except asyncio.CancelledError:
            _fail(batch, "the service is stopping")
        except Exception as error:  # noqa: BLE001  whatever it is, nobody may wait for ever
            _fail(batch, f"the answer of {self._name} makes no sense: {error}")


def _fail(groups: Iterable[_Group[Q, A]], reason: str) -> None:
    for group in groups:
        if not group.answers.done():
            group.answers.set_exception(Unavailable(reason))
