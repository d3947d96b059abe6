"""A whole shop in this process, on real databases, called over ASGI."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.middleware import Next
from pyreqwest.middleware.asgi import ASGITestMiddleware
from pyreqwest.request import Request
from pyreqwest.response import Response

from bazar.catalog.app import POSTGRES_SCHEMA, catalog_app
from bazar.kit.http.app import HttpApp
from bazar.order.app import order_app
from bazar.order.mail.settings import MailSettings
from support.engines import POSTGRES, url_with_tables

SECRET = "a secret that only the tests know"
CATALOG_URL = "http://127.0.0.101"
ORDER_URL = "http://127.0.0.102"
FRONT_URL = "http://front.test"


@dataclass(frozen=True)
class Reply:
    """An answer, read whole."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    cookies: tuple[str, ...] = ()
    """Each header that sets one."""

    @property
    def json(self) -> Any:  # noqa: ANN401
        """The body, decoded."""
        return msgspec.json.decode(self.content)

    @property
    def code(self) -> str:
        """The code of a problem document, empty for any other answer."""
        if self.headers.get("content-type") != "application/problem+json":
            return ""
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
        cookies = tuple(response.get_header_all("set-cookie"))
        return Reply(response.status, dict(response.headers), data, cookies)

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
        self.bare: dict[str, HttpApp] = {}
        """The same, for who calls one without a client."""

    def host(self, url: str, app: HttpApp) -> None:
        """Make a service reachable."""
        self.apps[url] = ASGITestMiddleware(app)
        self.bare[url] = app

    async def __call__(self, request: Request, following: Next) -> Response:
        """Answer from the application, or fail as the network would when the service is away."""
        if request.body is not None and (content := request.body.copy_bytes()) is not None:
            request.headers["content-length"] = str(len(content))  # as on every real wire
        url = request.url
        app = self.apps.get(f"{url.scheme}://{url.host_str}")
        if app is None:
            return await following.run(request)
        return await app(request, following)


@asynccontextmanager
async def catalog_open(
    folder: Path, network: InProcess, engine: str = "sqlite"
) -> AsyncIterator[Client]:
    """Open the catalog of a folder in a network; give a client of all that the network hosts."""
    database: Path | str = folder / "catalog.db"
    if engine in POSTGRES:
        database = url_with_tables(engine, folder / "catalog.db", POSTGRES_SCHEMA)
    async with (
        ClientBuilder().with_middleware(network).build() as client,
        catalog_app(database, SECRET) as catalog,
    ):
        network.host(CATALOG_URL, catalog)
        yield client


@asynccontextmanager
async def order_open(
    database: Path, network: InProcess, mail: MailSettings | None = None
) -> AsyncIterator[Caller]:
    """Open an order service on a database in a network, with a client of its own."""
    async with (
        ClientBuilder().with_middleware(network).build() as client,
        order_app(database, CATALOG_URL, SECRET, client, mail) as order,
    ):
        network.host(ORDER_URL, order)
        yield Caller(ORDER_URL, client, SECRET)


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
