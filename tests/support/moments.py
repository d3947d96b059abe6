"""Waiting for what happens in this event loop."""

import asyncio
import time
from collections.abc import Callable

WAIT_S = 10.0


async def until(condition: Callable[[], bool], within_s: float = WAIT_S) -> None:
    """Give the event loop its turns until something is so.

    Raises:
        AssertionError: it did not come to be so in time.
    """
    give_up_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < give_up_s, "it did not happen"
        await asyncio.sleep(0.002)
