"""Turn many calls at once into few: while some are in flight, the next ones gather.

How it works: a question that finds a free place is sent at once, alone or with those that came in
the same turn of the event loop. All others wait together, and go as one batch as soon as a place
is free. So one caller pays one call, and a thousand callers share a handful.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from bazar.kit.errors import Unavailable

Q = TypeVar("Q")
A = TypeVar("A")


class Batcher(Generic[Q, A]):
    """Sends questions in batches, and gives each asker its own answer."""

    def __init__(
        self,
        send: Callable[[Sequence[Q]], Awaitable[Sequence[A]]],
        batch_max: int,
        in_flight_max: int = 1,
    ) -> None:
        """Send through a function that answers a batch in the order of its questions.

        Args:
            send: raises Unavailable when nothing is known about the whole batch.
            batch_max: questions in a batch.
            in_flight_max: batches at a time.
        """
        self._send = send
        self._batch_max = batch_max
        self._in_flight_max = in_flight_max
        self._in_flight: set[asyncio.Task[None]] = set()
        self._waiting: deque[tuple[Q, asyncio.Future[A]]] = deque()
        self._scheduled = False

    async def ask(self, question: Q) -> A:
        """Return the answer to a question.

        Raises:
            Unavailable: indefinite; its batch got no answer.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[A] = loop.create_future()
        self._waiting.append((question, future))
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._start)
        return await future

    async def stop(self) -> None:
        """Give up; whoever waits hears that nothing is known."""
        _fail(self._waiting, Unavailable("the service is stopping"))
        self._waiting.clear()
        for task in self._in_flight:
            task.cancel()
        await asyncio.gather(*self._in_flight, return_exceptions=True)

    def _start(self) -> None:
        self._scheduled = False
        while self._waiting and len(self._in_flight) < self._in_flight_max:
            batch: list[tuple[Q, asyncio.Future[A]]] = []
            while self._waiting and len(batch) < self._batch_max:
                question, future = self._waiting.popleft()
                if not future.done():  # the asker went away before it was sent
                    batch.append((question, future))
            if batch:
                task = asyncio.create_task(self._run(batch))
                self._in_flight.add(task)
                task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        self._start()

    async def _run(self, batch: list[tuple[Q, asyncio.Future[A]]]) -> None:
        try:
            answers = await self._send([question for question, _future in batch])
            for (_question, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
        except Unavailable as error:
            _fail(batch, error)
        except asyncio.CancelledError:
            _fail(batch, Unavailable("the service is stopping"))
        except Exception as error:  # noqa: BLE001  whatever it is, nobody may wait for ever
            _fail(batch, Unavailable(f"the answer makes no sense: {error}"))


def _fail(batch: Sequence[tuple[Q, asyncio.Future[A]]], error: Unavailable) -> None:
    for _question, future in batch:
        if not future.done():
            future.set_exception(Unavailable(error.detail))
