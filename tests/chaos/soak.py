"""A long mixed load without faults: nothing that a service holds may grow.

Every ten seconds memory, file descriptors, the size of the write-ahead log and the 99th percentile
of a purchase are sampled. The first third is warm-up; the last third is held against the second.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import monotonic

import uvloop

from chaos import plan
from chaos.history import Call
from chaos.report import Progress, Report, percentile
from chaos.workload import CREATED, Crowd
from support.customers import Customers
from support.processes import SERVICES
from support.running import ThreeServices

CLIENTS = 16
ERRANDS_EACH_S = 100
INTERVAL_S = 10.0
SAMPLES_MIN = 6
"""Two for each third."""
MIB = 1024 * 1024


@dataclass(frozen=True)
class Measure:
    """What is sampled, and by how much its last third may exceed its second."""

    unit: str
    share: float
    slack: float
    """In its unit, beside the share: for what is small, and for noise."""

    def limit(self, before: float) -> float:
        """Return what still counts as flat."""
        return before * (1 + self.share) + self.slack


MEASURES = {
    "memory": Measure("MiB", share=0.03, slack=2.0),
    "file descriptors": Measure("", share=0.0, slack=8.0),
    "log size": Measure("MiB", share=0.10, slack=1.0),
    "p99 of a purchase": Measure("ms", share=0.25, slack=20.0),
}
Samples = Mapping[str, Sequence[float]]
"""Values by name; a name ends with that of its measure."""


def run(*, seed: int, minutes: float, folder: Path, progress: Progress) -> Report:
    """Serve a mixed, moderate load for some minutes, and judge whether everything stayed flat.

    Args:
        seed: of the plan.
        minutes: how long; at least one.
        folder: for databases and logs.
        progress: is told how far it got.
    """
    report = Report(f"Soak of {minutes:g} minutes, seed {seed}")
    with (
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ThreeServices(folder) as shop,
    ):
        shop.open()
        load = Load(seed, minutes * 60, progress)
        runner.run(_serve(shop, seed, load))
        progress.end()
        audit = shop.settled_audit()
    report.add("acknowledged purchases", f"{load.acknowledged:,}")
    report.add("calls without an answer", load.unanswered)
    for name, before, after, flat in judged(load.samples):
        unit = measure_of(name).unit
        report.add(name, f"{before:.1f} {unit} -> {after:.1f} {unit}")
        if not flat:
            report.violations.append(f"{name} is not flat: {before:.1f} {unit} -> {after:.1f}")
    if load.unanswered:
        report.violations.append(f"{load.unanswered} calls had no answer, without any fault")
    report.violations += audit.differences
    return report


def measure_of(name: str) -> Measure:
    """Return the measure of a name, such as that of `order memory`."""
    return next(measure for ending, measure in MEASURES.items() if name.endswith(ending))


def judged(samples: Samples) -> Iterator[tuple[str, float, float, bool]]:
    """Yield each name with the medians of its second and last third, and whether it is flat."""
    for name, values in samples.items():
        third = len(values) // 3
        if len(values) < SAMPLES_MIN:
            message = f"{len(values)} samples of {name} tell nothing; {SAMPLES_MIN} are needed"
            raise ValueError(message)
        before, after = median(values[third:-third]), median(values[-third:])
        yield name, before, after, after <= measure_of(name).limit(before)


class Load:
    """Lets clients in at a steady pace, and samples what the services hold meanwhile."""

    def __init__(self, seed: int, lasts_s: float, progress: Progress) -> None:
        """Last so long."""
        self.samples: dict[str, list[float]] = defaultdict(list)
        self.acknowledged = 0
        self.unanswered = 0
        self._seed = seed
        self._lasts_s = lasts_s
        self._progress = progress
        self._started_s = monotonic()
        self._next_s = self._started_s
        self._waits_ms: list[float] = []

    def take(self, call: Call) -> None:
        """Note a call that has ended."""
        if call.act == "buy" and call.status == CREATED:
            self.acknowledged += 1
            self._waits_ms.append(1000 * (call.ended_s - call.started_s))
        elif not call.status and plan.errand(self._seed, call.errand).gives_up_after_s is None:
            self.unanswered += 1

    async def admit(self) -> bool:
        """Let the next client in when it is its time; False once it is over."""
        self._next_s = max(self._next_s + 1 / ERRANDS_EACH_S, monotonic() - 1)
        await asyncio.sleep(max(0.0, self._next_s - monotonic()))
        return monotonic() < self._started_s + self._lasts_s

    async def watch(self, shop: ThreeServices) -> None:
        """Sample at each interval, for ever."""
        while True:
            await asyncio.sleep(INTERVAL_S)
            self._sample(shop)
            spent_min = (monotonic() - self._started_s) / 60
            self._progress.say(
                f"{spent_min:.1f} of {self._lasts_s / 60:g} minutes, "
                f"{self.acknowledged:,} purchases, "
                f"p99 {self.samples['p99 of a purchase'][-1]:.0f} ms"
            )

    def _sample(self, shop: ThreeServices) -> None:
        for service in SERVICES:
            process = Path("/proc") / str(shop.processes[service].pid)
            self.samples[f"{service} memory"].append(_memory_bytes(process) / MIB)
            held = len(list((process / "fd").iterdir()))
            self.samples[f"{service} file descriptors"].append(held)
            for log in (shop.folder / service).glob("*.db-wal"):
                self.samples[f"{service} log size"].append(log.stat().st_size / MIB)
        waits_ms, self._waits_ms = sorted(self._waits_ms), []
        self.samples["p99 of a purchase"].append(percentile(waits_ms, 0.99))


async def _serve(shop: ThreeServices, seed: int, load: Load) -> None:
    """Send clients, and watch."""
    async with AsyncExitStack() as stack:
        front = await stack.enter_async_context(shop.customers())
        keeper = await stack.enter_async_context(Customers(shop.addresses.catalog))
        crowd = Crowd(seed, {"front": front}, [keeper], shop.secret, load.take)
        await crowd.stock()
        watch = asyncio.create_task(load.watch(shop))
        try:
            await crowd.serve(CLIENTS, load.admit)
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch


def _memory_bytes(process: Path) -> int:
    """Return the resident memory of a process."""
    status = (process / "status").read_text("ascii", "replace")
    kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(kib) * 1024
