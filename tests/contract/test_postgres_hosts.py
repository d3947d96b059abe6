"""An address of several hosts: who of them is taken while they fail and take each other's place."""

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

import asyncpg
import pytest

from bazar.kit.data import postgres_connecting, postgres_pool
from bazar.kit.data.postgres_connecting import Away, Connection, connect
from bazar.kit.process.postgres_server import STOP_SIGNAL, STOP_TIMEOUT_S, PostgresServer, prepare
from support.cutting import wire_to
from support.moments import until
from support.postgres import RELEASES, needing_postgres, server
from support.processes import START_TIMEOUT_S, wait_for

PATIENT_S = 60.0
CROWD = 8
WITHIN_S = 20.0
NOWHERE = "/nowhere"


def socket_of(url: str) -> str:
    """Return the folder of the socket in an address."""
    return dict(parse_qsl(urlsplit(url).query))["host"]


def several(url: str, *folders: str) -> str:
    """Return the address of a database on several hosts, by the folders of their sockets."""
    return f"postgresql://bazar@{urlsplit(url).path}?host={quote(','.join(folders))}&port=5432"


@pytest.mark.parametrize("release", RELEASES.values())
async def test_who_said_no_is_asked_again_while_another_says_nothing(
    release: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dead primary is silent for long; the standby takes its place long before that is over."""
    monkeypatch.setattr(postgres_connecting, "CONNECT_TIMEOUT_S", PATIENT_S)
    url = server(release).url(tmp_path / "shared")
    hanging: list[asyncio.StreamWriter] = []
    async with (
        asyncio.timeout(WITHIN_S),
        wire_to(url) as (wire, standby),
        wire_to(url) as (_, dead),
    ):
        folder = Path(socket_of(dead))
        (folder / ".s.PGSQL.5432").unlink()
        silent = await asyncio.start_unix_server(
            lambda _reader, writer: hanging.append(writer), folder / ".s.PGSQL.5432"
        )
        wire.refuses = True
        opening = asyncio.create_task(connect(several(url, str(folder), socket_of(standby))))
        try:
            await until(lambda: wire.refused > 1 and len(hanging) == 1)
            wire.refuses = False
            connection = await opening
            assert 1 == await connection.fetchval("SELECT 1")
            await connection.close()
        finally:
            opening.cancel()
            silent.close()
            for writer in hanging:
                writer.transport.abort()


async def test_one_looks_for_all_whether_a_server_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crowd of those who wait does not become a crowd at a server that starts."""
    for pause in ("PAUSE_S_FIRST", "PAUSE_S_MAX"):
        monkeypatch.setattr(postgres_pool, pause, 0.0)
    url = server(max(RELEASES.values())).url(tmp_path / "crowded")
    async with asyncio.timeout(WITHIN_S), wire_to(url) as (wire, through):
        pool = postgres_pool.Server(through).pool("tests", CROWD)
        wire.refuses = True
        asking = [
            asyncio.create_task(pool.run(one_row, WITHIN_S, idempotent=True)) for _ in range(CROWD)
        ]
        await until(lambda: wire.refused > CROWD)
        wire.open.clear()
        wire.refuses = False
        await until(lambda: wire.held > 0)
        _, last = await asyncio.open_unix_connection(f"{socket_of(through)}/.s.PGSQL.5432")
        await until(lambda: wire.held > 1)  # whoever came before that one has come
        assert 2 == wire.held
        last.transport.abort()
        wire.open.set()
        assert {1} == set(await asyncio.gather(*asking))
        pool.cut_idle()


async def one_row(connection: Connection) -> int:
    """Ask for a number."""
    return int(await connection.fetchval("SELECT 1"))


@contextmanager
def running(one: PostgresServer) -> Iterator[None]:
    """Run one of several."""
    process = subprocess.Popen(
        one.command(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for("PostgreSQL is ready", lambda: one.is_ready(process.pid), START_TIMEOUT_S)
        yield
    finally:
        process.send_signal(STOP_SIGNAL)
        process.wait(STOP_TIMEOUT_S)


async def timeline(connection: Connection) -> int:
    """Return how often another server took the place of the first, and one."""
    return int(await connection.fetchval("SELECT timeline_id FROM pg_control_checkpoint()"))


@pytest.mark.parametrize("release", RELEASES.values())
async def test_a_primary_that_was_replaced_is_not_used_again(release: int) -> None:
    """It stood still meanwhile, and still takes writes; but what others were told is not there."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bazar-hosts-")))
        with needing_postgres():
            old = prepare(folder / "old", ["notes"], version=release)
        shutil.copytree(folder / "old", folder / "new", symlinks=True)
        new = prepare(folder / "new", ["notes"])
        (new.data / "standby.signal").touch()
        both = several(old.url("notes"), str(old.sockets), str(new.sockets))
        with running(old):
            first = await connect(both)
            assert 1 == await timeline(first)
            await first.close()
        with running(new):
            standby = await asyncpg.connect(new.url("notes"))
            assert await standby.fetchval("SELECT pg_promote()")
            await standby.execute("CHECKPOINT")
            await standby.close()
            second = await connect(both)
            assert 2 == await timeline(second)
            await second.close()
        with running(old), pytest.raises(Away, match="another host has taken its place"):
            await connect(both)


async def test_any_kind_of_server_will_do_where_the_address_says_so(tmp_path: Path) -> None:
    """A standby has no place in the order of primaries, and is not asked for it."""
    url = server(max(RELEASES.values())).url(tmp_path / "any")
    address = several(url, NOWHERE, socket_of(url)) + "&target_session_attrs=any"
    connection = await connect(address)
    assert 1 == await connection.fetchval("SELECT 1")
    await connection.close()
