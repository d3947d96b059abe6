"""Kills and stops services, and starts again whatever ended, so that the shop is never given up."""

import asyncio
import signal
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic
from types import TracebackType
from typing import Self

from chaos.history import Ended, History, Started
from support.processes import SERVICES
from support.running import ThreeServices

WATCH_INTERVAL_S = 0.02


class Supervisor:
    """Keeps the services of a shop running; `async with` starts them and watches them."""

    def __init__(self, shop: ThreeServices, history: History) -> None:
        """Watch this shop, and write every start and unexpected end down."""
        self._shop = shop
        self._history = history
        self._killed: set[subprocess.Popen[bytes]] = set()
        self._away_until_s = dict.fromkeys(SERVICES, 0.0)
        self._watch: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start the services, and wait until they are ready."""
        for service in SERVICES:
            await self._start(service)
        await asyncio.to_thread(self._shop.wait_until_ready)
        self._watch = asyncio.create_task(self._keep_running())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop watching; the shop ends its services itself."""
        assert self._watch is not None
        self._watch.cancel()
        with suppress(asyncio.CancelledError):
            await self._watch

    async def kill(self, service: str, lasts_s: float) -> None:
        """Kill a service; it is started again after this time."""
        process = self._shop.processes[service]
        self._away_until_s[service] = monotonic() + lasts_s
        self._killed.add(process)
        process.kill()
        await asyncio.sleep(lasts_s)

    async def stop(self, service: str, lasts_s: float) -> None:
        """Stop a service in the middle of whatever it does, and let it go on after this time."""
        process = self._shop.processes[service]
        process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(lasts_s)
        process.send_signal(signal.SIGCONT)

    async def _keep_running(self) -> None:
        while True:
            for service in SERVICES:
                process = self._shop.processes[service]
                code = process.poll()
                if code is None or monotonic() < self._away_until_s[service]:
                    continue
                if process not in self._killed:
                    self._history.add(Ended(service=service, at_s=monotonic(), code=code))
                await self._start(service)
            await asyncio.sleep(WATCH_INTERVAL_S)

    async def _start(self, service: str) -> None:
        self._history.add(Started(service=service, at_s=monotonic()))
        await asyncio.to_thread(self._shop.start, service)


FAULTS: dict[str, Callable[[Supervisor, str, float], Awaitable[None]]] = {
    "kill -9": Supervisor.kill,
    "stop": Supervisor.stop,
}
"""What a service may suffer, by name."""
