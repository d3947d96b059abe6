"""Terms of books on PostgreSQL: the same matches as on SQLite, by a plan of our own.

How it works: the terms of a book are the lexemes of a `tsvector`, in a table of their own, so that
no sale writes them. The index on them gathers all books that have a term; each book that it has
found then costs a look at its row. What begins so it gathers slowly, and wholly; so it has lists of
its own for short beginnings, and long ones are asked for word by word. It knows in which part of
the ids each book lies, too, and finds those of some parts without a look at the others. The other
way is to look through the books in order of id, until enough are found. The planner guesses badly
how many that will be. So we choose, by how often terms are: what the index is asked for is what
costs least, and the rest of a question is looked at book by book. A look through the books that has
cost what the index would is left, and the index is asked after all: so a plan changes the time
alone.

Source: postgresql.org/docs/current/datatype-textsearch.html, postgresql.org/docs/current/gin.html
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from math import ceil, sqrt
from typing import Any, NamedTuple

from bazar.catalog.expressions import All, But, Either, Expression, Term, every
from bazar.catalog.store.postgres_frequencies import Frequencies
from bazar.catalog.words import ANYWHERE, IN_HEAD, IN_TITLE

SMALL_BOOKS = 2000
"""In a shop with fewer, the index alone is quick enough."""
MANY_FACTOR = 4
"""Matches are taken to be many where so many times as many are expected."""
COUNTED_US_MAX = 3000
"""Or more than are few at all, where to count them costs more."""

GATHER_US = 0.1
"""What it takes the index to gather a book that has a term."""
GATHER_BEGINNING_US = 0.4
"""The same, of any term that begins so, wherever it is looked for."""
GATHER_MORE_US = 0.01
"""More of it for each of several terms of which one will do."""
SKIP_US = 0.15
"""What it takes to look a book that was gathered up in the list of one more term."""
PASS_US = 0.003
"""What it takes to pass over a book of such a list: they are packed, and read page by page."""
PASS_US_MAX = 20.0
"""What it takes to pass over however many, to the next book that was gathered up."""
FETCH_US = 2.0
"""What it takes to look at the row of a book that the index has found."""
FETCH_NEAR_US = 0.8
"""The same, among books that lie together."""
LOOK_US = 0.5
"""The same, where books are looked through in order of id."""
SPAN_US = 0.02
"""What it takes the index to pass over a book of the part where terms are looked for."""
SPAN_BITS = 14
"""The index knows of each book its id without so many bits: which part of all ids it lies in."""
SPANS_MAX = 32
"""Of which any will do; among more, it is asked for all books."""
BEGINNINGS = {IN_TITLE: (IN_HEAD, 2), IN_HEAD: (IN_HEAD, 2), ANYWHERE: (ANYWHERE, 3)}
"""Where words stand whose beginnings the index has lists for, and of how many letters at least."""
LISTED_LETTERS_MAX = 3
"""Of such a beginning. What has a longer one has this one, too."""
LETTERS_MIN = 4
"""Of the beginnings that are looked for word by word."""
WORDS_MAX = 100
"""That begin so; where there are more, the index gathers them."""
_SHARE_MIN = 1e-12


class By(NamedTuple):
    """What the index is asked for: all of it."""

    words: Expression | None
    """Terms of books."""
    beginnings: tuple[str, ...] = ()
    """Of words."""


# The sums have the index of the terms used, and not that of the ids, also in a plan that is kept.
# What is asked for comes from a query of its own: so the server does not look terms up in its
# statistics each time it plans, and reads the text once, and not for each book. An array of ids is
# one row: ten thousand rows would keep the catalog's loop busy for as long as the server.
_BY_WORDS = "words @@ (SELECT ?::text::tsquery)"
_BY_BEGINNINGS = "books_text_beginnings(words) @> (SELECT ?::text[])"
_BY_SPANS = f"ARRAY[book_id >> {SPAN_BITS}] && (SELECT ?::bigint[])"
_BY_ALL = "ts_match_vq(words, (SELECT ?::text::tsquery))"
_AFTER, _UNTIL = "book_id + 0 > ?", "book_id + 0 <= ?"


class Question(NamedTuple):
    """A statement, and its values."""

    sql: str
    values: tuple[Any, ...]


def question(
    asked: Expression, by: By, between: range, limit: int, *, spans: bool = False
) -> Question:
    """Return what finds the first books that fit, in order of id.

    Args:
        asked: what they have to fit.
        by: what the index is asked for.
        between: the ids among which they are looked for.
        limit: how many are wanted.
        spans: whether the index is asked for the parts of the ids, too.
    """
    parts: list[Any] = [list(_spans(between))] if spans else []
    given = *_given(asked, by), *parts, between.start - 1, between.stop - 1, limit
    conditions = *_conditions(asked, by), *([_BY_SPANS] if spans else ()), _AFTER, _UNTIL
    return Question(_found(conditions, "ORDER BY book_id + 0"), given)


def few(asked: Expression, by: By, limit: int) -> Question:
    """Return what finds books that fit, in whatever order: so it ends when there are so many."""
    return Question(_found(_conditions(asked, by), ""), (*_given(asked, by), limit))


def spanned(between: range, ids: range) -> range | None:
    """Return ids up to where the last of their parts ends, among some; None if they are too many.

    Args:
        between: the ids.
        ids: those among which they are.
    """
    stop = ((between.stop - 1 >> SPAN_BITS) + 1) << SPAN_BITS
    found = range(between.start, min(stop, ids.stop))
    return None if found.stop - found.start > SPANS_MAX << SPAN_BITS else found


def _spans(between: range) -> range:
    return range(between.start >> SPAN_BITS, ((between.stop - 1) >> SPAN_BITS) + 1)


@lru_cache
def _found(conditions: tuple[str, ...], order: str) -> str:
    return _numbered(f"""
SELECT array(
    SELECT book_id FROM books_text
    WHERE {" AND ".join(conditions)}
    {order} LIMIT ?
)""")


def _numbered(sql: str) -> str:
    first, *others = sql.split("?")
    return first + "".join(f"?{number}{part}" for number, part in enumerate(others, 1))


def _conditions(asked: Expression, by: By) -> tuple[str, ...]:
    """Return what the index is asked for, and then what is not known of what it finds."""
    words = () if by.words is None else (_BY_WORDS,)
    beginnings = (_BY_BEGINNINGS,) if by.beginnings else ()
    return *words, *beginnings, *(() if by.words == asked else (_BY_ALL,))


def _given(asked: Expression, by: By) -> list[Any]:
    words = [] if by.words is None else [index_query(by.words)]
    beginnings = [list(by.beginnings)] if by.beginnings else []
    return [*words, *beginnings, *([] if by.words == asked else [text_query(asked)])]


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

WORDS = """
SELECT begin, array(
    SELECT DISTINCT word FROM books_text_words
    WHERE word >= begin AND word < until
    ORDER BY word LIMIT ?3
)
FROM unnest(?1::text[], ?2::text[]) AS asked (begin, until)"""


def _tier(count: int, first: int) -> str:
    """Return what tells the tier of a book, of so many, whose values are numbered from `first`."""
    cases = "\n        ".join(
        f"WHEN ts_match_vq(words, (SELECT ?{first + tier}::text::tsquery)) THEN {tier}"
        for tier in range(count)
    )
    return f"CASE\n        {cases}\n    END"


@lru_cache
def _in_tiers(count: int, conditions: tuple[str, ...]) -> str:
    found_by = _numbered(" AND ".join(conditions))
    first = 1 + found_by.count("?")
    return f"""
SELECT tier, book_id FROM (
    SELECT {_tier(count, first + 2)} AS tier, book_id FROM books_text
    WHERE {found_by}
) AS matching
WHERE tier > 0 OR tier = 0 AND book_id > ?{first}
ORDER BY tier, book_id LIMIT ?{first + 1}"""


def in_tiers(
    tiers: Sequence[Expression], within: Expression, by: By, after: int, limit: int
) -> Question:
    """Return what finds the first books of tiers, all at once.

    Args:
        tiers: which have no books in common.
        within: what all those books fit.
        by: what the index is asked for.
        after: which id those of the first tier come.
        limit: how many are wanted.
    """
    sql = _in_tiers(len(tiers), _conditions(within, by))
    return Question(sql, (*_given(within, by), after, limit, *map(text_query, tiers)))


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

    by: By
    """What the index is asked for, among all books."""
    cost_us: float
    """What is expected."""
    look_through: int = 0
    """So many books are looked at before, in order of id; 0 for none."""
    among: int = 0
    """Among about so many books the index is asked first; 0 for all at once."""
    by_among: By | None = None
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
    ways = indexed
    spans = ceil(frequencies.ids(looks) / (1 << SPAN_BITS)) + 1
    if spans <= SPANS_MAX:
        share = min(1.0, spans * (1 << SPAN_BITS) / frequencies.ids(frequencies.books))
        near = by_index(asked, frequencies, share)
        near_us = near.cost_us + share * frequencies.books * SPAN_US
        if near_us < indexed.cost_us:
            ways = Plan(indexed.by, near_us, among=int(looks), by_among=near.by)
    if looks * LOOK_US < ways.cost_us:
        affordable = int(ways.cost_us / LOOK_US)
        return ways._replace(cost_us=looks * LOOK_US, look_through=affordable)
    return ways


def surely(limit: int) -> float:
    """Return among how many expected books there are so many, nearly always."""
    return limit + 2 * sqrt(limit) + 1


def by_index(asked: Expression, frequencies: Frequencies, among: float = 1.0) -> Plan:
    """Return what the index is asked for, to find books in whatever order.

    Args:
        asked: what they have to fit.
        frequencies: of terms.
        among: the share of the books that it is asked for.
    """
    if frequencies.books < SMALL_BOOKS:
        return Plan(By(asked), 0.0)
    fetch_us = FETCH_US if among == 1 else FETCH_NEAR_US

    def price(way: _Way) -> float:
        return way.gather_us(frequencies, among) + frequencies.count(way.asked) * among * fetch_us

    def with_it(way: _Way) -> float:
        passed = frequencies.count(way.asked) * among
        skip_us = way.skip_us * rows + min(PASS_US * passed, PASS_US_MAX * rows)
        adding_us = min(way.gather_us(frequencies, among), skip_us)
        return adding_us + rows * frequencies.share(way.asked) * fetch_us

    parts = sorted(map(_ways, _parts(asked)), key=lambda ways: min(map(price, ways)))
    first = min(parts[0], key=price)
    rows = frequencies.count(first.asked) * among
    chosen, cost_us = [first], price(first)
    for ways in parts[1:]:
        way = min(ways, key=with_it)
        more_us = with_it(way) - rows * fetch_us
        if more_us < 0:
            chosen.append(way)
            cost_us += more_us
            rows *= frequencies.share(way.asked)
    words = [way.asked for way in chosen if not way.beginning]
    beginnings = tuple(way.beginning for way in chosen if way.beginning)
    if len(words) == len(parts) and _is_plain(asked):
        return Plan(By(asked), cost_us)
    return Plan(By(every(*words) if words else None, beginnings), cost_us)


def are_many(asked: Expression, frequencies: Frequencies, limit: int, cost_us: float) -> bool:
    """Tell whether more books than so many are taken to fit, without looking for them."""
    expected = frequencies.count(asked)
    large = frequencies.books >= SMALL_BOOKS
    costly = cost_us > COUNTED_US_MAX and expected > limit
    return large and (costly or expected > MANY_FACTOR * limit)


class _Way(NamedTuple):
    """How the index may be asked for a part of a question, or for what all its books have."""

    asked: Expression
    beginning: str = ""
    """That the index has a list for; else it is asked for terms."""

    def gather_us(self, frequencies: Frequencies, among: float) -> float:
        """Return what it takes to gather what fits, among a share of the books."""
        if self.beginning:
            return frequencies.count(self.asked) * among * GATHER_US
        return _gather_us(self.asked, frequencies, among)

    @property
    def skip_us(self) -> float:
        """Return what it takes to look a book up that was gathered already."""
        return SKIP_US if self.beginning else _skip_us(self.asked)


def _ways(part: Expression) -> Sequence[_Way]:
    """Return how the index may be asked for a part."""
    ways = [_Way(part)]
    match part:
        case Term(text, True, spelt):
            if spelt:
                ways.append(_Way(Term(text, more=True)))
            where, letters_min = BEGINNINGS.get(text[0], ("", len(text)))
            if len(text) > letters_min:
                beginning = where + text[1 : 1 + LISTED_LETTERS_MAX]
                ways.append(_Way(Term(beginning, more=True), beginning))
    return ways


def _gather_us(part: Expression, frequencies: Frequencies, among: float) -> float:
    match part:
        case Term(_text, True, ()):
            return frequencies.count(part) * GATHER_BEGINNING_US
        case Term(_text, _more, spelt):
            return frequencies.count(part) * among * (GATHER_US + GATHER_MORE_US * len(spelt))
        case All(parts) | Either(parts):
            return sum(_gather_us(one, frequencies, among) for one in parts)
        case But(wanted, _unwanted):
            return _gather_us(wanted, frequencies, among)


def _skip_us(part: Expression) -> float:
    match part:
        case Term(_text, True, ()):
            return float("inf")
        case Term(_text, _more, spelt):
            return SKIP_US + GATHER_MORE_US * len(spelt)
        case All(parts) | Either(parts):
            return sum(map(_skip_us, parts))
        case But(wanted, _unwanted):
            return _skip_us(wanted)


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


def index_query(asked: Expression) -> str:
    """Return an expression as the index is asked for it: terms that are spelt out, one by one."""
    match asked:
        case Term(_text, True, (_, *_) as spelt):
            return f"({' | '.join(map(_quoted, spelt))})"
        case Term():
            return text_query(asked)
        case All(parts):
            return f"({' & '.join(map(index_query, parts))})"
        case Either(parts):
            return f"({' | '.join(map(index_query, parts))})"
        case But(wanted, unwanted):
            return f"({index_query(wanted)} & !{index_query(unwanted)})"


def _quoted(term: str) -> str:
    return f"'{term}'"
