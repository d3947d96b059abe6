"""Hundreds of clients that hold on to connections and do nothing with them, and what others feel.

    head     sends a byte of a header each second
    body     sends a byte of a body each second
    reader   asks for more than the kernel would ever keep for it, and reads nothing

The others' 99th percentile is measured in windows with and without the slow ones, in turns.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from random import Random
from time import perf_counter

from chaos.report import Progress, Report, percentile
from support.customers import Customers
from support.processes import Running
from support.raw import place_of
from support.running import RunningShop

SLOW = 500
OTHERS = 8
PAIRS = 4
WINDOW_S = 5.0
"""Shorter than the 10 s after which the front gives up a slow client."""
DRIP_S = 1.0
PAUSE_S = 0.01
"""Of a customer between two requests, so that the machine is not simply full."""
COPIES = 1_000_000
BUYS_SHARE = 0.2
LET_GO_S = 60.0
RATIO_MAX = 2.0
_STARTS = {
    "head": b"GET /healthz HTTP/1.1\r\nHost: bazar\r\nX-Slow: ",
    "body": b"POST /orders HTTP/1.1\r\nHost: bazar\r\nContent-Length: 60000\r\n\r\n",
    "reader": b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: bazar\r\n\r\n" * 4,
}
KINDS = tuple(_STARTS)


def open_files(process: Running) -> int:
    """Return how many files and connections a process has open."""
    return len(list(Path(f"/proc/{process.pid}/fd").iterdir()))


async def until_files(process: Running, at_least: int = 0, at_most: int = 10**6) -> None:
    """Wait until a process has so many files open."""
    async with asyncio.timeout(LET_GO_S):
        while not at_least <= open_files(process) <= at_most:  # noqa: ASYNC110  nobody tells us
            await asyncio.sleep(0.05)


async def _hold_on(address: str, kind: str) -> None:
    """Open a connection and be slow on it, until cancelled."""
    loop = asyncio.get_running_loop()
    with socket.socket() as connection:
        connection.settimeout(0)
        if kind == "reader":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await loop.sock_connect(connection, place_of(address))
        with suppress(OSError):  # the front let go
            await loop.sock_sendall(connection, _STARTS[kind])
            while kind != "reader":
                await asyncio.sleep(DRIP_S)
                await loop.sock_sendall(connection, b"x")
        await asyncio.Event().wait()


@asynccontextmanager
async def slow_clients(address: str, count: int) -> AsyncIterator[None]:
    """Have so many slow clients, of each kind as many; they never close their end by themselves."""
    kinds = islice(cycle(KINDS), count)
    holding = [asyncio.create_task(_hold_on(address, kind)) for kind in kinds]
    try:
        yield
    finally:
        for task in holding:
            task.cancel()
        await asyncio.gather(*holding, return_exceptions=True)


@dataclass
class Crowd:
    """Some ordinary customers, who look at books and buy some."""

    customers: Customers
    book_id: int
    rng: Random
    took_ms: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    async def shop_until(self, over: asyncio.Event, others: int = OTHERS) -> None:
        """Go on until it is over."""
        async with asyncio.TaskGroup() as group:
            for _ in range(others):
                group.create_task(self._one(over))

    async def _one(self, over: asyncio.Event) -> None:
        while not over.is_set():
            buys = self.rng.random() < BUYS_SHARE
            method, path = ("POST", "/purchase") if buys else ("GET", "/info")
            started_s = perf_counter()
            answer = await self.customers.call(method, f"{path}/{self.book_id}")
            self.took_ms.append((perf_counter() - started_s) * 1000)
            if answer.status not in {200, 201}:
                self.refused.append(f"{method} {path}: {answer.status} {answer.code}")
            await asyncio.sleep(PAUSE_S)


async def _window(crowd: Crowd, window_s: float) -> list[float]:
    """Return how long each request of the crowd took, in milliseconds, in order of size."""
    crowd.took_ms = []
    over = asyncio.Event()
    asyncio.get_running_loop().call_later(window_s, over.set)
    await crowd.shop_until(over)
    return sorted(crowd.took_ms)


async def _measure(
    shop: RunningShop, seed: int, windows: Sequence[float], slow: int, progress: Progress
) -> Report:
    front = shop.services()["front"]
    report = Report(f"{slow} slow clients")
    quiet: list[float] = []
    beset: list[float] = []
    ratios: list[float] = []
    async with shop.customers() as customers:
        crowd = Crowd(customers, shop.add_book(COPIES), Random(seed))
        await _window(crowd, windows[0])
        for pair, window_s in enumerate(windows, 1):
            progress.say(f"pair {pair} of {len(windows)}: without slow clients")
            alone = await _window(crowd, window_s)
            files = open_files(front)
            async with slow_clients(shop.addresses.front, slow):
                await until_files(front, at_least=files + slow)
                progress.say(f"pair {pair} of {len(windows)}: among {slow} slow clients")
                among = await _window(crowd, window_s)
            await until_files(front, at_most=files + OTHERS)
            quiet += alone
            beset += among
            ratios.append(percentile(among, 0.99) / percentile(alone, 0.99))
    _tell(report, sorted(quiet), sorted(beset), sorted(ratios), crowd.refused)
    return report


def _tell(
    report: Report,
    quiet: list[float],
    beset: list[float],
    ratios: list[float],
    refused: list[str],
) -> None:
    """Write the table."""
    for name, took_ms in (("without", quiet), ("among them", beset)):
        report.add(f"requests of {OTHERS} others, {name}", len(took_ms))
        report.add(f"their median, {name}", f"{percentile(took_ms, 0.5):.2f} ms")
        report.add(f"their 99th percentile, {name}", f"{percentile(took_ms, 0.99):.2f} ms")
    ratio = percentile(beset, 0.99) / percentile(quiet, 0.99)
    report.add("ratio of the 99th percentiles", f"{ratio:.2f}")
    report.add("the same, pair by pair", ", ".join(f"{one:.2f}" for one in ratios))
    if ratio >= RATIO_MAX:
        report.violations.append(f"the others' 99th percentile rose {ratio:.2f} times")
    report.violations += [f"another client was refused: {what}" for what in refused[:10]]


def run(
    *,
    seed: int,
    folder: Path,
    progress: Progress,
    pairs: int = PAIRS,
    window_s: float = WINDOW_S,
    slow: int = SLOW,
) -> Report:
    """Measure what others feel of slow clients, in a shop of its own.

    Args:
        seed: of what the others do.
        folder: for the shop's data.
        progress: where to tell how far it got.
        pairs: of windows, one without slow clients and one among them.
        window_s: how long each lasts; the front gives up a slow client after 10 s.
        slow: how many slow clients.
    """
    with RunningShop(folder / "data", "--empty") as shop:
        report = asyncio.run(_measure(shop, seed, [window_s] * pairs, slow, progress))
        report.violations += shop.settled_audit().differences
    return report
