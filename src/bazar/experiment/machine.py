"""What the figures were measured on, which processes run there, and what else kept it busy."""

import os
import platform
import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from bazar import __version__

FOREIGN_SHARE_MAX = 0.15
"""Of all processors; where others take more, the figures are told to be rough."""
_PROC = Path("/proc")
_LIST_TIMEOUT_S = 10.0


class Process(NamedTuple):
    """A process of this machine."""

    pid: int
    parent: int
    words: list[str]
    """Of its command line."""
    busy_s: float
    """Processor time of it and of its children that have ended; 0 where it is not known."""


def facts() -> dict[str, str]:
    """Return what the machine is, and which versions run on it."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "machine": f"{cores()} processors, {_model()}",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "bazar": __version__,
    }


def cores() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _model() -> str:
    with suppress(OSError):
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text("utf-8"))
        if found:
            return found[1]
    return platform.processor() or platform.machine()


def descendants(root: int) -> list[Process]:
    """Return the processes below one, and that one itself."""
    below: dict[int, list[Process]] = {}
    found = []
    for process in _all():
        below.setdefault(process.parent, []).append(process)
        if process.pid == root:
            found.append(process)
    for process in found:  # it grows meanwhile
        found += below.get(process.pid, [])
    return found


def _all() -> Iterator[Process]:
    if (_PROC / "self/stat").exists():
        yield from filter(None, map(_read, _PROC.glob("[0-9]*")))
        return
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,args="],  # noqa: S607  a program of the system
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_LIST_TIMEOUT_S,
        check=False,
    ).stdout
    for line in listed.splitlines():
        pid, parent, *words = line.split()
        yield Process(int(pid), int(parent), words, 0.0)


def _read(folder: Path) -> Process | None:
    """Return a process of Linux; None where it has just ended.

    Source: proc_pid_stat(5)
    """
    try:
        stat = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        words = (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return None
    ticks = sum(map(int, stat[11:15]))
    return Process(int(folder.name), int(stat[1]), words[:-1], ticks / os.sysconf("SC_CLK_TCK"))


class Watch:
    """How much of the machine others took, from now until it is asked."""

    def __init__(self) -> None:
        """Look at the clock."""
        self._began_s = monotonic()
        self._busy_s, self._own_s = _machine_busy_s(), _own_busy_s()

    def foreign_share(self) -> float | None:
        """Return the share of all processors that others took; None where nobody counts that.

        The processes that this one started have to run still, or to have ended below it.
        """
        now_s = _machine_busy_s()
        if now_s is None or self._busy_s is None:
            return None
        others_s = (now_s - self._busy_s) - (_own_busy_s() - self._own_s)
        return max(0.0, others_s / (max(1e-3, monotonic() - self._began_s) * (os.cpu_count() or 1)))


def _own_busy_s() -> float:
    return sum(process.busy_s for process in descendants(os.getpid()))


def _machine_busy_s() -> float | None:
    """Return how long all processors were busy, what a host took for its other guests included.

    Source: proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal
    """
    try:
        first = (_PROC / "stat").read_text("utf-8").split("\n", 1)[0].split()
    except OSError:
        return None
    user, nice, system, _idle, _wait, irq, softirq, steal = map(int, first[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
