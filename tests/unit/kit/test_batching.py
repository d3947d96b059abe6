"""Many calls at once become few."""

import asyncio
from collections.abc import Sequence

import pytest

from bazar.kit.batching import Batcher
from bazar.kit.errors import Unavailable


class Wire:
    """Takes batches, and answers each question with its double when told to."""

    def __init__(self) -> None:
        """Start with the gate open."""
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None
        self.drop = 0

    async def send(self, questions: Sequence[int]) -> list[int]:
        """Answer a batch."""
        self.batches.append(list(questions))
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return [question * 2 for question in questions][self.drop :]


async def _settle() -> None:
    for _turn in range(5):
        await asyncio.sleep(0)


async def test_each_asker_gets_its_own_answer() -> None:
    """Answers come back to the questions that they belong to."""
    batcher = Batcher(Wire().send, 10)
    answers = await asyncio.gather(*(batcher.ask(number) for number in range(35)))
    assert [number * 2 for number in range(35)] == answers


async def test_while_one_batch_is_in_flight_the_next_gathers() -> None:
    """Questions that find no free place go together as soon as there is one."""
    wire = Wire()
    wire.gate.clear()
    batcher = Batcher(wire.send, 100)
    first = asyncio.create_task(batcher.ask(1))
    await _settle()
    others = [asyncio.create_task(batcher.ask(number)) for number in range(2, 8)]
    await _settle()
    assert [[1]] == wire.batches
    wire.gate.set()
    await asyncio.gather(first, *others)
    assert [[1], [2, 3, 4, 5, 6, 7]] == wire.batches


async def test_a_batch_has_a_limit_and_so_have_those_in_flight() -> None:
    """At most two batches of three are under way."""
    wire = Wire()
    wire.gate.clear()
    batcher = Batcher(wire.send, 3, 2)
    asked = [asyncio.create_task(batcher.ask(number)) for number in range(10)]
    await _settle()
    assert [[0, 1, 2], [3, 4, 5]] == wire.batches
    wire.gate.set()
    await asyncio.gather(*asked)
    assert [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]] == sorted(wire.batches)


@pytest.mark.parametrize("error", [Unavailable("away"), ValueError("nonsense")])
async def test_a_failed_batch_is_indefinite_for_all_in_it(error: Exception) -> None:
    """Whatever went wrong, nobody knows whether it was done, and nobody waits for ever."""
    wire = Wire()
    wire.error = error
    batcher = Batcher(wire.send, 10)
    results = await asyncio.gather(*map(batcher.ask, range(3)), return_exceptions=True)
    assert [Unavailable] * 3 == [type(result) for result in results]
    wire.error = None
    assert 2 == await batcher.ask(1)


async def test_a_missing_answer_fails_its_batch() -> None:
    """Answers that cannot be matched to questions are no answers."""
    wire = Wire()
    wire.drop = 1
    batcher = Batcher(wire.send, 10)
    results = await asyncio.gather(*map(batcher.ask, range(3)), return_exceptions=True)
    assert isinstance(results[-1], Unavailable)


async def test_an_asker_who_leaves_before_it_is_sent_is_not_sent() -> None:
    """Late work is dropped before it starts."""
    wire = Wire()
    wire.gate.clear()
    batcher = Batcher(wire.send, 10)
    first = asyncio.create_task(batcher.ask(1))
    await _settle()
    leaving = asyncio.create_task(batcher.ask(2))
    staying = asyncio.create_task(batcher.ask(3))
    await _settle()
    leaving.cancel()
    wire.gate.set()
    assert [2, 6] == list(await asyncio.gather(first, staying))
    assert [[1], [3]] == wire.batches


async def test_stopping_tells_everyone_who_waits() -> None:
    """What is in flight and what gathers both end as indefinite."""
    wire = Wire()
    wire.gate.clear()
    batcher = Batcher(wire.send, 1)
    asked = [asyncio.create_task(batcher.ask(number)) for number in range(3)]
    await _settle()
    await batcher.stop()
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert [Unavailable] * 3 == [type(result) for result in results]
