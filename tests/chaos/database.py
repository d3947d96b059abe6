"""A PostgreSQL of the storm's own: killed, crashed and stopped while a shop works on it."""

import os
import random
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from bazar.kit.process.postgres_server import PORT, STOP_TIMEOUT_S, prepare
from support.processes import START_TIMEOUT_S, Running, children_of, wait_for

NAME = "database"
"""What a fault calls it."""
_LOG = "postgres.log"


class DatabaseServer:
    """One server with a database for the catalogs and one for the order services.

    It keeps its word about flushes: what it has told a service must outlive a kill.
    """

    def __init__(self, folder: Path, databases: Sequence[str] = ("catalog", "order")) -> None:
        """Make its folder, which takes a second; a `with` starts it.

        Raises:
            StartupError: there is no PostgreSQL on this machine.
        """
        self._server = prepare(folder / "postgres", databases)
        self._log = folder / _LOG
        self.process: subprocess.Popen[bytes] | None = None
        self.socket = self._server.sockets / f".s.PGSQL.{PORT}"

    def __enter__(self) -> Self:
        """Start it, and wait until it takes connections."""
        self.start()
        wait_for("PostgreSQL is ready", self.ready, START_TIMEOUT_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it, whatever state it is in; one that recovers might not stop when it is told to."""
        self.kill()

    def start(self) -> None:
        """Start it, and wait for nothing."""
        with self._log.open("ab") as output:
            self.process = subprocess.Popen(
                self._server.command(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def url(self, database: str) -> str:
        """Return the address of one of its databases."""
        return self._server.url(database)

    def ready(self) -> bool:
        """Tell whether it takes connections; after a crash it says so before it does."""
        return self.process is not None and self._server.is_ready(self.process.pid)

    def kill(self) -> None:
        """Kill all of it, so that nothing which it had not flushed is left."""
        assert self.process is not None
        found = self._processes()
        self.process.kill()
        for child in found:
            _send(child, signal.SIGKILL)
        self.process.wait(STOP_TIMEOUT_S)

    def crash(self) -> None:
        """Kill one of its processes: the others throw away what they were at, and it recovers."""
        if found := self._processes():
            _send(random.choice(found), signal.SIGKILL)

    def pause(self) -> None:
        """Let it stand still in the middle of whatever it does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)  # so that no more are made
        for child in self._processes():
            _send(child, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self.process is not None
        for child in self._processes():
            _send(child, signal.SIGCONT)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)

    def _processes(self) -> list[Running]:
        assert self.process is not None
        return children_of(self.process.pid) if self.process.poll() is None else []


def address(url: str, database: str) -> str:
    """Return the address of a database behind a link.

    Args:
        url: of the link's near end.
        database: its name.
    """
    return f"postgresql://bazar@{url.removeprefix('http://')}/{database}?sslmode=disable"


def _send(process: Running, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        if process.alive():
            os.kill(process.pid, number)
