"""Words of books on PostgreSQL: the same matches as on SQLite, scored by the same formula.

How it works: texts are taken apart by SQLite's own tokenizer, here, and kept as the lexemes of a
`tsvector`. Each field has its own range of positions, so that a match tells in which field it is.
What a search matches is scored by bm25 with a weight for each field. How rare a word is, and how
long texts are, is told by the first thousand books: in a larger shop that is an estimate.

Source: sqlite.org/fts5.html, section 5.1.1; postgresql.org/docs/current/datatype-textsearch.html
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from bazar.catalog.domain import StoredBook
from bazar.catalog.store import lists
from bazar.catalog.words import folded_arabic
from bazar.kit.data.full_text import Tokenizer

LEXEME_BYTES_MAX = 2000
"""A longer word is known by its beginning; PostgreSQL takes 2,046."""
FIELD_POSITIONS = 512
"""Of each field but the last; none of them has as many words."""
SAMPLE_BOOKS = 1000
_FIELDS = ("title", "subtitle", "author", "publisher", "topic", "description")
_WEIGHTS = (10, 4, 5, 2, 3, 1)
"""Of the fields, as on SQLite."""
_SATURATION, _LENGTH_PART = 1.2, 0.75
"""The constants k1 and b of bm25."""
_POSITION_MAX = 16383

_tokens = Tokenizer()


class Asked(NamedTuple):
    """What a search asks for, as the statements take it."""

    query: str
    """That a book has to match."""
    terms: list[str]
    """Beginnings of words, by which it is scored."""
    queries: list[str]
    """What finds each of them."""


def indexed(book: StoredBook) -> tuple[str, int]:
    """Return the words of a book as a `tsvector` reads them, and how many there are."""
    positions: dict[str, list[int]] = {}
    length = 0
    for number, field in enumerate(_FIELDS):
        words = _words(getattr(book, field))
        length += len(words)
        for position, word in enumerate(words, number * FIELD_POSITIONS + 1):
            positions.setdefault(word, []).append(min(position, _POSITION_MAX))
    lexemes = (f"{_quoted(word)}:{','.join(map(str, at))}" for word, at in positions.items())
    return " ".join(lexemes), length


def asked(words: Sequence[str]) -> Asked | None:
    """Return what is asked for with some words, each a beginning; None where nothing is."""
    terms, queries = [], []
    for word in words:
        if parts := _words(word):
            quoted = [_quoted(part) for part in parts]
            terms.append(parts[-1])
            queries.append(" <-> ".join(quoted) + ":*")
    if not terms:
        return None
    return Asked(" & ".join(f"({query})" for query in queries), terms, queries)


def _words(text: str) -> list[str]:
    return [_cut(word) for word in _tokens(folded_arabic(text))]


def _cut(word: str) -> str:
    return word.encode()[:LEXEME_BYTES_MAX].decode(errors="ignore")


def _quoted(lexeme: str) -> str:
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"


def values(asked: Asked, topic: str | None) -> list[str | int]:
    """Return the values of a statement that `scored` begins.

    Args:
        asked: for.
        topic: the key of the one to look in, or None.
    """
    given: list[str | int] = [asked.query, lists.MATCHES_MAX, *asked.terms, *asked.queries]
    return given if topic is None else [*given, topic]


@lru_cache(maxsize=64)
def scored(terms: int, *, topic: bool) -> str:
    """Return the beginning of a statement: what is found stands in `scored`, each with its score.

    Args:
        terms: how many beginnings of words are asked for.
        topic: whether only the books of one are.
    """
    numbers = range(1, terms + 1)
    term, query = [f"?{n + 2}::text" for n in numbers], [f"?{n + terms + 2}::text" for n in numbers]
    hits = "".join(
        f", count(*) FILTER (WHERE words @@ {query[n - 1]}::tsquery)::float8 AS hits{n}"
        for n in numbers
    )
    rare = "".join(
        f", CASE WHEN books <= 2 * hits{n} THEN 1e-6 "
        f"ELSE ln((books - hits{n} + 0.5) / (hits{n} + 0.5)) END AS rare{n}"
        for n in numbers
    )
    counts = ", ".join(
        f"coalesce(sum(weight) FILTER (WHERE lexeme ^@ {term[n - 1]}), 0)::float8 AS count{n}"
        for n in numbers
    )
    any_term = " OR ".join(f"lexeme ^@ {one}" for one in term)
    score = " + ".join(
        f"rare{n} * count{n} * {_SATURATION + 1} / (count{n} + long)" for n in numbers
    )
    of_topic = f"""
        AND book_id IN (
            SELECT book_id FROM books
            WHERE topic_key = ?{2 * terms + 3} AND retired_at_ms IS NULL
        )"""
    weights = ", ".join(map(str, _WEIGHTS))
    return f"""
WITH sample AS MATERIALIZED (
    SELECT words, length FROM books_text
    ORDER BY book_id LIMIT {SAMPLE_BOOKS}
), known AS MATERIALIZED (
    SELECT count(*)::float8 AS books, avg(length)::float8 AS mean{hits} FROM sample
), weighed AS MATERIALIZED (
    SELECT mean{rare} FROM known
), found AS MATERIALIZED (
    SELECT book_id, words, length FROM books_text
    WHERE words @@ ?1::text::tsquery{of_topic if topic else ""}
    ORDER BY book_id + 0 LIMIT ?2
), counted AS (
    SELECT book_id,
        {_SATURATION} * ({1 - _LENGTH_PART} + {_LENGTH_PART} * length / mean)::float8 AS long,
        weighed.*, counts.*
    FROM found CROSS JOIN weighed CROSS JOIN LATERAL (
        SELECT {counts}
        FROM (
            SELECT lexeme,
                (ARRAY[{weights}])[least((position - 1) / {FIELD_POSITIONS}, 5) + 1] AS weight
            FROM unnest(words) AS word (lexeme, positions, weights), unnest(positions) AS position
            WHERE {any_term}
        ) AS matched
    ) AS counts
), scored AS (
    SELECT (-({score}))::float8 AS score, book_id AS found_id FROM counted
)"""
