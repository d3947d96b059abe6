"""What the order service keeps, and every statement that it sends to its database.

`Store` is the seam between the use cases and the engines: one function, one purpose. What every
engine does with the same statement is in `shared`; each engine's own way is in its module. One
suite, tests/contract/order_store/, runs every function on every engine.
"""

from collections.abc import Sequence
from typing import Protocol

from bazar.kit.data.database import Transaction
from bazar.order.changes import Event
from bazar.order.domain import StoredOrder
from bazar.order.finding import Wanted
from bazar.order.letters import Letter, LetterKind, LetterState
from bazar.wire.audit import KeptOrder
from bazar.wire.orders import OrderStatus


class Store(Protocol):
    """Orders with their lines, as one engine keeps them."""

    async def adopt(self, transaction: Transaction) -> None:
        """Have new places lie above all that are there, before the first order of this process."""
        ...

    async def by_id(self, transaction: Transaction, order_id: str) -> StoredOrder | None:
        """Return an order, or None."""
        ...

    async def by_key(self, transaction: Transaction, key: str) -> StoredOrder | None:
        """Return the order that was placed with a key, or None."""
        ...

    async def by_ids(self, transaction: Transaction, order_ids: Sequence[str]) -> list[StoredOrder]:
        """Return the orders that have one of these ids, each once."""
        ...

    async def by_keys(self, transaction: Transaction, keys: Sequence[str]) -> list[StoredOrder]:
        """Return the orders that were placed with one of these keys, each once."""
        ...

    async def lock(self, transaction: Transaction, order_ids: Sequence[str]) -> None:
        """Wait until no other transaction changes these orders, and keep others from it.

        Whoever reads an order and changes it by what it read locks it before it reads. An engine
        with one writer has nothing to wait for.
        """
        ...

    async def insert(self, transaction: Transaction, orders: Sequence[StoredOrder]) -> set[str]:
        """Insert new orders with their lines and buyers, but for those whose key is taken.

        Returns:
            The ids of the inserted.
        """
        ...

    async def count_open(self, transaction: Transaction, email_key: str, limit: int) -> int:
        """Return how many orders of an address are open; it counts no further than the limit.

        Args:
            transaction: the one that inserts the next.
            email_key: the address as `buyers.same_person` makes it.
            limit: at least 1.
        """
        ...

    async def update(self, transaction: Transaction, orders: Sequence[StoredOrder]) -> None:
        """Store orders' status, rejection and progress, and what their lines were sold as."""
        ...

    async def confirm(self, transaction: Transaction, orders: Sequence[StoredOrder]) -> set[str]:
        """Store that pending orders were sold, and as what; any other order stays as it is.

        Returns:
            The ids of those that are confirmed now.
        """
        ...

    async def add_event(self, transaction: Transaction, order_id: str, event: Event) -> None:
        """Add to what was done to an order."""
        ...

    async def events(self, transaction: Transaction, order_id: str, limit: int) -> list[Event]:
        """Return what was done to an order last, in the order in which it was done."""
        ...

    async def add_letters(
        self, transaction: Transaction, due: Sequence[tuple[str, LetterKind]], at_ms: int
    ) -> None:
        """Note letters, by order id and kind.

        One that waits, was sent or was given up stays as it is; one that was dropped is made anew.
        """
        ...

    async def letters_after(
        self, transaction: Transaction, letter_id: int, limit: int
    ) -> list[Letter]:
        """Return the next letters that wait, in the order in which they were noted."""
        ...

    async def try_letter(self, transaction: Transaction, letter_id: int, tries: int) -> bool:
        """Store that a letter is being tried, and how often that was so.

        Returns:
            Whether it still waits; nothing is stored of one that does not.
        """
        ...

    async def note_letter(
        self,
        transaction: Transaction,
        letter_id: int,
        state: LetterState,
        ended_at_ms: int | None,
        failure: str | None,
    ) -> None:
        """Store what became of a letter that waits."""
        ...

    async def count_letters(self, transaction: Transaction, state: LetterState) -> int:
        """Return how many letters wait, or were given up."""
        ...

    async def next_place(self, transaction: Transaction) -> int:
        """Return a place below which all orders are that can be seen now."""
        ...

    async def unsettled_after(
        self, transaction: Transaction, after: str, before: int, limit: int
    ) -> list[StoredOrder]:
        """Return orders whose status the catalog may not know of, oldest first.

        Args:
            transaction: of a scan.
            after: the id of an order.
            before: a place, as `next_place` returned it.
            limit: so many at most.
        """
        ...

    async def page(
        self, transaction: Transaction, after: str, status: OrderStatus | None, limit: int
    ) -> list[StoredOrder]:
        """Return a page of orders, oldest first, of one status or of all.

        Orders get their places in the order of their commits: whoever has seen one has seen all
        that come before it. After an id that no order has comes the first page.
        """
        ...

    async def newest(self, transaction: Transaction, wanted: Wanted) -> list[StoredOrder]:
        """Return a page of orders, the newest first, as they were stored: those that are wanted.

        Before an id that no order has comes the first page.
        """
        ...

    async def count_newest(self, transaction: Transaction, wanted: Wanted) -> int:
        """Count the orders that are wanted; it counts no further than their limit."""
        ...

    async def page_by_id(
        self, transaction: Transaction, after: str, limit: int
    ) -> list[StoredOrder]:
        """Return a page of orders by order id."""
        ...

    async def kept_orders(
        self, transaction: Transaction, after: str, limit: int
    ) -> list[KeptOrder]:
        """Return a page of orders as they are kept, in order of id; those without lines too."""
        ...

    async def kept_unsettled(
        self, transaction: Transaction, after: str, limit: int
    ) -> list[KeptOrder]:
        """Return a page of those whose status the catalog may not know of, as they are kept."""
        ...

    async def kept_order(self, transaction: Transaction, order_id: str) -> KeptOrder | None:
        """Return an order as it is kept, or None."""
        ...

    async def last_order_id(self, transaction: Transaction) -> str:
        """Return the highest order id, empty where there is no order."""
        ...

    async def faults(self, transaction: Transaction) -> list[str]:
        """Return what the engine finds wrong with its files, and rows without their like."""
        ...
