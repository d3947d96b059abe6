"""A server that cannot serve ends its process: with a line that says why, and an exit code."""

import signal
import socket
import subprocess
import sys

import pytest

from bazar.kit.errors import StartupError
from bazar.kit.process.config import listening_host
from bazar.kit.process.server import NotOurs, bound_socket
from bazar.kit.process.stopping import stop_signals
from support.processes import free_ports

SCRIPT = """
import asyncio, socket, sys
from contextlib import asynccontextmanager
from bazar.kit import log
from bazar.kit.errors import StartupError
from bazar.kit.http.app import HttpApp
from bazar.kit.metrics import Metrics
from bazar.kit.process import server

@asynccontextmanager
async def running():
    {opening}
    yield HttpApp("odd", [], Metrics("odd"))
    log.get_logger().info("closed")

async def broken(self):
    {serving}

server._Server.serve = broken
log.configure("odd")
try:
    code = server.serve(running, server.Place("127.0.0.1", {port}))
except StartupError as error:
    log.get_logger().error("refused", reason=str(error))
    code = 1
sys.exit(code)
"""


def ended(opening: str, serving: str) -> tuple[int, str]:
    """Return the exit code of a service whose opening and serving do this, and its log."""
    (port,) = free_ports(1)
    script = SCRIPT.format(opening=opening.format(port=port), serving=serving, port=port)
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert "" == done.stderr
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("serving", "reason"),
    [
        ("raise OSError(24, 'Too many open files')", "Too many open files"),
        ("raise MemoryError", "MemoryError"),
        ("return", "it gave no reason"),
    ],
)
def test_a_server_that_ends_by_itself_ends_the_process(serving: str, reason: str) -> None:
    """What is open is closed first, and exit code 70 tells who started it to start it again."""
    code, log = ended("pass", serving)
    assert 70 == code
    assert "event=closed" in log
    assert "level=error event=server-ended" in log
    assert reason in log


def test_an_address_that_is_taken_while_the_service_opens_is_refused() -> None:
    """Whoever listened first has it; this one says so, and never that it listens."""
    taking = (
        "global other; other = socket.socket(); "
        "other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); "
        "other.bind(('127.0.0.1', {port})); other.listen()"
    )
    code, log = ended(taking, "await asyncio.sleep(60)")
    assert 1 == code
    assert "cannot listen on 127.0.0.1" in log
    assert "event=listening" not in log


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "::1", "[::1]", "0.0.0.0", "::", " ::1 "],  # noqa: S104
)
def test_whatever_names_this_machine_can_be_listened_on(host: str) -> None:
    """Addresses of both kinds, and names of them."""
    (port,) = free_ports(1)
    with bound_socket(listening_host(host), port) as opened:
        assert port == opened.getsockname()[1]
        wanted = socket.AF_INET6 if ":" in host else socket.AF_INET
        assert wanted == opened.family


def test_a_name_that_has_only_an_address_of_ipv6_is_listened_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As the resolver says, and where one address is not of this machine the next is tried."""
    told = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_host, **_hints: told)
    with bound_socket("a-name", 0) as opened:
        assert "::1" == opened.getsockname()[0]


@pytest.mark.parametrize("host", ["192.0.2.1", "a" * 300, "bad..name"])
def test_what_is_not_of_this_machine_is_said_to_be_so(host: str) -> None:
    """Another port would not help, and waiting neither."""
    with pytest.raises(NotOurs, match="--host"):
        bound_socket(host, 7000)


@pytest.mark.parametrize("host", ["", "  ", "[]", "fe80::1%eth0", "http://localhost"])
def test_what_is_no_address_is_refused(host: str) -> None:
    """An empty one would mean all of them."""
    with pytest.raises(StartupError, match="--host takes an address"):
        listening_host(host)


def test_a_closed_terminal_ends_what_runs_unless_it_was_told_to_go_on() -> None:
    """As `nohup` tells it."""
    assert signal.SIGHUP in stop_signals()
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert [signal.SIGTERM, signal.SIGINT] == stop_signals()
    finally:
        signal.signal(signal.SIGHUP, before)
