"""The moment after which an answer is of no use any more; it travels with each call."""

from time import monotonic

DEADLINE_HEADER = b"bazar-deadline-ms"
DEADLINE_MS_MAX = 30_000


class Deadline:
    """The moment after which an answer is of no use to the caller any more."""

    __slots__ = ("at_s",)

    def __init__(self, timeout_ms: float) -> None:
        """Start counting now; `at_s` is its end, in seconds of the monotonic clock."""
        self.at_s = monotonic() + timeout_ms / 1000

    def left_s(self) -> float:
        """Return the seconds left, 0 when it has passed."""
        return max(0.0, self.at_s - monotonic())

    def left_ms(self) -> int:
        """Return the whole milliseconds left, 0 when it has passed."""
        return int(self.left_s() * 1000)
