"""What was announced: only what was proved counts, and nothing grows without a bound."""

from collections.abc import Iterable

from bazar.kit.peers.addresses import Address, Addresses
from bazar.kit.peers.candidates import (
    FORGET_S,
    INSTANCES_MAX,
    LASTS_S,
    PROOFS_A_SECOND,
    PROVE_AGAIN_S,
    PROVEN_MAX,
    TELL_AFTER,
    TOLD_MAX,
    Candidates,
)

ALL = 1_000_000


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        """Start at some time."""
        self.now_s = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


def at(*numbers: int) -> Addresses:
    """Return addresses."""
    return frozenset(Address(f"http://10.0.0.{number}:5002") for number in numbers)


def prove(candidates: Candidates, ours: Iterable[Address]) -> list[Address]:
    """Ask all whose turn it is; only some of them prove who they are. Return who was asked."""
    ours = {*ours}
    asked = candidates.due(ALL)
    for address in asked:
        candidates.note(address, proved=address in ours)
    return asked


def test_an_announcement_alone_counts_for_nothing() -> None:
    """It is asked for a proof, and is used once it gives one."""
    candidates = Candidates(Clock())
    assert candidates.hear("a", at(1))
    assert (at(1), frozenset()) == (candidates.announced, candidates.proven)
    assert [*at(1)] == candidates.due(ALL)
    assert [] == candidates.due(ALL)
    candidates.note(*at(1), proved=True)
    assert at(1) == candidates.proven


def test_who_proves_nothing_is_asked_again_after_a_pause() -> None:
    """So a service that gets ready late is found."""
    clock = Clock()
    candidates = Candidates(clock)
    candidates.hear("a", at(1))
    assert [*at(1)] == prove(candidates, [])
    assert [] == candidates.due(ALL)
    clock.now_s += PROVE_AGAIN_S
    assert [*at(1)] == prove(candidates, at(1))
    clock.now_s += PROVE_AGAIN_S
    assert [] == candidates.due(ALL)


def test_many_that_prove_nothing_are_asked_seldom() -> None:
    """All together not more often than a share of them a second; a new one is asked at once."""
    clock = Clock()
    candidates = Candidates(clock)
    for number in range(8 * PROOFS_A_SECOND):
        candidates.hear(f"fake-{number}", at(number))
    assert 8 * PROOFS_A_SECOND == len(prove(candidates, []))
    clock.now_s += PROVE_AGAIN_S
    assert [] == candidates.due(ALL)
    candidates.hear("new", at(1000))
    assert [*at(1000)] == prove(candidates, [])
    clock.now_s += 8.1
    assert 8 * PROOFS_A_SECOND + 1 == len(prove(candidates, []))


def test_those_who_were_never_asked_come_first() -> None:
    """Whoever fills the list with what was asked in vain does not hold up a new one."""
    clock = Clock()
    candidates = Candidates(clock)
    candidates.hear("old", at(1, 2, 3))
    prove(candidates, [])
    clock.now_s += FORGET_S
    candidates.hear("new", at(4))
    assert [*at(4)] == candidates.due(1)


def test_what_was_proved_stays_whatever_is_said_of_it() -> None:
    """A goodbye can be sent by anybody, and so can another address under the same name."""
    clock = Clock()
    candidates = Candidates(clock)
    candidates.hear("a", at(1))
    candidates.hear("b", at(2))
    prove(candidates, at(1, 2))
    assert candidates.hear("a", frozenset())
    assert candidates.hear("b", at(9))
    assert at(1, 2) == candidates.proven
    assert at(9) == candidates.announced


def test_what_nobody_announces_is_forgotten_once_nobody_answers_there_for_a_while() -> None:
    """While it answers it stays."""
    clock = Clock()
    candidates = Candidates(clock)
    candidates.hear("a", at(1))
    candidates.hear("b", at(2))
    prove(candidates, at(1, 2))
    candidates.hear("a", frozenset())
    for _second in range(int(2 * FORGET_S)):
        clock.now_s += 1
        prove(candidates, at(1, 2))
    assert at(1, 2) == candidates.proven
    for _second in range(int(FORGET_S) - 1):
        clock.now_s += 1
        prove(candidates, [])
    assert at(1, 2) == candidates.proven
    clock.now_s += 2
    assert [*at(1)] == prove(candidates, [])
    assert at(2) == candidates.proven


def test_the_last_one_is_never_forgotten() -> None:
    """The network may have stopped to carry announcements, and the service be back later."""
    clock = Clock()
    candidates = Candidates(clock)
    candidates.hear("a", at(1))
    prove(candidates, at(1))
    candidates.hear("a", frozenset())
    clock.now_s += 100 * FORGET_S
    prove(candidates, [])
    assert at(1) == candidates.proven


def test_an_announcement_that_nobody_repeats_runs_out() -> None:
    """Each repetition makes it last longer, though it says nothing new."""
    clock = Clock()
    candidates = Candidates(clock)
    candidates.hear("a", at(1))
    clock.now_s += LASTS_S - 1
    assert not candidates.hear("a", at(1))
    clock.now_s += LASTS_S - 1
    candidates.expire()
    assert at(1) == candidates.announced
    clock.now_s += 2
    candidates.expire()
    assert frozenset() == candidates.announced
    assert [] == candidates.due(ALL)


def test_an_address_is_announced_as_long_as_one_instance_names_it() -> None:
    """Several may, such as the processes of a front on one port."""
    candidates = Candidates(Clock())
    candidates.hear("a", at(1))
    candidates.hear("b", at(1, 2))
    candidates.hear("a", frozenset())
    assert at(1, 2) == candidates.announced
    candidates.hear("b", at(2))
    assert at(2) == candidates.announced


def test_a_flood_takes_no_more_room_and_hides_nobody_who_proved_it() -> None:
    """What gives way is what was asked in vain, and the newest one is asked next."""
    clock = Clock()
    candidates = Candidates(clock)
    candidates.hear("ours", at(1))
    prove(candidates, at(1))
    for number in range(10 * INSTANCES_MAX):
        candidates.hear(f"fake-{number}", at(2 + number))
        if number % 64 == 0:
            prove(candidates, at(1))
    assert INSTANCES_MAX == len(candidates.announced)
    assert at(1) == candidates.proven
    prove(candidates, [])
    candidates.hear("new", at(0))
    assert [*at(0)] == prove(candidates, at(0))
    assert at(0, 1) == candidates.proven


def test_no_more_are_used_than_there_is_room_for() -> None:
    """However many prove it."""
    candidates = Candidates(Clock())
    for number in range(2 * PROVEN_MAX):
        candidates.hear(f"replica-{number}", at(number))
    prove(candidates, at(*range(2 * PROVEN_MAX)))
    assert PROVEN_MAX == len(candidates.proven)


def test_old_addresses_that_somebody_still_announces_keep_no_service_out() -> None:
    """One that moves on is used at its new address; who gave way and is there comes back."""
    clock = Clock()
    candidates = Candidates(clock)
    for number in range(PROVEN_MAX):
        candidates.hear(f"{number}", at(number))
        prove(candidates, at(number))
        clock.now_s += PROVE_AGAIN_S
    candidates.hear("new", at(PROVEN_MAX))
    prove(candidates, at(PROVEN_MAX))
    assert at(*range(1, PROVEN_MAX + 1)) == candidates.proven
    clock.now_s += PROOFS_A_SECOND
    assert [*at(0)] == prove(candidates, at(0))
    assert at(0, *range(2, PROVEN_MAX + 1)) == candidates.proven


def test_what_was_withdrawn_while_it_was_asked_does_not_count() -> None:
    """Its proof comes too late."""
    candidates = Candidates(Clock())
    candidates.hear("a", at(1))
    (asked,) = candidates.due(ALL)
    candidates.hear("a", frozenset())
    candidates.note(asked, proved=True)
    assert frozenset() == candidates.proven


def test_who_proves_nothing_again_and_again_is_told_once() -> None:
    """Whose secret is another one, say; not one that a busy machine answered too late once."""
    clock = Clock()
    candidates = Candidates(clock)
    candidates.hear("a", at(1))
    news = []
    for proved in [False, False, True, False, False, False, False]:
        (asked,) = candidates.due(ALL) or [*at(1)]
        news.append(candidates.note(asked, proved=proved))
        clock.now_s += PROVE_AGAIN_S
    assert [False] * 7 == news, "it was proved once"
    candidates.hear("b", at(2))
    told = []
    for _ in range(2 * TELL_AFTER):
        candidates.due(ALL)
        told.append(candidates.note(*at(2), proved=False))
        clock.now_s += PROVE_AGAIN_S
    assert [number == TELL_AFTER for number in range(1, 2 * TELL_AFTER + 1)] == told


def test_a_flood_of_false_announcements_does_not_fill_the_log() -> None:
    """The first of them are told."""
    clock = Clock()
    candidates = Candidates(clock)
    told = 0
    for number in range(3 * TOLD_MAX):
        candidates.hear(f"{number}", at(number))
    for _ in range(TELL_AFTER):
        for address in candidates.due(ALL):
            told += candidates.note(address, proved=False)
        clock.now_s += PROOFS_A_SECOND
    assert TOLD_MAX == told
