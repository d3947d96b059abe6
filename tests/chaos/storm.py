"""One storm: many clients, a shop whose services die and whose network fails, and a verdict.

The plan says who does what, the workload does it, supervisor and network let faults strike, the
history keeps what was heard, and the checker judges it.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, nullcontext, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from time import monotonic

import uvloop

from chaos import network, plan, supervisor
from chaos.checker import check
from chaos.database import DatabaseServer
from chaos.ending import ask_again, final_state, read_again
from chaos.history import Call, Fault, Final, History
from chaos.network import Link
from chaos.plan import PlannedFault
from chaos.report import Progress, Report, percentile
from chaos.setting import Setting, link, linked
from chaos.supervisor import Supervisor
from chaos.workload import ACCEPTED, CREATED, UNAVAILABLE, Crowd
from support.customers import Customers
from support.running import ThreeServices

HISTORY = "history.jsonl"
CLIENTS = 48
FAULTS_AT_ONCE_MAX = 3
STUCK_S = 60.0
"""After so long without a purchase, and without a fault, nobody else tries."""
SQLITE = Setting()
PATIENCE_S = 2.0
"""After which a fault strikes even though its share of the purchases is not done."""


def run(
    *,
    seed: int,
    purchases: int,
    faults: int,
    folder: Path,
    progress: Progress,
    setting: Setting = SQLITE,
) -> Report:
    """Let a storm pass over a shop, and judge what its clients heard.

    Args:
        seed: of the plan.
        purchases: how many are to be acknowledged, at least.
        faults: how many strike meanwhile.
        folder: for databases, logs and the history.
        progress: is told how far it got.
        setting: which kind of shop.
    """
    started_s = monotonic()
    with (
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        History(folder / HISTORY) as history,
        DatabaseServer(folder) if setting.shared else nullcontext() as database,
        ThreeServices(folder, replicas=setting.processes) as shop,
    ):
        planned = plan.faults(seed, faults, setting.kinds())
        storm = Storm(purchases, planned, history, progress)
        runner.run(_pass_over(storm, Stage(setting, shop, database, seed), history, progress))
    progress.end()
    report = Report(_title(setting, seed), violations=check(history.records))
    if storm.acknowledged < purchases:
        report.violations.append(f"only {storm.acknowledged} purchases were acknowledged")
    _describe(report, history)
    report.add("the whole run", f"{monotonic() - started_s:.0f} s")
    return report


@dataclass(frozen=True)
class Stage:
    """What the storm passes over."""

    setting: Setting
    shop: ThreeServices
    database: DatabaseServer | None
    seed: int
    """Of what the clients do."""


class Storm:
    """Clients and faults, each held back until the other has got as far."""

    def __init__(
        self, purchases: int, faults: Sequence[PlannedFault], history: History, progress: Progress
    ) -> None:
        """Let these faults strike among so many purchases."""
        self._purchases = purchases
        self._faults = faults
        self._history = history
        self._progress = progress
        self._started_s = monotonic()
        self._bought: set[str] = set()
        self._bought_last_s = monotonic()
        self._struck = 0
        self._over = False
        self._changed = asyncio.Event()

    @property
    def acknowledged(self) -> int:
        """Count the keys that were answered 201."""
        return len(self._bought)

    def take(self, call: Call) -> None:
        """Note a call that has ended."""
        self._history.add(call)
        if call.status == CREATED and call.key not in self._bought:
            self._bought.add(call.key)
            self._bought_last_s = call.ended_s
            self._changed.set()
            self._progress.say(
                f"{self.acknowledged:,} of {self._purchases:,} purchases, "
                f"{self._struck} of {len(self._faults)} faults, "
                f"{monotonic() - self._started_s:.0f} s"
            )

    async def admit(self) -> bool:
        """Hold a client while purchases are ahead of the faults; False once enough was bought.

        So every fault strikes while others buy.
        """
        await self._until(lambda: self._over or self.acknowledged < self._due(self._struck + 1))
        stuck = monotonic() - self._bought_last_s > STUCK_S
        return not self._over or (self.acknowledged < self._purchases and not stuck)

    async def strike(self, watch: Supervisor, links: Mapping[str, Link]) -> None:
        """Let each fault strike once its share of the purchases is done."""
        at_once = asyncio.Semaphore(FAULTS_AT_ONCE_MAX)

        async def strike_one(fault: PlannedFault) -> None:
            if fault.kind in supervisor.FAULTS:
                await supervisor.FAULTS[fault.kind](watch, fault.target, fault.lasts_s)
            else:
                await network.FAULTS[fault.kind](links[fault.target], fault.lasts_s)
            at_once.release()

        try:
            async with asyncio.TaskGroup() as group:
                for number, fault in enumerate(self._faults):
                    await at_once.acquire()
                    due = self._due(number + fault.share)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(PATIENCE_S):
                            await self._until(lambda due=due: self.acknowledged >= due)  # type: ignore[misc]
                    self._history.add(Fault(fault.kind, fault.target, monotonic(), fault.lasts_s))
                    group.create_task(strike_one(fault))
                    self._struck += 1
                    self._changed.set()
        finally:
            self._over = True
            self._changed.set()

    def _due(self, faults: float) -> float:
        """Return after how many purchases so many faults have struck."""
        return faults * self._purchases / max(1, len(self._faults))

    async def _until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            self._changed.clear()
            await self._changed.wait()


async def _pass_over(storm: Storm, stage: Stage, history: History, progress: Progress) -> None:
    """Run everything that waits."""
    shop = stage.shop
    socket = stage.database.socket if stage.database else None
    async with AsyncExitStack() as stack:
        links = await linked(stack, stage.setting, shop, socket)
        watch = await stack.enter_async_context(Supervisor(shop, history, stage.database))
        fronts = {front: links[link("client", front)].url for front in stage.setting.names("front")}
        crowd = await _crowd(stack, stage, fronts, storm.take)
        await crowd.stock()
        async with asyncio.TaskGroup() as group:
            group.create_task(storm.strike(watch, links))
            group.create_task(crowd.serve(CLIENTS, storm.admit))
        await asyncio.to_thread(shop.wait_until_ready)
        final = await asyncio.to_thread(final_state, shop)
        history.add(final)
        straight = {front: shop.urls[front] for front in fronts}
        asker = await _crowd(stack, stage, straight, history.add)
        await read_again(asker, final, fronts)
        await ask_again(asker, history, progress)


async def _crowd(
    stack: AsyncExitStack, stage: Stage, fronts: Mapping[str, str], tell: Callable[[Call], None]
) -> Crowd:
    """Open the connections of clients who go to the fronts at these addresses."""

    async def opened(url: str) -> Customers:
        return await stack.enter_async_context(Customers(url))

    through = {front: await opened(url) for front, url in fronts.items()}
    keepers = [await opened(stage.shop.urls[name]) for name in stage.setting.names("catalog")]
    return Crowd(stage.seed, through, keepers, stage.shop.secret, tell)


def _title(setting: Setting, seed: int) -> str:
    if not setting.shared:
        return f"Storm, seed {seed}"
    return (
        f"Storm on PostgreSQL with {setting.replicas} catalogs and order services "
        f"and {setting.fronts} fronts, seed {seed}"
    )


def _describe(report: Report, history: History) -> None:
    """Say what happened, until the shop was asked for everything again."""
    end = next(number for number, record in enumerate(history.records) if isinstance(record, Final))
    records = history.records[:end]
    final = history.records[end]
    assert isinstance(final, Final)
    calls = [record for record in records if isinstance(record, Call)]
    waits_s = _waits_s(call for call in calls if call.key)
    answered_s = sorted(call.ended_s for call in calls if call.status)
    faults = Counter(record.kind for record in records if isinstance(record, Fault))
    statuses = Counter(call.status for call in calls)
    gap_s = max((after - before for before, after in pairwise(answered_s)), default=0.0)
    report.rows += [
        ("acknowledged purchases", f"{len(waits_s):,}"),
        ("faults", sum(faults.values())),
        *((f"  {kind}", count) for kind, count in sorted(faults.items())),
        ("calls", f"{len(calls):,}"),
        ("  without an answer", f"{statuses[0]:,}"),
        ("  accepted, 202", f"{statuses[ACCEPTED]:,}"),
        ("  refused, 503", f"{statuses[UNAVAILABLE]:,}"),
        *(
            (f"from first request to 201, p{share}", f"{1000 * wait_s:.0f} ms")
            for share in (50, 95, 99)
            if (wait_s := percentile(waits_s, share / 100))
        ),
        ("longest that one client waited", f"{max(waits_s, default=0.0):.1f} s"),
        ("longest without any answer", f"{gap_s:.1f} s"),
        ("at rest after the last fault within", f"{final.settled_after_s:.1f} s"),
    ]


def _waits_s(bought: Iterable[Call]) -> list[float]:
    """Return how long each acknowledged key took, from its first request to its first 201."""
    first_s: dict[str, float] = {}
    told_s: dict[str, float] = {}
    for call in bought:
        first_s[call.key] = min(first_s.get(call.key, call.started_s), call.started_s)
        if call.status == CREATED:
            told_s[call.key] = min(told_s.get(call.key, call.ended_s), call.ended_s)
    return sorted(ended_s - first_s[key] for key, ended_s in told_s.items())
