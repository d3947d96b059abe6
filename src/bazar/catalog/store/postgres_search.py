"""Terms of books on PostgreSQL: the same matches as on SQLite, whatever the plan.

How it works: the terms of a book are the lexemes of a `tsvector`, in a table of their own, so that
no sale writes them. An index gives the books that have a term; but it gathers all of them before
it returns one.

Source: postgresql.org/docs/current/datatype-textsearch.html
"""

from bazar.catalog.expressions import All, But, Either, Expression, Term

# The sum has the index of the terms used, and not that of the ids.
FOUND = """
SELECT book_id FROM books_text
WHERE words @@ ?1::text::tsquery AND book_id > ?2 AND book_id <= ?3
ORDER BY book_id + 0 LIMIT ?4"""


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
