"""What the PostgreSQL engine promises beyond the contract: locks, limits, errors, and its start."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

import asyncpg
import pytest

from bazar.kit.data import postgres, postgres_connecting, postgres_opening, postgres_pool
from bazar.kit.data.database import KEEPERS, WRITE_S_MAX, Transaction, Work
from bazar.kit.data.postgres import PostgresDatabase
from bazar.kit.data.postgres_opening import check_postgres
from bazar.kit.errors import InvalidRequest, Overloaded, StartupError, Unavailable
from bazar.kit.process.config import without_password
from support.cutting import wire_to
from support.moments import until
from support.notes import bodies, create, note
from support.postgres import RELEASES, server

PASSWORD = "s3cret"


@pytest.fixture(params=RELEASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Make an empty database on each release in turn."""
    return server(RELEASES[request.param]).url(tmp_path / "test.db")


@pytest.fixture
async def database(url: str) -> AsyncIterator[PostgresDatabase]:
    """Open it, with a table of notes and one counter."""
    database = PostgresDatabase(url)
    await database.write(create)
    yield database
    await database.close()


async def session(transaction: Transaction) -> object:
    """Return which session this is."""
    row = await transaction.one("SELECT pg_backend_pid()")
    assert row is not None
    return row[0]


def locking(*names: str, then: asyncio.Barrier | None = None) -> Work[str]:
    """Return a unit that takes locks one after the other, and meets another after the first."""

    async def work(transaction: Transaction) -> str:
        nonlocal then
        for name in names:
            await transaction.lock(name)
            if then is not None:
                meeting, then = then, None
                await meeting.wait()
        return names[0]

    return work


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        ("SELECT 1 / 0", asyncpg.DivisionByZeroError),
        ("SELECT nonsense", asyncpg.UndefinedColumnError),
        ("SELECT 1; SELECT 2", asyncpg.PostgresSyntaxError),
        ("SELECT ?1::bigint", asyncpg.InterfaceError),  # no value
    ],
)
async def test_a_fault_of_a_statement_is_told_at_once_and_costs_no_connection(
    database: PostgresDatabase, fault: str, raised: type[Exception]
) -> None:
    """It is not taken for a server that is away, wherever it happens."""

    async def work(transaction: Transaction) -> None:
        await transaction.all(fault)

    before = [await ask(session) for ask in (database.read, database.scan, database.write)]
    started_s = time.monotonic()
    for ask in (database.read, database.scan, database.write):
        with pytest.raises(raised):
            await ask(work)
    assert time.monotonic() - started_s < 1
    after = [await ask(session) for ask in (database.read, database.scan, database.write)]
    assert before == after


async def test_a_value_of_another_kind_is_a_fault_too(database: PostgresDatabase) -> None:
    """The driver refuses it before anything is sent, and the connection is well."""
    before = await database.read(session)
    with pytest.raises(asyncpg.DataError, match="expected str, got int"):
        await database.read(lambda t: t.one("SELECT body FROM notes WHERE body = ?1", 5))
    assert before == await database.read(session)


async def test_text_cannot_hold_the_character_that_ends_it(database: PostgresDatabase) -> None:
    """NUL is refused by the server, which changes nothing, as a fault of who asked for it."""
    with pytest.raises(InvalidRequest):
        await database.write(note("a\x00b"))
    assert [] == await database.read(bodies)


async def test_rows_are_looked_up_by_their_keys_however_few_there_were_at_first(
    database: PostgresDatabase,
) -> None:
    """A plan that is kept from then on uses the index; only scans may read whole tables."""
    sql = "SHOW enable_seqscan"
    told = [
        await database.write(lambda t: t.one(sql)),
        await database.write(lambda t: t.one(sql), lazy=True),
        await database.read(lambda t: t.one(sql)),
        await database.scan(lambda t: t.one(sql)),
    ]
    assert [("off",), ("off",), ("off",), ("on",)] == told


async def test_a_unit_that_hides_a_failed_statement_is_never_told_to_be_done(
    database: PostgresDatabase,
) -> None:
    """The server would answer its COMMIT with a rollback, and no error."""

    async def hiding(transaction: Transaction) -> None:
        await transaction.run("INSERT INTO notes (body) VALUES ('never')")
        try:
            await transaction.run("SELECT 1 / 0")
        except asyncpg.DivisionByZeroError:
            return

    for lazy in (False, True):
        with pytest.raises((RuntimeError, Unavailable)):
            await database.write(hiding, lazy=lazy)
    assert [] == await database.read(bodies)


async def test_of_two_that_lock_in_each_others_way_one_is_run_again(
    database: PostgresDatabase,
) -> None:
    """The server ends one of the two, and both come to their end."""
    meeting = asyncio.Barrier(2)
    units = [locking("a", "b", then=meeting), locking("b", "a", then=meeting)]
    answers = await asyncio.gather(*(database.write(unit) for unit in units))
    assert ["a", "b"] == answers


async def test_twins_that_look_and_then_insert_find_each_other(database: PostgresDatabase) -> None:
    """Whoever met the other's row in the constraint runs again, and finds it."""
    meeting = asyncio.Barrier(2)
    ran: list[int] = []

    async def twin(transaction: Transaction) -> int:
        ran.append(1)
        found = await transaction.one("SELECT note_id FROM notes WHERE body = 'twin'")
        if len(ran) <= 2:
            await meeting.wait()
        return 0 if found else await transaction.run("INSERT INTO notes (body) VALUES ('twin')")

    assert [0, 1] == sorted(await asyncio.gather(database.write(twin), database.write(twin)))
    assert ["twin"] == await database.read(bodies)


async def test_writes_that_meet_nobody_run_side_by_side(database: PostgresDatabase) -> None:
    """Four at a time: none would end if they did not all run at once."""
    meeting = asyncio.Barrier(postgres.WRITERS)
    units = [locking(str(n), then=meeting) for n in range(postgres.WRITERS)]
    answers = asyncio.gather(*(database.write(unit) for unit in units))
    assert ["0", "1", "2", "3"] == await asyncio.wait_for(answers, 10)


async def test_a_write_that_waits_for_too_long_is_refused(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Definite: it has not begun, and never will."""
    monkeypatch.setattr(postgres, "WAIT_S_MAX", 0.1)
    ready, done = asyncio.Barrier(postgres.WRITERS + 1), asyncio.Event()

    async def holding(transaction: Transaction) -> None:
        await transaction.one("SELECT 1")
        await ready.wait()
        await done.wait()

    held = [asyncio.ensure_future(database.write(holding)) for _ in range(postgres.WRITERS)]
    await ready.wait()
    writing = asyncio.ensure_future(database.write(note("late")))
    await until(lambda: database.waiting() == 1)
    try:
        with pytest.raises(Overloaded, match=r"waited for 0\.1 s behind other writes"):
            await asyncio.wait_for(writing, 5)
    finally:
        done.set()
    await asyncio.gather(*held)
    assert 0 == database.waiting()
    assert [] == await database.read(bodies)


async def test_a_unit_that_takes_too_long_is_cut_and_its_locks_are_free(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends what nobody waits for any more, though nobody told it to."""
    monkeypatch.setattr(postgres_pool, "PATIENCE_S", 0.0)

    async def dawdling(transaction: Transaction) -> None:
        await transaction.lock("a")
        await transaction.one("SELECT pg_sleep(60)")

    with pytest.raises(Unavailable, match=r"no answer within 0\.2 s"):
        await database.write(dawdling, limit_s=0.2)
    assert "a" == await database.write(locking("a"))


async def test_a_read_that_takes_too_long_is_cut(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And asked again, as long as the patience lasts: a server that hangs may be another soon."""
    monkeypatch.setattr(postgres, "READ_S_MAX", 0.2)
    asked: list[int] = []

    async def slow_at_first(transaction: Transaction) -> int:
        asked.append(1)
        await transaction.one("SELECT pg_sleep(?1)", 60.0 if len(asked) == 1 else 0.0)
        return len(asked)

    assert 2 == await database.read(slow_at_first)


async def test_a_process_that_hangs_in_a_transaction_keeps_nobody_out(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its session ends with all its locks; when it goes on, it runs again."""
    monkeypatch.setattr(postgres, "WRITER", dict.fromkeys(postgres.WRITER, "100ms"))
    other, hanging = PostgresDatabase(url), PostgresDatabase(url)
    holds, go_on = asyncio.Event(), asyncio.Event()
    runs: list[int] = []

    async def hang(transaction: Transaction) -> None:
        runs.append(1)
        await transaction.lock("a")
        holds.set()
        await go_on.wait()

    held = asyncio.ensure_future(hanging.write(hang))
    await holds.wait()
    assert "a" == await other.write(locking("a"))
    go_on.set()
    await held
    assert [1, 1] == runs
    await asyncio.gather(other.close(), hanging.close())


async def test_the_server_ends_a_scan_that_nobody_waits_for(database: PostgresDatabase) -> None:
    """However many leave, soon none of their statements runs any more."""

    async def sleeping(transaction: Transaction) -> None:
        await transaction.one("SELECT pg_sleep(60)")

    sql = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = ?1"

    async def asleep() -> object:
        row = await database.read(lambda t: t.one(sql, "active"))
        assert row is not None
        return row[0]

    scans = [asyncio.ensure_future(database.scan(sleeping, KEEPERS)) for _ in range(4)]
    give_up_s = time.monotonic() + 10
    while await asleep() != KEEPERS.threads:
        assert time.monotonic() < give_up_s, "they do not begin"
    for scan in scans:
        scan.cancel()
    while await asleep() != 0:
        assert time.monotonic() < give_up_s, "they do not end"


async def test_closing_refuses_what_comes_later(database: PostgresDatabase) -> None:
    """Whoever asks a closed database is told so at once, and a second close does no harm."""
    await database.close()
    await database.close()
    for ask in (database.read, database.scan, database.write):
        with pytest.raises(Unavailable, match="the database is closing"):
            await ask(bodies)


async def test_closing_cuts_a_write_that_does_not_end(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for it for ever, neither its caller nor who waits for its turn."""
    monkeypatch.setattr(postgres, "CLOSE_S_MAX", 0.1)
    started_s = time.monotonic()

    async def endless(transaction: Transaction) -> None:
        await transaction.one("SELECT pg_sleep(60)")

    writes = [asyncio.ensure_future(database.write(endless)) for _ in range(postgres.WRITERS + 3)]
    await until(lambda: database.waiting() == 3)
    await database.close()
    assert time.monotonic() - started_s < WRITE_S_MAX / 2
    answers = await asyncio.gather(*writes, return_exceptions=True)
    assert [Unavailable] * len(writes) == [type(answer) for answer in answers]
    assert 0 == database.used()


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (
            f"postgresql://u:{PASSWORD}@localhost:1/shop",
            r"localhost:1/shop cannot .*(refused|failed)",
        ),
        (
            f"postgresql://u:{PASSWORD}@/shop?host=/nowhere",
            "postgresql://u@/shop cannot be used: No such file",
        ),
        (f"postgresql://u:{PASSWORD}/@localhost/shop", "its address is not valid"),
        (f"postgresql://u:?{PASSWORD}@localhost/shop", "postgresql:// cannot be used: "),
        (f"postgresql://u:{PASSWORD}@localhost:port/shop", "its address is not valid"),
        (f"mysql://u:{PASSWORD}@localhost/shop", "its address is not valid"),
        (f"postgresql://[u:{PASSWORD}@localhost/shop", "its address is not valid"),
        (f"postgresql://u:{PASSWORD}@localhost/shop?sslmode=perhaps", "its address is not valid"),
    ],
)
async def test_a_database_that_cannot_be_reached_is_told_in_one_line(
    address: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says why, and no password, in whatever way the address is wrong."""
    monkeypatch.setattr(postgres_opening, "PATIENCE_S", 0.1)
    with pytest.raises(StartupError, match=reason) as raised:
        await check_postgres(address, without_password(address))
    assert PASSWORD not in str(raised.value)
    assert "\n" not in str(raised.value)


async def test_closing_waits_for_no_unit_that_waits_for_something_else(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a unit is a fault; it changes nothing, and its caller is not left waiting."""
    monkeypatch.setattr(postgres, "CLOSE_S_MAX", 0.1)
    begun = asyncio.Event()

    async def dawdling(transaction: Transaction) -> None:
        await transaction.one("SELECT 1")
        begun.set()
        await asyncio.Event().wait()

    writing = asyncio.ensure_future(database.write(dawdling))
    await begun.wait()
    await database.close()
    with pytest.raises(asyncio.CancelledError):
        await writing


async def test_a_server_that_takes_no_writes_is_none_of_ours(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as a standby; unless the address says that any will do."""
    monkeypatch.setattr(postgres_pool, "PATIENCE_S", 0.1)
    owner = await asyncpg.connect(url)
    name = urlsplit(url).path[1:]
    await owner.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    for address in (url, f"{url}&target_session_attrs=any"):
        database = PostgresDatabase(address)
        if address == url:
            with pytest.raises(Unavailable, match="it does not take writes"):
                await database.read(session)
        else:
            await database.read(session)
        await database.close()
    await owner.close()


async def test_of_several_hosts_one_that_works_is_taken(url: str) -> None:
    """However the others fail: one is not there, one hangs; in whatever order, and at once."""
    query = dict(parse_qsl(urlsplit(url).query))
    path = urlsplit(url).path
    async with wire_to(url) as (_wire, hung):
        silent = dict(parse_qsl(urlsplit(hung).query))["host"]
        hanging: list[asyncio.StreamWriter] = []
        hangs = await asyncio.start_unix_server(
            lambda _reader, writer: hanging.append(writer), Path(silent) / ".s.PGSQL.5433"
        )
        for hosts in ((query["host"], silent, "/nowhere"), (silent, "/nowhere", query["host"])):
            ports = ",".join("5433" if host == silent else "5432" for host in hosts)
            started_s = time.monotonic()
            database = PostgresDatabase(
                f"postgresql://bazar@{path}?host={quote(','.join(hosts))}&port={ports}"
            )
            assert (1,) == await database.read(lambda t: t.one("SELECT 1"))
            assert time.monotonic() - started_s < postgres_connecting.CONNECT_TIMEOUT_S / 2
            await database.close()
        hangs.close()
        for writer in hanging:
            writer.transport.abort()
