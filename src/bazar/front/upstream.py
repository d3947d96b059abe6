"""Calls to the catalog and the order service, whose answers go on to the public as they are."""

from collections.abc import Mapping

from starlette.responses import Response

from bazar.kit.client import Answer, Upstream
from bazar.kit.request import Request

READ_DEADLINE_MS = 3000
WRITE_DEADLINE_MS = 5000

_PASSED_HEADERS = ("location", "link", "retry-after", "allow")


class Shop:
    """The two services behind the front."""

    def __init__(self, catalog: Upstream, order: Upstream) -> None:
        """Talk to these two."""
        self._catalog = catalog
        self._order = order

    async def read(self, request: Request, path: str) -> Response:
        """Ask the catalog.

        Raises:
            Unavailable: the catalog did not answer within 3 s.
        """
        deadline = request.deadline(READ_DEADLINE_MS)
        answer = await self._catalog.call("GET", path, deadline=deadline, request_id=request.id)
        return passed_on(request, answer)

    async def order(
        self,
        request: Request,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Ask the order service, with the request's own method.

        Raises:
            Unavailable: indefinite; the order service did not answer within 5 s.
        """
        answer = await self._order.call(
            "GET" if request.method == "HEAD" else request.method,
            path,
            deadline=request.deadline(WRITE_DEADLINE_MS),
            request_id=request.id,
            body=body,
            headers=headers,
        )
        return passed_on(request, answer)


def passed_on(request: Request, answer: Answer) -> Response:
    """Return another service's answer as ours, and note how long its tiers took."""
    timing = answer.headers.get("server-timing")
    if timing:
        request.timings.append(timing)
    headers = {}
    for name in _PASSED_HEADERS:
        value = answer.headers.get(name)
        if value is not None:
            headers[name] = value
    return Response(
        answer.body, answer.status, headers, answer.headers.get("content-type", "text/plain")
    )
