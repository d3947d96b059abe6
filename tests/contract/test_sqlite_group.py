"""What group commit on SQLite promises beyond the contract: batches, their order, one holder."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bazar.kit.data import group
from bazar.kit.data.database import Database, Transaction, Work
from bazar.kit.data.group import BATCH_MAX, LAZY_DELAY_MAX_S
from bazar.kit.errors import StartupError
from support.engines import ENGINES, Opener
from support.notes import bodies, failing_note, note


@pytest.fixture
def engine() -> Opener:
    """Name SQLite alone."""
    return ENGINES["sqlite"]


async def test_a_unit_sees_what_earlier_units_of_its_batch_wrote(database: Database) -> None:
    """Within a batch the units run one after the other, in the order of the calls."""
    seen = await asyncio.gather(
        database.write(note("first")),
        database.write(bodies),
        database.write(note("second")),
        database.write(bodies),
    )
    assert (1, ["first"], 1, ["first", "second"]) == tuple(seen)


async def test_many_writes_share_few_flushes(database: Database, batches: list[int]) -> None:
    """A hundred writes at once take far fewer than a hundred flushes, and none is uncounted."""
    await asyncio.gather(*(database.write(note(str(number))) for number in range(100)))
    assert 100 == sum(batches)
    assert len(batches) < 10


async def test_writes_that_come_during_a_flush_gather_for_the_next(
    database: Database, batches: list[int]
) -> None:
    """Eight busy clients need far fewer flushes than they make writes."""

    async def client(name: int) -> None:
        for number in range(25):
            await database.write(note(f"{name}-{number}"))

    await asyncio.gather(*(client(name) for name in range(8)))
    assert 200 == sum(batches)
    assert len(batches) <= 100


async def test_a_batch_has_a_limit(
    database: Database, batches: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No flush takes more than BATCH_MAX writes, and the rest follows without another call."""
    monkeypatch.setattr(group, "BATCH_TIME_MAX_S", 60.0)  # however slow this machine is
    await asyncio.gather(*(database.write(note(str(n))) for n in range(BATCH_MAX + 10)))
    assert [BATCH_MAX, 10] == batches


async def test_writes_keep_the_order_of_their_calls(database: Database) -> None:
    """Units run in the order in which they were handed over, lazy ones too."""
    wanted = [str(number) for number in range(50)]
    await asyncio.gather(
        *(database.write(note(body), lazy=index % 3 == 0) for index, body in enumerate(wanted))
    )
    assert wanted == await database.read(bodies)


async def test_a_unit_of_work_that_waits_for_something_else_is_refused(
    database: Database,
) -> None:
    """Waiting inside a transaction is a fault: it raises, changes nothing, and blocks nobody."""

    async def dawdling(transaction: Transaction) -> None:
        await transaction.run("INSERT INTO notes (body) VALUES ('never')")
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="await nothing but its transaction"):
        await database.write(dawdling)
    assert [] == await database.read(bodies)
    assert 1 == await database.write(note("after"))


async def test_a_second_process_on_the_same_database_is_refused(
    engine: Opener, database: Database, tmp_path: Path
) -> None:
    """Another process gets a StartupError that names who holds the file; the first goes on."""
    script = (
        "import asyncio, sys, pathlib\n"
        f"from {engine.__module__} import {engine.__name__} as opener\n"
        "from bazar.kit.errors import StartupError\n"
        "async def main():\n"
        "    try:\n"
        "        opener(pathlib.Path(sys.argv[1]))\n"
        "    except StartupError as error:\n"
        "        print(error)\n"
        "        return 3\n"
        "    return 0\n"
        "sys.exit(asyncio.run(main()))\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "test.db")]
    environment = {"PYTHONPATH": ":".join(sys.path)}
    other = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, check=False
    )
    assert 3 == other.returncode, other.stderr
    assert "in use by another process" in other.stdout
    assert 1 == await database.write(note("still here"))


async def test_a_second_opening_in_this_process_is_refused_too(
    engine: Opener, database: Database, tmp_path: Path
) -> None:
    """The lock holds within one process as well, and the first goes on."""
    with pytest.raises(StartupError, match="in use"):
        engine(tmp_path / "test.db", lambda _size: None)
    assert 1 == await database.write(note("still here"))


async def test_a_lazy_write_is_durable_within_its_delay(
    database: Database, batches: list[int]
) -> None:
    """One flush follows by itself, for all that came in the meantime, and no second one."""
    await database.write(note("lazy"), lazy=True)
    await database.write(note("lazier"), lazy=True)
    assert [] == batches
    await asyncio.sleep(LAZY_DELAY_MAX_S * 4)
    assert 2 == sum(batches)
    assert len(batches) <= 2
    await asyncio.sleep(LAZY_DELAY_MAX_S * 2)
    assert len(batches) <= 2


async def test_a_durable_write_takes_the_lazy_ones_before_it_along(
    database: Database, batches: list[int]
) -> None:
    """Its flush is theirs too, whether they share its batch or were committed before."""
    await asyncio.gather(
        database.write(note("lazy"), lazy=True),
        database.write(note("lazier"), lazy=True),
        database.write(note("urgent")),
    )
    assert [3] == batches
    await database.write(note("laziest"), lazy=True)
    assert 1 == await database.write(lambda t: t.run("UPDATE notes SET body = body WHERE rowid=1"))
    assert [3, 2] == batches
    await asyncio.sleep(LAZY_DELAY_MAX_S * 2)
    assert [3, 2] == batches


async def test_a_long_batch_gives_the_event_loop_its_turn(
    database: Database, batches: list[int]
) -> None:
    """Units that come after 20 ms wait for the next batch, in their order, and none is lost."""

    def slow(body: str) -> Work[int]:
        async def work(transaction: Transaction) -> int:
            time.sleep(0.015)  # noqa: ASYNC251  as a heavy statement would
            return await transaction.run("INSERT INTO notes (body) VALUES (?1)", body)

        return work

    wanted = [str(number) for number in range(6)]
    await asyncio.gather(*(database.write(slow(body)) for body in wanted))
    assert wanted == await database.read(bodies)
    assert max(batches) <= 2


async def test_a_long_batch_in_which_a_unit_raises_loses_none_either(
    database: Database, batches: list[int]
) -> None:
    """Where it runs one by one, the rest waits for the next batch as well."""

    def slow(number: int) -> Work[int]:
        async def work(transaction: Transaction) -> int:
            time.sleep(0.012)  # noqa: ASYNC251  as a heavy statement would
            if number == 1:
                message = "on purpose"
                raise LookupError(message)
            return await transaction.run("INSERT INTO notes (body) VALUES (?1)", str(number))

        return work

    results = await asyncio.gather(
        *(database.write(slow(number)) for number in range(6)), return_exceptions=True
    )
    assert [1, 1, 1, 1, 1] == [one for one in results if not isinstance(one, BaseException)]
    assert isinstance(results[1], LookupError)
    assert ["0", "2", "3", "4", "5"] == await database.read(bodies)
    assert max(batches) <= 2


async def test_mates_of_a_unit_that_raises_share_its_batch(
    database: Database, batches: list[int]
) -> None:
    """They are answered in their order, each with its own."""
    results = await asyncio.gather(
        database.write(note("first")),
        database.write(failing_note("never")),
        database.write(note("first")),  # breaks the UNIQUE rule
        database.write(note("second")),
        return_exceptions=True,
    )
    assert [4] == batches
    assert [1, 1] == [results[0], results[3]]
    assert isinstance(results[1], LookupError)
    assert ["first", "second"] == await database.read(bodies)


async def test_text_may_hold_the_character_that_ends_it_elsewhere(database: Database) -> None:
    """NUL survives the way there and back."""
    row = await database.read(lambda transaction: transaction.one("SELECT ?1", "é\x00💥"))
    assert ("é\x00💥",) == row
