"""Parts of what is too much for one go: each is short enough for the event loop."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

from bazar.kit.errors import BazarError

T = TypeVar("T")
R = TypeVar("R")


def parts(items: Sequence[T], weight: Callable[[T], int], most: int) -> Iterator[Sequence[T]]:
    """Yield items in their order, in parts that each weigh little, or are a single item.

    Args:
        items: any number; none make no part.
        weight: of one item.
        most: what a part may weigh together.
    """
    start, total = 0, 0
    for at, item in enumerate(items):
        own = weight(item)
        total += own
        if total > most and at > start:
            yield items[start:at]
            start, total = at, own
    if items:
        yield items[start:]


async def by_parts(
    few: Sequence[Sequence[T]], act: Callable[[Sequence[T]], Awaitable[list[R]]]
) -> list[R | BazarError]:
    """Act on parts at once, each on its own; return what came of each item, in their order.

    What goes wrong with a part is told of its items alone: another part may be done already.

    Args:
        few: the parts.
        act: returns one result for each item of a part.
    """
    came_of = await asyncio.gather(*map(act, few), return_exceptions=True)
    results: list[R | BazarError] = []
    for part, came in zip(few, came_of, strict=True):
        if isinstance(came, BazarError):
            results += [came] * len(part)
        elif isinstance(came, BaseException):
            raise came
        else:
            results += came
    return results
