"""Books of an older release get the keys and words of this one, beside the shop's work.

The start waits for it a little, which is enough for most shops. In a large one the rest follows
while the shop is open: its books are found by their words one after the other. An error in it keeps
no shop closed; it is logged, and tried again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from bazar.kit import log
from bazar.kit.errors import Overloaded, Unavailable

START_WAITS_S = 20.0
"""So long the start waits; some ten thousand books are done by then."""
PAUSE_S = 1.0
"""After a database that was away, or had too much to do."""
BROKEN_PAUSE_S = 60.0
"""After an error that may well come again. Nobody's purchase has to wait for what broke here."""


@asynccontextmanager
async def completing(complete: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Do what completes the books while the block runs, and leave it where the block ends.

    Args:
        complete: goes on where it, or an earlier process, stopped; returns once all is done.
    """
    settled = asyncio.Event()
    task = asyncio.create_task(_patiently(complete, settled))
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(START_WAITS_S):
                await settled.wait()
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _patiently(complete: Callable[[], Awaitable[None]], settled: asyncio.Event) -> None:
    """Complete the books; tell once they are, or once the start need not wait for it."""
    while True:
        try:
            await complete()
        except (Overloaded, Unavailable):
            await asyncio.sleep(PAUSE_S)
        except Exception as error:  # noqa: BLE001  whatever it is: the shop sells without it
            log.get_logger().error("books-not-completed", exc_info=error)
            settled.set()
            await asyncio.sleep(BROKEN_PAUSE_S)
        else:
            return settled.set()
