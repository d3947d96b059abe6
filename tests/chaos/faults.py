"""Faults by strace: a service is killed, or its disk fails, at its Nth system call of a kind.

There are no fail points in the product's code: the kernel's own calls are the points.
"""

import asyncio
import os
import shutil
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest

from cluster.customers import Answer, Customers
from cluster.processes import LOG_SHOWN, START_TIMEOUT_S
from cluster.running import TestedShop, ThreeServices

STRACE = shutil.which("strace")
SIGKILL_STATUS = -9
KILL = "signal=SIGKILL"
LINGER = "delay_enter=30000"
"""A call that is to fail waits 30 ms first: time enough for an answer that goes out too early."""
BUYERS = 4
SETTLE_S = 40.0


def need_strace() -> None:
    """Skip where strace is missing; in CI that is a failure."""
    if STRACE is None:
        reason = "strace is missing: apt-get install strace"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


def fault(call: str, effect: str, number: int) -> list[str]:
    """Return the words to put before a command.

    Args:
        call: the system call, such as `fdatasync`.
        effect: what happens instead, such as `signal=SIGKILL` or `error=EIO`.
        number: at which call of each thread, from 1.
    """
    words = [str(STRACE), "-f", "-qqq", "-o", "/dev/null", "-e"]
    return [*words, f"trace={call}", "-e", f"inject={call}:{effect}:when={number}"]


@dataclass
class Rush:
    """Some buyers who buy one copy after the other, each under a key of its own, until told."""

    customers: Customers
    book_id: int
    name: str
    answers: dict[str, Answer] = field(default_factory=dict)
    started: set[str] = field(default_factory=set)
    _served: asyncio.Event = field(default_factory=asyncio.Event)
    _on: bool = True
    _buyers: list[asyncio.Task[None]] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        """Start to buy."""
        self._buyers = [asyncio.create_task(self._buy(number)) for number in range(BUYERS)]
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Give up whatever is still asked for."""
        for buyer in self._buyers:
            buyer.cancel()
        await asyncio.gather(*self._buyers, return_exceptions=True)

    async def _buy(self, buyer: int) -> None:
        count = 0
        while self._on:
            count += 1
            key = f"{self.name}-{buyer}-{count}"
            self.started.add(key)
            self.answers[key] = await self.customers.buy(self.book_id, key)
            self._served.set()

    async def served(self, count: int) -> None:
        """Wait until so many have their answer."""
        async with asyncio.timeout(SETTLE_S):
            while len(self.answers) < count:
                self._served.clear()
                await self._served.wait()

    async def end(self) -> None:
        """Start nothing new, and wait until everything that was started has its answer."""
        self._on = False
        async with asyncio.timeout(SETTLE_S):
            await asyncio.gather(*self._buyers)


async def ended(shop: ThreeServices, service: str, idle_s: float = 8.0) -> int | None:
    """Wait until a service ends by itself; return its exit code, None where it goes on.

    Args:
        shop: that the service belongs to.
        service: that was started under a fault.
        idle_s: how long it may stay ready; after that the fault was out of reach.
    """
    clock = asyncio.get_running_loop().time
    give_up_s = clock() + START_TIMEOUT_S
    while shop.running(service):
        if clock() > give_up_s:
            return None
        if give_up_s - clock() > idle_s and await asyncio.to_thread(shop.ready, service):
            give_up_s = clock() + idle_s
        await asyncio.sleep(0.02)
    return shop.processes[service].wait()


async def check(shop: TestedShop, rush: Rush, faults: Sequence[str]) -> None:
    """Hold the shop against everything that the buyers heard.

    Every key ended with one definite answer, which is still given; every order that was
    acknowledged is there, confirmed; there is no other order; the stock matches.
    """
    told = f"after {', '.join(faults)}; the log ends:\n{shop.log()[-LOG_SHOWN:]}"
    assert rush.started == rush.answers.keys(), told
    assert {201} == {answer.status for answer in rush.answers.values()}, told
    report = await asyncio.to_thread(shop.settled_audit)
    assert [] == report.differences, told
    acknowledged = {answer.json["order_id"] for answer in rush.answers.values()}
    assert len(rush.answers) == len(acknowledged), told
    assert acknowledged == shop.order_ids(rush.book_id, "confirmed"), told
    movements = shop.movements(rush.book_id)
    assert len(acknowledged) == -sum(row.copies for row in movements if row.kind == "sold"), told
    assert shop.stock(rush.book_id) == sum(row.copies for row in movements), told
    keys = sorted(rush.answers)
    again = await asyncio.gather(*(rush.customers.buy(rush.book_id, key) for key in keys))
    for key, answer in zip(keys, again, strict=True):
        assert rush.answers[key].body == answer.body, told
    for order_id in sorted(acknowledged)[:: max(1, len(acknowledged) // 20)]:
        found = await rush.customers.call("GET", f"/orders/{order_id}")
        assert (200, "confirmed") == (found.status, found.json["status"]), told


async def for_both(act: Callable[[Path, str], Coroutine[Any, Any, None]], folder: Path) -> None:
    """Do the same to the catalog and to the order service of two shops, side by side."""
    async with asyncio.TaskGroup() as group:
        for service in ("catalog", "order"):
            (folder / service).mkdir()
            group.create_task(act(folder / service, service))
