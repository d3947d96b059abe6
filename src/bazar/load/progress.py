"""How far a load got: a bar where a person watches, else a line every few seconds."""

import sys
from time import monotonic
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from bazar.load.clients import Snapshot

INTERVAL_S = 5.0
"""Between two lines where nobody watches."""


class LiveProgress:
    """One line on standard error."""

    def __init__(self) -> None:
        """Start with nothing to show."""
        self._terminal = sys.stderr.isatty()
        self._said_at_s = monotonic()
        self._bar = Progress(
            BarColumn(bar_width=10),
            TextColumn("{task.description}"),
            console=Console(stderr=True),
            disable=not self._terminal,
            transient=True,
            refresh_per_second=4,
        )
        self._task = self._bar.add_task("")

    def __enter__(self) -> Self:
        """Show it."""
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take it away."""
        self._bar.stop()

    def say(self, text: str, done: float | None = None, total: float | None = None) -> None:
        """Show how far it is: `done` of `total`, or somewhere, where no total is given."""
        if self._terminal:
            self._bar.update(self._task, description=text, completed=done or 0, total=total)
        elif monotonic() - self._said_at_s >= INTERVAL_S:
            self._said_at_s = monotonic()
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

    def loading(self, now: Snapshot) -> None:
        """Show how far the load got."""
        self.say(
            f"{now.elapsed_s:,.0f} of {now.duration_s:,.0f} s, {now.rate_s:,.0f}/s, "
            f"p50 {now.p50_ms:,.1f} ms, p99 {now.p99_ms:,.1f} ms, {now.bought:,} bought, "
            f"{now.failures:,} failed",
            now.elapsed_s,
            now.duration_s,
        )

    def checking(self, done: int, total: int) -> None:
        """Show how far the check got."""
        self.say(f"checking purchases: {done:,} of {total:,}", done, total)
