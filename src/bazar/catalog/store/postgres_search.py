"""Terms of books on PostgreSQL: the same matches as on SQLite, by a plan of our own.

How it works: the terms of a book are the lexemes of a `tsvector`, in a table of their own, so that
no sale writes them. The index on them gathers all books that have a term, or any that begins so,
before it returns one; each book that it has found then costs a look at its row. The other way is
to look through the books in order of id, until enough are found. The planner guesses badly how many
that will be. So we choose, by how often terms are: what the index is asked for is what costs least,
and the rest of a question is looked at book by book. A look through the books that has cost what
the index would is left, and the index is asked after all: so a plan changes the time alone.

Source: postgresql.org/docs/current/datatype-textsearch.html, postgresql.org/docs/current/gin.html
"""

from collections.abc import Iterator
from functools import lru_cache
from math import sqrt
from typing import NamedTuple

from bazar.catalog.expressions import All, But, Either, Expression, Term, every
from bazar.catalog.store.postgres_frequencies import Frequencies

SMALL_BOOKS = 2000
"""In a shop with fewer, the index alone is quick enough."""
MANY_FACTOR = 4
"""Matches are taken to be many where so many times as many are expected."""
COUNTED_US_MAX = 3000
"""Or more than are few at all, where to count them costs more."""

GATHER_US = 0.1
"""What it takes the index to gather a book that has a term."""
GATHER_BEGINNING_US = 0.45
"""The same, of any term that begins so."""
SKIP_US = 1.0
"""What it takes to look a book that was gathered up in the list of one more term."""
FETCH_US = 2.0
"""What it takes to look at the row of a book that the index has found."""
LOOK_US = 0.5
"""The same, where books are looked through in order of id."""
SPAN_US = 0.05
"""What it takes the index to gather a book between two ids."""
_SHARE_MIN = 1e-12

# The sums have the index of the terms used, and not that of the ids, also in a plan that is kept.
# What is asked for comes from a query of its own: so the server does not look terms up in its
# statistics each time it plans, and reads the text once, and not for each book. An array of ids is
# one row: ten thousand rows would keep the catalog's loop busy for as long as the server.
FOUND = """
SELECT array(
    SELECT book_id FROM books_text
    WHERE words @@ (SELECT ?1::text::tsquery) AND book_id + 0 > ?2 AND book_id + 0 <= ?3
    ORDER BY book_id + 0 LIMIT ?4
)"""

# Called by its name, what the operator does is asked of no index.
FOUND_BY_PART = """
SELECT array(
    SELECT book_id FROM books_text
    WHERE words @@ (SELECT ?5::text::tsquery) AND ts_match_vq(words, (SELECT ?1::text::tsquery))
        AND book_id + 0 > ?2 AND book_id + 0 <= ?3
    ORDER BY book_id + 0 LIMIT ?4
)"""

# The rows that the index has found are looked at only between two ids: it is asked for both.
FOUND_BETWEEN = """
SELECT array(
    SELECT book_id FROM books_text
    WHERE words @@ (SELECT ?5::text::tsquery) AND ts_match_vq(words, (SELECT ?1::text::tsquery))
        AND book_id > ?2 AND book_id <= ?3
    ORDER BY book_id + 0 LIMIT ?4
)"""

LOOKED_THROUGH = """
SELECT array(
    SELECT book_id FROM (
        SELECT book_id, words FROM books_text
        WHERE book_id > ?2 AND book_id <= ?3
        ORDER BY book_id LIMIT ?5
    ) AS looked_at
    WHERE ts_match_vq(words, (SELECT ?1::text::tsquery))
    ORDER BY book_id LIMIT ?4
)"""

# In whatever order: so it ends as soon as there are too many.
FEW = """
SELECT array(
    SELECT book_id FROM books_text
    WHERE words @@ (SELECT ?2::text::tsquery) AND ts_match_vq(words, (SELECT ?1::text::tsquery))
    LIMIT ?3
)"""


def _tier(count: int, first: int) -> str:
    """Return what tells the tier of a book, of so many, whose values are numbered from `first`."""
    cases = "\n        ".join(
        f"WHEN ts_match_vq(words, (SELECT ?{first + tier}::text::tsquery)) THEN {tier}"
        for tier in range(count)
    )
    return f"CASE\n        {cases}\n    END"


@lru_cache
def in_tiers(count: int) -> str:
    """Return the statement that finds the first books of so many tiers, all at once."""
    return f"""
SELECT tier, book_id FROM (
    SELECT {_tier(count, 5)} AS tier, book_id FROM books_text
    WHERE words @@ (SELECT ?2::text::tsquery) AND ts_match_vq(words, (SELECT ?1::text::tsquery))
) AS matching
WHERE tier > 0 OR tier = 0 AND book_id > ?3
ORDER BY tier, book_id LIMIT ?4"""


@lru_cache
def tiers_of(count: int) -> str:
    """Return the statement that tells the tiers of some books."""
    return f"""
SELECT coalesce(array_agg(book_id), '{{}}'), coalesce(array_agg(tier), '{{}}') FROM (
    SELECT book_id, {_tier(count, 2)} AS tier FROM books_text
    WHERE book_id = ANY(?1::bigint[])
) AS told"""


class Plan(NamedTuple):
    """How books are found."""

    by: Expression
    """What the index is asked for, among all books."""
    cost_us: float
    """What is expected."""
    look_through: int = 0
    """So many books are looked at before, in order of id; 0 for none."""
    among: int = 0
    """Among about so many books the index is asked first; 0 for all at once."""
    by_among: Expression | None = None
    """What it is asked for there."""


def plan(asked: Expression, frequencies: Frequencies, limit: int) -> Plan:
    """Return how the first so many books that fit are found soonest, in order of id.

    Args:
        asked: what they have to fit.
        frequencies: of terms.
        limit: how many are wanted.
    """
    indexed = by_index(asked, frequencies)
    enough = surely(limit)
    looks = enough / max(frequencies.share(asked), _SHARE_MIN)
    if looks >= frequencies.books:
        return indexed
    among = by_index(asked, frequencies, enough)
    among_us = among.cost_us + looks * SPAN_US
    if looks * LOOK_US < min(indexed.cost_us, among_us):
        affordable = int(min(indexed.cost_us, among_us) / LOOK_US)
        return indexed._replace(cost_us=looks * LOOK_US, look_through=affordable)
    if among_us < indexed.cost_us:
        return indexed._replace(cost_us=among_us, among=int(looks), by_among=among.by)
    return indexed


def surely(limit: int) -> float:
    """Return among how many expected books there are so many, nearly always."""
    return limit + 2 * sqrt(limit) + 1


def by_index(asked: Expression, frequencies: Frequencies, enough: float | None = None) -> Plan:
    """Return what the index is asked for, to find books in whatever order.

    Args:
        asked: what they have to fit.
        frequencies: of terms.
        enough: after how many no more is looked at; None: all are.
    """
    if frequencies.books < SMALL_BOOKS:
        return Plan(asked, 0.0)
    looked_at = 1.0
    if enough is not None:
        looked_at = min(1.0, enough / max(frequencies.count(asked), 1.0))
    fetch_us = FETCH_US * looked_at
    parts = sorted(_parts(asked), key=lambda part: _price(part, frequencies, fetch_us))
    rows = frequencies.count(parts[0])
    chosen, cost_us = [parts[0]], _gather_us(parts[0], frequencies)
    for part in parts[1:]:
        gather_us = _gather_us(part, frequencies)
        if isinstance(part, Term) and not part.more:
            gather_us = min(gather_us, SKIP_US * rows)
        share = frequencies.share(part)
        if gather_us < rows * (1 - share) * fetch_us:
            chosen.append(part)
            cost_us += gather_us
            rows *= share
    whole = len(chosen) == len(parts) and _is_plain(asked)
    return Plan(asked if whole else every(*chosen), cost_us + rows * fetch_us)


def are_many(asked: Expression, frequencies: Frequencies, limit: int, cost_us: float) -> bool:
    """Tell whether more books than so many are taken to fit, without looking for them."""
    expected = frequencies.count(asked)
    large = frequencies.books >= SMALL_BOOKS
    costly = cost_us > COUNTED_US_MAX and expected > limit
    return large and (costly or expected > MANY_FACTOR * limit)


def _price(part: Expression, frequencies: Frequencies, fetch_us: float) -> float:
    return _gather_us(part, frequencies) + frequencies.count(part) * fetch_us


def _gather_us(part: Expression, frequencies: Frequencies) -> float:
    match part:
        case Term(_text, more):
            return frequencies.count(part) * (GATHER_BEGINNING_US if more else GATHER_US)
        case All(parts) | Either(parts):
            return sum(_gather_us(one, frequencies) for one in parts)
        case But(wanted, _unwanted):
            return _gather_us(wanted, frequencies)


def _is_plain(asked: Expression) -> bool:
    """Tell whether an expression asks for no book to be without something."""
    match asked:
        case Term():
            return True
        case All(parts) | Either(parts):
            return all(map(_is_plain, parts))
        case But():
            return False


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
