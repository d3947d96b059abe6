"""One system from start to stop: how fast it is ready, how fast it answers, what that costs."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TypeVar

from bench.load import Tally, drive
from bench.processes import BenchError
from bench.systems import PURCHASES, System, Target

STARTS = 3
MB = 1_000_000

AnySystem = TypeVar("AnySystem", bound=System)


@dataclass(frozen=True, slots=True)
class Options:
    """How long to measure."""

    duration_s: int
    warmup_s: int


@dataclass(frozen=True, slots=True)
class Measurement:
    """One row of the table."""

    row: str
    load: str
    clients: int
    requests_s: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    """Of all processes of the system, for one request."""
    foreign_share: float
    """Of the machine's cores, spent on what is neither the system nor wrk: 0 to 1."""
    problems: Mapping[str, int]
    """Why the row is invalid, with how often; empty when it is not."""


@dataclass(slots=True)
class Check:
    """What a system's books say after the load."""

    lines: list[str]
    good: bool
    """False fails the run; what only states a weakness of the reference does not."""


@dataclass(slots=True)
class Result:
    """All that was found out about a system."""

    name: str
    ready_s: list[float] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    memory_mb: dict[str, float] = field(default_factory=dict)
    """The most that each process held after any of the runs."""
    samples: dict[str, bytes] = field(default_factory=dict)
    """An answer to each load."""
    bought: int = 0
    """Purchases that were answered with success, warm-up and probes too."""
    checks: list[Check] = field(default_factory=list)

    @property
    def ready_median_s(self) -> float | None:
        """Return the median time from start until ready, None when it was never ready."""
        return median(self.ready_s) if self.ready_s else None


@contextmanager
def running(system: AnySystem) -> Iterator[AnySystem]:
    """Start a system, and stop it however the block ends."""
    try:
        system.start()
        yield system
    finally:
        system.stop()


def tell(text: str) -> None:
    """Show progress on standard error."""
    print(text, file=sys.stderr, flush=True)


def measure(
    name: str,
    make: Callable[[Path], AnySystem],
    folder: Path,
    options: Options,
    check: Callable[[AnySystem, Result], list[Check]],
) -> Result:
    """Start a system some times, measure the last one under load, and check its books.

    When it fails on the way, what was measured until then stays, and the failure is a bad check.

    Args:
        name: of the system.
        make: gives the system a folder.
        folder: for all starts.
        options: how long.
        check: looks at the system after the load, while it runs.
    """
    result = Result(name)
    try:
        for number in range(1, STARTS + 1):
            with running(make(folder / f"start-{number}")) as system:
                result.ready_s.append(system.ready_s)
                tell(f"{name:<8} ready in {system.ready_s:.2f} s")
                if number == STARTS:
                    for target in system.targets():
                        for clients in target.clients:
                            _measure_target(system, target, clients, options, result)
                    result.checks += check(system, result)
    except (BenchError, OSError, HTTPException) as error:
        tell(f"{name:<8} FAILED: {error}")
        result.checks.append(Check([f"FAILED: {error}"], good=False))
    return result


def _measure_target(
    system: System, target: Target, clients: int, options: Options, result: Result
) -> None:
    processes, load = system.processes, target.load
    result.samples[load.name] = load.probe(target.url)
    tallies: list[Tally] = []
    if options.warmup_s:
        tallies.append(drive(load, target.url, clients, options.warmup_s, system.folder))
    processes.wait_until_quiet()

    before, foreign_before_s = processes.usage(), processes.foreign_cpu_s()
    started_s = perf_counter()
    tally = drive(load, target.url, clients, options.duration_s, system.folder)
    foreign_s = processes.foreign_cpu_s() - foreign_before_s
    foreign_share = max(0.0, foreign_s / ((perf_counter() - started_s) * (os.cpu_count() or 1)))
    processes.wait_until_quiet()
    after = processes.usage()

    if not tally.requests:
        message = f"{target.row} answered no request of {load.name} in {options.duration_s} s"
        raise BenchError(message)
    spent_s = sum(one.cpu_s for one in after.values()) - sum(one.cpu_s for one in before.values())
    # When the time is up each client has one request under way: it costs, but is not counted.
    cpu_ms = spent_s * 1000 / (tally.requests + clients)
    problems = dict(tally.errors)
    if before.keys() != after.keys():
        problems["processes restarted"] = len(before.keys() ^ after.keys())
    result.measurements.append(
        Measurement(
            target.row,
            load.name,
            clients,
            tally.requests_s,
            tally.p50_ms,
            tally.p99_ms,
            cpu_ms,
            foreign_share,
            problems,
        )
    )
    for one in after.values():
        label = system.label(one.root, one.command)
        result.memory_mb[label] = max(result.memory_mb.get(label, 0.0), one.rss_bytes / MB)
    if load in PURCHASES:
        result.bought += 1 + sum(one.successes for one in [*tallies, tally])
    tell(
        f"{target.row:<17} {load.name:<20} clients {clients:>3} {tally.requests_s:>10,.0f} /s"
        + (f"  INVALID: {problems}" if problems else "")
    )
