"""Many calls at once become few."""

import asyncio
from collections.abc import Sequence
from time import monotonic

import pytest

from bazar.kit.deadline import Deadline
from bazar.kit.errors import Overloaded, Unavailable
from bazar.kit.peers import batching
from bazar.kit.peers.batching import UNDER_WAY_MAX, Batcher


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


def _batcher(wire: Wire, batch_max: int = 10, *, waiting_max: int = 100) -> Batcher[int, int]:
    return Batcher("the wire", wire.send, batch_max, waiting_max=waiting_max)


async def _ask(batcher: Batcher[int, int], *questions: int, timeout_ms: int = 5000) -> list[int]:
    return list(await batcher.ask(questions, Deadline(timeout_ms)))


async def _settle() -> None:
    for _turn in range(5):
        await asyncio.sleep(0)


async def test_each_asker_gets_its_own_answers() -> None:
    """Answers come back to the questions that they belong to."""
    batcher = _batcher(Wire())
    answers = await asyncio.gather(*(_ask(batcher, number) for number in range(35)))
    assert [[number * 2] for number in range(35)] == answers


async def test_while_one_batch_is_in_flight_the_next_gathers() -> None:
    """Questions that find no free place go together as soon as there is one."""
    wire = Wire()
    wire.gate.clear()
    batcher = _batcher(wire, 100)
    first = asyncio.create_task(_ask(batcher, 1))
    await _settle()
    others = [asyncio.create_task(_ask(batcher, number)) for number in range(2, 8)]
    await _settle()
    assert [[1]] == wire.batches
    assert 6 == batcher.waiting
    wire.gate.set()
    await asyncio.gather(first, *others)
    assert [[1], [2, 3, 4, 5, 6, 7]] == wire.batches
    assert 0 == batcher.waiting


async def test_a_batch_has_a_limit() -> None:
    """What does not fit into it goes with the next."""
    wire = Wire()
    batcher = _batcher(wire, 3)
    await asyncio.gather(*(_ask(batcher, number) for number in range(10)))
    assert [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]] == wire.batches


async def test_a_batch_that_takes_long_gives_way_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a moment the next leaves as well, and so on up to a limit; then all is as before."""
    monkeypatch.setattr(batching, "PATIENCE_S", 0.01)
    wire = Wire()
    wire.gate.clear()
    batcher = _batcher(wire, 2)
    asked = [asyncio.create_task(_ask(batcher, number)) for number in range(10)]
    await _settle()
    assert [[0, 1]] == wire.batches
    await asyncio.sleep(0.2)
    assert [[0, 1], [2, 3], [4, 5]] == wire.batches
    assert UNDER_WAY_MAX == len(wire.batches)
    wire.gate.set()
    assert [[2 * number] for number in range(10)] == await asyncio.gather(*asked)
    wire.gate.clear()
    first = asyncio.create_task(_ask(batcher, 10))
    await _settle()
    second = asyncio.create_task(_ask(batcher, 11))
    await _settle()
    assert [10] == wire.batches[-1]
    wire.gate.set()
    assert ([20], [22]) == (await first, await second)


async def test_the_next_batch_leaves_before_answers_are_handed_out() -> None:
    """Whoever answers goes on working meanwhile."""
    wire = Wire()
    wire.gate.clear()
    batcher = _batcher(wire, 1)
    heard: list[int] = []

    async def ask(number: int) -> None:
        await _ask(batcher, number)
        heard.append(len(wire.batches))

    asked = [asyncio.create_task(ask(number)) for number in range(3)]
    await _settle()
    wire.gate.set()
    await asyncio.gather(*asked)
    assert 2 <= heard[0]


async def test_answers_of_a_large_batch_are_handed_out_in_portions() -> None:
    """Between two of them everything else gets its turn."""
    portion = batching.HANDED_OUT_AT_ONCE
    batcher = _batcher(Wire(), 3 * portion, waiting_max=3 * portion)
    asked = [asyncio.create_task(_ask(batcher, number)) for number in range(3 * portion)]
    counts = set()
    while not all(one.done() for one in asked):
        counts.add(sum(one.done() for one in asked))
        await asyncio.sleep(0)
    assert {portion, 2 * portion} <= counts


async def test_the_questions_of_one_asker_travel_together() -> None:
    """They are not spread over batches, even if they alone are more than one holds."""
    wire = Wire()
    wire.gate.clear()
    batcher = _batcher(wire, 3)
    asked = [
        asyncio.create_task(_ask(batcher, *questions))
        for questions in ([1], [2, 3], [4, 5], [6], [7, 8, 9, 10])
    ]
    await _settle()
    wire.gate.set()
    assert [[2], [4, 6], [8, 10], [12], [14, 16, 18, 20]] == await asyncio.gather(*asked)
    assert [[1, 2, 3], [4, 5, 6], [7, 8, 9, 10]] == wire.batches


async def test_more_than_may_wait_are_refused_at_once() -> None:
    """The refusal is definite, and there is room again as soon as a batch has left."""
    wire = Wire()
    wire.gate.clear()
    batcher = _batcher(wire, waiting_max=2)
    first = asyncio.create_task(_ask(batcher, 1))
    await _settle()
    waiting = asyncio.create_task(_ask(batcher, 2, 3))
    await _settle()
    with pytest.raises(Overloaded):
        await _ask(batcher, 4)
    wire.gate.set()
    assert ([2], [4, 6]) == tuple(await asyncio.gather(first, waiting))
    assert [10] == await _ask(batcher, 5)
    assert [[1], [2, 3], [5]] == wire.batches


async def test_who_gives_up_makes_room_for_others() -> None:
    """So that a service behind which hangs does not keep newcomers out for nobody's sake."""
    wire = Wire()
    wire.gate.clear()
    batcher = _batcher(wire, waiting_max=2)
    first = asyncio.create_task(_ask(batcher, 1))
    await _settle()
    late = asyncio.create_task(_ask(batcher, 2, timeout_ms=50))
    gone = asyncio.create_task(_ask(batcher, 3))
    await _settle()
    assert 2 == batcher.waiting
    gone.cancel()
    with pytest.raises(Unavailable):
        await late
    await asyncio.gather(gone, return_exceptions=True)
    assert 0 == batcher.waiting
    others = asyncio.create_task(_ask(batcher, 4, 5))
    await _settle()
    wire.gate.set()
    assert ([2], [8, 10]) == tuple(await asyncio.gather(first, others))
    assert [[1], [4, 5]] == wire.batches
    assert 0 == batcher.waiting


async def test_what_is_late_is_never_sent() -> None:
    """An asker whose deadline passes hears that nothing is known, and its question is dropped."""
    wire = Wire()
    wire.gate.clear()
    batcher = _batcher(wire)
    first = asyncio.create_task(_ask(batcher, 1))
    await _settle()
    with pytest.raises(Unavailable, match="the wire did not answer in time"):
        await _ask(batcher, 2, timeout_ms=10)
    wire.gate.set()
    assert [2] == await first
    assert [6] == await _ask(batcher, 3)
    assert [[1], [3]] == wire.batches


async def test_each_asker_waits_until_its_own_deadline() -> None:
    """Whether its question was sent or still waits, and however late the others may be."""
    wire = Wire()
    wire.gate.clear()
    batcher = _batcher(wire, 2)
    late: list[int] = []

    async def ask(number: int, timeout_ms: int) -> None:
        try:
            assert [2 * number] == await _ask(batcher, number, timeout_ms=timeout_ms)
        except Unavailable:
            late.append(number)

    timeouts_ms = enumerate((5000, 150, 40, 5000, 90))
    asked = [asyncio.create_task(ask(*one)) for one in timeouts_ms]
    await asyncio.wait(asked, timeout=0.4)
    assert [2, 4, 1] == late
    wire.gate.set()
    await asyncio.gather(*asked)
    assert [2, 4, 1] == late


async def test_what_was_late_before_it_could_leave_is_never_sent() -> None:
    """Though nobody looked at the clock meanwhile, and its asker has not heard so yet."""
    wire = Wire()
    batcher = _batcher(wire)
    results = await asyncio.gather(
        _ask(batcher, 1, timeout_ms=0), _ask(batcher, 2), return_exceptions=True
    )
    assert isinstance(results[0], Unavailable)
    assert [4] == results[1]
    assert [[2]] == wire.batches


@pytest.mark.parametrize("error", [Unavailable("away"), ValueError("nonsense")])
async def test_a_failed_batch_is_indefinite_for_all_in_it(error: Exception) -> None:
    """Whatever went wrong, nobody knows whether it was done, and nobody waits for ever."""
    wire = Wire()
    wire.error = error
    batcher = _batcher(wire)
    results = await asyncio.gather(
        *(_ask(batcher, number) for number in range(3)), return_exceptions=True
    )
    assert [Unavailable] * 3 == [type(result) for result in results]
    wire.error = None
    assert [2] == await _ask(batcher, 1)


async def test_a_missing_answer_fails_its_batch() -> None:
    """Answers that cannot be matched to questions are no answers."""
    wire = Wire()
    wire.drop = 1
    batcher = _batcher(wire)
    results = await asyncio.gather(
        *(_ask(batcher, number) for number in range(3)), return_exceptions=True
    )
    assert [Unavailable] * 3 == [type(result) for result in results]


async def test_an_asker_who_leaves_before_it_is_sent_is_not_sent() -> None:
    """Nobody would hear the answer."""
    wire = Wire()
    wire.gate.clear()
    batcher = _batcher(wire)
    first = asyncio.create_task(_ask(batcher, 1))
    await _settle()
    leaving = asyncio.create_task(_ask(batcher, 2))
    staying = asyncio.create_task(_ask(batcher, 3))
    await _settle()
    leaving.cancel()
    wire.gate.set()
    assert ([2], [6]) == tuple(await asyncio.gather(first, staying))
    assert [[1], [3]] == wire.batches


async def test_stopping_tells_everyone_who_waits() -> None:
    """What is in flight and what gathers both end as indefinite."""
    wire = Wire()
    wire.gate.clear()
    batcher = _batcher(wire, 1)
    asked = [asyncio.create_task(_ask(batcher, number)) for number in range(3)]
    await _settle()
    await batcher.stop()
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert [Unavailable] * 3 == [type(result) for result in results]


async def test_stopping_tells_those_whose_batch_has_not_begun_yet() -> None:
    """A task that is ended before its first step cannot tell anybody."""
    wire = Wire()
    batcher = _batcher(wire)
    asked = asyncio.create_task(_ask(batcher, 1))
    await asyncio.sleep(0)  # it asks,
    await asyncio.sleep(0)  # and its batch is to leave in the next turn
    await batcher.stop()
    with pytest.raises(Unavailable, match="the service is stopping"):
        async with asyncio.timeout(1):
            await asked
    assert [] == wire.batches


async def test_the_clock_rests_while_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the next asker starts it again."""
    looks: list[float] = []

    def clock() -> float:
        looks.append(monotonic())
        return looks[-1]

    monkeypatch.setattr(batching, "LOOK_S", 0.001)
    monkeypatch.setattr(batching, "monotonic", clock)
    wire = Wire()
    batcher = _batcher(wire)
    for number in range(2):
        assert [2 * number] == await _ask(batcher, number)
        wire.gate.clear()
        with pytest.raises(Unavailable):
            await _ask(batcher, number, timeout_ms=20)
        wire.gate.set()
        await asyncio.sleep(0.02)
        looked = len(looks)
        await asyncio.sleep(0.02)
        assert looked == len(looks)
