"""What a load says about itself while it runs."""

import io
import sys

import pytest

from bazar.load import progress as module
from bazar.load.clients import Snapshot
from bazar.load.progress import LiveProgress

SNAPSHOT = Snapshot(
    elapsed_s=4.2,
    duration_s=10,
    rate_s=3210.4,
    p50_ms=4.06,
    p99_ms=1022.2,
    bought=1204,
    failures=2,
)
LINE = "4 of 10 s, 3,210/s, p50 4.1 ms, p99 1,022.2 ms, 1,204 bought, 2 failed"


class Terminal(io.StringIO):
    """Standard error before a person's eyes."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def test_where_nobody_watches_a_line_is_written_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not more often than every few seconds."""
    with LiveProgress() as progress:
        progress.loading(SNAPSHOT)
        assert "" == capsys.readouterr().err
        monkeypatch.setattr(module, "INTERVAL_S", 0)
        progress.loading(SNAPSHOT)
        progress.checking(1, 2000)
    assert f"{LINE}\nchecking purchases: 1 of 2,000\n" == capsys.readouterr().err


def test_on_a_terminal_one_line_is_rewritten_and_taken_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a bar before it, within 80 columns."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "84")
    with LiveProgress() as progress:
        progress.loading(SNAPSHOT)
    shown = terminal.getvalue()
    assert LINE in shown
    assert shown.endswith("\x1b[2K")
