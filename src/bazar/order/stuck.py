"""Orders that the catalog did not take although it answers: left alone for a while, and named.

Such an order is damaged, or of another release. It is asked for again by itself, after a pause
that doubles, so that it holds up nobody; a log line names it now and then, and `/metrics` counts
it. All of it is memory: after a restart each is tried afresh. Pauses go by monotonic time.
"""

from collections.abc import Callable, Iterator, Sequence
from time import monotonic

from msgspec import Struct

from bazar.kit.log import get_logger
from bazar.kit.steps import order_names, without_ids
from bazar.wire.orders import StuckOrder

PAUSE_S_FIRST = 1.0
PAUSE_S_MAX = 120.0
REPORT_INTERVAL_S = 10.0
NAMED_MAX = 5
REASON_LENGTH_MAX = 300

Time = Callable[[], float]
"""Return seconds that only ever grow."""


class Report:
    """Says the same thing at most every ten seconds, and then how often it was so meanwhile."""

    def __init__(self, event: str, time: Time = monotonic) -> None:
        """Write log lines of this name."""
        self._event = event
        self._time = time
        self._quiet_until_s = 0.0
        self._times = 0
        self._log = get_logger()

    def note(self, order_ids: Sequence[str], reason: str) -> None:
        """Note that it was so once more, for these orders; the first few are named."""
        self._times += 1
        now_s = self._time()
        if now_s < self._quiet_until_s:
            return
        named = order_names(order_ids[:NAMED_MAX])
        self._log.warning(
            self._event,
            orders=len(order_ids),
            named=named,
            reason=without_ids(reason)[:REASON_LENGTH_MAX],
            times=self._times,
        )
        self._quiet_until_s = now_s + REPORT_INTERVAL_S
        self._times = 0


class _Trouble(Struct):
    """What is known of one stuck order."""

    reason: str
    since_s: float
    again_at_s: float
    tries: int = 1


class Stuck:
    """The stuck orders of this process."""

    def __init__(self, time: Time = monotonic) -> None:
        """Start with none."""
        self._time = time
        self._troubles: dict[str, _Trouble] = {}
        self._report = Report("orders-stuck", time)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._troubles)

    def __contains__(self, order_id: str) -> bool:
        """Tell whether an order is one."""
        return order_id in self._troubles

    def failed(self, order_id: str, reason: str) -> None:
        """Note that an order was not taken, once more."""
        now_s = self._time()
        trouble = self._troubles.setdefault(order_id, _Trouble(reason, now_s, now_s, 0))
        trouble.reason = reason[:REASON_LENGTH_MAX]
        trouble.again_at_s = now_s + min(PAUSE_S_FIRST * 2**trouble.tries, PAUSE_S_MAX)
        trouble.tries += 1
        self._report.note([order_id, *(one for one in self._troubles if one != order_id)], reason)

    def ended(self, order_id: str) -> None:
        """Forget an order: it got where it should, one way or another."""
        self._troubles.pop(order_id, None)

    def forgive(self) -> None:
        """Forget all: one of them was taken after all, so it was the catalog that refused them."""
        self._troubles.clear()

    def due(self, limit: int) -> list[str]:
        """Return orders whose pause is over, those first that wait the longest."""
        now_s = self._time()
        due = [one for one in self._troubles.items() if one[1].again_at_s <= now_s]
        due.sort(key=lambda one: one[1].again_at_s)
        return [order_id for order_id, _trouble in due[:limit]]

    def listed(self) -> Iterator[StuckOrder]:
        """Yield all of them, those first that are stuck the longest."""
        now_s = self._time()
        for order_id, one in self._troubles.items():
            yield StuckOrder(order_id, one.reason, one.tries, round(now_s - one.since_s, 1))
