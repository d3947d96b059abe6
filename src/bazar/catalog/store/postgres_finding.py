"""Books by their terms on PostgreSQL, as planned by how often terms are."""

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any

from bazar.catalog.expressions import Expression
from bazar.catalog.store.lists import Stage
from bazar.catalog.store.postgres_arrays import every
from bazar.catalog.store.postgres_frequencies import Frequencies, Statistics
from bazar.catalog.store.postgres_search import (
    LETTERS_MIN,
    LOOKED_THROUGH,
    WORDS,
    WORDS_MAX,
    Plan,
    Question,
    are_many,
    by_index,
    few,
    in_tiers,
    plan,
    question,
    spanned,
    surely,
    text_query,
    tiers_of,
)
from bazar.catalog.store.shared import there
from bazar.catalog.store.shared_lists import SharedLists
from bazar.kit.data.database import Transaction, made

FAILED_TIMES = 4
"""So many times as many books are looked among, where a look through fewer was in vain."""
PARTS_MAX = 3
"""Parts of the books that are looked among, before all are."""


class Finding(SharedLists):
    """What a search finds in PostgreSQL."""

    @cached_property
    def _statistics(self) -> Statistics:
        return Statistics()

    async def found(
        self, transaction: Transaction, asked: Expression, after: int, until: int, limit: int
    ) -> list[int]:
        """Return books that fit an expression, in order of id."""
        known = await self._statistics.known(transaction)
        how = plan(asked, known, limit)
        found: list[int] = []
        if how.look_through:
            given = text_query(asked), after, until, limit, how.look_through
            found = await _ids(transaction, Question(LOOKED_THROUGH, given))
            if len(found) == limit:
                return found
        found = []
        if how.by_among is not None:
            found, after = await self._among(
                transaction, asked, how, range(after + 1, until + 1), limit
            )
        wanted = limit - len(found)
        if wanted > 0 and after < until:
            between = range(after + 1, until + 1)
            found += await _ids(transaction, question(asked, how.by, between, wanted))
        return found

    async def _among(
        self, transaction: Transaction, asked: Expression, how: Plan, ids: range, limit: int
    ) -> tuple[list[int], int]:
        """Return books that fit, after the first of some ids, and up to which id they are all.

        Where the first part of the books has too few, another part follows that should have the
        rest, as the first one had its own.
        """
        assert how.by_among is not None
        known = await self._statistics.known(transaction)
        found: list[int] = []
        after, books = ids.start - 1, how.among * (FAILED_TIMES if how.look_through else 1)
        for _ in range(PARTS_MAX):
            between = spanned(range(after + 1, known.id_after(after, books) + 1), ids)
            if between is None:
                break
            wanted = limit - len(found)
            found += await _ids(
                transaction, question(asked, how.by_among, between, wanted, spans=True)
            )
            after = between.stop - 1
            if len(found) == limit or between.stop == ids.stop:
                break
            looked_among = (after + 1 - ids.start) / known.ids(1)
            books = int(surely(limit - len(found)) * looked_among / max(len(found), 0.5))
        return found, after

    async def spelt(
        self, transaction: Transaction, beginnings: Collection[str]
    ) -> dict[str, tuple[str, ...]]:
        """Return the words that begin so, of those beginnings that few words have."""
        asked = [begin for begin in beginnings if len(begin) >= LETTERS_MIN]
        if not asked:
            return {}
        until = [f"{begin}\U0010ffff" for begin in asked]
        rows: Any = await every(transaction, WORDS, asked, until, WORDS_MAX + 1)
        return {begin: tuple(words) for begin, words in rows if len(words) <= WORDS_MAX}

    async def few(
        self, transaction: Transaction, asked: Expression, limit: int
    ) -> list[int] | None:
        """Return all books that fit an expression, by id, or None where they are more."""
        known = await self._statistics.known(transaction)
        how = by_index(asked, known)
        if are_many(asked, known, limit, how.cost_us):
            return None
        ids = await _ids(transaction, few(asked, how.by, limit + 1))
        return sorted(ids) if len(ids) <= limit else None

    async def in_tiers(
        self, transaction: Transaction, stages: Sequence[Stage], after: int, limit: int
    ) -> list[tuple[int, int]]:
        """Return the first books of tiers that follow each other, those of a stage at once.

        Or one tier after the other, where that is expected to be quicker.
        """
        known = await self._statistics.known(transaction)
        page: list[tuple[int, int]] = []
        number = 0
        for stage in stages:
            at_once = by_index(stage.within, known)
            wanted = limit - len(page)
            if len(stage.tiers) > 1 and at_once.cost_us < _one_by_one_us(stage, known, wanted):
                found = await self._at_once(transaction, stage, at_once, after, wanted)
            else:
                found = await super().in_tiers(transaction, [stage], after, wanted)
            page += [(number + tier, book_id) for tier, book_id in found]
            if len(page) >= limit:
                break
            number += len(stage.tiers)
            after = 0
        return page

    async def _at_once(
        self, transaction: Transaction, stage: Stage, how: Plan, after: int, limit: int
    ) -> list[tuple[int, int]]:
        asked = in_tiers(stage.tiers, stage.within, how.by, after, limit)
        rows = await transaction.all(asked.sql, *asked.values)
        return [made(_numbered, row) for row in rows]

    async def tiers_of(
        self, transaction: Transaction, stages: Sequence[Stage], book_ids: Sequence[int]
    ) -> dict[int, int]:
        """Return of some books the number of the tier of each."""
        tiers = [text_query(tier) for stage in stages for tier in stage.tiers]
        row = await transaction.one(tiers_of(len(tiers)), self.set_of(book_ids), *tiers)
        columns: Any = there(row)
        return {book_id: tier for book_id, tier in zip(*columns, strict=True) if tier is not None}


async def _ids(transaction: Transaction, asked: Question) -> list[int]:
    found: Any = there(await transaction.one(asked.sql, *asked.values))[0]
    return list(found)


def _one_by_one_us(stage: Stage, known: Frequencies, limit: int) -> float:
    """Return what it is expected to cost to read one tier after the other."""
    cost_us, wanted = 0.0, float(limit)
    for tier in stage.tiers:
        cost_us += plan(tier, known, int(wanted) + 1).cost_us
        wanted -= known.count(tier)
        if wanted <= 0:
            break
    return cost_us


def _numbered(number: int, book_id: int) -> tuple[int, int]:
    return number, book_id
