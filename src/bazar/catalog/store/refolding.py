"""Books that an older release has stored: their keys and terms are made anew, a part at a time."""

from abc import abstractmethod
from collections.abc import Sequence

from bazar.catalog.domain import StoredBook
from bazar.catalog.store.shared import BOOK, SharedStore
from bazar.catalog.words import name_key, title_key, topic_key
from bazar.kit.data.database import Row, Transaction, made

_UNFOLDED = """
SELECT first_id, last_id FROM unfolded
WHERE unfolded_id = 1"""

_BOOKS_BETWEEN = f"""
SELECT {BOOK}
FROM books
WHERE book_id BETWEEN ?1 AND ?2
ORDER BY book_id LIMIT ?3"""

_SAVE_KEYS = """
UPDATE books SET title_key = ?2, author_key = ?3, topic_key = ?4
WHERE book_id = ?1 AND (title_key, author_key, topic_key) IS DISTINCT FROM (?2, ?3, ?4)"""

_SAVE_UNFOLDED = """
UPDATE unfolded SET first_id = ?1
WHERE unfolded_id = 1"""

_ALL_FOLDED = """
DELETE FROM unfolded
WHERE unfolded_id = 1"""


class Refolding(SharedStore):
    """What is the same on every engine."""

    async def complete_keys(self, transaction: Transaction, limit: int) -> int:
        """Make keys and terms of books that an older release has stored; return of how many.

        Each transaction notes how far it came, so the next one goes on there.
        """
        row = await transaction.one(self.locked(_UNFOLDED))
        if row is None:
            return 0
        first_id, last_id = made(_range, row)
        rows = await transaction.all(self.locked(_BOOKS_BETWEEN), first_id, last_id, limit)
        if not rows:
            await transaction.run(_ALL_FOLDED)
            return 0
        books = [made(StoredBook, one) for one in rows]
        await transaction.run_many(_SAVE_KEYS, [_keys(book) for book in books])
        await self.save_terms(transaction, books)
        await transaction.run(_SAVE_UNFOLDED, books[-1].book_id + 1)
        return len(books)

    @abstractmethod
    async def save_terms(self, transaction: Transaction, books: Sequence[StoredBook]) -> None:
        """Have books be found by the terms that they have now, or not at all once retired."""
        ...


def _keys(book: StoredBook) -> Row:
    return book.book_id, title_key(book.title), name_key(book.author), topic_key(book.topic)


def _range(first_id: int, last_id: int) -> tuple[int, int]:
    return first_id, last_id
