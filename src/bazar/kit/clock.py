"""The time, as aware UTC outside and as integer milliseconds inside; and time that only passes."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], int]
"""Return the milliseconds since 1970-01-01 UTC."""
_PASSING = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now_ms() -> int:
    """Return the milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000


def passing_s() -> float:
    """Return seconds of a clock that nobody sets, and that goes on while the machine sleeps.

    Source: clock_gettime(2), CLOCK_BOOTTIME; where there is none, the monotonic clock.
    """
    return time.clock_gettime(_PASSING)


def as_datetime(at_ms: int) -> datetime:
    """Return an aware UTC time."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)
