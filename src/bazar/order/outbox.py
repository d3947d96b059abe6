"""The letters that changes of orders call for, each noted in the transaction of its change.

Where the shop sends no mail none is noted: turning mail on later sends no old ones.
"""

from collections.abc import Iterable

from bazar.kit.clock import Clock, now_ms
from bazar.kit.data.database import Transaction
from bazar.kit.steps import steps
from bazar.order.domain import StoredOrder
from bazar.order.letters import letter_for
from bazar.order.store import Store


class Outbox:
    """Where letters wait to be sent."""

    def __init__(self, store: Store, *, on: bool, clock: Clock = now_ms) -> None:
        """Keep letters with the orders of this store, if mail is on."""
        self._store = store
        self._clock = clock
        self.on = on

    async def note(
        self, transaction: Transaction, changes: Iterable[tuple[StoredOrder, StoredOrder]]
    ) -> None:
        """Note what changes of orders call for, in the transaction that changes them.

        Args:
            transaction: the one that stores the changes.
            changes: each order as it was, and as it is.
        """
        if not self.on:
            return
        due = [
            (after.order_id, kind)
            for before, after in changes
            if (kind := letter_for(before, after)) is not None
        ]
        if due:
            await self._store.add_letters(transaction, due, self._clock())
        if steps.on:
            for order_id, kind in due:
                steps.write("mail-noted", order_id=order_id, kind=kind)
