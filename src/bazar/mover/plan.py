"""What is moved: the tables of each service in an order that references allow, and what differs.

A table or a column that only one of the two engines has is either named here or stops the move
before it begins, so that nothing is left behind because nobody thought of it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from bazar.catalog.app import POSTGRES_SCHEMA as CATALOG_POSTGRES
from bazar.catalog.app import SCHEMA as CATALOG_SQLITE
from bazar.catalog.domain import StoredBook
from bazar.catalog.store.shared import BOOK
from bazar.catalog.words import terms
from bazar.kit.data.database import Row, made
from bazar.order.app import POSTGRES_SCHEMA as ORDER_POSTGRES
from bazar.order.app import SCHEMA as ORDER_SQLITE

Layout = Mapping[str, frozenset[str]]
"""The columns of each table."""
PROOF = "proof"
"""The last step of a move; no table is called so."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose rows are moved as they are."""

    name: str
    key: tuple[str, ...]
    """By which its rows are moved, and compared."""
    own: frozenset[str] = frozenset()
    """Columns that only PostgreSQL has, and fills itself."""


@dataclass(frozen=True, slots=True)
class Made:
    """A table of PostgreSQL that is made from rows of another one, which has its key."""

    name: str
    key: tuple[str, ...]
    source: str
    columns: str
    """What it is made from, as SQLite selects it."""
    where: str
    """Which rows have their like in it."""
    make: Callable[[Row], Row]
    insert: str
    """A statement that takes each of its columns as an array."""


Step = Table | Made


@dataclass(frozen=True, slots=True)
class Service:
    """The database of a service, at both ends."""

    name: str
    sqlite_schema: str
    postgres_schema: str
    steps: tuple[Step, ...]
    """What refers to a table comes after it."""
    made: frozenset[str] = frozenset()
    """Tables that PostgreSQL fills itself, when others are filled."""
    left: tuple[str, ...] = ()
    """How the names of those tables begin that SQLite has for itself."""

    @property
    def tables(self) -> list[Table]:
        """Return those whose rows are moved as they are."""
        return [step for step in self.steps if isinstance(step, Table)]


def _words(row: Row) -> Row:
    """Return the id of a book, and its terms."""
    book = made(StoredBook, row)
    return book.book_id, " ".join(terms(book))


BOOKS_TEXT = Made(
    "books_text",
    ("book_id",),
    source="books",
    columns=BOOK,
    where="retired_at_ms IS NULL",
    make=_words,
    insert="""
INSERT INTO books_text (book_id, words)
SELECT book_id, array_to_tsvector(string_to_array(terms, ' '))
FROM unnest($1::bigint[], $2::text[]) AS made (book_id, terms)""",
)

CATALOG = Service(
    "catalog",
    CATALOG_SQLITE,
    CATALOG_POSTGRES,
    steps=(
        Table("shop", ("shop_id",)),
        Table("imports", ("import_id",)),
        Table("keyed_writes", ("write_id",)),
        Table("books", ("book_id",)),
        BOOKS_TEXT,
        Table("unfolded", ("unfolded_id",)),
        Table("counts", ("book_id",)),
        Table("made_by_rows", ("import_id", "row")),
        Table("movements", ("movement_id",), own=frozenset({"written_by"})),
        Table("reservations", ("order_id",)),
    ),
    made=frozenset({"topics", "topics_moved", "books_scarce", "books_text_words"}),
    left=("topics", "books_text"),
)

ORDER = Service(
    "order",
    ORDER_SQLITE,
    ORDER_POSTGRES,
    steps=(
        Table("orders", ("sequence",)),
        Table("order_lines", ("order_id", "line_number")),
        Table("buyers", ("sequence",)),
        Table("wishes", ("wish_id",)),
        Table("outbox", ("letter_id",)),
        Table("order_events", ("event_id",)),
    ),
)

SERVICES = (CATALOG, ORDER)
_BESIDE = frozenset({"schema_history", "move_state"})
"""Tables of both ends, or of the move."""


def unknown(service: Service, source: Layout, target: Layout) -> list[str]:
    """Return what of two layouts no rule is known for; nothing where all can be moved."""
    steps = {step.name for step in service.steps}
    moved = {table.name for table in service.tables}
    left = {name for name in source if name.startswith(service.left or ("\0",))}
    found = [
        *_tables("SQLite", set(source) - left - _BESIDE, moved),
        *_tables("PostgreSQL", set(target) - service.made - _BESIDE, steps),
    ]
    for table in service.tables:
        here, there = source.get(table.name), target.get(table.name)
        if here is not None and there is not None:
            found += _columns(f"only SQLite has {table.name}", here - there)
            found += _columns(f"only PostgreSQL has {table.name}", there - table.own - here)
            found += _columns(f"nobody has {table.name}", table.own - there)
            found += _columns(f"nobody has {table.name}", frozenset(table.key) - here)
    return sorted(found)


def _tables(engine: str, there: set[str], known: set[str]) -> list[str]:
    more = [f"{engine} has a table {name}" for name in there - known]
    return more + [f"{engine} has no table {name}" for name in known - there]


def _columns(what: str, columns: Iterable[str]) -> list[str]:
    return [f"{what}.{column}" for column in columns]
