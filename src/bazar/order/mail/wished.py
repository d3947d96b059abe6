"""The letters about wishes: whether each is still true, and what becomes of the wish.

A letter may wait for long, since a mail server is away, and its book may be sold out again by
then. So the catalog is asked once more before each try. Where the book is gone, the letter is
dropped and the wish waits on; both happen in one transaction, so neither is lost without the other.
"""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from bazar.kit.clock import Clock, now_ms
from bazar.kit.data.database import Database, Transaction
from bazar.order.letters import Letter
from bazar.order.store import Store
from bazar.order.store.wishes import WishStore
from bazar.order.wishes import Wish
from bazar.wire.stock import InStock

There = Callable[[int], Awaitable[InStock | None]]
"""Returns a book if it can be bought now, or raises Unavailable where nobody knows."""


class Granted(Struct, frozen=True):
    """A wish whose book is there."""

    wish: Wish
    title: str
    """Of the book, as it is called now."""


class Wished:
    """What the sending of letters knows of wishes."""

    def __init__(
        self,
        database: Database,
        store: Store,
        wishes: WishStore,
        there: There,
        clock: Clock = now_ms,
    ) -> None:
        """Read and end the wishes of this database."""
        self._database = database
        self._store = store
        self._wishes = wishes
        self._there = there
        self._clock = clock

    async def begin(self, letter: Letter, tries: int) -> Granted | None:
        """Make durable that a letter is tried; return what it is about, or None: it was dropped.

        Raises:
            Unavailable: nobody knows whether it is true; it was not touched.
        """
        wish = await self._database.read(
            lambda transaction: self._wishes.wish(transaction, letter.wish_id)
        )
        book = await self._there(wish.book_id) if wish else None

        async def work(transaction: Transaction) -> Granted | None:
            kept = await self._wishes.wish(transaction, letter.wish_id)
            if kept is not None and book is not None:
                waits = await self._store.try_letter(transaction, letter.letter_id, tries)
                return Granted(kept, book.title) if waits else None
            await self._store.note_letter(
                transaction, letter.letter_id, "dropped", self._clock(), None
            )
            if kept is not None:
                await self._wishes.reopen_wish(transaction, kept.wish_id)
            return None

        return await self._database.write(work)

    async def end(self, transaction: Transaction, letter: Letter) -> None:
        """Forget the wish of a letter that was sent or given up, in the transaction of that."""
        await self._wishes.end_wish(transaction, letter.wish_id)
