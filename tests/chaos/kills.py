"""One of the three services of a `bazar up` is killed every second, and how long buyers wait."""

import asyncio
import re
from contextlib import suppress
from pathlib import Path
from random import Random
from time import monotonic

from chaos.report import Progress, Report, percentile
from support.customers import Customers
from support.processes import SERVICES
from support.running import RunningShop

KILLS = 25
INTERVAL_S = 1.0
BUYERS = 8
PAUSE_S = 0.02
COPIES = 1_000_000
WAIT_S_MAX = 3.0
_PAUSED = re.compile(r"event=restarting service=(\w+) .*pause_s=([0-9.]+)")
PAUSE_S_MAX = 0.1
"""Of a service that was killed once before it was ready."""


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


async def _press(shop: RunningShop, seed: int, kills: int, progress: Progress) -> list[float]:
    """Return how long each purchase took, asked for again until its answer was definite."""
    random, book_id = Random(seed), shop.add_book(COPIES)
    waits_s: list[float] = []
    over = asyncio.Event()
    async with shop.customers() as customers, asyncio.TaskGroup() as group:
        for buyer in range(BUYERS):
            group.create_task(_keep_buying(customers, book_id, f"b{buyer}", waits_s, over))
        for number in range(kills):
            progress.say(f"kill {number + 1} of {kills}")
            with suppress(KeyError, ProcessLookupError):  # that one is just being started
                shop.kill(random.choice(SERVICES))
            await asyncio.sleep(INTERVAL_S)
        over.set()
    return waits_s


def run(
    *,
    seed: int,
    folder: Path,
    progress: Progress,
    kills: int = KILLS,
    wait_s_max: float = WAIT_S_MAX,
) -> Report:
    """Kill services of a shop of its own.

    Args:
        seed: of which service is killed when.
        folder: for the shop's data.
        progress: where to tell how far it got.
        kills: so many, one a second.
        wait_s_max: no buyer may wait longer.
    """
    report = Report(f"{kills} kills, one a second")
    with RunningShop(folder / "data", "--empty") as shop:
        waits_s = sorted(asyncio.run(_press(shop, seed, kills, progress)))
        report.add("purchases", len(waits_s))
        report.add("their 99th percentile", f"{percentile(waits_s, 0.99):.2f} s")
        report.add("the longest wait", f"{waits_s[-1]:.2f} s")
        if waits_s[-1] >= wait_s_max:
            report.violations.append(f"a buyer waited {waits_s[-1]:.2f} s")
        for service, pause in _PAUSED.findall(shop.last_log()):
            if float(pause) > PAUSE_S_MAX:
                report.violations.append(f"the {service} service was started after {pause} s")
        audit = shop.settled_audit()
        report.violations += audit.differences
        if audit.copies_sold != len(waits_s):
            report.violations.append(f"{audit.copies_sold} copies sold to {len(waits_s)} buyers")
    return report
