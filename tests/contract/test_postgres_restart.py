"""A PostgreSQL that stops, dies or hangs under load: nothing that was acknowledged is lost."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bazar.kit.data import postgres, postgres_pool
from bazar.kit.data.database import Transaction, Work
from bazar.kit.data.postgres import PostgresDatabase
from bazar.kit.errors import Unavailable
from bazar.kit.process.postgres_server import STOP_SIGNAL, prepare
from support.moments import until
from support.notes import bodies, create
from support.postgres import RELEASES, needing_postgres
from support.processes import START_TIMEOUT_S, all_gone, children_of, wait_for

CLIENTS = 8


class Restartable:
    """A server of its own, with one database, that a test may do anything to."""

    def __init__(self, release: int) -> None:
        """Start it."""
        self._folder = Path(tempfile.mkdtemp(prefix="bazar-postgres-"))
        with needing_postgres():
            self._server = prepare(self._folder, ["notes"], version=release)
        self.url = self._server.url("notes")
        self.start()
        self.wait()

    def start(self) -> None:
        """Start it, in the main thread: it ends with the thread that started it."""
        self._process = subprocess.Popen(
            self._server.command(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def wait(self) -> None:
        """Wait until it is ready."""
        pid = self._process.pid
        wait_for("PostgreSQL is ready", lambda: self._server.is_ready(pid), START_TIMEOUT_S)

    def end(self, how: signal.Signals) -> None:
        """End it, and wait until it and all its processes have ended."""
        processes = children_of(self._process.pid)
        self._process.send_signal(how)
        self._process.wait(START_TIMEOUT_S)
        all_gone(processes, START_TIMEOUT_S)

    def signal_all(self, what: signal.Signals) -> None:
        """Send a signal to it and to all its processes."""
        for pid in [self._process.pid, *(one.pid for one in children_of(self._process.pid))]:
            os.kill(pid, what)

    def remove(self) -> None:
        """Stop it, and remove all that it kept."""
        self.end(STOP_SIGNAL)
        shutil.rmtree(self._folder)


@pytest.fixture(scope="module", params=RELEASES)
def restartable(request: pytest.FixtureRequest) -> Iterator[Restartable]:
    """Start a server of each release in turn."""
    server = Restartable(RELEASES[request.param])
    yield server
    server.remove()


@pytest.fixture
async def database(restartable: Restartable) -> AsyncIterator[PostgresDatabase]:
    """Open its database, with an empty table of notes and a log of every run."""
    database = PostgresDatabase(restartable.url)
    await database.write(lambda t: t.script("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
    await database.write(create)
    await database.write(lambda t: t.script("CREATE TABLE runs (body TEXT NOT NULL)"))
    yield database
    await database.close()


def keyed(body: str) -> Work[int]:
    """Return a unit that writes a note once, however often it runs."""
    sql = "INSERT INTO notes (body) VALUES (?1) ON CONFLICT (body) DO NOTHING"
    return lambda transaction: transaction.run(sql, body)


def counted(body: str) -> Work[int]:
    """Return a unit that writes a row each time it is committed."""
    return lambda transaction: transaction.run("INSERT INTO runs (body) VALUES (?1)", body)


async def rows(transaction: Transaction) -> list[str]:
    """Return what was counted."""
    return [str(row[0]) for row in await transaction.all("SELECT body FROM runs")]


class Load:
    """Clients that write until they are told to stop, and remember what they were answered."""

    def __init__(self, database: PostgresDatabase) -> None:
        """Begin."""
        self._database = database
        self._stopped = False
        self.kept: set[str] = set()
        self.counted: set[str] = set()
        self.failed: set[str] = set()
        """Of those that may not run twice, the ones of which nobody knows."""
        self._clients = [asyncio.ensure_future(self._client(name)) for name in range(CLIENTS)]

    async def _client(self, name: int) -> None:
        number = 0
        while not self._stopped:
            number += 1
            body = f"{name}-{number}"
            while body not in self.kept:
                try:
                    await self._database.write(keyed(body), idempotent=True)
                except Unavailable:
                    continue  # as a client with a key does
                self.kept.add(body)
            try:
                await self._database.write(counted(body))
                self.counted.add(body)
            except Unavailable:
                self.failed.add(body)

    async def grown(self, by: int) -> None:
        """Wait until so many more were answered."""
        wanted = len(self.counted) + by
        await until(lambda: len(self.counted) >= wanted, START_TIMEOUT_S)

    async def stop(self) -> None:
        """Wait for the last answers."""
        self._stopped = True
        await asyncio.gather(*self._clients)


@pytest.mark.parametrize("how", [signal.SIGKILL, STOP_SIGNAL])
async def test_a_restart_under_load_loses_nothing_and_doubles_nothing(
    restartable: Restartable, database: PostgresDatabase, how: signal.Signals
) -> None:
    """What was acknowledged is there, once; of the rest each is there once or not at all."""
    load = Load(database)
    await load.grown(50)
    await asyncio.to_thread(restartable.end, how)
    restartable.start()
    await asyncio.to_thread(restartable.wait)
    await load.grown(50)
    await load.stop()
    assert load.kept == set(await database.read(bodies))
    found = await database.read(rows)
    assert len(set(found)) == len(found)
    assert load.counted <= set(found) <= load.counted | load.failed


async def test_a_server_that_hangs_is_given_up_and_found_again(
    restartable: Restartable, database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for it for longer than the limits say, and nothing is doubled afterwards."""
    monkeypatch.setattr(postgres, "READ_S_MAX", 0.3)
    monkeypatch.setattr(postgres_pool, "PATIENCE_S", 0.3)
    await database.read(bodies)
    await database.write(keyed("before"))
    restartable.signal_all(signal.SIGSTOP)
    try:
        started_s = time.monotonic()
        reading = asyncio.ensure_future(database.read(bodies))
        writing = asyncio.ensure_future(database.write(keyed("while"), limit_s=0.3))
        for asked in (reading, writing):
            with pytest.raises(Unavailable, match="cannot be reached: no answer within"):
                await asked
        assert time.monotonic() - started_s < 3
    finally:
        restartable.signal_all(signal.SIGCONT)
    assert 1 == await database.write(keyed("after"), idempotent=True)
    assert ["before", "after"] == await database.read(bodies)
