"""The ways between services in tests, which can be made to fail."""

import asyncio
from collections.abc import Awaitable, Callable

from pyreqwest.exceptions import ConnectError, ReadError
from pyreqwest.middleware import Next
from pyreqwest.middleware.asgi import ASGITestMiddleware
from pyreqwest.request import Request
from pyreqwest.response import Response

from support.shops import SECRET, InProcess

BOUND_S = 8.0


def nobody() -> ConnectError:
    """Return the error of a service that is away."""
    return ConnectError("nobody is there", {"causes": None})


def lost() -> ReadError:
    """Return the error of a reply that never came."""
    return ReadError("the reply got lost", {"causes": None})


class Wire(ASGITestMiddleware):
    """The way to a service: it can be cut, lose replies, deliver twice, or hold calls back."""

    def __init__(self, network: InProcess, url: str) -> None:
        """Stand before the service of this address from now on."""
        self.inner = network.apps[url]
        self.away = False
        self.lose_replies = 0
        self.twice = False
        self.open = asyncio.Event()
        self.open.set()
        self.held: dict[str, asyncio.Event] = {}
        """Calls of these paths alone wait for theirs."""
        self.calls: list[str] = []
        network.apps[url] = self

    async def __call__(self, request: Request, following: Next) -> Response:
        """Deliver a call, as well as this wire does."""
        self.calls.append(f"{request.method} {request.url.path}")
        await self.open.wait()
        if (gate := self.held.get(request.url.path)) is not None:
            await gate.wait()
        if self.away:
            raise nobody()
        if self.twice:
            again = request.copy()  # as a call of its own: the very same one is refused
            again.headers["authorization"] = f"Bearer {SECRET}"
            await self.inner(again, following)
        response = await self.inner(request, following)
        if self.lose_replies:
            self.lose_replies -= 1
            raise lost()
        return response


async def until(check: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is so, within a bound."""
    async with asyncio.timeout(BOUND_S):
        while not await check():  # noqa: ASYNC110  it watches from outside, as a client does
            await asyncio.sleep(0.02)
