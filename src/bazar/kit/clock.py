"""The time, as aware UTC outside and as integer milliseconds inside; and time that only passes."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

Clock = Callable[[], int]
"""Return the milliseconds since 1970-01-01 UTC."""

passing_s: Callable[[], float] = partial(
    time.clock_gettime, getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
)
"""Return seconds of a clock that nobody sets, and that goes on while the machine sleeps.

Where there is no such clock it is the monotonic one. Source: clock_gettime(2)
"""


def now_ms() -> int:
    """Return the milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000


def as_datetime(at_ms: int) -> datetime:
    """Return an aware UTC time."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)
