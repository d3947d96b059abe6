"""Terms of books on SQLite: the index is read in order of id, and no further than a page needs.

How it works: FTS5 keeps a list of books for each term, and one for the first letters of terms, up
to four. Of those it reads what it needs. For a longer beginning it would gather the lists of all
terms that begin so, before it returns one. So such a beginning is spelt out: as any of the words
that begin so, which the catalog knows.

Source: sqlite.org/fts5.html, sections 3 and 4.2
"""

from collections.abc import Iterable, Iterator

from msgspec.json import encode

from bazar.catalog.domain import StoredBook
from bazar.catalog.expressions import All, But, Either, Expression, Term
from bazar.catalog.words import ANYWHERE, terms
from bazar.kit.data.database import Row, Transaction, made

LETTERS_MAX = 5
"""Of the longest beginnings of terms that the index has lists for; the first one is no letter."""
WORDS_MAX = 200
"""That begin so; where there are more, the index gathers them."""

FOUND = """
SELECT rowid FROM books_text
WHERE books_text MATCH ?1 AND rowid > ?2 AND rowid <= ?3
ORDER BY rowid LIMIT ?4"""

ADD_TERMS = """
INSERT INTO books_text (rowid, terms)
VALUES (?1, ?2)"""

ADD_WORDS = """
INSERT INTO books_text_words (word)
SELECT value FROM json_each(?1) WHERE TRUE
ON CONFLICT (word) DO NOTHING"""

WORDS = """
SELECT word FROM books_text_words
WHERE word >= ?1 AND word < ?2
LIMIT ?3"""


async def add_terms(transaction: Transaction, books: Iterable[tuple[int, StoredBook]]) -> None:
    """Have books be found by their terms, each by its id; those that are retired by none."""
    rows: list[Row] = []
    words: set[str] = set()
    for book_id, book in books:
        if book.retired_at_ms is None:
            found = terms(book)
            rows.append((book_id, " ".join(found)))
            words.update(long_words(found))
    await transaction.run_many(ADD_TERMS, rows)
    await transaction.run(ADD_WORDS, encode(sorted(words)).decode())


def long_words(found: Iterable[str]) -> Iterator[str]:
    """Return those words of terms that have longer beginnings than the index has lists for."""
    return (one[1:] for one in found if one[0] == ANYWHERE and len(one) > LETTERS_MAX)


async def words_beginning(
    transaction: Transaction, beginnings: Iterable[str]
) -> dict[str, tuple[str, ...]]:
    """Return the words that begin so, of those longer beginnings that few words have."""
    found: dict[str, tuple[str, ...]] = {}
    for begin in beginnings:
        if len(begin) >= LETTERS_MAX:
            rows = await transaction.all(WORDS, begin, f"{begin}\U0010ffff", WORDS_MAX + 1)
            if len(rows) <= WORDS_MAX:
                found[begin] = tuple(made(str, row) for row in rows)
    return found


def match_expression(asked: Expression) -> str:
    """Return an expression in the words of FTS5: every term is quoted, so that none is syntax."""
    match asked:
        case Term(_text, True, (_, *_) as spelt):
            return f"({' OR '.join(map(_quoted, spelt))})"
        case Term(text, more):
            return f"{_quoted(text)}*" if more else _quoted(text)
        case All(parts):
            return f"({' AND '.join(map(match_expression, parts))})"
        case Either(parts):
            return f"({' OR '.join(map(match_expression, parts))})"
        case But(wanted, unwanted):
            return f"({match_expression(wanted)} NOT {match_expression(unwanted)})"


def _quoted(term: str) -> str:
    return f'"{term}"'
