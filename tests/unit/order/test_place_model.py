"""Random histories of buying, replaying, cancelling and restocking, against a small model.

The order service and the catalog are the real ones, on real databases, in this process; the way
between them can be cut for a while. Whatever happens: one key is at most one order, stock is what
the model says, and in the end the audit finds nothing.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pyreqwest.middleware import Next
from pyreqwest.middleware.asgi import ASGITestMiddleware
from pyreqwest.request import Request
from pyreqwest.response import Response

from bazar.tools.audit import difference, pairs
from bazar.wire import budgets
from bazar.wire.audit import KeptDecision, KeptOrder
from bazar.wire.orders import Order
from bazar.wire.stock import Movement, StockReport
from support.shops import (
    CATALOG_URL,
    SECRET,
    Caller,
    InProcess,
    Reply,
    catalog_open,
    order_open,
)
from support.wires import nobody

T = TypeVar("T")

BOOKS = (1, 2)
FIRST_STOCK = 5
SETTLE_S_MAX = 4.0
KEYS = st.sampled_from("abcdef")
ASKED = st.tuples(st.sampled_from(BOOKS), st.integers(1, 3))


class Switch(ASGITestMiddleware):
    """The way to the catalog, which can be cut: before it decides, or after."""

    def __init__(self, inner: ASGITestMiddleware) -> None:
        """Let everything through."""
        self.inner = inner
        self.cut = ""

    async def __call__(self, request: Request, following: Next) -> Response:
        """Deliver a call of the order service, if the way is not cut."""
        if self.cut == "before":
            raise nobody()
        response = await self.inner(request, following)
        if self.cut == "after":
            raise nobody()
        return response


class Placing(RuleBasedStateMachine):
    """The shop and its model: what each key asked for, and what it was told first."""

    def __init__(self) -> None:
        """Start a loop of its own, since rules are plain functions."""
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = TemporaryDirectory()
        self.stack = AsyncExitStack()
        self.patience = pytest.MonkeyPatch()
        self.patience.setattr(budgets, "RESERVE_BATCH_MS", 100)
        self.asked: dict[str, tuple[int, int]] = {}
        self.order_ids: dict[str, str] = {}
        self.first: dict[str, Reply] = {}
        self.received = dict.fromkeys(BOOKS, FIRST_STOCK)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run some calls to their end."""
        return self.runner.run(work)

    @initialize()
    def open(self) -> None:
        """Open catalog and order service on fresh databases, with two books."""
        self.run(self._open())

    async def _open(self) -> None:
        folder, network = Path(self.folder.name), InProcess()
        enter = self.stack.enter_async_context
        client = await enter(catalog_open(folder, network))
        network.host("http://shelves.test", network.apps[CATALOG_URL]._app)  # type: ignore[arg-type]  # noqa: SLF001
        self.switch = Switch(network.apps[CATALOG_URL])
        network.apps[CATALOG_URL] = self.switch
        self.order = await enter(order_open(folder / "order.db", network))
        self.catalog = Caller("http://shelves.test", client, SECRET)
        for book_id in BOOKS:
            book = {"id": book_id, "title": "T", "topic": "t", "price": 1, "quantity": FIRST_STOCK}
            assert 201 == (await self.catalog.post("/books", book)).status

    def teardown(self) -> None:
        """Settle everything, audit it, and close."""
        try:
            if hasattr(self, "order"):
                self.run(self._settle_and_audit())
        finally:
            self.run(self.stack.aclose())
            self.runner.close()
            self.patience.undo()
            self.folder.cleanup()

    @rule(key=KEYS, asked=ASKED)
    def buy(self, key: str, asked: tuple[int, int]) -> None:
        """Buy with a key: fresh, replayed, or used for something else before."""
        known = self.asked.setdefault(key, asked)
        reply = self.run(self._buy(key, asked))
        if asked == known:
            self.note(key, reply)
        else:
            assert 422 == reply.status

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), twins=st.integers(1, 4))
    def replay(self, data: st.DataObject, twins: int) -> None:
        """Send a known request again, several times at once: all hear the same."""
        key = data.draw(st.sampled_from(sorted(self.asked)))
        for reply in self.run(self._twins(key, twins)):
            self.note(key, reply)

    @precondition(lambda self: self.order_ids)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """Cancel some order: it is cancelled, or it was rejected."""
        key = data.draw(st.sampled_from(sorted(self.order_ids)))
        reply = self.run(self.order.post(f"/orders/{self.order_ids[key]}/cancel"))
        rejected = key in self.first and self.first[key].json.get("code") == "out-of-stock"
        assert reply.status in ({409} if rejected else {200, 409})

    @rule(book_id=st.sampled_from(BOOKS), copies=st.integers(1, 3))
    def restock(self, book_id: int, copies: int) -> None:
        """Add copies."""
        reply = self.run(self.catalog.call("PUT", f"/update/{book_id}/amount_of_items/{copies}"))
        assert 200 == reply.status
        self.received[book_id] += copies

    @rule(cut=st.sampled_from(["before", "after", "", ""]))
    def cut_or_mend(self, cut: str) -> None:
        """Cut the way to the catalog, before or after it decides, or mend it."""
        self.switch.cut = cut

    @invariant()
    def stock_is_what_came_less_what_was_sold(self) -> None:
        """The ledger adds up to the stock, which is never negative."""
        if hasattr(self, "order"):
            self.run(self._check_stock())

    def note(self, key: str, reply: Reply) -> None:
        """Hold an answer against the first one of its key."""
        assert reply.status in {201, 202, 409}, reply
        order_id = reply.json["order_id"]
        assert order_id == self.order_ids.setdefault(key, order_id), "two orders for one key"
        if reply.status != 202:
            first = self.first.setdefault(key, reply)
            assert (first.status, first.content) == (reply.status, reply.content)

    async def _buy(self, key: str, asked: tuple[int, int]) -> Reply:
        headers = {"idempotency-key": key, "bazar-deadline-ms": "600"}
        book_id, quantity = asked
        return await self.order.post(f"/purchase/{book_id}", {"quantity": quantity}, headers)

    async def _twins(self, key: str, twins: int) -> list[Reply]:
        return await asyncio.gather(*(self._buy(key, self.asked[key]) for _ in range(twins)))

    async def _movements(self) -> list[Movement]:
        reply = await self.catalog.get("/movements?limit=100")
        return msgspec.json.decode(reply.content, type=list[Movement])

    async def _at_one_moment(self) -> tuple[list[Movement], dict[int, int]]:
        """Return ledger and stock; read again where an order was driven to its end in between."""
        while True:
            movements = await self._movements()
            stock = {
                book_id: (await self.catalog.get(f"/info/{book_id}")).json["quantity"]
                for book_id in BOOKS
            }
            if movements == await self._movements():
                return movements, stock

    async def _check_stock(self) -> None:
        movements, stocks = await self._at_one_moment()
        for book_id in BOOKS:
            stock = stocks[book_id]
            mine = [one for one in movements if one.book_id == book_id]
            received = sum(one.copies for one in mine if one.kind == "received")
            assert self.received[book_id] == received
            assert stock == sum(one.copies for one in mine) >= 0
            for order_id in {one.order_id for one in mine if one.order_id}:
                kinds = [one.kind for one in mine if one.order_id == order_id]
                assert kinds in (["sold"], ["sold", "released"])

    async def _orders(self) -> list[Order]:
        reply = await self.order.get("/orders?limit=100")
        return msgspec.json.decode(reply.content, type=list[Order])

    async def _differences(self) -> list[str]:
        decisions = (await self.catalog.get("/audit/decisions")).content
        orders = msgspec.json.decode(
            (await self.order.get("/audit/orders")).content, type=list[KeptOrder]
        )
        compared = pairs(
            iter(orders), iter(msgspec.json.decode(decisions, type=list[KeptDecision]))
        )
        pending = [f"{one.order_id} is {one.status}" for one in orders if not one.settled]
        return pending + [text for pair in compared if (text := difference(*pair))]

    async def _settle_and_audit(self) -> None:
        self.switch.cut = ""
        async with asyncio.timeout(SETTLE_S_MAX):
            for key in self.order_ids:
                await self._buy(key, self.asked[key])  # need not wait for the loop
            while await self._differences():  # noqa: ASYNC110  watched from outside
                await asyncio.sleep(0.02)
        orders = await self._orders()
        assert sorted(self.order_ids.values()) == sorted(one.order_id for one in orders)
        for book_id in BOOKS:
            sold = sum(
                line.quantity
                for one in orders
                if one.status == "confirmed"
                for line in one.lines
                if line.book_id == book_id
            )
            stock = (await self.catalog.get(f"/info/{book_id}")).json["quantity"]
            assert self.received[book_id] - sold == stock
        report = (await self.catalog.get("/stock-report")).content
        assert [] == msgspec.json.decode(report, type=StockReport).differences
        for key in self.first:
            self.note(key, await self._buy(key, self.asked[key]))


TestPlacing = Placing.TestCase
TestPlacing.settings = settings(
    max_examples=12,
    stateful_step_count=15,
    deadline=None,
    phases=[Phase.reuse, Phase.generate],  # a broken shop settles too slowly to shrink
    suppress_health_check=[HealthCheck.too_slow],
)
