"""Before and after children start: their ports are free, and each answers that it is ready."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from time import monotonic

from bazar.kit.errors import StartupError
from bazar.kit.peers.client import new_client
from bazar.kit.process.server import check_port
from bazar.kit.process.supervisor import Child

READY_TIMEOUT_S = 30.0
POLL_S = 0.02
PORTS_PATIENCE_S = 2.0
_OK = 200


async def wait_for_ports(addresses: Iterable[tuple[str, int]]) -> None:
    """Check that ports are free; wait a moment for those of a run that was killed just now.

    Raises:
        StartupError: one is taken, or not an address of this machine.
    """
    give_up_s = monotonic() + PORTS_PATIENCE_S
    for host, port in addresses:
        while True:
            try:
                check_port(host, port)
                break
            except StartupError:
                if monotonic() > give_up_s:
                    raise
                await asyncio.sleep(POLL_S)


async def until_ready(
    children: Iterable[Child], urls: Mapping[str, str], stop: asyncio.Event
) -> None:
    """Wait until every child answers that it is ready, or `stop` is set.

    Args:
        children: in the order in which they get ready.
        urls: the address of each, by its name.
        stop: ends the waiting.

    Raises:
        StartupError: one ended, or takes too long.
    """
    give_up_s = monotonic() + READY_TIMEOUT_S
    async with new_client() as client:
        for child in children:
            url = f"{urls[child.name]}/readyz"
            while not stop.is_set():
                if child.restarts or (child.process and child.process.returncode is not None):
                    message = f"the {child.name} service did not start; its own message is above"
                    raise StartupError(message)
                if monotonic() > give_up_s:
                    message = f"the {child.name} service was not ready in {READY_TIMEOUT_S:g} s"
                    raise StartupError(message)
                with suppress(Exception):
                    if (await client.get(url).build().send()).status == _OK:
                        break
                await asyncio.sleep(POLL_S)
