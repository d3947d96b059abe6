"""The systems that are measured: each is started fresh, on free ports, with a folder of its own."""

import json
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from time import perf_counter

from bench.client import listens, succeeds
from bench.lab.titles import BOOKS
from bench.load import Load
from bench.processes import BenchError, Processes, free_ports
from bench.rows import CROWD, INFO, MANY_BOOKS, Group

LOOPBACK = "127.0.0.1"
STOCK = 100_000_000
"""Copies of each book: no run sells them out."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is measured of a system: a row's name, a load and where it goes."""

    row: str
    load: Load
    url: str


class System:
    """What is common: start until ready, and stop."""

    name = ""
    come_and_go: frozenset[str] = frozenset()
    """Labels of processes that may end and begin while it is measured."""

    def __init__(self, folder: Path) -> None:
        """Take a folder that does not exist yet."""
        folder.mkdir(parents=True)
        self.folder = folder
        self.processes = Processes(folder)
        self.ready_s = 0.0
        self.ports = free_ports(3)
        self.urls = [f"http://{LOOPBACK}:{port}" for port in self.ports]

    def start(self) -> None:
        """Start it, and note how long it took until it was ready."""
        started_s = perf_counter()
        self.launch()
        self.processes.wait_until(self.name, self.is_ready)
        self.ready_s = perf_counter() - started_s
        self.fill()

    def stop(self) -> None:
        """Stop what was started."""
        self.processes.stop()

    def launch(self) -> None:
        """Start the processes."""
        raise NotImplementedError

    def is_ready(self) -> bool:
        """Tell whether all of it can work."""
        raise NotImplementedError

    def fill(self) -> None:
        """Put books into it, unless it came with them."""

    def targets(self, group: Group) -> Sequence[Target]:
        """Return what is measured of it in a group of rows: their loads on the front."""
        return [Target(self.name, load, self.urls[0]) for load in group.loads]

    def label(self, root: str, command: Sequence[str]) -> str:
        """Name a process of a tree by the name of its root and its own command line."""
        del command
        return root


class Bazar(System):
    """This shop, as `bazar up` starts it: a supervisor and three services."""

    name = "bazar"

    @property
    def data(self) -> Path:
        """Return the data folder."""
        return self.folder / "data"

    def launch(self) -> None:
        """Start the shop without the sample books."""
        front, catalog, order = map(str, self.ports)
        command = [sys.executable, "-m", "bazar", "up", "--empty", "--data", str(self.data)]
        command += ["--metrics", "open"]  # a check reads them
        command += ["--log-level", "info"]  # a line a request is a part of what is measured
        command += ["--port", front, "--catalog-port", catalog, "--order-port", order]
        self.processes.start("bazar", [*command, *self.options()])

    def options(self) -> Sequence[str]:
        """Return what else it is started with."""
        return ()

    def is_ready(self) -> bool:
        """Ask each process of a service whether it can work."""
        return all(succeeds(f"{url}/readyz") for url in ",".join(self.urls).split(","))

    def fill(self) -> None:
        """Add the lab's books, under the lab's ids."""
        for book_id, title, topic, price in BOOKS:
            self.add_book(book_id, title, topic, price, STOCK)

    def add_book(self, book_id: int, title: str, topic: str, price: float, copies: int) -> None:
        """Add a book through the catalog.

        Raises:
            BenchError: the catalog refuses.
        """
        from bazar.kit.process.config import SECRET_FILE
        from bazar.kit.secret import read_secret
        from bazar.tools.remote import Addresses, RemoteError
        from bazar.tools.shop import Shop
        from bazar.wire.books import NewBook

        shop = Shop(Addresses(*self.urls), read_secret(self.data / SECRET_FILE))
        cents = Decimal(str(price)).quantize(Decimal("0.01"))
        new = NewBook(id=book_id, title=title, topic=topic, price=cents, quantity=copies)
        try:
            shop.catalog.add(new)
        except RemoteError as error:
            raise BenchError(str(error)) from error

    def label(self, root: str, command: Sequence[str]) -> str:
        """Name a service by its name; what started them is the supervisor."""
        del root
        return command[command.index("serve") + 1] if "serve" in command else "supervisor"


class Lab(System):
    """The lab's way: three Flask development servers."""

    name = "lab"

    def __init__(self, folder: Path, copies: int = STOCK) -> None:
        """Start with so many copies of each book."""
        super().__init__(folder)
        self.copies = copies

    def launch(self) -> None:
        """Start catalog, order and front, as the lab does: each by hand with its addresses."""
        (front, catalog, order), (_front, catalog_url, order_url) = self.ports, self.urls
        options: dict[str, list[object]] = {
            "catalog": [catalog, "--database", self.folder / "catalog.db"],
            "order": [order, "--database", self.folder / "order.db", "--catalog", catalog_url],
            "front": [front, "--catalog", catalog_url, "--order", order_url],
        }
        options["catalog"] += ["--quantity", self.copies]
        for service, given in options.items():
            command = [sys.executable, "-m", f"bench.lab.{service}", "--port", *map(str, given)]
            self.processes.start(service, command)

    def is_ready(self) -> bool:
        """Ask for a book through the front, and whether the order service listens."""
        return succeeds(f"{self.urls[0]}/info/1") and listens(self.urls[2])

    def targets(self, group: Group) -> Sequence[Target]:
        """Return the loads on the front, but not those of a crowd, which is too much for it."""
        return [] if group.shows or group.clients == CROWD else super().targets(group)

    def books(self) -> tuple[dict[int, int], dict[int, int]]:
        """Return the copies gone of each book that misses some, and the orders for each book."""
        stock = self._pairs("catalog.db", "SELECT id, quantity FROM books")
        gone = {book_id: self.copies - left for book_id, left in stock.items()}
        orders = self._pairs("order.db", "SELECT book_id, count(*) FROM orders GROUP BY book_id")
        return {book_id: copies for book_id, copies in gone.items() if copies}, orders

    def _pairs(self, file: str, query: str) -> dict[int, int]:
        with closing(sqlite3.connect(self.folder / file)) as connection:
            return dict(connection.execute(query).fetchall())


class Floor(System):
    """What the libraries alone cost: three processes that pass purchases on, and do no work."""

    name = "floor"
    rows = ("floor, read", "floor, three hops")

    def __init__(self, folder: Path, samples: Mapping[str, bytes]) -> None:
        """Give these answers of the shop, by the name of the load."""
        super().__init__(folder)
        ready = {path: samples[INFO.name].decode() for path in INFO.paths}
        self._answers = folder / "answers.json"
        self._answers.write_text(json.dumps(ready | {"bought": samples[MANY_BOOKS.name].decode()}))

    def launch(self) -> None:
        """Start all three, the last one first."""
        (front, middle, last), (_front, middle_url, last_url) = self.ports, self.urls
        answers = ("--answers", str(self._answers))
        for name, port, given in (
            ("last", last, answers),
            ("middle", middle, ("--next", last_url, *answers)),
            ("front", front, ("--next", middle_url, *answers)),
        ):
            command = [sys.executable, "-m", "bench.floor", name, "--port", str(port), *given]
            self.processes.start(name, command)

    def is_ready(self) -> bool:
        """Ask for a book at each of them."""
        return all(succeeds(f"{url}{INFO.paths[0]}") for url in self.urls)

    def targets(self, group: Group) -> Sequence[Target]:
        """Return the read or the chain, which are the same for all rows of a group."""
        read, chain = self.rows
        if group.shows:
            return []
        if group.buys:
            return [Target(chain, MANY_BOOKS, self.urls[0])]
        return [Target(read, INFO, self.urls[0])]
