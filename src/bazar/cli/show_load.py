"""What a load found, in words and tables for the person who started it."""

from collections.abc import Iterator

from bazar.cli.show import counted
from bazar.load.check import Checked
from bazar.load.measure import GOOD, OK, REFUSED
from bazar.load.report import KindReport, LoadReport

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
