"""Two order services over one database, each with a way of its own to one catalog."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from pyreqwest.client import ClientBuilder

from bazar.kit.data.postgres import PostgresDatabase
from bazar.order.app import POSTGRES_SCHEMA, order_app
from bazar.order.mail.settings import MailSettings
from support.engines import url_with_tables
from support.shops import CATALOG_URL, ORDER_URL, SECRET, Caller, InProcess, catalog_open
from support.wires import Wire


class Replica(NamedTuple):
    """One of several order services."""

    order: Caller
    wire: Wire
    """Its way to the catalog."""
    ending: AsyncExitStack

    async def stop(self) -> None:
        """Stop it."""
        await self.ending.aclose()


class Replicas(NamedTuple):
    """A shop with two order services."""

    a: Replica
    b: Replica
    catalog: Caller
    database: PostgresDatabase
    """Theirs, used by the test beside them."""
    url: str
    """Of that database."""

    async def add_book(self, quantity: int) -> int:
        """Add a book and return its id."""
        book = {"title": "RPCs for Noobs", "topic": "systems", "price": 19.99}
        reply = await self.catalog.post("/books", book | {"quantity": quantity})
        return int(reply.json["id"])

    async def stock(self, book_id: int) -> int:
        """Return the copies in stock."""
        return int((await self.catalog.get(f"/info/{book_id}")).json["quantity"])

    async def status(self, order_id: str) -> str:
        """Return the status of an order as it is stored."""
        row = await self.database.read(
            lambda t: t.one("SELECT status FROM orders WHERE order_id = ?1", order_id)
        )
        assert row is not None
        return str(row[0])


async def opened(
    url: str, catalog: InProcess, mail: MailSettings | None = None, name: str = ORDER_URL
) -> Replica:
    """Open an order service over a database, before the catalog that a network hosts."""
    network, ending = InProcess(), AsyncExitStack()
    network.apps[CATALOG_URL] = catalog.apps[CATALOG_URL]
    wire = Wire(network, CATALOG_URL)
    client = await ending.enter_async_context(ClientBuilder().with_middleware(network).build())
    order = await ending.enter_async_context(order_app(url, CATALOG_URL, SECRET, client, mail))
    network.host(name, order)
    return Replica(Caller(name, client, SECRET), wire, ending)


@asynccontextmanager
async def two_open(
    engine: str, folder: Path, mail: MailSettings | None = None
) -> AsyncIterator[Replicas]:
    """Open two order services over one new database, and a catalog in a file."""
    url = url_with_tables(engine, folder / "orders", POSTGRES_SCHEMA)
    network = InProcess()
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(catalog_open(folder, network))
        database = PostgresDatabase(url)
        stack.push_async_callback(database.close)
        replicas = [await opened(url, network, mail) for _ in range(2)]
        for replica in replicas:
            stack.push_async_callback(replica.stop)
        a, b = replicas
        yield Replicas(a, b, Caller(CATALOG_URL, client, SECRET), database, url)
