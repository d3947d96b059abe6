"""Another service's answer on its way through the front, kept as it is."""

from dataclasses import dataclass

from starlette.responses import Response

from bazar.kit.http.answers import ReadyResponse
from bazar.kit.http.request import Request
from bazar.kit.peers.client import Answer
from bazar.wire.books import VERSION_HEADER

_PASSED_HEADERS = ("location", "link", "retry-after", "allow")


@dataclass(frozen=True, slots=True)
class Passed:
    """An answer with the headers that the public may see."""

    status: int
    body: bytes
    media_type: str
    headers: dict[str, str]
    timing: str
    """Of the tiers behind, as in a Server-Timing header."""
    version: int
    """Of the book that it shows; 0 where it shows none."""

    def response(self, request: Request, cache_status: str, timing: str = "") -> Response:
        """Return it as our own answer."""
        if timing:
            request.timings.append(timing)
        response = ReadyResponse(self.body, self.status, self.headers, self.media_type)
        response.raw_headers.append((b"cache-status", cache_status.encode("latin-1")))
        return response


def passed(answer: Answer) -> Passed:
    """Return what the public may see of an answer."""
    get = answer.headers.get
    version = get(VERSION_HEADER)
    return Passed(
        answer.status,
        answer.body,
        get("content-type") or "text/plain",
        {name: value for name in _PASSED_HEADERS if (value := get(name)) is not None},
        get("server-timing") or "",
        int(version) if version else 0,
    )
