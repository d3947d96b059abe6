"""How every harness here tells what it did: a progress line while it runs, a table at its end."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic

INTERVAL_S = 5.0
"""Between two progress lines where nobody watches a terminal."""


@dataclass
class Report:
    """What one harness did, and whatever it found wrong."""

    title: str
    rows: list[tuple[str, object]] = field(default_factory=list)
    """What was counted or measured, a name and a figure each."""
    violations: list[str] = field(default_factory=list)
    """A sentence for each broken promise; none is what we want."""

    def add(self, name: str, figure: object) -> None:
        """Add a line to the table."""
        self.rows.append((name, figure))

    def text(self) -> str:
        """Return the table."""
        width = max(len(name) for name, _figure in [*self.rows, ("violations", 0)])
        lines = [self.title, "=" * len(self.title)]
        lines += [f"{name:<{width}}  {figure}" for name, figure in self.rows]
        lines += [f"{'violations':<{width}}  {len(self.violations) or 'none'}"]
        return "\n".join([*lines, *(f"  - {violation}" for violation in self.violations)])


class Progress:
    """One line on standard error: rewritten on a terminal, else repeated every few seconds."""

    def __init__(self, *, quiet: bool = False) -> None:
        """Start; a quiet one never writes."""
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._said_at_s = 0.0

    def say(self, line: str) -> None:
        """Show how far it got."""
        if self._quiet or (not self._terminal and monotonic() - self._said_at_s < INTERVAL_S):
            return
        self._said_at_s = monotonic()
        sys.stderr.write(f"\r\x1b[K{line}" if self._terminal else f"{line}\n")
        sys.stderr.flush()

    def end(self) -> None:
        """Clear the line."""
        if self._terminal and not self._quiet:
            sys.stderr.write("\r\x1b[K")


def percentile(sorted_values: Sequence[float], share: float) -> float:
    """Return the value that a share (0 to 1) of them does not exceed; 0 where there are none."""
    if not sorted_values:
        return 0.0
    return sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))]
