"""PostgreSQL for a run of tests: one server of each release, and databases of a moment on it.

The first test that needs a release starts its server, which `stop_servers` ends. A path that a
test gives names a database, as it names a file of SQLite; `drop_databases` forgets them all. A
schema is applied once, to a template that its databases are copies of.
"""

import asyncio
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest

from bazar.kit.errors import StartupError
from bazar.kit.process.postgres_server import STOP_SIGNAL, STOP_TIMEOUT_S, prepare
from support.processes import START_TIMEOUT_S, wait_for

RELEASES = {"postgresql-15": 15, "postgresql-18": 18}
"""The oldest that is known to do, and the newest, by the names of their engines."""
FAST = {"fsync": "off", "full_page_writes": "off"}
"""No test here cuts the power."""
_ANSWER_TIMEOUT_S = 30.0
T = TypeVar("T")
Fill = Callable[[str], Awaitable[None]]
"""Fills the database at an address."""


class Server:
    """A server of one release, and the databases on it that exist for a test."""

    def __init__(self, release: int) -> None:
        """Start it in a folder that goes with it.

        Raises:
            StartupError: the release is not on this machine.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="bazar-postgres-"))
        self._urls: dict[Path, str] = {}
        self._templates: set[str] = set()
        self._made = 0
        try:
            self._server = prepare(self.folder, [], version=release)
        except StartupError:
            shutil.rmtree(self.folder)
            raise
        self._log = (self.folder / "log").open("wb")
        self._process = subprocess.Popen(
            self._server.command(FAST),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        wait_for(
            f"PostgreSQL {release} is ready",
            lambda: self._server.is_ready(self._process.pid),
            START_TIMEOUT_S,
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="postgres", daemon=True)
        self._thread.start()
        self._keeper = self._wait(asyncpg.connect(self._server.url("postgres")))

    def url(self, path: Path, schema: str = "", fill: Fill | None = None) -> str:
        """Return the address of the database that a path names, made where it is new.

        Args:
            path: of the test; the same one names the same database.
            schema: the name of what the database holds when it is new; empty: nothing.
            fill: makes the template of that schema.
        """
        if path not in self._urls:
            template = "template0" if fill is None else self._template(schema, fill)
            self._made += 1
            name = f"test_{self._made}"
            self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
            self._urls[path] = self.url_of(name)
        return self._urls[path]

    def url_of(self, name: str) -> str:
        """Return the address of a database by its name."""
        return self._server.url(name)

    def execute(self, sql: str) -> None:
        """Run a statement as the one who may do everything."""
        self._wait(self._keeper.execute(sql))

    def drop(self) -> None:
        """Drop the databases of a test, whoever still uses them."""
        for path in list(self._urls):
            name = self._urls.pop(path).partition("?")[0].rpartition("/")[2]
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def stop(self) -> None:
        """Stop the server, and remove its folder."""
        self._wait(self._keeper.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._process.send_signal(STOP_SIGNAL)
        self._process.wait(STOP_TIMEOUT_S)
        self._log.close()
        shutil.rmtree(self.folder)

    def _template(self, schema: str, fill: Fill) -> str:
        name = f"template_{schema.replace('.', '_')}"
        if name not in self._templates:
            self.execute(f"CREATE DATABASE {name} TEMPLATE template0")
            self._wait(fill(self._server.url(name)))
            self._templates.add(name)
        return name

    def _wait(self, doing: Awaitable[T]) -> T:
        """Have something done in the server's own loop: tests have loops of a moment."""

        async def whole() -> T:
            return await doing

        work: Coroutine[Any, Any, T] = whole()
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_ANSWER_TIMEOUT_S)


_servers: dict[int, Server] = {}


def server(release: int) -> Server:
    """Return the running server of a release; skip where it is missing, in CI fail."""
    if release not in _servers:
        with needing_postgres():
            _servers[release] = Server(release)
    return _servers[release]


@contextmanager
def needing_postgres() -> Iterator[None]:
    """Skip where a release is missing; in CI fail."""
    try:
        yield
    except StartupError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


def drop_databases() -> None:
    """Drop the databases of a test on every server."""
    for running in _servers.values():
        running.drop()


def stop_servers() -> None:
    """Stop every server."""
    while _servers:
        _servers.popitem()[1].stop()
