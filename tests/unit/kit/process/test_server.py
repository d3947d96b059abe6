"""A server that cannot serve ends its process: with a line that says why, and an exit code."""

import subprocess
import sys

import pytest

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
    code = server.serve(running, "127.0.0.1", {port})
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
