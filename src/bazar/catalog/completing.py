"""Books of an older release get the keys and words of this one, beside the shop's work.

The start waits for it a little, which is enough for most shops. In a large one the rest follows
while the shop is open: its books are found by their words one after the other.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from bazar.kit.errors import Overloaded, Unavailable

START_WAITS_S = 20.0
"""So long the start waits; some ten thousand books are done by then."""
PAUSE_S = 1.0
"""After a database that was away, or had too much to do."""


@asynccontextmanager
async def completing(complete: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Do what completes the books while the block runs, and leave it where the block ends.

    Args:
        complete: goes on where it, or an earlier process, stopped; returns once all is done.
    """
    task = asyncio.create_task(_patiently(complete))
    try:
        done, _waiting = await asyncio.wait({task}, timeout=START_WAITS_S)
        if done:
            task.result()
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _patiently(complete: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            return await complete()
        except (Overloaded, Unavailable):
            await asyncio.sleep(PAUSE_S)
