"""The watchdog tells how long the event loop kept everybody waiting."""

import asyncio
import time

import pytest

from bazar.kit.metrics import Metrics
from bazar.kit.process import watchdog
from bazar.kit.process.watchdog import Watchdog, watched_loop


async def test_a_long_turn_is_seen() -> None:
    """One that blocks for 200 ms is found, and the loop at rest has none."""
    watching = Watchdog()
    await asyncio.sleep(0.1)
    assert watching.longest_turn_s() < 0.15
    time.sleep(0.2)  # noqa: ASYNC251  as a statement that reads too much
    await asyncio.sleep(0.05)
    watching.stop()
    assert 0.17 < watching.longest_turn_s()


async def test_a_long_turn_is_forgotten_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told for one to two memories, and then no more."""
    monkeypatch.setattr(watchdog, "MEMORY_S", 0.3)
    watching = Watchdog()
    time.sleep(0.25)  # noqa: ASYNC251  as a statement that reads too much
    await asyncio.sleep(0.1)
    assert 0.2 < watching.longest_turn_s()
    await asyncio.sleep(1)
    watching.stop()
    assert watching.longest_turn_s() < 0.2


async def test_it_is_told_with_the_other_metrics() -> None:
    """Under the name that the documentation gives it."""
    metrics = Metrics("catalog")
    with watched_loop(metrics):
        time.sleep(0.1)  # noqa: ASYNC251  as a statement that reads too much
        await asyncio.sleep(0.05)
        text = metrics.render().decode()
    (line,) = [one for one in text.splitlines() if one.startswith("bazar_loop_longest_turn")]
    name, seconds = line.split()
    assert 'bazar_loop_longest_turn_seconds{service="catalog"}' == name
    assert 0.07 < float(seconds)
