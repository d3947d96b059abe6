"""Before and after children start: their ports are free, and each is ready."""

import asyncio
from collections.abc import Iterable
from signal import Signals
from time import monotonic

from bazar.kit.errors import StartupError
from bazar.kit.process.server import NotOurs, check_port
from bazar.kit.process.supervisor import EXIT_NOT_STARTED, Child

READY_TIMEOUT_S = 30.0
POLL_S = 0.02
PORTS_PATIENCE_S = 2.0


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
            except NotOurs:
                raise
            except StartupError:
                if monotonic() > give_up_s:
                    raise
                await asyncio.sleep(POLL_S)


def _ended(name: str, status: int) -> str:
    """Return why a service does not get ready whose process has ended."""
    if status == EXIT_NOT_STARTED:
        return f"the {name} service did not start; its own message is above"
    if status < 0:
        return f"the {name} service was ended by {Signals(-status).name} before it was ready"
    return f"the {name} service ended with exit code {status} before it was ready"


async def until_ready(
    children: Iterable[Child], stop: asyncio.Event, within_s: float = READY_TIMEOUT_S
) -> None:
    """Wait until every child is ready, or `stop` is set.

    Raises:
        StartupError: one ended, or takes too long.
    """
    give_up_s = monotonic() + within_s
    for child in children:
        while not (child.ready or stop.is_set()):
            if child.ended is not None:
                raise StartupError(_ended(child.name, child.ended))
            if monotonic() > give_up_s:
                message = f"the {child.name} service was not ready in {within_s:g} s"
                raise StartupError(message)
            await asyncio.sleep(POLL_S)
