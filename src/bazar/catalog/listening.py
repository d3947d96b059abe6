"""The change feed of one of several catalogs over one database: what all of them change.

How it works: a commit has the database announce what it changed, and the database delivers that to
every catalog, in the order of the commits; to the one that made it, too. No timer says that a feed
is alive. A beat that this catalog has sent through the same queue says so when it comes back: then
all that was committed before it was sent has been told, whoever committed it. So the moment that a
sign tells is the one at which that beat was sent, and never now.

A follower is let in by a beat that was sent after it came. When something may have been missed,
all are let go.

Source: docs/decisions/0032-many-catalogs-over-one-database.md
"""

from collections.abc import Callable, Iterator, Sequence

from bazar.catalog.feed import Changes, Feed, Follower, Told
from bazar.kit.clock import passing_s
from bazar.kit.log import get_logger
from bazar.wire.books import BookChanged
from bazar.wire.shop import ShopChanged

PAYLOAD_BYTES_MAX = 7000
"""PostgreSQL takes less than 8,000. Source: postgresql.org/docs/current/sql-notify.html"""
_SHOP = "shop"
_LISTED = "!"


def encode(changes: Sequence[object]) -> Iterator[str]:
    """Yield the changes of a commit as payloads, such as `12=3,40=7!,shop=2`.

    A book is told as its id, its version, and a mark where lists may have changed.
    """
    words: list[str] = []
    length = 0
    for change in changes:
        word = _encoded(change)
        if words and length + len(word) > PAYLOAD_BYTES_MAX:
            yield ",".join(words)
            words, length = [], 0
        words.append(word)
        length += len(word) + 1
    if words:
        yield ",".join(words)


def _encoded(change: object) -> str:
    match change:
        case BookChanged():
            return f"{change.book_id}={change.version}{_LISTED if change.listed else ''}"
        case ShopChanged():
            return f"{_SHOP}={change.version}"
    message = f"no payload tells of {change!r}"
    raise TypeError(message)


def decode(payload: str) -> list[BookChanged | ShopChanged]:
    """Return the changes that a payload tells of.

    Raises:
        ValueError: it is none of ours; another release may have sent it.
    """
    return [_decoded(word) for word in payload.split(",")]


def _decoded(word: str) -> BookChanged | ShopChanged:
    name, _, version = word.partition("=")
    if name == _SHOP:
        return ShopChanged(int(version))
    listed = version.endswith(_LISTED)
    return BookChanged(int(name), int(version.removesuffix(_LISTED)), listed=listed)


class SharedFeed(Feed):
    """Tells followers what the commits of all catalogs changed, as it comes from the database."""

    def __init__(self, clock: Callable[[], float] = passing_s) -> None:
        """Start without followers; beats are told by the same clock."""
        super().__init__(clock=clock)
        self._coming: dict[Follower, float] = {}
        """Those who wait to be let in, each with when it came."""
        self._proved_ms = 0
        self.ask: Callable[[], None] = lambda: None
        """Has a beat sent soon."""

    def hear(self, payloads: Sequence[str]) -> None:
        """Tell what was announced; of what cannot be understood, that something may be missed."""
        try:
            changes = [change for payload in payloads for change in decode(payload)]
        except ValueError:
            get_logger().warning("change-not-understood", payloads=[one[:80] for one in payloads])
            self.lost()
        else:
            self.publish(changes)

    def beat(self, sent_at_s: float) -> None:
        """Take in that a beat is back: all that was committed before it was sent has been told."""
        self._proved_ms = int(sent_at_s * 1000)
        for follower in [one for one, came_s in self._coming.items() if came_s <= sent_at_s]:
            del self._coming[follower]
            self._followers.add(follower)
        self._tell(())

    def lost(self) -> None:
        """Let all followers go, since something may be missed; those who wait go on waiting."""
        super().close()

    def close(self) -> None:
        """End all subscriptions."""
        super().close()
        for follower in self._coming:
            follower.end()

    def _welcome(self, follower: Follower) -> None:
        self._coming[follower] = self._clock()
        self.ask()

    def _leave(self, follower: Follower) -> None:
        super()._leave(follower)
        self._coming.pop(follower, None)

    def _now(self, changes: Changes) -> Told:
        return Told(changes, self.place, self._proved_ms, self._now_ms())
