"""What replicas are for: one is lost or hangs while buyers buy, and a change reaches every front.

Buyers ask again with the same key until they know, as every client of the shop may. What counts is
how long nobody heard anything, and how long the slowest purchase took, from its first request.
"""

import json
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import urlsplit

from bench.felt import Bought, Felt
from bench.lab.titles import BOOKS
from bench.load import new_nonce
from bench.measure import running, tell
from bench.overload import percentile
from bench.processes import BenchError
from bench.reserving import Reserving, measure_reserving
from bench.shared import Shared, Two

FRONTS = 3
CHANGES = 300
FAULT_ROUNDS = 3
BUYERS = 16
CALM_S = 2.0
HANG_S = 3.0
"""How long a replica stands still."""
SETTLE_S = 2.0
"""From one fault to the next, and the time that the last one gets."""
TIMEOUT_S = 20.0
ASK_AGAIN_S = 0.02
SEEN_WITHIN_S = 5.0
_BOUGHT = 201


@dataclass(slots=True)
class Replicas:
    """All that was found out."""

    reserving: Reserving = field(default_factory=Reserving)
    changed_ms: list[float] = field(default_factory=list)
    """From the answer to a change until every front showed it."""
    calm: Felt = field(default_factory=Felt)
    lost: Felt = field(default_factory=Felt)
    hung: Felt = field(default_factory=Felt)

    @property
    def change_p99_ms(self) -> float | None:
        """Return how long a change took to all fronts, but for one in a hundred."""
        return percentile(self.changed_ms, 0.99) if self.changed_ms else None

    def lines(self) -> Iterator[str]:
        """Return what a person reads."""
        yield from self.reserving.lines()
        shares = "  ".join(
            f"p{100 * share:.0f} {percentile(self.changed_ms, share):.1f} ms"
            for share in (0.5, 0.9, 0.99)
        )
        yield (
            f"{len(self.changed_ms)} changes of a book through two catalogs, each from its answer "
            f"until {FRONTS} fronts that held the book showed it: {shares}"
        )
        for name, felt in (("calm", self.calm), ("kill -9", self.lost), ("SIGSTOP", self.hung)):
            if felt.bought:
                yield (
                    f"{name:<8} {felt.bought:,} purchases, longest without an answer "
                    f"{felt.gap_s:.2f} s, slowest {felt.slowest_s:.2f} s, "
                    f"{felt.others} answers that were not 201"
                )


class Buyers:
    """Clients who buy one copy after the other and never give up."""

    def __init__(self, url: str) -> None:
        """Ask at this front."""
        self._url = url
        self._over = threading.Event()
        self.bought: list[Bought] = []

    @contextmanager
    def buying(self) -> Iterator[None]:
        """Buy while the block runs; then finish what is under way."""
        threads = [threading.Thread(target=self._buy, daemon=True) for _ in range(BUYERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join(2 * TIMEOUT_S)

    def _buy(self) -> None:
        asker, nonce, number = Asker(self._url), new_nonce(), 0
        while not self._over.is_set():
            number += 1
            path = f"/purchase/{random.choice(BOOKS)[0]}"
            started_s, others = monotonic(), 0
            while asker.ask("POST", path, {"Idempotency-Key": f'"{nonce}-{number}"'})[0] != _BOUGHT:
                others += 1
                if monotonic() > started_s + TIMEOUT_S:
                    break
                sleep(ASK_AGAIN_S)
            self.bought.append(Bought(started_s, monotonic(), others))


class Asker:
    """A client that keeps its connection."""

    def __init__(self, url: str) -> None:
        """Connect when it asks."""
        parts = urlsplit(url)
        self._where = str(parts.hostname), parts.port
        self._connection: HTTPConnection | None = None

    def ask(
        self, method: str, path: str, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Return status and body of an answer; status 0 where there was none."""
        try:
            if self._connection is None:
                self._connection = HTTPConnection(*self._where, timeout=TIMEOUT_S)
            self._connection.request(
                method, path, headers={"Content-Length": "0", **(headers or {})}
            )
            response = self._connection.getresponse()
            return response.status, response.read()
        except (OSError, HTTPException):
            self._connection = None
            return 0, b""


def measure_replicas(folder: Path) -> Replicas:
    """Start a shop with two replicas of each service, and do to it what replicas are for.

    Args:
        folder: does not exist yet.

    Raises:
        BenchError: the shop does not start, or a change never arrives.
    """
    found = Replicas()
    found.reserving = measure_reserving(folder / "reserving")
    with running(Two(folder / "two")) as shop:
        fronts = shop.more_fronts(FRONTS - 1)
        found.changed_ms = _changes(shop, fronts)
        tell(f"replicas a change is everywhere after {found.change_p99_ms:.1f} ms (p99)")
        found.calm.take(_bought(fronts[0], lambda: sleep(CALM_S)))
        for number in range(FAULT_ROUNDS):
            for felt, fault in ((found.lost, _kill), (found.hung, _hang)):
                felt.take(_bought(fronts[0], lambda fault=fault: _each(shop, fault)))  # type: ignore[misc]
            tell(
                f"{number + 1} lost: {found.lost.gap_s:.2f} s without an answer; "
                f"hung: {found.hung.gap_s:.2f} s"
            )
    return found


def _bought(url: str, act: Callable[[], None]) -> list[Bought]:
    """Return the purchases while something is done."""
    buyers = Buyers(url)
    with buyers.buying():
        sleep(CALM_S / 2)
        act()
    return buyers.bought


def _each(shop: Shared, fault: Callable[[int], None]) -> None:
    """Let a fault strike one catalog and, when that is over, one order service."""
    for service in ("catalog", "order"):
        running_now = [
            pid
            for pid, one in shop.processes.usage().items()
            if shop.label(one.root, one.command) == service
        ]
        fault(random.choice(running_now))
        sleep(SETTLE_S)


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def _hang(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    try:
        sleep(HANG_S)
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _changes(shop: Shared, fronts: Sequence[str]) -> list[float]:
    """Return how long each of many changes took until every front showed it, in ms."""
    from bazar.kit.secret import read_secret

    secret = read_secret(shop.data / "secret")
    keepers = [Asker(url) for url in shop.urls[1].split(",")]
    readers = [Asker(url) for url in fronts]
    spent_ms = []
    for number in range(CHANGES):
        book_id = BOOKS[number % len(BOOKS)][0]
        for reader in readers:
            _version(reader, book_id)  # so that the front holds it
        path = f"/update/{book_id}/amount_of_items/1"
        keeper = random.choice(keepers)
        status, body = keeper.ask("PUT", path, {"Authorization": f"Bearer {secret}"})
        answered_s = monotonic()
        if status not in range(200, 300):
            message = f"a change was answered {status}: {body[:200]!r}"
            raise BenchError(message)
        version = json.loads(body)["version"]
        for reader in readers:
            while _version(reader, book_id) < version:
                if monotonic() > answered_s + SEEN_WITHIN_S:
                    message = f"a front never showed version {version} of book {book_id}"
                    raise BenchError(message)
        spent_ms.append(1000 * (monotonic() - answered_s))
    return spent_ms


def _version(reader: Asker, book_id: int) -> int:
    status, body = reader.ask("GET", f"/info/{book_id}")
    return int(json.loads(body)["version"]) if status == 200 else 0  # noqa: PLR2004
