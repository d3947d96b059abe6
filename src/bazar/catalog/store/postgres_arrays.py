"""Many rows as a statement of PostgreSQL takes them: an array for each column."""

from collections.abc import Iterable, Sequence
from typing import Any

from bazar.kit.data.database import Row, Transaction


def columns(rows: Iterable[Sequence[object]], count: int) -> list[list[object]]:
    """Return rows as columns, also where there are none."""
    turned = [list(column) for column in zip(*rows, strict=True)]
    return turned or [[] for _ in range(count)]


async def every(transaction: Transaction, sql: str, *given: Any) -> list[Row]:  # noqa: ANN401
    """Return every row of a statement that takes arrays."""
    return await transaction.all(sql, *given)
