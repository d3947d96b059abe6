"""Turn many calls at once into few: while one batch is under way, the next one gathers.

How it works: a question that finds no batch under way is sent at once, alone or with those that
came in the same turn of the event loop. All others wait together, and leave as one batch as soon
as the answers of the last one are here. So one caller pays one call, and a thousand callers share
a handful. A batch that takes long, such as one on a connection that is cut, holds up the others
only for a moment: then the next one leaves as well.

What waits is bounded, in number and in time: a question that finds too many before it is refused
at once, and one whose deadline has passed is dropped before it is sent. One timer looks at the
clock for all of them, as long as there is anything to look after: a timer for each question, set
and taken back, costs more than the rest of its wait.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import chain
from math import inf
from time import monotonic
from typing import Generic, TypeVar

from msgspec import Struct

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
LOOK_S = 0.01
"""Between two looks at the clock: by so much later an asker may hear that its time is up."""


class _Group(Struct, Generic[Q, A], eq=False):
    """The questions of one asker; they travel together."""

    questions: Sequence[Q]
    answers: asyncio.Future[Sequence[A]]
    late_at_s: float
    waits: bool = True
    """To be sent."""


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
        self._groups: deque[_Group[Q, A]] = deque()
        self._scheduled = False
        self._awaited: Sequence[_Group[Q, A]] | None = None
        self._awaited_until_s = inf
        self._under_way = 0
        self._batches: dict[asyncio.Task[None], Sequence[_Group[Q, A]]] = {}
        self._watched = False
        self._late_at_s = inf
        """Before that nobody is late."""
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
        group = _Group(questions, loop.create_future(), deadline.at_s)
        self._groups.append(group)
        self.waiting += len(questions)
        self._late_at_s = min(self._late_at_s, group.late_at_s)
        if self._awaited is None and not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._start)
        if not self._watched:
            self._watched = True
            loop.call_later(LOOK_S, self._look)
        try:
            return await group.answers
        finally:
            if group.waits:  # it gives up
                self._groups.remove(group)
                self._leave(group)

    async def stop(self) -> None:
        """Give up; whoever waits hears that nothing is known."""
        _fail(chain(self._groups, *self._batches.values()), "the service is stopping")
        for task in self._batches:
            task.cancel()
        await asyncio.gather(*self._batches, return_exceptions=True)

    def _leave(self, group: _Group[Q, A]) -> None:
        """Count a group no more among those that wait: it is sent, or its asker gave up."""
        group.waits = False
        self.waiting -= len(group.questions)

    def _start(self) -> None:
        self._scheduled = False
        while self._groups and self._awaited is None and self._under_way < UNDER_WAY_MAX:
            if batch := self._next_batch():
                self._awaited = batch
                self._awaited_until_s = monotonic() + PATIENCE_S
                self._under_way += 1
                task = asyncio.create_task(self._run(batch))
                self._batches[task] = batch
                task.add_done_callback(self._batches.pop)

    def _go_on(self, batch: Sequence[_Group[Q, A]]) -> None:
        """Wait no longer for a batch: it was answered, or has had its time."""
        if self._awaited is batch:
            self._awaited = None
        self._start()

    def _next_batch(self) -> list[_Group[Q, A]]:
        """Take what fits into a batch from those who wait, without those who are late."""
        batch: list[_Group[Q, A]] = []
        room = self._batch_max
        now_s = monotonic()
        while self._groups:
            group = self._groups[0]
            if len(group.questions) > room and batch:
                break
            self._groups.popleft()
            self._leave(group)
            if group.answers.done():  # the asker went away
                continue
            if group.late_at_s <= now_s:
                self._fail_late([group])
                continue
            room -= len(group.questions)
            batch.append(group)
        return batch

    def _look(self) -> None:
        """Look at the clock for all: who is late hears so, and no batch is awaited for long."""
        now_s = monotonic()
        if now_s >= self._late_at_s:
            asked = chain(self._groups, *self._batches.values())
            open_ = [group for group in asked if not group.answers.done()]
            self._fail_late(group for group in open_ if group.late_at_s <= now_s)
            self._late_at_s = min(
                (group.late_at_s for group in open_ if group.late_at_s > now_s), default=inf
            )
        if self._awaited is not None and now_s >= self._awaited_until_s:
            self._go_on(self._awaited)
        self._watched = bool(self._groups or self._batches)
        if self._watched:
            asyncio.get_running_loop().call_later(LOOK_S, self._look)

    def _fail_late(self, groups: Iterable[_Group[Q, A]]) -> None:
        _fail(groups, f"{self._name} did not answer in time")

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
