"""Until when the change feed can be trusted: what it proves, and when its word is too old.

How it works: every line of the feed says at which moment, by the catalog's clock, everything
before it had been told. From the opening of the feed we know by how much the two clocks differ at
the least: the catalog looked at its clock after we had asked. So each line proves that at some
moment of *our* clock we knew everything, and that moment is never too late. Whatever holds a line
up on its way, the proof only gets older; SILENCE_MS after it nothing is trusted any more.

Three things end the trust at once, and only another feed brings it back:
- A number is missing, or is of another run of the catalog.
- An answer knows of a commit of which the feed says nothing within LAG_MS.
- The catalog's clock ran ahead of ours by LEAP_S from one line to the next: ours stood still,
  as in a virtual machine that was halted.

Clocks that run at slightly different speeds are followed: a line cannot come before it was sent.
"""

from collections import deque
from collections.abc import Callable

from bazar.wire.books import Place, Sign
from bazar.wire.budgets import LAG_MS, SILENCE_MS

LEAP_S = 0.5
NEVER = float("-inf")
_NOWHERE = Place("", 0)


class Trust:
    """What one change feed after the other has proved."""

    __slots__ = ("_apart_s", "_clock", "_owed", "_place", "until_s")

    def __init__(self, clock: Callable[[], float]) -> None:
        """Trust nothing; the clock counts seconds, and goes on while the machine sleeps."""
        self._clock = clock
        self.until_s = NEVER
        """The moment of our clock after which nothing is to be trusted."""
        self._apart_s = 0.0
        self._place = _NOWHERE
        self._owed: deque[tuple[int, float]] = deque()

    def end(self) -> None:
        """Trust nothing until another feed is opened."""
        self.until_s = NEVER
        self._owed.clear()

    def opened(self, sign: Sign, asked_at_s: float) -> None:
        """Take in the first sign of a feed, which was asked for at that moment of our clock."""
        self._owed.clear()
        self._place = sign.place
        self._apart_s = asked_at_s - sign.at_ms / 1000
        self._prove(sign)

    def heard(self, sign: Sign) -> None:
        """Take in a later sign; one that does not follow the last ends the trust."""
        number = self._place.number + (sign.word == "told")
        least_s = self._clock() - sign.at_ms / 1000
        leapt = least_s < self._apart_s - LEAP_S
        if self.until_s == NEVER or sign.place != Place(self._place.run, number) or leapt:
            self.end()
            return
        self._apart_s = min(self._apart_s, least_s)
        self._place = sign.place
        while self._owed and self._owed[0][0] <= number:
            self._owed.popleft()
        self._prove(sign)

    def claimed(self, place: Place) -> None:
        """Take in how far an answer that was asked for since the opening says the feed has come."""
        if self.until_s == NEVER:
            return
        if place.run != self._place.run:
            self.end()
        elif place.number > (self._owed[-1][0] if self._owed else self._place.number):
            self._owed.append((place.number, self._clock() + LAG_MS / 1000))
            self.until_s = min(self.until_s, self._owed[0][1])

    def _prove(self, sign: Sign) -> None:
        self.until_s = sign.at_ms / 1000 + self._apart_s + SILENCE_MS / 1000
        if self._owed:
            self.until_s = min(self.until_s, self._owed[0][1])
