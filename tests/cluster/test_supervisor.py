"""The supervisor alone, with children of no service."""

import asyncio
import os
import sys

from bazar.kit.process.supervisor import Child, Supervisor
from support.wires import until

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


async def test_a_restart_that_fails_is_tried_again() -> None:
    """A machine without room for a process, say, gets the service back when it has room again."""
    supervisor = Supervisor()
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
    await supervisor.stop()
    assert second.returncode is not None


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
