"""Nothing stops the shop unseen: neither who does not read its log, nor who only holds places."""

import fcntl
import os
import signal
import socket
import subprocess
from contextlib import ExitStack, suppress
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic
from typing import Self

import pytest

from support.processes import STOP_TIMEOUT_S, all_gone, environment, wait_for
from support.running import RunningShop, ThreeServices

ASKS = 200
"""Their lines alone fill the pipe several times."""
PIPE_BYTES = 4096
STOPPED_S_MAX = 9.5
"""A busy machine takes its time; who hangs is killed after ten seconds."""


class UnreadShop(RunningShop):
    """A shop whose output goes into a pipe that nobody reads."""

    def __enter__(self) -> Self:
        """Start it and wait until it is open."""
        self._reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self.process = subprocess.Popen(
            self.command(),
            env=environment(),
            stdout=writing,
            stderr=writing,
            stdin=subprocess.DEVNULL,
        )
        os.close(writing)
        try:
            wait_for("shop.json", (self.data / "shop.json").exists, 30)
        except AssertionError:
            self.end()
            raise
        return self

    def end(self) -> None:
        """End it, and close the pipe."""
        super().end()
        with suppress(OSError):
            os.close(self._reading)


def status(port: int, path: str, method: str = "GET") -> int:
    """Ask on a connection of its own; within 5 s."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_who_does_not_read_the_log_stops_nothing(tmp_path: Path, number: signal.Signals) -> None:
    """The shop sells, is alive, and ends as soon as ever, told to or orphaned."""
    with UnreadShop(tmp_path / "data") as shop:
        before = shop.services()
        front = shop.ports[0]
        for _ in range(ASKS):
            assert 200 == status(front, "/info/1")
        assert 201 == status(front, "/purchase/1", "POST")
        assert 200 == status(front, "/healthz")
        assert before == shop.services()
        assert shop.process is not None
        told_s = monotonic()
        shop.process.send_signal(number)
        shop.process.wait(STOP_TIMEOUT_S)
        all_gone(before.values(), STOP_TIMEOUT_S)
        assert monotonic() - told_s < STOPPED_S_MAX


@pytest.mark.parametrize("begun", [b"", b"GET /info/1 HTTP/1.1\r\nHo"])
def test_who_only_holds_connections_gives_way(tmp_path: Path, begun: bytes) -> None:
    """Few open files, and a client with more connections than places: others are served.

    Whether it says nothing, or begins requests that it does not go on with.
    """
    with ThreeServices(tmp_path) as shop, ExitStack() as held:
        shop.start("front", before=("prlimit", "--nofile=400:400"))
        shop.wait_until_ready("front")
        port = int(shop.addresses.front.rpartition(":")[2])
        for _ in range(350):
            one = held.enter_context(socket.create_connection(("127.0.0.1", port), 5))
            one.sendall(begun)
        before_s = cpu_s(shop.processes["front"].pid)
        started_s = monotonic()
        for _ in range(20):
            wait_for("an answer", lambda: answered(port), 12)
        assert monotonic() - started_s < 12
        assert cpu_s(shop.processes["front"].pid) - before_s < 3
        assert "event=few-files" in shop.last_log()
        assert "event=crowded" in shop.last_log()


def answered(port: int) -> bool:
    """Tell whether the service at a port says that it is alive."""
    try:
        return status(port, "/healthz") == 200
    except OSError:
        return False


def cpu_s(pid: int) -> float:
    """Return how long a process has computed."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
