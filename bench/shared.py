"""The same shop on a PostgreSQL of its own, with one or more processes of the storing services."""

import sys
from collections.abc import Sequence
from pathlib import Path

from bench.client import succeeds
from bench.load import Load
from bench.processes import free_ports, free_runs
from bench.rows import MANY_BOOKS, Group
from bench.systems import LOOPBACK, Bazar, Target

ROW_LENGTH = 8
"""Ports for each service: replicas take the next ones."""
DATABASE = "postgresql"
COMPARED: tuple[Load, ...] = (MANY_BOOKS,)
"""What is asked of it beside the shop on SQLite."""


class Shared(Bazar):
    """A shop whose catalogs share a database, and whose order services share another."""

    replicas = 1
    come_and_go = frozenset({DATABASE})

    def __init__(self, folder: Path) -> None:
        """Take a folder that does not exist yet."""
        super().__init__(folder)
        self.ports = free_runs(3, ROW_LENGTH)
        front, catalog, order = self.ports
        self.urls = [
            f"http://{LOOPBACK}:{front}",
            *(
                ",".join(f"http://{LOOPBACK}:{first + more}" for more in range(self.replicas))
                for first in (catalog, order)
            ),
        ]

    def options(self) -> Sequence[str]:
        """Return what makes the shop start a PostgreSQL, and replicas."""
        return ["--database", DATABASE, "--replicas", str(self.replicas)]

    def targets(self, group: Group) -> Sequence[Target]:
        """Return the purchases: reads come from the front's memory, whatever is behind it."""
        return [one for one in super().targets(group) if one.load in COMPARED]

    def label(self, root: str, command: Sequence[str]) -> str:
        """Name a service by its name, and everything of PostgreSQL by that."""
        is_postgres = bool(command) and ("postgres" in command[0] or "postgres" in command[-1])
        serves = "serve" in command
        return DATABASE if is_postgres and not serves else super().label(root, command)

    def more_fronts(self, count: int) -> list[str]:
        """Start more fronts, wait until they are ready, and return the addresses of all."""
        front, catalogs, orders = self.urls
        urls = [front]
        for number, port in enumerate(free_ports(count), 2):
            command = [sys.executable, "-m", "bazar", "serve", "front", "--port", str(port)]
            command += ["--catalog", catalogs, "--order", orders]
            command += ["--data", str(self.folder / f"front-{number}")]
            command += ["--secret-file", str(self.data / "secret")]
            self.processes.start(f"front-{number}", command)
            urls.append(f"http://{LOOPBACK}:{port}")
        self.processes.wait_until("the fronts", lambda: all(succeeds(f"{u}/readyz") for u in urls))
        return urls


class One(Shared):
    """One process of each service."""

    name = "postgres x1"


class Two(Shared):
    """Two catalogs and two order services."""

    name = "postgres x2"
    replicas = 2
