"""A shop on a PostgreSQL of its own, with replicas: it sells, and no single process is missed."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.customers import Customers
from support.postgres import RELEASES, needing_postgres, server
from support.processes import STOP_TIMEOUT_S, all_gone, run_bazar, wait_for
from support.running import RunningShop
from support.wires import until

BUYERS = 8
SERVICES = {"catalog", "catalog-2", "order", "order-2", "front"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    """Run an empty shop with two replicas of each service that has a database."""
    with needing_postgres():
        server(max(RELEASES.values()))
    options = ("--empty", "--replicas", "2")
    with RunningShop(tmp_path_factory.mktemp("replicas") / "shop", *options) as running:
        yield running


def test_replicas_are_listed_wherever_services_are(shop: RunningShop) -> None:
    """In what `bazar up` prints, in the file for commands, and by the doctor."""
    assert SERVICES | {"postgresql"} == set(shop.services())
    catalogs, orders = (getattr(shop.addresses, name).split(",") for name in ("catalog", "order"))
    assert (2, 2) == (len(catalogs), len(orders))
    assert f"  catalog     {' '.join(catalogs)}\n" in shop.log()
    assert f"  database    PostgreSQL in {shop.data}/postgres\n" in shop.log()
    told = shop.bazar("doctor")
    assert 0 == told.code, told.out
    assert all(f"{url} is ready" in told.out for url in (*catalogs, *orders))


def test_a_purchase_adds_up(shop: RunningShop) -> None:
    """As on SQLite: sold once, in the ledger once, and the audit finds nothing."""
    book_id = shop.add_book(5)
    told = shop.bazar("buy", book_id, "--quantity", "2", "--key", "adds-up")
    again = shop.bazar("buy", book_id, "--quantity", "2", "--key", "adds-up")
    assert (0, told.out) == (again.code, again.out), told.err
    assert 3 == shop.stock(book_id)
    assert [5, -2] == [row.copies for row in shop.movements(book_id)]
    assert [] == shop.settled_audit().differences


async def test_no_purchase_fails_while_any_process_of_a_service_is_killed(
    shop: RunningShop,
) -> None:
    """Behind the front nobody notices: who asks once is sold a copy at once.

    Whoever was connected to a front that is killed asks again, with the same key.
    """
    book_id, over = shop.add_book(100_000), asyncio.Event()
    told: list[tuple[str, int]] = []
    victim = ""

    async def visit(customers: Customers, number: int) -> None:
        count = 0
        while not over.is_set():
            count += 1
            key, about = f"visit-{number}-{count}", victim
            answer = await customers.ask_once(book_id, key)
            if answer is None and "front" in {about, victim}:
                answer = await customers.buy(book_id, key)
            told.append((victim, answer.status if answer else 0))

    async def more_told() -> None:
        wanted = len(told) + 20

        async def enough() -> bool:
            return len(told) >= wanted or any(visit.done() for visit in visits)

        await until(enough)

    async with shop.customers() as customers:
        visits = [asyncio.create_task(visit(customers, number)) for number in range(BUYERS)]
        for name in sorted(SERVICES):
            await more_told()
            victim, before = name, shop.kill(name)
            await more_told()
            await asyncio.to_thread(shop.wait_for_another, name, before)
        over.set()
        await asyncio.gather(*visits)
    assert [] == [(name, status) for name, status in told if status != 201]
    assert 100_000 - len(told) == shop.stock(book_id)
    assert [] == shop.settled_audit().differences


async def test_a_database_that_is_killed_is_a_pause(shop: RunningShop) -> None:
    """It is started again with all that was acknowledged; who asked meanwhile is answered then."""
    book_id = shop.add_book(100)
    async with shop.customers() as customers:
        assert 201 == (await customers.buy(book_id, "before")).status
        before = shop.kill("postgresql")
        assert 201 == (await customers.buy(book_id, "after")).status
        again = await customers.buy(book_id, "before")
    assert 201 == again.status
    wait_for("another", lambda: shop.services().get("postgresql", before) != before)
    assert 98 == shop.stock(book_id)
    assert [] == shop.settled_audit().differences


def test_a_killed_supervisor_takes_the_database_along(tmp_path: Path) -> None:
    """The next start finds it in the folder, without a word, and all that was sold."""
    with needing_postgres():
        server(max(RELEASES.values()))
    shop = RunningShop(tmp_path / "shop", "--empty")
    try:
        shop.start("--database", "postgresql")
        book_id = shop.add_book(3)
        assert 0 == shop.bazar("buy", book_id).code
        everyone = list(shop.services().values())
        assert 4 == len(everyone)
        shop.kill_supervisor()
        all_gone(everyone, STOP_TIMEOUT_S)
        shop.start()
        assert 2 == shop.stock(book_id)
        assert 0 == shop.stop(signal.SIGINT)
    finally:
        shop.end()
    assert not (shop.data / "postgres" / "data" / "postmaster.pid").exists()


@pytest.mark.parametrize("release", sorted(RELEASES.values()))
def test_a_server_that_is_there_keeps_a_shop(tmp_path: Path, release: int) -> None:
    """Named alone: each service finds the database of its own name; the data folder has none."""
    running = server(release)
    running.url(tmp_path)
    for name in ("catalog", "order"):
        running.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
    url = running.url_of("")
    try:
        with RunningShop(tmp_path / "shop", "--empty", "--database", url) as shop:
            book_id = shop.add_book(3)
            assert 0 == shop.bazar("buy", book_id).code
            assert 2 == shop.stock(book_id)
            assert {"catalog", "order", "front"} == set(shop.services())
        assert [] == list((tmp_path / "shop").glob("*.db"))
    finally:
        for name in ("catalog", "order"):
            running.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--replicas", "2", "--database", "sqlite"), "belongs to a single process"),
        (("--replicas", "2", "--postgres-bin", "/nowhere"), "in /nowhere there is none"),
        (("--database", "mysql://host"), "none of sqlite, postgresql"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(
    tmp_path: Path, options: tuple[str, ...], line: str
) -> None:
    """Before anything is started, and nothing is left that a later start would take for a shop."""
    data = tmp_path / "shop"
    told = run_bazar("up", "--data", data, *options)
    assert (1, 1) == (told.code, told.err.count("\n"))
    assert line in told.err
    assert not (data / "postgres").exists()
