"""One run: a shop on hosts of its own, buyers, one fault after the other, and a verdict."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic

import uvloop

from chaos import history as told
from chaos.checker import check
from chaos.ending import ask_again, final_state, read_again
from chaos.history import Call, Final, History
from chaos.report import Progress, Report
from chaos.workload import CREATED, Crowd, Habits
from hosts.lab import Database, Fault, Faults, Lab
from hosts.measures import gap, longest, waits_of
from hosts.network import Network
from hosts.shop import ShopOfHosts
from support.customers import Customers

HISTORY = "history.jsonl"
CLIENTS = 10
PACE_S = 0.05
"""Before each errand, so that what is measured is the shop and not how busy the machine is."""
LEAVES_FRONT_S = 0.3
"""How long buyers wait for a front that may be gone, before they ask the other one."""
PATIENT_S = 8.0
AFTERWARDS_S = 1.0
"""Between the end of a fault and the next one."""
WHOLE_WITHIN_S = 90.0
SERVED_WITHIN_S = 90.0
POLL_S = 0.05

Opened = Callable[[Network, Path], Database]
"""Puts a database on the network."""


@dataclass(frozen=True)
class Plan:
    """What a run is about."""

    title: str
    faults: Faults
    """Each strikes once."""
    database: Opened
    quiet_s: float = 5.0
    """Without a fault at first, to know how long buyers wait then."""
    shuffled: bool = True
    announced: bool = False
    """Whether the hosts of services have to find each other, with nothing to look up."""
    secured: bool = False
    """Whether they talk to each other under TLS."""
    judged: bool = True
    """Whether it is a promise how long buyers wait; it is measured in any case."""


@dataclass(frozen=True)
class Felt:
    """One fault, and what buyers felt of it."""

    name: str
    target: str
    fault: Fault
    started_s: float
    ended_s: float
    """When everything was whole again."""


@dataclass
class Press:
    """Buyers, whom the run lets in, and what was measured."""

    history: History
    felt: list[Felt] = field(default_factory=list)
    quiet_s: tuple[float, float] = (0.0, 0.0)
    """From when to when nothing was wrong."""
    bought: int = 0
    over: bool = False

    def take(self, call: Call) -> None:
        """Note a call that has ended."""
        self.history.add(call)
        self.bought += call.status == CREATED and call.act == "buy"

    async def admit(self) -> bool:
        """Let a client do one more errand, until the end."""
        await asyncio.sleep(PACE_S)
        return not self.over


def run(
    *,
    plan: Plan,
    seed: int,
    folder: Path,
    progress: Progress,
) -> Report:
    """Let faults strike the hosts of a shop, one after the other, while clients buy.

    Args:
        plan: which faults, and on which database.
        seed: of what clients do, of the order of the faults, and of what they strike at.
        folder: for databases, logs and the history.
        progress: is told how far it got.
    """
    started_s = monotonic()
    with (
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        History(folder / HISTORY) as history,
        Network(folder) as network,
    ):
        kept = plan.database(network, folder)
        shop = ShopOfHosts(
            network, folder, kept.urls(), history, announced=plan.announced, secured=plan.secured
        )
        lab = Lab(network, shop, kept, Random(seed))
        shop.start()
        shop.wait_until_ready()
        press = Press(history)
        runner.run(_press(press, lab, plan, seed, progress))
    progress.end()
    report = Report(f"{plan.title}, seed {seed}", violations=check(history.records))
    _describe(report, press, judged=plan.judged)
    report.add("the whole run", f"{monotonic() - started_s:.0f} s")
    return report


async def _press(press: Press, lab: Lab, plan: Plan, seed: int, progress: Progress) -> None:
    shop, history = lab.shop, press.history
    habits = Habits(PATIENT_S, POLL_S, in_turns=True)
    async with AsyncExitStack() as stack:
        crowd = await _crowd(stack, shop, seed, press.take, habits)
        await crowd.stock()
        async with asyncio.TaskGroup() as group:
            group.create_task(crowd.serve(CLIENTS, press.admit))
            group.create_task(_strike(press, lab, plan, habits, progress))
        shop.find()
        final = await asyncio.to_thread(final_state, shop)
        history.add(final)
        asker = await _crowd(stack, shop, seed, history.add)
        await read_again(asker, final, shop.replicas.names("front"))
        await ask_again(asker, history, progress)


async def _crowd(
    stack: AsyncExitStack,
    shop: ShopOfHosts,
    seed: int,
    tell: Callable[[Call], None],
    habits: Habits | None = None,
) -> Crowd:
    """Open the connections of clients who go to the fronts, and of a keeper at the catalogs."""

    async def opened(role: str) -> dict[str, Customers]:
        return {
            name: await stack.enter_async_context(
                Customers(shop.urls[name], role, tls=None if role == "front" else shop.tls)
            )
            for name in shop.replicas.names(role)
        }

    keepers = list((await opened("catalog")).values())
    return Crowd(seed, await opened("front"), keepers, shop.secret, tell, habits=habits)


async def _strike(press: Press, lab: Lab, plan: Plan, habits: Habits, progress: Progress) -> None:
    """Let each fault strike once, each when all is well again after the last one."""
    try:
        await asyncio.sleep(1.0)  # connections are opened, and plans of statements made
        press.quiet_s = monotonic(), monotonic() + plan.quiet_s
        await asyncio.sleep(plan.quiet_s)
        faults, names = plan.faults, list(plan.faults)
        if plan.shuffled:
            lab.random.shuffle(names)
        for number, name in enumerate(names, 1):
            progress.say(f"fault {number} of {len(names)}: {name}; {press.bought:,} purchases")
            habits.call_timeout_s = LEAVES_FRONT_S if faults[name].before_the_fronts else PATIENT_S
            await asyncio.sleep(AFTERWARDS_S)  # whoever is asking still asks as before
            press.felt.append(await _strike_one(press, lab, name, faults[name]))
    finally:
        press.over = True


async def _strike_one(press: Press, lab: Lab, name: str, fault: Fault) -> Felt:
    started_s, bought = monotonic(), press.bought
    struck = await asyncio.to_thread(fault.strike, lab)
    try:
        await asyncio.sleep(fault.holds_s)
        if fault.until_served:
            bought = press.bought
            await _until(lambda: press.bought > bought, SERVED_WITHIN_S)
    finally:
        await asyncio.to_thread(struck.heal)
    press.history.add(told.Fault(name, struck.target, started_s, monotonic() - started_s))
    await asyncio.to_thread(lab.shop.wait_until_ready)
    await _until(lambda: asyncio.to_thread(lab.database.whole), WHOLE_WITHIN_S)
    return Felt(name, struck.target, fault, started_s, monotonic())


async def _until(reached: Callable[[], bool | Awaitable[bool]], within_s: float) -> None:
    async with asyncio.timeout(within_s):
        while True:
            said = reached()
            if said if isinstance(said, bool) else await said:
                return
            await asyncio.sleep(POLL_S)


def _describe(report: Report, press: Press, *, judged: bool) -> None:
    """Say what buyers felt, fault by fault."""
    records = press.history.records
    final = next(record for record in records if isinstance(record, Final))
    calls = [record for record in records[: records.index(final)] if isinstance(record, Call)]
    waits = waits_of(calls)
    usual_s = longest([one for one in waits if one[1] < press.quiet_s[1]], *press.quiet_s)
    report.add("purchases", f"{press.bought:,}")
    report.add("calls", f"{len(calls):,}")
    report.add("the longest wait without a fault", f"{usual_s:.2f} s")
    for felt in press.felt:
        longest_s = longest(waits, felt.started_s, felt.ended_s)
        gap_s = gap(calls, felt.started_s, felt.ended_s)
        whole_s = felt.ended_s - felt.started_s
        report.add(
            f"{felt.name} ({felt.target})",
            f"longest wait {longest_s:.2f} s, nobody served for {gap_s:.2f} s, "
            f"whole again after {whole_s:.1f} s",
        )
        if judged and longest_s > felt.fault.bound_s + usual_s:
            report.violations.append(
                f"{felt.name} ({felt.target}): a buyer waited {longest_s:.2f} s, and not at most "
                f"{felt.fault.bound_s:g} s longer than without a fault"
            )
    report.add("at rest after the last fault within", f"{final.settled_after_s:.1f} s")
