"""Books by their terms on PostgreSQL, as planned by how often terms are."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from bazar.catalog.expressions import Expression
from bazar.catalog.store.lists import Stage
from bazar.catalog.store.postgres_frequencies import Frequencies, Statistics
from bazar.catalog.store.postgres_search import (
    FEW,
    FOUND,
    FOUND_BY_PART,
    LOOKED_THROUGH,
    Plan,
    are_many,
    by_index,
    in_tiers,
    plan,
    text_query,
    tiers_of,
)
from bazar.catalog.store.shared import there
from bazar.catalog.store.shared_lists import SharedLists
from bazar.kit.data.database import Transaction, Value, made


class Finding(SharedLists):
    """What a search finds in PostgreSQL."""

    @cached_property
    def _statistics(self) -> Statistics:
        return Statistics()

    async def found(
        self, transaction: Transaction, asked: Expression, after: int, until: int, limit: int
    ) -> list[int]:
        """Return books that fit an expression, in order of id."""
        how = plan(asked, await self._statistics.known(transaction), limit)
        given = text_query(asked), after, until, limit
        ids: list[int] = []
        if how.look_through:
            ids = await _ids(transaction, LOOKED_THROUGH, *given, how.look_through)
        if len(ids) < limit and how.by == asked:
            ids = await _ids(transaction, FOUND, *given)
        elif len(ids) < limit:
            ids = await _ids(transaction, FOUND_BY_PART, *given, text_query(how.by))
        return ids

    async def few(
        self, transaction: Transaction, asked: Expression, limit: int
    ) -> list[int] | None:
        """Return all books that fit an expression, by id, or None where they are more."""
        known = await self._statistics.known(transaction)
        how = by_index(asked, known, limit)
        if are_many(asked, known, limit, how.cost_us):
            return None
        ids = await _ids(transaction, FEW, text_query(asked), text_query(how.by), limit + 1)
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
        rows = await transaction.all(
            in_tiers(len(stage.tiers)),
            text_query(stage.within),
            text_query(how.by),
            after,
            limit,
            *map(text_query, stage.tiers),
        )
        return [made(_numbered, row) for row in rows]

    async def tiers_of(
        self, transaction: Transaction, stages: Sequence[Stage], book_ids: Sequence[int]
    ) -> dict[int, int]:
        """Return of some books the number of the tier of each."""
        tiers = [text_query(tier) for stage in stages for tier in stage.tiers]
        row = await transaction.one(tiers_of(len(tiers)), self.set_of(book_ids), *tiers)
        columns: Any = there(row)
        return {book_id: tier for book_id, tier in zip(*columns, strict=True) if tier is not None}


async def _ids(transaction: Transaction, sql: str, *given: Value) -> list[int]:
    found: Any = there(await transaction.one(sql, *given))[0]
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
