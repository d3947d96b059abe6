"""Lists of orders, the newest first: for each question the statement that reaches few rows.

What a statement has no index for it looks at row by row, from the newest on, until its page is
full: a question that few orders answer may read them all. That is why lists are scans.
"""

from bazar.kit.data.database import Value
from bazar.order.finding import Sought, Wanted
from bazar.order.store.rows import COLUMNS

PLACE_MAX = 1 << 62
"""Above all places of orders."""
_BEFORE = f"""sequence <
          coalesce((SELECT sequence FROM orders WHERE order_id = ?1), {PLACE_MAX})"""
# A parameter has the type of its first use, which IS NULL has none of.
_OTHERWISE = """(status = ?3 OR ?3 IS NULL)
      AND (coalesce(progress, 'to_pick') = ?4 OR ?4 IS NULL)
      AND (coalesce(channel, 'api') = ?5 OR ?5 IS NULL)
      AND (placed_at_ms >= ?6 OR ?6 IS NULL)
      AND (placed_at_ms < ?7 OR ?7 IS NULL)
    ORDER BY sequence DESC LIMIT ?2"""
_COUNT = "SELECT count(*) FROM page"
_REST = f"""{COLUMNS}FROM page LEFT JOIN buyers USING (sequence)
LEFT JOIN order_lines USING (order_id)
ORDER BY sequence DESC, line_number"""

_NEWEST = f"""
WITH page AS (
    SELECT * FROM orders
    WHERE {_BEFORE}
      AND {_OTHERWISE}
)
{_REST}"""

# Each of these three names the condition of the index that it goes by.
_NEWEST_OF_STATUS = f"""
WITH page AS (
    SELECT * FROM orders
    WHERE status = ?3 AND status <> 'pending' AND {_BEFORE}
      AND {_OTHERWISE}
)
{_REST}"""

_NEWEST_OF_PENDING = f"""
WITH page AS (
    SELECT * FROM orders
    WHERE settled = 0 AND {_BEFORE}
      AND {_OTHERWISE}
)
{_REST}"""

_NEWEST_AT_STEP = f"""
WITH page AS (
    SELECT * FROM orders
    WHERE progress = ?4 AND progress IS NOT NULL AND {_BEFORE}
      AND {_OTHERWISE}
)
{_REST}"""

# A reference is no key of anything: an index of the ids is read from end to end for it.
_NEWEST_SOUGHT = f"""
WITH sought AS MATERIALIZED (
    SELECT sequence FROM orders WHERE order_id = ?8
    UNION
    SELECT sequence FROM orders
    WHERE ?9 <> '' AND order_id BETWEEN '0' AND '~' AND substr(order_id, length(order_id) - 5) = ?9
    UNION
    SELECT sequence FROM buyers WHERE email_key = ?10
    UNION
    SELECT sequence FROM buyers WHERE ?11 <> '' AND name_key >= ?11 AND name_key < ?12
), page AS (
    SELECT * FROM orders
    WHERE sequence IN (SELECT sequence FROM sought) AND {_BEFORE}
      AND {_OTHERWISE}
)
{_REST}"""

_AFTER_ALL_LETTERS = "\U0010ffff"


def statement(wanted: Wanted) -> str:
    """Return the statement that reaches the orders which are wanted."""
    if wanted.sought is not None:
        return _NEWEST_SOUGHT
    if wanted.progress not in {None, "to_pick"}:
        return _NEWEST_AT_STEP
    if wanted.status is None:
        return _NEWEST
    return _NEWEST_OF_PENDING if wanted.status == "pending" else _NEWEST_OF_STATUS


def count_statement(wanted: Wanted) -> str:
    """Return the statement that counts the orders which are wanted, up to its limit."""
    return statement(wanted).replace(_REST, _COUNT)


def values(wanted: Wanted) -> tuple[Value, ...]:
    """Return what the statement takes."""
    shared: tuple[Value, ...] = (
        wanted.before,
        wanted.limit,
        wanted.status,
        wanted.progress,
        wanted.channel,
        wanted.since_ms,
        wanted.until_ms,
    )
    return shared if wanted.sought is None else shared + _sought(wanted.sought)


def _sought(sought: Sought) -> tuple[Value, ...]:
    names = sought.name_key
    return sought.order_id, sought.reference, sought.email_key, names, names + _AFTER_ALL_LETTERS
