"""A shop that moves from SQLite to PostgreSQL: all of it arrives, once, and only whole."""

import asyncio
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import asyncpg
import pytest

from bazar.kit.data import postgres_tables
from bazar.kit.data.migrate import migrate
from bazar.kit.data.moved import MOVED_FILE
from bazar.kit.data.postgres import PostgresDatabase
from bazar.kit.data.postgres_opening import check_postgres, make_database
from bazar.kit.data.postgres_tables import filling
from bazar.kit.errors import StartupError
from bazar.kit.lock import hold
from bazar.mover.copying import ROWS
from bazar.mover.plan import ORDER, PROOF, Service
from bazar.mover.state import State
from support.moving import Rows, asked, change, database_at, kept, moved, new_home, small_shop
from support.postgres import RELEASES
from support.processes import BAZAR, environment

MORE = 5000
"""More rows than go in two transactions."""
_MORE_ORDERS = f"""
WITH RECURSIVE numbers (n) AS (SELECT 100 UNION ALL SELECT n + 1 FROM numbers WHERE n < {MORE})
INSERT INTO orders (sequence, order_id, idempotency_key, kind, status, settled, placed_at_ms)
SELECT n, 'Z' || n, 'key-' || n, 'purchase', 'pending', 0, n FROM numbers;
INSERT INTO order_lines (order_id, line_number, book_id, quantity)
SELECT order_id, 0, 1, 1 FROM orders WHERE sequence >= 100;"""
_ONE_MORE_ORDER = """
INSERT INTO orders (sequence, order_id, idempotency_key, kind, status, settled, placed_at_ms)
VALUES (5, '01E', 'key-e', 'purchase', 'pending', 0, 14);
INSERT INTO order_lines (order_id, line_number, book_id, quantity) VALUES ('01E', 0, 1, 1);"""
_HALT = f"""
CREATE FUNCTION halt() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN new; END $$;
CREATE TRIGGER halt BEFORE UPDATE ON move_state FOR EACH ROW
WHEN (new.table_name = 'orders' AND new.rows = {2 * ROWS}) EXECUTE FUNCTION halt();"""
_HALTED = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return the folder of a small shop."""
    small_shop(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def to() -> Iterator[str]:
    """Give the address of a server."""
    with new_home(max(RELEASES.values())) as to:
        yield to


async def refusal(data: Path, to: str) -> str:
    """Return why a shop is not moved; nothing is noted in its folder then."""
    with pytest.raises(StartupError) as raised:
        await moved(data, to)
    assert not (data / MOVED_FILE).exists()
    return str(raised.value)


async def with_tables(to: str, service: Service) -> None:
    """Make an empty database of a service."""
    await make_database(database_at(to, "postgres"), service.name)
    database = PostgresDatabase(database_at(to, service.name))
    try:
        await migrate(database, service.postgres_schema)
    finally:
        await database.close()


async def halting(to: str) -> Any:  # noqa: ANN401  asyncpg has no types
    """Have a move wait for a lock, which the returned connection holds.

    It waits at the end of its second transaction of orders, when their rows are there.
    """
    await with_tables(to, ORDER)
    async with filling(database_at(to, "order")) as tables:
        await State(tables).begin([PROOF])
    keeper = await asyncpg.connect(database_at(to, "order"))
    await keeper.execute(_HALT)
    await keeper.execute("SELECT pg_advisory_lock(1)")
    return keeper


async def arrived(data: Path, to: str) -> Rows:
    """Move a shop, and return the orders that it has then."""
    await moved(data, to)
    return await asked(to, "order", "SELECT order_id FROM orders")


async def test_a_move_that_was_killed_goes_on_where_it_stopped(data: Path, to: str) -> None:
    """What had arrived stays, half a table too; until all is there no service opens it."""
    change(data / "order.db", _MORE_ORDERS)
    keeper = await halting(to)
    command = [sys.executable, *BAZAR, "move", "--from", f"sqlite:{data}", "--to", to]
    process = subprocess.Popen(command, env=environment())  # noqa: ASYNC220
    try:
        while not await keeper.fetch(_HALTED):
            assert process.poll() is None
    finally:
        process.kill()
        process.wait()
    await keeper.execute("SELECT pg_advisory_unlock(1); DROP FUNCTION halt CASCADE")
    url = database_at(to, "order")
    with pytest.raises(StartupError, match="is not finished"):
        await check_postgres(url, "order")
    written = "SELECT sequence, xmin::text FROM orders ORDER BY sequence"
    first = [tuple(row) for row in await keeper.fetch(written)]
    assert ROWS == len(first)
    await moved(data, to)
    again = [tuple(row) for row in await keeper.fetch(written)]
    assert first == again[: len(first)]
    assert kept(data, "order", "SELECT sequence FROM orders ORDER BY 1") == [(n,) for n, _ in again]
    await keeper.close()
    await check_postgres(url, "order")


async def test_a_connection_that_is_lost_ends_a_move_in_one_line(data: Path, to: str) -> None:
    """It says what happened and what to do, and the next one goes on."""
    change(data / "order.db", _MORE_ORDERS)
    keeper = await halting(to)
    moving = asyncio.create_task(refusal(data, to))
    while not (halted := await keeper.fetchval(_HALTED)):
        assert not moving.done()
    await keeper.execute("SELECT pg_terminate_backend($1)", halted)
    assert re.fullmatch(r"postgresql://bazar@.* failed: .*\. Move again, .*", await moving)
    await keeper.execute("DROP FUNCTION halt CASCADE")
    await keeper.close()
    await moved(data, to)


async def test_two_do_not_move_into_one_database(
    data: Path, to: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes second waits a moment for the first, which may have been killed."""
    monkeypatch.setattr(postgres_tables, "PATIENCE_S", 0.2)
    await with_tables(to, ORDER)
    async with filling(database_at(to, "order")):
        assert "another process fills it" in await refusal(data, to)


async def test_a_second_move_says_that_it_is_done(data: Path, to: str) -> None:
    """It moves nothing; elsewhere the same shop is not moved either."""
    await moved(data, to)
    shown = (data / MOVED_FILE).read_text()
    again = await moved(data, to)
    assert ([], shown) == (again.tables, f"{again.to}\n")
    with pytest.raises(StartupError, match="has moved to"):
        await moved(data, "postgresql://nobody@127.0.0.1:1")
    (data / MOVED_FILE).unlink()
    assert "there is a shop" in await refusal(data, to)


async def test_a_move_that_ended_a_moment_too_early_is_ended(data: Path, to: str) -> None:
    """The old folder is shut before the new databases can be opened, and a second move opens them.

    The other way round both could be open at once.
    """
    await moved(data, to)
    await asked(to, "order", f"UPDATE move_state SET done = FALSE WHERE table_name = '{PROOF}'")
    await asked(to, "order", "DELETE FROM order_events WHERE FALSE")
    await moved(data, to)
    await check_postgres(database_at(to, "order"), "order")


async def test_no_new_database_opens_before_the_old_folder_is_shut(data: Path, to: str) -> None:
    """Where that cannot be noted, the move is not done, however well all the rest went."""
    (data / f"{MOVED_FILE}.new").mkdir()
    assert "directory" in await refusal(data, to)
    for service in ("catalog", "order"):
        with pytest.raises(StartupError, match="is not finished"):
            await check_postgres(database_at(to, service), service)
    (data / f"{MOVED_FILE}.new").rmdir()
    await moved(data, to)
    await check_postgres(database_at(to, "order"), "order")


async def test_the_password_stands_nowhere(data: Path, to: str) -> None:
    """What is noted names user and server."""
    report = await moved(data, to.replace("bazar@", "bazar:hush@") + "&password=hush")
    assert "bazar@" in report.to
    assert "hush" not in report.to + (data / MOVED_FILE).read_text()


@pytest.mark.parametrize("name", ["up.lock", "order.db.lock"])
async def test_a_shop_that_is_open_is_not_moved(data: Path, to: str, name: str) -> None:
    """Neither while it runs as a whole, nor while one service does."""
    with hold(data / name, "it"):
        assert "in use by another process" in await refusal(data, to)


async def test_databases_that_are_in_use_are_not_filled(data: Path, to: str) -> None:
    """A service that has opened an empty database would not see what comes."""
    await with_tables(to, ORDER)
    database = PostgresDatabase(database_at(to, "order"))
    await database.read(lambda transaction: transaction.one("SELECT 1"))
    try:
        assert "services use" in await refusal(data, to)
    finally:
        await database.close()


async def test_a_service_that_opens_meanwhile_stops_a_move(data: Path, to: str) -> None:
    """It asked whether it may just before the move began, and would go on selling."""
    change(data / "order.db", _MORE_ORDERS)
    keeper = await halting(to)
    moving = asyncio.create_task(refusal(data, to))
    while not await keeper.fetchval(_HALTED):
        assert not moving.done()
    database = PostgresDatabase(database_at(to, "order"))
    await database.read(lambda transaction: transaction.one("SELECT 1"))
    try:
        await keeper.execute("SELECT pg_advisory_unlock(1)")
        assert "services use" in await moving
    finally:
        await database.close()
        await keeper.close()


async def test_a_shop_does_not_move_into_another_one(data: Path, to: str) -> None:
    """One row that is there is enough."""
    await with_tables(to, ORDER)
    wish = f"(1, 2, 'a@b.c', 'a@b.c', '{'0' * 32}', 'en', 3, 0)"
    await asked(to, "order", f"INSERT INTO wishes VALUES {wish}")
    assert "there is a shop" in await refusal(data, to)


async def test_tables_of_another_release_are_not_moved(data: Path, to: str) -> None:
    """Older ones are brought up to date by a start of the shop, which does more than that."""
    change(data / "order.db", "DELETE FROM schema_history WHERE number > 3")
    assert "of an older release" in await refusal(data, to)
    change(data / "order.db", "INSERT INTO schema_history VALUES (99, 'later', 1)")
    assert "of a newer release" in await refusal(data, to)


async def test_damaged_rows_are_named(data: Path, to: str) -> None:
    """By table and key, with the reason, and without what is in them; once mended, all moves."""
    change(data / "order.db", _ONE_MORE_ORDER)
    whole = (data / "order.db").read_bytes()
    change(
        data / "order.db",
        """
        PRAGMA ignore_check_constraints = ON;
        UPDATE orders SET status = 'lost' WHERE sequence = 1;
        UPDATE orders SET tracking = char(0) WHERE sequence = 2;
        UPDATE orders SET tracking = CAST(x'ff' AS TEXT) WHERE sequence = 3;
        UPDATE orders SET settled = 1 << 40 WHERE sequence = 4;""",
    )
    reasons = ("orders_status", "0x00", "utf-8", "not of its column's type")
    named = "; ".join(f"sequence {n}: [^;]*{reason}[^;]*" for n, reason in enumerate(reasons, 1))
    assert re.search(f"rows of orders cannot be moved: {named}. Mend them", await refusal(data, to))
    (data / "order.db").write_bytes(whole)
    assert 5 == len(await arrived(data, to))


async def test_rows_whose_keys_are_damaged_are_named(data: Path, to: str) -> None:
    """What is no text is shown as far as it is; what refers to nothing says to what it should."""
    change(
        data / "order.db",
        """
        UPDATE order_lines SET order_id = CAST(x'ff' AS TEXT) WHERE order_id = '01D';
        DELETE FROM orders WHERE order_id = '01B';""",
    )
    told = await refusal(data, to)
    assert "order_id 01B, line_number 0: " in told
    assert 'constraint "order_lines_order"' in told
    assert "order_id \ufffd, line_number 0: " in told


async def test_a_shop_that_was_open_meanwhile_is_found_out(data: Path, to: str) -> None:
    """Rows that have arrived are compared with what the old shop has in the end."""
    change(data / "order.db", "PRAGMA ignore_check_constraints = ON; UPDATE buyers SET open = 7")
    await refusal(data, to)
    change(data / "order.db", "UPDATE buyers SET open = 0; UPDATE orders SET placed_at_ms = 99")
    assert "orders differs at both ends: sequence 1" in await refusal(data, to)


async def test_a_row_too_many_or_too_few_is_found_out(data: Path, to: str) -> None:
    """Whichever end has it, and wherever it stands."""
    change(data / "order.db", "PRAGMA ignore_check_constraints = ON; UPDATE outbox SET tries = -1")
    await refusal(data, to)
    change(data / "order.db", "UPDATE outbox SET tries = 0")
    await asked(to, "order", "DELETE FROM wishes")
    assert "wishes differs at both ends: wish_id 3" in await refusal(data, to)
    change(data / "order.db", "DELETE FROM wishes")
    await asked(to, "order", "DELETE FROM order_lines WHERE book_id = 9")
    assert "order_lines differs at both ends: order_id 01D" in await refusal(data, to)
    change(data / "order.db", "DELETE FROM order_lines WHERE order_id IN ('01C', '01D')")
    assert "order_lines differs at both ends: order_id 01C" in await refusal(data, to)


async def test_what_the_audit_finds_stops_a_move_unless_it_is_wanted(data: Path, to: str) -> None:
    """Copies that no ledger knows of, an order that the catalog did not decide."""
    change(data / "catalog.db", "UPDATE books SET stock = 99 WHERE book_id = 2")
    change(
        data / "order.db", "UPDATE orders SET status = 'confirmed', settled = 1 WHERE sequence = 3"
    )
    told = await refusal(data, to)
    assert "book 2: stock is 99, the ledger sums to 4" in told
    assert "order 01C: it is confirmed, but the catalog says none" in told
    report = await moved(data, to, as_it_is=True)
    assert 2 == len(report.differences)
    await check_postgres(database_at(to, "order"), "order")


async def test_what_a_killed_service_left_in_its_log_is_moved_too(data: Path, to: str) -> None:
    """The newest commits are in the log beside the file, until somebody opens the shop again."""
    copy = data.with_name("copy")
    with closing(apsw.Connection(str(data / "order.db"))) as connection:
        connection.execute("UPDATE orders SET placed_at_ms = 77")
        shutil.copytree(data, copy)
    assert (copy / "order.db-wal").stat().st_size > 0
    await moved(copy, to)
    assert [(77,)] == await asked(to, "order", "SELECT DISTINCT placed_at_ms FROM orders")


async def test_a_server_that_lets_nobody_in_is_named(data: Path, to: str) -> None:
    """With what it says."""
    assert 'role "nobody" does not exist' in await refusal(data, to.replace("bazar@", "nobody@"))


async def test_a_folder_without_a_shop_is_not_moved(tmp_path: Path, to: str) -> None:
    """Nothing is made there."""
    assert "there is no folder" in await refusal(tmp_path / "none", to)
    (tmp_path / "empty").mkdir()
    assert "catalog.db is not there" in await refusal(tmp_path / "empty", to)
    assert [] == list((tmp_path / "empty").glob("*.db*"))
