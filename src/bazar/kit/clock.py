"""The time, as aware UTC outside and as integer milliseconds inside."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], int]
"""Return the milliseconds since 1970-01-01 UTC."""


def now_ms() -> int:
    """Return the milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000


def as_datetime(at_ms: int) -> datetime:
    """Return an aware UTC time."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)
