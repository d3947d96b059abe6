"""Telling a trace: each line in words, who fell silent, and what became of the orders. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from bazar.tools.tracing.finding import Found
from bazar.tools.tracing.judging import Verdict, verdicts
from bazar.tools.tracing.lines import Line
from bazar.tools.tracing.ordering import Ordered, ordered
from bazar.wire.steps import STEPS

_TRIES_SHOWN = 3
_SAID = frozenset({"step", "request_id", "call", "order", "key", "request_ids"})
"""Facts that tie lines together; they are in no column of their own."""
_TOLD_BY_A_STEP = "upstream-away"
_BEGINS = frozenset({"taken", "cancel-taken"})
"""Steps that tell which request it is."""
_TAKES = frozenset({"received", "asked-for", "release-asked"})
"""Steps with which a service takes a call, whose end is the line of its request."""


class Row(Struct, frozen=True):
    """One line of the story."""

    after_ms: float
    """After the first line, by the clock of whoever wrote that."""
    who: str
    """The service, and where its process listens."""
    what: str
    facts: dict[str, str]
    step: str
    """Or the event, where it is no step."""
    order: str
    request_id: str
    call: str
    service: str
    process: str
    at_us: int
    """Microseconds since 1970, as its own clock had it."""
    gap: bool = False
    """Whether it is no line of a log, but one that is missing."""


class Story(Struct, frozen=True):
    """What the logs tell of an order or a request."""

    asked: str
    started_us: int
    rows: list[Row]
    verdicts: list[Verdict]
    notes: list[str]
    """What is to be known of the logs themselves."""


def folded(rows: Sequence[Row]) -> list[Row]:
    """Return rows in which tries of one call, that came to nothing in the same way, are counted."""
    shown: list[Row] = []
    number = 0
    while number < len(rows):
        pair = rows[number : number + 2]
        again = 1
        while _alike(pair, rows[number + 2 * again : number + 2 * again + 2]):
            again += 1
        if again < _TRIES_SHOWN:
            shown.append(rows[number])
            number += 1
            continue
        last = rows[number + 2 * again - 1]
        words = f"the same {again - 1} times more, until {last.after_ms:,.2f} ms"
        shown += [*pair, replace(rows[number + 2], what=words, facts={})]
        number += 2 * again
    return shown


def _alike(pair: Sequence[Row], other: Sequence[Row]) -> bool:
    """Tell whether two pairs of rows are tries of one kind that had no answer."""
    tries = [[(row.step, row.who, row.what, row.order) for row in one] for one in (pair, other)]
    return [one[0] for one in tries[0]] == ["asked", "no-answer"] and tries[0] == tries[1]


def tell(found: Found) -> Story:
    """Tell what was found, in the order of cause."""
    history = ordered(found.lines)
    started_us = history.at_us[0]
    rows = _rows(found, history)
    lives = {line.process for line in found.lines if line.process}
    notes = [*_clock_notes(history, found.lines)]
    if history.contradicts:
        notes.append("these lines fit into no order of cause; is a log not of this shop?")
    if not found.steps:
        notes.append(
            "the logs have no steps of it: start the services with --log-level debug to see them"
        )
    elif not lives:
        notes.append("no line says which process wrote it")
    return Story(found.asked, started_us, rows, verdicts(found.orders, history.lines), notes)


def _rows(found: Found, history: Ordered) -> list[Row]:
    """Return the lines and the gaps, those of each moment after what led to them."""
    start_us = history.at_us[0]
    last = {line.writer: number for number, line in enumerate(history.lines)}
    silent = _silent(found, history)
    ahead = {clock.writer: clock.ahead_us for clock in history.clocks}
    rows: list[tuple[int, Row]] = []
    for number, (line, at_us) in enumerate(zip(history.lines, history.at_us, strict=True)):
        if found.steps and line.event == _TOLD_BY_A_STEP:
            continue
        rows.append((at_us, _row(line, at_us - start_us)))
        if last[line.writer] == number and line.writer in silent:
            words = f"nothing more from {_who(line)} after this: {silent[line.writer]}"
            row = replace(_row(line, at_us - start_us), what=words, step="", facts={}, gap=True)
            rows.append((at_us, row))
    for line in found.lives:
        at_us = line.at_us - ahead.get(line.writer, 0)
        if start_us <= at_us <= history.at_us[-1]:
            _insert(rows, at_us, _row(line, at_us - start_us))
    return [row for _at_us, row in rows]


def _insert(rows: list[tuple[int, Row]], at_us: int, row: Row) -> None:
    """Put a row before the first one that is later."""
    place = next((number for number, (at, _row) in enumerate(rows) if at > at_us), len(rows))
    rows.insert(place, (at_us, row))


def _row(line: Line, after_us: int) -> Row:
    said = _SAID - {"request_id"} if line.step in _BEGINS else _SAID
    facts = {name: value for name, value in line.facts.items() if name not in said}
    words, used = _words(line)
    shown = {name: value for name, value in facts.items() if name not in used}
    return Row(
        after_us / 1000,
        _who(line),
        words,
        shown,
        line.step or line.event,
        line["order"],
        line["request_id"],
        line["call"],
        line.service,
        line.process,
        line.at_us,
    )


def _who(line: Line) -> str:
    return line.service if line.place in {"", line.service} else f"{line.service} {line.place}"


def _words(line: Line) -> tuple[str, set[str]]:
    """Return a line in plain words, and the facts that are in them."""
    event = _EVENTS.get(line.event)
    text = STEPS.get(line.step, line.step) if line.step else event or line.event
    used = {name for name in line.facts if f"{{{name}}}" in text}
    values = _Facts(line.facts)
    return text.format_map(values), used


class _Facts(dict[str, str]):
    """The facts of a line; one that an older release did not write is a question mark."""

    def __missing__(self, name: str) -> str:
        return "?"


_EVENTS: Mapping[str, str] = {
    "request": "answered {method} {path} with {status}, after {ms} ms",
    "upstream-away": "gives up: the {upstream} service is away",
    "listening": "started",
    "stopped": "was stopped, in good order",
    "restarting": "saw the {service} service die (status {status}), and starts it again",
    "server-ended": "ended though nobody told it to",
}
"""Other lines of a log that belong to a trace."""


def _silent(found: Found, history: Ordered) -> dict[str, str]:
    """Return who stopped in the middle of it, and what is known of that, by writer."""
    open_calls: dict[str, set[str]] = {}
    finished: dict[str, set[str]] = {}
    writers = {line.writer: line for line in history.lines}
    for line in history.lines:
        if line.step in _TAKES or line.step == "taken":
            call = line["call"] or line["request_id"]
            open_calls.setdefault(line.writer, set()).add(call)
        elif line.event == "request":
            finished.setdefault(line.writer, set()).add(line["request_id"])
    silent: dict[str, str] = {}
    for writer, calls in open_calls.items():
        line = writers[writer]
        if line.process and calls - finished.get(writer, set()):
            silent[writer] = _end_of(line, found)
    return silent


def _end_of(line: Line, found: Found) -> str:
    """Return what became of a process that did not finish what it had taken."""
    last = found.last.get(line.process, line)
    if any(one.process == line.process and one.event == "stopped" for one in found.lives):
        return "it was stopped, in good order"
    others = [
        one.at_us
        for one in found.lives
        if one.event == "listening"
        and one.place == line.place
        and one.process != line.process
        and one.at_us >= last.at_us
    ]
    if others:
        again_ms = (min(others) - last.at_us) / 1000
        return f"it died; another one started there {again_ms:.0f} ms after its last line"
    if any(
        one.event == "restarting" and one["port"] == line.port and one.at_us >= last.at_us
        for one in found.lives
    ):
        return "it died"
    if (last.source, last.offset) == (line.source, line.offset):
        return "its log ends here"
    return "it did not finish that, though its log goes on"


def _clock_notes(history: Ordered, lines: Sequence[Line]) -> Iterable[str]:
    who = {line.writer: _who(line) for line in lines}
    first = who[history.whose]
    for clock in history.clocks:
        ahead_s = abs(clock.ahead_us) / 1_000_000
        at_least = "at least " if clock.at_least else ""
        way = "ahead of" if clock.ahead_us > 0 else "behind"
        yield (
            f"the clock of {who[clock.writer]} is {at_least}{ahead_s:.3f} s {way} that of {first}; "
            "its times are corrected"
        )
