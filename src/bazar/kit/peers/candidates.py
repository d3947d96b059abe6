"""What was announced as a service of our shop, and which of it is one: pure, with bounds.

How it works: anybody on a network can announce anything. So an address counts only after whoever
is there has proved that it is the service of this shop, and is ready. Until then it is asked
nothing else, and all that is unproven is asked no more than so often together, however much is
announced. What was proved stays, whatever is said of it: an announcement finds, and never tells
that something is dead. It is forgotten only where nobody announces it any more and nobody has
answered there for a while; the last one never.
"""

import random
from collections.abc import Callable
from heapq import nsmallest
from time import monotonic

from msgspec import Struct

from bazar.kit.peers.addresses import Address, Addresses

INSTANCES_MAX = 1024
"""Announcements that are remembered; beyond, one gives way that proved nothing."""
PROVEN_MAX = 64
"""Addresses that are used."""
PROVE_AGAIN_S = 1.0
"""Between two questions to one address that has proved nothing."""
PROOFS_A_SECOND = 32
"""To all such addresses together, once each was asked."""
FORGET_S = 60.0
"""Without an announcement, and without an answer."""
TELL_AFTER = 3
"""So many questions in a row without a proof are told once; one may have met a busy machine."""
TOLD_MAX = 16
"""Of so many addresses; more of them are no news."""
LASTS_S = 120.0
"""How long an announcement counts that nobody repeats."""
_DRAWN = 8
"""Of that many one gives way: to look at all of them would cost too much under a flood."""


class _Asked(Struct, eq=False):
    """How an address was asked for a proof."""

    at_s: float | None = None
    """When the last answer came, or none did; None: it was never asked."""
    under_way: bool = False
    failures: int = 0
    """Questions without a proof, since the last one with."""


class Candidates:
    """The addresses that were announced as one service."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        """Start with none."""
        self._clock = clock
        self._instances: dict[str, Addresses] = {}
        self._until_s: dict[str, float] = {}
        """When each of them has run out."""
        self._announced: dict[Address, int] = {}
        """How many announcements name each."""
        self._asked: dict[Address, _Asked] = {}
        """Of all that are announced, and all that were proved."""
        self._proved_at_s: dict[Address, float] = {}
        self._told = 0

    @property
    def announced(self) -> Addresses:
        """All addresses that are announced now."""
        return frozenset(self._announced)

    @property
    def proven(self) -> Addresses:
        """Those that are to be used."""
        return frozenset(self._proved_at_s)

    def hear(self, instance: str, addresses: Addresses) -> bool:
        """Take in what an announcement says now; tell whether that is something new.

        Args:
            instance: its name.
            addresses: of the service; none: it is withdrawn, or of another shop.
        """
        known = self._instances.get(instance, frozenset())
        if addresses:
            self._until_s[instance] = self._clock() + LASTS_S
        if known == addresses:
            return False
        if not addresses:
            self._forget(instance)
            return True
        if not known and len(self._instances) >= INSTANCES_MAX:
            self._make_room()
        self._instances[instance] = addresses
        for address in addresses - known:
            self._announced[address] = self._announced.get(address, 0) + 1
            self._asked.setdefault(address, _Asked())
        self._no_more(known - addresses)
        return True

    def expire(self) -> None:
        """Forget announcements that nobody has repeated for long."""
        now_s = self._clock()
        for instance in [one for one, until_s in self._until_s.items() if until_s <= now_s]:
            self._forget(instance)

    def due(self, most: int) -> list[Address]:
        """Return whom to ask for a proof now, those first who were never asked; note that it is so.

        Who has proved it is asked again only where nobody announces it any more.
        """
        now_s = self._clock()
        pause_s = max(PROVE_AGAIN_S, len(self._asked) / PROOFS_A_SECOND)
        waiting = [
            (0.0 if one.at_s is None else one.at_s, random.random(), address)  # noqa: S311  a turn
            for address, one in self._asked.items()
            if not one.under_way
            and (one.at_s is None or one.at_s + pause_s <= now_s)
            and not (address in self._proved_at_s and address in self._announced)
        ]
        chosen = [address for _asked, _drawn, address in nsmallest(most, waiting)]
        for address in chosen:
            self._asked[address].under_way = True
        return chosen

    def note(self, address: Address, *, proved: bool) -> bool:
        """Take in how a proof went; tell whether its keeper should hear that there is none."""
        one = self._asked.get(address)
        if one is None:  # it was withdrawn meanwhile
            return False
        one.under_way, one.at_s = False, self._clock()
        one.failures = 0 if proved else one.failures + 1
        if proved:
            if address not in self._proved_at_s and len(self._proved_at_s) >= PROVEN_MAX:
                self._give_way()
            self._proved_at_s[address] = one.at_s
        elif address not in self._announced and self._is_gone(address, one.at_s):
            del self._proved_at_s[address], self._asked[address]
        news = one.failures == TELL_AFTER and address not in self._proved_at_s
        self._told += news
        return news and self._told <= TOLD_MAX

    def _give_way(self) -> None:
        """Use the address no more that proved itself longest ago; it may do so again."""
        oldest = min(self._proved_at_s, key=self._proved_at_s.__getitem__)
        del self._proved_at_s[oldest]
        if oldest not in self._announced:
            del self._asked[oldest]

    def _is_gone(self, address: Address, now_s: float) -> bool:
        return len(self._proved_at_s) > 1 and self._proved_at_s[address] + FORGET_S <= now_s

    def _make_room(self) -> None:
        """Forget an announcement, one that was asked in vain where there is one among some."""
        drawn = random.sample([*self._instances], _DRAWN)
        self._forget(min(drawn, key=self._worth))

    def _forget(self, instance: str) -> None:
        del self._until_s[instance]
        self._no_more(self._instances.pop(instance))

    def _worth(self, instance: str) -> int:
        """Return what would be lost with an announcement: 0 asked in vain, 1 unasked, 2 proved."""
        those = self._instances[instance]
        if not those.isdisjoint(self._proved_at_s):
            return 2
        return 0 if all(self._asked[address].at_s is not None for address in those) else 1

    def _no_more(self, addresses: Addresses) -> None:
        """Take note that an announcement does not name these any more."""
        for address in addresses:
            self._announced[address] -= 1
            if not self._announced[address]:
                del self._announced[address]
                if address not in self._proved_at_s:
                    del self._asked[address]
