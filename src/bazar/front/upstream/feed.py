"""The catalog's change feed, followed for ever: it keeps the cache honest, or says that it cannot.

How it works: the cache is told that the feed was opened, of every book that changed, and of every
sign that says how far the feed has come. When the feed breaks, for whatever reason, the cache is
told so and forgets everything; after a moment another feed is opened. The cache itself may find
that the feed cannot be trusted any more, and then this one is left.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress

import msgspec

from bazar.front.upstream.cache import Cache
from bazar.kit.clock import passing_s
from bazar.kit.log import get_logger
from bazar.kit.peers.client import Upstream
from bazar.wire.books import BookChanged, Sign
from bazar.wire.budgets import SILENCE_MS
from bazar.wire.shop import SHOP_EVENT, ShopChanged

PAUSE_S = 0.2
"""Between two feeds."""

_DATA = b"data: "
_EVENT = b"event: "
_BOOK = b""
_DECODERS: dict[bytes, Callable[[bytes], BookChanged | ShopChanged]] = {
    _BOOK: msgspec.json.Decoder(BookChanged).decode,
    SHOP_EVENT.encode(): msgspec.json.Decoder(ShopChanged).decode,
}
"""By the name of the event; one of another name tells of nothing that is kept here."""


class Feed:
    """Follows the changes that a catalog tells of, and tells a cache."""

    def __init__(
        self, catalog: Upstream, cache: Cache, clock: Callable[[], float] = passing_s
    ) -> None:
        """Follow this catalog once `start` is called; the clock is the cache's."""
        self._catalog = catalog
        self._cache = cache
        self._clock = clock
        self._follower: asyncio.Task[None] | None = None
        self._event = _BOOK
        self._log = get_logger()

    def start(self) -> None:
        """Start to follow."""
        self._follower = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Stop following."""
        if self._follower is not None:
            self._follower.cancel()
            with suppress(asyncio.CancelledError):
                await self._follower

    async def _follow(self) -> None:
        """Open one feed after the other; each break empties the cache."""
        while True:
            reason = "the catalog ended it"
            opened = False
            self._event = _BOOK
            asked_at_s = self._clock()
            try:
                async with aclosing(self._catalog.stream("/changes", SILENCE_MS / 1000)) as lines:
                    async for line in lines:
                        self._take(line, asked_at_s)
                        if not self._cache.live:
                            reason = "it is late, or left something out, or told too much"
                            break
                        opened = True
            except Exception as error:  # noqa: BLE001  whatever broke it: forget, and go on
                reason = str(error)
            self._cache.broken()
            if opened:  # while the catalog is away, its absence is no news
                self._log.info("feed-broken", reason=reason)
            await asyncio.sleep(PAUSE_S)

    def _take(self, line: bytes, asked_at_s: float) -> None:
        if line.startswith(_EVENT):
            self._event = line.removeprefix(_EVENT)
        elif line.startswith(_DATA):
            decode = _DECODERS.get(self._event)
            self._event = _BOOK  # a name is that of the next event alone
            if decode is not None:
                self._cache.announce(decode(line.removeprefix(_DATA)))
        elif (sign := Sign.parsed(line)) is not None:
            if sign.word == "open":
                self._cache.opened(sign, asked_at_s)
            else:
                self._cache.heard(sign)
