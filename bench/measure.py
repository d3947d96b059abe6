"""Systems side by side, from start to stop: how fast they are ready and answer, at what cost."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, TypeVar

from bench.load import Tally, drive
from bench.processes import BenchError
from bench.rows import PURCHASES, Group
from bench.systems import Bazar, System, Target
from bench.turns import in_turns

STARTS = 3
MB = 1_000_000

AnySystem = TypeVar("AnySystem", bound=System)


@dataclass(frozen=True, slots=True)
class Options:
    """How often and how long to measure."""

    rounds: int
    duration_s: int
    """Of one turn."""
    warmup_s: int


@dataclass(frozen=True, slots=True)
class Measurement:
    """One turn of a system in a row of the table."""

    row: str
    load: str
    clients: int
    round: int
    requests_s: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    """Of all processes of the system, for one request."""
    foreign_share: float
    """Of the machine's cores, spent on what is neither the system nor wrk: 0 to 1."""
    problems: Mapping[str, int]
    """Why the turn is invalid, with how often; empty when it is not."""


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
    """The most that each process held after any turn."""
    bought: int = 0
    """Purchases that were answered with success, warm-up and probes too."""
    checks: list[Check] = field(default_factory=list)

    @property
    def ready_median_s(self) -> float | None:
        """Return the median time from start until ready, None when it was never ready."""
        return median(self.ready_s) if self.ready_s else None


@dataclass(slots=True)
class Party:
    """A system that takes part, and what was found out about it."""

    system: System
    result: Result
    check: Callable[[Any, Result], list[Check]]
    """Looks at the system's books after the load, while it runs."""
    out: bool = False
    """It failed: what it did until then stays, and it gets no more turns."""

    def attempt(self, act: Callable[..., None], *given: object) -> None:
        """Do something with this party; when that fails, note a bad check, and it is out."""
        if self.out:
            return
        try:
            act(self, *given)
        except (BenchError, OSError, HTTPException) as error:
            tell(f"{self.result.name:<8} FAILED: {error}")
            self.result.checks.append(Check([f"FAILED: {error}"], good=False))
            self.out = True

    def check_books(self) -> None:
        """Check the books after all rows."""
        self.attempt(lambda _self: self.result.checks.extend(self.check(self.system, self.result)))


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


def join(
    make: Callable[[Path], System],
    folder: Path,
    check: Callable[[Any, Result], list[Check]],
    until: ExitStack,
) -> Party:
    """Start a system some times, and leave it running the last time.

    Args:
        make: gives the system a folder.
        folder: for all starts; its name is the system's.
        check: looks at its books after the load.
        until: stops it in the end.

    Raises:
        BenchError: it does not start.
    """
    result = Result(folder.name)
    try:
        for number in range(1, STARTS):
            with running(make(folder / f"start-{number}")) as system:
                result.ready_s.append(system.ready_s)
        system = until.enter_context(running(make(folder / f"start-{STARTS}")))
        result.ready_s.append(system.ready_s)
    except (BenchError, OSError, HTTPException) as error:
        message = f"{result.name} does not start: {error}"
        raise BenchError(message) from error
    tell(f"{result.name:<8} ready in {result.ready_median_s:.2f} s")
    return Party(system, result, check)


def measure(parties: Sequence[Party], groups: Sequence[Group], options: Options) -> None:
    """Let all that run measure themselves in turns, one group of rows after the other."""
    for group in groups:
        parts = [(party, target) for party in parties for target in party.system.targets(group)]
        ours = [part for part in parts if isinstance(part[0].system, Bazar)]
        turns = in_turns(ours, [part for part in parts if part not in ours])
        for party, target in turns:
            party.attempt(_warm_up, target, group.clients, options)
        for number in range(1, options.rounds + 1):
            for party, target in turns:
                party.attempt(_turn, target, group.clients, options, number)


def _warm_up(party: Party, target: Target, clients: int, options: Options) -> None:
    target.load.probe(target.url)
    tallies = []
    if options.warmup_s:
        folder = party.system.folder
        tallies.append(drive(target.load, target.url, clients, options.warmup_s, folder))
    _count_purchases(party, target, tallies, probes=1)
    party.system.processes.wait_until_quiet()


def _turn(party: Party, target: Target, clients: int, options: Options, number: int) -> None:
    system, processes, result = party.system, party.system.processes, party.result
    before, foreign_before_s = processes.usage(), processes.foreign_cpu_s()
    started_s = perf_counter()
    tally = drive(target.load, target.url, clients, options.duration_s, system.folder)
    foreign_s = processes.foreign_cpu_s() - foreign_before_s
    foreign_share = max(0.0, foreign_s / ((perf_counter() - started_s) * (os.cpu_count() or 1)))
    processes.wait_until_quiet()
    after = processes.usage()
    _count_purchases(party, target, [tally])

    if not tally.requests:
        message = f"{target.row} answered no request of {target.load.name}"
        raise BenchError(message)
    spent_s = sum(one.cpu_s for one in after.values()) - sum(one.cpu_s for one in before.values())
    # When the time is up each client has one request under way: it costs, but is not counted.
    cpu_ms = spent_s * 1000 / (tally.requests + clients)
    problems = dict(tally.errors)
    changed = before.keys() ^ after.keys()
    labels = [
        system.label(one.root, one.command) for one in map((before | after).get, changed) if one
    ]
    if restarted := [label for label in labels if label not in system.come_and_go]:
        problems["processes restarted"] = len(restarted)
    result.measurements.append(
        Measurement(
            target.row,
            target.load.name,
            clients,
            number,
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
    tell(
        f"{number} {target.row:<17} {target.load.name:<20} clients {clients:>3} "
        f"{tally.requests_s:>10,.0f} /s" + (f"  INVALID: {problems}" if problems else "")
    )


def _count_purchases(
    party: Party, target: Target, tallies: Sequence[Tally], probes: int = 0
) -> None:
    if target.load in PURCHASES:
        party.result.bought += probes + sum(one.successes for one in tallies)
