"""Kills and stops services, and starts again whatever ended, so that the shop is never given up."""

import asyncio
import signal
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic
from types import TracebackType
from typing import Self

from chaos.database import NAME as DATABASE
from chaos.database import DatabaseServer
from chaos.history import Ended, History, Started
from support.running import ThreeServices

WATCH_INTERVAL_S = 0.02


class Supervisor:
    """Keeps the processes of a shop running; `async with` starts its services and watches all."""

    def __init__(
        self, shop: ThreeServices, history: History, database: DatabaseServer | None = None
    ) -> None:
        """Watch this shop, and write every start and unexpected end down.

        Args:
            shop: not started yet.
            history: of the run.
            database: that the shop keeps its data in, if not in files; it is running.
        """
        self._shop = shop
        self._history = history
        self._database = database
        self._killed: set[subprocess.Popen[bytes]] = set()
        self._away_until_s = dict.fromkeys((*shop.names, DATABASE), 0.0)
        self._watch: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start the services, and wait until they are ready."""
        for service in self._shop.names:
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

    async def kill(self, name: str, lasts_s: float) -> None:
        """Kill a service, or the database; it is started again after this time."""
        process = self._process(name)
        self._away_until_s[name] = monotonic() + lasts_s
        self._killed.add(process)
        if name == DATABASE:
            assert self._database is not None
            await asyncio.to_thread(self._database.kill)
        else:
            process.kill()
        await asyncio.sleep(lasts_s)

    async def stop(self, name: str, lasts_s: float) -> None:
        """Stop a service in the middle of whatever it does, and let it go on after this time."""
        if name == DATABASE:
            assert self._database is not None
            self._database.pause()
            await asyncio.sleep(lasts_s)
            self._database.resume()
            return
        process = self._process(name)
        process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(lasts_s)
        process.send_signal(signal.SIGCONT)

    async def crash(self, _name: str, lasts_s: float) -> None:
        """Kill one process of the database, which then recovers by itself."""
        assert self._database is not None
        self._killed.add(self._process(DATABASE))  # it may not survive that, if it recovers already
        self._database.crash()
        await asyncio.sleep(lasts_s)

    def _process(self, name: str) -> subprocess.Popen[bytes]:
        found = self._database.process if name == DATABASE and self._database else None
        return found or self._shop.processes[name]

    async def _keep_running(self) -> None:
        watched = (*self._shop.names, *([DATABASE] if self._database else []))
        while True:
            for name in watched:
                process = self._process(name)
                code = process.poll()
                if code is None or monotonic() < self._away_until_s[name]:
                    continue
                if process not in self._killed and name != DATABASE:
                    self._history.add(Ended(service=name, at_s=monotonic(), code=code))
                await self._start(name)
            await asyncio.sleep(WATCH_INTERVAL_S)

    async def _start(self, name: str) -> None:
        self._history.add(Started(service=name, at_s=monotonic()))
        if name == DATABASE:
            assert self._database is not None
            await asyncio.to_thread(self._database.start)
        else:
            await asyncio.to_thread(self._shop.start, name)


FAULTS: dict[str, Callable[[Supervisor, str, float], Awaitable[None]]] = {
    "kill -9": Supervisor.kill,
    "stop": Supervisor.stop,
    "crash": Supervisor.crash,
}
"""What a process may suffer, by name; a crash is of one of the database's own processes."""
