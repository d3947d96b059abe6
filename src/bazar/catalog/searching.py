"""Searches: what matches comes in an order that no other book can change.

Few matches are put into an order by a score, which is made of the book and the question alone.
Many matches come in tiers: first the books with just this title, then those with all words in
their titles, in their heads, anywhere; as they are asked for before those that only begin so.
Inside a tier they come by id. So no page reads more than a page, however many books match, and
what is added between two pages shifts none that was there: it stands where its words put it, or,
where few matched, at the end.

Source: docs/decisions/0038-one-folding-and-search-by-tiers.md
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from bazar.catalog.domain import StoredBook
from bazar.catalog.expressions import But, Expression, Term, either, every
from bazar.catalog.paging import SearchPlace, decode_search_place, encode_search_place
from bazar.catalog.relevance import relevance
from bazar.catalog.store import Store
from bazar.catalog.store.lists import LAST_ID, MATCHES_MAX, Ranked, Stage
from bazar.catalog.words import (
    ANYWHERE,
    IN_HEAD,
    IN_TITLE,
    TERM_LENGTH,
    Part,
    Sought,
    Way,
    sought,
    topic_term,
)
from bazar.kit.data.database import Transaction

FEW = 200
"""Matches that are put into an order by their score; more come in tiers."""
FEW_LATER_MAX = 2000
"""Of those, on a later page, should many have come back since."""

Page = tuple[list[StoredBook], str | None]


class Search(NamedTuple):
    """A question to the index, in its parts."""

    wanted: Sought
    topic: str | None
    """The key of the one to look in, or None for all."""
    spelt: Mapping[str, Sequence[str]] = {}
    """All words that begin so, of beginnings of which that is known."""

    def among(self, where: str, *, more: bool) -> Expression:
        """Return what asks for all words in a part of the books, or for beginnings of them."""
        return every(*(self._word(ways, where, more=more) for ways in self.wanted.words))

    @property
    def beginnings(self) -> set[str]:
        """Return with what words of books may begin."""
        return {
            part.text for ways in self.wanted.words for way in ways for part in way if part.more
        }

    def asked(self, matches: Expression) -> Expression:
        """Return what asks for books that fit an expression, and are of the topic."""
        return matches if self.topic is None else every(Term(topic_term(self.topic)), matches)

    @property
    def anywhere(self) -> Expression:
        """Return what asks for everything that matches."""
        return self.asked(self.among(ANYWHERE, more=True))

    def stages(self) -> list[Stage]:
        """Return what asks for each tier; they have no book in common, and all matches together.

        Those of the first stage are in the heads of their books.
        """
        title: Expression = Term(self.wanted.title)
        in_title, in_head = self.among(IN_TITLE, more=False), self.among(IN_HEAD, more=False)
        begin_title, begin_head = self.among(IN_TITLE, more=True), self.among(IN_HEAD, more=True)
        anywhere = self.among(ANYWHERE, more=False)
        begin_anywhere = self.among(ANYWHERE, more=True)
        heads = begin_head
        if len(self.wanted.title) >= TERM_LENGTH:  # longer titles begin so, too
            title, heads = every(title, begin_anywhere), begin_anywhere
        in_heads = (
            title,
            But(in_title, title),
            But(in_head, either(title, in_title)),
            But(begin_title, either(title, in_head)),
            But(begin_head, either(title, in_head, begin_title)),
        )
        elsewhere = (
            But(anywhere, either(title, begin_head)),
            But(begin_anywhere, either(title, begin_head, anywhere)),
        )
        return [self._stage(heads, in_heads), self._stage(begin_anywhere, elsewhere)]

    def _word(self, ways: Iterable[Way], where: str, *, more: bool) -> Expression:
        return either(
            *(every(*(self._term(part, where, more=more) for part in way)) for way in ways)
        )

    def _term(self, part: Part, where: str, *, more: bool) -> Term:
        words = self.spelt.get(part.text) if more and part.more else ()
        if words is None:
            return Term(where + part.text, more=True)
        spelt = tuple(where + word for word in words)
        return Term(where + part.text, bool(spelt), spelt)

    def _stage(self, within: Expression, tiers: Iterable[Expression]) -> Stage:
        return Stage(self.asked(within), tuple(map(self.asked, tiers)))

    def tiers(self) -> list[Expression]:
        """Return what asks for each tier of all stages."""
        return [tier for stage in self.stages() for tier in stage.tiers]


def search(text: str, topic: str | None) -> Search | None:
    """Return the question for a text in a topic, or None where the text holds no word.

    Args:
        text: as somebody wrote it.
        topic: the key of one, or None for all.
    """
    wanted = sought(text)
    return None if wanted is None else Search(wanted, topic)


class Searching:
    """Finds books by their words, in one transaction each."""

    def __init__(self, store: Store) -> None:
        """Search the books of a store."""
        self._store = store

    async def page(
        self, transaction: Transaction, asked: Search, after: str | None, limit: int
    ) -> Page:
        """Return a page of books, the most relevant first, and the cursor of the next one.

        Raises:
            InvalidRequest: the cursor is not one of ours.
        """
        place = decode_search_place(after) if after else None
        asked = await self._spelt(transaction, asked)
        if place is None:
            few = await self._few(transaction, asked)
            if few is None:
                return await self._tiers(transaction, asked, 0, 0, limit)
            until = few[-1] if few else 0
            return await self._scored(transaction, asked, SearchPlace(until, None, 0), few, limit)
        if place.until is None:
            tier = min(int(place.key or 0), len(asked.tiers()))
            return await self._tiers(transaction, asked, tier, place.book_id, limit)
        few = []
        if place.book_id <= place.until:
            few = await self._store.found(
                transaction, asked.anywhere, 0, place.until, FEW_LATER_MAX
            )
        return await self._scored(transaction, asked, place, few, limit)

    async def ranked(
        self, transaction: Transaction, asked: Search, ids: Sequence[int], *, scored: bool | None
    ) -> list[Ranked]:
        """Return some matches, each with its place by relevance.

        Args:
            transaction: to read in.
            asked: for.
            ids: of the matches, in order.
            scored: whether the page before had them by score; None where this is the first, which
                has them so where they are few. Scores are below zero, and tiers are not.
        """
        if scored or (scored is None and len(ids) <= FEW):
            heads = await self._store.heads(transaction, ids)
            return [Ranked(-relevance(asked.wanted, head), head.book_id) for head in heads]
        asked = await self._spelt(transaction, asked)
        tiers = await self._store.tiers_of(transaction, asked.stages(), ids)
        return [Ranked(tiers.get(book_id, 0), book_id) for book_id in ids]

    async def ids(self, transaction: Transaction, asked: Search) -> list[int]:
        """Return the first matches by id, at most `MATCHES_MAX`."""
        asked = await self._spelt(transaction, asked)
        return await self._store.found(transaction, asked.anywhere, 0, LAST_ID, MATCHES_MAX)

    async def _spelt(self, transaction: Transaction, asked: Search) -> Search:
        """Return a question with the words that its beginnings may stand for."""
        return asked._replace(spelt=await self._store.spelt(transaction, asked.beginnings))

    async def _few(self, transaction: Transaction, asked: Search) -> list[int] | None:
        """Return all matches, by id, where they are few; else None.

        Whole words are looked for first: where many books have them, no beginnings have to be.
        """
        whole = asked.asked(asked.among(ANYWHERE, more=False))
        few: list[int] | None = None
        for expression in dict.fromkeys((whole, asked.anywhere)):
            few = await self._store.few(transaction, expression, FEW)
            if few is None:
                break
        return few

    async def _scored(
        self,
        transaction: Transaction,
        asked: Search,
        place: SearchPlace,
        few: Sequence[int],
        limit: int,
    ) -> Page:
        """Return a page of few matches; then come those that have been added since, by id."""
        until = place.until or 0
        ranked: list[tuple[int, int]] = []
        if few:
            heads = await self._store.heads(transaction, few)
            ranked = sorted((-relevance(asked.wanted, head), head.book_id) for head in heads)
            if place.key is not None:
                ranked = [one for one in ranked if one > (place.key, place.book_id)]
        page = ranked[: limit + 1]
        if len(page) <= limit and place.key is not None:
            added = await self._store.found(
                transaction,
                asked.anywhere,
                max(until, place.book_id),
                LAST_ID,
                limit + 1 - len(page),
            )
            page += [(0, book_id) for book_id in added]
        return await self._shown(transaction, page, limit, lambda last: SearchPlace(until, *last))

    async def _tiers(
        self, transaction: Transaction, asked: Search, tier: int, after: int, limit: int
    ) -> Page:
        """Return a page of many matches: of one tier, and of those after it until it is full."""
        stages = _from_tier(asked.stages(), tier)
        found = await self._store.in_tiers(transaction, stages, after, limit + 1)
        page = [(tier + number, book_id) for number, book_id in found]
        return await self._shown(transaction, page, limit, lambda last: SearchPlace(None, *last))

    async def _shown(
        self,
        transaction: Transaction,
        page: Sequence[tuple[int, int]],
        limit: int,
        place: Callable[[tuple[int, int]], SearchPlace],
    ) -> Page:
        ids = [book_id for _key, book_id in page[:limit]]
        books = _in_order(ids, await self._store.shown(transaction, ids) if ids else [])
        cursor = encode_search_place(place(page[limit - 1])) if len(page) > limit else None
        return books, cursor


def _from_tier(stages: Iterable[Stage], first: int) -> list[Stage]:
    """Return what is left of stages from a tier on."""
    left: list[Stage] = []
    for stage in stages:
        if first < len(stage.tiers):
            left.append(stage._replace(tiers=stage.tiers[first:]))
        first = max(0, first - len(stage.tiers))
    return left


def _in_order(ids: Sequence[int], books: Iterable[StoredBook]) -> list[StoredBook]:
    by_id = {book.book_id: book for book in books}
    return [by_id[book_id] for book_id in ids if book_id in by_id]
