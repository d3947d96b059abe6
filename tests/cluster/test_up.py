"""`bazar up` and `bazar serve`: they start, stop, restart and refuse as their messages promise."""

import asyncio
import os
import re
import shlex
import signal
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from support.customers import Customers
from support.processes import (
    SECRET,
    SERVICES,
    all_gone,
    command_line,
    free_ports,
    run_bazar,
    wait_for,
)
from support.running import RunningShop, ThreeServices, lines_of

READY_WITHIN_S = 20.0
"""About 1.5 s on an idle machine; these tests share theirs."""
SAMPLE_BOOKS = 110


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    """Run one shop with the sample catalogue for all tests that leave it running."""
    with RunningShop(tmp_path_factory.mktemp("up") / "data") as running:
        yield running


def count_books(shop: RunningShop) -> int:
    """Return how many books the shop has."""
    return shop.audit().books


def one_line(text: str) -> str:
    """Return a text that has exactly one line, made for people."""
    (line,) = text.splitlines()
    assert line.startswith("bazar: ")
    assert "Traceback" not in line
    return line


def test_the_shop_opens_in_time_and_says_where_it_is_and_how_to_buy(shop: RunningShop) -> None:
    """One command, a few seconds, then the addresses, the data folder and a line to try."""
    assert shop.opened_in_s < READY_WITHIN_S
    log = shop.last_log()
    for url in msgspec.structs.astuple(shop.addresses):
        assert url in log
    assert f"\n  bazar buy 2 --data {shop.data}\n" in log
    assert str(shop.data) in log
    assert str(shop.data / "secret") in log


def test_the_line_that_it_prints_buys_a_book(shop: RunningShop) -> None:
    """The book exists in the sample catalogue and can be bought, from whatever folder."""
    printed = re.search(r"\n  bazar (buy .*)\n", shop.last_log())
    assert printed is not None
    bought = run_bazar(*shlex.split(printed[1]))
    assert 0 == bought.code
    assert "bought book RPCs for Noobs" in bought.out


def test_the_sample_is_loaded_once_and_what_was_changed_survives_a_restart(tmp_path: Path) -> None:
    """A second start finds stock, orders and books as they were, and adds nothing."""
    with RunningShop(tmp_path / "data") as shop:
        bought = shop.bazar("buy", 1, "--quantity", 2, "--key", "kept")
        assert SAMPLE_BOOKS == count_books(shop)
        before = shop.remote().catalog.book(1)
        added = shop.add_book(7, "Added by hand")
        orders = shop.orders()
        assert 0 == shop.stop()
        shop.start()
        assert 0 == bought.code
        assert before == shop.remote().catalog.book(1)
        assert 7 == shop.stock(added)
        assert SAMPLE_BOOKS + 1 == count_books(shop)
        assert orders == shop.orders()
        assert [] == shop.audit().differences


def test_an_empty_shop_stays_empty_until_the_sample_is_asked_for(tmp_path: Path) -> None:
    """--empty leaves the sample out, at later starts too; --sample loads it then.

    While it is empty each start says how to fill it, and offers no purchase that must fail.
    """
    shop = RunningShop(tmp_path / "data")
    try:
        for option, books in (("--empty", 0), ("", 0), ("--sample", SAMPLE_BOOKS)):
            shop.start(*filter(None, [option]))
            assert books == count_books(shop)
            log = shop.last_log()
            fill = f"bazar import books.csv --dry-run --data {shop.data}"
            assert (not books, bool(books)) == (fill in log, "bazar buy 2" in log)
            assert 0 == shop.stop()
    finally:
        shop.end()


def test_a_shop_whose_keeper_asks_for_no_log_says_little_and_tells_what_goes_wrong(
    tmp_path: Path,
) -> None:
    """A handful of lines at the start, none a request, and a line for a service that died."""
    with RunningShop(tmp_path / "data", "--empty", "--log-level", "warning") as shop:
        killed = shop.kill("order")
        shop.wait_for_another("order", killed)
        assert 0 == shop.bazar("orders").code
        assert 0 == shop.stop()
        said, _, end = shop.last_log().partition("Ctrl-C stops the shop.\n")
        assert len(said.splitlines()) <= 14
        assert "event=" not in said
        told, closed = filter(None, end.splitlines())
        port = shop.ports[2]
        assert f"event=restarting service=order port={port} pid={killed.pid} status=-9" in told
        assert "Bazar is closed." == closed


def test_the_first_start_settles_currency_and_name(tmp_path: Path) -> None:
    """By a name of this machine too; the home page is printed first, and the settings are filled.

    Later starts need not say them again, and another currency is refused with one line. A closed
    interface sells nothing to a stranger, and no line to try is printed.
    """
    options = ("--host", "localhost", "--name", "Sea Books", "--open-api", "off")
    with RunningShop(tmp_path / "data", *options) as shop:
        front = f"http://localhost:{shop.ports[0]}"
        first, *_others = shop.last_log().partition("\nBazar is open at ")[2].splitlines()
        assert f"{front}/" == first
        assert "bazar buy" not in shop.last_log()
        settings = shop.remote().catalog.settings()
        assert ("Sea Books", "USD", 2) == (settings.name, settings.currency, settings.version)
        assert "open-api-off" in shop.bazar("buy", 1, "--url", front).err
        assert 0 == shop.stop()
        command = [*shop.command()[3:], "--currency", "EUR"]
        refused = run_bazar(*command)
        assert 1 == refused.code
        assert "bazar: catalog: this shop keeps its prices in USD; start it" in (
            refused.out + refused.err
        )
        shop.start("--currency", "USD", "--sample")
        assert settings == shop.remote().catalog.settings()


def test_empty_and_sample_together_are_refused(tmp_path: Path) -> None:
    """Two options that contradict each other: one line, and nothing is started."""
    refused = run_bazar("up", "--empty", "--sample", "--data", tmp_path / "data")
    assert 2 == refused.code
    assert "contradict" in one_line(refused.err)
    assert not (tmp_path / "data").exists()


def test_a_script_that_waits_for_the_front_finds_the_books(tmp_path: Path) -> None:
    """At the first start the front does not even listen before the sample catalogue is in."""
    shop = RunningShop(tmp_path / "data")
    opened: list[bool] = []

    def visit() -> None:
        wait_for("the front", lambda: shop.ready("front"))
        opened.append(shop.remote().front.book(SAMPLE_BOOKS).quantity > 0)

    visitor = threading.Thread(target=visit)
    visitor.start()
    try:
        shop.start()
        visitor.join()
    finally:
        shop.end()
    assert [True] == opened


async def test_an_interrupt_finishes_what_is_in_flight_and_leaves_nothing_running(
    tmp_path: Path,
) -> None:
    """Ctrl-C: purchases that wait for the catalog at that moment still get their answers."""
    with RunningShop(tmp_path / "data", "--empty") as shop:
        book_id = shop.add_book(100)
        everyone = [shop.supervisor(), *shop.services().values()]
        async with shop.customers() as customers:
            await customers.buy(book_id, "before")
            shop.kill("catalog", signal.SIGSTOP)
            in_flight = [
                asyncio.create_task(customers.ask_once(book_id, f"in-flight-{n}"))
                for n in range(20)
            ]
            await asyncio.sleep(0.4)
            stop = asyncio.create_task(asyncio.to_thread(shop.stop, signal.SIGINT))
            await asyncio.sleep(0.4)
            shop.kill("catalog", signal.SIGCONT)
            answers = [await one for one in in_flight]
            assert 0 == await stop
        all_gone(everyone, 1)
        assert [201] * 20 == [answer.status if answer else None for answer in answers]
        assert not (shop.data / "shop.json").exists()
        shop.start()
        orders = {answer.json["order_id"] for answer in answers if answer}
        assert orders <= shop.order_ids(book_id, "confirmed")
        assert 79 == shop.stock(book_id)


async def test_a_terminal_that_is_closed_closes_the_shop_in_good_order(tmp_path: Path) -> None:
    """SIGHUP: what was sold is there, nothing runs on, and the shop says that it is closed."""
    with RunningShop(tmp_path / "data", "--empty", "--currency", "GBP") as shop:
        book_id = shop.add_book(3)
        assert "currency    GBP" in shop.last_log()
        everyone = [shop.supervisor(), *shop.services().values()]
        async with shop.customers() as customers:
            await customers.buy(book_id, "before")
        assert 0 == await asyncio.to_thread(shop.stop, signal.SIGHUP)
        all_gone(everyone, 1)
        assert "Bazar is closed." in shop.last_log()
        assert not (shop.data / "shop.json").exists()
        shop.start()
        assert "currency    GBP" in shop.last_log()
        assert 2 == shop.stock(book_id)


async def test_a_stop_amid_a_rush_gives_proper_answers_or_none(tmp_path: Path) -> None:
    """SIGTERM: what was answered is complete and true; no acknowledged order is missing."""

    async def visit(customers: Customers, room: asyncio.Semaphore, key: str) -> object:
        async with room:
            answer = await customers.ask_once(book_id, key)
        if answer is None:
            return None
        heard.append(answer.json)
        if len(heard) == 100:
            busy.set()
        return answer.status

    heard: list[dict[str, str]] = []
    busy = asyncio.Event()
    with RunningShop(tmp_path / "data", "--empty") as shop:
        book_id = shop.add_book(10_000)
        async with shop.customers() as customers:
            room = asyncio.Semaphore(32)
            rush = [
                asyncio.create_task(visit(customers, room, f"rush-{number}"))
                for number in range(2000)
            ]
            await asyncio.wait_for(busy.wait(), 30)
            everyone = [shop.supervisor(), *shop.services().values()]
            assert 0 == await asyncio.to_thread(shop.stop, signal.SIGTERM)
            all_gone(everyone, 1)
            ends = set(await asyncio.gather(*rush))
        assert {201, None} == ends
        shop.start()
        assert {answer["order_id"] for answer in heard} <= shop.order_ids(book_id, "confirmed")
        report = shop.settled_audit()
        assert [] == report.differences
        assert 10_000 - report.copies_sold == shop.stock(book_id)


def test_a_killed_supervisor_takes_its_services_along_and_can_be_started_at_once(
    tmp_path: Path,
) -> None:
    """After kill -9 of `bazar up` nothing is left within 3 s; ports and data are free again."""
    with RunningShop(tmp_path / "data", "--empty") as shop:
        book_id = shop.add_book(5)
        everyone = [shop.supervisor(), *shop.services().values()]
        shop.kill_supervisor()
        shop.start()
        all_gone(everyone, 0)
        assert 5 == shop.stock(book_id)
        everyone = list(shop.services().values())
        shop.kill_supervisor()
        all_gone(everyone, 3)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_killed_service_is_started_again_and_the_others_are_left_alone(
    shop: RunningShop, service: str
) -> None:
    """The service gets another process, is ready again, and sells; the others keep theirs."""
    before = shop.services()
    killed = shop.kill(service)
    assert killed != shop.wait_for_another(service, killed)
    after = shop.services()
    others = set(SERVICES) - {service}
    assert {name: before[name] for name in others} == {name: after[name] for name in others}
    async with shop.customers() as customers:
        assert 201 == (await customers.buy(3, f"after {service}".replace(" ", "-"))).status


def test_a_service_that_dies_at_once_is_started_again_after_growing_pauses(
    tmp_path: Path,
) -> None:
    """The pauses double, the others go on, and when the cause is mended it works by itself."""

    def pauses(log: str) -> list[float]:
        found = re.findall(r"event=restarting service=order .*pause_s=([0-9.]+)", log)
        return [float(text) for text in found]

    with RunningShop(tmp_path / "data", "--empty") as shop:
        before = shop.services()
        database, aside = shop.data / "order.db", shop.data / "order.aside"
        shop.kill("order")
        database.rename(aside)
        database.mkdir()
        wait_for("three restarts", lambda: len(pauses(shop.last_log())) >= 3)
        assert [0.0, 0.1, 0.2] == pauses(shop.last_log())[:3]
        for name in ("catalog", "front"):
            assert before[name] == shop.services()[name]
        assert "cannot open the database" in shop.last_log()
        database.rmdir()
        aside.rename(database)
        shop.wait_until_ready("order")
        assert [] == shop.orders()


def test_a_shop_whose_database_is_garbage_does_not_open(tmp_path: Path) -> None:
    """`bazar up` says which service did not start and why, and leaves nothing running."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "order.db").write_bytes(b"this is no database" * 1000)
    front, catalog, order = free_ports(3)
    ports = ["--port", front, "--catalog-port", catalog, "--order-port", order]
    refused = run_bazar("up", "--data", tmp_path / "data", *ports)
    assert 1 == refused.code
    assert "the order service did not start" in refused.err
    assert "order.db" in refused.err
    assert "Traceback" not in refused.err
    for port in (front, catalog, order):
        with closing(socket.create_server(("127.0.0.1", int(port)))):
            pass


def test_a_taken_port_is_refused_in_one_line(shop: RunningShop, tmp_path: Path) -> None:
    """It names the port and says what to do; whoever has the port is left alone.

    Nor does the folder, which may be a copy of another, say any longer where that one's shop is.
    """
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "shop.json").write_bytes((shop.data / "shop.json").read_bytes())
    front, catalog, _order = free_ports(3)
    taken = shop.ports[1]
    ports = ["--port", front, "--catalog-port", catalog, "--order-port", taken]
    refused = run_bazar("up", "--data", tmp_path / "data", *ports)
    assert 1 == refused.code
    assert f"127.0.0.1:{taken}" in one_line(refused.err)
    assert not (tmp_path / "data" / "shop.json").exists()
    assert shop.ready("catalog")


def test_the_same_port_twice_is_refused_in_one_line(tmp_path: Path) -> None:
    """Three services need three ports."""
    front, catalog = free_ports(2)
    ports = ["--port", front, "--catalog-port", catalog, "--order-port", catalog]
    refused = run_bazar("up", "--data", tmp_path / "data", *ports)
    assert 1 == refused.code
    assert "three different ports" in one_line(refused.err)


@pytest.mark.parametrize("folder", ["file", "file/below"])
def test_a_data_folder_that_cannot_be_written_is_refused_in_one_line(
    tmp_path: Path, folder: str
) -> None:
    """A file in place of the folder stops root, too, for whom permissions do not bind."""
    (tmp_path / "file").write_text("not a folder")
    front, catalog, order = free_ports(3)
    ports = ["--port", front, "--catalog-port", catalog, "--order-port", order]
    refused = run_bazar("up", "--data", tmp_path / folder, *ports)
    assert 1 == refused.code
    assert str(tmp_path / folder) in one_line(refused.err)


def test_a_second_shop_on_the_same_data_is_refused_and_the_first_goes_on(
    shop: RunningShop,
) -> None:
    """One data folder, one shop: the second says whose it is, in one line."""
    before = shop.services()
    front, catalog, order = free_ports(3)
    ports = ["--port", front, "--catalog-port", catalog, "--order-port", order]
    refused = run_bazar("up", "--data", shop.data, *ports)
    assert 1 == refused.code
    line = one_line(refused.err)
    assert str(shop.data) in line
    assert str(shop.supervisor().pid) in line
    assert before == shop.services()
    assert all(shop.ready(service) for service in SERVICES)
    assert 0 == shop.bazar("info", 1).code


def test_a_second_service_on_the_same_database_is_refused_and_the_first_goes_on(
    shop: RunningShop,
) -> None:
    """One process a database file, also without `bazar up`."""
    (port,) = free_ports(1)
    words = ["serve", "catalog", "--port", port, "--data", shop.data]
    refused = run_bazar(*words)
    assert 1 == refused.code
    line = one_line(refused.err)
    assert "catalog.db" in line
    assert str(shop.services()["catalog"].pid) in line
    assert shop.ready("catalog")


def test_the_secret_is_read_by_its_owner_only_and_is_in_no_command_line(
    shop: RunningShop,
) -> None:
    """The file has mode 0600, and `ps` shows the secret of no process."""
    assert 0o600 == stat.S_IMODE((shop.data / "secret").stat().st_mode)
    assert len(shop.secret) >= 32
    processes = [shop.supervisor(), *shop.services().values()]
    assert 4 == len(processes)
    for process in processes:
        words = command_line(process.pid)
        assert "bazar" in words
        assert shop.secret not in " ".join(words)
    assert shop.secret not in shop.log()


def test_a_service_on_a_public_address_needs_a_secret_that_somebody_chose(
    tmp_path: Path,
) -> None:
    """Nothing listens on 0.0.0.0 with a secret that was made up for this machine alone."""
    (port,) = free_ports(1)
    for service in SERVICES:
        words = ["serve", service, "--host", "0.0.0.0", "--port", port, "--data", tmp_path / "data"]  # noqa: S104
        refused = run_bazar(*words)
        assert 1 == refused.code
        assert "BAZAR_SECRET" in one_line(refused.err)


async def test_three_services_started_by_hand_make_a_shop_that_sells(tmp_path: Path) -> None:
    """Each with a data folder of its own and the secret from the environment, in any order."""
    with ThreeServices(tmp_path) as shop:
        shop.start("front", "order", "catalog")
        shop.wait_until_ready()
        book_id = shop.add_book(3)
        async with shop.customers() as customers:
            assert 201 == (await customers.buy(book_id, "by-hand")).status
        assert 2 == shop.stock(book_id)
        assert [] == shop.audit().differences
        assert [] == shop.secret_files()
        for service in SERVICES:
            assert SECRET not in " ".join(command_line(shop.processes[service].pid))
            assert 0 == shop.stop(service)


def test_log_lines_carry_the_name_of_their_service(shop: RunningShop) -> None:
    """Every line of a service starts with its name, and tells its level and event."""
    for service in SERVICES:
        own = lines_of(shop.log(), service)
        assert [line for line in own if "event=listening" in line]
        assert [line for line in own if "level=info event=request method=GET path=/readyz" in line]


async def test_a_request_id_is_found_in_the_log_lines_of_all_three_tiers(
    shop: RunningShop,
) -> None:
    """One purchase can be followed through front, order and catalog."""
    request_id = f"traced-{os.getpid()}"
    async with shop.customers() as customers:
        answer = await customers.call("POST", "/purchase/4", headers={"x-request-id": request_id})
    assert (201, request_id) == (answer.status, answer.headers["x-request-id"])

    def tiers() -> bool:
        return all(
            any(request_id in line for line in lines_of(shop.log(), service))
            for service in SERVICES
        )

    wait_for("the request id in three logs", tiers)


@pytest.fixture(scope="module")
def json_lines(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """Return what a shop with --log-format json wrote from its start to its stop."""
    data = tmp_path_factory.mktemp("json") / "data"
    with RunningShop(data, "--empty", "--log-format", "json") as shop:
        killed = shop.kill("front")
        shop.wait_for_another("front", killed)
        assert 0 == shop.stop()
        lines = [line for line in shop.last_log().splitlines() if line.startswith("{")]
    return [msgspec.json.decode(line) for line in lines]


def test_json_log_lines_have_a_time_a_level_and_an_event(
    json_lines: list[dict[str, object]],
) -> None:
    """With --log-format json every line is an object, those of the supervisor too."""
    events = {line["event"] for line in json_lines}
    assert {"listening", "request", "restarting", "stopped"} <= events
    for line in json_lines:
        assert {"at", "level", "event"} <= line.keys()


def test_json_log_lines_tell_their_service(json_lines: list[dict[str, object]]) -> None:
    """What the prefix is for people, a field is for programs."""
    assert set(SERVICES) <= {line.get("service") for line in json_lines}
