"""A line of a log, in either form, behind whatever journald or a container engine puts before it.

A line that is none of ours, or is cut, is nothing: logs hold much else.
"""

import re
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

_TEXT = re.compile(
    rb"(?:([a-z]+) *\| )?at=(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z) level=([a-z]+) "
    rb"event=([^ \r\n]+)([^\r\n]*)"
)
_ESCAPE = b"\x1b"
_COLOURS = re.compile(rb"\x1b\[[0-9;]*m")
"""That a container engine puts around its prefix; a line of ours has none."""
_FACT = re.compile(r'([A-Za-z_]+)=("(?:[^"\\]|\\.)*"|[^ ]*)')
_WRAPPED = ("MESSAGE", "log", "message", "line")
"""Where journald, container engines and collectors have the line, as JSON."""
_WRAPPINGS_MAX = 2
_BEGINNING = b"{"
_MEASURES = frozenset({"at", "level", "event", "process"})
_SUPERVISOR = "bazar"
"""Whose lines name a service that they are about."""


class Line(Struct, frozen=True):
    """One line, whose facts are text."""

    at_us: int
    """Microseconds since 1970, as the clock of its process had it."""
    level: str
    event: str
    service: str
    process: str
    """Where it listens and its word; empty where it wrote no steps."""
    facts: dict[str, str]
    source: int = 0
    """Number of the file that it is from, and where in it."""
    offset: int = 0

    def __getitem__(self, name: str) -> str:
        """Return a fact; empty where the line does not say it."""
        return self.facts.get(name, "")

    @property
    def step(self) -> str:
        """Which step it tells of; empty for any other event."""
        return self["step"] if self.event == "step" else ""

    @property
    def writer(self) -> str:
        """Whoever wrote it: its process, or else its service in one file."""
        return self.process or f"{self.service}@{self.source}"

    @property
    def place(self) -> str:
        """Where its process listens."""
        return self.process.partition("#")[0]

    @property
    def port(self) -> str:
        """Return the port of that place."""
        return self.place.rpartition(":")[2]


def parse(raw: bytes, source: int = 0, offset: int = 0, wrapped: int = 0) -> Line | None:
    """Return what a line of a log says, or None where it is not one that a service wrote."""
    if _ESCAPE in raw:
        raw = _COLOURS.sub(b"", raw)
    found = _TEXT.search(raw)
    start = raw.find(_BEGINNING)
    if start >= 0 and (found is None or start < found.start()):
        return _of_json(raw[start:], source, offset, wrapped)
    if found is None:
        return None
    prefix, at, level, event, rest = (part.decode("utf-8", "replace") for part in _groups(found))
    facts = {name: _unquoted(value) for name, value in _FACT.findall(rest)}
    said = {**facts, "at": at, "level": level, "event": event}
    return _line(said, prefix, source, offset)


def _groups(found: re.Match[bytes]) -> list[bytes]:
    return [part or b"" for part in found.groups()]


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    try:
        return str(msgspec.json.decode(value))
    except msgspec.DecodeError:  # it is cut
        return value


def _of_json(raw: bytes, source: int, offset: int, wrapped: int) -> Line | None:
    try:
        said: Any = msgspec.json.decode(raw.strip().decode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    if {"at", "level", "event"} <= said.keys():
        texts = {name: _text(value) for name, value in said.items()}
        supervisor = _SUPERVISOR if texts.get("process", "").startswith(f"{_SUPERVISOR}#") else ""
        return _line(texts, supervisor, source, offset)
    if wrapped < _WRAPPINGS_MAX:
        for name in _WRAPPED:
            if isinstance(said.get(name), str):
                return parse(said[name].encode(), source, offset, wrapped + 1)
    return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _line(said: dict[str, str], prefix: str, source: int, offset: int) -> Line | None:
    """Return a line; where its writer is known by a prefix, `service` is a fact like any other."""
    at_us = _microseconds(said["at"])
    if at_us is None:
        return None
    own = _MEASURES if prefix else _MEASURES | {"service"}
    facts = {name: value for name, value in said.items() if name not in own}
    service = prefix or said.get("service", "")
    level, event, process = said["level"], said["event"], said.get("process", "")
    return Line(at_us, level, event, service, process, facts, source, offset)


def _microseconds(at: str) -> int | None:
    try:
        time = datetime.fromisoformat(at).replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(time.timestamp()) * 1_000_000 + time.microsecond
