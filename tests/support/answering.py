"""A service that answers what a test tells it to, at the seam where the network would be."""

from collections.abc import Mapping

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.middleware import Next
from pyreqwest.request import Request
from pyreqwest.response import Response, ResponseBuilder

from bazar.kit.secret import SERVICE_HEADER, service_identity
from support.wires import lost

SECRET = "secret"


def identity(request: Request) -> dict[str, str]:
    """Return the header by which a service shows who it is; the host `order.test` is `order`."""
    name = (request.url.host_str or "").removesuffix(".test")
    return {SERVICE_HEADER: service_identity(name, SECRET)}


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
        builder = (
            ResponseBuilder().status(self.status).headers(identity(request) | dict(self.headers))
        )
        return await builder.body_bytes(self.body).build()

    def client(self) -> Client:
        """Return a client whose every call comes here."""
        return ClientBuilder().with_middleware(self).build()
