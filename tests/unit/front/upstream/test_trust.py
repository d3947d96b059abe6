"""How long a change feed is trusted: its proofs, and a model of a network without manners."""

from collections import deque

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bazar.front.upstream.trust import LEAP_S, NEVER, Trust
from bazar.wire.books import Place, Sign
from bazar.wire.budgets import HEARTBEAT_MS, LAG_MS, SILENCE_MS, STALE_MS
from support.feeds import FakeClock

SILENCE_S = SILENCE_MS / 1000
LAG_S = LAG_MS / 1000
THEIRS_S = 5000.0
"""By how much the catalog's clock is ahead."""


def sign(word: str, number: int, at_s: float, run: str = "0a") -> Sign:
    """Return a line that the catalog put into the queue at a moment of our clock."""
    return Sign(word, Place(run, number), round((at_s + THEIRS_S) * 1000))


@pytest.fixture
def clock() -> FakeClock:
    """Return our clock, at 100 s."""
    clock = FakeClock()
    clock.now_s = 100.0
    return clock


@pytest.fixture
def trust(clock: FakeClock) -> Trust:
    """Return what a feed proved that was opened at once, after 5 commits."""
    trust = Trust(clock)
    trust.opened(sign("open", 5, 100.0), 100.0)
    return trust


def test_the_trust_ends_some_time_after_the_last_proof(clock: FakeClock, trust: Trust) -> None:
    """Each sign proves that all was known when it was put into the queue, not when it came."""
    assert pytest.approx(100.0 + SILENCE_S) == trust.until_s
    clock.now_s = 101.0
    trust.heard(sign("alive", 5, 100.6))
    assert pytest.approx(100.6 + SILENCE_S) == trust.until_s
    clock.now_s = 101.5
    trust.heard(sign("told", 6, 101.5))
    assert pytest.approx(101.5 + SILENCE_S) == trust.until_s


def test_a_feed_that_takes_long_to_open_counts_from_when_it_was_asked_for(
    clock: FakeClock,
) -> None:
    """Nobody knows how long its first line was on its way; all later ones may be as late."""
    trust = Trust(clock)
    clock.now_s = 101.5
    trust.opened(sign("open", 5, 100.7), 100.0)
    assert pytest.approx(100.0 + SILENCE_S) == trust.until_s
    trust.heard(sign("alive", 5, 101.2))
    assert pytest.approx(100.5 + SILENCE_S) == trust.until_s


@pytest.mark.parametrize(
    "wrong",
    [
        sign("told", 7, 100.1),
        sign("told", 5, 100.1),
        sign("alive", 6, 100.1),
        sign("alive", 4, 100.1),
        sign("told", 6, 100.1, run="0b"),
        sign("alive", 5, 100.1, run="0b"),
    ],
)
def test_a_gap_in_the_numbers_ends_the_trust(clock: FakeClock, trust: Trust, wrong: Sign) -> None:
    """Something was left out, or the catalog is another; only another feed brings it back."""
    clock.now_s = 100.1
    trust.heard(wrong)
    assert NEVER == trust.until_s
    trust.heard(sign("alive", wrong.place.number, 100.1))
    trust.claimed(Place("0a", 9))
    assert NEVER == trust.until_s
    trust.opened(sign("open", 9, 100.1), 100.1)
    assert trust.until_s > 100.1


def test_a_clock_of_theirs_that_ran_ahead_ends_the_trust(clock: FakeClock, trust: Trust) -> None:
    """Ours stood still, as in a machine that was halted: what is held may be of any age."""
    clock.now_s = 100.1
    trust.heard(sign("alive", 5, 100.1 + LEAP_S - 0.01))
    assert trust.until_s > clock.now_s
    trust.heard(sign("alive", 5, 100.1 + 2 * LEAP_S))
    assert NEVER == trust.until_s


def test_clocks_that_drift_are_followed(clock: FakeClock, trust: Trust) -> None:
    """A line cannot come before it was sent: a fast clock of theirs never makes us trust longer."""
    for beat in range(1, 1000):
        clock.now_s = 100.0 + beat / 2
        drift_s = beat * 0.004
        trust.heard(sign("alive", 5, clock.now_s + drift_s))
        assert trust.until_s <= clock.now_s + SILENCE_S + 0.001


def test_what_an_answer_knows_the_feed_must_say_soon(clock: FakeClock, trust: Trust) -> None:
    """Each answer gives it LAG_MS; signs of life do not help, only the number does."""
    trust.claimed(Place("0a", 5))
    assert pytest.approx(100.0 + SILENCE_S) == trust.until_s
    clock.now_s = 100.2
    trust.claimed(Place("0a", 6))
    clock.now_s = 100.6
    trust.claimed(Place("0a", 7))
    trust.claimed(Place("0a", 6))
    trust.heard(sign("alive", 5, 100.6))
    assert pytest.approx(100.2 + LAG_S) == trust.until_s
    clock.now_s = 101.0
    trust.heard(sign("told", 6, 100.1))
    assert pytest.approx(100.6 + LAG_S) == trust.until_s
    trust.heard(sign("told", 7, 101.0))
    assert pytest.approx(101.0 + SILENCE_S) == trust.until_s


def test_an_answer_of_another_run_ends_the_trust(trust: Trust) -> None:
    """The feed is still that of a catalog which is gone."""
    trust.claimed(Place("0b", 1))
    assert NEVER == trust.until_s


class FeedModel(RuleBasedStateMachine):
    """A catalog that commits, a front that caches, and between them anything may be late or lost.

    One book: its version is the number of commits. The front keeps a version until it hears of a
    higher one.
    """

    def __init__(self) -> None:
        """Start with a feed that nobody has asked for."""
        super().__init__()
        self.clock = FakeClock()
        self.trust = Trust(self.clock)
        self.commits_at_s: list[float] = []
        self.lines: deque[Sign] = deque()
        self.asked_at_s: float | None = None
        self.held = 0

    def line(self, word: str) -> Sign:
        """Return a line of now."""
        return sign(word, len(self.commits_at_s), self.clock.now_s)

    @rule(seconds=st.sampled_from([0.01, 0.1, HEARTBEAT_MS / 1000, 0.9, 3.0]))
    def wait(self, seconds: float) -> None:
        """Time passes, and nothing moves."""
        self.clock.now_s += seconds

    @rule()
    def commit(self) -> None:
        """The book changes; the line that says so is on its way, if there is a feed."""
        self.commits_at_s.append(self.clock.now_s)
        self.lines.append(self.line("told"))

    @rule()
    def beat(self) -> None:
        """The catalog gives a sign of life."""
        self.lines.append(self.line("alive"))

    @rule()
    def ask_for_a_feed(self) -> None:
        """The front leaves its feed and asks for another; the request takes a while."""
        self.trust.end()
        self.lines.clear()
        self.asked_at_s = self.clock.now_s

    @precondition(lambda self: self.asked_at_s is not None)
    @rule()
    def begin_the_feed(self) -> None:
        """The catalog takes the request; from here on lines are told."""
        self.lines.clear()
        self.lines.append(self.line("open"))

    @rule(count=st.integers(1, 4))
    def arrive(self, count: int) -> None:
        """The first few lines arrive, late or not."""
        while self.lines and count:
            count -= 1
            said = self.lines.popleft()
            if said.word != "open":
                self.trust.heard(said)
            elif self.asked_at_s is not None:
                self.trust.opened(said, self.asked_at_s)
                self.held = said.place.number
                self.asked_at_s = None
            if said.word == "told":
                self.held = max(self.held, said.place.number)

    @precondition(lambda self: self.lines)
    @rule()
    def lose(self) -> None:
        """A line is lost on its way."""
        self.lines.popleft()

    @rule()
    def answer(self) -> None:
        """An answer tells of the last commit, and is kept."""
        self.trust.claimed(Place("0a", len(self.commits_at_s)))
        self.held = len(self.commits_at_s)

    @invariant()
    def never_older_than_promised(self) -> None:
        """What would be answered from memory now was true less than STALE_MS ago."""
        if self.clock.now_s < self.trust.until_s and self.held < len(self.commits_at_s):
            assert self.clock.now_s - self.commits_at_s[self.held] < STALE_MS / 1000


TestFeedModel = FeedModel.TestCase
TestFeedModel.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
