"""The catalog against a model of five lines: any sequence of calls, on a real database file."""

import asyncio
import tempfile
from collections.abc import Coroutine
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bazar.catalog.domain import StockTooLow
from bazar.kit.data.database import Transaction
from bazar.wire.books import NewBook
from bazar.wire.orders import Line
from bazar.wire.stock import Outcome, Reserve
from support.catalogs import open_catalog

T = TypeVar("T")

BOOK_IDS = st.integers(1, 4)
"""The last one is never added."""
ORDER_IDS = st.sampled_from([f"order-{number}" for number in range(8)])
LINES = st.dictionaries(BOOK_IDS, st.integers(1, 4), min_size=1, max_size=3)


class Model:
    """What should be: stock by book, and by order its status and the lines that it took."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.stock: dict[int, int] = {}
        self.decided: dict[str, tuple[str, dict[int, int]]] = {}

    def reserve(self, order_id: str, lines: dict[int, int]) -> str:
        """Decide once: all lines or none."""
        if order_id not in self.decided:
            possible = all(self.stock.get(book_id, 0) >= n for book_id, n in lines.items())
            self.decided[order_id] = ("reserved", lines) if possible else ("rejected", {})
            self._move(self.decided[order_id][1], -1)
        return self.decided[order_id][0]

    def release(self, order_id: str) -> None:
        """Give back what the order took, once."""
        self._move(self.decided.get(order_id, ("", {}))[1], +1)
        self.decided[order_id] = ("released", {})

    def _move(self, lines: dict[int, int], sign: int) -> None:
        for book_id, copies in lines.items():
            self.stock[book_id] += sign * copies


class ReserveMachine(RuleBasedStateMachine):
    """Calls the catalog and the model side by side."""

    def __init__(self) -> None:
        """Open a catalog of its own."""
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.model = Model()
        self.answers: dict[str, Outcome] = {}
        self.open()

    def open(self) -> None:
        """Open the database file, new or not."""
        path = Path(self.folder.name) / "catalog.db"
        self.catalog = self.runner.run(open_catalog(path, clock=lambda: 0))

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        """Wait for one call."""
        return self.runner.run(call)

    def reserve_batch(self, requests: list[tuple[str, dict[int, int]]]) -> None:
        """Ask for several orders at once, and compare with the model, one after the other."""
        batch = [
            Reserve(order_id, [Line(book_id, n) for book_id, n in lines.items()])
            for order_id, lines in requests
        ]
        outcomes = self.run(self.catalog.stock.reserve(batch))
        for (order_id, lines), outcome in zip(requests, outcomes, strict=True):
            known = order_id in self.model.decided
            assert order_id == outcome.order_id
            assert self.model.reserve(order_id, lines) == outcome.status
            if known:
                assert self.answers[order_id] == outcome
            self.answers[order_id] = outcome

    @initialize(stocks=st.lists(st.integers(0, 6), min_size=3, max_size=3))
    def start(self, stocks: list[int]) -> None:
        """Begin with three books."""
        for stock in stocks:
            self.add(stock)

    def add(self, stock: int) -> None:
        """Add a book with some stock."""
        new = NewBook(title="A", topic="b", price=Decimal(1), quantity=stock)
        self.model.stock[self.run(self.catalog.shelf.add(new)).id] = stock

    @rule(book_id=st.integers(1, 3), change=st.integers(-3, 5).filter(bool))
    def restock(self, book_id: int, change: int) -> None:
        """Change the stock; below zero it is refused."""
        if self.model.stock[book_id] + change < 0:
            try:
                self.run(self.catalog.stock.move_stock(book_id, change))
            except StockTooLow:
                return
            message = "the stock went below zero"
            raise AssertionError(message)
        self.model.stock[book_id] += change
        changed = self.run(self.catalog.stock.move_stock(book_id, change))
        assert self.model.stock[book_id] == changed.quantity

    @rule(order_id=ORDER_IDS, lines=LINES)
    def reserve(self, order_id: str, lines: dict[int, int]) -> None:
        """Ask for an order, which may have been decided before."""
        self.reserve_batch([(order_id, lines)])

    @rule(requests=st.lists(st.tuples(ORDER_IDS, LINES), min_size=2, max_size=5))
    def reserve_several(self, requests: list[tuple[str, dict[int, int]]]) -> None:
        """Ask for a batch, in which an order may stand twice."""
        self.reserve_batch(requests)

    @rule(order_id=ORDER_IDS)
    def release(self, order_id: str) -> None:
        """Release an order, decided or not."""
        outcome = self.run(self.catalog.stock.release(order_id))
        self.model.release(order_id)
        assert (order_id, "released") == (outcome.order_id, outcome.status)
        self.answers[order_id] = outcome

    @precondition(lambda self: self.model.decided)
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        """Ask again for a decided order, for something else: the stored answer comes back."""
        order_id = data.draw(st.sampled_from(sorted(self.model.decided)))
        self.reserve_batch([(order_id, {1: 1000})])

    @rule()
    def restart(self) -> None:
        """Close and open again: everything is still there."""
        self.run(self.catalog.database.close())
        self.open()

    @invariant()
    def all_equals_the_model(self) -> None:
        """Stock is that of the model and the sum of the ledger; decisions are kept, no others."""
        store = self.catalog.store

        async def look(transaction: Transaction) -> tuple[dict[int, int], dict[int, int]]:
            books = await store.books_after(transaction, 0, None, 100)
            ledger = dict.fromkeys(self.model.stock, 0)
            after = 0
            while page := await store.movements_after(transaction, after, 100):
                for movement in page:
                    ledger[movement.book_id] += movement.copies
                after = page[-1].id
            kept = await store.outcomes_after(transaction, "", 100)
            wanted = {order_id: status for order_id, (status, _) in self.model.decided.items()}
            assert wanted == {outcome.order_id: outcome.status for outcome in kept}
            return {book.book_id: book.stock for book in books}, ledger

        stock, ledger = self.run(self.catalog.database.read(look))
        assert self.model.stock == stock
        assert self.model.stock == ledger
        assert all(copies >= 0 for copies in stock.values())

    def teardown(self) -> None:
        """Let the catalog check its own books, then close it and drop its file."""
        try:
            assert [] == self.run(self.catalog.checking.part("")).differences
        finally:
            self.run(self.catalog.database.close())
            self.runner.close()
            self.folder.cleanup()


ReserveMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
TestReserve = ReserveMachine.TestCase
