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

from support.customers import Customers
from support.processes import LOG_SHOWN, START_TIMEOUT_S
from support.running import TestedShop, ThreeServices
from support.shops import Reply

STRACE = shutil.which("strace")
SIGKILL_STATUS = -9
KILL = "signal=SIGKILL"
LINGER = "delay_enter=30000"
"""A call that is to fail waits 30 ms first: time enough for an answer that goes out too early."""
BUYERS = 4
GIVES_UP_EVERY = 5
"""So often a buyer asks only once: somebody else has to finish what they began."""
PAUSE_S = 0.05
SETTLE_S = 40.0
CHAIN_PATIENCE_S = 240.0
"""How long a buyer asks for the same, since a service that dies again and again may serve others
first on a busy machine. The client's own timeout bounds each request."""


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
    answers: dict[str, Reply] = field(default_factory=dict)
    started: set[str] = field(default_factory=set)
    given_up: set[str] = field(default_factory=set)
    """Keys that were asked for once, without an answer that was definite."""
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
            if count % GIVES_UP_EVERY == 0:
                answer = await self.customers.ask_once(self.book_id, key)
                if answer is None or answer.status != 201:
                    self.given_up.add(key)
                    await asyncio.sleep(PAUSE_S)
                    continue
            else:
                answer = await self.customers.buy(self.book_id, key, CHAIN_PATIENCE_S)
            self.answers[key] = answer
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

    Raises:
        AssertionError: a promise was broken; it names the faults, and shows the log.
    """
    found = await broken(shop, rush)
    told = f"after {', '.join(faults)}; the log ends:\n{shop.log()[-LOG_SHOWN:]}"
    assert not found, "\n".join([*found, told])


async def broken(shop: TestedShop, rush: Rush) -> list[str]:
    """Return a sentence for each promise that the shop has not kept to the buyers.

    Every key ended with one answer, which is still given; every order that was acknowledged is
    there, confirmed; there is no other order; the stock matches. What nobody asks for any more
    is decided too; only then those who had given up ask once more.
    """
    report = await asyncio.to_thread(shop.settled_audit)
    found = [*report.differences]
    for key in sorted(rush.given_up):
        rush.answers[key] = await rush.customers.buy(rush.book_id, key)
    found += [f"{key} has no answer" for key in sorted(rush.started - rush.answers.keys())]
    found += [
        f"{key} was answered {answer.status}: {answer.content!r}"
        for key, answer in rush.answers.items()
        if answer.status != 201
    ]
    if found:
        return found
    order_ids = {answer.json["order_id"] for answer in rush.answers.values()}
    confirmed = shop.order_ids(rush.book_id, "confirmed")
    found += [
        f"order {order_id} was acknowledged and is lost" for order_id in order_ids - confirmed
    ]
    found += [f"order {order_id} belongs to no buyer" for order_id in confirmed - order_ids]
    if len(order_ids) != len(rush.answers):
        found.append(f"{len(rush.answers)} keys got {len(order_ids)} orders")
    movements = shop.movements(rush.book_id)
    sold = -sum(row.copies for row in movements if row.kind == "sold")
    stock, ledger = shop.stock(rush.book_id), sum(row.copies for row in movements)
    if (sold, stock) != (len(order_ids), ledger):
        found.append(f"{len(order_ids)} orders, {sold} copies sold, stock {stock}, ledger {ledger}")
    return found + await _answered_otherwise(rush)


async def _answered_otherwise(rush: Rush) -> list[str]:
    """Ask for everything again, and for some orders by their ids."""
    keys = sorted(rush.answers)
    again = await asyncio.gather(*(rush.customers.buy(rush.book_id, key) for key in keys))
    found = [
        f"{key} was answered {rush.answers[key].content!r}, and later {answer.content!r}"
        for key, answer in zip(keys, again, strict=True)
        if answer.content != rush.answers[key].content
    ]
    for key in keys[:: max(1, len(keys) // 20)]:
        order_id = rush.answers[key].json["order_id"]
        answer = await rush.customers.call("GET", f"/orders/{order_id}")
        if answer.status != 200 or answer.json["status"] != "confirmed":
            found.append(f"order {order_id} reads {answer.status} {answer.content!r}")
    return found


async def for_both(act: Callable[[Path, str], Coroutine[Any, Any, None]], folder: Path) -> None:
    """Do the same to the catalog and to the order service of two shops, side by side."""
    async with asyncio.TaskGroup() as group:
        for service in ("catalog", "order"):
            (folder / service).mkdir()
            group.create_task(act(folder / service, service))
