"""Lists of books as SQLite finds them: sets of at most some thousand, and ways through all.

How it works: what few books have is looked for first, by an index, and becomes a set; the rest of
what was asked for, and the order, are then a matter of the books in it. Where there is no such
set, an index that is in the wanted order is followed, and what it says of a book is enough to pass
it over. So no list reads many books, however many the shop has.

Source: sqlite.org/queryplanner.html, sqlite.org/rowvalue.html
"""

from collections.abc import Collection, Sequence

import msgspec

from bazar.catalog.domain import StoredBook
from bazar.catalog.expressions import Expression
from bazar.catalog.relevance import Head
from bazar.catalog.store.lists import LAST_ID, Narrowing, Order, Ranked
from bazar.catalog.store.shared import BOOK
from bazar.catalog.store.shared_lists import RETIRED, SharedLists
from bazar.catalog.store.sqlite_search import FOUND, match_expression, words_beginning
from bazar.catalog.words import topic_key
from bazar.kit.data.database import Row, Transaction, made
from bazar.kit.money import PRICE_MINOR_MAX
from bazar.wire.books import TopicCount

_SCARCE = "retired_at_ms IS NULL AND (stock <= 5 OR stock <= low_at)"
"""What the index of scarce books holds, in its own words, so that it is used."""

# ------------------------------------------------------------------- sets

_BY_AUTHOR = """
SELECT book_id, book_id FROM books
WHERE author_key = ?1 AND retired_at_ms IS NULL
LIMIT ?2"""

_HEADS = """
SELECT book_id, title, subtitle, author, publisher, topic
FROM json_each(?1) CROSS JOIN books ON book_id = value"""

_SHOWN = f"""
SELECT {BOOK}
FROM json_each(?1) CROSS JOIN books ON book_id = value"""

_TOPIC_OF_LETTERS = """
SELECT topic_key FROM topics
WHERE replace(topic_key, ' ', '') = ?1
ORDER BY books DESC, topic_key LIMIT 1"""

_LAST = f"""
SELECT stock, book_id FROM books
WHERE {_SCARCE} AND stock BETWEEN 1 AND 5
ORDER BY stock, book_id LIMIT ?1"""

_LOW = f"""
SELECT stock, book_id FROM books
WHERE {_SCARCE} AND stock <= low_at
ORDER BY stock, book_id LIMIT ?1"""

_OUT = f"""
SELECT book_id, book_id FROM books
WHERE {_SCARCE} AND stock = 0
ORDER BY book_id LIMIT ?1"""

# Their words are in no index: each has to begin a word of the author, or of the title's beginning.
_RETIRED_NAMED = """
WITH retired AS (
    SELECT retired_at_ms AS at_ms, book_id, ' ' || title_key || ' ' || author_key AS names
    FROM books
    WHERE retired_at_ms IS NOT NULL
    ORDER BY retired_at_ms DESC LIMIT ?1
)
SELECT -at_ms, book_id FROM retired
WHERE NOT EXISTS (SELECT 1 FROM json_each(?2) WHERE instr(names, ' ' || value) = 0)"""

# A sale that was cancelled is none; a cancel of an older sale takes nothing away from newer ones.
# Not by an index: one that is in the order of the books would have all of the ledger read.
_BOUGHT = """
SELECT sum(sold.copies), sold.book_id FROM movements AS sold NOT INDEXED
WHERE sold.movement_id > (SELECT max(movement_id) FROM movements) - ?2
    AND sold.kind = 'sold' AND sold.moved_at_ms >= ?1
    AND NOT EXISTS (
        SELECT 1 FROM movements AS back
        WHERE back.order_id = sold.order_id AND back.book_id = sold.book_id AND back.copies > 0
    )
GROUP BY sold.book_id
ORDER BY 1, 2 LIMIT ?3"""

# ------------------------------------------------------------------- pages of sets

_UP, _DOWN = (">", "ASC"), ("<", "DESC")


def _page_of_set(key: str, way: tuple[str, str]) -> str:
    """Return the statement of a page; each member of its array is [rank, book id].

    Only what is shown is read as a whole.
    """
    beyond, direction = way
    return f"""
WITH page AS MATERIALIZED (
    SELECT {key} AS key, book_id AS page_id
    FROM json_each(?1) AS listed CROSS JOIN books ON book_id = listed.value ->> 1
    WHERE (?5 IS NULL OR topic_key = ?5) AND (?6 IS NULL OR author_key = ?6)
        AND price_minor BETWEEN ?7 AND ?8 AND (?9 = 0 OR stock > 0)
        AND (retired_at_ms IS NOT NULL) = ?10
        AND ({key}, book_id) {beyond} (?2, ?3)
    ORDER BY {key} {direction}, book_id {direction} LIMIT ?4
)
SELECT key, {BOOK}
FROM page CROSS JOIN books ON book_id = page_id
ORDER BY key {direction}, book_id {direction}"""


_SET_BY_RANK = _page_of_set("(listed.value ->> 0)", _UP)
_SET_BY_AGE = _page_of_set("added_at_ms", _DOWN)
_SET_BY_PRICE = _page_of_set("price_minor", _UP)
_SET_BY_PRICE_DOWN = _page_of_set("price_minor", _DOWN)
_SET_BY_TITLE = _page_of_set("title_key", _UP)

_TOPICS_OF_SET = """
SELECT min(topic), count(*)
FROM json_each(?1) AS listed CROSS JOIN books ON book_id = listed.value ->> 1
WHERE (?2 IS NULL OR topic_key = ?2) AND (?3 IS NULL OR author_key = ?3)
    AND price_minor BETWEEN ?4 AND ?5 AND (?6 = 0 OR stock > 0)
    AND (retired_at_ms IS NOT NULL) = ?7
GROUP BY topic_key"""

# ------------------------------------------------------------------- ways through all books


def _page_of_all(key: str, index: str, way: tuple[str, str]) -> str:
    """Return the statement of a page; the index says all for which a book is passed over.

    It is named, since SQLite has no figures of the tables to choose by.
    """
    beyond, direction = way
    return f"""
WITH way AS (
    SELECT {key} AS key, book_id AS way_id FROM books INDEXED BY {index}
    WHERE retired_at_ms IS NULL AND ({key}, book_id) {beyond} (?1, ?2)
        AND (?4 IS NULL OR topic_key = ?4) AND (?5 IS NULL OR author_key = ?5)
        AND price_minor BETWEEN ?6 AND ?7
)
SELECT key, {BOOK}
FROM way CROSS JOIN books ON book_id = way_id
ORDER BY key {direction}, way_id {direction} LIMIT ?3"""


_ALL_BY_ID = _page_of_all("book_id", "books_by_id", _UP)
_ALL_BY_AGE = _page_of_all("added_at_ms", "books_by_age", _DOWN)
_ALL_BY_PRICE = _page_of_all("price_minor", "books_by_price", _UP)
_ALL_BY_PRICE_DOWN = _page_of_all("price_minor", "books_by_price", _DOWN)
_ALL_BY_TITLE = _page_of_all("title_key", "books_by_title_key", _UP)

# Looked up among the scarce books, which is quicker than a look at each book.
_SOLD_OUT = """EXISTS (
            SELECT 1 FROM books AS gone INDEXED BY books_scarce
            WHERE gone.retired_at_ms IS NULL AND (gone.stock <= 5 OR gone.stock <= gone.low_at)
                AND gone.stock = 0 AND gone.book_id = books.book_id
        )"""

_TOPICS_OF_ALL = f"""
WITH way AS (
    SELECT book_id AS way_id FROM books INDEXED BY books_by_id
    WHERE retired_at_ms IS NULL
        AND (?1 IS NULL OR topic_key = ?1) AND (?2 IS NULL OR author_key = ?2)
        AND price_minor BETWEEN ?3 AND ?4
        AND (?5 = 0 OR NOT {_SOLD_OUT})
), counted AS MATERIALIZED (
    SELECT topic_key, topic FROM way CROSS JOIN books ON book_id = way_id
    ORDER BY way_id LIMIT ?6
)
SELECT min(topic), count(*) FROM counted
GROUP BY topic_key"""

_PAGES_OF_SET: dict[Order, str] = {
    "rank": _SET_BY_RANK,
    "new": _SET_BY_AGE,
    "price": _SET_BY_PRICE,
    "-price": _SET_BY_PRICE_DOWN,
    "title": _SET_BY_TITLE,
}
_PAGES_OF_ALL: dict[Order, str] = {
    "rank": _ALL_BY_ID,
    "new": _ALL_BY_AGE,
    "price": _ALL_BY_PRICE,
    "-price": _ALL_BY_PRICE_DOWN,
    "title": _ALL_BY_TITLE,
}
_LISTS = {"last": _LAST, "low": _LOW, "out": _OUT, "retired": RETIRED}
_FIRST: dict[Order, Row] = {
    "rank": (-1e300, 0),
    "new": (1e300, LAST_ID),
    "price": (-1, 0),
    "-price": (1e300, LAST_ID),
    "title": ("", 0),
}
"""Before all books, in each order."""

_encode = msgspec.json.encode


class ListingStore(SharedLists):
    """The lists of the catalog in a SQLite file."""

    by_author_sql = _BY_AUTHOR
    bought_sql = _BOUGHT
    retired_named_sql = _RETIRED_NAMED
    topic_of_letters_sql = _TOPIC_OF_LETTERS
    lists_sql = _LISTS

    def set_of(self, members: Sequence[object]) -> str:
        """Return words or ids as one value of a statement."""
        return _encode(members).decode()

    async def spelt(
        self, transaction: Transaction, beginnings: Collection[str]
    ) -> dict[str, tuple[str, ...]]:
        """Return the words that begin so, of those beginnings that few words have."""
        return await words_beginning(transaction, beginnings)

    async def found(
        self, transaction: Transaction, asked: Expression, after: int, until: int, limit: int
    ) -> list[int]:
        """Return books that fit an expression, in order of id.

        Source: sqlite.org/fts5.html
        """
        rows = await transaction.all(FOUND, match_expression(asked), after, until, limit)
        return [made(int, row) for row in rows]

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
        values = (*(after or _FIRST[order]), limit, *_narrowed(narrowing), narrowing.retired)
        rows = await transaction.all(_PAGES_OF_SET[order], _encode(found).decode(), *values)
        return [made(_placed, row) for row in rows]

    async def page_of_all(
        self,
        transaction: Transaction,
        narrowing: Narrowing,
        order: Order,
        after: tuple[float | str, int] | None,
        limit: int,
    ) -> list[tuple[float | str, StoredBook]]:
        """Return a page of those books of all that fit, whatever their stock."""
        values = (*(after or _FIRST[order]), limit, *_narrowed(narrowing)[:-1])
        rows = await transaction.all(_PAGES_OF_ALL[order], *values)
        return [made(_placed, row) for row in rows]

    async def topics_of_set(
        self, transaction: Transaction, found: Sequence[Ranked], narrowing: Narrowing
    ) -> list[TopicCount]:
        """Return the topics of those books of a set that fit."""
        values = *_narrowed(narrowing), narrowing.retired
        rows = await transaction.all(_TOPICS_OF_SET, _encode(found).decode(), *values)
        return [made(TopicCount, row) for row in rows]

    async def topics_of_all(
        self, transaction: Transaction, narrowing: Narrowing, limit: int
    ) -> list[TopicCount]:
        """Return the topics of the first books of all that fit."""
        rows = await transaction.all(_TOPICS_OF_ALL, *_narrowed(narrowing), limit)
        return [made(TopicCount, row) for row in rows]


def _narrowed(narrowing: Narrowing) -> Row:
    """Return what books have to fit, as the statements number it."""
    low, high = narrowing.low_minor, narrowing.high_minor
    return (
        None if narrowing.topic is None else topic_key(narrowing.topic),
        narrowing.author,
        0 if low is None else low,
        PRICE_MINOR_MAX if high is None else high,
        narrowing.in_stock,
    )


def _placed(key: float | str, *columns: object) -> tuple[float | str, StoredBook]:
    return key, StoredBook(*columns)  # type: ignore[arg-type]
