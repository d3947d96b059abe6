"""Processes of a benchmark: started on free ports, measured as trees, stopped by their own ids."""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from resource import RUSAGE_CHILDREN, getrusage
from time import monotonic, sleep

import psutil  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parent.parent
READY_TIMEOUT_S = 30.0
READY_POLL_S = 0.005
STOP_TIMEOUT_S = 15.0
QUIET_INTERVAL_S = 0.2
QUIET_CPU_SHARE = 0.1
"""Of one core, and below: the system has finished what it was asked and does its idle work."""
QUIET_INTERVALS = 2
QUIET_TIMEOUT_S = 10.0
PORTS = range(12_000, 30_000)
LOG_TAIL_BYTES = 2000


class BenchError(Exception):
    """A measurement cannot be made; the message is for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process has used until now."""

    root: str
    """The name under which it, or its ancestor, was started."""
    command: Sequence[str]
    cpu_s: float
    """User and system time, with that of its children that have ended."""
    rss_bytes: int


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback address that nobody listens on now."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def free_runs(count: int, length: int) -> list[int]:
    """Return ports of the loopback address that nobody listens on, and which begin a row of such.

    They are below those that the kernel gives to clients, so that no client takes one meanwhile.

    Args:
        count: how many rows.
        length: how many ports in each, one after the other.
    """
    found: list[int] = []
    while len(found) < count:
        first = SystemRandom().choice(PORTS)
        apart = all(abs(first - other) >= length for other in found)
        if apart and all(_is_free(port) for port in range(first, first + length)):
            found.append(first)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False


def environment() -> dict[str, str]:
    """Return the environment for children: ours without proxies and without a shop's settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith("BAZAR_")
    }
    paths = [str(ROOT / "src"), *filter(None, [kept.get("PYTHONPATH")])]
    return kept | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}


class Processes:
    """The processes of one system; what they print goes to files in its folder."""

    def __init__(self, folder: Path) -> None:
        """Start nothing yet."""
        self._folder = folder
        self._roots: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: Sequence[str]) -> int:
        """Start a command whose log is `name`.log, and return the id of its process."""
        with self._log(name).open("wb") as output:
            self._roots[name] = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return self._roots[name].pid

    def wait_until(self, what: str, ready: Callable[[], bool]) -> None:
        """Wait until something is so.

        Raises:
            BenchError: a process ended, or it took longer than 30 s.
        """
        give_up_s = monotonic() + READY_TIMEOUT_S
        while not ready():
            for name, process in self._roots.items():
                if process.poll() is not None:
                    message = f"{name} ended with {process.returncode}:\n{self._tail(name)}"
                    raise BenchError(message)
            if monotonic() > give_up_s:
                message = f"{what} was not ready in {READY_TIMEOUT_S:g} s"
                raise BenchError(message)
            sleep(READY_POLL_S)

    def usage(self) -> dict[int, Usage]:
        """Return what each process of the trees has used, by its id."""
        found: dict[int, Usage] = {}
        for root, process in self._tree():
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                times = process.cpu_times()
                ended = ("children_user", "children_system")  # not on every system
                ended_s = sum(getattr(times, name, 0.0) for name in ended)
                cpu_s = times.user + times.system + ended_s
                found[process.pid] = Usage(
                    root, process.cmdline(), cpu_s, process.memory_info().rss
                )
        return found

    def cpu_s(self) -> float:
        """Return the processor time of all of them."""
        return sum(one.cpu_s for one in self.usage().values())

    def foreign_cpu_s(self) -> float:
        """Return the time that the machine spent on what is neither them nor this benchmark.

        Time that a hypervisor took for others counts too. Only differences mean anything, and
        wrk counts as foreign until it ended.
        """
        machine = psutil.cpu_times()
        busy_s = machine.user + machine.system + machine.nice + getattr(machine, "steal", 0.0)
        mine = psutil.Process().cpu_times()
        children = getrusage(RUSAGE_CHILDREN)
        own_s = mine.user + mine.system + children.ru_utime + children.ru_stime
        return float(busy_s - own_s - self.cpu_s())

    def wait_until_quiet(self) -> None:
        """Wait until what was asked is worked off, at most 10 s: wrk leaves when its time is up."""
        give_up_s = monotonic() + QUIET_TIMEOUT_S
        before_s, quiet = self.cpu_s(), 0
        while quiet < QUIET_INTERVALS and monotonic() < give_up_s:
            sleep(QUIET_INTERVAL_S)
            now_s = self.cpu_s()
            quiet = quiet + 1 if now_s - before_s <= QUIET_CPU_SHARE * QUIET_INTERVAL_S else 0
            before_s = now_s

    def stop(self) -> None:
        """Stop what was started here; kill what of it does not end within 15 s."""
        tree = [process for _root, process in self._tree()]
        for process in reversed(self._roots.values()):
            process.terminate()
        give_up_s = monotonic() + STOP_TIMEOUT_S
        for process in self._roots.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, give_up_s - monotonic()))
        _gone, left = psutil.wait_procs(tree, timeout=max(0.0, give_up_s - monotonic()))
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()  # psutil compares the start time: never another with the same id
        for process in self._roots.values():
            process.wait()
        self._roots.clear()

    def _tree(self) -> Iterator[tuple[str, psutil.Process]]:
        for root, started in self._roots.items():
            with suppress(psutil.NoSuchProcess):
                process = psutil.Process(started.pid)
                yield root, process
                for child in process.children(recursive=True):
                    yield root, child

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _tail(self, name: str) -> str:
        return self._log(name).read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")
