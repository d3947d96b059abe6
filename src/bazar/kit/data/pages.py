"""Pages that are bounded by what their rows weigh, not by their number alone."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

STEP_ROWS = 100


async def gathered(  # noqa: PLR0913  what a page is made of, and what bounds it
    read: Callable[[str, int], Awaitable[list[T]]],
    cursor: Callable[[T], str],
    weight: Callable[[T], int],
    *,
    after: str,
    limit: int,
    weight_max: int,
) -> list[T]:
    """Read a page in steps of 100 rows, and end it once it is heavy enough.

    A page may be short though more follows. An empty one is the end.

    Args:
        read: returns rows after a cursor, so many at most.
        cursor: of a row.
        weight: of a row.
        after: the cursor of the last row of the page before.
        limit: how many rows at most.
        weight_max: after the step that passes it, the page ends.
    """
    page: list[T] = []
    left = weight_max
    while left > 0 and len(page) < limit:
        step = await read(after, min(STEP_ROWS, limit - len(page)))
        if not step:
            break
        page += step
        after = cursor(step[-1])
        left -= sum(map(weight, step))
    return page
