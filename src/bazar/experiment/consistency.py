"""What keeping the cache true costs: the update, the miss after it, and reads among updates."""

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from time import monotonic, perf_counter
from typing import NamedTuple

from bazar.chart.bars import Bar, BarChart
from bazar.chart.lines import Line, LineChart
from bazar.experiment.asking import Reader
from bazar.experiment.figures import Spread, ms, ratio, spread, told
from bazar.experiment.lab import ExperimentError, Lab, OwnShop, Wanted
from bazar.experiment.pressing import Row, limits, press, warm_up
from bazar.experiment.result import Experiment, Outcome, Table, Vary
from bazar.experiment.settings import Settings
from bazar.load.clients import Pace
from bazar.tools.remote import RemoteError
from bazar.tools.shop import Shop

CYCLES_S = 40
"""So many updates, one after the other, for each second of a turn."""
SEEN_WITHIN_S = 5.0
ON, OFF = "with cache", "without cache"


@dataclass(slots=True)
class Cycles:
    """Updates one by one, each with a query before it and two after it; the times in ms."""

    held: list[float] = field(default_factory=list)
    """The query before: the answer is kept already, where anything is."""
    update: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    """The query that shows the update first."""
    visible: list[float] = field(default_factory=list)
    """From the answer to the update until that query was answered."""
    again: list[float] = field(default_factory=list)
    """The query after that."""
    behind: int = 0
    """Updates after which the very next query still showed the book as it was."""


class Among(NamedTuple):
    """A row: queries among so many updates a second."""

    updates: int
    how: str


@dataclass(slots=True)
class Figures:
    """All that was measured; cycles by round."""

    cycles: Mapping[str, list[Cycles]]
    rows: Mapping[Among, Row]
    done_s: Mapping[Among, list[float]]
    """Updates a second that were made, by round."""


def run(lab: Lab, settings: Settings) -> Outcome:
    """Measure in turns: first the updates one by one, then queries among many."""
    asked = [Among(updates, how) for updates in settings.updates for how in (ON, OFF)]
    found = Figures({ON: [], OFF: []}, {one: Row() for one in asked}, {one: [] for one in asked})
    with lab.shops([Wanted(ON), Wanted(OFF, ["--cache", "off"])], settings.books) as (on, off):
        shops = {ON: on, OFF: off}
        for own in shops.values():
            warm_up(own, ["browse"], settings.clients)
        for number in range(settings.rounds):
            lab.say(f"round {number + 1} of {settings.rounds}")
            for how, own in shops.items():
                count = max(5, round(CYCLES_S * settings.duration_s))
                found.cycles[how].append(cycles(own, count, settings.seed + number))
            for one, row in found.rows.items():
                pace = Pace(settings.duration_s, settings.clients, seed=settings.seed + number)
                with updated(shops[one.how], one.updates, pace.seed) as updates:
                    row.turns.append(press(shops[one.how], "browse", pace, settings.zipf))
                found.done_s[one].append(updates.rate_s())
    return outcome(found, settings)


def cycles(own: OwnShop, count: int, seed: int) -> Cycles:
    """Change books one after the other, and look at each before and after.

    Raises:
        ExperimentError: a change never shows.
    """
    found, dice = Cycles(), random.Random(seed)  # noqa: S311  the same seed, the same books
    ids = sorted(own.books.own)
    with Reader(own.remote.addresses.front) as reader:
        for _cycle in range(count):
            path = f"/info/{(book_id := dice.choice(ids))}"
            reader.get(path)
            found.held.append(reader.get(path).spent_ms)
            started_s = perf_counter()
            version = own.remote.catalog.restock(book_id, 1).version
            done_s = perf_counter()
            found.update.append((done_s - started_s) * 1000)
            answer, late = reader.get(path), 0
            while answer.version() < version:
                late = 1
                if perf_counter() > done_s + SEEN_WITHIN_S:
                    message = f"an update of book {book_id} never showed at the front"
                    raise ExperimentError(message)
                answer = reader.get(path)
            found.visible.append((perf_counter() - done_s) * 1000)
            found.first.append(answer.spent_ms)
            found.behind += late
            found.again.append(reader.get(path).spent_ms)
    return found


class Updates:
    """Changes of books at a pace, in a thread of their own."""

    def __init__(self, own: OwnShop, rate_s: int, seed: int) -> None:
        """Prepare them; `start` begins."""
        addresses = own.remote.addresses
        self._catalog = Shop(addresses, own.remote.secret).catalog
        self._ids, self._dice = sorted(own.books.own), random.Random(seed)  # noqa: S311
        self._rate_s = rate_s
        self._over, self._thread = Event(), Thread(target=self._run, daemon=True)
        self._began_s = self._spent_s = 0.0
        self._done, self._error = 0, ""

    def start(self) -> None:
        """Begin, where there are any."""
        self._began_s = monotonic()
        if self._rate_s:
            self._thread.start()

    def stop(self) -> None:
        """End, and wait for the last one.

        Raises:
            ExperimentError: one failed.
        """
        self._over.set()
        if self._rate_s:
            self._thread.join()
        self._spent_s = monotonic() - self._began_s
        if self._error:
            message = f"an update failed: {self._error}"
            raise ExperimentError(message)

    def rate_s(self) -> float:
        """Return how many were made a second."""
        return self._done / self._spent_s

    def _run(self) -> None:
        while not self._over.wait(max(0.0, self._due_s() - monotonic())):
            try:
                self._catalog.restock(self._dice.choice(self._ids), 1)
            except RemoteError as error:
                self._error = str(error)
                return
            self._done += 1

    def _due_s(self) -> float:
        return self._began_s + (self._done + 1) / self._rate_s


@contextmanager
def updated(own: OwnShop, rate_s: int, seed: int) -> Iterator[Updates]:
    """Have books of a shop change so many times a second."""
    updates = Updates(own, rate_s, seed)
    updates.start()
    try:
        yield updates
    finally:
        updates.stop()


def outcome(found: Figures, settings: Settings) -> Outcome:
    """Return what the figures say."""
    return Outcome(
        tables=[_steps(found), _among(found)],
        meaning=[*_about_updates(found), *_about_queries(found)],
        charts=_charts(found, settings),
        remarks=limits(list(found.rows.values())),
        rounds=[row.values("p50_ms") for row in found.rows.values()],
    )


_STEPS = {
    "query before the update": "held",
    "the update": "update",
    "first query that shows it": "first",
    "query after that": "again",
    "until it shows": "visible",
}


def _medians(found: Figures, how: str, step: str) -> list[float]:
    """Return the median of a step, by round."""
    return [spread(getattr(one, step)).median for one in found.cycles[how]]


def _steps(found: Figures) -> Table:
    return Table(
        title="An update, step by step: medians in milliseconds",
        columns=["step", f"{ON} ms", f"{OFF} ms"],
        rows=[
            [name, *(spread(_medians(found, how, step)).median for how in (ON, OFF))]
            for name, step in _STEPS.items()
        ],
    )


def _among(found: Figures) -> Table:
    return Table(
        title="Queries among updates: medians of the rounds",
        columns=["updates/s", "made/s", "front", "p50 ms", "p99 ms", "from the cache %"],
        rows=[
            [
                one.updates,
                spread(found.done_s[one]).median,
                one.how,
                spread(row.values("p50_ms")).median,
                spread(row.values("p99_ms")).median,
                None if row.hit_share is None else 100 * row.hit_share,
            ]
            for one, row in found.rows.items()
        ],
    )


def _about_updates(found: Figures) -> Iterator[str]:
    held, first = _medians(found, ON, "held"), _medians(found, ON, "first")
    yield (
        f"A query that was kept took {ms(spread(held).median)}, the first one after an update "
        f"{ms(spread(first).median)}: "
        + told(
            ratio(first, held),
            more="that miss took {times} times as long, once for each update of a book that is "
            "asked for",
            less="the miss was {times} times as fast as the hit, so the cache saves nothing here",
            same="the miss costs nothing that these rounds can tell",
        )
    )
    with_cache, without = _medians(found, ON, "update"), _medians(found, OFF, "update")
    yield (
        f"The update itself took {ms(spread(with_cache).median)} with the cache and "
        f"{ms(spread(without).median)} without: "
        + told(
            ratio(with_cache, without),
            more="the cache makes it {times} times as slow",
            less="with the cache it was even {times} times as fast",
            same="it does not wait for the front to hear of it, so the cache costs it nothing "
            "that these rounds can tell",
        )
    )
    every = [ms_ for one in found.cycles[ON] for ms_ in one.visible]
    behind = sum(one.behind for one in found.cycles[ON])
    yield (
        f"Of {len(every):,} updates {behind:,} did not show in the very next query. Until one "
        f"showed it took {ms(spread(every).median)} (median), at most {ms(max(every))}."
    )


def _about_queries(found: Figures) -> Iterator[str]:
    tried = sorted({one.updates for one in found.rows})
    least, most = tried[0], tried[-1]
    if most > least:
        calm, busy = (found.rows[Among(updates, ON)] for updates in (least, most))
        shares = [100 * (row.hit_share or 0) for row in (calm, busy)]
        yield (
            f"From {least} to {most} updates a second the cache answered {shares[0]:.1f} % and "
            f"then {shares[1]:.1f} % of the queries: "
            + told(
                ratio(busy.values("p50_ms"), calm.values("p50_ms")),
                more="half of them took {times} times as long",
                less="half of them were {times} times as fast, which no update explains",
                same="for half of them that makes no difference that these rounds can tell",
            )
        )
    with_cache, without = (found.rows[Among(most, how)].values("p50_ms") for how in (ON, OFF))
    yield f"At {most} updates a second: " + told(
        ratio(without, with_cache),
        more="the cache is worth it, queries are {times} times as fast with it",
        less="the cache is not worth it, queries are {times} times as slow with it",
        same="with the cache or without, queries take as long as far as these rounds can tell",
    )


def _charts(found: Figures, settings: Settings) -> list[BarChart | LineChart]:
    names = list(_STEPS.items())[:4]
    bars = [
        Bar(f"{name}, {how}", one.median, *one.reach, number)
        for name, step in names
        for number, how in enumerate((ON, OFF))
        for one in [spread(_medians(found, how, step))]
    ]
    tried = sorted({one.updates for one in found.rows})
    lines = []
    for how in (ON, OFF):
        spreads: list[Spread] = [
            spread(found.rows[Among(updates, how)].values("p50_ms")) for updates in tried
        ]
        lines.append(Line(how, [one.median for one in spreads], [one.reach for one in spreads]))
    return [
        BarChart(
            heading="One update after the other; the thin line goes from the fastest round to "
            "the slowest",
            across="median latency, milliseconds",
            bars=bars,
        ),
        LineChart(
            heading=f"p50 of queries, milliseconds; {settings.clients} clients",
            across="updates a second",
            at=tried,
            lines=lines,
            even=True,
        ),
    ]


EXPERIMENT = Experiment(
    name="consistency",
    question="What does it cost to keep a cache true, and what does the miss after an update cost?",
    does="Two shops run side by side, one with the front's cache and one without. First books "
    "are changed one at a time (PUT /update), each with a query before it and queries after it "
    "until the change shows. Then customers query while a keeper changes books all the time.",
    vary=(
        Vary(
            "bazar experiment consistency --updates 0,50,100,200",
            "How many updates a second does it take until the cache is worth nothing?",
        ),
        Vary(
            "bazar experiment consistency --books 1",
            "All ask for the book that changes. Is the cache still worth it?",
        ),
        Vary(
            "bazar experiment consistency --books 500 --zipf 0",
            "Hardly anybody asks for the same book again. How large is the share of the cache now?",
        ),
    ),
    usual={
        "duration_s": 2.0,
        "rounds": 3,
        "clients": 4,
        "seed": 1,
        "zipf": 1.0,
        "books": 20,
        "updates": (0, 10, 100),
    },
    quick={"duration_s": 0.3, "rounds": 1, "books": 5, "updates": (0, 50)},
    run=run,
)
