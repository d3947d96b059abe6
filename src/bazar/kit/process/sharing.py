"""Several processes of one service on one port, for a machine with more cores than one uses."""

import asyncio
import os
from collections.abc import Sequence

from bazar.kit.process.readiness import until_ready, wait_for_ports
from bazar.kit.process.stopping import stop_signals
from bazar.kit.process.supervisor import Child, Supervisor


def until_told() -> asyncio.Event:
    """Return what SIGINT, SIGTERM and SIGHUP set from now on."""
    stop = asyncio.Event()
    for number in stop_signals():
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def share_port(name: str, command: Sequence[str], at: tuple[str, int], workers: int) -> None:
    """Run several processes on one port until told to stop; start one again that dies.

    Args:
        name: of the service.
        command: starts one of them. Each finds the environment of this process, and a pipe that
            tells it that it is one of several.
        at: host and port.
        workers: how many.

    Raises:
        StartupError: the port is taken, or one of them does not get ready.
    """
    await wait_for_ports([at])
    supervisor, stop = Supervisor(), until_told()
    children = [Child(name, command, os.environ, shares_port=True) for _worker in range(workers)]
    try:
        for child in children:
            await supervisor.start(child)
        await until_ready(children, stop)
        await stop.wait()
    finally:
        await supervisor.stop()
