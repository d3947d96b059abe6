"""A change feed as a cache hears it, without a catalog."""

from collections.abc import Callable

from bazar.front.upstream.cache import Cache
from bazar.kit.clock import passing_s
from bazar.wire.books import BookChanged, Place, Sign

RUN = "0a1b2c3d"
NOWHERE = Place(RUN, 0)


class FakeClock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        """Start at zero."""
        self.now_s = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


class FakeFeed:
    """A feed whose every word arrives at once; its clock differs from the cache's by an hour."""

    def __init__(
        self, cache: Cache, clock: Callable[[], float] = passing_s, place: Place = NOWHERE
    ) -> None:
        """Tell this cache, which goes by this clock, from this place on."""
        self.cache = cache
        self.clock = clock
        self.run, self.number = place.run, place.number

    def sign(self, word: str) -> Sign:
        """Return what it says now."""
        return Sign(word, Place(self.run, self.number), int((self.clock() + 3600) * 1000))

    def open(self) -> None:
        """Open it."""
        self.cache.opened(self.sign("open"), self.clock())

    def alive(self) -> None:
        """Say that nothing happened."""
        self.cache.heard(self.sign("alive"))

    def tell(self, *changes: BookChanged) -> None:
        """Tell a commit."""
        for change in changes:
            self.cache.announce(change)
        self.number += 1
        self.cache.heard(self.sign("told"))


def opened_cache(place: Place = NOWHERE, *, keeps: bool = True) -> Cache:
    """Return a cache for which no time passes, and whose feed was just opened at a place."""
    clock = FakeClock()
    cache = Cache(clock, keeps=keeps)
    FakeFeed(cache, clock, place).open()
    return cache
