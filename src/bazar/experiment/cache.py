"""Query and buy, with and without the front's cache."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bazar.chart.bars import Bar, BarChart
from bazar.experiment.figures import ms, ratio, spread, told
from bazar.experiment.lab import Lab, Wanted
from bazar.experiment.pressing import Row, limits, press, warm_up
from bazar.experiment.result import Experiment, Outcome, Table, Vary
from bazar.experiment.settings import Settings
from bazar.load.clients import Pace
from bazar.load.plan import Act

ON, PAST, OFF = "with cache", "asked past it", "without cache"


class Kind(NamedTuple):
    """A row of the table."""

    act: Act
    how: str

    @property
    def name(self) -> str:
        """Return it as a person names it."""
        return f"{'buy' if self.act == 'buy' else 'query'}, {self.how}"


QUERY, QUERY_PAST, QUERY_OFF = Kind("browse", ON), Kind("browse", PAST), Kind("browse", OFF)
BUY, BUY_OFF = Kind("buy", ON), Kind("buy", OFF)
KINDS = (QUERY, QUERY_PAST, QUERY_OFF, BUY, BUY_OFF)
Figures = Mapping[Kind, Row]


def run(lab: Lab, settings: Settings) -> Outcome:
    """Measure all rows in turns."""
    rows = {kind: Row() for kind in KINDS}
    wanted = [Wanted(ON), Wanted(OFF, ["--cache", "off"])]
    with lab.shops(wanted, settings.books) as (on, off):
        for own in (on, off):
            warm_up(own, ["browse", "buy"], settings.clients)
        for number in range(settings.rounds):
            lab.say(f"round {number + 1} of {settings.rounds}")
            for kind, row in rows.items():
                pace = Pace(
                    settings.duration_s,
                    settings.clients,
                    seed=settings.seed + number,
                    no_cache=kind.how == PAST,
                )
                own = off if kind.how == OFF else on
                row.turns.append(press(own, kind.act, pace, settings.zipf))
    return outcome(rows, settings)


def outcome(rows: Figures, settings: Settings) -> Outcome:
    """Return what the figures say."""
    return Outcome(
        tables=[_table(rows)],
        meaning=list(_meaning(rows)),
        charts=[_chart(rows, settings)],
        remarks=limits(list(rows.values())),
        rounds=[row.values("p50_ms") for row in rows.values()],
    )


def _table(rows: Figures) -> Table:
    return Table(
        title="Medians of the rounds",
        columns=["request", "p50 ms", "p99 ms", "answers/s", "from the cache %", "p50 to cached"],
        rows=[
            [
                kind.name,
                spread(row.values("p50_ms")).median,
                spread(row.values("p99_ms")).median,
                spread(row.values("rate_s")).median,
                None if kind.act == "buy" or row.hit_share is None else 100 * row.hit_share,
                _to_cached(rows, kind),
            ]
            for kind, row in rows.items()
        ],
    )


def _to_cached(rows: Figures, kind: Kind) -> float:
    """Return how many times as long half of the answers took as with the cache."""
    cached = rows[Kind(kind.act, ON)].values("p50_ms")
    return ratio(rows[kind].values("p50_ms"), cached).median


def _meaning(rows: Figures) -> Sequence[str]:
    p50 = {kind: row.values("p50_ms") for kind, row in rows.items()}
    query, past, off, buy, buy_off = (ms(spread(p50[kind]).median) for kind in KINDS)
    return [
        f"A query took {query} with the cache and {off} without: "
        + told(
            ratio(p50[QUERY_OFF], p50[QUERY]),
            more="the cache made it {times} times as fast",
            less="the cache did not help, it was {times} times as slow with it",
            same="the cache made no difference that these rounds can tell",
        ),
        f"A query that asks past the cache took {past}: "
        + told(
            ratio(p50[QUERY_PAST], p50[QUERY_OFF]),
            more="{times} times as long as where there is none, so to pass it costs something",
            less="{times} times as fast as where there is none",
            same="as long as where there is none, as far as these rounds can tell",
        ),
        f"A purchase took {buy} with the cache and {buy_off} without: "
        + told(
            ratio(p50[BUY_OFF], p50[BUY]),
            more="with the cache it was {times} times as fast, although no cache answers it",
            less="the cache made it {times} times as slow, since its change has to be announced",
            same="the cache neither helps nor hinders it, since the catalog decides each one",
        ),
    ]


def _chart(rows: Figures, settings: Settings) -> BarChart:
    bars = []
    for kind, row in rows.items():
        found = spread(row.values("p50_ms"))
        bars.append(Bar(kind.name, found.median, *found.reach, [ON, PAST, OFF].index(kind.how)))
    return BarChart(
        heading=f"Latency with {settings.clients} clients at once; the thin line goes from the "
        "fastest round to the slowest",
        across="latency of half of the answers (p50), milliseconds",
        bars=bars,
    )


EXPERIMENT = Experiment(
    name="cache",
    question="How much does a cache help a query, and a purchase?",
    does="Two shops run side by side, one with the front's cache and one with --cache off. In "
    "turns the same customers query books (GET /info) and buy them (POST /purchase); a third of "
    "the queries says Cache-Control: no-cache to the shop that has a cache.",
    vary=(
        Vary(
            "bazar experiment cache --clients 1",
            "What remains of the difference when nobody waits for anybody?",
        ),
        Vary(
            "bazar experiment cache --zipf 0 --books 500",
            "Does it matter how popular the popular books are, when the cache has room for all?",
        ),
        Vary("bazar experiment cache --clients 64", "Which of the two shops is full first?"),
    ),
    usual={"duration_s": 2.0, "rounds": 3, "clients": 4, "seed": 1, "zipf": 1.0, "books": 20},
    quick={"duration_s": 0.3, "rounds": 1, "books": 5},
    run=run,
)
