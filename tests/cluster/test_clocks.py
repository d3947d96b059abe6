"""Clocks that jump, in real processes: they change the times that people read, and nothing else.

The services run under libfaketime. Only the time of day is false; monotonic time goes on, as it
does where a clock is corrected or a virtual machine moves.
"""

import os
from pathlib import Path

import pytest

from support.processes import SERVICES, wait_for
from support.running import ThreeServices

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
ENDS_WITHIN_S = 8.0
COPIES = 20


class Clocks:
    """The clock of each service, by how much it is wrong."""

    def __init__(self, folder: Path) -> None:
        """Start with right ones."""
        self._folder = folder
        self.set("+0s")

    def set(self, offset: str, *services: str) -> None:
        """Let clocks jump, those of all services where none is named."""
        for service in services or SERVICES:
            (self._folder / service).write_text(f"{offset}\n", "utf-8")

    def before(self, service: str) -> list[str]:
        """Return the words to put before a service's command."""
        return [
            "env",
            f"LD_PRELOAD={LIBRARY}",
            f"FAKETIME_TIMESTAMP_FILE={self._folder / service}",
            "FAKETIME_NO_CACHE=1",
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
        ]


class Shop(ThreeServices):
    """Three services with clocks of their own."""

    def __init__(self, folder: Path) -> None:
        """Prepare them."""
        super().__init__(folder)
        (folder / "clocks").mkdir()
        self.clocks = Clocks(folder / "clocks")

    def begin(self, *services: str) -> None:
        """Start services and wait until they are ready."""
        for service in services:
            self.start(service, before=self.clocks.before(service))
        self.wait_until_ready(*services)

    def followed(self, after: str) -> list[str]:
        """Return the ids of the orders that come after one."""
        return [
            order.order_id
            for order in self.remote().order.listing(None, "", after, 100, oldest=True)
        ]

    def wait_for_end(self, order_ids: list[str]) -> None:
        """Wait until orders are confirmed, which nobody asks for."""

        def ended() -> bool:
            status = {order.order_id: order.status for order in self.orders()}
            return all(status[order_id] == "confirmed" for order_id in order_ids)

        wait_for("the end of all orders", ended, ENDS_WITHIN_S)


@pytest.fixture(autouse=True)
def faketime() -> None:
    """Skip where libfaketime is missing; in CI that is a failure."""
    if LIBRARY is None:
        reason = "libfaketime is missing: apt-get install faketime"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


async def test_clocks_that_jump_an_hour_keep_no_order_from_its_end(tmp_path: Path) -> None:
    """In one run and across a restart: they are decided or released, and listed in their order."""
    with Shop(tmp_path) as shop:
        shop.begin(*SERVICES)
        book_id = shop.add_book(COPIES)
        accepted: list[str] = []

        async def order(key: str, status: int) -> str:
            async with shop.customers() as customers:
                answer = await customers.call("POST", f"/purchase/{book_id}", key=key)
            assert status == answer.status, answer.content
            accepted.append(answer.json["order_id"])
            return accepted[-1]

        first = await order("first", 201)
        cancelled = await order("cancelled", 201)
        shop.end("catalog")
        await order("one", 202)
        shop.remote().front.cancel(cancelled)
        accepted.remove(cancelled)
        shop.clocks.set("-1h")
        await order("two", 202)
        shop.begin("catalog")
        shop.wait_for_end(accepted)

        shop.end("catalog")
        shop.clocks.set("+1h", "order")
        await order("three", 202)
        shop.end("order")
        shop.clocks.set("-1h", "order")
        shop.begin("order", "catalog")
        shop.wait_for_end(accepted)

        placed = [first, cancelled, *accepted[1:]]
        assert placed[1:] == shop.followed(first)
        last = await order("last", 201)
        assert [last] == shop.followed(placed[-1])
        assert [] == shop.settled_audit().differences
        assert COPIES - len(accepted) == shop.stock(book_id)
