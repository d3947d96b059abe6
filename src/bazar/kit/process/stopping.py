"""The signals that end a program in good order."""

import signal


def stop_signals() -> list[signal.Signals]:
    """Return the signals that end what runs here in good order.

    A terminal that is closed sends SIGHUP; whoever has it ignored, as `nohup` does, goes on.
    """
    hangs_up = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
    return [signal.SIGTERM, signal.SIGINT, *([signal.SIGHUP] if hangs_up else [])]
