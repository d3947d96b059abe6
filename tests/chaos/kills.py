"""One of the three services of a `bazar up` is killed every second, and how long buyers wait.

What is promised is of a service that had been ready: it starts again at once, however often. So
none is killed before it is ready again, and where a start takes longer than a second the kills come
more slowly, and buyers may wait longer in the same measure. The report says how many kills there
were in how long.
"""

import asyncio
import re
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic

from chaos.report import Progress, Report, percentile
from chaos.setting import Setting
from support.customers import Customers
from support.processes import SERVICES, listens, wait_for
from support.running import RunningShop

KILLS = 25
INTERVAL_S = 1.0
BUYERS = 8
PAUSE_S = 0.02
COPIES = 1_000_000
WAIT_S_MAX = 3.0
WAIT_S_MAX_OF_REPLICAS = 1.0
_PAUSED = re.compile(r"event=restarting service=(\w+) .*pause_s=([0-9.]+)")
PAUSE_S_MAX = 0.1
"""Of a service that was killed before its supervisor knew that it is ready, which it looks for."""
SQLITE = Setting()


@dataclass
class _Pressed:
    """What came of the kills."""

    waits_s: list[float] = field(default_factory=list)
    """How long each purchase took, asked for again until its answer was definite."""
    kills: int = 0
    took_s: float = 0.0


async def _keep_buying(
    customers: Customers, book_id: int, name: str, waits_s: list[float], over: asyncio.Event
) -> None:
    number = 0
    while not over.is_set():
        number += 1
        started_s = monotonic()
        await customers.buy(book_id, f"{name}-{number}")
        waits_s.append(monotonic() - started_s)
        await asyncio.sleep(PAUSE_S)


def _kill_ready(shop: RunningShop, setting: Setting, random: Random) -> None:
    """Kill a process of a service as soon as it is ready, which it has to be in a while."""
    service = random.choice(SERVICES)
    shop.wait_until_ready(service)
    names = setting.names(service)

    def all_ready() -> bool:
        running = shop.services()
        return all(name in running and listens(running[name].pid) for name in names)

    wait_for(f"every {service} listens", all_ready)
    shop.kill(random.choice(names))


async def _press(
    shop: RunningShop, setting: Setting, seed: int, kills: int, progress: Progress
) -> _Pressed:
    random, book_id = Random(seed), shop.add_book(COPIES)
    pressed = _Pressed()
    over = asyncio.Event()
    async with shop.customers() as customers, asyncio.TaskGroup() as group:
        for buyer in range(BUYERS):
            group.create_task(_keep_buying(customers, book_id, f"b{buyer}", pressed.waits_s, over))
        started_s = monotonic()
        for number in range(kills):
            progress.say(f"kill {number + 1} of {kills}")
            again_at_s = monotonic() + INTERVAL_S
            await asyncio.to_thread(_kill_ready, shop, setting, random)
            pressed.kills += 1
            await asyncio.sleep(max(0, again_at_s - monotonic()))
        pressed.took_s = monotonic() - started_s
        over.set()
    return pressed


def run(
    *,
    seed: int,
    folder: Path,
    progress: Progress,
    kills: int = KILLS,
    wait_s_max: float | None = None,
    setting: Setting = SQLITE,
) -> Report:
    """Kill services of a shop of its own.

    Args:
        seed: of which service is killed when.
        folder: for the shop's data.
        progress: where to tell how far it got.
        kills: so many, one a second at most.
        wait_s_max: no buyer may wait longer, where services start within a second.
        setting: which kind of shop; its fronts share a port.
    """
    if wait_s_max is None:
        wait_s_max = WAIT_S_MAX_OF_REPLICAS if setting.shared else WAIT_S_MAX
    report = Report(f"{kills} kills, one a second at most")
    with RunningShop(folder / "data", "--empty", *_options(setting)) as shop:
        pressed = asyncio.run(_press(shop, setting, seed, kills, progress))
        waits_s = sorted(pressed.waits_s)
        report.add("kills", f"{pressed.kills} in {pressed.took_s:.1f} s")
        report.add("purchases", len(waits_s))
        report.add("their 99th percentile", f"{percentile(waits_s, 0.99):.2f} s")
        report.add("the longest wait", f"{waits_s[-1]:.2f} s")
        slowness = max(1.0, pressed.took_s / (pressed.kills * INTERVAL_S))
        if waits_s[-1] >= wait_s_max * slowness:
            report.violations.append(f"a buyer waited {waits_s[-1]:.2f} s")
        for service, pause in _PAUSED.findall(shop.last_log()):
            if float(pause) > PAUSE_S_MAX:
                report.violations.append(f"the {service} service was started after {pause} s")
        audit = shop.settled_audit()
        report.violations += audit.differences
        if audit.copies_sold != len(waits_s):
            report.violations.append(f"{audit.copies_sold} copies sold to {len(waits_s)} buyers")
    return report


def _options(setting: Setting) -> list[str]:
    """Return what `bazar up` is told of a kind of shop."""
    if not setting.shared:
        return []
    several = ["--replicas", str(setting.replicas), "--workers", str(setting.fronts)]
    return ["--database", setting.engine, *several]
