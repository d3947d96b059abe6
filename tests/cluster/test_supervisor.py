"""The supervisor alone, with children of no service."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from bazar.kit.process import supervisor as supervising
from bazar.kit.process.supervisor import PAUSE_S_FIRST, Child, Supervisor
from support.processes import free_ports
from support.wires import until

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
ANSWERING = """
import sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
class Fine(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("content-length", "0"); self.end_headers()
    def log_message(self, *words): pass
time.sleep(float(sys.argv[2]))
HTTPServer(("127.0.0.1", int(sys.argv[1])), Fine).serve_forever()
"""
"""Is ready after a while, and alive from then on."""


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    """Run a supervisor that is stopped at the end."""
    running = Supervisor()
    yield running
    await running.stop()


def answering(after_s: float = 0.0) -> Child:
    """Return a child that gets ready after a time."""
    (port,) = free_ports(1)
    command = [sys.executable, "-c", ANSWERING, str(port), str(after_s)]
    return Child("answering", command, os.environ, f"http://127.0.0.1:{port}")


async def until_ready(child: Child, than: int = 0) -> int:
    """Wait until a child is ready in another process than this; return that one's pid."""

    async def ready() -> bool:
        return child.ready and child.process is not None and child.process.pid != than

    await until(ready)
    assert child.process is not None
    return child.process.pid


async def test_a_restart_that_fails_is_tried_again(supervisor: Supervisor) -> None:
    """A machine without room for a process, say, gets the service back when it has room again."""
    child = Child("sleeper", SLEEPER, os.environ)
    await supervisor.start(child)
    first = child.process
    assert first is not None
    child.command = ["/nowhere/to/be/found"]
    first.kill()

    async def tried_twice() -> bool:
        return child.restarts > 1

    await until(tried_twice)
    assert first is child.process
    child.command = SLEEPER

    async def restarted() -> bool:
        return child.process is not first

    await until(restarted)
    second = child.process
    assert second is not None
    assert second.returncode is None


async def test_nothing_starts_after_the_stop() -> None:
    """A child that waits for its restart stays down."""
    supervisor = Supervisor()
    child = Child("sleeper", SLEEPER, os.environ, pause_s=0.2)
    await supervisor.start(child)
    first = child.process
    assert first is not None
    first.kill()
    await first.wait()
    await supervisor.stop()
    await asyncio.sleep(0.4)
    assert first is child.process


async def test_a_child_that_was_ready_is_started_again_at_once_however_often(
    supervisor: Supervisor,
) -> None:
    """Only what dies before it is ready has to wait, longer each time."""
    child = answering()
    await supervisor.start(child)
    pid = await until_ready(child)
    for _ in range(5):
        before = child.restarts
        os.kill(pid, signal.SIGKILL)
        killed_s = monotonic()

        async def restarted(before: int = before) -> bool:
            return child.restarts > before

        await until(restarted)
        assert monotonic() - killed_s < 1
        assert PAUSE_S_FIRST == child.pause_s
        pid = await until_ready(child, than=pid)
    child.command = [sys.executable, "-c", "raise SystemExit(3)"]
    os.kill(pid, signal.SIGKILL)

    async def waits_longer() -> bool:
        return child.pause_s >= 4 * PAUSE_S_FIRST

    await until(waits_longer)


async def test_a_child_that_answers_no_more_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """It still runs, so nobody would start it again; it is killed, however it hangs."""
    _hurry(monkeypatch)
    supervisor, child = Supervisor(), answering()
    try:
        await supervisor.start(child)
        pid = await until_ready(child)
        os.kill(pid, signal.SIGSTOP)
        assert pid != await until_ready(child, than=pid)
    finally:
        await supervisor.stop()


async def test_a_child_that_takes_its_time_to_get_ready_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A large database may be opened for longer than a service may be silent."""
    _hurry(monkeypatch)
    supervisor, child = Supervisor(), answering(after_s=1.5)
    try:
        await supervisor.start(child)
        await until_ready(child)
        assert 0 == child.restarts
    finally:
        await supervisor.stop()


async def test_a_pause_of_the_supervisor_ends_no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """After it, each child gets another chance to answer."""
    _hurry(monkeypatch)
    supervisor, child = Supervisor(), answering()
    try:
        await supervisor.start(child)
        pid = await until_ready(child)
        for _ in range(3):
            await asyncio.sleep(0.1)
            sleep(1.0)  # noqa: ASYNC251  as if this process was stopped
        await asyncio.sleep(0.5)
        assert child.process is not None
        assert pid == child.process.pid
    finally:
        await supervisor.stop()


def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervising, "ASK_INTERVAL_S", 0.05)
    monkeypatch.setattr(supervising, "ASK_TIMEOUT_S", 0.4)
    monkeypatch.setattr(supervising, "SILENCE_S_MAX", 0.8)


PULSING = """
import os, time
fd = int(os.environ["BAZAR_PULSE_FD"])
while True:
    os.write(fd, b".")
    time.sleep(0.05)
"""
"""Says that it lives, as a service does whose port is not its own."""


def pulsing() -> Child:
    """Return a child that shares its port."""
    return Child("pulsing", [sys.executable, "-c", PULSING], os.environ, shares_port=True)


async def test_children_that_share_a_port_are_told_apart(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is ready when it says so; the one that says nothing more is replaced, and no other."""
    monkeypatch.setattr(supervising, "SILENCE_S_MAX", 0.5)
    monkeypatch.setattr(supervising, "ASK_INTERVAL_S", 0.2)
    children = [pulsing(), pulsing()]
    for child in children:
        await supervisor.start(child)
    first, second = [await until_ready(child) for child in children]
    os.kill(first, signal.SIGSTOP)
    assert await until_ready(children[0], than=first) not in {first, second}
    assert second == await until_ready(children[1])
    assert [1, 0] == [child.restarts for child in children]


async def test_what_answers_nowhere_says_by_other_means_that_it_is_ready(
    supervisor: Supervisor,
) -> None:
    """It is asked about this very process, and once it was ready it is started again at once."""
    ready: set[int] = set()
    child = Child("sleeper", SLEEPER, os.environ, is_ready=ready.__contains__)
    await supervisor.start(child)
    assert child.process is not None
    first = child.process
    assert not child.ready
    ready.add(first.pid)
    await until_ready(child)
    first.kill()

    async def another() -> bool:
        return child.process is not first

    await until(another)
    assert child.process is not None
    assert not child.ready
    ready.add(child.process.pid)
    await until_ready(child, than=first.pid)
    assert PAUSE_S_FIRST == child.pause_s


TOLD = """
import signal, sys, time
names = {signal.SIGINT: "SIGINT", signal.SIGTERM: "SIGTERM"}
def end(number, _frame):
    with open(sys.argv[1], "a") as file:
        file.write(f"{sys.argv[2]} {names[number]}\\n")
    sys.exit()
for number in names:
    signal.signal(number, end)
open(sys.argv[1] + "." + sys.argv[2], "w").close()
time.sleep(60)
"""
"""Notes by which signal it was stopped, and when."""


async def test_what_the_others_need_is_stopped_last_and_by_its_own_signal(tmp_path: Path) -> None:
    """The last one started goes first; of a database SIGTERM would wait for its clients."""
    supervisor, file = Supervisor(), tmp_path / "order"
    for name, number in (("below", signal.SIGINT), ("above", signal.SIGTERM)):
        words = [sys.executable, "-c", TOLD, str(file), name]
        await supervisor.start(Child(name, words, os.environ, stop_signal=number))

    marks = [tmp_path / f"order.{name}" for name in ("below", "above")]

    async def started() -> bool:
        return all(mark.exists() for mark in marks)

    await until(started)
    await supervisor.stop()
    assert ["above SIGTERM", "below SIGINT"] == file.read_text("utf-8").splitlines()
