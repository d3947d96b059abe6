"""How PostgreSQL goes about every statement of the orders' store: through which indexes.

On a small shop it may well read whole tables, so it is asked not to: what it reads whole then
has no index that helps, and would be slow in a large one.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bazar.kit.data.database import Database, Transaction, Value
from bazar.order.app import POSTGRES_SCHEMA
from bazar.order.store import newest, postgres, shared, wishes
from support.engines import POSTGRES, with_tables

Values = tuple[Value, ...]

ORDER, LINES, BUYER = "orders_one_row_an_order", "order_lines_pkey", "buyers_pkey"
WHOLE = frozenset({ORDER, LINES, BUYER})
"""All that makes an order."""
PAGE: Values = ("1", 100)
NEWEST: Values = (*PAGE, None, None, None, None, None)
PLANS: Mapping[str, tuple[set[str], Values]] = {
    "_BY_ID": ({*WHOLE}, ("1",)),
    "_BY_KEY": ({"orders_one_order_a_key", LINES, BUYER}, ("k1",)),
    "_UNSETTLED_AFTER": ({*WHOLE, "orders_unsettled"}, (*PAGE, newest.PLACE_MAX)),
    "_PAGE_BY_ID": ({*WHOLE}, PAGE),
    "_KEPT_ORDERS": ({ORDER, LINES}, PAGE),
    "_KEPT_UNSETTLED": ({"orders_unsettled", LINES}, PAGE),
    "_KEPT_ORDER": ({ORDER, LINES}, ("1",)),
    "_LAST_ORDER_ID": ({ORDER}, ()),
    "_UPDATE": ({ORDER}, ("1", "confirmed", 1, None, None, None, None, None)),
    "_CLOSE_BUYER": ({ORDER, BUYER}, ("1",)),
    "_COUNT_OPEN": ({"buyers_with_open"}, ("e1", 5)),
    "_EVENTS": ({"order_events_by_order"}, PAGE),
    "_FORGET_DROPPED": ({"outbox_one_of_a_kind"}, ("1", "confirmed")),
    "_LETTERS_AFTER": ({"outbox_left"}, (5, 100)),
    "_TRY_LETTER": ({"outbox_left"}, (5, 1)),
    "_NOTE_LETTER": ({"outbox_left"}, (5, "sent", 1, None)),
    "_COUNT_LETTERS": ({"outbox_left"}, ("waiting",)),
    "_PAGE": ({*WHOLE, "orders_pkey"}, PAGE),
    "_PAGE_OF_STATUS": ({*WHOLE, "orders_by_status"}, (*PAGE, "rejected")),
    "_PAGE_OF_PENDING": ({*WHOLE, "orders_unsettled"}, PAGE),
    "_NEWEST": ({*WHOLE, "orders_pkey"}, NEWEST),
    "_NEWEST_OF_STATUS": ({*WHOLE, "orders_by_status"}, (*PAGE, "rejected", *NEWEST[3:])),
    "_NEWEST_OF_PENDING": ({*WHOLE, "orders_unsettled"}, (*PAGE, "pending", *NEWEST[3:])),
    "_NEWEST_AT_STEP": ({*WHOLE, "orders_by_progress"}, (*PAGE, None, "ready", *NEWEST[4:])),
    "_NEWEST_SOUGHT": (
        {*WHOLE, "orders_pkey", "buyers_by_email", "buyers_by_name"},
        (*NEWEST, "1", "abcdef", "e1", "n1", "n1~"),
    ),
    "_WISH": ({"wishes_pkey"}, (1,)),
    "_WISH_FOR": ({"wishes_one_of_a_book"}, ("e1", 1)),
    "_COUNT_WISHES_OF": ({"wishes_one_of_a_book"}, ("e1", 5)),
    "_WANTED_BOOKS": ({"wishes_open"}, (1, 100)),
    "_WISHES_FOR": ({"wishes_open"}, (1, 100)),
    "_NOTE_WISH": ({"wishes_pkey"}, (1, 1)),
    "_FORGET_DROPPED_OF_WISH": ({"outbox_one_of_a_wish"}, (1,)),
    "_END_WISH": ({"wishes_pkey"}, (1,)),
    "_STOP_WISHES": ({"wishes_by_stop_key"}, ("s",)),
    "_END_WISHES_BEFORE": ({"wishes_pkey", "wishes_by_age"}, (5, 100)),
    "_BY_IDS": ({*WHOLE}, ("{1,2}",)),
    "_BY_KEYS": ({"orders_one_order_a_key", LINES, BUYER}, ("{k1,k2}",)),
    "_LOCK": ({ORDER}, ("{1,2}",)),
    "_CONFIRM": ({ORDER, LINES}, ("{1}", "{1}", "{0}", "{T}", "{1}", "{USD}")),
    "_SELL_LINES": ({LINES}, ("{1}", "{0}", "{T}", "{1}", "{USD}")),
    "_FOREIGN_PLACE": ({"orders_pkey", "outbox_pkey"}, ()),
    "_NEXT_PLACE": (set(), ()),
}
INSERTS = {"_ADD_EVENT", "_ADD_LETTER", "_ADD_WISH", "_ADD_LETTER_OF_WISH", "_INSERT"}
INSERTS |= {"_INSERT_WITH_BUYERS", "_INSERT_BUYER", "_SELL_LINE", "_ASKED"}
"""They reach no row, or are not what this engine sends."""
TABLES_WHOLE = {"_COUNT_WISHES", "_FAULTS"}
"""What is asked of whole tables."""
STATEMENTS = {
    name: value
    for module in (shared, newest, wishes, postgres)
    for name, value in vars(module).items()
    if isinstance(value, str) and value.startswith("\n")
} | dict(zip(("_PAGE", "_PAGE_OF_STATUS", "_PAGE_OF_PENDING"), postgres._PAGES, strict=True))  # noqa: SLF001

FILL = """
INSERT INTO orders (sequence, order_id, idempotency_key, kind, status, settled, rejection,
                    placed_at_ms, progress)
SELECT n, n::text, 'k' || n, 'order',
       CASE n % 20 WHEN 0 THEN 'pending' WHEN 1 THEN 'rejected' ELSE 'confirmed' END,
       CASE n % 20 WHEN 0 THEN 0 ELSE 1 END, CASE n % 20 WHEN 1 THEN '{}' END, n,
       CASE n % 20 WHEN 2 THEN 'ready' END
FROM generate_series(1, 3000) AS n;
INSERT INTO order_lines (order_id, line_number, book_id, quantity)
SELECT order_id, line, 7, 1 FROM orders, generate_series(0, 1) AS line;
INSERT INTO buyers
SELECT n, 'N', 'e@x', '', 'collect', '', '', '', '', '', 'shop', '', 'en', 0,
       'n' || n, 'e' || n, n % 2 FROM generate_series(1, 3000) AS n;
INSERT INTO outbox (letter_id, order_id, kind, state, tries, noted_at_ms)
SELECT n, n::text, 'ready', CASE n % 20 WHEN 0 THEN 'waiting' ELSE 'sent' END, 0, 1
FROM generate_series(1, 3000) AS n;
INSERT INTO order_events (order_id, at_ms, what, "by", detail)
SELECT order_id, 1, 'sent', '', '' FROM orders;
INSERT INTO wishes (book_id, email, email_key, stop_key, language, asked_at_ms, noted)
SELECT n % 100, 'e@x', 'e' || n, md5(n::text), 'en', n, 0 FROM generate_series(1, 3000) AS n;
"""


@pytest.fixture(scope="module", params=sorted(POSTGRES))
def engine(request: pytest.FixtureRequest) -> str:
    """Name each PostgreSQL in turn."""
    return str(request.param)


@pytest.fixture
async def database(engine: str, tmp_path: Path) -> AsyncIterator[Database]:
    """Open a database with three thousand orders, of which the server knows how they lie."""
    async with with_tables(engine, tmp_path / "plans", POSTGRES_SCHEMA) as database:
        await database.write(lambda t: t.script(FILL), limit_s=60)
        await database.write(lambda t: t.script("ANALYZE"), limit_s=60)
        yield database


def nodes(plan: Any) -> Iterator[Any]:  # noqa: ANN401  of the server's document
    """Yield every step of a plan."""
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def quoted(value: Value) -> str:
    """Return a value as it stands in a statement."""
    return "NULL" if value is None else f"'{value!s}'"


async def plan(transaction: Transaction, name: str, values: Values) -> list[Any]:
    """Return the steps of a statement's plan that reach rows of tables."""
    sql = re.sub(r"\?(\d+)", r"$\1", STATEMENTS[name])
    given = f"({', '.join(map(quoted, values))})" if values else ""
    await transaction.script(f"PREPARE asked AS {sql}")
    row = await transaction.one(f"EXPLAIN (FORMAT JSON) EXECUTE asked{given}")
    await transaction.script("DEALLOCATE asked")
    assert row is not None
    (document,) = msgspec.json.decode(str(row[0]))
    return [one for one in nodes(document["Plan"]) if "Index Name" in one or "Relation Name" in one]


async def test_every_statement_reaches_its_rows_by_an_index(database: Database) -> None:
    """By the one that it is there for, and none by reading a table from end to end."""

    async def compare(transaction: Transaction) -> None:
        await transaction.script("SET LOCAL enable_seqscan = off")
        for name, (indexes, values) in PLANS.items():
            steps = await plan(transaction, name, values)
            assert indexes == {one["Index Name"] for one in steps if "Index Name" in one}, name
            assert [] == [one for one in steps if one["Node Type"] == "Seq Scan"], name

    await database.write(compare)


def test_the_list_of_plans_has_all_statements_and_no_others() -> None:
    """What is gone from the store is gone from here."""
    assert STATEMENTS.keys() == PLANS.keys() | INSERTS | TABLES_WHOLE
