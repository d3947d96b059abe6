"""How long the event loop was busy with one thing, while everybody else waited for it.

A beat is due every 20 ms; how late it comes is how long a turn of the loop took, less those 20 ms
at most. Time in which the system ran other programs instead does not count, where the kernel
tells of it: it says nothing about us.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from bazar.kit.metrics import Metrics

BEAT_S = 0.02
MEMORY_S = 60.0


@contextmanager
def watched_loop(metrics: Metrics) -> Iterator[None]:
    """Watch the running event loop, and tell it with the other metrics of a service."""
    watchdog = Watchdog()
    metrics.watch(
        "bazar_loop_longest_turn_seconds",
        "The longest that the event loop was busy with one thing, in the last minute or two.",
        watchdog.longest_turn_s,
    )
    try:
        yield
    finally:
        watchdog.stop()


class Watchdog:
    """Watches the event loop that it is started in."""

    def __init__(self) -> None:
        """Start to watch. Needs a running event loop."""
        self._loop = asyncio.get_running_loop()
        self._schedule = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        self._longest_s = self._longest_before_s = 0.0
        self._forget_at_s = monotonic() + MEMORY_S
        self._waited_s = self._waited()
        self._due_at_s = monotonic() + BEAT_S
        self._beat = self._loop.call_later(BEAT_S, self._on_beat)

    def longest_turn_s(self) -> float:
        """Return the longest turn of the last minute or two."""
        return max(self._longest_s, self._longest_before_s)

    def stop(self) -> None:
        """Watch no more."""
        self._beat.cancel()

    def _on_beat(self) -> None:
        now_s, waited_s = monotonic(), self._waited()
        late_s = now_s - self._due_at_s - (waited_s - self._waited_s)
        self._waited_s = waited_s
        self._longest_s = max(self._longest_s, late_s)
        if now_s > self._forget_at_s:
            self._longest_before_s, self._longest_s = self._longest_s, 0.0
            self._forget_at_s = now_s + MEMORY_S
        self._due_at_s = now_s + BEAT_S
        self._beat = self._loop.call_later(BEAT_S, self._on_beat)

    def _waited(self) -> float:
        """Return how long this thread was ready to run, and another one ran, since its start."""
        try:
            return int(self._schedule.read_text("ascii").split()[1]) / 1e9
        except (OSError, ValueError, IndexError):
            return 0.0
