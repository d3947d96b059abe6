"""Keep child processes running: start, watch, restart, and stop them in order.

Each child inherits the read end of a pipe whose only write end is here. When this process ends,
however it ends, the kernel closes the pipe and every child ends itself.

A child that was ready before it died is started again at once; one that dies before it is ready
would only die again, so there the pauses grow. A child that is ready but answers no more is
killed, which makes it one that died.

Children that share a port cannot be asked there one by one. Each of them says by a pipe of its
own that it lives.

Source: docs/decisions/0019-nothing-stops-a-service-unseen.md
"""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby
from time import monotonic
from urllib.parse import urlsplit

from pyreqwest.exceptions import RequestError

from bazar.kit.log import get_logger
from bazar.kit.peers.answers import heed_cancel
from bazar.kit.peers.client import plain_client
from bazar.kit.process.server import PULSE_FD_VARIABLE, SUPERVISOR_FD_VARIABLE

PAUSE_S_FIRST = 0.1
PAUSE_S_MAX = 10.0
READY_POLL_S = 0.02
ASK_INTERVAL_S = 1.0
ASK_TIMEOUT_S = 2.5
SILENCE_S_MAX = 5.0
"""A child that is silent to all that is asked for so long is replaced."""
STOP_TIMEOUT_S = 10.0
PULSES_BYTES_MAX = 65536
"""More than a pipe holds, so that nothing old is left in it."""
EXIT_NOT_STARTED = 1
"""Says that it did not start, whoever it was that answered at its address."""
_OK = 200


@dataclass(slots=True)
class Child:
    """A process to keep running."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    url: str = ""
    """Where it answers whether it is ready and alive; one without is never known to be either."""
    shares_port: bool = False
    """Whether others answer at its address too, so that it has to say by itself that it lives."""
    is_ready: Callable[[int], bool] | None = None
    """For what answers at no address: tells of a process whether it is ready. Whether it is alive
    as well nobody asks then."""
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = STOP_TIMEOUT_S
    process: asyncio.subprocess.Process | None = None
    ended: int | None = None
    """The status with which a process of it ended last."""
    restarts: int = 0
    pause_s: float = PAUSE_S_FIRST
    ready: bool = False
    """Whether this process of it was ever ready."""
    keeper: asyncio.Task[None] | None = field(default=None, repr=False)
    pulse_fd: int | None = field(default=None, repr=False)
    """Where it is heard."""

    def port(self) -> dict[str, int]:
        """Return its port as a log line holds it, which tells replicas apart; none without."""
        port = urlsplit(self.url).port
        return {} if port is None else {"port": port}


class Supervisor:
    """Runs children until told to stop."""

    def __init__(self) -> None:
        """Open the pipe that ties the children to this process."""
        self._children: list[Child] = []
        self._read_fd, self._write_fd = os.pipe()
        self._spawning = asyncio.Lock()
        self._client = plain_client().timeout(timedelta(seconds=ASK_TIMEOUT_S)).build()
        self._log = get_logger()

    async def start(self, child: Child) -> None:
        """Start a child and keep it running from now on."""
        self._children.append(child)
        await self._spawn(child)
        child.keeper = asyncio.create_task(self._keep(child))

    async def _spawn(self, child: Child) -> None:
        child.ready = False
        inherited = {SUPERVISOR_FD_VARIABLE: self._read_fd}
        if child.shares_port:
            inherited[PULSE_FD_VARIABLE] = _new_pulse(child)
        told = {variable: str(fd) for variable, fd in inherited.items()}
        try:
            child.process = await asyncio.create_subprocess_exec(
                *child.command,
                env={**child.environment, **told},
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=tuple(inherited.values()),
                start_new_session=True,  # Ctrl-C reaches this process alone; it stops them in order
            )
        finally:
            if child.shares_port:
                os.close(inherited[PULSE_FD_VARIABLE])

    async def _keep(self, child: Child) -> None:
        while True:
            assert child.process is not None
            watch = asyncio.create_task(self._watch(child, child.process))
            try:
                status = await child.process.wait()
            finally:
                watch.cancel()
            child.ended = status
            steady = child.ready and status != EXIT_NOT_STARTED
            pause_s = 0.0 if steady else child.pause_s
            if steady:
                child.pause_s = PAUSE_S_FIRST
            self._log.warning(
                "restarting",
                service=child.name,
                **child.port(),
                pid=child.process.pid,
                status=status,
                pause_s=round(pause_s, 1),
            )
            while not await self._spawn_again(child, pause_s):
                pause_s = child.pause_s

    async def _spawn_again(self, child: Child, pause_s: float) -> bool:
        """Start a child after a pause; tell whether that worked, or this machine has no room."""
        await asyncio.sleep(pause_s)
        if pause_s:
            child.pause_s = min(child.pause_s * 2, PAUSE_S_MAX)
        child.restarts += 1
        try:
            async with self._spawning:
                await self._spawn(child)
        except OSError as error:
            self._log.warning(
                "restart-failed", service=child.name, **child.port(), reason=str(error)
            )
            return False
        return True

    async def _watch(self, child: Child, process: asyncio.subprocess.Process) -> None:
        """Wait until a child is ready; from then on kill it when it answers no more.

        Asks are counted, not only time, so that a pause of this process or of the whole machine
        ends no child: each gets another chance to answer.
        """
        if not (child.url or child.shares_port or child.is_ready):
            return
        while not await self._is_ready(child, process.pid):  # noqa: ASYNC110  as a client does
            await asyncio.sleep(READY_POLL_S)
        child.ready = True
        if child.is_ready:
            return
        silence_s = 0.0
        while silence_s < SILENCE_S_MAX:
            await asyncio.sleep(ASK_INTERVAL_S if not silence_s else READY_POLL_S)
            asked_s = monotonic()
            answered = await self._answers(child)
            took_s = min(monotonic() - asked_s, ASK_TIMEOUT_S) + READY_POLL_S
            silence_s = 0.0 if answered else silence_s + took_s
        self._log.error(
            "not-answering",
            service=child.name,
            **child.port(),
            pid=process.pid,
            for_s=SILENCE_S_MAX,
        )
        with suppress(ProcessLookupError):
            process.kill()

    async def _is_ready(self, child: Child, pid: int) -> bool:
        if child.is_ready:
            return child.is_ready(pid)
        if child.shares_port:
            return _heard(child)
        return await self._status(f"{child.url}/readyz") == _OK

    async def _answers(self, child: Child) -> bool:
        if child.shares_port:
            return _heard(child)
        return await self._status(f"{child.url}/healthz") is not None

    async def _status(self, url: str) -> int | None:
        """Return what a child answers, whatever it is, or None."""
        try:
            return (await self._client.get(url).build().send()).status
        except RequestError:
            heed_cancel()
            return None

    async def stop(self) -> None:
        """Stop the children, the last ones started first; each finishes what is in flight.

        Those of one name that were started one after the other are stopped together.
        """
        async with self._spawning:  # so that no child starts unseen
            for child in reversed(self._children):
                if child.keeper is not None:
                    child.keeper.cancel()
        for _name, alike in groupby(reversed(self._children), lambda child: child.name):
            await asyncio.gather(*(_stop(child) for child in alike))
        await self._client.close()
        os.close(self._write_fd)
        os.close(self._read_fd)


def _new_pulse(child: Child) -> int:
    """Open a pipe on which a child is heard; return its end of it."""
    if child.pulse_fd is not None:
        os.close(child.pulse_fd)
    child.pulse_fd, write_fd = os.pipe()
    os.set_blocking(child.pulse_fd, False)
    return write_fd


def _heard(child: Child) -> bool:
    """Tell whether a child said something since this was asked last."""
    assert child.pulse_fd is not None
    with suppress(BlockingIOError):
        return bool(os.read(child.pulse_fd, PULSES_BYTES_MAX))
    return False


async def _stop(child: Child) -> None:
    process = child.process
    if process is not None and process.returncode is None:
        process.send_signal(child.stop_signal)
        try:
            await asyncio.wait_for(process.wait(), child.stop_timeout_s)
        except TimeoutError:
            process.kill()
            await process.wait()
    if child.pulse_fd is not None:
        os.close(child.pulse_fd)
        child.pulse_fd = None
