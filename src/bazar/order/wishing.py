"""Wishes: who is told when a book is back, once; and the loop that calls for those letters.

The loop asks the catalog which of the wanted books are there now. It asks for a state and not for
a change, so there is no moment at which a restock could be missed: whoever was away when the
books came asks a little later, and they are there. Where they are gone again by then, nobody is
told, and the wish waits on.

Source: docs/decisions/0035-wishes-wait-for-a-state.md
"""

import asyncio
from contextlib import suppress

from bazar.kit.clock import Clock, now_ms, passing_s
from bazar.kit.data.database import Database, Transaction
from bazar.kit.errors import BazarError, Unavailable
from bazar.kit.log import get_logger
from bazar.order.buyers import checked_email
from bazar.order.store.wishes import WishStore
from bazar.order.stuck import Time
from bazar.order.upstream import CatalogClient
from bazar.order.wishes import (
    WISHES_MAX,
    WISHES_OF_ADDRESS_MAX,
    Wish,
    stop_key,
    too_old_ms,
)
from bazar.wire.limits import RESERVE_BATCH_MAX
from bazar.wire.problems import MailOff, TooManyWishes
from bazar.wire.stock import InStock
from bazar.wire.wishes import WishRequest

LOOK_INTERVAL_S = 10.0
LETTERS_A_LOOK_MAX = 100
"""Shared by the books that are back, so that letters about orders never wait for long."""
END_INTERVAL_S = 3600.0
ENDED_AT_ONCE_MAX = 500


class Wishing:
    """What is done with wishes."""

    def __init__(  # noqa: PLR0913  what a wish is kept and granted with
        self,
        database: Database,
        store: WishStore,
        catalog: CatalogClient,
        secret: str,
        *,
        on: bool,
        clock: Clock = now_ms,
        time: Time = passing_s,
    ) -> None:
        """Keep wishes in this database, if mail is on, and grant them from this catalog.

        Args:
            database: of the orders.
            store: its statements.
            catalog: knows what is there.
            secret: of the shop; what stands for an address in a link is made with it.
            on: whether the shop sends mail.
            clock: tells how old a wish is.
            time: tells when the loop looks for old ones.
        """
        self._database = database
        self._store = store
        self._catalog = catalog
        self._secret = secret
        self.on = on
        self._clock = clock
        self._time = time
        self._after = 0
        self._end_at_s = 0.0
        self._task: asyncio.Task[None] | None = None
        self._log = get_logger()

    def start(self) -> None:
        """Start to look which books are back."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop; the next start looks again."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def keep(self, asked: WishRequest) -> None:
        """Keep a wish; asked twice, it is one.

        Raises:
            MailOff, TooManyWishes, InvalidRequest: definite; nothing is kept.
        """
        self._check_on()
        email = checked_email(asked.email, "email")
        wish = Wish(
            0,
            asked.book_id,
            email,
            stop_key(self._secret, email),
            asked.language,
            self._clock(),
        )

        async def work(transaction: Transaction) -> bool:
            await transaction.lock(f"wishes of {wish.email_key}")
            known = await self._store.wish_for(transaction, wish.email_key, wish.book_id)
            if known is None and await self._is_full(transaction, wish.email_key):
                return False
            await self._store.add_wish(transaction, wish)
            return True

        if not await self._database.write(work):
            message = f"{WISHES_OF_ADDRESS_MAX} wishes of this address are kept already"
            raise TooManyWishes(message)

    async def end(self, key: str) -> int:
        """Forget every wish of an address, by what stands for it; return how many there were."""
        return await self._database.write(
            lambda transaction: self._store.stop_wishes(transaction, key)
        )

    async def forget(self, email: str) -> int:
        """Forget every wish of an address; return how many there were.

        Raises:
            InvalidRequest: definite; it is no address.
        """
        return await self.end(stop_key(self._secret, checked_email(email, "email")))

    async def there(self, book_id: int) -> InStock | None:
        """Return a book if it can be bought now.

        Raises:
            Unavailable: nobody knows.
        """
        return next(iter(await self._catalog.in_stock([book_id])), None)

    async def look(self) -> int:
        """Call for the letters of wishes whose books are there; return for how many.

        It looks at so many books at once, and at the next ones the next time.
        """
        await self._end_old()
        wanted = await self._database.scan(
            lambda transaction: self._store.wanted_books(
                transaction, self._after, RESERVE_BATCH_MAX
            )
        )
        self._after = wanted[-1] if len(wanted) == RESERVE_BATCH_MAX else 0
        there = await self._catalog.in_stock(wanted) if wanted else []
        if not there:
            return 0
        each = max(1, LETTERS_A_LOOK_MAX // len(there))

        async def work(transaction: Transaction) -> int:
            due: list[int] = []
            for book in there:
                due += await self._store.wishes_for(transaction, book.book_id, each)
            await self._store.note_wishes(transaction, due, self._clock())
            return len(due)

        # A crash before this is durable: the next look finds the same. After it: the letters wait
        # in the outbox.
        return await self._database.write(work)

    async def _end_old(self) -> None:
        """Forget wishes that are too old, every hour."""
        if self._time() < self._end_at_s:
            return
        before_ms, ended = too_old_ms(self._clock()), ENDED_AT_ONCE_MAX
        while ended == ENDED_AT_ONCE_MAX:
            ended = await self._database.write(
                lambda transaction: self._store.end_wishes_before(
                    transaction, before_ms, ENDED_AT_ONCE_MAX
                )
            )
        self._end_at_s = self._time() + END_INTERVAL_S

    async def _is_full(self, transaction: Transaction, email_key: str) -> bool:
        of_address = await self._store.count_wishes_of(
            transaction, email_key, WISHES_OF_ADDRESS_MAX
        )
        return (
            of_address >= WISHES_OF_ADDRESS_MAX
            or await self._store.count_wishes(transaction) >= WISHES_MAX
        )

    def _check_on(self) -> None:
        if not self.on:
            message = "nobody could be told when a book is back"
            raise MailOff(message)

    async def _run(self) -> None:
        while True:
            try:
                mine = await self._database.standing("wishes") != "other"
                if mine and (noted := await self.look()):
                    self._log.info("wishes-granted", letters=noted)
            except Unavailable:
                pass  # the catalog is away, which the log has from whoever asked it
            except BazarError as error:
                self._log.warning("wishes-not-looked-at", reason=error.detail)
            except Exception:  # noqa: BLE001  the loop goes on, whatever it meets
                self._log.exception("wishes-fault")
            await asyncio.sleep(LOOK_INTERVAL_S)
