"""A disk that fails or is full stops the service at once, with nothing falsely acknowledged."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from chaos import faults
from chaos.faults import LINGER, Rush, ended, fault
from support.processes import wait_for
from support.running import RunningShop, ThreeServices

EXIT_DISK_FAILED = 74
COPIES = 1_000_000
FAILING = [("fdatasync", f"error=EIO:{LINGER}", n) for n in (1, 5)]
"""Not 2: that one is the folder's own, after its new log file, whose failure SQLite ignores."""
FULL = [("pwrite64", f"error=ENOSPC:{LINGER}", n) for n in (11, 23)]
"""Not 1 to 8: those make the index of the log while the database is opened."""


async def fail(folder: Path, service: str, points: list[tuple[str, str, int]]) -> None:
    """Let the disk of a service fail at each point while buyers buy; then all must add up."""
    with ThreeServices(folder) as shop:
        await asyncio.to_thread(shop.open)
        book_id = shop.add_book(COPIES)
        await asyncio.to_thread(shop.stop, service)
        met = []
        async with shop.customers() as customers:
            async with Rush(customers, book_id, "disk") as rush:
                for call, effect, number in points:
                    shop.start(service, before=fault(call, effect, number))
                    status = await ended(shop, service)
                    log = shop.last_log()
                    assert status == EXIT_DISK_FAILED, (call, number, status, log)
                    assert f"the disk under {shop.folder / service / service}.db failed" in log
                    assert "Traceback" not in log
                    met.append(f"{call} {number}")
                await asyncio.to_thread(shop.open, service)
                await rush.end()
            await faults.check(shop, rush, met)


@pytest.mark.parametrize("points", [FAILING, FULL], ids=["failing", "full"])
async def test_a_service_whose_disk_fails_stops_and_says_so_and_nothing_is_lost(
    tmp_path: Path, points: list[tuple[str, str, int]]
) -> None:
    """Exit code 74 and a message with the file's name; after a restart every buyer is served."""
    faults.need_strace()
    await faults.for_both(lambda folder, service: fail(folder, service, points), tmp_path)


@pytest.mark.parametrize(
    ("call", "effect"), [("fdatasync", "error=EIO"), ("pwrite64", "error=ENOSPC")]
)
async def test_a_disk_that_fails_at_the_first_start_ends_it_in_words(
    tmp_path: Path, call: str, effect: str
) -> None:
    """The database cannot be made: an exit code that is not 0, a line, and later it is made."""
    faults.need_strace()
    with ThreeServices(tmp_path) as shop:
        shop.start("order", before=fault(call, effect, 3))
        assert await ended(shop, "order", idle_s=1) in {1, EXIT_DISK_FAILED}, shop.last_log()
        (line,) = shop.last_log().splitlines()
        assert "order.db" in line
        shop.open()
        book_id = shop.add_book(1)
        async with shop.customers() as customers:
            assert 201 == (await customers.buy(book_id, "at-last")).status


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 4 MiB."""
    if os.geteuid():
        pytest.skip("only root may mount a disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(file: Path) -> None:
    """Write into a file until the disk is full."""
    with file.open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(bytes(4096))


async def test_a_shop_whose_disk_is_full_says_nothing_false_and_goes_on_once_there_is_room(
    small_disk: Path,
) -> None:
    """Under `bazar up` the stopped service is started again and again, with longer pauses.

    Buyers hear that nothing is known, and whatever else they hear stays true. Nobody but the
    one who makes room has to do anything.
    """
    filler = small_disk / "filler"
    with RunningShop(small_disk, "--empty") as shop:
        book_id = shop.add_book(COPIES)
        stopped = f"the disk under {shop.data}/order.db failed"
        async with shop.customers() as customers:
            async with Rush(customers, book_id, "full") as rush:
                await rush.served(20)
                await asyncio.to_thread(fill, filler)
                await asyncio.to_thread(
                    wait_for, "two stops", lambda: shop.log().count(stopped) >= 2, faults.SETTLE_S
                )
                keys = [f"meanwhile-{number}" for number in range(8)]
                asked = await asyncio.gather(*(customers.ask_once(book_id, key) for key in keys))
                heard = {key: answer for key, answer in zip(keys, asked, strict=True) if answer}
                filler.unlink()
                await rush.served(len(rush.answers) + 20)
                await rush.end()
            assert {answer.status for answer in heard.values()} <= {201, 202, 503}, heard
            for key in keys:
                later = rush.answers[key] = await customers.buy(book_id, key)
                rush.started.add(key)
                if key in heard and heard[key].status != 503:
                    assert heard[key].json["order_id"] == later.json["order_id"]
            await faults.check(shop, rush, ["a full disk"])
        log = shop.log()
    assert "make room or mend the disk" in log
    assert "Traceback" not in log
