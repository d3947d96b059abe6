"""Customers of `bazar load` and of experiments: they stop when they are told to."""

import asyncio
from contextlib import suppress
from typing import Any, Self, cast

from pyreqwest.client import Client
from pyreqwest.exceptions import ReadError

from bazar.load.clients import Load, Pace
from bazar.load.plan import Item, Plan, Tastes

CLIENTS = 3
BOOKS = (Item(1, "tests"),)


class Deaf:
    """A client of a shop that answers nobody; a request that is cancelled fails like any other."""

    def __init__(self) -> None:
        """Wait for the first requests."""
        self.asked = asyncio.Semaphore(0)

    def get(self, _url: str) -> Self:
        """Begin a request."""
        return self

    def build(self) -> Self:
        """Finish it."""
        return self

    async def send(self) -> Any:  # noqa: ANN401  nothing comes back
        """Send it once it is cancelled; later ones fail at once."""
        with suppress(asyncio.CancelledError):
            self.asked.release()
            await asyncio.Event().wait()
        message = "cancelled"
        raise ReadError(message, {"causes": None})


async def test_a_cancel_that_comes_back_as_a_failure_ends_a_customer() -> None:
    """Else Ctrl-C would have to wait until the time of the load is up."""
    shop = Deaf()
    plan = Plan(Tastes({"browse": 1.0}, 0.0, 1), BOOKS, BOOKS)
    load = Load("http://shop.test", cast("Client", shop), plan, Pace(60.0, CLIENTS))
    running = asyncio.create_task(load.run())
    for _ in range(CLIENTS):
        await shop.asked.acquire()
    running.cancel()
    await asyncio.wait({running}, timeout=5)
    ended = running.cancelled()
    load.stop()
    assert ended
