"""One, two and four replicas of the services that keep something, over one PostgreSQL each."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from bazar.chart.bars import Bar, BarChart
from bazar.chart.lines import Line, LineChart
from bazar.experiment.crash import verdict
from bazar.experiment.figures import Spread, ms, ratio, spread, told, way
from bazar.experiment.lab import Lab, Wanted, recount
from bazar.experiment.machine import cores
from bazar.experiment.pressing import Row, limits, press, warm_up
from bazar.experiment.result import Experiment, Outcome, Table, Vary
from bazar.experiment.settings import Settings
from bazar.experiment.striking import Strike, Timeline, counted, strike
from bazar.load.check import Checked, check
from bazar.load.clients import Pace
from bazar.load.plan import Act

STRIKE_LENGTH_S = 4.0
STRIKE_RATE = 60.0
ACTS: dict[Act, str] = {"browse": "query past the cache", "buy": "buy"}


class Kind(NamedTuple):
    """A row: one thing is asked of a shop with so many replicas."""

    act: Act
    replicas: int


Figures = Mapping[Kind, Row]
Struck = Mapping[int, tuple[Timeline, Checked]]
"""By replicas."""


def run(lab: Lab, settings: Settings) -> Outcome:
    """Measure all shops in turns; then kill one catalog of each."""
    rows = {Kind(act, replicas): Row() for act in ACTS for replicas in settings.replicas}
    options = ["--database", "postgresql"]
    wanted = [Wanted(named(count), options, count) for count in settings.replicas]
    with lab.shops(wanted, settings.books) as started:
        shops = dict(zip(settings.replicas, started, strict=True))
        for own in started:
            warm_up(own, list(ACTS), settings.clients)
        for number in range(settings.rounds):
            lab.say(f"round {number + 1} of {settings.rounds}")
            for kind, row in rows.items():
                pace = Pace(
                    settings.duration_s,
                    settings.clients,
                    seed=settings.seed + number,
                    no_cache=True,
                )
                row.turns.append(press(shops[kind.replicas], kind.act, pace, settings.zipf))
        struck = {}
        for count, own in shops.items():
            lab.say(f"killing a catalog of {named(count)}")
            what = Strike(
                "catalog", "kill", STRIKE_LENGTH_S, STRIKE_RATE, settings.seed, settings.zipf
            )
            recount(own)
            timeline = strike(own, what)
            struck[count] = (
                timeline,
                check(own.remote, own.books, timeline.purchases, lambda _done, _of: None),
            )
    return outcome(rows, struck, settings, cores())


def named(replicas: int) -> str:
    """Return what a shop with so many replicas is called."""
    return f"{replicas} replica{'s' if replicas > 1 else ''}"


def outcome(rows: Figures, struck: Struck, settings: Settings, processors: int) -> Outcome:
    """Return what the figures say."""
    remarks = limits(list(rows.values()))
    return Outcome(
        tables=[_table(rows), _survival(struck)],
        meaning=[*_faster(rows, processors), *_surviving(struck)],
        charts=_charts(rows, struck, settings),
        remarks=remarks,
        rounds=[row.values("rate_s") for row in rows.values()],
    )


def _table(rows: Figures) -> Table:
    least = min(kind.replicas for kind in rows)
    return Table(
        title="Medians of the rounds",
        columns=["request", "replicas", "answers/s", "p50 ms", "p99 ms", f"rate to {least}"],
        rows=[
            [
                ACTS[kind.act],
                kind.replicas,
                *(spread(row.values(name)).median for name in ("rate_s", "p50_ms", "p99_ms")),
                ratio(row.values("rate_s"), rows[Kind(kind.act, least)].values("rate_s")).median,
            ]
            for kind, row in rows.items()
        ],
    )


def _survival(struck: Struck) -> Table:
    return Table(
        title=f"One catalog is killed; {STRIKE_RATE:g} customers arrive a second",
        columns=[
            "replicas",
            "purchases after",
            "good",
            "decided later",
            "failed",
            "slowest ms",
            "back after s",
        ],
        rows=[
            [
                replicas,
                *counted(one.after("buy")),
                slowest_ms(one),
                None if one.ready_s is None else one.ready_s - one.fault_s,
            ]
            for replicas, (one, _checked) in struck.items()
        ],
    )


def slowest_ms(one: Timeline) -> float:
    """Return what the slowest purchase took that was answered after the fault."""
    return max((heard.ms for heard in one.after("buy")), default=0.0)


def _faster(rows: Figures, processors: int) -> Iterator[str]:
    counts = sorted({kind.replicas for kind in rows})
    if len(counts) == 1:
        return
    least, most = counts[0], counts[-1]
    full = False
    for act, name in ACTS.items():
        found = ratio(
            rows[Kind(act, most)].values("rate_s"), rows[Kind(act, least)].values("rate_s")
        )
        full = full or way(found) <= 0
        yield f"{name.capitalize()}, {most} replicas against {least}: " + told(
            found,
            more="{times} times as many answers a second",
            less="{times} times fewer answers a second, so more processes made it slower",
            same="no difference in answers a second that these rounds can tell",
        )
    if full:
        yield (
            f"All processes, the database and the customers share the {processors} "
            f"processor{'s' if processors > 1 else ''} of this machine: more processes bring "
            "more speed only where processors are idle."
        )


def _surviving(struck: Struck) -> Iterator[str]:
    for replicas, (one, checked) in struck.items():
        asked, _good, later, failed = counted(one.after("buy"))
        lost = (
            f"{failed:,} of {asked:,} purchases failed" if failed else f"none of {asked:,} failed"
        )
        kept = f", {later:,} were decided later" if later else ""
        yield (
            f"A catalog killed, with {named(replicas)}: {lost}{kept}; the slowest took "
            f"{ms(slowest_ms(one))}. {verdict(checked)}"
        )
    least, most = min(struck), max(struck)
    if most > least:
        alone, many = (slowest_ms(struck[count][0]) for count in (least, most))
        if many < alone:
            yield (
                f"With {named(most)} the slowest purchase waited {ms(alone - many)} less than "
                f"with {named(least)}: another one answered meanwhile."
            )
        else:
            yield (
                f"With {named(most)} the slowest purchase waited no less than with "
                f"{named(least)}: these figures show no gain in availability."
            )


def _charts(rows: Figures, struck: Struck, settings: Settings) -> list[LineChart | BarChart]:
    counts = sorted({kind.replicas for kind in rows})
    lines = []
    for act, name in ACTS.items():
        spreads: list[Spread] = [spread(rows[Kind(act, one)].values("rate_s")) for one in counts]
        lines.append(Line(name, [one.median for one in spreads], [one.reach for one in spreads]))
    slowest = {replicas: slowest_ms(one) for replicas, (one, _checked) in struck.items()}
    return [
        LineChart(
            heading=f"Answers a second; {settings.clients} clients",
            across="replicas of the catalog, and of the order service",
            at=counts,
            lines=lines,
            even=True,
        ),
        BarChart(
            heading="The slowest purchase after one catalog was killed",
            across="milliseconds",
            bars=[Bar(named(one), value, value, value, 1) for one, value in slowest.items()],
        ),
    ]


EXPERIMENT = Experiment(
    name="replicas",
    question="What do 2 and 4 replicas bring, in speed and when one of them dies?",
    does="Shops with 1, 2 and 4 processes of the catalog and of the order service run side by "
    "side, each over a PostgreSQL of its own. In turns the same customers query past the cache "
    "and buy. Then one catalog of each shop is killed while customers come.",
    vary=(
        Vary("bazar experiment replicas --replicas 1,3", "Is an odd number different?"),
        Vary("bazar experiment replicas --clients 4", "Do replicas help where nobody has to wait?"),
        Vary("bazar experiment replicas", "On a machine with more processors: which row changes?"),
    ),
    usual={
        "duration_s": 2.0,
        "rounds": 2,
        "clients": 32,
        "seed": 1,
        "zipf": 1.0,
        "books": 20,
        "replicas": (1, 2, 4),
    },
    quick={"duration_s": 0.3, "rounds": 1, "clients": 4, "books": 5, "replicas": (1, 2)},
    run=run,
    needs_postgres=True,
)
