"""Clients that hold on to connections and do nothing with them: others are served all the same."""

import asyncio
from pathlib import Path
from random import Random

from chaos.report import Progress
from chaos.slow_clients import LET_GO_S, SLOW, Crowd, open_files, run, slow_clients, until_files
from fuzz.memory import memory_mib
from support.processes import IMPATIENT
from support.running import ThreeServices

COPIES = 100_000
GROWTH_MIB_MAX = 160
"""Of the front, for all the slow clients together."""
FILES_LEFT_MAX = 16
"""Connections that others, or the front's own client, opened meanwhile."""


async def test_slow_clients_are_let_go_while_others_are_served(tmp_path: Path) -> None:
    """Those that send or read nothing lose their connection; nobody else is refused."""
    with ThreeServices(tmp_path, IMPATIENT) as shop:
        shop.open()
        front = shop.process("front")
        async with shop.customers() as customers:
            crowd = Crowd(customers, shop.add_book(COPIES), Random(1))
            over = asyncio.Event()
            crowding = asyncio.create_task(crowd.shop_until(over))
            before, before_mib = open_files(front), memory_mib(front)
            async with slow_clients(shop.addresses.front, SLOW):
                await until_files(front, at_least=before + SLOW * 9 // 10)
                grown_mib = memory_mib(front) - before_mib
                await until_files(front, at_most=before + FILES_LEFT_MAX)
            over.set()
            async with asyncio.timeout(LET_GO_S):
                await crowding
        assert [] == crowd.refused
        assert len(crowd.took_ms) > SLOW
        assert grown_mib < GROWTH_MIB_MAX
        assert [] == shop.settled_audit().differences


def test_what_others_feel_of_them_can_be_measured(tmp_path: Path) -> None:
    """The harness tells figures with and without them; how they compare is for a quiet machine."""
    report = run(
        seed=1, folder=tmp_path, progress=Progress(quiet=True), pairs=1, window_s=0.5, slow=30
    )
    names = [name for name, _figure in report.rows]
    assert "ratio of the 99th percentiles" in names
    assert [] == [one for one in report.violations if "99th percentile" not in one]
