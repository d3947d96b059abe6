"""What TLS between services costs: processor time of a call, in the clear and under TLS, in turns.

Two catalogs with the same book are asked as services ask each other, over connections that stay
open; the time of caller and catalog is added up.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import monotonic, process_time
from typing import TYPE_CHECKING

from bench.measure import tell
from bench.processes import BenchError, Processes, free_ports
from bench.turns import Spread, ratio

if TYPE_CHECKING:
    from bazar.kit.peers.client import Upstream
    from bazar.kit.peers.credentials import Credentials

CALLERS = 16
ROUNDS = 7
TURN_S = 1.0
WARM_UP_S = 0.3
PLAIN, SECURED = "in the clear", "under TLS"
SECRET = "a secret of the benchmark"  # noqa: S105  it guards nothing
DEADLINE_MS = 5000
_OK = 200


@dataclass(slots=True)
class Securing:
    """Processor time of a call, in µs, by how it went out, a value a round."""

    us: dict[str, list[float]] = field(default_factory=dict)

    @property
    def spread(self) -> Spread | None:
        """Return how many times as much it takes under TLS, round by round."""
        ours, theirs = (dict(enumerate(self.us.get(way, []))) for way in (SECURED, PLAIN))
        return ratio(ours, theirs)

    def lines(self) -> Iterator[str]:
        """Return what a person reads."""
        for way, spent_us in self.us.items():
            yield (
                f"a call {way}: {median(spent_us):.0f} µs of processor time of both sides "
                f"({min(spent_us):.0f} to {max(spent_us):.0f})"
            )


def measure_securing(folder: Path) -> Securing:
    """Ask both catalogs in turns.

    Args:
        folder: does not exist yet.

    Raises:
        BenchError: a catalog does not start, or a call failed.
    """
    import uvloop

    folder.mkdir(parents=True)
    found = Securing()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_measure(folder, found))
    if found.spread:
        tell(f"a call under TLS takes {found.spread.median:.2f} times the processor time")
    return found


async def _measure(folder: Path, found: Securing) -> None:
    from bazar.kit.peers.client import Upstream, new_client
    from bazar.kit.peers.credentials import read_credentials
    from bazar.tools.certificates import certify

    certificates = folder / "tls"
    certify(certificates)
    ports = dict(zip((PLAIN, SECURED), free_ports(2), strict=True))
    catalogs = {way: Processes(folder) for way in ports}
    keeper, front = (read_credentials(certificates, role) for role in ("keeper", "front"))
    client = new_client()
    try:
        asked: dict[str, Upstream] = {}
        for way, port in ports.items():
            under = way == SECURED
            url = f"http{'s' if under else ''}://127.0.0.1:{port}"
            name = "secured" if under else "plain"
            _start(catalogs[way], folder / name, port, certificates if under else None)
            await asyncio.to_thread(_fill, catalogs[way], url, keeper if under else None)
            asked[way] = Upstream("catalog", url, client, SECRET, tls=front if under else None)
        for _round in range(ROUNDS):
            for way, upstream in asked.items():
                await _call_for(WARM_UP_S, upstream)
                before_s = process_time() + catalogs[way].cpu_s()
                calls = await _call_for(TURN_S, upstream)
                spent_s = process_time() + catalogs[way].cpu_s() - before_s
                found.us.setdefault(way, []).append(spent_s / calls * 1e6)
        for upstream in asked.values():
            await upstream.stop()
    finally:
        await client.close()
        for processes in catalogs.values():
            processes.stop()


def _start(processes: Processes, folder: Path, port: int, certificates: Path | None) -> None:
    import sys

    folder.mkdir()
    secret = folder / "secret"
    secret.write_text(SECRET, "utf-8")
    command = [sys.executable, "-m", "bazar", "serve", "catalog", "--port", str(port)]
    command += ["--data", str(folder), "--secret-file", str(secret), "--log-level", "warning"]
    command += ["--tls", str(certificates)] if certificates else []
    processes.start(f"{folder.name}-catalog", command)


def _fill(processes: Processes, url: str, tls: "Credentials | None") -> None:
    """Wait for a catalog, and add the book that is asked for."""
    from decimal import Decimal

    from bazar.tools.remote import Addresses, RemoteError
    from bazar.tools.shop import Shop
    from bazar.wire.books import NewBook

    shop = Shop(Addresses(catalog=url), SECRET, tls=tls)

    def ready() -> bool:
        try:
            return bool(shop.catalog.ready())
        except RemoteError:
            return False

    processes.wait_until(f"the catalog at {url}", ready)
    shop.catalog.add(NewBook(id=1, title="A book", topic="bench", price=Decimal("9.99")))


async def _call_for(seconds: float, upstream: "Upstream") -> int:
    """Ask for the book for some time, several at once; return how often it was answered.

    Raises:
        BenchError: it was not.
    """
    from bazar.kit.deadline import Deadline

    until_s = monotonic() + seconds

    async def ask() -> int:
        calls = 0
        while monotonic() < until_s:
            answer = await upstream.call("GET", "/info/1", deadline=Deadline(DEADLINE_MS))
            if answer.status != _OK:
                message = f"a call was answered with {answer.status}"
                raise BenchError(message)
            calls += 1
        return calls

    return sum(await asyncio.gather(*(ask() for _ in range(CALLERS))))


if __name__ == "__main__":
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="bazar-securing-") as made:
        for line in measure_securing(Path(made) / "run").lines():
            tell(line)
