"""The lists of books that a store finds: a part of the seam to the engines."""

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple, Protocol

from bazar.catalog.domain import StoredBook
from bazar.catalog.expressions import Expression
from bazar.catalog.relevance import Head
from bazar.kit.data.database import Transaction
from bazar.wire.books import TopicCount

MATCHES_MAX = 10_000
"""Of a search that is narrowed, counted, or put into another order: so its time has an end."""
LAST_ID = 2**63 - 1


class Ranked(NamedTuple):
    """A book of a set, and its place in the set's own order: lower comes first."""

    rank: float
    book_id: int


class Narrowing(NamedTuple):
    """What the books of a list have to fit; without any, it is all that are sold."""

    topic: str | None = None
    """In any spelling."""
    author: str | None = None
    """As `words.name_key` returns it."""
    low_minor: int | None = None
    high_minor: int | None = None
    in_stock: bool = False
    retired: bool = False
    """Those of a set that are no longer sold, and not those that are."""


class Stage(NamedTuple):
    """Tiers of matches that follow each other."""

    within: Expression
    """What all their books fit, and maybe others."""
    tiers: tuple[Expression, ...]
    """No two have a book in common."""


Order = Literal["rank", "new", "price", "-price", "title"]
"""Of a list: its own, or by id where it is of all books; the newest, cheapest, dearest first; by
title."""


class Lists(Protocol):
    """Finds the books of lists, sets of at most some thousand, and ways through all books."""

    async def known_topic(self, transaction: Transaction, topic: str) -> str:
        """Return the key of a topic that books have, as it may have been written without spaces.

        Of a topic that no book has it is the key of just that.
        """
        ...

    async def spelt(
        self, transaction: Transaction, beginnings: Collection[str]
    ) -> dict[str, tuple[str, ...]]:
        """Return all words of books that begin so, of those beginnings that few words have.

        Others are left out, and those that the engine finds by themselves.
        """
        ...

    async def found(
        self, transaction: Transaction, asked: Expression, after: int, until: int, limit: int
    ) -> list[int]:
        """Return books on sale that fit an expression, in order of id.

        Args:
            transaction: to read in.
            asked: the expression.
            after: which id they come.
            until: which id, itself too.
            limit: how many at most.
        """
        ...

    async def few(
        self, transaction: Transaction, asked: Expression, limit: int
    ) -> list[int] | None:
        """Return all books on sale that fit an expression, in order of id, where they are few.

        Args:
            transaction: to read in.
            asked: the expression.
            limit: how many are few; None is returned where more fit. An engine may take that for
                granted where many more are expected.
        """
        ...

    async def in_tiers(
        self, transaction: Transaction, stages: Sequence[Stage], after: int, limit: int
    ) -> list[tuple[int, int]]:
        """Return the first books of tiers that follow each other.

        Args:
            transaction: to read in.
            stages: the tiers.
            after: which id those of the first tier come.
            limit: how many at most.

        Returns:
            Of each the number of its tier, from 0, and its id; in that order.
        """
        ...

    async def tiers_of(
        self, transaction: Transaction, stages: Sequence[Stage], book_ids: Sequence[int]
    ) -> dict[int, int]:
        """Return of some books, which are in order of id, the number of the tier of each.

        Of more than `MATCHES_MAX` books between the first and the last of them it may leave out
        some.
        """
        ...

    async def heads(self, transaction: Transaction, book_ids: Sequence[int]) -> list[Head]:
        """Return of some books what a search goes by, in whatever order."""
        ...

    async def shown(self, transaction: Transaction, book_ids: Sequence[int]) -> list[StoredBook]:
        """Return some books, in whatever order."""
        ...

    async def of_topic(self, transaction: Transaction, topic: str, limit: int) -> list[Ranked]:
        """Return books of a topic, ranked by id."""
        ...

    async def by_author(self, transaction: Transaction, author: str, limit: int) -> list[Ranked]:
        """Return books whose author's whole name has this key, ranked by id."""
        ...

    async def priced(
        self, transaction: Transaction, low_minor: int, high_minor: int, limit: int
    ) -> list[Ranked]:
        """Return books that cost from one price to another, ranked by id."""
        ...

    async def listed(
        self, transaction: Transaction, name: str, words: Sequence[str], limit: int
    ) -> list[Ranked]:
        """Return the beginning of a list of books.

        Args:
            transaction: to read in.
            name: `last`, with 1 to 5 copies, and `low`, with no more than their `low_at`, both
                ranked by stock; `out`, without any; `retired`, the last to retire first.
            words: of retired books only those whose author, or the beginning of whose title, has
                words that begin so; for the other lists they do not matter.
            limit: how many at most.
        """
        ...

    async def bought(
        self, transaction: Transaction, since_ms: int, movements: int, limit: int
    ) -> list[Ranked]:
        """Return the books of which most copies were sold, the most first; cancelled ones apart.

        Args:
            transaction: to read in.
            since_ms: sales before do not count.
            movements: so many of the last rows of the ledger are looked at.
            limit: how many books at most.
        """
        ...

    async def page_of_set(  # noqa: PLR0913, PLR0917  what a page is
        self,
        transaction: Transaction,
        found: Sequence[Ranked],
        narrowing: Narrowing,
        order: Order,
        after: tuple[float | str, int] | None,
        limit: int,
    ) -> list[tuple[float | str, StoredBook]]:
        """Return a page of those books of a set that fit.

        Args:
            transaction: to read in.
            found: the set, of some thousand books at most.
            narrowing: what they have to fit.
            order: of the list.
            after: place and id of the last book of the page before.
            limit: how many at most.

        Returns:
            Each with its place in that order.
        """
        ...

    async def page_of_all(
        self,
        transaction: Transaction,
        narrowing: Narrowing,
        order: Order,
        after: tuple[float | str, int] | None,
        limit: int,
    ) -> list[tuple[float | str, StoredBook]]:
        """Return a page of those of all books on sale that fit, whatever their stock.

        The rest is as with `page_of_set`. What every sale changes is in no index that leads
        through all books, so callers pass over what is sold out.
        """
        ...

    async def topics_of_set(
        self, transaction: Transaction, found: Sequence[Ranked], narrowing: Narrowing
    ) -> list[TopicCount]:
        """Return the topics of those books of a set that fit, each with their number."""
        ...

    async def topics_of_all(
        self, transaction: Transaction, narrowing: Narrowing, limit: int
    ) -> list[TopicCount]:
        """Return the topics of the first so many books that fit, each with their number."""
        ...
