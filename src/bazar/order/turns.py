"""Whose turn it is to drive what nobody has in hand, where several processes have one database.

All of them may, and it happens once all the same; so that they do not all ask for all of it, the
first of them leaves a new order alone for a second, in which whoever placed it drives it, and the
others for five. How long an order has been there is what this process has seen with a clock that
only passes: it remembers up to which place orders were there at each look.
"""

from collections import deque
from collections.abc import Mapping

from bazar.kit.clock import passing_s
from bazar.kit.data.database import Database, Standing
from bazar.order.store import Store
from bazar.order.stuck import Time

AGE_S_MIN: Mapping[Standing, float] = {"alone": 0.0, "first": 1.0, "other": 5.0}
"""Of the orders whose turn it is, as far as this process has seen."""
_NAME = "driving"


class Turns:
    """Up to which place orders are this process's turn."""

    def __init__(self, database: Database, store: Store, time: Time = passing_s) -> None:
        """Look at the orders of this database."""
        self._database = database
        self._store = store
        self._time = time
        self._seen: deque[tuple[float, int]] = deque()
        """When, and below which place all orders were that were there then."""

    async def before(self) -> int:
        """Return the place below which orders are this process's turn, at this look."""
        place = await self._database.read(self._store.next_place)
        now_s = self._time()
        self._seen.append((now_s, place))
        age_s = AGE_S_MIN[await self._database.standing(_NAME)]
        while len(self._seen) > 1 and self._seen[1][0] <= now_s - max(AGE_S_MIN.values()):
            self._seen.popleft()
        return max((place for at_s, place in self._seen if at_s <= now_s - age_s), default=0)
