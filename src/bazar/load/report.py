"""What a load measured and what the check found, for people and for programs."""

from collections.abc import Iterator

import msgspec

from bazar.console import counted
from bazar.load.check import Checked
from bazar.load.measure import GOOD, OK, REFUSED, Measurements
from bazar.load.plan import KINDS, Kind

CORES_MAX = 0.9
"""From here on the load generator is the limit: Python's lock lets it use no more than one core."""
DIFFERENCES_SHOWN = 20
COLUMNS = (
    "kind",
    "answers",
    "answers/s",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "max ms",
    "refused",
    "failed",
)


class KindReport(msgspec.Struct, kw_only=True):
    """What one kind of question got for an answer; latencies are those of good answers."""

    kind: str
    rate_s: float
    """Good answers a second, before the end."""
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    outcomes: dict[str, int]
    """How often each: `ok`, `accepted`, the code of an error, `timeout` or `no-answer`."""


class LoadReport(msgspec.Struct, kw_only=True):
    """All of one load."""

    elapsed_s: float
    seed: int
    kinds: list[KindReport]
    """The last one is all together, where there are several."""
    unsent: int
    """With a rate: customers who arrived, and whom nobody had time to serve before the end."""
    generator_cores: float
    """How many cores the load generator itself kept busy; near 1 it is the limit, not the shop."""
    check: Checked | None = None


def report(measured: Measurements, seed: int) -> LoadReport:
    """Return what was measured, by kind and together."""
    groups: list[tuple[str, list[Kind]]]
    groups = [(kind, [kind]) for kind in KINDS if measured.outcomes([kind])]
    if len(groups) != 1:
        groups.append(("all", list(KINDS)))
    kinds = []
    for name, members in groups:
        latencies = measured.latencies(members)
        p50_ms, p95_ms, p99_ms = (latencies.percentile_ms(share) for share in (0.5, 0.95, 0.99))
        kinds.append(
            KindReport(
                kind=name,
                rate_s=round(measured.rate_s(members), 1),
                p50_ms=round(p50_ms, 2),
                p95_ms=round(p95_ms, 2),
                p99_ms=round(p99_ms, 2),
                max_ms=round(latencies.max_us / 1000, 2),
                outcomes=dict(measured.outcomes(members).most_common()),
            )
        )
    return LoadReport(
        elapsed_s=round(measured.elapsed_s, 2),
        seed=seed,
        kinds=kinds,
        unsent=measured.unsent,
        generator_cores=round(measured.busy_s / measured.elapsed_s, 2),
    )


def kind_row(one: KindReport) -> tuple[object, ...]:
    """Return the cells of a kind."""
    outcomes = one.outcomes
    good = sum(count for outcome, count in outcomes.items() if outcome in GOOD)
    refused = outcomes.get(REFUSED, 0)
    failed = sum(outcomes.values()) - good - refused
    latencies = (f"{ms:,.1f}" for ms in (one.p50_ms, one.p95_ms, one.p99_ms, one.max_ms))
    rate = f"{one.rate_s:,.1f}"
    return (one.kind, f"{good:,}", rate, *latencies, f"{refused:,}", f"{failed:,}")


def remarks(done: LoadReport) -> Iterator[str]:
    """Yield what a reader of the table must know too."""
    told = [f"{count:,} {name}" for name, count in done.kinds[-1].outcomes.items() if name != OK]
    if told:
        yield f"outcomes beside ok: {', '.join(told)}"
    if done.unsent:
        yield f"{done.unsent:,} customers arrived and were not served before the end"
    if done.generator_cores >= CORES_MAX:
        yield "the load generator kept a whole core busy: it was the limit, not the shop"


def verdict(check: Checked | None) -> Iterator[str]:
    """Yield the lines that say whether all adds up; the last one is the verdict."""
    if check is None:
        yield "nothing was bought, so there is nothing to check"
        return
    shown = check.differences[:DIFFERENCES_SHOWN]
    yield from (f"  {difference}" for difference in shown)
    if len(shown) < len(check.differences):
        yield f"  and {len(check.differences) - len(shown):,} more"
    asked = f", {check.asked_again:,} asked again" if check.asked_again else ""
    what = f"checked {check.purchases:,} purchases ({check.sold:,} sold{asked})"
    if check.differences:
        yield f"{what}: {counted(len(check.differences), 'difference')}"
    elif check.audited:
        yield f"{what}: stock and orders add up"
    else:
        yield f"{what}: all is as the buyers were told; the stock needs the secret"
