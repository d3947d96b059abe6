"""A reader who asks one thing after the other, and notes what each answer took."""

from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from time import perf_counter
from typing import NamedTuple, Self
from urllib.parse import urlsplit

import msgspec

from bazar.experiment.lab import ExperimentError

TIMEOUT_S = 10.0
HIT = "hit"
_OK = 200
_HITS, _MISSES = b"bazar_cache_hits", b"bazar_cache_misses"


class Answer(NamedTuple):
    """One answer."""

    body: bytes
    spent_ms: float
    from_cache: bool

    def version(self) -> int:
        """Return which version of a book it shows."""
        return msgspec.json.decode(self.body, type=_Versioned).version


class _Versioned(msgspec.Struct):
    version: int


class Reader:
    """A client of one address."""

    def __init__(self, url: str) -> None:
        """Connect at the first question."""
        parts = urlsplit(url)
        self._url = url
        self._connection = HTTPConnection(str(parts.hostname), parts.port, timeout=TIMEOUT_S)

    def __enter__(self) -> Self:
        """Do nothing yet."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close the connection."""
        self._connection.close()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask once.

        Raises:
            ExperimentError: there is no answer, or one that is not good.
        """
        started_s = perf_counter()
        try:
            self._connection.request("GET", path, headers=dict(headers or {}))
            response = self._connection.getresponse()
            body = response.read()
        except (OSError, HTTPException) as error:
            message = f"{self._url}{path} does not answer: {error}"
            raise ExperimentError(message) from error
        spent_ms = (perf_counter() - started_s) * 1000
        if response.status != _OK:
            message = f"{self._url}{path} answers {response.status}"
            raise ExperimentError(message)
        return Answer(body, spent_ms, HIT in response.getheader("cache-status", ""))

    def cache_counts(self) -> tuple[int, int]:
        """Return how many answers came from the front's cache, and how many were not there."""
        found = {_HITS: 0, _MISSES: 0}
        for line in self.get("/metrics").body.splitlines():
            name, _, value = line.partition(b"{")
            if name in found:
                found[name] += int(float(value.rpartition(b" ")[2]))
        return found[_HITS], found[_MISSES]
