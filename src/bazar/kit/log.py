"""Structured log lines on standard output: one a request, prefixed by the service's name.

Lines below `warning` wait up to 50 ms in memory and leave in one write, since a system call a
line costs more than the line. Warnings leave at once, and so does everything at the end.
"""

import atexit
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

import msgspec
import structlog

Format = Literal["text", "json"]
FLUSH_INTERVAL_S = 0.05
_BUFFER_LINES_MAX = 64
_PLAIN = re.compile(r"[!#-<>-~]*")
_OBEYED = re.compile(r"[^ -~]")
"""What a terminal may obey, or take for the end of a line; and all that is not ASCII."""
_NOTHING: Mapping[str, Any] = {}

_encode = msgspec.json.Encoder(enc_hook=str).encode


class _Lines:
    """Gathers lines and writes them in one go; one a process."""

    def __init__(self) -> None:
        self.service = ""
        self.style: Format = "text"
        self.open = False
        """Whether `configure` was called: a service in a test, say, has no log."""
        self._lines: deque[str] = deque()
        self._writing = threading.Lock()

    def msg(self, line: str) -> None:
        """Keep a line for the next flush."""
        self._lines.append(line)
        if len(self._lines) > _BUFFER_LINES_MAX:
            self.flush()

    def urgent(self, line: str) -> None:
        """Write a line, and all that waits before it, now."""
        self.msg(line)
        self.flush()

    info = msg
    warning = error = urgent

    def flush(self) -> None:
        """Write what waits."""
        with self._writing:
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            data = "".join(lines).encode("ascii")
            while data:
                try:
                    data = data[os.write(sys.stdout.fileno(), data) :]
                except OSError:  # nobody reads any more; a service goes on without its log
                    return


_lines = _Lines()


def configure(service: str = "", style: Format = "text") -> None:
    """Set up logging for this process.

    Args:
        service: its name: put before every line, or as a member into every JSON line.
        style: `text` for people (logfmt), `json` for machines.
    """
    _lines.service, _lines.style, _lines.open = service, style, True
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            _render_event,
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=lambda *_args: _lines,
        cache_logger_on_first_use=True,
    )
    atexit.register(flush)


def flush() -> None:
    """Write what waits."""
    _lines.flush()


def close() -> None:
    """Write what waits, and nothing more of requests until `configure` is called again."""
    flush()
    _lines.open = False


def get_logger() -> Any:  # noqa: ANN401  structlog's own type
    """Return a logger; `configure` first."""
    return structlog.get_logger()


def request_line(  # noqa: PLR0913, PLR0917  the values of the line, in its order
    method: str,
    path: str,
    status: int,
    duration_ms: float,
    request_id: str,
    facts: Mapping[str, Any] = _NOTHING,
) -> None:
    """Write the line of one request; before `configure` write nothing.

    The ordinary line is the busiest one, so it is one f-string (docs/performance.md).

    Args:
        method: a token, as every server checks.
        path: whatever the caller sent.
        status: of the answer.
        duration_ms: shown to the hundredth.
        request_id: letters, digits and `._-`.
        facts: what else is to be said of it.
    """
    if not _lines.open:
        return
    if _lines.style == "text":
        more = "".join([f" {name}={_shown(value)}" for name, value in facts.items()])
        _lines.msg(
            f"{_prefix(_lines.service)}at={_now()} level=info event=request method={method} "
            f"path={_quoted(path)} status={status} ms={duration_ms:.2f} request_id={request_id}"
            f"{more}\n"
        )
        return
    values = {"method": method, "path": path, "status": status, "ms": round(duration_ms, 2)}
    _lines.msg(_render("info", "request", values | {"request_id": request_id} | dict(facts)))


def _render_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:  # noqa: ANN401
    return _render(event.pop("level"), event.pop("event"), event)


def _render(level: str, event: str, values: Mapping[str, Any]) -> str:
    """Return a line of the chosen style, whatever the values hold; the only renderer."""
    head = {"at": _now(), "level": level, "event": event}
    if _lines.style == "json":
        service = {"service": _lines.service} if _lines.service else {}
        return f"{_json(service | head | dict(values))}\n"
    parts = [f"{name}={_shown(value)}" for name, value in (head | dict(values)).items()]
    return f"{_prefix(_lines.service)}{' '.join(parts)}\n"


@lru_cache(maxsize=1)
def _prefix(service: str) -> str:
    return f"{service:<8}| " if service else ""


def _shown(value: object) -> str:
    return str(value) if isinstance(value, int | float) else _quoted(str(value))


def _quoted(text: str) -> str:
    return text if _PLAIN.fullmatch(text) and text else _json(text)


def _json(value: object) -> str:
    """Return JSON in visible ASCII, so that a line is one line to every reader and terminal."""
    try:
        text = _encode(value).decode()
    except UnicodeEncodeError:  # half a surrogate pair, such as of a file name that is no UTF-8
        return _json(_mended(value))
    return _OBEYED.sub(_escaped, text)


def _mended(value: object) -> object:
    if isinstance(value, dict):
        return {name: _mended(one) for name, one in value.items()}
    return str(value).encode("utf-8", "backslashreplace").decode()


def _escaped(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _now() -> str:
    """Return the time, UTC, to the microsecond; its seconds are worked out once a second."""
    seconds, ns = divmod(time.time_ns(), 1_000_000_000)
    return f"{_second(seconds)}.{ns // 1000:06d}Z"


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
