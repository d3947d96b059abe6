"""Where and with what was measured: printed before any figure."""

import json
import os
import platform
import re
import sqlite3
import subprocess
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from time import perf_counter

import psutil  # type: ignore[import-untyped]

from bench.measure import STARTS, Options
from bench.nginx import find_nginx
from bench.rows import CROWD, FEW, MANY

PACKAGES = (
    "granian",
    "pyreqwest",
    "msgspec",
    "uvloop",
    "starlette",
    "flask",
    "werkzeug",
    "requests",
)
FSYNCS = 100
FSYNC_BYTES = 4096
PYTHON_STEPS = 1_000_000
REST_S = 0.005
RESTS = 100
GB = 1_000_000_000

_METHOD = """\
All systems run side by side, started fresh on free ports of the loopback address, with an empty \
data folder and the lab's 7 books. Only one at a time is asked anything; the others rest. Its \
processes and wrk share the cores.
Turns: the systems of a row are measured one after the other, {duration_s} s each, {rounds} rounds \
of them. Rows with the same references share them: info and search, many books and one. Each \
system gets {warmup_s} s of warm-up with the same load before the first round.
requests/s, p50, p99 and CPU are the median of the rounds. A ratio compares two turns of one \
round, never of two; it is told as the median of the rounds, with the least and the most of them.
Load: wrk, 1 thread, {few} and {many} connections, for purchases {crowd} as well, that stay open \
where the server allows it; each waits for its answer, then asks again. Every purchase has an \
Idempotency-Key of its own; lab, nginx and floor ignore it.
p50 and p99: as wrk has them, which adds the requests that a slow answer held up.
CPU: user + system time of all processes of the system, without wrk, until it is quiet again, by \
the requests answered or under way at the end.
Memory: resident (RSS), the most after any turn. Ready: from start until all of it answers, the \
median of {starts} starts.
Others: the share of all cores that went to processes which are neither the system nor wrk, or to \
other guests of the host, in the worst round; where it is not small, measure again on a quiet \
machine.
A row is invalid when wrk saw an answer that is not 2xx, a socket error or a timeout in any round.
Both shops log each request to a file, and commit to disk before they answer a purchase. nginx \
logs too; it answers the JSON of info or of a purchase over two or three hops, or alone the page \
of a book as the shop drew it, and does nothing else. floor is what the libraries of the shop cost \
alone: a read is bytes out of a dictionary; a purchase goes through three processes in batches, \
without a log, a key or a database.
"""


def facts(folder: Path) -> dict[str, str]:
    """Return what the machine is and which versions are on it.

    Args:
        folder: holds the data of all systems.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "machine": f"{cores} cores, {_cpu_model()}, {psutil.virtual_memory().total / GB:.1f} GB",
        "kernel": f"{platform.system()} {platform.release()}",
        "busy before": f"load average {load} (1, 5, 15 minutes)",
        "data in": f"{folder} ({_file_system(folder)}); write + fsync of 4 KiB: "
        f"{_fsync_ms(folder):.2f} ms (median of {FSYNCS})",
        "python": f"{platform.python_version()}; a step of a loop: {_python_step_ns():.0f} ns; "
        f"after {REST_S * 1000:.0f} ms of rest the same work takes {_rested():.1f} times as long",
        "versions": f"bazar {_version('bazar')}, "
        + ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
        "sqlite": f"bazar {_apsw_sqlite()} (apsw), lab {sqlite3.sqlite_version} (sqlite3)",
        "tools": f"{_wrk()}, {_nginx()}",
    }


def method(options: Options) -> Sequence[str]:
    """Return how it is measured, a subject an item."""
    return _METHOD.format(
        few=FEW,
        many=MANY,
        crowd=CROWD,
        rounds=options.rounds,
        duration_s=options.duration_s,
        warmup_s=options.warmup_s,
        starts=STARTS,
    ).splitlines()


def _python_step_ns() -> float:
    """Return how long a step of a plain loop takes: builds of one version differ a lot."""

    def loop() -> float:
        started_s = perf_counter()
        total = 0
        for number in range(PYTHON_STEPS):
            total += number
        return (perf_counter() - started_s) / PYTHON_STEPS * 1e9

    return min(loop() for _ in range(5))


def _rested() -> float:
    """Return how many times longer work takes after a rest than without one.

    That is what a service meets which has little to do, as with one client alone.
    """

    def work_s(rest_s: float) -> float:
        time.sleep(rest_s)
        started_s = time.thread_time()
        json.loads(json.dumps({str(number): [number] for number in range(10)}))
        return time.thread_time() - started_s

    rested_s, at_once_s = (median(work_s(rest_s) for _ in range(RESTS)) for rest_s in (REST_S, 0))
    return rested_s / at_once_s


def _cpu_model() -> str:
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def _version(package: str) -> str:
    if package == "bazar":
        from bazar import __version__

        return __version__
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _apsw_sqlite() -> str:
    try:
        import apsw
    except ImportError:
        return "not installed"
    return str(apsw.sqlite_lib_version())


def _wrk() -> str:
    return _said(["wrk", "-v"], r"wrk \S+").replace("debian/", "")


def _nginx() -> str:
    path = find_nginx()
    if path is None:
        return "nginx not installed"
    return _said([path, "-v"], r"nginx/\S+").replace("/", " ")


def _said(command: Sequence[str], pattern: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(pattern, done.stdout + done.stderr)
    return found[0] if found else f"{command[0]} of unknown version"


def _file_system(folder: Path) -> str:
    """Name the file system: on tmpfs an fsync costs nothing, and purchases look too fast."""
    best = max(
        (one for one in psutil.disk_partitions(all=True) if folder.is_relative_to(one.mountpoint)),
        key=lambda one: len(one.mountpoint),
        default=None,
    )
    return str(best.fstype) if best else "file system unknown"


def _fsync_ms(folder: Path) -> float:
    spent_ms = []
    file = folder / "fsync"
    with file.open("wb", buffering=0) as probe:
        for _ in range(FSYNCS):
            started_s = perf_counter()
            probe.write(bytes(FSYNC_BYTES))
            os.fsync(probe.fileno())
            spent_ms.append((perf_counter() - started_s) * 1000)
    file.unlink()
    return median(spent_ms)
