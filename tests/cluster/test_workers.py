"""Several processes of the front on one port."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.processes import (
    BAZAR,
    STOP_TIMEOUT_S,
    all_gone,
    children_of,
    environment,
    run_bazar,
    wait_for,
)
from support.running import RunningShop, ThreeServices

WORKERS = 3


async def test_a_front_that_is_killed_costs_no_purchase(tmp_path: Path) -> None:
    """Whoever was connected to it asks again; it is replaced, and the others are left alone."""
    with RunningShop(tmp_path / "shop", "--empty", "--workers", str(WORKERS)) as shop:
        assert f"({WORKERS} processes)" in shop.log()
        book_id, before = shop.add_book(300), shop.services()
        fronts = [name for name in before if name.startswith("front")]
        assert ["front", "front-2", "front-3"] == fronts
        bought = 0
        enough = asyncio.Event()

        async def buy(number: int) -> int:
            nonlocal bought
            async with shop.customers() as customer:  # each has a connection of its own
                answer = await customer.buy(book_id, f"worker-dies-{number}")
            bought += 1
            if bought == 10:
                enough.set()
            return answer.status

        buying = [asyncio.create_task(buy(number)) for number in range(60)]
        await asyncio.wait_for(enough.wait(), 30)
        os.kill(before["front-2"].pid, signal.SIGKILL)
        assert {201} == set(await asyncio.gather(*buying))
        wait_for("three fronts", lambda: len(set(shop.services()) & set(fronts)) == WORKERS)
        after = set(shop.services().values())
        assert {before["front-2"]} == set(before.values()) - after
        assert 240 == shop.stock(book_id)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_front_by_hand_has_workers_too(tmp_path: Path, number: signal.Signals) -> None:
    """They end with the one that started them, however it ends."""
    services = ThreeServices(tmp_path)
    port = services.addresses.front.rpartition(":")[2]
    words = ["serve", "front", "--port", port, "--workers", "2", "--data", str(tmp_path)]
    log = tmp_path / "front.log"
    with log.open("wb") as output:
        parent = subprocess.Popen(
            [sys.executable, *BAZAR, *words],
            env=environment({"BAZAR_SECRET": services.secret}),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        wait_for("two listen", lambda: log.read_text("utf-8").count("event=listening") == 2)
        assert services.ready("front")
        workers = children_of(parent.pid)
        assert 2 == len(workers)
        other = run_bazar(*words)
        assert (1, True) == (other.code, "cannot listen" in other.err)
    finally:
        parent.send_signal(number)
        code = parent.wait(STOP_TIMEOUT_S)
    assert (0 if number == signal.SIGTERM else -number) == code
    all_gone(workers, STOP_TIMEOUT_S)
