"""A whole shop in this process, on real databases, called over ASGI."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from pyreqwest.client import Client
from pyreqwest.middleware import Next
from pyreqwest.middleware.asgi import ASGITestMiddleware
from pyreqwest.request import Request
from pyreqwest.response import Response

from bazar.kit.http.app import HttpApp

SECRET = "a secret that only the tests know"
CATALOG_URL = "http://catalog.test"
ORDER_URL = "http://order.test"
FRONT_URL = "http://front.test"


@dataclass(frozen=True)
class Reply:
    """An answer, read whole."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401
        """The body, decoded."""
        return msgspec.json.decode(self.content)

    @property
    def code(self) -> str:
        """The code of a problem document."""
        assert self.headers["content-type"] == "application/problem+json"
        return str(self.json["code"])


@dataclass(frozen=True)
class Caller:
    """Calls one service."""

    url: str
    client: Client
    secret: str | None = None

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        *,
        content: bytes | None = None,
    ) -> Reply:
        """Send one request; `content` is sent as it is, `body` as JSON."""
        request = self.client.request(method, self.url + path)
        if self.secret is not None:
            request = request.header("authorization", f"Bearer {self.secret}")
        for name, value in (headers or {}).items():
            request = request.header(name, value)
        if body is not None:
            content = msgspec.json.encode(body)
        if content is not None:
            request = request.body_bytes(content)
        response = await request.build().send()
        data = (await response.bytes()).to_bytes()
        return Reply(response.status, dict(response.headers), data)

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        """Send a GET."""
        return await self.call("GET", path, None, headers)

    async def post(
        self, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Send a POST."""
        return await self.call("POST", path, body, headers)


class InProcess:
    """The transport seam in tests: hands requests to the application of the host that they name."""

    def __init__(self) -> None:
        """Start with no service reachable."""
        self.apps: dict[str, ASGITestMiddleware] = {}

    def host(self, url: str, app: HttpApp) -> None:
        """Make a service reachable."""
        self.apps[url] = ASGITestMiddleware(app)

    async def __call__(self, request: Request, following: Next) -> Response:
        """Answer from the application, or fail as the network would when the service is away."""
        if request.body is not None and (content := request.body.copy_bytes()) is not None:
            request.headers["content-length"] = str(len(content))  # as on every real wire
        url = request.url
        app = self.apps.get(f"{url.scheme}://{url.host_str}")
        if app is None:
            return await following.run(request)
        return await app(request, following)


@dataclass(frozen=True)
class Shop:
    """A whole shop in this process."""

    catalog: Caller
    order: Caller
    front: Caller
    network: InProcess
    client: Client

    async def add_book(self, **fields: object) -> int:
        """Add a book and return its id."""
        book = {"title": "RPCs for Noobs", "topic": "distributed systems", "price": 19.99}
        reply = await self.catalog.post("/books", book | fields)
        assert reply.status == 201, reply.content
        return int(reply.json["id"])

    async def stock(self, book_id: int) -> int:
        """Return the copies in stock."""
        return int((await self.catalog.get(f"/info/{book_id}")).json["quantity"])
