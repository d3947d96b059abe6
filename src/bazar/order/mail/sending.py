"""Sending letters: one loop, which tries each until it is gone, or has been tried too often.

How it works: a letter is noted in the transaction of its change. The loop reads those that are
new, and takes one at a time. That it is tried is made durable before the server hears of it, and
with it the change that called for it. That it is sent is made durable after the server said so. A
crash between the two sends it again, with the same Message-ID: at least once.

No clock that can be set decides anything. Within a run, pauses go by a clock that only passes.
After a restart everything that waits is tried at once, and that try does not count: so a letter
is never given up before its pauses are over, and never left alone for longer than a run.

A server that is away or hangs costs time-outs in this task alone; no order waits for a letter.

Source: docs/decisions/0026-mail-at-least-once.md
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime
from email.message import EmailMessage

import aiosmtplib
from msgspec import Struct
from msgspec.structs import replace

from bazar.kit.clock import Clock, as_datetime, now_ms, passing_s
from bazar.kit.data.database import Database, Transaction
from bazar.kit.errors import BazarError
from bazar.kit.log import get_logger
from bazar.kit.steps import steps
from bazar.order.domain import StoredOrder, public
from bazar.order.letters import Letter, LetterState, still_true
from bazar.order.mail.message import Writer
from bazar.order.mail.settings import MailSettings
from bazar.order.mail.wished import Wished
from bazar.order.store import Store
from bazar.order.stuck import Time
from bazar.wire.problems import MailNotSent

PAUSES_S = (60.0, 300.0, 1800.0, 7200.0, 28_800.0, 86_400.0)
"""After each try that failed; after the last pause and one more try a letter is given up."""
LOOK_INTERVAL_S = 1.0
AWAY_PAUSE_S = 60.0
"""After the server could not be reached, however many letters wait for it."""
STOCK_PAUSE_S = 10.0
"""After nobody could say whether a book is there, however many letters are about books."""
STOP_INTERVAL_S = 0.1
ANSWER_MAX_S = 20.0
"""Of each thing that is said to the server."""
NEW_LETTERS_MAX = 500
FAILURE_LENGTH_MAX = 300

_AWAY = (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPConnectError, TimeoutError, OSError)
_FAILURES = (aiosmtplib.SMTPException, OSError, ValueError)
"""All that a server or an address may be the reason of."""
_Write = Callable[[datetime], EmailMessage]
"""Writes a letter as at a time."""


class _Waiting(Struct):
    """A letter that waits in this process."""

    letter: Letter
    due_s: float
    counts: bool
    """Whether its next try does."""


class Sending:
    """The loop that sends letters, and what it knows of them."""

    def __init__(  # noqa: PLR0913  what a letter is sent with
        self,
        database: Database,
        store: Store,
        settings: MailSettings,
        wished: Wished,
        *,
        time: Time = passing_s,
        clock: Clock = now_ms,
        answer_max_s: float = ANSWER_MAX_S,
    ) -> None:
        """Send what waits in this database by this server."""
        self._database = database
        self._store = store
        self._settings = settings
        self._writer = Writer(settings.sender, settings.public_url)
        self._wished = wished
        self._time = time
        self._clock = clock
        self._answer_max_s = answer_max_s
        self._waiting: dict[int, _Waiting] = {}
        self._last_id = 0
        self._away_until_s = 0.0
        self._unsure_until_s = 0.0
        """Until when nobody is asked again whether a book is there."""
        self._task: asyncio.Task[None] | None = None
        self._log = get_logger()
        self.dead = 0

    def waiting(self) -> int:
        """Return how many letters wait, as far as the loop has seen them."""
        return len(self._waiting)

    def start(self) -> None:
        """Start to send."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop; what waits is sent after the next start."""
        task = self._task
        while task is not None and not task.done():
            task.cancel()  # again, since what waits with a time-out may lose it in Python 3.11
            await asyncio.wait({task}, timeout=STOP_INTERVAL_S)

    async def send_due(self) -> int:
        """Try every letter whose time has come, and return how many were sent.

        Those with the fewest tries come first, and one that the server is too slow to take costs
        the others no more than its own time-outs: somebody chose its address.
        """
        if not await self._is_mine():
            self._forget()
            return 0
        await self._take_new()
        now_s = self._time()
        due = [one for one in self._waiting.values() if one.due_s <= now_s]
        due.sort(key=lambda one: (one.letter.tries, one.letter.letter_id))
        return 0 if now_s < self._away_until_s else await self._send(due)

    async def _send(self, due: Iterable[_Waiting]) -> int:
        sent = 0
        async with AsyncExitStack() as stack:
            server: aiosmtplib.SMTP | None = None
            for one in due:
                write = await self._begin(one)
                if write is None:
                    continue
                try:
                    if server is None:
                        server = await stack.enter_async_context(self._connected())
                    await server.send_message(write(as_datetime(self._clock())))
                except _FAILURES as error:
                    await self._failed(one, error)
                    if server is None:
                        self._away_until_s = self._time() + AWAY_PAUSE_S
                        break
                    if isinstance(error, _AWAY):  # perhaps for this letter alone
                        server.close()
                        await stack.aclose()
                        server = None
                else:
                    await self._end(one, "sent")
                    _write_step("mail-sent", one)
                    sent += 1
        return sent

    async def send_trial(self, to: str) -> None:
        """Send a mail that only shows that mail arrives.

        Raises:
            MailNotSent: indefinite; the server did not take it, or did not say so.
        """
        try:
            async with self._connected() as server:
                await server.send_message(self._writer.trial(to, as_datetime(self._clock())))
        except _FAILURES as error:
            raise MailNotSent(_reason(error)) from error

    async def _run(self) -> None:
        while True:
            try:
                await self.send_due()
            except BazarError as error:  # such as that the database is away
                self._log.warning("mail-waits", reason=error.detail)
            except Exception:  # noqa: BLE001  the loop goes on, whatever it meets
                self._log.exception("mail-fault")
            await asyncio.sleep(LOOK_INTERVAL_S)

    async def _is_mine(self) -> bool:
        """Tell whether it is this process that sends, of all that use the database."""
        return await self._database.standing("mail") != "other"

    def _forget(self) -> None:
        """Forget what another process sends now; it is read again where that one ends."""
        self._waiting.clear()
        self._last_id = self.dead = 0

    async def _take_new(self) -> None:
        """Read which letters were noted since the last look; at the first one, all that wait."""
        if self._last_id == 0:
            self.dead = await self._database.read(
                lambda transaction: self._store.count_letters(transaction, "dead")
            )
        letters = await self._database.read(
            lambda transaction: self._store.letters_after(
                transaction, self._last_id, NEW_LETTERS_MAX
            )
        )
        for letter in letters:
            self._waiting[letter.letter_id] = _Waiting(letter, 0.0, counts=letter.tries == 0)
            self._last_id = letter.letter_id

    async def _begin(self, one: _Waiting) -> _Write | None:
        """Make durable that a letter is tried, and with that the change that called for it.

        Returns:
            What writes it; None where it is not true any more, which drops it, where nobody knows
            whether it is, or where another process sends it.
        """
        if not await self._is_mine():
            return None
        letter, tries = one.letter, one.letter.tries + one.counts
        if letter.wish_id:
            if self._time() < self._unsure_until_s:
                return None
            try:
                granted = await self._wished.begin(letter, tries)
            except BazarError:
                self._unsure_until_s = self._time() + STOCK_PAUSE_S
                return None
            if granted is not None:
                one.letter = replace(letter, tries=tries)
                wish, title = granted.wish, granted.title
                return lambda at: self._writer.back_in_stock(wish, title, at)
        else:
            order = await self._begin_of_order(letter, tries)
            if order is not None and (buyer := order.buyer) is not None:
                one.letter = replace(letter, tries=tries)
                return lambda at: self._writer.letter(letter.kind, public(order), buyer, at)
        del self._waiting[letter.letter_id]
        return None

    async def _begin_of_order(self, letter: Letter, tries: int) -> StoredOrder | None:
        """Begin to try a letter about an order.

        Returns:
            The order; None where that is not as the letter says any more, which drops the letter.
            Both happen in one transaction, so a change that calls for it again finds it dropped.
        """

        async def work(transaction: Transaction) -> StoredOrder | None:
            await self._store.lock(transaction, [letter.order_id])
            order = await self._store.by_id(transaction, letter.order_id)
            if order is not None and still_true(letter.kind, order):
                waits = await self._store.try_letter(transaction, letter.letter_id, tries)
                return order if waits else None
            await self._store.note_letter(
                transaction, letter.letter_id, "dropped", self._clock(), None
            )
            return None

        return await self._database.write(work)

    async def _failed(self, one: _Waiting, error: Exception) -> None:
        """Have a letter wait for its next try, or give it up."""
        failure = _reason(error)
        tries, kind = one.letter.tries, one.letter.kind
        self._log.warning("mail-not-sent", kind=kind, tries=tries, reason=failure)
        _write_step("mail-failed", one)
        if tries > len(PAUSES_S):
            self.dead += 1
            await self._end(one, "dead", failure)
            return
        one.due_s = self._time() + PAUSES_S[max(tries, 1) - 1]
        one.counts = True
        await self._note(one, "waiting", failure)

    async def _end(self, one: _Waiting, state: LetterState, failure: str | None = None) -> None:
        await self._note(one, state, failure)
        del self._waiting[one.letter.letter_id]

    async def _note(self, one: _Waiting, state: LetterState, failure: str | None) -> None:
        ended_at_ms = None if state == "waiting" else self._clock()

        async def work(transaction: Transaction) -> None:
            await self._store.note_letter(
                transaction, one.letter.letter_id, state, ended_at_ms, failure
            )
            if one.letter.wish_id and state != "waiting":
                await self._wished.end(transaction, one.letter)

        await self._database.write(work)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[aiosmtplib.SMTP]:
        """Open a connection to the server, and end it."""
        settings = self._settings
        server = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.user or None,
            password=settings.password or None,
            use_tls=settings.encrypted,
            start_tls=settings.upgraded,
            timeout=self._answer_max_s,
        )
        try:
            await server.connect()
            yield server
            with suppress(aiosmtplib.SMTPException, OSError):
                await server.quit()
        finally:
            server.close()


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:FAILURE_LENGTH_MAX] or type(error).__name__


def _write_step(step: str, one: _Waiting) -> None:
    """Write what became of a letter about an order; to whom it goes is in no log."""
    if steps.on and one.letter.order_id:
        steps.write(step, order_id=one.letter.order_id, kind=one.letter.kind)
