"""Calls to the catalog: reservations in batches, releases one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

import msgspec

from bazar.kit.deadline import Deadline
from bazar.kit.errors import Unavailable
from bazar.kit.peers.batching import Batcher
from bazar.kit.peers.client import Upstream
from bazar.wire import budgets
from bazar.wire.limits import RESERVE_BATCH_MAX
from bazar.wire.stock import Outcome, Reserve

RESERVES_WAITING_MAX = 4096
"""More stay pending, and the loop asks again for them."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the catalog decided, and how long its tier took."""

    outcome: Outcome
    timing: str
    """As in a Server-Timing header; of the whole batch."""


_outcomes = msgspec.json.Decoder(list[Outcome]).decode
_outcome = msgspec.json.Decoder(Outcome).decode
_OK = 200


class CatalogClient:
    """The catalog as the order service sees it."""

    def __init__(self, upstream: Upstream) -> None:
        """Talk to this catalog."""
        self._upstream = upstream
        self._batcher = Batcher(
            "the catalog", self._send, RESERVE_BATCH_MAX, waiting_max=RESERVES_WAITING_MAX
        )
        self.away = False
        """Whether the last batch got no answer: then nobody should wait long for the next."""

    async def stop(self) -> None:
        """Stop; what waits fails as indefinite."""
        await self._batcher.stop()

    async def reserve(self, requests: Sequence[Reserve]) -> Sequence[Decision]:
        """Have orders decided, each at most once.

        Args:
            requests: 1 to 512; they travel in one call, with others that come meanwhile.

        Raises:
            Overloaded: too many wait already; these were not asked.
            Unavailable: indefinite; the catalog did not answer in time. Ask again.
        """
        return await self._batcher.ask(requests, Deadline(budgets.RESERVE_MS))

    async def release(self, order_id: str) -> Outcome:
        """Have the catalog give back what an order took, once.

        Raises:
            Unavailable: indefinite; the catalog did not answer in time. Ask again.
        """
        path = f"/reservations/{quote(order_id, safe='')}/release"
        answer = await self._upstream.call(
            "POST", path, deadline=Deadline(budgets.RESERVE_BATCH_MS)
        )
        if answer.status != _OK:
            raise _refused(answer.status)
        return _outcome(answer.body)

    async def _send(self, requests: Sequence[Reserve]) -> list[Decision]:
        try:
            answer = await self._upstream.call(
                "POST",
                "/reservations",
                deadline=Deadline(budgets.RESERVE_BATCH_MS),
                request_id=requests[0].request_id if len(requests) == 1 else "",
                body=msgspec.json.encode(requests),
            )
        except Unavailable:
            self.away = True
            raise
        if answer.status != _OK:
            raise _refused(answer.status)
        self.away = False
        timing = answer.headers.get("server-timing", "")
        outcomes = {outcome.order_id: outcome for outcome in _outcomes(answer.body)}
        return [Decision(outcomes[request.order_id], timing) for request in requests]


def _refused(status: int) -> Unavailable:
    return Unavailable(f"the catalog answered with status {status}; its log says why")
