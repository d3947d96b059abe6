"""Lists of books as PostgreSQL finds them: sets of at most some thousand, and ways through all.

How it works: as on SQLite, what few books have becomes a set, and a list of all books follows an
index that is in its order. A statement names only what was asked for, so that its plan is made for
that; books that do not fit are passed over where they lie.

Source: postgresql.org/docs/current/indexes-ordering.html
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from bazar.catalog.domain import StoredBook
from bazar.catalog.relevance import Head
from bazar.catalog.store.lists import LAST_ID, Narrowing, Order, Ranked
from bazar.catalog.store.postgres_finding import Finding
from bazar.catalog.store.shared import BOOK
from bazar.catalog.store.shared_lists import RETIRED
from bazar.catalog.words import topic_key
from bazar.kit.data.database import Transaction, made
from bazar.wire.books import TopicCount

# ------------------------------------------------------------------- sets

# The index has the beginning of a name, which may be very long.
_BY_AUTHOR = """
SELECT book_id, book_id FROM books
WHERE left(author_key, 100) = left(?1::text, 100) AND author_key = ?1 AND retired_at_ms IS NULL
LIMIT ?2"""

_LAST = """
SELECT stock, book_id FROM books_scarce
WHERE stock BETWEEN 1 AND 5
ORDER BY stock, book_id LIMIT ?1"""

_LOW = """
SELECT stock, book_id FROM books_scarce
WHERE stock <= low_at
ORDER BY stock, book_id LIMIT ?1"""

_OUT = """
SELECT book_id, book_id FROM books_scarce
WHERE stock = 0
ORDER BY book_id LIMIT ?1"""

# Their words are in no index: each has to begin a word of the author, or of the title's beginning.
_RETIRED_NAMED = """
WITH retired AS MATERIALIZED (
    SELECT retired_at_ms AS at_ms, book_id, ' ' || title_key || ' ' || author_key AS names
    FROM books
    WHERE retired_at_ms IS NOT NULL
    ORDER BY retired_at_ms DESC LIMIT ?1
)
SELECT -at_ms, book_id FROM retired
WHERE NOT EXISTS (SELECT 1 FROM unnest(?2::text[]) AS word WHERE strpos(names, ' ' || word) = 0)"""

# A sale that was cancelled is none; a cancel of an older sale takes nothing away from newer ones.
_BOUGHT = """
WITH last AS MATERIALIZED (
    SELECT order_id, book_id, copies, kind, moved_at_ms FROM movements
    ORDER BY movement_id DESC LIMIT ?2
), sold AS MATERIALIZED (
    SELECT order_id, book_id, copies FROM last
    WHERE kind = 'sold' AND moved_at_ms >= ?1
)
SELECT CAST(sum(sold.copies) AS bigint), sold.book_id FROM sold
WHERE NOT EXISTS (
    SELECT 1 FROM movements AS back
    WHERE back.order_id = sold.order_id AND back.book_id = sold.book_id AND back.copies > 0
)
GROUP BY sold.book_id
ORDER BY 1, 2 LIMIT ?3"""

_HEADS = """
SELECT book_id, title, subtitle, author, publisher, topic FROM books
WHERE book_id = ANY(?1::bigint[])"""

_SHOWN = f"""
SELECT {BOOK}
FROM books
WHERE book_id = ANY(?1::bigint[])"""

_TOPIC_OF_LETTERS = """
SELECT topic_key FROM (
    SELECT topic_key, books FROM topics
    WHERE replace(topic_key, ' ', '') = ?1
    UNION ALL
    SELECT topic_key, books FROM topics_moved
    WHERE replace(topic_key, ' ', '') = ?1
) AS written
GROUP BY topic_key
HAVING sum(books) > 0
ORDER BY sum(books) DESC, topic_key LIMIT 1"""

_LISTS = {"last": _LAST, "low": _LOW, "out": _OUT, "retired": RETIRED}

# ------------------------------------------------------------------- pages


class _Way(NamedTuple):
    """An order of books."""

    key: str
    up: bool
    text: bool = False
    """Whether its keys are texts, and not numbers."""


_WAYS: dict[Order, _Way] = {
    "rank": _Way("book_id", up=True),
    "new": _Way("added_at_ms", up=False),
    "price": _Way("price_minor", up=True),
    "-price": _Way("price_minor", up=False),
    "title": _Way("title_key", up=True, text=True),
}


class _Statement:
    """The conditions of a statement, and their values, in the order of their numbers."""

    def __init__(self, *given: object) -> None:
        self.values: list[Any] = [*given]
        self.conditions: list[str] = []

    def where(self, condition: str, *given: object) -> None:
        """Add a condition; each `?` in it stands for the next of its values."""
        for value in given:
            self.values.append(value)
            condition = condition.replace("?", f"${len(self.values)}", 1)
        self.conditions.append(condition)

    def text(self, sql: str) -> str:
        """Return the whole statement: each condition is a line of its own."""
        return sql.replace("{conditions}", "\n    AND ".join(self.conditions))

    def narrow(self, narrowing: Narrowing, *, stock: bool, retired: bool) -> None:
        """Add what the books of a list have to fit."""
        self.where(f"retired_at_ms IS {'NOT ' if retired else ''}NULL")
        if narrowing.topic is not None:
            self.where("topic_key = ?", topic_key(narrowing.topic))
        if narrowing.author is not None:
            self.where("author_key = ?", narrowing.author)
        if narrowing.low_minor is not None:
            self.where("price_minor >= ?", narrowing.low_minor)
        if narrowing.high_minor is not None:
            self.where("price_minor <= ?", narrowing.high_minor)
        if stock and narrowing.in_stock:
            self.where("stock > 0")


_SET = """unnest($1::float8[], $2::bigint[]) AS listed (rank, listed_id)
JOIN books ON book_id = listed_id"""


@lru_cache(maxsize=16)
def _page(key: str, source: str, *, up: bool) -> str:
    direction = "ASC" if up else "DESC"
    return f"""
SELECT {key} AS key, {BOOK}
FROM {source}
WHERE {{conditions}}
ORDER BY {key} {direction}, book_id {direction} LIMIT {{limit}}"""


_TOPICS_OF_SET = f"""
SELECT min(topic), count(*)
FROM {_SET}
WHERE {{conditions}}
GROUP BY topic_key"""

_TOPICS_OF_ALL = """
SELECT min(topic), count(*)
FROM (
    SELECT topic_key, topic FROM books
    WHERE {conditions}
    ORDER BY book_id LIMIT $1
) AS counted
GROUP BY topic_key"""


class ListingStore(Finding):
    """The lists of the catalog in PostgreSQL."""

    by_author_sql = _BY_AUTHOR
    bought_sql = _BOUGHT
    retired_named_sql = _RETIRED_NAMED
    topic_of_letters_sql = _TOPIC_OF_LETTERS
    lists_sql = _LISTS

    def set_of(self, members: Sequence[object]) -> Any:  # noqa: ANN401  as the driver takes it
        """Return words or ids as one value of a statement."""
        return list(members)

    async def heads(self, transaction: Transaction, book_ids: Sequence[int]) -> list[Head]:
        """Return of some books what a search goes by."""
        rows = await transaction.all(_HEADS, self.set_of(book_ids))
        return [made(Head, row) for row in rows]

    async def shown(self, transaction: Transaction, book_ids: Sequence[int]) -> list[StoredBook]:
        """Return some books."""
        rows = await transaction.all(_SHOWN, self.set_of(book_ids))
        return [made(StoredBook, row) for row in rows]

    async def page_of_set(  # noqa: PLR0913, PLR0917  what a page is
        self,
        transaction: Transaction,
        found: Sequence[Ranked],
        narrowing: Narrowing,
        order: Order,
        after: tuple[float | str, int] | None,
        limit: int,
    ) -> list[tuple[float | str, StoredBook]]:
        """Return a page of those books of a set that fit."""
        statement = _set(found)
        statement.narrow(narrowing, stock=True, retired=narrowing.retired)
        by_rank = order == "rank"
        way = _Way("rank", up=True) if by_rank else _WAYS[order]
        place = after if by_rank else _place(way, after)
        return await _paged(transaction, statement, way, _SET, place, limit)

    async def page_of_all(
        self,
        transaction: Transaction,
        narrowing: Narrowing,
        order: Order,
        after: tuple[float | str, int] | None,
        limit: int,
    ) -> list[tuple[float | str, StoredBook]]:
        """Return a page of those books of all that fit, whatever their stock."""
        statement = _Statement()
        statement.narrow(narrowing, stock=False, retired=False)
        way = _WAYS[order]
        return await _paged(transaction, statement, way, "books", _place(way, after), limit)

    async def topics_of_set(
        self, transaction: Transaction, found: Sequence[Ranked], narrowing: Narrowing
    ) -> list[TopicCount]:
        """Return the topics of those books of a set that fit."""
        statement = _set(found)
        statement.narrow(narrowing, stock=True, retired=narrowing.retired)
        rows = await transaction.all(statement.text(_TOPICS_OF_SET), *statement.values)
        return [made(TopicCount, row) for row in rows]

    async def topics_of_all(
        self, transaction: Transaction, narrowing: Narrowing, limit: int
    ) -> list[TopicCount]:
        """Return the topics of the first books of all that fit."""
        statement = _Statement(limit)
        statement.narrow(narrowing, stock=True, retired=False)
        rows = await transaction.all(statement.text(_TOPICS_OF_ALL), *statement.values)
        return [made(TopicCount, row) for row in rows]


def _set(found: Sequence[Ranked]) -> _Statement:
    return _Statement([float(one.rank) for one in found], [one.book_id for one in found])


def _place(way: _Way, after: tuple[float | str, int] | None) -> tuple[float | str, int] | None:
    """Return the place of the last book of the page before, as a key of the way compares."""
    if after is None or way.text:
        return after
    key, book_id = after
    return max(-LAST_ID, min(LAST_ID, int(key))), book_id


async def _paged(  # noqa: PLR0913, PLR0917  what a page is
    transaction: Transaction,
    statement: _Statement,
    way: _Way,
    source: str,
    after: tuple[float | str, int] | None,
    limit: int,
) -> list[tuple[float | str, StoredBook]]:
    if after is not None:
        statement.where(f"({way.key}, book_id) {'>' if way.up else '<'} (?, ?)", *after)
    sql = statement.text(_page(way.key, source, up=way.up))
    statement.values.append(limit)
    sql = sql.replace("{limit}", f"${len(statement.values)}")
    rows = await transaction.all(sql, *statement.values)
    return [(row[0], StoredBook(*row[1:])) for row in rows]  # type: ignore[arg-type, misc]
