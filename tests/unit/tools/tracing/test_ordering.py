"""The order of cause: kept whatever the clocks say, and the clocks are found out."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bazar.tools.tracing.lines import Line
from bazar.tools.tracing.ordering import Ordered, ordered
from support.logs import CATALOG, FRONT, ORDERS

SECOND_US = 1_000_000
PLACES = {"front": FRONT, "order": ORDERS, "catalog": CATALOG}
PORTS = {"5000": "front", "5001": "catalog", "5002": "order", "5003": "catalog"}
OTHER_CATALOG = "127.0.0.1:5003#c9"


class History:
    """What happened, one thing after the other, by clocks that differ."""

    def __init__(self, ahead_us: dict[str, int] | None = None) -> None:
        """Have clocks that are ahead by so much."""
        self.lines: list[Line] = []
        self._ahead_us = ahead_us or {}
        self._now_us = 1_000 * SECOND_US

    def step(self, process: str, step: str, after_us: int = 1000, **facts: str) -> Line:
        """Have a process take a step."""
        return self.event(process, "step", after_us, step=step, **facts)

    def event(self, process: str, event: str, after_us: int = 1000, **facts: str) -> Line:
        """Have a process write a line."""
        self._now_us += after_us
        service = PORTS[process[10:14]]
        at_us = self._now_us + self._ahead_us.get(process, 0)
        source = [*PORTS].index(process[10:14])
        line = Line(at_us, "debug", event, service, process, facts, source, len(self.lines))
        self.lines.append(line)
        return line

    def asks(self, process: str, service: str, call: str, at: str = "") -> None:
        """Have a process send a call."""
        target = f"http://{(at or PLACES[service]).partition('#')[0]}"
        self.step(process, "asked", call=call, upstream=service, target=target)

    def hears(self, process: str, service: str, call: str, at: str = "") -> None:
        """Have a process hear the answer to a call."""
        target = f"http://{(at or PLACES[service]).partition('#')[0]}"
        self.step(process, "answered", call=call, upstream=service, target=target)

    def purchase(self) -> None:
        """Have a purchase go its way."""
        self.step(FRONT, "taken")
        self.asks(FRONT, "order", "c1")
        self.step(ORDERS, "received", call="c1")
        self.step(ORDERS, "stored")
        self.asks(ORDERS, "catalog", "c2")
        self.step(CATALOG, "asked-for", call="c2")
        self.step(CATALOG, "decided")
        self.event(CATALOG, "request", request_id="c2")
        self.hears(ORDERS, "catalog", "c2")
        self.event(ORDERS, "request", request_id="c1")
        self.hears(FRONT, "order", "c1")
        self.step(FRONT, "told")

    def found(self) -> list[Line]:
        """Return the lines as they are found: file by file."""
        return sorted(self.lines, key=lambda line: (line.source, line.offset))

    def ordered(self) -> Ordered:
        """Return them in the order of cause."""
        return ordered(self.found())


def test_equal_clocks_are_left_alone() -> None:
    """The order is that of the times, and no difference is told."""
    history = History()
    history.purchase()
    told = history.ordered()
    assert history.lines == told.lines
    assert [line.at_us for line in history.lines] == told.at_us
    assert ([], False, FRONT) == (told.clocks, told.contradicts, told.whose)


@pytest.mark.parametrize("ahead_s", [-3600, -2, 2, 3600])
@pytest.mark.parametrize("process", [ORDERS, CATALOG])
def test_a_clock_that_differs_changes_no_order_and_is_told(process: str, ahead_s: int) -> None:
    """To within what the calls took; the times are those of whoever began."""
    history = History({process: ahead_s * SECOND_US})
    history.purchase()
    told = history.ordered()
    assert history.lines == told.lines
    (clock,) = told.clocks
    assert (process, False) == (clock.writer, clock.at_least)
    assert abs(clock.ahead_us - ahead_s * SECOND_US) < 10_000
    assert told.at_us == sorted(told.at_us)
    assert told.at_us[-1] - told.at_us[0] < 20_000


def test_a_clock_ahead_of_the_first_one_is_compared_with_it() -> None:
    """Also where all others agree with each other, and not with whoever began."""
    history = History({FRONT: 5 * SECOND_US})
    history.purchase()
    told = history.ordered()
    assert history.lines == told.lines
    assert FRONT == told.whose
    assert {ORDERS, CATALOG} == {clock.writer for clock in told.clocks}
    assert all(abs(clock.ahead_us + 5 * SECOND_US) < 10_000 for clock in told.clocks)


def test_who_died_before_its_answer_shows_only_a_bound() -> None:
    """Nothing that came back says how far its clock is behind."""
    history = History({CATALOG: -7 * SECOND_US})
    history.step(FRONT, "taken")
    history.asks(FRONT, "order", "c1")
    history.step(ORDERS, "received", call="c1")
    history.asks(ORDERS, "catalog", "c2")
    history.step(CATALOG, "asked-for", call="c2")
    history.step(ORDERS, "no-answer", call="c2", upstream="catalog")
    told = history.ordered()
    (clock,) = told.clocks
    assert (CATALOG, True) == (clock.writer, clock.at_least)
    assert -7 * SECOND_US <= clock.ahead_us < -6 * SECOND_US
    assert told.lines.index(history.lines[3]) < told.lines.index(history.lines[4])


def test_who_starts_again_at_a_place_has_the_clock_of_that_place() -> None:
    """What is known of the next process there holds for the one that died."""
    again = CATALOG.replace("#c1", "#c2")
    history = History({CATALOG: -7 * SECOND_US, again: -7 * SECOND_US})
    history.step(FRONT, "taken")
    history.asks(FRONT, "order", "c1")
    history.step(ORDERS, "received", call="c1")
    history.asks(ORDERS, "catalog", "c2")
    history.step(CATALOG, "asked-for", call="c2")
    history.step(ORDERS, "no-answer", call="c2", upstream="catalog")
    history.asks(ORDERS, "catalog", "c3")
    history.step(again, "asked-for", call="c3")
    history.event(again, "request", request_id="c3")
    history.hears(ORDERS, "catalog", "c3")
    told = history.ordered()
    assert history.lines == told.lines
    assert {CATALOG, again} == {clock.writer for clock in told.clocks}
    assert all(abs(clock.ahead_us + 7 * SECOND_US) < 10_000 for clock in told.clocks)


def test_a_clock_that_jumps_meanwhile_changes_no_order() -> None:
    """Then no one difference fits, and what can only be after something still is."""
    history = History()
    history.purchase()
    lines = [
        Line(line.at_us - SECOND_US, *_rest(line)) if line.writer == ORDERS and number > 6 else line
        for number, line in enumerate(history.lines)
    ]
    told = ordered(sorted(lines, key=lambda line: (line.source, line.offset)))
    assert lines == told.lines
    assert told.at_us == sorted(told.at_us)


def _rest(line: Line) -> tuple[str, str, str, str, dict[str, str], int, int]:
    facts = line.facts
    return (line.level, line.event, line.service, line.process, facts, line.source, line.offset)


def test_an_answer_comes_from_the_target_that_gave_it() -> None:
    """Of two that were asked, the slow one's end is after the answer that was heard."""
    history = History()
    history.asks(ORDERS, "catalog", "c2", at=CATALOG)
    history.step(CATALOG, "asked-for", call="c2")
    history.asks(ORDERS, "catalog", "c2", at=OTHER_CATALOG)
    history.step(OTHER_CATALOG, "asked-for", call="c2")
    history.event(OTHER_CATALOG, "request", request_id="c2")
    history.hears(ORDERS, "catalog", "c2", at=OTHER_CATALOG)
    history.event(CATALOG, "request", request_id="c2", after_us=SECOND_US)
    told = history.ordered()
    assert history.lines == told.lines
    assert ([], False) == (told.clocks, told.contradicts)


def test_a_call_id_of_two_askers_orders_nothing() -> None:
    """Such as of a client that sends one request id to two fronts: nobody knows whose it was."""
    other = FRONT.replace("#f1", "#f2")
    history = History({other: 3600 * SECOND_US})
    history.asks(FRONT, "order", "twice")
    history.asks(other, "order", "twice")
    history.step(ORDERS, "received", call="twice")
    assert [] == history.ordered().clocks


def test_lines_that_contradict_each_other_are_all_told() -> None:
    """As of a file whose lines were turned round: nothing is left out, and it is said."""
    history = History()
    history.purchase()
    front = [line for line in history.lines if line.writer == FRONT]
    others = [line for line in history.found() if line.writer != FRONT]
    told = ordered([*reversed(front), *others])
    assert told.contradicts
    assert {id(line) for line in history.lines} == {id(line) for line in told.lines}


@given(
    st.integers(0, 2**32),
    st.dictionaries(
        st.sampled_from([FRONT, ORDERS, CATALOG]), st.integers(-(10**10), 10**10), max_size=3
    ),
)
def test_no_clock_makes_anything_arrive_before_it_was_sent(
    seed: int, ahead_us: dict[str, int]
) -> None:
    """Many calls at once, of many services, at any time: what follows is after what it follows."""
    random = Random(seed)
    history = History(ahead_us)
    under_way: list[str] = []
    for number in range(40):
        call = f"c{number}"
        after_us = random.randrange(1, 50_000)
        if under_way and random.random() < 0.5:
            call = under_way.pop(random.randrange(len(under_way)))
            history.event(ORDERS, "request", request_id=call, after_us=after_us)
            history.hears(FRONT, "order", call)
        else:
            history.asks(FRONT, "order", call)
            history.step(ORDERS, "received", call=call, after_us=after_us)
            under_way.append(call)
    told = history.ordered()
    place = {id(line): number for number, line in enumerate(told.lines)}
    for process in (FRONT, ORDERS):
        mine = [place[id(line)] for line in history.lines if line.writer == process]
        assert mine == sorted(mine)
    sent = {line["call"]: line for line in history.lines if line.step == "asked"}
    for line in history.lines:
        if line.step == "received":
            assert place[id(sent[line["call"]])] < place[id(line)]
    assert told.at_us == sorted(told.at_us)
    assert not told.contradicts
