"""Real shops in real processes, for tests: started, watched, killed by pid, and always ended.

`RunningShop` is one `bazar up`; `ThreeServices` are three `bazar serve`, as on three machines, or
more than three, where several replicas share the databases of a PostgreSQL.
Both are context managers that leave nothing running. Every wait has a bound, and shows the log
when it passes.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from types import MappingProxyType, TracebackType
from typing import Self

import msgspec

from bazar.kit.peers.credentials import Credentials
from bazar.tools.audit import AuditReport
from bazar.tools.audit import audit as run_audit
from bazar.tools.remote import SHOP_FILE, Addresses, RemoteError
from bazar.tools.shop import Shop
from bazar.wire.books import NewBook
from bazar.wire.limits import Price
from bazar.wire.orders import Order
from bazar.wire.stock import Movement
from support.customers import Customers
from support.processes import (
    BAZAR,
    LOG_SHOWN,
    SECRET,
    SERVICES,
    START_TIMEOUT_S,
    STOP_TIMEOUT_S,
    Result,
    Running,
    children_of,
    command_line,
    environment,
    free_ports,
    process_stat,
    run_bazar,
    wait_for,
)


@dataclass
class TestedShop:
    """A shop in processes of its own, and what a test asks of it."""

    __test__ = False

    addresses: Addresses
    secret: str = SECRET
    urls: dict[str, str] = field(default_factory=dict)
    """Of each process by its name, where there are several of a service."""
    _logs: list[Path] = field(default_factory=list)
    _probes: dict[str, Shop] = field(default_factory=dict)
    """By service; each asks for readiness, many times a second, and keeps its client."""
    tls: Credentials | None = None
    """What its keeper shows, where services are asked under TLS."""

    def remote(self) -> Shop:
        """Return the shop as the commands see it."""
        return Shop(self.addresses, self.secret, tls=self.tls)

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
        return self.remote().catalog.add(new).id

    def stock(self, book_id: int) -> int:
        """Return the copies in stock."""
        return self.remote().catalog.book(book_id).quantity

    def movements(self, book_id: int | None = None) -> list[Movement]:
        """Return the ledger rows of all books, or those of one, in the order of their commits."""
        rows = self.remote().catalog.movements()
        return [row for row in rows if book_id is None or row.book_id == book_id]

    def orders(self, book_id: int | None = None) -> list[Order]:
        """Return all orders, or those of one book; it drives none of them."""
        found = self.remote().order.orders()
        return [
            order
            for order in found
            if book_id is None or any(line.book_id == book_id for line in order.lines)
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

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of its services, in the order in which they start."""
        return SERVICES

    def ready(self, service: str) -> bool:
        """Tell whether a service answers, and that it is ready."""
        probe = self._probes.get(service)
        if probe is None or probe.secret != self.secret:
            there = {role_of(service): self.urls[service]} if service in self.urls else {}
            known = msgspec.structs.replace(self.addresses, **there)
            probe = self._probes[service] = Shop(known, self.secret, tls=self.tls)
        try:
            return bool(probe.call(role_of(service), "GET", "/readyz", dict))
        except RemoteError:
            return False

    def wait_until_ready(self, *services: str) -> None:
        """Wait until services answer."""
        for service in services or self.names:
            try:
                wait_for(f"{service} is ready", lambda: self.ready(service), START_TIMEOUT_S)  # noqa: B023
            except AssertionError as error:
                message = f"{error}; the log ends:\n{self.log()[-LOG_SHOWN:]}"
                raise AssertionError(message) from None


class RunningShop(TestedShop):
    """One `bazar up` on free ports."""

    settings: Mapping[str, str] = MappingProxyType({})
    """What it is told by its environment."""

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
        words += ["--log-level", "info"]
        return [*words, "--catalog-port", catalog, "--order-port", order, *self.options]

    def start(self, *options: str) -> None:
        """Start it and wait until it says that it is open."""
        self._number += 1
        log = self.data.with_name(f"{self.data.name}.{self._number}.log")
        self._logs.append(log)
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [*self.command(), *options],
                env=environment(self.settings),
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
        self.addresses = msgspec.json.decode((self.data / SHOP_FILE).read_bytes(), type=Addresses)
        for role in ("catalog", "order"):
            urls = getattr(self.addresses, role).split(",")
            self.urls |= zip(Replicas(**{role: len(urls)}).names(role), urls, strict=True)
        self.services()

    def last_log(self) -> str:
        """Return what the last start printed."""
        return self._logs[-1].read_text("utf-8", "replace")

    def supervisor(self) -> Running:
        """Return the process of `bazar up`."""
        assert self.process is not None
        stat = process_stat(self.process.pid)
        assert stat is not None
        return Running(self.process.pid, stat[2])

    def services(self) -> dict[str, Running]:
        """Return the services that run now, and their database, where that is a process of ours.

        Replicas are named by their ports, processes that share one by when they started.
        """
        assert self.process is not None
        running = []
        for child in children_of(self.process.pid):
            words = command_line(child.pid)
            if "serve" in words:
                role, port = words[words.index("serve") + 1], words[words.index("--port") + 1]
                running.append((role, int(port), child.started, child))
            elif words and words[0].endswith("/postgres"):  # one that has just died has no words
                running.append(("postgresql", 0, child.started, child))
        found: dict[str, Running] = {}
        for role, _port, _started, child in sorted(running, key=lambda one: one[:3]):
            number = sum(role_of(name) == role for name in found) + 1
            found[role if number == 1 else f"{role}-{number}"] = child
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


@dataclass(frozen=True)
class Replicas:
    """How many processes of each service a shop has."""

    catalog: int = 1
    order: int = 1
    front: int = 1

    def names(self, *roles: str) -> tuple[str, ...]:
        """Return the names of the processes of some services, or of all: `order`, `order-2`."""
        return tuple(
            role if number == 1 else f"{role}-{number}"
            for role in roles or SERVICES
            for number in range(1, getattr(self, role) + 1)
        )


def role_of(name: str) -> str:
    """Return which service a process is of, by its name."""
    return name.partition("-")[0]


class ThreeServices(TestedShop):
    """`bazar serve` three times or more, each with a data folder of its own, as on many machines.

    Several catalogs, or several orders, need a database that they share.
    """

    def __init__(
        self,
        folder: Path,
        program: Sequence[str] = BAZAR,
        replicas: Replicas = Replicas(),
        databases: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare the services; `start` each, or all in a `with`.

        Args:
            folder: for data and logs.
            program: after the Python that runs it.
            replicas: how many of each.
            databases: addresses by the name of a process or of its service; where there is none,
                it keeps its data in a file of its own.
        """
        self.replicas = replicas
        ports = free_ports(len(self.names))
        urls = {
            name: f"http://127.0.0.1:{port}" for name, port in zip(self.names, ports, strict=True)
        }
        addresses = Addresses(*(urls[role] for role in ("front", "catalog", "order")))
        super().__init__(addresses, urls=urls)
        self.folder = folder
        self.program = program
        self.databases = dict(databases or {})
        self.seen: dict[str, Addresses] = {}
        """Where a process looks for the others, if that is not where they are."""
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

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of its processes, in the order in which they start."""
        return self.replicas.names()

    def everywhere(self) -> Addresses:
        """Return the addresses of all replicas, as a service takes them."""
        catalogs, orders = (
            ",".join(self.urls[name] for name in self.replicas.names(role))
            for role in ("catalog", "order")
        )
        return Addresses(self.addresses.front, catalogs, orders)

    def command(self, service: str) -> list[str]:
        """Return the words that start a process."""
        role, port = role_of(service), self.urls[service].rpartition(":")[2]
        others = self.seen.get(service, self.everywhere())
        words = [sys.executable, *self.program, "serve", role, "--port", port]
        words += ["--catalog", others.catalog, "--order", others.order]
        database = self.databases.get(service, self.databases.get(role))
        words += ["--database", database] if database else []
        return [*words, "--data", str(self.folder / service)]

    def start(self, *services: str, before: Sequence[str] = ()) -> None:
        """Start services; `before` is put before the command, as `strace` is."""
        for service in services or self.names:
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

    def process(self, service: str) -> Running:
        """Return the process of a service that runs."""
        pid = self.processes[service].pid
        stat = process_stat(pid)
        assert stat is not None
        return Running(pid, stat[2])

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
