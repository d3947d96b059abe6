"""What is looked for, as the index of SQLite is asked for it, and finds it."""

import apsw
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bazar.catalog.app import SCHEMA
from bazar.catalog.expressions import All, But, Either, Term
from bazar.catalog.searching import search
from bazar.catalog.store.sqlite_search import match_expression
from bazar.catalog.words import terms
from bazar.kit.data.migrate import steps
from support.stored_books import book

FOUND = "SELECT rowid FROM books_text WHERE books_text MATCH ?"


@pytest.mark.parametrize(
    ("asked", "expression"),
    [
        (Term("ax"), '"ax"'),
        (Term("ax", more=True), '"ax"*'),
        (Term("ax", more=True, spelt=("axe", "axis")), '("axe" OR "axis")'),
        (All((Term("ax"), Term("ay"))), '("ax" AND "ay")'),
        (But(Either((Term("ax"), Term("ay"))), Term("tx")), '(("ax" OR "ay") NOT "tx")'),
    ],
)
def test_terms_are_quoted(asked: Term | All | But, expression: str) -> None:
    """So that no word is syntax."""
    assert expression == match_expression(asked)


@pytest.fixture(scope="module")
def index() -> apsw.Connection:
    """Return the catalog's index, with one book."""
    connection = apsw.Connection(":memory:")
    for _number, _name, sql in steps(SCHEMA):
        connection.execute(sql).fetchall()
    _add(connection, 1, "The C book")
    return connection


def _add(connection: apsw.Connection, book_id: int, title: str) -> None:
    text = " ".join(terms(book(title, author="K & R")))
    connection.execute("INSERT INTO books_text (rowid, terms) VALUES (?, ?)", (book_id, text))


@given(
    text=st.one_of(
        st.text(max_size=60),
        st.text(alphabet="\"'*^-+(){}:,.\\ ABNORTDEabnort\0\n", max_size=60),
    )
)
@example(text="NEAR(a b, 3)")
@example(text='"')
@example(text="\0")
@settings(max_examples=150, deadline=None)
def test_every_title_is_found_by_itself(index: apsw.Connection, text: str) -> None:
    """By its own words in any tier; no word changes what another means, or is too much."""
    asked = search(text, None)
    if asked is None:
        return
    with index:
        _add(index, 2, text)
        for expression in (asked.anywhere, asked.tiers()[0]):
            assert (2,) in index.execute(FOUND, (match_expression(expression),)).fetchall()
        found = [
            {row[0] for row in index.execute(FOUND, (match_expression(tier),))}
            for tier in asked.tiers()
        ]
        whole = {row[0] for row in index.execute(FOUND, (match_expression(asked.anywhere),))}
        assert sorted(whole) == sorted(book_id for tier in found for book_id in tier)
        index.execute("DELETE FROM books_text WHERE rowid = 2")
