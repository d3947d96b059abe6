"""Finding the lines about an order or a request in the logs of all services.

An order, a request, a call and a key are known by ids, and lines that hold two of them tie them
together. So the logs are looked through for what is asked for, then for what those lines name, and
so on until there is nothing new: an order by its id, the requests that asked for it with its key,
the calls that carried it, and what was done about those.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from bazar.kit.identity import is_id
from bazar.kit.steps import order_name
from bazar.tools.tracing.lines import Line, parse
from bazar.tools.tracing.sources import Sources
from bazar.wire.orders import REFERENCE_LENGTH, heard_reference

ORDERS_MAX = 20
"""Of one request id, which a client may use again and again."""
IDS_MAX = 500
LINES_MAX = 10_000
PASSES_MAX = 8
_NAME = re.compile(r"[0-9a-hjkmnp-tv-z]{10}-[0-9a-hjkmnp-tv-z]{6}")
_OF_LIVES = (b"listening", b"stopped", b"restarting", b"server-ended")
"""When processes begin and end."""


ORDER_NAME_LENGTH_MAX = 16
"""Of an order that somebody made up by hand, which goes by its whole id."""
PLAIN_LENGTH_MIN = 6
_NAMES = (b"request_id", b"call", b"order", b"key")
_BEFORE = [name + sign for name in _NAMES for sign in (b"=", b'":"', b'\\":\\"')]
"""What stands before an id, in a line of either form, and in JSON within JSON."""


class TooMany(Exception):
    """So many orders or lines that they are no story."""


@dataclass(slots=True)
class _Ids:
    """What is looked for, by kind."""

    orders: set[str] = field(default_factory=set)
    requests: set[str] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    references: set[str] = field(default_factory=set)
    """As the line of a request has it; and as a name ends, where that is all that is known."""
    asked: str = ""
    """The request that was asked for, whatever orders it had."""

    def all(self) -> set[str]:
        """Return all that a line may be found by."""
        return self.orders | self.requests | self.calls | self.keys | self.references

    def takes(self, line: Line) -> bool:
        """Tell whether a line is about any of these, and not about another order alone."""
        order, request, call, key = (line[name] for name in ("order", "request_id", "call", "key"))
        if request and request == self.asked:
            return True
        if order:
            return order in self.orders or f"-{order[-REFERENCE_LENGTH:]}" in self.references
        if key:
            return key in self.keys or (not self.keys and request in self.requests)
        if line.event != "step":
            return (
                request in self.requests
                or request in self.calls
                or line["reference"] in self.references
            )
        return request in self.requests if request else call in self.calls

    def learn(self, line: Line) -> None:
        """Take in what a line about one of these ties to it."""
        for name, ids in (
            ("order", self.orders),
            ("request_id", self.requests),
            ("call", self.calls),
            ("key", self.keys),
        ):
            found = line[name]
            if found and (line.event == "step" or line["reference"]):
                ids.add(found)


@dataclass(slots=True)
class Found:
    """The lines about what was asked for, and what is known of the processes that wrote them."""

    asked: str
    lines: list[Line]
    orders: list[str]
    """By their names, those first that came first."""
    lives: list[Line]
    """Beginnings and ends of processes, in the order of the files."""
    last: dict[str, Line]
    """The last line of each process that takes part."""
    steps: bool
    """Whether there are lines of steps at all."""


def find(sources: Sources, asked: str) -> Found:
    """Find all lines about an order, by its id, name or reference, or about a request, by its id.

    Raises:
        TooMany: more than anyone would look through.
    """
    ids = _seeds(asked)
    lines: dict[tuple[int, int], Line] = {}
    looked: set[str] = set()
    for _pass in range(PASSES_MAX):
        new = ids.all() - looked
        if not new:
            break
        _bound(len(new), IDS_MAX, asked)
        looked |= new
        for number, offset, raw in sources.lines_with(_words(new)):
            line = parse(raw, number, offset)
            if line is not None and ids.takes(line):
                lines[number, offset] = line
                ids.learn(line)
                _bound(len(lines), LINES_MAX, asked)
        _bound(len(ids.orders), ORDERS_MAX, asked, ids.orders)
    found = _once(lines[at] for at in sorted(lines))
    return _with_lives(sources, asked, found)


def _seeds(asked: str) -> _Ids:
    """Return by what to begin: an order where it can be one, else a request or a reference."""
    lowered = asked.strip().lower()
    if is_id(lowered):
        return _Ids(orders={order_name(lowered)}, references={_reference(lowered)})
    if _NAME.fullmatch(lowered):
        return _Ids(orders={lowered}, references={_reference(lowered)})
    reference = heard_reference(asked)
    return _Ids(
        orders=set() if len(asked) > ORDER_NAME_LENGTH_MAX else {asked},
        requests={asked},
        asked=asked,
        references={reference.upper(), f"-{reference}"} if reference else set(),
    )


def _words(ids: Iterable[str]) -> list[bytes]:
    """Return what to look for; an id that is short stands in many lines that do not mean it."""
    words: list[bytes] = []
    for one in sorted(ids):
        word = one.encode("utf-8", "surrogateescape")
        if len(word) >= PLAIN_LENGTH_MIN:
            words.append(word)
        else:
            words += [start + word for start in _BEFORE]
    return words


def _reference(name: str) -> str:
    return name[-REFERENCE_LENGTH:].upper()


def _bound(count: int, most: int, asked: str, orders: Iterable[str] = ()) -> None:
    if count > most:
        some = ", ".join(sorted(orders)[:3])
        message = f"more than {most} {'orders' if orders else 'lines'} belong to {asked}"
        raise TooMany(f"{message}; name one, such as {some}" if some else message)


def _once(lines: Iterable[Line]) -> list[Line]:
    """Return lines without those that are in another log too, to the letter."""
    seen: set[tuple[object, ...]] = set()
    once: list[Line] = []
    for line in lines:
        written = (line.at_us, line.event, line.process, line.service, *line.facts.items())
        if written not in seen:
            seen.add(written)
            once.append(line)
    return once


def _with_lives(sources: Sources, asked: str, lines: list[Line]) -> Found:
    processes = sorted({line.process for line in lines if line.process})
    places = {line.place for line in lines if line.process} | {
        line["target"].partition("//")[2] for line in lines if line["target"]
    }
    ports = {place.rpartition(":")[2] for place in places}
    lives = [
        line
        for number, offset, raw in (sources.lines_with(_OF_LIVES) if processes else ())
        if (line := parse(raw, number, offset)) is not None
        and line.event.encode() in _OF_LIVES
        and (line.place in places or line["port"] in ports)
    ]
    last: dict[str, Line] = {}
    words = [process.encode() for process in processes]
    for word, (number, offset, raw) in sources.last_lines_with(words).items():
        line = parse(raw, number, offset)
        if line is not None:
            last[word.decode()] = line
    orders = list(dict.fromkeys(line["order"] for line in lines if line["order"]))
    return Found(asked, lines, orders, _once(lives), last, any(line.step for line in lines))
