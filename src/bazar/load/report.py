"""What a load measured and what the check found."""

import msgspec

from bazar.load.check import Checked
from bazar.load.measure import Measurements
from bazar.load.plan import ACTS, Act


class KindReport(msgspec.Struct, kw_only=True):
    """What the customers got for an answer; latencies are those of good answers."""

    kind: str
    """What they did, or `all` together."""
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
    """Return what was measured, by what the customers did and together."""
    groups: list[tuple[str, list[Act]]]
    groups = [(act, [act]) for act in ACTS if measured.outcomes([act])]
    if len(groups) != 1:
        groups.append(("all", list(ACTS)))
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
