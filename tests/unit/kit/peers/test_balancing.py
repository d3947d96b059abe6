"""Several targets: whom to ask, who is out and for how long, and how much may be asked twice."""

import asyncio
from collections import Counter

import pytest

from bazar.kit.peers import balancing
from bazar.kit.peers.addresses import Address
from bazar.kit.peers.balancing import PATIENCES, WINDOW_S, Budget, Patience, Target, Targets
from support.feeds import FakeClock

BOUND_S = 5.0
DRAWS = 400


class Ready:
    """Answers probes: no, as often as it is told to, and then yes."""

    def __init__(self) -> None:
        """Say yes at once."""
        self.refusals = 0
        self.asked = 0

    async def __call__(self, _target: Target) -> bool:
        """Answer one probe."""
        self.asked += 1
        self.refusals -= 1
        return self.refusals < 0


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch) -> Ready:
    """Return the answer to probes, which come without long pauses."""
    monkeypatch.setattr(balancing, "PROBE_PAUSE_S_FIRST", 0.001)
    return Ready()


def addresses(*names: str) -> frozenset[Address]:
    """Return one address a name."""
    return frozenset(Address(f"http://{name}") for name in names)


def targets_of(ready: Ready, *names: str) -> Targets:
    """Return targets that are all in."""
    targets = Targets("catalog", ready)
    targets.set(addresses(*names))
    return targets


def chosen(targets: Targets) -> Target:
    """Return whom to ask, who has to be there."""
    target = targets.choose()
    assert target is not None
    return target


async def test_the_less_busy_one_of_two_is_asked(ready: Ready) -> None:
    """However often; and who is as busy as the other gets its share."""
    targets = targets_of(ready, "a", "b")
    busy = chosen(targets)
    busy.in_flight = 1
    assert {busy} == {busy} - {chosen(targets) for _ in range(DRAWS)}
    busy.in_flight = 0
    counted = Counter(chosen(targets).url for _ in range(DRAWS))
    assert {"http://a", "http://b"} == set(counted)
    assert min(counted.values()) > DRAWS / 4


async def test_the_busiest_one_of_three_is_never_asked(ready: Ready) -> None:
    """Any two of them hold a less busy one; all the others are asked."""
    targets = targets_of(ready, "a", "b", "c")
    busy = chosen(targets)
    busy.in_flight = 9
    assert 2 == len({chosen(targets) for _ in range(DRAWS)} - {busy})
    assert busy not in {chosen(targets) for _ in range(DRAWS)}


async def test_who_is_out_is_not_asked_until_a_probe_finds_it_ready(ready: Ready) -> None:
    """It is probed again and again; nobody's call tries whether it is back."""
    targets = targets_of(ready, "a", "b")
    ready.refusals = 3
    lost = chosen(targets)
    targets.eject(lost, "gone")
    assert lost.out
    assert lost not in {chosen(targets) for _ in range(DRAWS)}
    assert targets.another([chosen(targets)]) is None
    (probe,) = targets.probes
    await asyncio.wait({probe}, timeout=BOUND_S)
    assert 4 == ready.asked
    assert lost in {chosen(targets) for _ in range(DRAWS)}


async def test_the_pauses_between_probes_double_up_to_a_second(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A target that stays away costs a probe a second."""
    monkeypatch.setattr(balancing, "PROBE_PAUSE_S_FIRST", 0.05)
    pauses_s = []

    async def sleep(pause_s: float) -> None:
        pauses_s.append(pause_s)

    targets = targets_of(ready, "a", "b")
    ready.refusals = 6
    lost = chosen(targets)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    targets.eject(lost, "gone")
    (probe,) = targets.probes
    await probe
    assert not lost.out
    assert [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0] == pauses_s


async def test_where_all_are_out_all_are_asked(ready: Ready) -> None:
    """Nobody knows better then; and who waits hears of the first that is back."""
    targets = targets_of(ready, "a", "b")
    ready.refusals = 10**6
    for target in targets:
        targets.eject(target, "gone")
    assert not targets.some_in
    assert 2 == len({chosen(targets) for _ in range(DRAWS)})
    assert targets.another([]) is None
    assert not await targets.until_some_in(0.01)
    ready.refusals = 0
    assert await targets.until_some_in(BOUND_S)
    assert targets.some_in
    await targets.stop()


async def test_the_only_target_is_never_out(ready: Ready) -> None:
    """There is no other to ask."""
    targets = targets_of(ready, "a")
    targets.eject(chosen(targets), "gone")
    assert targets.only is chosen(targets)
    assert not targets.only.out
    assert [] == list(targets.probes)


async def test_addresses_come_and_go(ready: Ready) -> None:
    """Who stays keeps what is known of it, and who went is probed no more."""
    targets = targets_of(ready, "a", "b")
    ready.refusals = 10**6
    lost = chosen(targets)
    targets.eject(lost, "gone")
    targets.set(addresses("a", "b", "c"))
    assert lost.out
    assert 3 == len(targets)
    assert 2 == len({chosen(targets) for _ in range(DRAWS)})
    (probe,) = targets.probes
    targets.set(addresses("c", "d"))
    await asyncio.wait({probe}, timeout=BOUND_S)
    assert probe.cancelled()
    assert {"http://c", "http://d"} == {chosen(targets).url for _ in range(DRAWS)}


async def test_who_is_left_alone_is_in(ready: Ready) -> None:
    """Also if it was out while there was another one."""
    targets = targets_of(ready, "a", "b")
    ready.refusals = 10**6
    lost = chosen(targets)
    targets.eject(lost, "gone")
    targets.set(frozenset({lost.address}))
    assert targets.only is lost
    assert not lost.out
    assert [] == list(targets.probes)


def test_a_budget_is_a_share_of_the_calls_of_late() -> None:
    """One more than that is refused; what was long ago counts no more."""
    clock = FakeClock()
    budget = Budget(0.1, 2, clock)
    assert [True, True, False] == [budget.take() for _ in range(3)]
    for _ in range(50):
        budget.count()
    assert 3 == sum(budget.take() for _ in range(10))
    clock.now_s += WINDOW_S - 1
    assert not budget.take()
    clock.now_s += 1
    assert 2 == sum(budget.take() for _ in range(10))


def test_the_window_of_a_budget_slides() -> None:
    """What was taken in one second is free again when that second is over for good."""
    clock = FakeClock()
    budget = Budget(0.1, 0, clock)
    taken = 0
    for _second in range(3 * WINDOW_S):
        for _ in range(10):
            budget.count()
        taken += sum(budget.take() for _ in range(10))
        clock.now_s += 1
    assert 3 * WINDOW_S == taken


def test_a_call_is_slow_when_it_takes_longer_than_most() -> None:
    """Until enough of them are known the first guess holds, which is never passed."""
    patience = Patience(0.5)
    for _ in range(PATIENCES // 4 - 1):
        patience.note(0.001)
    assert 0.5 == patience.slow_s
    for number in range(PATIENCES):
        patience.note(0.2 if number % 10 == 0 else 0.001)
    assert 0.2 == patience.slow_s
    for _ in range(PATIENCES):
        patience.note(3.0)
    assert 0.5 == patience.slow_s
    for _ in range(2 * PATIENCES):
        patience.note(0.002)
    assert 0.002 == patience.slow_s
