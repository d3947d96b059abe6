"""Words that somebody looks for, as SQLite's full text search is asked for them."""

import apsw
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bazar.catalog.store.sqlite_lists import match_expression
from bazar.catalog.words import search_words


@pytest.mark.parametrize(
    ("words", "expression"),
    [
        ("hello", '"hello"*'),
        ("Hello  World", '"Hello"* "World"*'),
        ("c++ (2nd)", '"c"* "2nd"*'),
        ('say "hi"', '"say"* "hi"*'),
        ("a OR b", '"a"* "OR"* "b"*'),
        ("title:x", '"title"* "x"*'),
        ("don't", '"don"* "t"*'),
        ("", ""),
        ('"*^-()', ""),
    ],
)
def test_words_become_quoted_prefixes(words: str, expression: str) -> None:
    """Every word of letters and digits; what stands between them parts words."""
    assert expression == match_expression(search_words(words))


@pytest.fixture(scope="module")
def index() -> apsw.Connection:
    """Return an index like the catalog's."""
    connection = apsw.Connection(":memory:")
    connection.execute(
        "CREATE VIRTUAL TABLE books_text USING fts5 (title, author, "
        "tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3')"
    )
    connection.execute("INSERT INTO books_text VALUES ('The C book', 'K & R')")
    return connection


@given(
    words=st.one_of(
        st.text(max_size=60),
        st.text(alphabet="\"'*^-+(){}:,.\\ ABNORTDEabnort\0\n", max_size=60),
    )
)
@example(words="NEAR(a b, 3)")
@example(words='"')
@example(words="\0")
@settings(max_examples=200, deadline=None)
def test_words_are_never_syntax(index: apsw.Connection, words: str) -> None:
    """SQLite takes whatever comes out, and no word changes what another means."""
    expression = match_expression(search_words(words))
    if expression:
        sql = "SELECT rowid FROM books_text WHERE books_text MATCH ?"
        index.execute(sql, (expression,)).fetchall()
