"""The whole deployment on one screen: which services, on which ports, with which databases."""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import msgspec

from bazar.kit import log
from bazar.kit.data.moved import moved_to, refuse_moved
from bazar.kit.errors import StartupError
from bazar.kit.files import whole_file
from bazar.kit.identity import PROCESS
from bazar.kit.lock import hold
from bazar.kit.log_file import LogFile
from bazar.kit.process.config import (
    PORT_MAX,
    SECRET_FILE,
    database_place,
    is_postgres,
    postgres_parts,
    refuse_half_restored,
    without_password,
)
from bazar.kit.process.connections import raise_file_limit
from bazar.kit.process.postgres_server import (
    START_TIMEOUT_S,
    STOP_SIGNAL,
    STOP_TIMEOUT_S,
    PostgresServer,
    is_prepared,
    prepare,
)
from bazar.kit.process.readiness import until_ready, wait_for_ports
from bazar.kit.process.server import address, watch_supervisor
from bazar.kit.process.sharing import until_told
from bazar.kit.process.supervisor import Child, Supervisor
from bazar.kit.secret import read_or_make_secret
from bazar.services import STORING, Cache, Metrics, OpenApi
from bazar.tools.remote import DEFAULT_PORTS, LOCK_FILE, SHOP_FILE, Addresses, ServiceName

SQLITE = "sqlite"
OWN_POSTGRES = "postgresql"
"""In the data folder, as a child of `bazar up`."""
POSTGRES_FOLDER = "postgres"
CONNECTIONS_MIN = 100
CONNECTIONS_A_REPLICA = 50
"""More than one catalog and one order service open together."""
LOOPBACK = "127.0.0.1"
STARTED_FILE = "started"
LOGS_FOLDER = "logs"
"""In the data folder: a file a process, where the steps of purchases are logged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpSettings:
    """What `bazar up` was asked for."""

    data: Path
    host: str
    public_hosts: str
    public_url: str
    proxies: str
    port: int
    catalog_port: int
    order_port: int
    currency: str | None
    name: str | None
    open_api: OpenApi
    log_format: log.Format
    metrics: Metrics
    sample: bool | None
    """Whether to load the sample catalogue; None: at the first start with this data folder."""
    cache: Cache = "on"
    cors: Sequence[str] = ()
    smtp_url: str = ""
    mail_from: str = ""
    database: str = ""
    """What was said of it: sqlite, postgresql, or the address of a PostgreSQL."""
    postgres_bin: Path | None = None
    """Where the programs of a PostgreSQL of our own are; None: they are looked for."""
    replicas: int = 1
    """Processes of the catalog, and of the order service."""
    workers: int = 1
    """Processes of the front."""
    log_level: log.Level = "info"

    def addresses(self) -> Addresses:
        """Return where each service will be; those of replicas with commas between them."""
        ports = self._ports()
        catalogs, orders = (
            ",".join(f"http://{LOOPBACK}:{port}" for port in ports[name]) for name in STORING
        )
        return Addresses(front=front_url(self.host, self.port), catalog=catalogs, order=orders)

    def listening(self) -> list[tuple[str, int]]:
        """Return host and port of each process; those of the front share one.

        Raises:
            StartupError: two services are at one port, or a replica has none.
        """
        ports = self._ports()
        if len({self.port, self.catalog_port, self.order_port}) < len(DEFAULT_PORTS):
            message = "the three services need three different ports"
            raise StartupError(message)
        storing = [(LOOPBACK, port) for name in STORING for port in ports[name]]
        if max(port for _host, port in storing) > PORT_MAX:
            message = f"a replica takes the next free port, and there is none above {PORT_MAX}"
            raise StartupError(message)
        return [*storing, (self.host, self.port)]

    def _ports(self) -> dict[ServiceName, list[int]]:
        """Return the ports of catalogs and order services: each replica has the next free one."""
        ports: dict[ServiceName, list[int]] = {
            "catalog": [self.catalog_port],
            "order": [self.order_port],
        }
        for _replica in range(1, self.replicas):
            for name in STORING:
                taken = {self.port, *ports["catalog"], *ports["order"]}
                port = ports[name][-1]
                while port in taken:
                    port += 1
                ports[name].append(port)
        return ports

    def engine(self) -> str:
        """Return what keeps the shop: sqlite, postgresql for one of our own, or its address.

        Raises:
            StartupError: what was asked for does not go together, or the folder has another one.
        """
        own, files = is_prepared(self.data / POSTGRES_FOLDER), self._file("catalog").exists()
        asked = self.database or (OWN_POSTGRES if own or self.replicas > 1 else SQLITE)
        named = is_postgres(asked)
        gone = moved_to(self.data)
        moved = gone and f"the shop of this data folder has moved to {gone}"
        elsewhere = "is in this data folder; name another one with --data"
        faults = [
            (
                named and postgres_parts(asked)[1] != "",
                "name the server alone: each service has a database of its own there",
            ),
            (
                not named and asked not in {SQLITE, OWN_POSTGRES},
                "that is none of sqlite, postgresql, and addresses as postgresql://user@host",
            ),
            (
                asked == SQLITE and self.replicas > 1,
                "replicas share a database, and one of SQLite belongs to a single process",
            ),
            (asked == SQLITE and own and moved, f"{moved}; start it with --database postgresql"),
            (asked == SQLITE and own, f"a shop on PostgreSQL {elsewhere}"),
            (
                asked == OWN_POSTGRES and files and not own,
                f"a shop on SQLite {elsewhere}, or move it with 'bazar move --to {asked}'",
            ),
        ]
        for wrong, reason in faults:
            if wrong:
                shown = without_password(asked) if named else asked
                message = f"this shop cannot be on {shown}: {reason}"
                raise StartupError(message)
        return asked

    def children(self, server: PostgresServer | None = None) -> list[Child]:
        """Return the processes of the services, in the order in which they start.

        Args:
            server: the PostgreSQL of our own that keeps the shop, where one does.
        """
        at, ports = self.addresses(), self._ports()
        catalog, order = ["--catalog", at.catalog], ["--order", at.order]
        books, orders = self._kept("catalog", server), self._kept("order", server)
        return [
            *(
                self._child("catalog", (LOOPBACK, port), *self._first_start(), also=books)
                for port in ports["catalog"]
            ),
            *(
                self._child("order", (LOOPBACK, port), *catalog, also={**orders, **self._mail()})
                for port in ports["order"]
            ),
            *(
                self._child("front", (self.host, self.port), *catalog, *order, *self._public())
                for _worker in range(self.workers)
            ),
        ]

    def _kept(self, name: ServiceName, server: PostgresServer | None) -> Mapping[str, str]:
        """Return what a service is told of its database: no option, as a password may be in it."""
        named = self.database if is_postgres(self.database) else str(self._file(name))
        return {"BAZAR_DATABASE": server.url(name) if server else named}

    def _file(self, name: str) -> Path:
        return self.data / f"{name}.db"

    def _first_start(self) -> list[str]:
        """Return what the catalog is told of a new shop, as far as it was said."""
        said = {"--currency": self.currency, "--name": self.name}
        return [
            word for option, value in said.items() if value is not None for word in (option, value)
        ]

    def _public(self) -> list[str]:
        said = ["--public-host", self.public_hosts, "--public-url", self.public_url]
        said += ["--proxies", self.proxies, "--open-api", self.open_api]
        said += ["--cache", self.cache]
        return [*said, *(word for origin in self.cors for word in ("--cors", origin))]

    def _mail(self) -> Mapping[str, str]:
        """Return what the order service is told of mail: not as options, which anyone can read."""
        if not self.smtp_url:
            return {}
        return {
            "BAZAR_SMTP_URL": self.smtp_url,
            "BAZAR_MAIL_FROM": self.mail_from,
            "BAZAR_PUBLIC_URL": self.public_url,
        }

    def _child(
        self,
        name: ServiceName,
        at: tuple[str, int],
        *options: str,
        also: Mapping[str, str] = MappingProxyType({}),
    ) -> Child:
        host, port = at
        command = [sys.executable, "-m", "bazar", "serve", name, "--host", host, "--port"]
        command += [str(port), "--secret-file", str(self.data / SECRET_FILE), *options]
        command += ["--log-level", self.log_level, "--log-format", self.log_format]
        if self.log_level == "debug":
            command += ["--log-file", str(self.data / LOGS_FOLDER / f"{name}-{port}.log")]
        command += ["--metrics", self.metrics]
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("BAZAR_")}
        inherited |= also
        shares = name == "front" and self.workers > 1
        return Child(name, command, inherited, front_url(host, port), shares_port=shares)


def front_url(host: str, port: int) -> str:
    """Return where a front can be asked that listens on an address, or on every one."""
    asked = LOOPBACK if host in {"0.0.0.0", "::"} else host  # noqa: S104
    return f"http://{address(asked, port)}"


async def up(
    settings: UpSettings,
    fill: Callable[[Addresses], None],
    when_ready: Callable[[Addresses], None],
) -> None:
    """Run the shop until SIGINT, SIGTERM or SIGHUP.

    Args:
        settings: where.
        fill: loads the sample catalogue, where it is wanted; it is called in a thread.
        when_ready: is called once all services answer, in a thread.

    Raises:
        StartupError: a port is taken, the data folder cannot be written or is in use, or a
            service does not get ready. Nothing is left running.
    """
    raise_file_limit()
    watch_supervisor()
    with hold(settings.data / LOCK_FILE, f"the data folder {settings.data}"):
        refuse_half_restored(settings.data)
        _log_to_files(settings)
        (settings.data / SHOP_FILE).unlink(missing_ok=True)  # of a start that was killed, or a copy
        engine = settings.engine()
        if engine == SQLITE:
            refuse_moved(settings.data)
        elif engine != OWN_POSTGRES:
            await _check_databases(engine)
        read_or_make_secret(settings.data / SECRET_FILE)
        await wait_for_ports(settings.listening())
        supervisor = Supervisor()
        stop = until_told()
        try:
            await _open(settings, engine, supervisor, fill, stop)
            if not stop.is_set():
                addresses = settings.addresses()
                _tell(addresses, settings.data)
                await asyncio.to_thread(when_ready, addresses)
                await stop.wait()
        finally:
            (settings.data / SHOP_FILE).unlink(missing_ok=True)
            await supervisor.stop()


def _log_to_files(settings: UpSettings) -> None:
    """Have all lines of this process in a file, and room for those of the services, with steps.

    Raises:
        StartupError: they cannot be written.
    """
    if settings.log_level != "debug":
        return
    folder = settings.data / LOGS_FOLDER
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        message = f"cannot write to the data folder {settings.data}: {error.strerror}"
        raise StartupError(message) from error
    file = LogFile(folder / "bazar.log")
    log.configure("bazar", settings.log_format, settings.log_level, file, f"bazar#{PROCESS}")


def _tell(addresses: Addresses, data: Path) -> None:
    """Leave in the data folder that the shop was open, and where it is.

    Raises:
        StartupError: that cannot be written, so no command would find it.
    """
    try:
        (data / STARTED_FILE).touch()
        with whole_file(data / SHOP_FILE, replace=True) as file:
            file.write(msgspec.json.encode(addresses))
    except OSError as error:
        message = f"cannot write to the data folder {data}: {error.strerror}"
        raise StartupError(message) from error


async def _check_databases(server: str) -> None:
    """Make sure that the databases of a PostgreSQL of others can be used, in one line and not two.

    Raises:
        StartupError: one cannot.
    """
    from bazar.kit.data.postgres_opening import check_postgres

    for name in STORING:
        url = str(database_place(server, Path(), name))
        await check_postgres(url, without_password(url))


async def _open(
    settings: UpSettings,
    engine: str,
    supervisor: Supervisor,
    fill: Callable[[Addresses], None],
    stop: asyncio.Event,
) -> None:
    """Start the services; the front only when the books are in, so that nobody misses them."""
    server = None
    if engine == OWN_POSTGRES:
        connections = max(CONNECTIONS_MIN, CONNECTIONS_A_REPLICA * settings.replicas)
        folder = settings.data / POSTGRES_FOLDER
        server = await own_postgres(folder, settings.postgres_bin, supervisor, stop, connections)
    children = settings.children(server)
    storing = [child for child in children if child.name != "front"]
    if not stop.is_set():
        for child in storing:
            await supervisor.start(child)
    first = not (settings.data / STARTED_FILE).exists()
    if first if settings.sample is None else settings.sample:
        await until_ready([child for child in storing if child.name == "catalog"], stop)
        if not stop.is_set():
            await asyncio.to_thread(fill, settings.addresses())
    if not stop.is_set():
        for child in children:
            if child.name == "front":
                await supervisor.start(child)
        await until_ready(children, stop)


async def own_postgres(
    folder: Path,
    programs: Path | None,
    supervisor: Supervisor,
    stop: asyncio.Event,
    connections_max: int = CONNECTIONS_MIN,
) -> PostgresServer:
    """Start a PostgreSQL of our own, made where it is new, and wait for it.

    Args:
        folder: of its data.
        programs: where its programs are; None: they are looked for.
        supervisor: keeps it running.
        stop: ends the waiting.
        connections_max: so many it takes at once.

    Raises:
        StartupError: it does not start.
    """
    server = await asyncio.to_thread(prepare, folder, STORING, programs)
    child = Child(
        "postgresql",
        server.command({"max_connections": str(connections_max)}),
        {name: text for name, text in os.environ.items() if not name.startswith("BAZAR_")},
        is_ready=server.is_ready,
        stop_signal=STOP_SIGNAL,
        stop_timeout_s=STOP_TIMEOUT_S,
    )
    await supervisor.start(child)
    await until_ready([child], stop, START_TIMEOUT_S)
    return server
