"""How SQLite goes about the catalog's statements, without a row in its tables."""

import re

import apsw
import pytest

from bazar.catalog.app import SCHEMA
from bazar.catalog.store import shared, sqlite
from bazar.kit.data.migrate import steps

STATEMENTS = {
    name: value
    for module in (shared, sqlite)
    for name, value in vars(module).items()
    if isinstance(value, str) and value.startswith("\n")
}
WHOLE = {"_TOPICS", "_LEDGER_NUMBERS"}
"""What is asked of whole tables, and so runs as a scan, beside all else."""


@pytest.fixture(scope="module")
def catalog() -> apsw.Connection:
    """Return a database with the catalog's tables."""
    connection = apsw.Connection(":memory:")
    for _number, _name, sql in steps(SCHEMA):
        connection.execute(sql).fetchall()
    return connection


def plan(catalog: apsw.Connection, sql: str) -> list[str]:
    """Return the steps in which a statement would be run."""
    values = [None] * len(set(re.findall(r"\?\d+", sql)))
    return [str(row[3]) for row in catalog.execute(f"EXPLAIN QUERY PLAN {sql}", values)]


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_no_statement_reads_a_whole_table_by_accident(catalog: apsw.Connection, name: str) -> None:
    """Only what is asked of whole tables does."""
    whole = re.compile(r"SCAN (books|movements|reservations)\b")
    assert (name in WHOLE) == any(whole.match(one) for one in plan(catalog, STATEMENTS[name]))


def test_a_name_is_looked_up_by_its_index(catalog: apsw.Connection) -> None:
    """Not by the index of the ISBNs, in which all books without one stand together."""
    steps_taken = plan(catalog, STATEMENTS["_BOOK_BY_NAME"])
    assert ["SEARCH books USING INDEX books_by_title (title=? AND author=?)"] == steps_taken


@pytest.mark.parametrize("name", ["_RESERVATION_DIFFERENCES", "_ORDER_OF_LEDGER_AT"])
def test_the_ledger_of_orders_is_read_by_its_index(catalog: apsw.Connection, name: str) -> None:
    """A step of the audit reads the rows of its orders, and no others."""
    steps_taken = plan(catalog, STATEMENTS[name])
    wanted = "SEARCH movements USING COVERING INDEX movements_by_order (order_id>?"
    assert any(one.startswith(wanted) for one in steps_taken), steps_taken


@pytest.mark.parametrize("name", ["_KEPT_DECISIONS", "_STOCKS_AFTER", "_LEDGER_SUMS", "_LEDGER_AT"])
def test_a_step_of_the_audit_sorts_nothing_but_its_groups(
    catalog: apsw.Connection, name: str
) -> None:
    """Pages come in the order of the table."""
    sorted_by = [one for one in plan(catalog, STATEMENTS[name]) if "ORDER BY" in one]
    assert [] == sorted_by
