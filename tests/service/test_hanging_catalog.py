"""A catalog that says nothing: the order service goes to another one, the front notices nothing."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from pyreqwest.client import ClientBuilder

from bazar.front.app import front_app
from bazar.kit.peers import racing
from bazar.order.app import order_app
from support.order_calls import key
from support.shops import CATALOG_URL, FRONT_URL, ORDER_URL, SECRET, Caller, InProcess, catalog_open
from support.wires import Wire

HUNG_URL = "http://127.0.0.103"
ORDER_TOO_URL = "http://127.0.0.104"
TRIES_MAX = 64
BOOK = {"id": 1, "title": "RPCs for Noobs", "topic": "systems", "price": 5, "quantity": 1000}


async def test_who_waits_for_a_hanging_catalog_is_not_taken_for_hanging(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has another answer before its own caller gives it up, so nobody probes it."""
    monkeypatch.setattr(racing, "ATTEMPT_S", 1.5)
    network = InProcess()
    async with AsyncExitStack() as stack:
        asking = await stack.enter_async_context(catalog_open(tmp_path, network))
        network.apps[HUNG_URL] = network.apps[CATALOG_URL]
        hung = Wire(network, HUNG_URL)
        client = await stack.enter_async_context(ClientBuilder().with_middleware(network).build())
        catalogs, orders = f"{CATALOG_URL},{HUNG_URL}", f"{ORDER_URL},{ORDER_TOO_URL}"
        order = await stack.enter_async_context(
            order_app(tmp_path / "order.db", catalogs, SECRET, client)
        )
        network.host(ORDER_URL, order)
        network.host(ORDER_TOO_URL, order)
        wires = [Wire(network, url) for url in (ORDER_URL, ORDER_TOO_URL)]
        front = await stack.enter_async_context(front_app(CATALOG_URL, orders, SECRET, client))
        network.host(FRONT_URL, front)
        await Caller(CATALOG_URL, asking, SECRET).post("/books", BOOK)
        hung.open.clear()
        buyer = Caller(FRONT_URL, asking)
        for number in range(TRIES_MAX):
            reply = await buyer.post("/purchase/1", headers=key(f"key-{number}"))
            assert 201 == reply.status
            if "POST /reservations" in hung.calls:
                break
        assert "POST /reservations" in hung.calls
        assert not any("/readyz" in call for wire in wires for call in wire.calls)
        hung.open.set()
