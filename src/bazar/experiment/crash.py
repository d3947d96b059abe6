"""A crash on one timeline: fault, detection, masking, recovery."""

from collections.abc import Iterator, Sequence
from statistics import median

from bazar.chart.lines import Dots, Line, LineChart, Moment
from bazar.experiment.figures import ms, spread
from bazar.experiment.lab import Lab, Wanted, recount
from bazar.experiment.pressing import warm_up
from bazar.experiment.result import Cell, Experiment, Outcome, Table, Vary
from bazar.experiment.settings import Settings
from bazar.experiment.striking import Heard, Strike, Timeline, counted, strike, together
from bazar.load.check import Checked, check
from bazar.load.plan import Act

HANG_LENGTH_S_MIN = 15.0
"""Who only stands still is found out after 5 s, and is replaced then."""
DOTS_MAX = 1500
WINDOW_S = 0.2
ACTS: dict[Act, str] = {"browse": "query", "buy": "buy"}
MANY: dict[Act, str] = {"browse": "queries", "buy": "purchases"}


def run(lab: Lab, settings: Settings) -> Outcome:
    """Strike a shop some times, and check at the end all that it said."""
    length_s = settings.duration_s
    if settings.fault == "hang":
        length_s = max(length_s, HANG_LENGTH_S_MIN)
    timelines = []
    with lab.shops([Wanted("shop")], settings.books) as (own,):
        warm_up(own, list(ACTS), 8)
        recount(own)
        for number in range(settings.rounds):
            lab.say(f"fault {number + 1} of {settings.rounds}")
            what = Strike(
                settings.service,
                settings.fault,
                length_s,
                settings.rate,
                settings.seed + number,
                settings.zipf,
            )
            timelines.append(strike(own, what))
        lab.say("checking the purchases")
        checked = check(own.remote, own.books, together(timelines), lambda _done, _of: None)
    return outcome(timelines, checked, settings)


def outcome(timelines: Sequence[Timeline], checked: Checked, settings: Settings) -> Outcome:
    """Return what the timelines say."""
    return Outcome(
        tables=[_moments(timelines), _customers(timelines)],
        meaning=[
            *_detected(timelines, settings),
            *_masked(timelines),
            *_recovered(timelines, settings),
            verdict(checked),
        ],
        charts=_charts(_typical(timelines), settings),
        rounds=[_since(timelines, "ready_s")],
    )


def _since(timelines: Sequence[Timeline], name: str) -> list[float]:
    """Return a moment of each timeline in seconds after its fault, of those that had it."""
    found = []
    for one in timelines:
        at_s = one.calm_s() if name == "calm_s" else getattr(one, name)
        if at_s is not None:
            found.append(at_s - one.fault_s)
    return found


def _longest_s(one: Timeline) -> float:
    return max((heard.ms for heard in one.meanwhile("buy")), default=0.0) / 1000


def _moments(timelines: Sequence[Timeline]) -> Table:
    rows: list[tuple[str, list[float]]] = [
        ("1 fault", [0.0 for _one in timelines]),
        ("2 detected by the supervisor", _since(timelines, "detected_s")),
        ("3 masked: longest wait of a buyer", [_longest_s(one) for one in timelines]),
        ("4 ready again", _since(timelines, "ready_s")),
        ("5 buyers served as fast as before", _since(timelines, "calm_s")),
    ]
    return Table(
        title=f"Seconds after the fault; faults: {len(timelines)}",
        columns=["moment", "median s", "least s", "most s", "seen"],
        rows=[[name, *(spread(found) if found else (None, None, None, 0))] for name, found in rows],
    )


def _customers(timelines: Sequence[Timeline]) -> Table:
    def row(name: str, heard: Sequence[Heard]) -> list[Cell]:
        times = [one.ms for one in heard]
        return [
            name,
            *counted(heard),
            median(times) if times else None,
            max(times, default=None),
        ]

    rows = []
    for act, name in ACTS.items():
        before = [heard for one in timelines for heard in one.before(act)]
        meanwhile = [heard for one in timelines for heard in one.meanwhile(act)]
        rows += [row(f"{name}, before the fault", before), row(f"{name}, meanwhile", meanwhile)]
    return Table(
        title="Customers before the fault, and those who were there until the service was back",
        columns=["request", "asked", "good", "decided later", "failed", "p50 ms", "slowest ms"],
        rows=rows,
    )


def _detected(timelines: Sequence[Timeline], settings: Settings) -> Iterator[str]:
    found = _since(timelines, "detected_s")
    if not found:
        yield "Nobody noted the fault."
        return
    how = (
        "it is the parent of all services, so the kernel tells it"
        if settings.fault == "kill"
        else "a process that stands still looks alive, until it is asked and says nothing"
    )
    yield f"Detection: the supervisor noted it {_seconds(found)} after the fault; {how}."


def _masked(timelines: Sequence[Timeline]) -> Iterator[str]:
    for act, what in MANY.items():
        heard = [one for timeline in timelines for one in timeline.meanwhile(act)]
        usual = [one.ms for timeline in timelines for one in timeline.before(act)]
        if not heard:
            yield f"Masking: no {what} came while the service was away."
            continue
        waited = median(one.ms for one in heard)
        before = f", and {ms(median(usual))} before the fault" if usual else ""
        yield (
            f"Masking: {_fate(heard, what)}. Half of them took {ms(waited)}{before}; the slowest "
            f"took {ms(max(one.ms for one in heard))}."
        )


def _fate(heard: Sequence[Heard], what: str) -> str:
    """Return what became of those who asked while the service was away."""
    asked, good, later, failed = counted(heard)
    if failed:
        return f"of {asked:,} {what} meanwhile {failed:,} got no good answer: it was not masked"
    if later:
        return (
            f"none of {asked:,} {what} meanwhile failed; {later:,} were kept, to be decided "
            f"later, and {good:,} were answered"
        )
    return f"all {asked:,} {what} meanwhile were answered as if nothing had happened"


def _recovered(timelines: Sequence[Timeline], settings: Settings) -> Iterator[str]:
    ready, calm = _since(timelines, "ready_s"), _since(timelines, "calm_s")
    if len(ready) < len(timelines):
        yield (
            f"Recovery: after {len(timelines) - len(ready)} of {len(timelines)} faults the "
            f"{settings.service} service was not seen to be ready again."
        )
    if ready:
        yield f"Recovery: the {settings.service} service was ready again after {_seconds(ready)}."
    if calm:
        yield f"Buyers were served as fast as before after {_seconds(calm)}."
    if len(calm) < len(timelines):
        yield (
            f"After {len(timelines) - len(calm)} of {len(timelines)} faults they were not, until "
            "the end of the timeline; it is longer with --duration."
        )


def _seconds(found: Sequence[float]) -> str:
    one = spread(found)
    middle, least, most = (ms(1000 * value) for value in (one.median, one.least, one.most))
    return middle if one.rounds == 1 else f"{middle} (median; {least} to {most})"


def verdict(checked: Checked) -> str:
    """Return whether stock and orders add up."""
    what = (
        f"Checked {checked.purchases:,} purchases, of which {checked.sold:,} were confirmed and "
        f"{checked.asked_again:,} had to be asked for again with their keys"
    )
    if checked.differences:
        shown = "; ".join(checked.differences[:3])
        return f"{what}: {len(checked.differences):,} DIFFERENCES: {shown}."
    return f"{what}: no order is lost, none was made twice, and the stock fits to the copy."


def _typical(timelines: Sequence[Timeline]) -> Timeline:
    """Return the timeline in the middle, by how long the service was away."""
    ordered = sorted(timelines, key=lambda one: one.until_s - one.fault_s)
    return ordered[len(ordered) // 2]


def _charts(one: Timeline, settings: Settings) -> list[LineChart]:
    at_s = [(number + 0.5) * WINDOW_S for number in range(max(1, int(one.length_s / WINDOW_S)))]
    answered = {
        act: _rates([h.at_s + h.ms / 1000 for h in one.heard if h.act == act and h.is_good], at_s)
        for act in ACTS
    }
    seen = [
        ("1 fault", one.fault_s),
        ("2 detected", one.detected_s),
        ("4 ready again", one.ready_s),
        ("5 as before", one.calm_s()),
    ]
    moments = [
        Moment(at, f"{name}, {at - one.fault_s:+.2f} s")
        for name, at in seen
        if at is not None and at <= at_s[-1]
    ]
    every = -(-len(one.heard) // DOTS_MAX)
    dots = [
        Dots(name, [(h.at_s, h.ms) for h in one.heard[::every] if h.act == act and h.is_good])
        for act, name in ACTS.items()
    ]
    failed = [(h.at_s, h.ms) for h in one.heard if not h.is_good]
    if failed:
        dots.append(Dots("not answered well", failed[:DOTS_MAX]))
    across = f"seconds since the start; {settings.rate:g} customers arrive a second"
    return [
        LineChart(
            heading="Wait of each customer, by arrival, milliseconds",
            across=across,
            at=at_s,
            dots=dots,
            moments=moments,
        ),
        LineChart(
            heading="Good answers a second",
            across=across,
            at=at_s,
            lines=[Line(name, answered[act]) for act, name in ACTS.items()],
        ),
    ]


def _rates(ends_s: Sequence[float], at_s: Sequence[float]) -> list[float]:
    """Return how many came around each moment, a second."""
    counts = [0] * len(at_s)
    for end_s in ends_s:
        if 0 <= end_s < len(at_s) * WINDOW_S:
            counts[int(end_s / WINDOW_S)] += 1
    return [count / WINDOW_S for count in counts]


EXPERIMENT = Experiment(
    name="crash",
    question="A service dies while customers buy: who notices, and how does the shop recover?",
    does="Customers arrive at one shop, half to query and half to buy. One service is struck: "
    "killed with SIGKILL, or stopped with SIGSTOP. The supervisor starts it again, while the "
    "others hold what they were asked and ask again. At the end every purchase is checked.",
    vary=(
        Vary(
            "bazar experiment crash --service catalog",
            "Who decides about a purchase while the catalog is away?",
        ),
        Vary(
            "bazar experiment crash --service front",
            "Nobody stands before the front. Is that fault masked too?",
        ),
        Vary(
            "bazar experiment crash --fault hang",
            "Why does it take so much longer to detect a process that stands still?",
        ),
        Vary("bazar experiment crash --rate 400", "How long is the line when the service is back?"),
    ),
    usual={
        "duration_s": 6.0,
        "rounds": 3,
        "seed": 1,
        "zipf": 1.0,
        "books": 20,
        "rate": 100.0,
        "service": "order",
        "fault": "kill",
    },
    quick={"duration_s": 3.0, "rounds": 1, "books": 5, "rate": 40.0},
    run=run,
)
