"""Processes that a test starts: their ports, their children, and what a command prints."""

import os
import random
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar

import msgspec

import bazar

SERVICES = ("catalog", "order", "front")
SOURCES = Path(bazar.__file__).parents[1]
BAZAR = ("-m", "bazar")
IMPATIENT = ("-P", str(Path(__file__).with_name("impatient.py")))
"""The same program, but it gives up sooner."""
SECRET = "a secret that only the tests know"
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 25.0
WAIT_S = 20.0
POLL_S = 0.02
COMMAND_TIMEOUT_S = 30.0
LOG_SHOWN = 6000
_LISTENING = "0A"
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
    """Return this process's environment with our sources on the path, and no setting of a shop.

    Nor the width of a terminal, which who distributes tests makes up.
    """
    kept = {name: text for name, text in os.environ.items() if not name.startswith("BAZAR_")}
    kept.pop("COLUMNS", None)
    return {**kept, "PYTHONPATH": str(SOURCES), **(more or {})}


def environment_of_a_copy(path: Sequence[str]) -> dict[str, str]:
    """Return this process's environment with a copy of the package first on the path.

    Coverage is measured of the package itself, not of copies that are gone when it is reported.
    """
    kept = {
        name: text for name, text in os.environ.items() if not name.startswith(("COVERAGE", "COV_"))
    }
    return {**kept, "PYTHONPATH": os.pathsep.join(path)}


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
        found = process_stat(self.pid)
        return found is not None and found[2] == self.started and found[0] not in "ZX"


def process_stat(pid: int) -> tuple[str, int, int] | None:
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
        if entry.name.isdigit() and (stat := process_stat(int(entry.name))) is not None:
            state, its_parent, started = stat
            if its_parent == parent and state not in "ZX":
                found.append(Running(int(entry.name), started))
    return found


def descendants_of(pid: int) -> list[Running]:
    """Return all that a process has started, and that those have."""
    children = children_of(pid)
    return [*children, *(one for child in children for one in descendants_of(child.pid))]


def command_line(pid: int) -> list[str]:
    """Return the words of a process's command."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    return []


def listens(pid: int) -> bool:
    """Tell whether a process has a port that others can connect to; a service has one when ready.

    Source: proc_net(5) and proc_pid_fd(5)
    """
    held = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            held.add(entry.readlink().name)
    lines = Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]
    listening = (words for line in lines if (words := line.split())[3] == _LISTENING)
    return any(f"socket:[{words[9]}]" in held for words in listening)


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
