"""A PostgreSQL of our own: made whole, reached by its owner alone, and never left behind."""

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from bazar.kit.errors import StartupError
from bazar.kit.process.postgres_server import (
    SOCKET_PATH_BYTES_MAX,
    STOP_SIGNAL,
    PostgresServer,
    end_orphan,
    prepare,
)
from support.postgres import RELEASES, needing_postgres
from support.processes import STOP_TIMEOUT_S, environment, process_stat, wait_for

PARENT = """
import subprocess, sys, time
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
print(child.pid, flush=True)
time.sleep(60)
"""
END = """
import pathlib, sys
from bazar.kit.process.postgres_server import end_orphan
end_orphan(pathlib.Path(sys.argv[1]))
"""


@contextmanager
def run(server: PostgresServer) -> Iterator[int]:
    """Run a server, and stop it at the end; give its pid."""
    process = subprocess.Popen(server.command({"fsync": "off"}), start_new_session=True)
    try:
        wait_for("it is ready", lambda: server.is_ready(process.pid))
        yield process.pid
    finally:
        process.send_signal(STOP_SIGNAL)
        assert 0 == process.wait(STOP_TIMEOUT_S)


@pytest.fixture(params=sorted(RELEASES.values()))
def server(request: pytest.FixtureRequest, tmp_path: Path) -> PostgresServer:
    """Make a folder with each release."""
    with needing_postgres():
        return prepare(tmp_path / "postgres", ["catalog", "order"], version=request.param)


async def test_a_new_server_has_its_databases(server: PostgresServer) -> None:
    """They hold Unicode; a second start finds what the first one left, and makes nothing."""
    with run(server):
        catalog = await asyncpg.connect(server.url("catalog"))
        await catalog.execute("CREATE TABLE kept (word text)")
        await catalog.execute("INSERT INTO kept VALUES ('été')")
        assert "ÉTÉ" == await catalog.fetchval("SELECT upper(word) FROM kept")
        await catalog.close()
        order = await asyncpg.connect(server.url("order"))
        assert "order" == await order.fetchval("SELECT current_database()")
        await order.close()
    again = prepare(server.data.parent, ["not", "these"])
    assert server == again
    with run(again):
        catalog = await asyncpg.connect(server.url("catalog"))
        assert "été" == await catalog.fetchval("SELECT word FROM kept")
        assert [("catalog",), ("order",), ("postgres",)] == [
            tuple(row)
            for row in await catalog.fetch(
                "SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY datname"
            )
        ]
        await catalog.close()


async def test_only_its_owner_reaches_it(server: PostgresServer) -> None:
    """It listens on no port, and nobody else may enter the folders of its socket and its data."""
    with run(server):
        catalog = await asyncpg.connect(server.url("catalog"))
        assert "" == await catalog.fetchval("SHOW listen_addresses")
        await catalog.close()
        for folder in (server.sockets, server.data, server.data.parent):
            assert 0o700 == stat.S_IMODE(folder.stat().st_mode)
            assert os.geteuid() == folder.stat().st_uid


def test_a_server_ends_when_its_parent_is_killed(server: PostgresServer) -> None:
    """Nobody is left to stop it then, so the kernel does; it shuts down in good order."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, *server.command()],
        stdout=subprocess.PIPE,
        env=environment(),
        start_new_session=True,
    )
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        wait_for("it is ready", lambda: server.is_ready(pid))
        parent.kill()
    try:
        wait_for("its end", lambda: process_stat(pid) is None)
    finally:
        end_orphan(server.data)
    assert not (server.data / "postmaster.pid").exists()


def test_one_that_was_left_behind_is_stopped(server: PostgresServer) -> None:
    """Where no kernel stops it, the next start does; no other process is taken for it."""
    left = subprocess.Popen(server.command(), start_new_session=True)
    wait_for("it is ready", lambda: server.is_ready(left.pid))
    told = (server.data / "postmaster.pid").read_text("utf-8")
    ending = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    )
    reaping = subprocess.Popen(  # this process must wait for its child, or it stays a zombie
        [sys.executable, "-c", END, str(server.data)], env=environment()
    )
    assert 0 == left.wait(STOP_TIMEOUT_S)
    assert 0 == reaping.wait(STOP_TIMEOUT_S)
    (server.data / "postmaster.pid").write_text(told.replace(str(left.pid), str(ending.pid), 1))
    end_orphan(server.data)
    assert ending.poll() is None
    ending.communicate(timeout=STOP_TIMEOUT_S)
    assert 0 == ending.returncode


def test_a_long_path_has_its_socket_elsewhere(tmp_path: Path) -> None:
    """The system bounds a socket's path, but no folder's; the other folder is as closed."""
    folder = tmp_path / ("long" * 20) / ("longer" * 20)
    server = prepare(folder, [])
    try:
        assert len(str(server.sockets / ".s.PGSQL.5432")) <= SOCKET_PATH_BYTES_MAX
        assert 0o700 == stat.S_IMODE(server.sockets.stat().st_mode)
        assert server == prepare(folder, [])
        with run(server):
            assert (server.sockets / ".s.PGSQL.5432").is_socket()
    finally:
        server.sockets.rmdir()


def test_a_socket_goes_nowhere_that_somebody_else_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder that all may write to, somebody may have been there first."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = tmp_path / ("long" * 20) / ("longer" * 20)
    sockets = prepare(folder, []).sockets
    sockets.rmdir()
    sockets.symlink_to(tmp_path)
    with pytest.raises(StartupError, match="belongs to somebody else"):
        prepare(folder, [])


def test_a_folder_is_made_whole_or_not_at_all(tmp_path: Path) -> None:
    """What a start left that was killed half-way is made anew; what fails is told in one line."""
    folder = tmp_path / "postgres"
    (folder / "unfinished").mkdir(parents=True)
    (folder / "unfinished" / "PG_VERSION").write_text("12")
    with pytest.raises(StartupError, match=r'postgres failed: .*"twice" already exists'):
        prepare(folder, ["twice", "twice"])
    assert not (folder / "data").exists()
    assert (folder / "data") == prepare(folder, ["once"]).data
    assert not (folder / "unfinished").exists()
