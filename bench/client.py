"""One request at a time, to look at an answer: readiness, checks, the race. Load is wrk's work."""

from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from typing import NamedTuple
from urllib.parse import urlsplit

TIMEOUT_S = 30.0
SUCCESS = range(200, 300)


class Answer(NamedTuple):
    """What a server said."""

    status: int
    body: bytes


def ask(url: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> Answer:
    """Ask on a connection of its own; http.client knows no proxy variables.

    Raises:
        OSError: nobody listens, or nobody answers within 30 s.
        HTTPException: what came back is no HTTP answer.
    """
    parts = urlsplit(url)
    assert parts.hostname is not None
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    connection = HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_S)
    try:
        connection.request(method, path, headers=dict(headers or {}))
        response = connection.getresponse()
        return Answer(response.status, response.read())
    finally:
        connection.close()


def status_of(url: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> int:
    """Return the status of the answer, 0 where there is none."""
    try:
        return ask(url, method, headers).status
    except (OSError, HTTPException):
        return 0


def succeeds(url: str) -> bool:
    """Tell whether a server answers with success."""
    return status_of(url) in SUCCESS


def listens(url: str) -> bool:
    """Tell whether a server answers at all, be it that there is no such page."""
    return status_of(url) != 0
