"""A service that answers what a test tells it to, at the seam where the network would be."""

from collections.abc import Mapping

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.middleware import Next
from pyreqwest.request import Request
from pyreqwest.response import Response, ResponseBuilder

from bazar.kit.secret import SERVICE_HEADER, service_identity
from bazar.kit.signing import (
    MOMENT_HEADER,
    PROOF_HEADER,
    Claims,
    Moment,
    Signing,
    digest,
    is_covered,
    told_lines,
)
from support.wires import lost

SECRET = "secret"
PROCESS = "0123456789abcdef"


def proof(
    authorization: str | None, service: str, status: int, body: str, headers: Mapping[str, str]
) -> dict[str, str]:
    """Return the headers of an answer to a signed call, with those that prove it.

    Args:
        authorization: the header of the call.
        service: that answers.
        status: of the answer.
        body: its digest, or `streamed`.
        headers: of the answer.
    """
    said = Claims.parsed(authorization or "")
    assert said is not None, "every call between services is signed"
    moment = Moment(PROCESS, said.time_ms).header()
    own = {SERVICE_HEADER: service_identity(service, SECRET), MOMENT_HEADER: moment}
    told = own | dict(headers)
    mac = Signing(service, SECRET).answer(
        said.mac, status, body, told_lines([pair for pair in told.items() if is_covered(pair[0])])
    )
    return {**told, PROOF_HEADER: mac}


def answering(
    request: Request, status: int, body: bytes, headers: Mapping[str, str] | None = None
) -> ResponseBuilder:
    """Return an answer of the service whose host is asked: `order.test` is `order`."""
    name = (request.url.host_str or "").removesuffix(".test")
    given = request.headers.get("authorization")
    told = proof(given, name, status, digest(body), headers or {})
    return ResponseBuilder().status(status).headers(told).body_bytes(body)


class Answering:
    """A transport that is the other service; it remembers what it was asked."""

    def __init__(self) -> None:
        """Answer every call with 200 and nothing, until told otherwise."""
        self.status = 200
        self.body = b""
        self.headers: Mapping[str, str] = {}
        self.breaks = 0
        """So many of the next connections break after the call has arrived."""
        self.calls: list[str] = []
        self.bodies: list[bytes] = []
        self.request_ids: list[str | None] = []

    async def __call__(self, request: Request, _following: Next) -> Response:
        """Answer one call."""
        url = request.url
        query = f"?{url.query_string}" if url.query_string else ""
        self.calls.append(f"{request.method} {url.path}{query}")
        self.request_ids.append(request.headers.get("x-request-id"))
        content = None if request.body is None else request.body.copy_bytes()
        self.bodies.append(b"" if content is None else content.to_bytes())
        if self.breaks:
            self.breaks -= 1
            raise lost()
        return await answering(request, self.status, self.body, self.headers).build()

    def client(self) -> Client:
        """Return a client whose every call comes here."""
        return ClientBuilder().with_middleware(self).build()
