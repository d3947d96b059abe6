"""A client that goes away takes the work that only it waits for along."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from bazar.kit.errors import InvalidRequest, RouteNotFound
from bazar.kit.http.request import Request


class Client:
    """Has sent its whole request, and goes away when it is told to."""

    def __init__(self) -> None:
        """Stay."""
        self.leaves = asyncio.Event()
        self._messages = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive(self) -> MutableMapping[str, Any]:
        """Tell what it sent, and then that it left."""
        if self._messages:
            return self._messages.pop()
        await self.leaves.wait()
        return {"type": "http.disconnect"}


class Work:
    """Goes on until it is let go, and knows whether it was cancelled."""

    def __init__(self) -> None:
        """Go on."""
        self.ends = asyncio.Event()
        self.cancelled = False

    async def run(self) -> str:
        """Return something in the end."""
        try:
            await self.ends.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return "done"


def request_of(client: Client) -> Request:
    """Return the request of a client."""
    return Request({"type": "http", "headers": []}, client.receive)


async def test_work_ends_when_its_client_goes_away() -> None:
    """A search that nobody waits for would keep another one waiting."""
    client, work = Client(), Work()
    asking = asyncio.ensure_future(request_of(client).while_there(work.run()))
    await asyncio.sleep(0.01)
    client.leaves.set()
    with pytest.raises(InvalidRequest, match="went away"):
        await asking
    await asyncio.sleep(0)
    assert work.cancelled


async def test_work_of_a_client_that_stays_goes_on_to_its_end() -> None:
    """Its result comes back, and so does what it raises."""
    work = Work()
    asking = asyncio.ensure_future(request_of(Client()).while_there(work.run()))
    await asyncio.sleep(0.01)
    work.ends.set()
    assert "done" == await asking

    async def failing() -> None:
        message = "nothing here"
        raise RouteNotFound(message)

    with pytest.raises(RouteNotFound):
        await request_of(Client()).while_there(failing())


async def test_who_says_at_once_that_the_client_left_is_not_believed() -> None:
    """Some servers say so of every client that has sent its whole request."""
    client, work = Client(), Work()
    client.leaves.set()
    work.ends.set()
    assert "done" == await request_of(client).while_there(work.run())


async def test_an_answer_that_is_cancelled_cancels_the_work() -> None:
    """Such as at the end of the service."""
    work = Work()
    asking = asyncio.ensure_future(request_of(Client()).while_there(work.run()))
    await asyncio.sleep(0.01)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await asyncio.sleep(0)
    assert work.cancelled
