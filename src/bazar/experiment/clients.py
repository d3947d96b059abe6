"""More and more clients at once: where the shop is full, and what waiting costs then."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from bazar.chart.lines import Line, LineChart
from bazar.experiment.figures import Spread, ms, ratio, spread, told
from bazar.experiment.lab import Lab, Wanted
from bazar.experiment.pressing import Row, limits, press, warm_up
from bazar.experiment.result import Experiment, Outcome, Table, Vary
from bazar.experiment.settings import Settings
from bazar.load.clients import Pace
from bazar.load.plan import Act

FULL_SHARE = 0.9
"""Of the highest rate: from here on more clients bring next to nothing."""
ACTS: dict[Act, str] = {"browse": "query", "buy": "buy"}


class Step(NamedTuple):
    """A row: so many clients do one thing."""

    act: Act
    clients: int


Figures = Mapping[Step, Row]


def doublings(most: int) -> list[int]:
    """Return 1, 2, 4 and so on, up to a number and with it."""
    found = [1]
    while found[-1] * 2 < most:
        found.append(found[-1] * 2)
    return found if found[-1] == most else [*found, most]


def run(lab: Lab, settings: Settings) -> Outcome:
    """Measure all steps, round by round."""
    steps = doublings(settings.clients)
    rows = {Step(act, clients): Row() for act in ACTS for clients in steps}
    with lab.shops([Wanted("shop")], settings.books) as (own,):
        warm_up(own, list(ACTS), 8)
        for number in range(settings.rounds):
            lab.say(f"round {number + 1} of {settings.rounds}")
            for step, row in rows.items():
                pace = Pace(settings.duration_s, step.clients, seed=settings.seed + number)
                row.turns.append(press(own, step.act, pace, settings.zipf))
    return outcome(rows)


def outcome(rows: Figures) -> Outcome:
    """Return what the figures say."""
    return Outcome(
        tables=[_table(rows)],
        meaning=[line for act in ACTS for line in _meaning(rows, act)],
        charts=_charts(rows),
        remarks=limits(list(rows.values())),
        rounds=[row.values("rate_s") for row in rows.values()],
    )


def _of(rows: Figures, act: Act, name: str) -> dict[int, Spread]:
    return {step.clients: spread(row.values(name)) for step, row in rows.items() if step.act == act}


def _table(rows: Figures) -> Table:
    return Table(
        title="Medians of the rounds",
        columns=["request", "clients", "answers/s", "p50 ms", "p99 ms", "not ok"],
        rows=[
            [
                ACTS[step.act],
                step.clients,
                *(spread(row.values(name)).median for name in ("rate_s", "p50_ms", "p99_ms")),
                row.total("not_ok"),
            ]
            for step, row in rows.items()
        ],
    )


def full_at(rates: Mapping[int, Spread]) -> int:
    """Return with how many clients nine tenths of the highest rate are reached."""
    highest = max(found.median for found in rates.values())
    return next(clients for clients, found in rates.items() if found.median >= FULL_SHARE * highest)


def _meaning(rows: Figures, act: Act) -> Iterator[str]:
    rates, waits = _of(rows, act, "rate_s"), _of(rows, act, "p50_ms")
    least, most, full = min(rates), max(rates), full_at(rates)
    highest = max(found.median for found in rates.values())
    name = ACTS[act].capitalize()
    yield (
        f"{name}: the highest rate was {highest:,.0f} a second, and {full} "
        f"client{'s' if full > 1 else ''} reached nine tenths of it."
    )
    if most > full:
        yield (
            f"{name}: with {most} clients instead of {full} half of the answers took "
            f"{ms(waits[most].median)} instead of {ms(waits[full].median)}: "
            + told(
                ratio(
                    rows[Step(act, most)].values("p50_ms"), rows[Step(act, full)].values("p50_ms")
                ),
                more=f"{most / full:.3g} times the clients, {{times}} times the wait; more "
                "clients only stand in a longer line",
                less="they took {times} times less, so the shop was not full",
                same="no longer, as far as these rounds can tell",
            )
        )
    if most > least:
        alone, all_ = rows[Step(act, least)], rows[Step(act, most)]
        yield (
            f"{name}: from {least} to {most} clients the rate went from "
            f"{rates[least].median:,.0f} to {rates[most].median:,.0f} a second: "
            + told(
                ratio(all_.values("rate_s"), alone.values("rate_s")),
                more="{times} times as much, since what waits together is done together",
                less="{times} times less: too many at once are slower than one",
                same="many get no more done than one, as far as these rounds can tell",
            )
        )


def _charts(rows: Figures) -> list[LineChart]:
    def line(act: Act, name: str, title: str) -> Line:
        found = _of(rows, act, name)
        reach = [one.reach for one in found.values()]
        return Line(title, [one.median for one in found.values()], reach)

    at = sorted({step.clients for step in rows})
    return [
        LineChart(
            heading="Answers a second",
            across="clients at once",
            at=at,
            lines=[line(act, "rate_s", name) for act, name in ACTS.items()],
            even=True,
        ),
        LineChart(
            heading="Latency, milliseconds",
            across="clients at once",
            at=at,
            lines=[
                line(act, f"{share}_ms", f"{name} {share}")
                for act, name in ACTS.items()
                for share in ("p50", "p99")
            ],
            even=True,
        ),
    ]


EXPERIMENT = Experiment(
    name="clients",
    question="How does a shop behave with 1, 2, 4 and up to 128 clients at once?",
    does="One shop. So many clients query books, then buy them; each asks again as soon as it is "
    "answered. The number of clients doubles from step to step.",
    vary=(
        Vary(
            "bazar experiment clients --clients 512",
            "What happens far beyond the point where the shop is full?",
        ),
        Vary(
            "bazar experiment clients --books 1",
            "Everybody wants the same book. Do purchases of one book stand in each other's way?",
        ),
        Vary(
            "bazar experiment clients --duration 4 --rounds 5",
            "How much nearer to each other are the rounds?",
        ),
    ),
    usual={"duration_s": 1.0, "rounds": 2, "clients": 128, "seed": 1, "zipf": 1.0, "books": 20},
    quick={"duration_s": 0.2, "rounds": 1, "clients": 4, "books": 5},
    run=run,
)
