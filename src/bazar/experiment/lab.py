"""Shops of an experiment's own: real processes on free ports, in a folder that is gone at the end.

Each shop is one `bazar up` in a session of its own, so that Ctrl-C reaches this process alone,
which stops it in good order. All hold one end of a pipe: however this process ends, the kernel
closes the other, and the shops end too.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random, SystemRandom
from threading import current_thread, main_thread
from time import monotonic, sleep

import msgspec

from bazar.experiment.machine import Process, descendants
from bazar.kit.files import part_folder
from bazar.kit.process.config import SECRET_FILE
from bazar.kit.process.server import SUPERVISOR_FD_VARIABLE
from bazar.kit.secret import read_secret
from bazar.load.plan import Item
from bazar.load.stock import COPIES_DEFAULT, Stock, copies
from bazar.tools.remote import SHOP_FILE, Addresses
from bazar.tools.shop import Shop
from bazar.wire.books import NewBook

READY_TIMEOUT_S = 180.0
"""A PostgreSQL is made first, on a machine that may have much else to do."""
STOP_TIMEOUT_S = 90.0
POLL_S = 0.02
ATTEMPTS = 3
"""To find ports that stay free until the shop takes them."""
PORTS = range(12_000, 30_000)
"""Below those that systems give to clients, so that no client takes one meanwhile."""
LOOPBACK = "127.0.0.1"
TOPICS = ("distributed systems", "undergraduate school", "new")


class ExperimentError(Exception):
    """An experiment cannot be made; the message is for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A shop that an experiment needs."""

    name: str
    options: Sequence[str] = ()
    """Of `bazar up`."""
    replicas: int = 1


@dataclass(slots=True)
class OwnShop:
    """A shop that was started here."""

    name: str
    folder: Path
    process: subprocess.Popen[bytes] = field(repr=False)
    shop: Shop | None = None
    stock: Stock | None = None

    @property
    def remote(self) -> Shop:
        """Return what asks it, once it is open."""
        assert self.shop is not None
        return self.shop

    @property
    def books(self) -> Stock:
        """Return what it sells, once it is open."""
        assert self.stock is not None
        return self.stock

    @property
    def log(self) -> Path:
        """Return the file that holds all that its processes print."""
        return self.folder / "log"

    @property
    def data(self) -> Path:
        """Return its data folder."""
        return self.folder / "data"

    def serving(self, service: str) -> list[Process]:
        """Return the processes of a service, the first of several first."""
        return [
            one for one in descendants(self.process.pid) if ["serve", service] == one.words[3:5]
        ]

    def last_words(self) -> str:
        """Return the last line of its log."""
        lines = self.log.read_text("utf-8", "replace").splitlines() if self.log.exists() else []
        return lines[-1] if lines else "it said nothing"


@dataclass(frozen=True, slots=True)
class Lab:
    """Where experiments get their shops, and say how far they are."""

    folder: Path
    say: Callable[[str], None]
    tie_fd: int
    """Which every shop holds; the other end is closed when this process ends."""
    programs: Path | None = None
    """Of PostgreSQL, where somebody named them."""
    given: set[int] = field(default_factory=set)
    """Ports that a shop was given; it may not listen there yet."""

    @contextmanager
    def shops(self, wanted: Sequence[Wanted], books: int) -> Iterator[list[OwnShop]]:
        """Start shops side by side, each with so many books; stop them however the block ends.

        Raises:
            ExperimentError: one does not start.
        """
        with ExitStack() as stack:
            self.say(f"starting {len(wanted)} shop{'s' if len(wanted) > 1 else ''}")
            started = [stack.enter_context(self._started(one)) for one in wanted]
            stack.callback(_tell_to_end, started)
            for one, own in zip(wanted, started, strict=True):
                self._open(stack, one, own)
                _fill(own, books)
            yield started

    @contextmanager
    def _started(self, wanted: Wanted) -> Iterator[OwnShop]:
        try:
            folder = Path(tempfile.mkdtemp(dir=self.folder, prefix="shop-"))
        except OSError as error:
            message = f"{self.folder} cannot be written: {error.strerror}"
            raise ExperimentError(message) from error
        own = OwnShop(wanted.name, folder, self._spawned(wanted, folder))
        try:
            yield own
        finally:
            _stop(own.process)

    def _spawned(self, wanted: Wanted, folder: Path) -> subprocess.Popen[bytes]:
        length = wanted.replicas * 2
        front, catalog, order = firsts = free_rows(3, length, self.given)
        self.given.update(port for first in firsts for port in range(first, first + length))
        command = [sys.executable, "-m", "bazar", "up", "--data", str(folder / "data"), "--empty"]
        command += ["--port", str(front), "--catalog-port", str(catalog)]
        command += ["--order-port", str(order), "--replicas", str(wanted.replicas)]
        command += ["--metrics", "open", "--log-format", "json", *wanted.options]
        if self.programs is not None:
            command += ["--postgres-bin", str(self.programs)]
        kept = {name: text for name, text in os.environ.items() if not name.startswith("BAZAR_")}
        try:
            with (folder / "log").open("wb") as log:
                return subprocess.Popen(  # noqa: S603  our own program
                    command,
                    env=kept | {SUPERVISOR_FD_VARIABLE: str(self.tie_fd)},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=(self.tie_fd,),
                    start_new_session=True,
                )
        except OSError as error:
            message = f"a shop cannot be started: {error.strerror}"
            raise ExperimentError(message) from error

    def _open(self, stack: ExitStack, wanted: Wanted, own: OwnShop) -> None:
        """Wait until a shop is open; where its ports were taken meanwhile, start it anew."""
        for attempt in range(1, ATTEMPTS + 1):
            give_up_s = monotonic() + READY_TIMEOUT_S
            while own.process.poll() is None and monotonic() < give_up_s:
                if (own.data / SHOP_FILE).exists():
                    told = (own.data / SHOP_FILE).read_bytes()
                    addresses = msgspec.json.decode(told, type=Addresses)
                    own.shop = Shop(addresses, read_secret(own.data / SECRET_FILE))
                    return
                sleep(POLL_S)
            words = own.last_words()
            if own.process.poll() is None:
                words = f"it was not open after {READY_TIMEOUT_S:g} s"
            if attempt == ATTEMPTS or own.process.poll() is None or "port" not in words:
                message = f"the shop {own.name!r} does not start: {words}"
                raise ExperimentError(message)
            own.process = self._spawned(wanted, own.folder)
            stack.callback(_stop, own.process)


@contextmanager
def opened_lab(say: Callable[[str], None], programs: Path | None = None) -> Iterator[Lab]:
    """Give experiments a folder for their shops, gone at the end.

    What a run has left that was killed, the next one takes away.

    Raises:
        ExperimentError: there is no room for it.
    """
    place = Path(tempfile.gettempdir())
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(part_folder(place, "bazar-experiment"))
            tie_fd, held_fd = os.pipe()
        except OSError as error:
            message = f"{place} cannot be written: {error.strerror}"
            raise ExperimentError(message) from error
        stack.callback(os.close, tie_fd)
        stack.callback(os.close, held_fd)
        yield Lab(folder, say, tie_fd, programs)


def _fill(own: OwnShop, books: int) -> None:
    """Give a shop books of which nobody will run out."""
    items, dice = [], Random(books)  # noqa: S311  popular or not, the same each time
    for number in range(1, books + 1):
        new = NewBook(
            title=f"Book {number}",
            topic=TOPICS[number % len(TOPICS)],
            price=Decimal(number),
            quantity=COPIES_DEFAULT,
        )
        book = own.remote.catalog.add(new)
        items.append(Item(book.id, book.topic))
    dice.shuffle(items)
    own.stock = Stock(items, items, {item.book_id: COPIES_DEFAULT for item in items})


def recount(own: OwnShop) -> None:
    """Note how many copies there are from now on, whatever was bought before."""
    kept = own.books.own
    kept.update((book_id, copies(own.remote, book_id)) for book_id in list(kept))


def _tell_to_end(shops: Sequence[OwnShop]) -> None:
    """Tell all shops at once that they are to end: each takes a while for it."""
    with _undisturbed():
        for own in shops:
            _terminate(own.process)


def _terminate(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        for stopped in descendants(process.pid):  # one that stands still cannot end itself
            with suppress(ProcessLookupError, PermissionError):
                os.kill(stopped.pid, signal.SIGCONT)
        process.terminate()


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a shop in good order, or at once where it takes too long; a second Ctrl-C waits."""
    with _undisturbed():
        _terminate(process)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()  # its services end with it
            process.wait()


@contextmanager
def _undisturbed() -> Iterator[None]:
    if current_thread() is not main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def free_rows(count: int, length: int, given: Collection[int] = ()) -> list[int]:
    """Return ports of this machine that nobody listens on, and which begin a row of such.

    Args:
        count: how many rows.
        length: how many ports in each, one after the other.
        given: ports that are somebody's, though nobody may listen there yet.
    """
    found: list[int] = []
    while len(found) < count:
        first = SystemRandom().choice(PORTS)
        row = range(first, first + length)
        apart = all(abs(first - other) >= length for other in found)
        if apart and not any(port in given for port in row) and all(map(_is_free, row)):
            found.append(first)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((LOOPBACK, port))
        return True
    return False
