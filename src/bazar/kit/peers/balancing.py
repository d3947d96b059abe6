"""Several targets of one service: whom to ask, who is out, and how much may be asked twice.

How it works: of two targets drawn at random the one with fewer calls in flight is asked. Who does
not answer is out at once, and is probed until it says that it is ready and who it is; so nobody's
call tries whether it is back. Where all are out all are asked, since then nobody knows better.

Who asks twice asks for more than its share. Two budgets, over a sliding window, keep that small:
one for what has to be asked again, one for what is only asked again to be sooner.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from random import random
from time import monotonic

from pyreqwest.client import Client

from bazar.kit.log import get_logger
from bazar.kit.peers.addresses import Address, Addresses
from bazar.kit.peers.signer import Peer

PROBE_PAUSE_S_FIRST = 0.05
PROBE_PAUSE_S_MAX = 1.0
WINDOW_S = 10
RETRIES_SHARE = 0.1
RETRIES_LEAST = 10
"""In a window, however few calls there are: else a quiet shop could not ask again at all."""
HEDGES_SHARE = 0.05
PATIENCES = 256
"""Calls by which it is known what is slow."""
_LEARN_EACH = 32
_SLOW_FROM = 0.95


class Target:
    """One process that may be asked."""

    __slots__ = ("address", "checked", "client", "in_flight", "out", "peer", "shop", "url")

    def __init__(
        self, address: Address, url: str = "", client: Client | None = None, shop: str = ""
    ) -> None:
        """Start as one that answers.

        Args:
            address: where it is.
            url: what to ask for; empty: the address.
            client: of its own, where it has one.
            shop: as whose it was announced there, and has to say that it is; empty: nobody's.
        """
        self.address = address
        self.shop = shop
        self.url = url or address.url
        self.client = client
        self.in_flight = 0
        self.out = False
        self.peer = Peer()
        self.checked = ""
        """Which process there has said so."""


Probe = Callable[[Target], Awaitable[bool]]
Reach = Callable[[Address], Target]
"""Makes a target of an address."""


class Targets:
    """All targets of a service, as far as they are known."""

    def __init__(self, name: str, probe: Probe, reach: Reach = Target) -> None:
        """Start with none.

        Args:
            name: of the service, for the log.
            probe: tells whether a target is ready, and is who it should be.
            reach: makes a target of an address.
        """
        self._name = name
        self._probe = probe
        self._reach = reach
        self._all: list[Target] = []
        self._in: list[Target] = []
        self._probes: dict[Target, asyncio.Task[None]] = {}
        self._some_in = asyncio.Event()
        self.only: Target | None = None
        """The one that there is; it is never out, since there is no other to ask."""
        self._log = get_logger()

    def __len__(self) -> int:
        """Return how many there are, in or out."""
        return len(self._all)

    def __iter__(self) -> Iterator[Target]:
        """Yield all, in or out."""
        return iter(self._all)

    def set(self, addresses: Addresses) -> None:
        """Have these from now on; who is known already stays as it is."""
        known = {target.address: target for target in self._all}
        self._all = [known.get(address) or self._reach(address) for address in sorted(addresses)]
        self.only = self._all[0] if len(self._all) == 1 else None
        for target in [*self._probes]:
            if target is self.only or target not in self._all:
                self._probes.pop(target).cancel()
                target.out = False
        self._sort()

    def choose(self) -> Target | None:
        """Return whom to ask: one that is in, or any where all are out; None where none is known.

        Of two drawn at random it is the one with fewer calls in flight.
        """
        return _less_busy(self._in or self._all)

    def another(self, but: Collection[Target]) -> Target | None:
        """Return whom to ask beside others, or instead: one that is in, where there is one."""
        return _less_busy([target for target in self._in if target not in but])

    def eject(self, target: Target, reason: str) -> None:
        """Ask a target no more until it answers a probe; the only one is asked all the same."""
        if target.out or target is self.only or target not in self._all:
            return
        target.out = True
        self._sort()
        self._log.warning("target-out", upstream=self._name, target=target.url, reason=reason)
        self._probes[target] = asyncio.create_task(self._until_ready(target))

    @property
    def probes(self) -> Collection[asyncio.Task[None]]:
        """Who is probed now."""
        return self._probes.values()

    @property
    def some_in(self) -> bool:
        """Whether there is one that is not out."""
        return bool(self._in)

    async def until_some_in(self, patience_s: float) -> bool:
        """Wait until one is not out; tell whether there is one."""
        try:
            async with asyncio.timeout(patience_s):
                return await self._some_in.wait()
        except TimeoutError:
            return False

    async def stop(self) -> None:
        """Probe nobody any more."""
        probes = [*self._probes.values()]
        for probe in probes:
            probe.cancel()
        await asyncio.gather(*probes, return_exceptions=True)

    def _sort(self) -> None:
        self._in = [target for target in self._all if not target.out]
        if self._in:
            self._some_in.set()
        else:
            self._some_in.clear()

    async def _until_ready(self, target: Target) -> None:
        pause_s = PROBE_PAUSE_S_FIRST
        while True:
            await asyncio.sleep(pause_s)
            if await self._probe(target):
                break
            pause_s = min(2 * pause_s, PROBE_PAUSE_S_MAX)
        del self._probes[target]
        target.out = False
        self._sort()
        self._log.info("target-in", upstream=self._name, target=target.url)


def _less_busy(those: Sequence[Target]) -> Target | None:
    count = len(those)
    if count <= 1:
        return those[0] if those else None
    number = int(random() * count)  # noqa: S311  it only spreads the load
    one = those[number]
    other = those[(number + 1 + int(random() * (count - 1))) % count]  # noqa: S311
    return other if other.in_flight < one.in_flight else one


class Budget:
    """So many of the calls of the last seconds, and no more."""

    def __init__(self, share: float, least: int, clock: Callable[[], float] = monotonic) -> None:
        """Allow this share of all calls, or so many in a window where that is more."""
        self._share = share
        self._least = least
        self._clock = clock
        self._seconds: deque[list[int]] = deque([[0, 0, 0]])
        """Of each second of the window with a call in it: which, the calls, and what was taken."""
        self._calls = 0
        self._taken = 0

    def count(self) -> None:
        """Count a call."""
        self._now()[1] += 1
        self._calls += 1

    def take(self) -> bool:
        """Take one more, where that is allowed."""
        second = self._now()
        if self._taken >= max(self._least, int(self._share * self._calls)):
            return False
        second[2] += 1
        self._taken += 1
        return True

    def _now(self) -> list[int]:
        now = int(self._clock())
        if self._seconds[-1][0] != now:
            self._seconds.append([now, 0, 0])
            while self._seconds[0][0] <= now - WINDOW_S:
                _second, calls, taken = self._seconds.popleft()
                self._calls -= calls
                self._taken -= taken
        return self._seconds[-1]


class Patience:
    """How long most calls of late took; what takes longer is worth a second try elsewhere."""

    def __init__(self, at_first_s: float) -> None:
        """Say this until there are enough calls to know better."""
        self._took_s: deque[float] = deque(maxlen=PATIENCES)
        self._unlearned = PATIENCES // 4
        self._most_s = at_first_s
        self.slow_s = at_first_s
        """All but one call in twenty took less, at most what it was at first."""

    def note(self, took_s: float) -> None:
        """Take in how long a call took."""
        self._took_s.append(took_s)
        self._unlearned -= 1
        if self._unlearned <= 0:
            self._unlearned = _LEARN_EACH
            took = sorted(self._took_s)
            self.slow_s = min(took[int(len(took) * _SLOW_FROM)], self._most_s)
