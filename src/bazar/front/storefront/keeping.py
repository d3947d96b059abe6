"""Pages that were drawn, kept while all that they show is as it was.

Never for longer than the JSON behind: whether a page holds is asked of the cache that answers that
(`front/upstream/cache.py`).
"""

from collections.abc import Awaitable, Callable

from bazar.front.storefront.frame import Drawn
from bazar.front.storefront.looking import Basis, Look, Lookout
from bazar.kit.errors import Unavailable

BYTES_MAX = 48 * 1024 * 1024
DRAWN_MAX = 2
"""So often a page is drawn for one reader, where the first was out of date before it was done."""
OVERHEAD_BYTES = 2048
"""Of an entry, beside its pieces, about."""

Draw = Callable[[Look], Awaitable[Drawn]]


class Keeping:
    """Drawn pages by language and address."""

    def __init__(self, lookout: Lookout) -> None:
        """Draw what is seen from here."""
        self.lookout = lookout
        self._kept: dict[tuple[str, ...], tuple[Drawn, Basis]] = {}
        self.bytes = 0
        self.hits = 0
        self.misses = 0

    def look(self, request_id: str) -> Look:
        """Begin to look at what is in stock, for what is not kept."""
        return self.lookout.look(request_id)

    async def page(self, key: tuple[str, ...], request_id: str, draw: Draw) -> Drawn:
        """Return a page, kept or drawn now.

        What a page shows it reads one after the other. Together that may take longer than anything
        may be out of date, while each answer was new enough as it came; then it is drawn again.

        Args:
            key: its language, and what else it depends on.
            request_id: of who asks.
            draw: draws it; all that it shows it reads through the look that it gets.

        Raises:
            Unavailable: the catalog is so slow that what was read first does not hold at the end.
        """
        held = self._kept.get(key)
        if held is not None:
            if self.lookout.holds(held[1]):
                self.hits += 1
                return held[0]
            self._drop(key)
        self.misses += 1
        for _attempt in range(DRAWN_MAX):
            look = self.lookout.look(request_id)
            drawn = await draw(look)
            basis = look.basis()
            if self.lookout.holds(basis):
                self._keep(key, drawn, basis)
                return drawn
            if look.is_young():
                return drawn
        message = "the catalog is too slow to show a page of it"
        raise Unavailable(message)

    def _keep(self, key: tuple[str, ...], drawn: Drawn, basis: Basis) -> None:
        self._drop(key)
        weight = _weight(drawn)
        while self._kept and self.bytes + weight > BYTES_MAX:
            self._drop(next(iter(self._kept)))
        self._kept[key] = (drawn, basis)
        self.bytes += weight

    def _drop(self, key: tuple[str, ...]) -> None:
        held = self._kept.pop(key, None)
        if held is not None:
            self.bytes -= _weight(held[0])


def _weight(drawn: Drawn) -> int:
    return OVERHEAD_BYTES + sum(len(one.plain) + len(one.packed) for one in drawn.pieces)
