"""Calls to the catalog: while one batch of reservations is in flight, the next one gathers.

How it works: `reserve` puts a request into a queue and waits. One sender takes all that waits (at
most 512), sends it as one call, gives each its outcome, and takes what has gathered meanwhile. So
at one client a purchase costs one call, and at a thousand one call serves hundreds.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote

import msgspec

from bazar.kit.client import Upstream
from bazar.kit.errors import Unavailable
from bazar.kit.request import Deadline
from bazar.wire import RESERVE_BATCH_MAX, Outcome, Reserve

BATCH_TIMEOUT_MS = 2000


@dataclass(frozen=True, slots=True)
class Decision:
    """What the catalog decided, and how long its tier took."""

    outcome: Outcome
    timing: str
    """As in a Server-Timing header; of the whole batch."""


_outcomes = msgspec.json.Decoder(list[Outcome]).decode
_outcome = msgspec.json.Decoder(Outcome).decode
_OK = 200


class Catalog:
    """The catalog as the order service sees it."""

    def __init__(self, upstream: Upstream) -> None:
        """Talk to this catalog; `start` first."""
        self._upstream = upstream
        self._waiting: dict[str, tuple[Reserve, asyncio.Future[Decision]]] = {}
        self._wake = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the sender."""
        self._sender = asyncio.create_task(self._send_batches())

    async def stop(self) -> None:
        """Stop the sender; what waits fails as indefinite."""
        if self._sender is not None:
            self._sender.cancel()
            with suppress(asyncio.CancelledError):
                await self._sender
        for _reserve, future in self._waiting.values():
            if not future.done():
                future.set_exception(Unavailable("the order service is stopping"))

    async def reserve(self, request: Reserve) -> Decision:
        """Have an order decided, at most once.

        Raises:
            Unavailable: indefinite; the catalog did not answer in time. Ask again.
        """
        waiting = self._waiting.get(request.order_id)
        if waiting is None:
            waiting = (request, asyncio.get_running_loop().create_future())
            self._waiting[request.order_id] = waiting
            self._wake.set()
        return await asyncio.shield(waiting[1])

    async def release(self, order_id: str) -> Outcome:
        """Have the catalog give back what an order took, once.

        Raises:
            Unavailable: indefinite; the catalog did not answer in time. Ask again.
        """
        path = f"/reservations/{quote(order_id, safe='')}/release"
        answer = await self._upstream.call("POST", path, deadline=Deadline(BATCH_TIMEOUT_MS))
        if answer.status != _OK:
            raise _refused(answer.status)
        return _outcome(answer.body)

    async def _send_batches(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch = self._next_batch()
                try:
                    decisions = await self._send([request for request, _future in batch.values()])
                except Unavailable as error:
                    _fail(batch, error)
                except Exception as error:  # noqa: BLE001  whatever it is, nobody may wait for ever
                    _fail(batch, Unavailable(f"the catalog's answer makes no sense: {error}"))
                else:
                    for decision in decisions:
                        _request, future = batch[decision.outcome.order_id]
                        if not future.done():
                            future.set_result(decision)

    def _next_batch(self) -> dict[str, tuple[Reserve, asyncio.Future[Decision]]]:
        batch: dict[str, tuple[Reserve, asyncio.Future[Decision]]] = {}
        while self._waiting and len(batch) < RESERVE_BATCH_MAX:
            order_id = next(iter(self._waiting))
            batch[order_id] = self._waiting.pop(order_id)
        return batch

    async def _send(self, requests: list[Reserve]) -> list[Decision]:
        answer = await self._upstream.call(
            "POST",
            "/reservations",
            deadline=Deadline(BATCH_TIMEOUT_MS),
            request_id=requests[0].request_id if len(requests) == 1 else "",
            body=msgspec.json.encode(requests),
        )
        if answer.status != _OK:
            raise _refused(answer.status)
        timing = answer.headers.get("server-timing", "")
        return [Decision(outcome, timing) for outcome in _outcomes(answer.body)]


def _fail(
    batch: Mapping[str, tuple[Reserve, asyncio.Future[Decision]]], error: Unavailable
) -> None:
    for _request, future in batch.values():
        if not future.done():
            future.set_exception(error)


def _refused(status: int) -> Unavailable:
    return Unavailable(f"the catalog answered with status {status}; its log says why")
