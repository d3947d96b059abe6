"""The rows of wishes, and of the letters about them; every engine takes the statements as they are.

A wish whose letter waits in the outbox is noted, and no look at the stock finds it. It is gone
with its letter; the letter stays, which says nothing of anybody.
"""

from collections.abc import Sequence

from bazar.kit.data.database import Transaction, made
from bazar.order.wishes import Wish

_WISH = """
SELECT wish_id, book_id, email, stop_key, language, asked_at_ms FROM wishes
WHERE wish_id = ?1"""

_WISH_FOR = """
SELECT wish_id, book_id, email, stop_key, language, asked_at_ms FROM wishes
WHERE email_key = ?1 AND book_id = ?2"""

_ADD_WISH = """
INSERT INTO wishes (book_id, email, email_key, stop_key, language, asked_at_ms, noted)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0)
ON CONFLICT (email_key, book_id)
DO UPDATE SET language = excluded.language, asked_at_ms = excluded.asked_at_ms"""

_COUNT_WISHES_OF = """
WITH of_address AS (
    SELECT wish_id FROM wishes
    WHERE email_key = ?1
    LIMIT ?2
)
SELECT count(*) FROM of_address"""

_COUNT_WISHES = """
SELECT count(*) FROM wishes"""

_WANTED_BOOKS = """
SELECT DISTINCT book_id FROM wishes
WHERE noted = 0 AND book_id > ?1
ORDER BY book_id LIMIT ?2"""

_WISHES_FOR = """
SELECT wish_id FROM wishes
WHERE noted = 0 AND book_id = ?1
ORDER BY wish_id LIMIT ?2"""

_NOTE_WISH = """
UPDATE wishes SET noted = ?2
WHERE wish_id = ?1"""

_FORGET_DROPPED_OF_WISH = """
DELETE FROM outbox
WHERE wish_id = ?1 AND state = 'dropped'"""

_ADD_LETTER_OF_WISH = """
INSERT INTO outbox (wish_id, kind, state, tries, noted_at_ms)
VALUES (?1, 'back-in-stock', 'waiting', 0, ?2)
ON CONFLICT (wish_id) DO NOTHING"""

_END_WISH = """
DELETE FROM wishes
WHERE wish_id = ?1"""

_STOP_WISHES = """
DELETE FROM wishes
WHERE stop_key = ?1"""

_END_WISHES_BEFORE = """
DELETE FROM wishes
WHERE wish_id IN (SELECT wish_id FROM wishes WHERE asked_at_ms < ?1 LIMIT ?2)"""


class WishStore:
    """What is kept of wishes, on every engine in the same way."""

    async def wish(self, transaction: Transaction, wish_id: int) -> Wish | None:
        """Return a wish, or None."""
        row = await transaction.one(_WISH, wish_id)
        return made(Wish, row) if row else None

    async def wish_for(self, transaction: Transaction, email_key: str, book_id: int) -> Wish | None:
        """Return the wish of an address for a book, or None."""
        row = await transaction.one(_WISH_FOR, email_key, book_id)
        return made(Wish, row) if row else None

    async def add_wish(self, transaction: Transaction, wish: Wish) -> None:
        """Keep a wish; one of the same address for the same book is asked for anew."""
        await transaction.run(
            _ADD_WISH,
            wish.book_id,
            wish.email,
            wish.email_key,
            wish.stop_key,
            wish.language,
            wish.asked_at_ms,
        )

    async def count_wishes_of(self, transaction: Transaction, email_key: str, limit: int) -> int:
        """Return how many wishes an address has; it counts no further than the limit."""
        row = await transaction.one(_COUNT_WISHES_OF, email_key, limit)
        assert row is not None
        return made(int, row)

    async def count_wishes(self, transaction: Transaction) -> int:
        """Return how many wishes there are."""
        row = await transaction.one(_COUNT_WISHES)
        assert row is not None
        return made(int, row)

    async def wanted_books(self, transaction: Transaction, after: int, limit: int) -> list[int]:
        """Return the next books after an id that somebody waits for, in order of id."""
        return [made(int, row) for row in await transaction.all(_WANTED_BOOKS, after, limit)]

    async def wishes_for(self, transaction: Transaction, book_id: int, limit: int) -> list[int]:
        """Return wishes for a book whose letters are not called for yet, the oldest first."""
        return [made(int, row) for row in await transaction.all(_WISHES_FOR, book_id, limit)]

    async def note_wishes(
        self, transaction: Transaction, wish_ids: Sequence[int], at_ms: int
    ) -> None:
        """Note the letters of wishes, each once; one that was dropped is made anew."""
        await transaction.run_many(_FORGET_DROPPED_OF_WISH, [(one,) for one in wish_ids])
        await transaction.run_many(_ADD_LETTER_OF_WISH, [(one, at_ms) for one in wish_ids])
        await transaction.run_many(_NOTE_WISH, [(one, 1) for one in wish_ids])

    async def reopen_wish(self, transaction: Transaction, wish_id: int) -> None:
        """Have a wish wait again, after its letter was dropped."""
        await transaction.run(_NOTE_WISH, wish_id, 0)

    async def end_wish(self, transaction: Transaction, wish_id: int) -> None:
        """Forget a wish."""
        await transaction.run(_END_WISH, wish_id)

    async def stop_wishes(self, transaction: Transaction, stop_key: str) -> int:
        """Forget every wish of an address, and return how many there were."""
        return await transaction.run(_STOP_WISHES, stop_key)

    async def end_wishes_before(
        self, transaction: Transaction, asked_before_ms: int, limit: int
    ) -> int:
        """Forget wishes that were asked for before a time; return how many."""
        return await transaction.run(_END_WISHES_BEFORE, asked_before_ms, limit)
