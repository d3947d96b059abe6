"""Real shops in real processes, for tests: started, watched, killed by pid, and always ended.

`RunningShop` is one `bazar up`; `ThreeServices` are three `bazar serve`, as on three machines.
Both are context managers that leave nothing running. Every wait has a bound, and shows the log
when it passes.
"""

import asyncio
import os
import random
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import RequestError

import bazar
from bazar.audit import AuditReport
from bazar.audit import audit as run_audit
from bazar.remote import Addresses, RemoteError, Shop
from bazar.wire import Book, Movement, NewBook, Order, Price

SERVICES = ("catalog", "order", "front")
SOURCES = Path(bazar.__file__).parents[1]
SECRET = "a secret that only the tests know"
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 25.0
WAIT_S = 20.0
POLL_S = 0.02
COMMAND_TIMEOUT_S = 30.0
BUY_PATIENCE_S = 45.0
LOG_SHOWN = 6000
PORTS = range(12_000, 30_000)
"""Below the ports that the kernel gives to clients, so that no client takes a service's port."""

T = TypeVar("T")


def free_ports(count: int) -> list[int]:
    """Return ports that nothing listens on."""
    found: list[int] = []
    while len(found) < count:
        port = random.SystemRandom().choice(PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found += [port] if port not in found else []
    return found


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment with our sources on the path, and no setting of a shop."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("BAZAR_")}
    return {**kept, "PYTHONPATH": str(SOURCES), **(more or {})}


def wait_for(what: str, find: Callable[[], T | None], within_s: float = WAIT_S) -> T:
    """Return the first true thing that `find` returns; fail after a time."""
    give_up_s = monotonic() + within_s
    while True:
        found = find()
        if found:
            return found
        if monotonic() > give_up_s:
            message = f"not within {within_s:g} s: {what}"
            raise AssertionError(message)
        sleep(POLL_S)


@dataclass(frozen=True)
class Running:
    """A process, told from a later one with the same pid by its start."""

    pid: int
    started: int

    def alive(self) -> bool:
        """Tell whether it runs; a zombie does not."""
        found = _stat(self.pid)
        return found is not None and found[2] == self.started and found[0] not in "ZX"


def _stat(pid: int) -> tuple[str, int, int] | None:
    """Return state, parent and start of a process, or None."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[1]), int(fields[19])


def children_of(parent: int) -> list[Running]:
    """Return the processes that a process started and that still run."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))) is not None:
            state, its_parent, started = stat
            if its_parent == parent and state not in "ZX":
                found.append(Running(int(entry.name), started))
    return found


def command_line(pid: int) -> list[str]:
    """Return the words of a process's command."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    return []


def all_gone(processes: Iterable[Running], within_s: float) -> None:
    """Wait until none of these processes runs."""
    listed = list(processes)
    wait_for(
        f"the end of {listed}",
        lambda: not any(process.alive() for process in listed),
        within_s,
    )


@dataclass(frozen=True)
class Result:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401
        """Its output, decoded."""
        return msgspec.json.decode(self.out)


def run_bazar(*words: object, env: Mapping[str, str] | None = None) -> Result:
    """Run one command to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "bazar", *map(str, words)],
        env=environment(env),
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return Result(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401
        """The body, decoded."""
        return msgspec.json.decode(self.body)

    @property
    def code(self) -> str:
        """The code of a problem document, empty for any other answer."""
        if self.headers.get("content-type") != "application/problem+json":
            return ""
        return str(self.json["code"])


class Customers:
    """Many clients of the front at once."""

    def __init__(self, url: str) -> None:
        """Call the front at this address."""
        self.url = url
        self._client: Client | None = None

    async def __aenter__(self) -> Self:
        """Open the connections."""
        self._client = ClientBuilder().no_proxy().timeout(timedelta(seconds=BUY_PATIENCE_S)).build()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        assert self._client is not None
        await self._client.close()

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request, once.

        Raises:
            RequestError: nobody answered.
        """
        assert self._client is not None
        request = self._client.request(method, self.url + path)
        for name, value in (headers or {}).items():
            request = request.header(name, value)
        if key is not None:
            request = request.header("idempotency-key", f'"{key}"')
        if body is not None:
            request = request.body_bytes(msgspec.json.encode(body))
        response = await request.build().send()
        content = (await response.bytes()).to_bytes()
        return Answer(response.status, dict(response.headers), content)

    async def ask_once(self, book_id: int, key: str) -> Answer | None:
        """Buy a copy; return None where nobody answered. The client never asks again."""
        try:
            return await self.call("POST", f"/purchase/{book_id}", key=key)
        except RequestError:
            return None

    async def buy(self, book_id: int, key: str, patience_s: float = BUY_PATIENCE_S) -> Answer:
        """Buy a copy, asking again with the same key until the answer is definite."""
        give_up_s = monotonic() + patience_s
        while True:
            answer = await self.ask_once(book_id, key)
            if answer is not None and (
                answer.status == 201 or (answer.code and answer.json["definite"])
            ):
                return answer
            if monotonic() > give_up_s:
                message = f"key {key}: no definite answer in {patience_s:g} s, last {answer}"
                raise AssertionError(message)
            await asyncio.sleep(0.05)


@dataclass
class TestedShop:
    """A shop in processes of its own, and what a test asks of it."""

    __test__ = False

    addresses: Addresses
    secret: str = SECRET
    _logs: list[Path] = field(default_factory=list)

    def remote(self) -> Shop:
        """Return the shop as the commands see it."""
        return Shop(self.addresses, self.secret)

    def customers(self) -> Customers:
        """Return clients of its front."""
        return Customers(self.addresses.front)

    def log(self) -> str:
        """Return all that its processes printed."""
        return "\n".join(log.read_text("utf-8", "replace") for log in self._logs if log.exists())

    def add_book(self, copies: int, title: str = "RPCs for Noobs") -> int:
        """Add a book and return its id."""
        new = NewBook(title=title, topic="tests", price=msgspec.convert("19.99", Price))
        new = msgspec.structs.replace(new, quantity=copies)
        return self.remote().call("catalog", "POST", "/books", Book, body=new).id

    def stock(self, book_id: int) -> int:
        """Return the copies in stock."""
        return self.remote().call("catalog", "GET", f"/info/{book_id}", Book).quantity

    def movements(self, book_id: int) -> list[Movement]:
        """Return the ledger rows of a book."""
        rows = self.remote().pages("catalog", "/movements", Movement, "id")
        return [row for row in rows if row.book_id == book_id]

    def orders(self, book_id: int | None = None) -> list[Order]:
        """Return all orders, or those of one book; it drives none of them."""
        found = self.remote().pages("order", "/orders", Order, "order_id")
        return [
            order
            for order in found
            if book_id is None or any(line.id == book_id for line in order.lines)
        ]

    def order_ids(self, book_id: int, status: str) -> set[str]:
        """Return the ids of a book's orders with a status."""
        return {order.order_id for order in self.orders(book_id) if order.status == status}

    def audit(self) -> AuditReport:
        """Compare everything."""
        return run_audit(self.remote())

    def settled_audit(self) -> AuditReport:
        """Compare everything once no order is pending any more, which needs nobody's help."""
        found: list[AuditReport] = []

        def settled() -> bool:
            with suppress(RemoteError):
                found[:] = [self.audit()]
            return bool(found) and found[0].pending == 0

        try:
            wait_for("the end of all pending orders", settled)
        except AssertionError as error:
            message = f"{error}; the log ends:\n{self.log()[-LOG_SHOWN:]}"
            raise AssertionError(message) from None
        return found[0]

    def ready(self, service: str) -> bool:
        """Tell whether a service answers, and that it is ready."""
        try:
            return bool(self.remote().call(service, "GET", "/readyz", dict))
        except RemoteError:
            return False

    def wait_until_ready(self, *services: str) -> None:
        """Wait until services answer."""
        for service in services or SERVICES:
            try:
                wait_for(f"{service} is ready", lambda: self.ready(service), START_TIMEOUT_S)  # noqa: B023
            except AssertionError as error:
                message = f"{error}; the log ends:\n{self.log()[-LOG_SHOWN:]}"
                raise AssertionError(message) from None


class RunningShop(TestedShop):
    """One `bazar up` on free ports."""

    def __init__(self, data: Path, *options: str, ports: Sequence[int] = ()) -> None:
        """Prepare a shop on a data folder; `start` it, or use it in a `with`."""
        self.ports = list(ports) or free_ports(3)
        front, catalog, order = (f"http://127.0.0.1:{port}" for port in self.ports)
        super().__init__(Addresses(front, catalog, order), secret="")
        self.data = data
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None
        self.opened_in_s = 0.0
        """From the start to the word that it is open."""
        self._number = 0
        self._known: set[Running] = set()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End whatever still runs."""
        self.end()

    def command(self) -> list[str]:
        """Return the words that start it."""
        front, catalog, order = map(str, self.ports)
        words = [sys.executable, "-m", "bazar", "up", "--data", str(self.data), "--port", front]
        return [*words, "--catalog-port", catalog, "--order-port", order, *self.options]

    def start(self, *options: str) -> None:
        """Start it and wait until it says that it is open."""
        self._number += 1
        log = self.data.with_name(f"{self.data.name}.{self._number}.log")
        self._logs.append(log)
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [*self.command(), *options],
                env=environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        process, started_s = self.process, monotonic()
        try:
            wait_for(
                "the shop opens or ends",
                lambda: "Ctrl-C stops the shop" in self.last_log() or process.poll() is not None,
                START_TIMEOUT_S,
            )
            assert process.poll() is None, f"it ended with {process.returncode}"
        except AssertionError as error:
            shown = self.last_log()[-LOG_SHOWN:]
            self.end()
            message = f"{error}; the log:\n{shown}"
            raise AssertionError(message) from None
        self.opened_in_s = monotonic() - started_s
        self.secret = (self.data / "secret").read_text("utf-8").strip()
        self.services()

    def last_log(self) -> str:
        """Return what the last start printed."""
        return self._logs[-1].read_text("utf-8", "replace")

    def supervisor(self) -> Running:
        """Return the process of `bazar up`."""
        assert self.process is not None
        stat = _stat(self.process.pid)
        assert stat is not None
        return Running(self.process.pid, stat[2])

    def services(self) -> dict[str, Running]:
        """Return the services that run now."""
        assert self.process is not None
        found = {}
        for child in children_of(self.process.pid):
            words = command_line(child.pid)
            if "serve" in words:
                found[words[words.index("serve") + 1]] = child
        self._known |= set(found.values())
        return found

    def kill(self, service: str, number: signal.Signals = signal.SIGKILL) -> Running:
        """Send a signal to one service, and return which process that was."""
        found = self.services()[service]
        os.kill(found.pid, number)
        return found

    def wait_for_another(self, service: str, than: Running) -> Running:
        """Wait until a service runs in another process and is ready."""
        wait_for(f"another {service}", lambda: self.services().get(service, than) != than)
        self.wait_until_ready(service)
        return self.services()[service]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop it and return its exit code."""
        assert self.process is not None
        self.services()
        self.process.send_signal(number)
        return self.process.wait(STOP_TIMEOUT_S)

    def kill_supervisor(self) -> None:
        """Kill `bazar up` itself, and nothing else."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(STOP_TIMEOUT_S)

    def end(self) -> None:
        """End everything that it ever started and that still runs, whatever state it is in."""
        if self.process is not None:
            if self.process.poll() is None:
                self.services()
                for child in self._known:
                    if child.alive():
                        os.kill(child.pid, signal.SIGCONT)
                with suppress(subprocess.TimeoutExpired):
                    self.stop()
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait(STOP_TIMEOUT_S)
        for child in self._known:
            if child.alive():
                with suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGKILL)

    def bazar(self, *words: object) -> Result:
        """Run a command on its data folder."""
        return run_bazar(*words, env={"BAZAR_DATA": str(self.data)})


class ThreeServices(TestedShop):
    """Three `bazar serve`, each with a data folder of its own, as on three machines."""

    def __init__(self, folder: Path) -> None:
        """Prepare the services; `start` each, or all in a `with`."""
        front, catalog, order = (f"http://127.0.0.1:{port}" for port in free_ports(3))
        super().__init__(Addresses(front, catalog, order))
        self.folder = folder
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._number = 0

    def __enter__(self) -> Self:
        """Promise to end what is started."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End whatever still runs."""
        for service in list(self.processes):
            self.end(service)

    def command(self, service: str) -> list[str]:
        """Return the words that start a service."""
        port = getattr(self.addresses, service).rpartition(":")[2]
        words = [sys.executable, "-m", "bazar", "serve", service, "--port", port]
        words += ["--catalog", self.addresses.catalog, "--order", self.addresses.order]
        return [*words, "--data", str(self.folder / service)]

    def start(self, *services: str, before: Sequence[str] = ()) -> None:
        """Start services; `before` is put before the command, as `strace` is."""
        for service in services or SERVICES:
            self._number += 1
            log = self.folder / f"{self._number}.{service}.log"
            self._logs.append(log)
            with log.open("wb") as output:
                self.processes[service] = subprocess.Popen(
                    [*before, *self.command(service)],
                    env=environment({"BAZAR_SECRET": self.secret}),
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                )

    def open(self, *services: str) -> None:
        """Start services and wait until they are ready."""
        self.start(*services)
        self.wait_until_ready(*services)

    def last_log(self) -> str:
        """Return what the service that was started last printed."""
        return self._logs[-1].read_text("utf-8", "replace")

    def running(self, service: str) -> bool:
        """Tell whether the process of a service still runs."""
        return self.processes[service].poll() is None

    def stop(self, service: str, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal to a service, wait for its end, and return its exit code."""
        process = self.processes[service]
        process.send_signal(number)
        return process.wait(STOP_TIMEOUT_S)

    def secret_files(self) -> list[Path]:
        """Return the secret files that the services made for themselves."""
        return list(self.folder.glob("*/secret"))

    def end(self, service: str) -> None:
        """End a service, and the strace around it, whatever state they are in."""
        process = self.processes[service]
        if process.poll() is None:
            for child in children_of(process.pid):
                with suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGKILL)
            process.kill()
            process.wait(STOP_TIMEOUT_S)


def lines_of(log: str, service: str) -> list[str]:
    """Return the log lines of one service, without its prefix."""
    return [
        line.partition("| ")[2] for line in log.splitlines() if re.match(rf"{service} *\| ", line)
    ]
