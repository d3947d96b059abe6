"""A foreign server where a service of the shop is looked for: nobody believes a word of it."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from bazar.kit.identity import new_key
from bazar.tools.remote import Addresses
from support.customers import Customers
from support.processes import free_ports, wait_for
from support.running import ThreeServices

PURCHASES = 24
TRIES_MAX = 10
SOON = {"bazar-deadline-ms": "1000"}


class Foreign(BaseHTTPRequestHandler):
    """Answers 404 to everything, as a program does that has nothing to do with the shop."""

    def _refuse(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        body = b'{"code":"order-not-found","definite":true}'
        self.send_response(HTTPStatus.NOT_FOUND)
        self.send_header("content-type", "application/problem+json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _refuse  # noqa: N815  http.server's names

    def log_message(self, *_words: object) -> None:
        """Keep quiet."""


@contextmanager
def foreign(port: int) -> Iterator[str]:
    """Run a foreign server at a port; return its address."""
    with ThreadingHTTPServer(("127.0.0.1", port), Foreign) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def strangers() -> Iterator[tuple[str, str]]:
    """Run two foreign servers."""
    with ExitStack() as running:
        one, other = (running.enter_context(foreign(port)) for port in free_ports(2))
        yield one, other


async def test_a_stranger_among_the_targets_costs_nobody_an_order(
    tmp_path: Path, strangers: tuple[str, str]
) -> None:
    """Whether it stands among the catalogs or the order services; each purchase is sold once."""
    with ThreeServices(tmp_path) as shop:
        at = shop.addresses
        mixed = Addresses(at.front, f"{strangers[0]},{at.catalog}", f"{at.order},{strangers[1]}")
        shop.seen = {"order": mixed, "front": mixed}
        shop.open("catalog", "order", "front")
        book_id = shop.add_book(PURCHASES)
        async with shop.customers() as customers:

            async def buy_and_cancel() -> None:
                bought = await customers.buy(book_id, new_key())
                assert 201 == bought.status
                path = f"/orders/{bought.json['order_id']}"
                assert 200 == await definite(customers, "GET", path)
                assert 200 == await definite(customers, "POST", f"{path}/cancel")
                assert 200 == await definite(customers, "GET", f"/info/{book_id}")

            await asyncio.gather(*[buy_and_cancel() for _ in range(PURCHASES)])
        assert not shop.settled_audit().differences
        wait_for("all copies are back", lambda: PURCHASES == shop.stock(book_id))


async def definite(customers: Customers, method: str, path: str) -> int:
    """Return the status of the first answer that says what is; a busy machine may be too late."""
    for _ in range(TRIES_MAX):
        answer = await customers.call(method, path)
        if answer.status != HTTPStatus.SERVICE_UNAVAILABLE:
            break
    return answer.status


async def ask(customers: Customers, order_id: str) -> list[tuple[int, object]]:
    """Return status and definiteness of what is said of an order, and of its cancel."""
    said = [
        await customers.call("GET", f"/orders/{order_id}", headers=SOON),
        await customers.call("POST", f"/orders/{order_id}/cancel", headers=SOON),
    ]
    return [(one.status, one.json.get("definite")) for one in said]


async def test_a_port_that_was_freed_and_taken_tells_nobody_that_their_order_is_not_there(
    tmp_path: Path,
) -> None:
    """What became of it is not known, which is what the front says; afterwards it is found."""
    with ThreeServices(tmp_path) as shop:
        shop.open("catalog", "order", "front")
        book_id = shop.add_book(1)
        async with shop.customers() as customers:
            bought = await customers.buy(book_id, new_key())
            order_id = bought.json["order_id"]
            shop.stop("order")
            with foreign(int(shop.addresses.order.rpartition(":")[2])):
                assert [(503, False)] * 2 == await ask(customers, order_id)
            shop.open("order")
            assert [(200, None)] * 2 == await ask(customers, order_id)
        assert 1 == shop.stock(book_id)
