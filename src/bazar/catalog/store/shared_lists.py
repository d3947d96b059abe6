"""The lists of books that every engine finds in one way, by statements of its own where it must."""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from bazar.catalog.expressions import Expression
from bazar.catalog.store.lists import LAST_ID, MATCHES_MAX, Ranked, Stage
from bazar.catalog.store.refolding import Refolding
from bazar.catalog.words import topic_key, topic_letters
from bazar.kit.data.database import Transaction, made

_OF_TOPIC = """
SELECT book_id, book_id FROM books
WHERE topic_key = ?1 AND retired_at_ms IS NULL
LIMIT ?2"""

_TOPIC_IS_THERE = """
SELECT 1 FROM books
WHERE topic_key = ?1 AND retired_at_ms IS NULL
LIMIT 1"""

_PRICED = """
SELECT book_id, book_id FROM books
WHERE price_minor BETWEEN ?1 AND ?2 AND retired_at_ms IS NULL
LIMIT ?3"""

RETIRED = """
SELECT -retired_at_ms, book_id FROM books
WHERE retired_at_ms IS NOT NULL
ORDER BY retired_at_ms DESC LIMIT ?1"""


class SharedLists(Refolding):
    """What is the same on every engine."""

    by_author_sql: ClassVar[str]
    bought_sql: ClassVar[str]
    retired_named_sql: ClassVar[str]
    topic_of_letters_sql: ClassVar[str]
    lists_sql: ClassVar[Mapping[str, str]]
    """By the name of the list."""

    @abstractmethod
    async def spelt(
        self, transaction: Transaction, beginnings: Collection[str]
    ) -> dict[str, tuple[str, ...]]:
        """Return the words that begin so, of those beginnings that few words have."""
        ...

    @abstractmethod
    async def found(
        self, transaction: Transaction, asked: Expression, after: int, until: int, limit: int
    ) -> list[int]:
        """Return books that fit an expression, in order of id."""
        ...

    async def few(
        self, transaction: Transaction, asked: Expression, limit: int
    ) -> list[int] | None:
        """Return all books that fit an expression, by id, or None where they are more."""
        found = await self.found(transaction, asked, 0, LAST_ID, limit + 1)
        return found if len(found) <= limit else None

    async def in_tiers(
        self, transaction: Transaction, stages: Sequence[Stage], after: int, limit: int
    ) -> list[tuple[int, int]]:
        """Return the first books of tiers that follow each other, one tier after the other."""
        page: list[tuple[int, int]] = []
        for number, tier in enumerate(tier for stage in stages for tier in stage.tiers):
            found = await self.found(transaction, tier, after, LAST_ID, limit - len(page))
            page += [(number, book_id) for book_id in found]
            if len(page) >= limit:
                break
            after = 0
        return page

    async def tiers_of(
        self, transaction: Transaction, stages: Sequence[Stage], book_ids: Sequence[int]
    ) -> dict[int, int]:
        """Return of some books the number of the tier of each."""
        numbers: dict[int, int] = {}
        first, last = book_ids[0] - 1, book_ids[-1]
        for number, tier in enumerate(tier for stage in stages for tier in stage.tiers):
            found = await self.found(transaction, tier, first, last, MATCHES_MAX)
            numbers.update(dict.fromkeys(found, number))
        return {book_id: numbers[book_id] for book_id in book_ids if book_id in numbers}

    @abstractmethod
    def set_of(self, members: Sequence[object]) -> Any:  # noqa: ANN401  as the engine takes it
        """Return words or ids as one value of a statement."""
        ...

    async def known_topic(self, transaction: Transaction, topic: str) -> str:
        """Return the key of a topic that books have, as it may have been written without spaces."""
        key = topic_key(topic)
        if await transaction.one(_TOPIC_IS_THERE, key) is not None:
            return key
        row = await transaction.one(self.topic_of_letters_sql, topic_letters(key))
        return made(str, row) if row else key

    async def of_topic(self, transaction: Transaction, topic: str, limit: int) -> list[Ranked]:
        """Return books of a topic."""
        return await ranked(transaction, _OF_TOPIC, topic_key(topic), limit)

    async def by_author(self, transaction: Transaction, author: str, limit: int) -> list[Ranked]:
        """Return books whose author's whole name has this key."""
        return await ranked(transaction, self.by_author_sql, author, limit)

    async def priced(
        self, transaction: Transaction, low_minor: int, high_minor: int, limit: int
    ) -> list[Ranked]:
        """Return books that cost no less than one price and no more than another."""
        return await ranked(transaction, _PRICED, low_minor, high_minor, limit)

    async def listed(
        self, transaction: Transaction, name: str, words: Sequence[str], limit: int
    ) -> list[Ranked]:
        """Return the beginning of a list of books; of the retired ones those with some words."""
        if name == "retired" and words:
            return await ranked(transaction, self.retired_named_sql, limit, self.set_of(words))
        return await ranked(transaction, self.lists_sql[name], limit)

    async def bought(
        self, transaction: Transaction, since_ms: int, movements: int, limit: int
    ) -> list[Ranked]:
        """Return the books of which most copies were sold since then, by the ledger's end."""
        return await ranked(transaction, self.bought_sql, since_ms, movements, limit)


async def ranked(transaction: Transaction, sql: str, *values: Any) -> list[Ranked]:  # noqa: ANN401
    """Return the books of a set that a statement finds."""
    return [made(Ranked, row) for row in await transaction.all(sql, *values)]
