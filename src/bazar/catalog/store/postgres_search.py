"""Terms of books on PostgreSQL: the same matches as on SQLite, by a plan of our own.

How it works: the terms of a book are the lexemes of a `tsvector`, in a table of their own, so that
no sale writes them. The index on them gathers all books that have a term, or any that begins so,
before it returns one; and the planner guesses badly how many that are. So we choose ourselves, by
how often terms are, as the server's own statistics have it: where some part of the question is
rare, the index finds that part, and the rest is looked at book by book; where all of it is common,
the books are looked through in order of id, until enough are found. A look that has not found
enough soon is left, and the index is asked after all: so a plan changes the time alone.

Source: postgresql.org/docs/current/datatype-textsearch.html, postgresql.org/docs/current/gin.html,
postgresql.org/docs/current/view-pg-stats.html
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from math import expm1, log1p
from typing import NamedTuple

from bazar.catalog.expressions import All, But, Either, Expression, Term

STATISTICS_AGE_S_MAX = 600.0
"""After which the server's statistics are read again."""
SMALL_BOOKS = 20_000
"""In a shop with fewer, the index alone is quick enough."""
RARE_BOOKS = 3000
"""So many that have a part of the question are looked at one by one."""
LOOK_THROUGH_MAX = 12_000
"""Books that are looked through, where that is expected to be enough."""
BEGINNING_SHARE_MAX = 0.1
"""Of books; the index gathers a beginning that more have too slowly."""
_SHARE_MAX = 0.999
MANY_FACTOR = 10
"""Matches are taken to be many where so many times as many are expected."""

# The sums have the index of the terms used, and not that of the ids, also in a plan that is kept.
# What is asked for comes from a query of its own: so the server does not look terms up in its
# statistics each time it plans, and reads the text once, and not for each book.
FOUND = """
SELECT book_id FROM books_text
WHERE words @@ (SELECT ?1::text::tsquery) AND book_id + 0 > ?2 AND book_id + 0 <= ?3
ORDER BY book_id + 0 LIMIT ?4"""

# Called by its name, what the operator does is asked of no index.
FOUND_BY_PART = """
SELECT book_id FROM books_text
WHERE words @@ (SELECT ?5::text::tsquery) AND ts_match_vq(words, (SELECT ?1::text::tsquery))
    AND book_id + 0 > ?2 AND book_id + 0 <= ?3
ORDER BY book_id + 0 LIMIT ?4"""

LOOKED_THROUGH = """
SELECT book_id FROM (
    SELECT book_id, words FROM books_text
    WHERE book_id > ?2 AND book_id <= ?3
    ORDER BY book_id LIMIT ?5
) AS looked_at
WHERE ts_match_vq(words, (SELECT ?1::text::tsquery))
ORDER BY book_id LIMIT ?4"""

STATISTICS = """
SELECT coalesce(most_common_elems::text::text[], '{}'),
    coalesce(most_common_elem_freqs, '{}')::float8[],
    (SELECT CAST(reltuples AS bigint) FROM pg_class WHERE oid = 'books_text'::regclass)
FROM pg_stats
WHERE schemaname = current_schema() AND tablename = 'books_text' AND attname = 'words'"""


class Frequencies:
    """How many books have each term, as the server's statistics have it."""

    def __init__(self, terms: Sequence[str], shares: Sequence[float], books: int) -> None:
        """Take the most common terms, the share of the books that have each, and all books."""
        pairs = sorted(zip(terms, shares, strict=False))
        self._terms = [term for term, _share in pairs]
        self._shares = [share for _term, share in pairs]
        without = (log1p(-min(share, _SHARE_MAX)) for share in self._shares)
        self._without = [0.0, *accumulate(without)]
        self._rarest = min((share for _term, share in pairs), default=0.0)
        self.books = books

    def share(self, asked: Expression) -> float:
        """Return which share of the books is expected to fit; terms are taken as independent."""
        match asked:
            case Term(text, more):
                return self._share_of(text, more=more)
            case All(parts):
                share = 1.0
                for part in parts:
                    share *= self.share(part)
                return share
            case Either(parts):
                return min(1.0, sum(map(self.share, parts)))
            case But(wanted, unwanted):
                return max(0.0, self.share(wanted) - self.share(unwanted))

    def _share_of(self, text: str, *, more: bool) -> float:
        first = bisect_left(self._terms, text)
        if more:
            last = bisect_left(self._terms, text + "\U0010ffff")
            return -expm1(self._without[last] - self._without[first]) or self._rarest
        if first < len(self._terms) and self._terms[first] == text:
            return self._shares[first]
        return min(self._rarest, RARE_BOOKS / (self.books or 1))


class Plan(NamedTuple):
    """How books are found."""

    by: Expression
    """What the index finds first."""
    look_through: int
    """So many books are looked at before, in order of id; 0 for none."""


def plan(asked: Expression, frequencies: Frequencies, limit: int) -> Plan:
    """Return how so many books that fit are found soonest.

    Args:
        asked: what they have to fit.
        frequencies: of terms.
        limit: how many are wanted.
    """
    if frequencies.books < SMALL_BOOKS:
        return Plan(asked, 0)
    parts = list(_parts(asked))
    share, rarest = min((frequencies.share(part), at) for at, part in enumerate(parts))
    if share * frequencies.books <= RARE_BOOKS:
        return Plan(parts[rarest], 0)
    indexed = [part for part in parts if _is_quick(part, frequencies)]
    soon = limit <= frequencies.share(asked) * LOOK_THROUGH_MAX
    by = All(tuple(indexed or [parts[rarest]]))
    return Plan(by, LOOK_THROUGH_MAX if soon or not indexed else 0)


def _parts(asked: Expression) -> Iterator[Expression]:
    """Return what books have to fit all of; not what they must not."""
    match asked:
        case All(parts):
            for part in parts:
                yield from _parts(part)
        case But(wanted, _unwanted):
            yield from _parts(wanted)
        case _:
            yield asked


def _is_quick(part: Expression, frequencies: Frequencies) -> bool:
    whole = isinstance(part, Term) and not part.more
    return whole or frequencies.share(part) <= BEGINNING_SHARE_MAX


def text_query(asked: Expression) -> str:
    """Return an expression as a `tsquery` reads it: every term is quoted, so none is syntax."""
    match asked:
        case Term(text, more):
            return f"'{text}':*" if more else f"'{text}'"
        case All(parts):
            return f"({' & '.join(map(text_query, parts))})"
        case Either(parts):
            return f"({' | '.join(map(text_query, parts))})"
        case But(wanted, unwanted):
            return f"({text_query(wanted)} & !{text_query(unwanted)})"
