"""Listening to what the writers of a PostgreSQL database announce, and knowing that it all came.

How it works: one connection listens. A second one sends a beat through the same queue every half
second. Notifications arrive in the order of the commits, so a beat that has come back proves that
everything committed before it was sent has arrived. Its moment is the one at which it was sent.

A beat that is late, or a connection that is lost, ends all that was known: whoever listens has to
start afresh, and both connections are opened anew.

Source: postgresql.org/docs/current/sql-notify.html;
docs/decisions/0029-postgresql-through-asyncpg.md
"""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress

from bazar.kit import log
from bazar.kit.clock import passing_s
from bazar.kit.data.postgres_connecting import (
    DRIVER_ERRORS,
    MARK,
    Away,
    Connection,
    connect,
    cut_after,
)

CHANNEL = "bazar_changes"
BEATS = "bazar_beat"
BEAT_INTERVAL_S = 0.5
BEAT_TIMEOUT_S = 1.0
"""After which a beat that has not come back ends what was known."""
PAUSE_S = 0.1
"""Between two attempts to listen."""
_LOST = "a connection that listens was lost"

OnChanges = Callable[[list[str]], None]


class Listener:
    """Two connections to one database, for as long as they work, and then two new ones."""

    def __init__(
        self,
        url: str,
        *,
        on_changes: OnChanges,
        on_beat: Callable[[float], None],
        on_lost: Callable[[], None],
        clock: Callable[[], float] = passing_s,
    ) -> None:
        """Listen from now on. Needs a running event loop.

        Nothing is known to be complete before the first beat, nor after a loss before the next
        one. None of the functions may raise.

        Args:
            url: of the database; not of a pooler that gives each transaction another session.
            on_changes: is given payloads in the order of their commits, at least one.
            on_beat: is given the time at which a beat was sent that has come back: whatever was
                committed before it was given to `on_changes`.
            on_lost: is called when something may be missed from now on.
            clock: returns seconds; whatever it returns is given back.
        """
        self._url = url
        self._on_changes = on_changes
        self._on_beat = on_beat
        self._on_lost = on_lost
        self._clock = clock
        self._line: Line | None = None
        self._away = False
        self._log = log.get_logger()
        self._task = asyncio.create_task(self._listen())

    def ask(self) -> None:
        """Have a beat sent soon, for somebody who has just come."""
        if self._line is not None:
            self._line.ask()

    async def close(self) -> None:
        """Close both connections; nothing is told any more."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _listen(self) -> None:
        while True:
            try:
                await self._follow()
            except (*DRIVER_ERRORS, Away) as error:
                if not self._away:
                    self._log.warning("not-listening", reason=str(error))
                self._away = True
            await asyncio.sleep(PAUSE_S)

    async def _follow(self) -> None:
        """Listen, until something breaks."""
        ears = await connect(self._url)
        try:
            voice = await connect(self._url)
        except BaseException:
            ears.terminate()
            raise
        self._line = line = Line(ears, voice, self._on_changes)
        try:
            await line.open()
            while True:
                sent_at_s = self._clock()
                await line.beat()
                self._away = False
                self._on_beat(sent_at_s)
                await line.rest()
        finally:
            line.end()
            self._on_lost()


class Line:
    """One pair of connections, until one of them breaks."""

    def __init__(self, ears: Connection, voice: Connection, on_changes: OnChanges) -> None:
        """Listen with one, and speak with the other, so that each beat travels as changes do."""
        self._ears = ears
        self._voice = voice
        self._on_changes = on_changes
        self._name = secrets.token_hex(8)
        self._beats = 0
        self._awaited: str | None = None
        """The beat that is under way."""
        self._asked = False
        self._gone = False
        self._moved = asyncio.Event()

    async def open(self) -> None:
        """Begin to listen.

        Raises:
            Away: a connection is lost.
            asyncpg.PostgresError, asyncpg.InterfaceError: likewise.
        """
        for one in (self._ears, self._voice):
            one.add_termination_listener(lambda _connection: self.end())
        try:
            with cut_after(BEAT_TIMEOUT_S, self._ears):
                await self._ears.add_listener(CHANNEL, self._hear)
                await self._ears.add_listener(BEATS, self._hear_beat)
        except AttributeError as error:  # the driver's own, where one of the two was just lost
            if not (self._gone or self._ears.is_closed()):
                raise
            raise Away(_LOST) from error

    async def beat(self) -> None:
        """Send a beat, and wait until it is back.

        Raises:
            Away: it is late, or a connection is lost.
            asyncpg.PostgresError, asyncpg.InterfaceError: likewise.
        """
        self._asked = False
        self._beats += 1
        self._awaited = f"{self._name} {self._beats}"
        with cut_after(BEAT_TIMEOUT_S, self._ears, self._voice):
            # With the mark: a server that lost its standby, and may not be the one that sells any
            # more, has no beat.
            await self._voice.execute(f"NOTIFY {BEATS}, '{self._awaited}'; {MARK}")
            while self._awaited is not None:
                await self._move()

    async def rest(self) -> None:
        """Wait until it is time for the next beat, or somebody asks for one.

        Raises:
            Away: a connection is lost.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(BEAT_INTERVAL_S):
                while not self._asked:
                    await self._move()

    def ask(self) -> None:
        """Have the next beat sent at once."""
        self._asked = True
        self._moved.set()

    def end(self) -> None:
        """Cut both connections, and tell nothing any more."""
        if not self._gone:
            self._gone = True
            self._moved.set()
            self._ears.terminate()
            self._voice.terminate()

    async def _move(self) -> None:
        """Wait until something has happened."""
        if not self._gone:
            self._moved.clear()
            await self._moved.wait()
        if self._gone:
            raise Away(_LOST)

    def _hear(self, _connection: Connection, _pid: int, _channel: str, payload: str) -> None:
        if not self._gone:
            self._on_changes([payload])

    def _hear_beat(self, _connection: Connection, _pid: int, _channel: str, payload: str) -> None:
        if payload == self._awaited:
            self._awaited = None
            self._moved.set()
