"""How SQLite goes about every statement of the two stores: none reads more than it has to.

A statement that reads a table from end to end, or a large part of it, is quick as long as the
shop is small. So each stands here with how it reaches its rows, and a new one fails until it does.
"""

import re
from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules

import apsw
import msgspec
import pytest

from bazar.catalog.app import SCHEMA as CATALOG_SCHEMA
from bazar.catalog.store import NO_YEAR
from bazar.kit.data.migrate import steps
from bazar.order.app import SCHEMA as ORDER_SCHEMA

SCHEMAS = {"catalog": CATALOG_SCHEMA, "order": ORDER_SCHEMA}
STATEMENTS = {
    (service, name): value
    for service in SCHEMAS
    for module in iter_modules(import_module(f"bazar.{service}.store").__path__)
    if not module.name.startswith("postgres")
    for name, value in vars(import_module(f"bazar.{service}.store.{module.name}")).items()
    if isinstance(value, str) and value.startswith("\n")
}

BOOK = "SEARCH books USING INTEGER PRIMARY KEY (rowid=?)"
ORDER = "SEARCH orders USING INDEX sqlite_autoindex_orders_1 (order_id=?)"
PLACE = "SEARCH orders USING COVERING INDEX sqlite_autoindex_orders_1 (order_id=?)"
"""Of the order after which a page comes."""
WISH = "SEARCH wishes USING INTEGER PRIMARY KEY (rowid=?)"
LINES_OR_NONE = "SEARCH order_lines USING PRIMARY KEY (order_id=?) LEFT-JOIN"
BUYER_OR_NONE = "SEARCH buyers USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN"
GIVEN = "SCAN json_each VIRTUAL TABLE INDEX 1:"
WORDS = "SCAN books_text VIRTUAL TABLE INDEX 64:M1><"
OF_ORDER = "movements_by_order"
PRICES = "SEARCH books USING COVERING INDEX books_by_price (price_minor>? AND price_minor<?)"
BY_AGE = "SEARCH books USING COVERING INDEX books_by_age (added_at_ms<?)"
BY_TITLE = "SEARCH books USING COVERING INDEX books_by_title_key (title_key>?)"
BY_NAME = "SEARCH books USING INDEX books_by_name (<expr>=? AND <expr>=?)"
"""Of the books without an ISBN."""
PAGE_OF_SET = ("SCAN listed VIRTUAL TABLE INDEX 1:", BOOK, BOOK)
"""Of a set of at most some thousand books."""
PLANS: dict[tuple[str, str], Sequence[str]] = {
    ("catalog", "ADD_BOOK"): (),
    ("catalog", "ADD_BOOK_WITH_ID"): (),
    ("catalog", "_ALL_AFTER"): ("SEARCH books USING INTEGER PRIMARY KEY (rowid>?)",),
    ("catalog", "_BOOK"): (BOOK,),
    ("catalog", "_BOOKS"): (GIVEN, BOOK),
    ("catalog", "_BOOKS_AFTER"): ("SEARCH books USING INDEX books_by_id (book_id>?)",),
    ("catalog", "_BOOKS_OF_TOPIC_AFTER"): (
        "SEARCH books USING INDEX books_by_topic (topic_key=? AND book_id>?)",
    ),
    ("catalog", "_BOOK_BY_ISBN"): ("SEARCH books USING INDEX sqlite_autoindex_books_1 (isbn=?)",),
    ("catalog", "_KNOWN_BY"): (
        GIVEN,
        "SEARCH books USING COVERING INDEX sqlite_autoindex_books_1 (isbn=?)",
        "SEARCH made_by_rows USING PRIMARY KEY (import_id=? AND row=?)",
        BY_NAME,
        BY_NAME,
    ),
    ("catalog", "_COUNTED_BOOKS"): (
        "SCAN given VIRTUAL TABLE INDEX 1:",
        BOOK,
        "SEARCH counts USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN",
    ),
    ("catalog", "_ADJUST"): (BOOK,),
    ("catalog", "_NOTE_ADJUSTED"): (),
    ("catalog", "_NOTE_RECEIVED"): (),
    ("catalog", "_EDITS_AFTER"): ("SEARCH books USING INDEX books_by_id (book_id>?)",),
    ("catalog", "_EDIT_BOOK"): (BOOK,),
    ("catalog", "_INSERT_MOVEMENT"): (),
    ("catalog", "_INSERT_SALES"): (GIVEN,),
    ("catalog", "_MOVEMENTS_AFTER"): ("SEARCH movements USING INTEGER PRIMARY KEY (rowid>?)",),
    ("catalog", "_MOVE_STOCK"): (BOOK,),
    ("catalog", "_OUTCOME"): ("SEARCH reservations USING PRIMARY KEY (order_id=?)",),
    ("catalog", "_OUTCOMES"): (GIVEN, "SEARCH reservations USING PRIMARY KEY (order_id=?)"),
    ("catalog", "_OUTCOMES_AFTER"): ("SEARCH reservations USING PRIMARY KEY (order_id>?)",),
    ("catalog", "_ADD_OUTCOME"): (),
    ("catalog", "_INSERT_OUTCOME"): (),
    ("catalog", "_SAVE_OUTCOME"): ("SEARCH reservations USING PRIMARY KEY (order_id=?)",),
    ("catalog", "_SELL"): (BOOK,),
    ("catalog", "_TITLES_BY_TOPIC"): (
        "SEARCH books USING COVERING INDEX books_by_topic (topic_key=?)",
    ),
    ("order", "_ADD_EVENT"): (),
    ("order", "_ADD_LETTER"): (),
    ("order", "_EVENTS"): ("SEARCH order_events USING INDEX order_events_by_order (order_id=?)",),
    ("order", "_COUNT_LETTERS"): ("SEARCH outbox USING COVERING INDEX outbox_left (state=?)",),
    ("order", "_FORGET_DROPPED"): (
        "SEARCH outbox USING INDEX sqlite_autoindex_outbox_1 (order_id=? AND kind=?)",
    ),
    ("order", "_NEXT_PLACE"): ("SEARCH orders",),
    ("order", "_LETTERS_AFTER"): (
        "SEARCH outbox USING INDEX outbox_left (state=? AND letter_id>?)",
    ),
    ("order", "_NOTE_LETTER"): ("SEARCH outbox USING INTEGER PRIMARY KEY (rowid=?)",),
    ("order", "_TRY_LETTER"): ("SEARCH outbox USING INTEGER PRIMARY KEY (rowid=?)",),
    ("order", "_BY_ID"): (ORDER, BUYER_OR_NONE, LINES_OR_NONE),
    ("order", "_BY_KEY"): (
        "SEARCH orders USING INDEX sqlite_autoindex_orders_2 (idempotency_key=?)",
        BUYER_OR_NONE,
        LINES_OR_NONE,
    ),
    ("order", "_CLOSE_BUYER"): (
        "SEARCH buyers USING INTEGER PRIMARY KEY (rowid=?)",
        PLACE,
    ),
    ("order", "_CONFIRM"): (ORDER,),
    ("order", "_COUNT_OPEN"): (
        "SEARCH buyers USING COVERING INDEX buyers_with_open (email_key=?)",
    ),
    ("order", "_INSERT"): (),
    ("order", "_INSERT_BUYER"): (PLACE,),
    ("order", "_INSERT_LINE"): (),
    # What no index helps with is looked at row by row, until the page is full.
    ("order", "_NEWEST"): (
        "SEARCH orders USING INTEGER PRIMARY KEY (rowid<?)",
        PLACE,
        BUYER_OR_NONE,
        LINES_OR_NONE,
    ),
    ("order", "_NEWEST_AT_STEP"): (
        "SEARCH orders USING INDEX orders_by_progress (progress=? AND sequence<?)",
        PLACE,
        BUYER_OR_NONE,
        LINES_OR_NONE,
    ),
    ("order", "_NEWEST_OF_PENDING"): (
        "SEARCH orders USING INDEX orders_unsettled (sequence<?)",
        PLACE,
        BUYER_OR_NONE,
        LINES_OR_NONE,
    ),
    ("order", "_NEWEST_OF_STATUS"): (
        "SEARCH orders USING INDEX orders_by_status (status=? AND sequence<?)",
        PLACE,
        BUYER_OR_NONE,
        LINES_OR_NONE,
    ),
    # The ids are read from end to end, only for what may be a reference.
    ("order", "_NEWEST_SOUGHT"): (
        "SEARCH orders USING INTEGER PRIMARY KEY (rowid=?)",
        PLACE,
        "SEARCH orders USING COVERING INDEX sqlite_autoindex_orders_1 (order_id>? AND order_id<?)",
        "SEARCH buyers USING COVERING INDEX buyers_by_email (email_key=?)",
        "SEARCH buyers USING COVERING INDEX buyers_by_name (name_key>? AND name_key<?)",
        PLACE,
        BUYER_OR_NONE,
        LINES_OR_NONE,
    ),
    ("order", "_PAGE"): (
        "SEARCH orders USING INTEGER PRIMARY KEY (rowid>?)",
        PLACE,
        BUYER_OR_NONE,
        LINES_OR_NONE,
    ),
    ("order", "_PAGE_BY_ID"): (
        "SEARCH orders USING INDEX sqlite_autoindex_orders_1 (order_id>?)",
        BUYER_OR_NONE,
        LINES_OR_NONE,
    ),
    ("order", "_PAGE_OF_PENDING"): (
        "SEARCH orders USING INDEX orders_unsettled (sequence>?)",
        PLACE,
        BUYER_OR_NONE,
        LINES_OR_NONE,
    ),
    ("order", "_PAGE_OF_STATUS"): (
        "SEARCH orders USING INDEX orders_by_status (status=? AND sequence>?)",
        PLACE,
        BUYER_OR_NONE,
        LINES_OR_NONE,
    ),
    ("order", "_SELL_LINE"): (
        "SEARCH order_lines USING PRIMARY KEY (order_id=? AND line_number=?)",
    ),
    ("order", "_UNSETTLED_AFTER"): (
        "SEARCH orders USING INDEX orders_unsettled (sequence>? AND sequence<?)",
        PLACE,
        BUYER_OR_NONE,
        LINES_OR_NONE,
    ),
    ("order", "_UPDATE"): (ORDER,),
    ("order", "_WITH_STATUS"): (ORDER,),
    ("order", "_ADD_LETTER_OF_WISH"): (),
    ("order", "_ADD_WISH"): (),
    ("order", "_COUNT_WISHES_OF"): (
        "SEARCH wishes USING COVERING INDEX sqlite_autoindex_wishes_1 (email_key=?)",
    ),
    ("order", "_END_WISH"): (WISH,),
    ("order", "_END_WISHES_BEFORE"): (
        WISH,
        "SEARCH wishes USING COVERING INDEX wishes_by_age (asked_at_ms<?)",
    ),
    ("order", "_FORGET_DROPPED_OF_WISH"): (
        "SEARCH outbox USING INDEX sqlite_autoindex_outbox_2 (wish_id=?)",
    ),
    ("order", "_NOTE_WISH"): (WISH,),
    ("order", "_STOP_WISHES"): ("SEARCH wishes USING INDEX wishes_by_stop_key (stop_key=?)",),
    ("order", "_WANTED_BOOKS"): ("SEARCH wishes USING COVERING INDEX wishes_open (book_id>?)",),
    ("order", "_WISH"): (WISH,),
    ("order", "_WISHES_FOR"): ("SEARCH wishes USING COVERING INDEX wishes_open (book_id=?)",),
    ("order", "_WISH_FOR"): (
        "SEARCH wishes USING INDEX sqlite_autoindex_wishes_1 (email_key=? AND book_id=?)",
    ),
    ("catalog", "_COUNT_DECISIONS"): (
        "SEARCH reservations USING PRIMARY KEY (order_id>? AND order_id<?)",
    ),
    ("catalog", "_DECISION_AT"): ("SEARCH reservations USING PRIMARY KEY (order_id>?)",),
    ("catalog", "_IMPORT_ID"): (
        "SCAN CONSTANT ROW",
        "SEARCH imports USING COVERING INDEX sqlite_autoindex_imports_1 (file_key=?)",
        "SEARCH imports",
    ),
    ("catalog", "_KEPT_DECISION"): ("SEARCH reservations USING PRIMARY KEY (order_id=?)",),
    ("catalog", "_KEPT_DECISIONS"): ("SEARCH reservations USING PRIMARY KEY (order_id>?)",),
    ("catalog", "_LAST_BOOK"): ("SEARCH books USING INTEGER PRIMARY KEY (rowid=?)", "SEARCH books"),
    ("catalog", "_LAST_DECISION"): ("SEARCH reservations USING PRIMARY KEY",),
    ("catalog", "_LAST_ORDER_OF_LEDGER"): (
        "SEARCH movements USING COVERING INDEX movements_by_order (order_id>?)",
    ),
    ("catalog", "_LEDGER_AT"): ("SEARCH movements USING INTEGER PRIMARY KEY (rowid>?)",),
    ("catalog", "_LEDGER_SUMS"): (
        "SEARCH movements USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
    ),
    ("catalog", "_ORDER_OF_LEDGER_AT"): (
        "SEARCH movements USING COVERING INDEX movements_by_order (order_id>?)",
    ),
    ("catalog", "_RESERVATION_DIFFERENCES"): (
        "SEARCH reservations USING PRIMARY KEY (order_id>? AND order_id<?)",
        "SCAN line VIRTUAL TABLE INDEX 3:",
        "SEARCH movements USING COVERING INDEX movements_by_order (order_id>? AND order_id<?)",
    ),
    ("catalog", "_SAVE_SEEN"): (),
    ("catalog", "_SAVE_IMPORT"): (),
    ("catalog", "_STOCKS_AFTER"): ("SEARCH books USING INTEGER PRIMARY KEY (rowid>?)",),
    ("order", "_KEPT_ORDER"): (
        "SEARCH orders USING INDEX sqlite_autoindex_orders_1 (order_id=?)",
        LINES_OR_NONE,
    ),
    ("order", "_KEPT_ORDERS"): (
        "SEARCH orders USING INDEX sqlite_autoindex_orders_1 (order_id>?)",
        LINES_OR_NONE,
    ),
    # All pages together read each order once; a page by itself may read many.
    ("order", "_KEPT_UNSETTLED"): (
        "SEARCH orders USING INDEX sqlite_autoindex_orders_1 (order_id>?)",
        LINES_OR_NONE,
    ),
    ("order", "_LAST_ORDER_ID"): ("SEARCH orders USING COVERING INDEX sqlite_autoindex_orders_1",),
    ("catalog", "_FORGET_WRITES"): (
        "SEARCH keyed_writes USING INTEGER PRIMARY KEY (rowid<?)",
        "SEARCH keyed_writes",
    ),
    ("catalog", "_KEEP_WRITE"): (),
    ("catalog", "_KEPT_WRITE"): (
        "SEARCH keyed_writes USING INDEX sqlite_autoindex_keyed_writes_1 (key=?)",
    ),
    ("catalog", "_SAVE_MADE_BY"): (),
    ("catalog", "_SAVE_COUNT"): ("SCAN CONSTANT ROW", "SEARCH imports", "SEARCH imports"),
    ("catalog", "_MOVEMENTS_OF_BOOK"): (
        "SEARCH movements USING INDEX movements_by_book (book_id=? AND movement_id<?)",
    ),
    ("catalog", "_STOCK_BEFORE"): (
        BOOK,
        "SEARCH movements USING COVERING INDEX movements_by_book (book_id=? AND movement_id>?)",
    ),
    ("catalog", "_SHOP"): ("SEARCH shop USING INTEGER PRIMARY KEY (rowid=?)",),
    ("catalog", "_SAVE_SHOP"): (),
    ("catalog", "_UNFOLDED"): ("SEARCH unfolded USING INTEGER PRIMARY KEY (rowid=?)",),
    ("catalog", "_SAVE_UNFOLDED"): ("SEARCH unfolded USING INTEGER PRIMARY KEY (rowid=?)",),
    ("catalog", "_ALL_FOLDED"): ("SEARCH unfolded USING INTEGER PRIMARY KEY (rowid=?)",),
    ("catalog", "_BOOKS_BETWEEN"): (
        "SEARCH books USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
    ),
    ("catalog", "ADD_TERMS"): (),
    ("catalog", "_FORGET_TERMS"): ("SCAN books_text VIRTUAL TABLE INDEX 0:=",),
    ("catalog", "FOUND"): (WORDS,),
    ("catalog", "WORDS"): ("SEARCH books_text_words USING PRIMARY KEY (word>? AND word<?)",),
    ("catalog", "ADD_WORDS"): (GIVEN,),
    ("catalog", "_HEADS"): (GIVEN, BOOK),
    ("catalog", "_SHOWN"): (GIVEN, BOOK),
    ("catalog", "_TOPIC_IS_THERE"): (
        "SEARCH books USING COVERING INDEX books_by_topic (topic_key=?)",
    ),
    ("catalog", "_TOPIC_OF_LETTERS"): ("SEARCH topics USING INDEX topics_by_letters (<expr>=?)",),
    ("catalog", "_SAVE_KEYS"): (BOOK,),
    # What these pass over they do not look up: the index says enough of it.
    ("catalog", "_ALL_BY_AGE"): (
        "SEARCH books USING COVERING INDEX books_by_age (added_at_ms<?)",
        BOOK,
    ),
    ("catalog", "_ALL_BY_ID"): ("SEARCH books USING COVERING INDEX books_by_id (book_id>?)", BOOK),
    ("catalog", "_ALL_BY_PRICE"): (
        PRICES,
        BOOK,
    ),
    ("catalog", "_ALL_BY_PRICE_DOWN"): (
        PRICES,
        BOOK,
    ),
    ("catalog", "_ALL_BY_TITLE"): (
        "SEARCH books USING COVERING INDEX books_by_title_key (title_key>?)",
        BOOK,
    ),
    ("catalog", "_TOPICS_OF_ALL"): (
        "SCAN books USING COVERING INDEX books_by_id",
        "SEARCH gone USING COVERING INDEX books_scarce (stock=? AND book_id=?)",
        BOOK,
    ),
    ("catalog", "_SET_BY_AGE"): PAGE_OF_SET,
    ("catalog", "_SET_BY_PRICE"): PAGE_OF_SET,
    ("catalog", "_SET_BY_PRICE_DOWN"): PAGE_OF_SET,
    ("catalog", "_SET_BY_RANK"): PAGE_OF_SET,
    ("catalog", "_SET_BY_TITLE"): PAGE_OF_SET,
    ("catalog", "_TOPICS_OF_SET"): PAGE_OF_SET[:2],
    ("catalog", "_BOUGHT"): (
        "SEARCH sold USING INTEGER PRIMARY KEY (rowid>?)",
        "SEARCH movements",
        f"SEARCH back USING COVERING INDEX {OF_ORDER} (order_id=? AND book_id=? AND copies>?)",
    ),
    ("catalog", "_BY_AUTHOR"): (
        "SEARCH books USING COVERING INDEX books_by_author (author_key=?)",
    ),
    ("catalog", "_LAST"): ("SEARCH books USING COVERING INDEX books_scarce (stock>? AND stock<?)",),
    # Of scarce books alone, which that index holds.
    ("catalog", "_LOW"): ("SCAN books USING COVERING INDEX books_scarce",),
    ("catalog", "_OUT"): ("SEARCH books USING COVERING INDEX books_scarce (stock=?)",),
    ("catalog", "_OF_TOPIC"): ("SEARCH books USING COVERING INDEX books_by_topic (topic_key=?)",),
    ("catalog", "_PRICED"): (PRICES,),
    ("catalog", "RETIRED"): ("SEARCH books USING COVERING INDEX books_retired (retired_at_ms>?)",),
    ("catalog", "_RETIRED_NAMED"): (
        "SEARCH books USING INDEX books_retired (retired_at_ms>?)",
        "SCAN json_each VIRTUAL TABLE INDEX 1:",
    ),
}
WHOLE = {("catalog", "_LEDGER_NUMBERS"), ("catalog", "_TOPICS"), ("order", "_COUNT_WISHES")}
"""What is asked of whole tables: how many rows the ledger has, and the topics and wishes, which are
few."""


@pytest.fixture(scope="module")
def databases() -> dict[str, apsw.Connection]:
    """Return a database of each service, with its tables and no row in them."""
    made = {service: apsw.Connection(":memory:") for service in SCHEMAS}
    for service, connection in made.items():
        for _number, _name, sql in steps(SCHEMAS[service]):
            connection.execute(sql).fetchall()
    return made


def plan(database: apsw.Connection, sql: str) -> list[str]:
    """Return how a statement reaches the rows of the tables that are stored."""
    values = [None] * len(set(re.findall(r"\?\d+", sql)))
    reached = [str(row[3]) for row in database.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    made_here = {*re.findall(r"(\w+) AS (?:MATERIALIZED )?\(", sql)}
    return [
        step
        for step in reached
        if step.startswith(("SCAN ", "SEARCH ")) and step.split()[1] not in made_here
    ]


@pytest.mark.parametrize(("service", "name"), sorted(STATEMENTS))
def test_every_statement_reaches_its_rows_as_it_should(
    databases: dict[str, apsw.Connection], service: str, name: str
) -> None:
    """By a key or an index that finds few rows; else it would stop everybody in a large shop."""
    if (service, name) not in WHOLE:
        assert list(PLANS[service, name]) == plan(databases[service], STATEMENTS[service, name])


def test_the_list_of_plans_has_no_others() -> None:
    """What is gone from the stores is gone from here."""
    assert STATEMENTS.keys() == PLANS.keys() | WHOLE


@pytest.mark.parametrize(("service", "name"), sorted(WHOLE))
def test_what_is_asked_of_whole_tables_is_no_more_than_that(
    databases: dict[str, apsw.Connection], service: str, name: str
) -> None:
    """It reads each row once: no row has another table read from end to end."""
    reached = plan(databases[service], STATEMENTS[service, name])
    tables = [step.split()[1] for step in reached if step.startswith("SCAN")]
    assert len(set(tables)) == len(tables)


FEW, MANY = 200, 4000
FILL = """
INSERT INTO books (isbn, title, author, year, topic, topic_key, description, price_minor, currency)
SELECT CASE value % 4 WHEN 0 THEN format('%013d', value) END,
    CASE WHEN value % 4 = 1 THEN 'Many' ELSE 'Title ' || value END,
    CASE WHEN value % 4 = 1 THEN 'Nobody' ELSE 'Author ' || (value % 40) END,
    CASE WHEN value % 4 < 3 THEN 1999 END, 't', 't', '', 1, 'USD'
FROM (SELECT ? AS value)"""
SOUGHT = [
    [1, None, "Many\nNobody", None, 1999],  # of which there are very many
    [2, None, "Many\nNobody", "Many\nnobody", NO_YEAR],
    [3, None, "Title 3\nAuthor 3", None, NO_YEAR],
    [4, None, "Not there\nAuthor 3", None, 1999],
    [5, "0000000000008", None, None, NO_YEAR],
    [6, "9780131103627", None, None, NO_YEAR],
]
STEPS_A_TICK = 10


def test_looking_up_rows_takes_no_longer_in_a_larger_shop() -> None:
    """Also where thousands have no ISBN, or one title; with statistics and without."""
    database = apsw.Connection(":memory:")
    for _number, _name, step in steps(CATALOG_SCHEMA):
        database.execute(step).fetchall()
    sql, rows = STATEMENTS["catalog", "_KNOWN_BY"], msgspec.json.encode(SOUGHT).decode()
    taken = []
    for first, last in ((1, FEW), (FEW + 1, MANY)):
        for number in range(first, last + 1):
            database.execute(FILL, [number])
        for statistics in ("SELECT 1", "ANALYZE"):
            database.execute(statistics).fetchall()
            ticks: list[None] = []

            def tick(ticks: list[None] = ticks) -> bool:
                ticks.append(None)
                return False

            database.set_progress_handler(tick, STEPS_A_TICK)
            assert [1, 3, 8] == sorted(
                key for row in database.execute(sql, [rows, 1]) for key in row if key is not None
            )
            database.set_progress_handler(None)
            taken.append(len(ticks))
    assert max(taken) < taken[0] + 10, taken
