"""Why a service does not get ready, as the person who started it is told."""

import asyncio
import sys

import pytest

from bazar.kit.errors import StartupError
from bazar.kit.process.readiness import until_ready
from bazar.kit.process.supervisor import Child, Supervisor


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("raise SystemExit(1)", "the order service did not start; its own message is above"),
        ("raise SystemExit(74)", "the order service ended with exit code 74 before it was ready"),
        (
            "import os; os.kill(os.getpid(), 9)",
            "the order service was ended by SIGKILL before it was ready",
        ),
    ],
)
async def test_a_service_that_ends_before_it_is_ready_is_told_with_its_end(
    program: str, told: str
) -> None:
    """Only one that says why by itself is said to have."""
    supervisor = Supervisor()
    child = Child("order", [sys.executable, "-c", program], {})
    try:
        await supervisor.start(child)
        with pytest.raises(StartupError) as caught:
            await until_ready([child], asyncio.Event())
        assert told == str(caught.value)
    finally:
        await supervisor.stop()


def test_log_lines_tell_replicas_apart_by_their_ports() -> None:
    """One that has no address has none."""
    assert {"port": 5003} == Child("order", [], {}, "http://127.0.0.1:5003").port()
    assert {} == Child("postgresql", [], {}).port()
