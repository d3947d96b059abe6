"""Keep child processes running: start, watch, restart, and stop them in order.

Each child inherits the read end of a pipe whose only write end is here. When this process ends,
however it ends, the kernel closes the pipe and every child ends itself.
"""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic

from bazar.kit.log import get_logger
from bazar.kit.process.server import SUPERVISOR_FD_VARIABLE

PAUSE_S_FIRST = 0.1
PAUSE_S_MAX = 10.0
STEADY_AFTER_S = 10.0
"""A child that lived this long may be restarted at once again."""
STOP_TIMEOUT_S = 10.0


@dataclass(slots=True)
class Child:
    """A process to keep running."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    process: asyncio.subprocess.Process | None = None
    restarts: int = 0
    pause_s: float = PAUSE_S_FIRST
    keeper: asyncio.Task[None] | None = field(default=None, repr=False)


class Supervisor:
    """Runs children until told to stop."""

    def __init__(self) -> None:
        """Open the pipe that ties the children to this process."""
        self._children: list[Child] = []
        self._read_fd, self._write_fd = os.pipe()
        self._spawning = asyncio.Lock()
        self._log = get_logger()

    async def start(self, child: Child) -> None:
        """Start a child and keep it running from now on."""
        self._children.append(child)
        await self._spawn(child)
        child.keeper = asyncio.create_task(self._keep(child))

    async def _spawn(self, child: Child) -> None:
        child.process = await asyncio.create_subprocess_exec(
            *child.command,
            env={**child.environment, SUPERVISOR_FD_VARIABLE: str(self._read_fd)},
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=(self._read_fd,),
            start_new_session=True,  # Ctrl-C reaches this process alone; it stops them in order
        )

    async def _keep(self, child: Child) -> None:
        while True:
            assert child.process is not None
            started_s = monotonic()
            status = await child.process.wait()
            if monotonic() - started_s >= STEADY_AFTER_S:
                child.pause_s = PAUSE_S_FIRST
            self._log.warning(
                "restarting", service=child.name, status=status, pause_s=round(child.pause_s, 1)
            )
            while not await self._spawn_again(child):
                pass

    async def _spawn_again(self, child: Child) -> bool:
        """Start a child after its pause; tell whether that worked, or this machine has no room."""
        await asyncio.sleep(child.pause_s)
        child.pause_s = min(child.pause_s * 2, PAUSE_S_MAX)
        child.restarts += 1
        try:
            async with self._spawning:
                await self._spawn(child)
        except OSError as error:
            self._log.warning("restart-failed", service=child.name, reason=str(error))
            return False
        return True

    async def stop(self) -> None:
        """Stop the children, the last one started first; each finishes what is in flight."""
        async with self._spawning:  # so that no child starts unseen
            for child in reversed(self._children):
                if child.keeper is not None:
                    child.keeper.cancel()
        for child in reversed(self._children):
            await _stop(child)
        os.close(self._write_fd)
        os.close(self._read_fd)


async def _stop(child: Child) -> None:
    process = child.process
    if process is None or process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
    except TimeoutError:
        process.kill()
        await process.wait()
