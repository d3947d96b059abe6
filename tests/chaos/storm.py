"""One storm: many clients, a shop whose services die and whose network fails, and a verdict.

The parts: the plan says who does what, the workload does it, the supervisor and the network let
faults strike, the history keeps what was heard, the checker judges it.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from time import monotonic

import uvloop

from bazar.remote import Addresses, RemoteError
from bazar.wire import Order
from chaos import network, plan, supervisor
from chaos.checker import check
from chaos.history import Call, Fault, Final, History, KeptMovement, KeptOrder
from chaos.network import Link
from chaos.plan import PlannedFault
from chaos.report import Progress, Report, percentile
from chaos.supervisor import Supervisor
from chaos.workload import ACCEPTED, CREATED, UNAVAILABLE, Crowd
from cluster.customers import Customers
from cluster.processes import SERVICES
from cluster.running import ThreeServices

CLIENTS = 48
SETTLE_BOUND_S = 20.0
"""How long the last pending order may take to end, once faults and clients are gone."""
FAULTS_AT_ONCE_MAX = 3
PATIENCE_S = 4.0
"""After which a fault strikes even though its share of the purchases is not done."""
POLL_S = 0.01
REPLAYS_AT_ONCE = 48
PENDING = "/orders?status=pending&limit=1"


@dataclass
class Storm:
    """How far a run is."""

    purchases: int
    planned: Sequence[PlannedFault]
    progress: Progress
    started_s: float = field(default_factory=monotonic)
    struck: int = 0
    over: bool = False
    """Whether every fault has struck and ended."""

    def line(self, acknowledged: int) -> str:
        """Return what to tell whoever waits."""
        spent_s = monotonic() - self.started_s
        return (
            f"{acknowledged:,} of {self.purchases:,} purchases, "
            f"{self.struck} of {len(self.planned)} faults, {spent_s:.0f} s"
        )

    def due(self, number: float) -> float:
        """Return after how many purchases a fault is due."""
        return number * self.purchases / max(1, len(self.planned))


def run(*, seed: int, purchases: int, faults: int, folder: Path, progress: Progress) -> Report:
    """Let a storm pass over a shop, and judge what its clients heard.

    Args:
        seed: of the plan.
        purchases: how many are to be acknowledged, at least.
        faults: how many strike meanwhile.
        folder: for databases, logs and the history.
        progress: is told how far it got.
    """
    with (
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        History(folder / "history.jsonl") as history,
        ThreeServices(folder) as shop,
    ):
        report = Report(f"Storm, seed {seed}")
        started_s = monotonic()
        runner.run(_storm(seed, purchases, faults, shop, history, progress))
        run_s = monotonic() - started_s
    progress.end()
    report.violations = check(history.records)
    _describe(report, history, run_s)
    return report


async def _storm(
    seed: int,
    purchases: int,
    faults: int,
    shop: ThreeServices,
    history: History,
    progress: Progress,
) -> None:
    async with AsyncExitStack() as stack:
        links = await _links(stack, shop)
        watch = await stack.enter_async_context(Supervisor(shop, history))
        strikes = _strikes(watch, links)
        kinds = [(kind, target, lasts) for kind, target, lasts in _kinds(links)]
        storm = Storm(purchases, plan.faults(seed, faults, kinds), progress)
        front = await stack.enter_async_context(Customers(links["client-front"].url))
        keeper = await stack.enter_async_context(Customers(shop.addresses.catalog))
        crowd = Crowd(seed, front, keeper, shop.secret, history.add)
        await crowd.stock()
        async with asyncio.TaskGroup() as group:
            group.create_task(_strike_all(storm, crowd, strikes, history))
            group.create_task(_serve(storm, crowd))
        calm_s = monotonic()
        await asyncio.to_thread(shop.wait_until_ready)
        history.add(await asyncio.to_thread(_final, shop, calm_s))
        await _ask_again(crowd, history, progress)


async def _links(stack: AsyncExitStack, shop: ThreeServices) -> dict[str, Link]:
    """Put a link between each two parties that talk to each other."""
    at = shop.addresses
    ways = {
        "client-front": at.front,
        "front-order": at.order,
        "front-catalog": at.catalog,
        "order-catalog": at.catalog,
    }
    links = {
        name: await stack.enter_async_context(Link(name, url)) for name, url in ways.items()
    }
    shop.seen = {
        "front": Addresses(at.front, links["front-catalog"].url, links["front-order"].url),
        "order": Addresses(at.front, links["order-catalog"].url, at.order),
    }
    return links


def _kinds(links: dict[str, Link]) -> list[tuple[str, str, tuple[float, float]]]:
    """Return every fault with its target; those of services count twice."""
    of_services = [
        (kind, service, plan.PROCESS_LASTS_S[kind])
        for kind in supervisor.FAULTS
        for service in SERVICES
    ]
    of_links = [(kind, link, plan.LINK_LASTS_S) for kind in network.FAULTS for link in links]
    return [*of_services, *of_services, *of_links]


Strike = Callable[[PlannedFault], Awaitable[None]]


def _strikes(watch: Supervisor, links: dict[str, Link]) -> Strike:
    async def strike(fault: PlannedFault) -> None:
        if fault.kind in supervisor.FAULTS:
            await supervisor.FAULTS[fault.kind](watch, fault.target, fault.lasts_s)
        else:
            await network.FAULTS[fault.kind](links[fault.target], fault.lasts_s)

    return strike


async def _strike_all(storm: Storm, crowd: Crowd, strike: Strike, history: History) -> None:
    """Let each fault strike once its share of the purchases is done."""
    at_once = asyncio.Semaphore(FAULTS_AT_ONCE_MAX)

    async def pass_over(fault: PlannedFault) -> None:
        try:
            await strike(fault)
        finally:
            at_once.release()

    try:
        async with asyncio.TaskGroup() as group:
            for number, fault in enumerate(storm.planned):
                await at_once.acquire()
                give_up_s = monotonic() + PATIENCE_S
                due = storm.due(number + fault.share)
                while crowd.acknowledged < due and monotonic() < give_up_s:
                    await asyncio.sleep(POLL_S)
                struck = Fault(fault.kind, fault.target, monotonic(), fault.lasts_s)
                history.add(struck)
                group.create_task(pass_over(fault))
                storm.struck += 1
    finally:
        storm.over = True


async def _serve(storm: Storm, crowd: Crowd) -> None:
    """Send clients until enough was bought and every fault has struck.

    They wait while they are ahead of the faults, so that the faults strike among purchases.
    """

    async def gate() -> bool:
        while crowd.acknowledged >= storm.due(storm.struck + 1) and not storm.over:
            await asyncio.sleep(POLL_S)
        storm.progress.say(storm.line(crowd.acknowledged))
        return crowd.acknowledged < storm.purchases or not storm.over

    await crowd.serve(CLIENTS, gate)


def _final(shop: ThreeServices, calm_s: float) -> Final:
    """Return the state of the shop, once nothing is pending any more or the bound has passed."""
    differences = ["it did not come to an end"]
    while differences and monotonic() - calm_s < SETTLE_BOUND_S:
        with suppress(RemoteError):
            if not shop.remote().call("order", "GET", PENDING, list[Order]):
                differences = shop.audit().differences
    return Final(
        settled_after_s=monotonic() - calm_s,
        bound_s=SETTLE_BOUND_S,
        stock={book_id: shop.stock(book_id) for book_id in range(1, plan.BOOKS + 1)},
        movements=tuple(
            KeptMovement(row.book_id, row.kind, row.copies, row.order_id)
            for row in shop.movements()
        ),
        orders=tuple(
            KeptOrder(
                order.order_id,
                order.status,
                tuple((line.id, line.quantity) for line in order.lines),
            )
            for order in shop.orders()
        ),
        differences=tuple(differences),
    )


async def _ask_again(crowd: Crowd, history: History, progress: Progress) -> None:
    """Replay every request of every client once more, and look at every order it was told of."""
    asked = {(call.key, call.lines): None for call in history.records if isinstance(call, Call)}
    asked.pop(("", ()), None)
    waiting = iter([(key, lines) for key, lines in asked if key])

    async def replay() -> None:
        for key, lines in waiting:
            progress.say("asking again for everything")
            call = await crowd.replay(key, lines)
            if call.status == CREATED:
                await crowd.look(call.location.rpartition("/")[2])

    async with asyncio.TaskGroup() as group:
        for _ in range(REPLAYS_AT_ONCE):
            group.create_task(replay())


def _describe(report: Report, history: History, run_s: float) -> None:
    """Say what happened."""
    calls = [record for record in history.records if isinstance(record, Call)]
    (final,) = (record for record in history.records if isinstance(record, Final))
    bought = [call for call in calls if call.act == "buy"]
    waits_s = _waits_s(bought)
    good_s = sorted(call.ended_s for call in calls if call.act != "replay" and call.status)
    kinds = Counter(record.kind for record in history.records if isinstance(record, Fault))
    report.add("acknowledged purchases", f"{len(waits_s):,}")
    report.add("faults", sum(kinds.values()))
    for kind, count in sorted(kinds.items()):
        report.add(f"  {kind}", count)
    report.add("calls", f"{len(calls):,}")
    report.add("  without an answer", f"{sum(not call.status for call in calls):,}")
    report.add("  accepted, 202", f"{sum(call.status == ACCEPTED for call in calls):,}")
    report.add("  refused, 503", f"{sum(call.status == UNAVAILABLE for call in calls):,}")
    for share in (0.5, 0.95, 0.99):
        name = f"a purchase, first request to 201, p{100 * share:.0f}"
        report.add(name, f"{1000 * percentile(waits_s, share):.0f} ms")
    report.add("longest that one client waited", f"{max(waits_s, default=0):.1f} s")
    gap_s = max((after - before for before, after in pairwise(good_s)), default=0.0)
    report.add("longest time without any answer", f"{gap_s:.1f} s")
    report.add("last order ended after the last fault by", f"{final.settled_after_s:.1f} s")
    report.add("the whole run", f"{run_s:.0f} s")


def _waits_s(bought: Sequence[Call]) -> list[float]:
    """Return how long each acknowledged key took, from its first request to its first 201."""
    first_s: dict[str, float] = {}
    told_s: dict[str, float] = {}
    for call in bought:
        first_s[call.key] = min(first_s.get(call.key, call.started_s), call.started_s)
        if call.status == CREATED:
            told_s[call.key] = min(told_s.get(call.key, call.ended_s), call.ended_s)
    return sorted(ended_s - first_s[key] for key, ended_s in told_s.items())
