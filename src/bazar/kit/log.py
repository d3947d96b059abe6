"""Structured log lines on standard output, or in a file: one a request, after the service's name.

Nobody who logs ever waits. Lines are put into a bounded buffer, and a thread writes what is there
every 50 ms, since a system call a line costs more than the line; warnings wake it at once. Who
does not read the log holds up that thread alone: lines that find no room are dropped and counted.
A file has no reader who could be slow: what is logged is in it before whoever logs goes on, and
standard output then gets warnings alone.

Source: docs/decisions/0019-nothing-stops-a-service-unseen.md,
docs/decisions/0047-a-purchase-can-be-watched.md
"""

import atexit
import os
import re
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

import msgspec
import structlog

from bazar.kit.log_file import LogFile

Format = Literal["text", "json"]
Level = Literal["debug", "info", "warning"]
FLUSH_INTERVAL_S = 0.05
FLUSH_PATIENCE_S = 0.5
"""How long the end of a process waits for a reader of its log."""
LINES_MAX = 8192
VALUE_LENGTH_MAX = 4096
"""A longer text keeps its beginning and its end."""
ITEMS_MAX = 10
"""A longer list keeps its beginning."""
REPEATS_MAX = 10
REPEATS_INTERVAL_S = 10.0
"""In this time so many warnings of one kind are written; the others are counted."""
_PLAIN = re.compile(r"[!#-<>-~]*")
_OBEYED = re.compile(r"[^ -~]")
"""What a terminal may obey, or take for the end of a line; and all that is not ASCII."""
_NOTHING: Mapping[str, Any] = {}

_encode = msgspec.json.Encoder(enc_hook=str).encode


class _Repeats:
    """Counts the warnings of each kind, so that an outage does not fill the disk with its log."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kinds: dict[str, list[float]] = {}
        """When the interval of a kind ends, and how often it came in it."""

    def forget(self) -> None:
        """Begin anew."""
        with self._lock:
            self._kinds.clear()

    def admit(self, event: str) -> bool:
        """Tell whether one more of this kind is written."""
        with self._lock:
            now_s = time.monotonic()
            kind = self._kinds.setdefault(event, [now_s + REPEATS_INTERVAL_S, 0])
            kind[1] += 1
            return kind[1] <= REPEATS_MAX

    def left_out(self) -> list[str]:
        """Return a line for each kind whose interval is over and that was too frequent."""
        if not self._kinds:
            return []
        with self._lock:
            now_s = time.monotonic()
            over = [event for event, (until_s, _) in self._kinds.items() if until_s <= now_s]
            counts = {event: int(self._kinds.pop(event)[1]) - REPEATS_MAX for event in over}
        return [
            _render("warning", "repeated", {"what": event, "left_out": count})
            for event, count in counts.items()
            if count > 0
        ]


class Lines:
    """A bounded buffer of lines, and the thread that writes them; a process has one of its own."""

    def __init__(self, descriptor: Callable[[], int]) -> None:
        """Write to what `descriptor` names each time; `start` makes it so."""
        self.repeats = _Repeats()
        self._descriptor = descriptor
        self._lines: deque[str] = deque()
        self._dropped = 0
        self._told = 0
        self._wake = threading.Event()
        self._flushing: deque[threading.Event] = deque()
        self._stuck = False
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self.file: LogFile | None = None
        """Where lines go instead; warnings go to both."""

    def start(self) -> None:
        """Let the thread run, if it does not yet."""
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="log", daemon=True)
                self._thread.start()

    def put(self, line: str) -> None:
        """Keep a line for the next write; drop and count it where there is no room."""
        if self.file is not None:
            self._add(self.file, line)
        else:
            self._keep(line)

    def show(self, line: str) -> None:
        """Keep a line for whoever reads, and have all that waits written now."""
        self._keep(line)
        self._wake.set()

    def urgent(self, line: str) -> None:
        """Keep a line, have all that waits written now, and have it in the file too."""
        if self.file is not None:
            self._add(self.file, line)
        self.show(line)

    def step(self, line: str) -> None:
        """Keep a line that should be written even if this process is killed in a moment."""
        self.put(line)
        if self.file is None:
            self._wake.set()

    debug = info = msg = put
    warning = error = critical = urgent

    def _keep(self, line: str) -> None:
        if len(self._lines) < LINES_MAX:
            self._lines.append(line)
        else:
            self._dropped += 1

    def _add(self, file: LogFile, line: str) -> None:
        """Add a line to the file; where the disk is full, say at the next one that it is not."""
        untold = self._dropped - self._told
        try:
            file.add(f"{self._dropped_line(untold)}{line}".encode("ascii", "backslashreplace"))
        except OSError:
            self._dropped += 1
        else:
            self._told += untold

    @staticmethod
    def _dropped_line(count: int) -> str:
        return _render("warning", "lines-dropped", {"count": count}) if count > 0 else ""

    def flush(self, within_s: float = FLUSH_PATIENCE_S) -> None:
        """Wait until all that was kept before is written, but no longer than that.

        Where the last such wait was in vain, and that line is still not written, there is none.
        """
        if self._thread is None or self._stuck:
            return
        written = threading.Event()
        self._flushing.append(written)
        self._wake.set()
        self._stuck = not written.wait(within_s)

    def _run(self) -> None:
        while True:
            self._wake.wait(FLUSH_INTERVAL_S)
            self._wake.clear()
            for line in self.repeats.left_out():
                self.urgent(line)
            flushing = [self._flushing.popleft() for _ in range(len(self._flushing))]
            self._write()
            self._stuck = False
            for written in flushing:
                written.set()

    def _write(self) -> None:
        """Write what waits, however long that takes."""
        while self._lines:
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            dropped = self._dropped
            told = self._dropped_line(dropped - self._told)
            data = "".join((*lines, told)).encode("ascii", "backslashreplace")
            try:
                while data:
                    data = data[os.write(self._descriptor(), data) :]
            except (OSError, ValueError):  # nobody reads any more, or the disk is full
                self._dropped += len(lines)
                return
            self._told = dropped


class _Settings:
    """How lines look; `open` tells whether requests are logged: a test, say, has no log."""

    service = ""
    style: Format = "text"
    open = False
    process: Mapping[str, Any] = _NOTHING
    """What the lines of this process say of it, at the level `debug`."""
    ending = ""
    """The same as text."""


_settings = _Settings()


def _standard_output() -> int:
    """Return where lines go; where this process was started without, its number is another's."""
    if sys.stdout is None:  # as after `>&-`
        raise OSError
    return sys.stdout.fileno()


_lines = Lines(_standard_output)


def configure(
    service: str = "",
    style: Format = "text",
    level: Level = "info",
    file: LogFile | None = None,
    process: str = "",
) -> None:
    """Set up logging for this process.

    Args:
        service: its name: put before every line, or as a member into every JSON line.
        style: `text` for people (logfmt), `json` for machines.
        level: what is less than that is not written; a request is `info`, a step `debug`.
        file: gets all lines; standard output then gets warnings alone.
        process: tells this process from all others, in each of its lines.
    """
    _settings.service, _settings.style, _settings.open = service, style, level != "warning"
    _settings.process = {"process": process} if process else _NOTHING
    _settings.ending = f" process={_shown(process)}" if process else ""
    _lines.file = file
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            _drop_repeated,
            structlog.processors.format_exc_info,
            _render_event,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_args: _lines,
        cache_logger_on_first_use=True,
    )
    _lines.repeats.forget()
    _lines.start()
    atexit.register(flush)


def flush(within_s: float = FLUSH_PATIENCE_S) -> None:
    """Wait until what was logged is written; the time is for a reader who does not read."""
    _lines.flush(within_s)


def close() -> None:
    """Write what waits, and nothing more of requests until `configure` is called again."""
    flush()
    _settings.open = False


def show(text: str) -> None:
    """Write text for people among the lines, as it is, after those that were logged before.

    Where `print` would wait for whoever does not read, this does not.
    """
    _lines.show(text)


def last_words(text: str) -> None:
    """Write a line on standard error, after the log; it is given up where nobody reads."""
    flush()
    try:
        descriptor = sys.stderr.fileno()
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        if poll.poll(FLUSH_PATIENCE_S * 1000):
            os.write(descriptor, text.encode("utf-8", "backslashreplace"))
    except (AttributeError, OSError, ValueError):  # it is closed, or none of the system's
        with suppress(AttributeError, OSError, ValueError):
            sys.stderr.write(text)


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
    if not _settings.open:
        return
    if _settings.style == "text":
        more = "".join([f" {name}={_shown(_bounded(value))}" for name, value in facts.items()])
        _lines.put(
            f"{_prefix(_settings.service)}at={_now()} level=info event=request method={method} "
            f"path={_quoted(path)} status={status} ms={duration_ms:.2f} request_id={request_id}"
            f"{more}{_settings.ending}\n"
        )
        return
    values = {"method": method, "path": path, "status": status, "ms": round(duration_ms, 2)}
    _lines.put(_render("info", "request", values | {"request_id": request_id} | dict(facts)))


def step_line(values: Mapping[str, Any]) -> None:
    """Write the line of one step, which a killed process should not lose; see `steps`."""
    _lines.step(_render("debug", "step", values))


def _drop_repeated(
    _logger: Any,  # noqa: ANN401
    _method: str,
    event: MutableMapping[str, Any],
) -> MutableMapping[str, Any]:
    if event["level"] in {"debug", "info"}:
        return event
    error = event.get("exc_info")
    fault = f" {type(error).__name__}" if isinstance(error, Exception) else ""
    if not _lines.repeats.admit(event["event"] + fault):
        raise structlog.DropEvent
    return event


def _render_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:  # noqa: ANN401
    return _render(event.pop("level"), event.pop("event"), event)


def _render(level: str, event: str, values: Mapping[str, Any]) -> str:
    """Return a line of the chosen style, whatever the values hold; the only renderer."""
    head = {"at": _now(), "level": level, "event": event}
    values = {name: _bounded(value) for name, value in values.items()}
    values.update(_settings.process)
    if _settings.style == "json":
        service = {"service": _settings.service} if _settings.service else {}
        return f"{_json(service | head | values)}\n"
    parts = [f"{name}={_shown(value)}" for name, value in (head | values).items()]
    return f"{_prefix(_settings.service)}{' '.join(parts)}\n"


def _bounded(value: object) -> object:
    """Return what a line shows of a value, so that no value makes a line long."""
    if isinstance(value, list | tuple) and len(value) > ITEMS_MAX:
        return [*map(_bounded, value[:ITEMS_MAX]), f"and {len(value) - ITEMS_MAX} more"]
    if isinstance(value, str) and len(value) > VALUE_LENGTH_MAX:
        half = VALUE_LENGTH_MAX // 2
        return f"{value[:half]}[{len(value) - 2 * half} left out]{value[-half:]}"
    return value


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
