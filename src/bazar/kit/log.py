"""Structured log lines on standard output: one a request, prefixed by the service's name.

Lines below `warning` wait up to 50 ms in memory and leave in one write, since a system call a
line costs more than the line. Warnings leave at once, and so does everything at the end.
"""

import atexit
import json
import os
import re
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

import structlog

Format = Literal["text", "json"]
FLUSH_INTERVAL_S = 0.05
_BUFFER_LINES_MAX = 64


class LineBuffer:
    """Gathers lines and writes them in one go."""

    def __init__(self, prefix: str = "") -> None:
        """Prefix every line."""
        self._prefix = prefix
        self._lines: deque[str] = deque()
        self._writing = threading.Lock()

    def msg(self, message: str) -> None:
        """Keep a line for the next flush."""
        self._lines.append(message)
        if len(self._lines) > _BUFFER_LINES_MAX:
            self.flush()

    def urgent(self, message: str) -> None:
        """Write a line, and all that waits before it, now."""
        self.msg(message)
        self.flush()

    log = debug = info = msg
    warning = warn = error = critical = exception = failure = fatal = urgent

    def flush(self) -> None:
        """Write what waits."""
        with self._writing:
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            if lines:
                text = "".join(f"{self._prefix}{line}\n" for line in lines)
                data = text.encode("utf-8", "backslashreplace")
                while data:
                    try:
                        data = data[os.write(sys.stdout.fileno(), data) :]
                    except OSError:  # nobody reads any more; a service goes on without its log
                        return


_BUFFER = LineBuffer()
_SERVICE = ""
_STYLE: Format = "text"
_configured = False
_PLAIN = re.compile(r"[!#-<>-~]*")


def _render_json(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:  # noqa: ANN401
    service = {"service": _SERVICE} if _SERVICE else {}
    return json.dumps(service | dict(event), default=str)


def configure(prefix: str = "", style: Format = "text") -> None:
    """Set up logging for this process.

    Args:
        prefix: the service's name: put before every line, or as a member into every JSON line.
        style: `text` for people (logfmt), `json` for machines.
    """
    global _BUFFER, _SERVICE, _STYLE, _configured  # noqa: PLW0603  one log a process
    _SERVICE, _STYLE, _configured = prefix, style, True
    _BUFFER = LineBuffer(f"{prefix:<8}| " if prefix and style == "text" else "")
    renderer: structlog.typing.Processor = (
        structlog.processors.LogfmtRenderer(key_order=["at", "level", "event"])
        if style == "text"
        else _render_json
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=lambda *_args: _BUFFER,
        cache_logger_on_first_use=True,
    )
    atexit.register(flush)


def flush() -> None:
    """Write what waits."""
    _BUFFER.flush()


def close() -> None:
    """Write what waits, and nothing more until `configure` is called again."""
    global _configured  # noqa: PLW0603  one log a process
    flush()
    _configured = False


def request_line(values: Mapping[str, Any]) -> None:
    """Write the line of one request: the same form as any other line, made the short way.

    Args:
        values: names and values in the order of the line.

    Before `configure` it writes nothing: a service in a test, say, has no log.
    """
    if not _configured:
        return
    at = _now()
    if _STYLE == "json":
        line = _render_json(None, "", {"at": at, "level": "info", "event": "request", **values})
    else:
        parts = [
            f"{name}={_quoted(value) if type(value) is str else value}"
            for name, value in values.items()
        ]
        line = f"at={at} level=info event=request {' '.join(parts)}"
    _BUFFER.msg(line)


def _now() -> str:
    """Return the time as the other lines show it; its seconds are worked out once a second."""
    seconds, ns = divmod(time.time_ns(), 1_000_000_000)
    return f"{_second(seconds)}.{ns // 1000:06d}Z"


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _quoted(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text)


def get_logger() -> Any:  # noqa: ANN401  structlog's own type
    """Return a logger; `configure` first."""
    return structlog.get_logger()
