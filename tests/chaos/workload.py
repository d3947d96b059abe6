"""Many clients who buy, ask twice, cancel, restock, read and give up, as the plan says."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from time import monotonic
from typing import Any

from msgspec import Struct
from msgspec.json import Decoder
from pyreqwest.exceptions import RequestError

from chaos import plan
from chaos.history import Act, Call, Lines
from chaos.plan import Errand
from support.customers import Customers
from support.shops import Reply

CALL_TIMEOUT_S = 8.0
"""More than the 5 s within which the front always answers."""
PATIENCE_S = 45.0
REPLAY_PATIENCE_S = 10.0
PAUSE_S = 0.2
"""Before it asks again: fifty who ask at once slow down the start of what they wait for."""
CREATED = 201
ACCEPTED = 202
NOT_FOUND = 404
UNAVAILABLE = 503
REFUSED = frozenset({404, 409, 422})
"""What is kept with an order, or true for every later request."""


class Said(Struct, frozen=True):
    """What the body of an answer says, as far as the harness cares."""

    order_id: str | None = None
    status: str | int | None = None
    code: str | None = None
    definite: bool | None = None
    quantity: int | None = None
    version: int | None = None
    detail: str = ""


said = Decoder(Said).decode


def is_final(call: Call) -> bool:
    """Tell whether an answer to a purchase is the last word on it."""
    return call.status == CREATED or call.status in REFUSED


@dataclass
class Habits:
    """How the clients of a crowd ask."""

    call_timeout_s: float = CALL_TIMEOUT_S
    """How long they wait for an answer before they ask again."""
    pause_s: float = PAUSE_S
    in_turns: bool = False
    """Each sends its requests through one front after the other, instead of half of them."""


class Crowd:
    """The clients, and what they did."""

    def __init__(
        self,
        seed: int,
        fronts: Mapping[str, Customers],
        keepers: Sequence[Customers],
        secret: str,
        tell: Callable[[Call], None],
        *,
        habits: Habits | None = None,
    ) -> None:
        """Send clients to the fronts; the keeper of the shop restocks at the catalogs.

        Every second errand stays at one front, the others send each request through the next.

        Args:
            seed: of the plan.
            fronts: call a front each, by its name.
            keepers: call a catalog each.
            secret: of the services.
            tell: is told of every call, once it has ended.
            habits: of the clients; they may change on the way.
        """
        self._seed = seed
        self._habits = habits or Habits()
        self._sent: Counter[int] = Counter()
        self._fronts = fronts
        self._keepers = keepers
        self._turns = count()
        self._authorization = {"authorization": f"Bearer {secret}"}
        self._tell = tell
        self._numbers = count(1)

    async def stock(self) -> None:
        """Add the books."""
        for book_id in range(1, plan.BOOKS + 1):
            copies = plan.COPIES_SCARCE if book_id <= plan.SCARCE else plan.COPIES
            book = {
                "id": book_id,
                "title": f"Book {book_id}",
                "topic": "chaos",
                "price": 19.99,
                "quantity": copies,
            }
            call = await self._call(
                0,
                "add",
                self._keepers[0].call("POST", "/books", book, headers=self._authorization),
                lines=((book_id, copies),),
            )
            assert call.status == CREATED, call

    async def serve(self, clients: int, gate: Callable[[], Awaitable[bool]]) -> None:
        """Let so many clients at once do one errand after the other, while the gate lets them."""

        async def come_and_go() -> None:
            while await gate():
                await self._do(plan.errand(self._seed, next(self._numbers)))

        async with asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(come_and_go())

    async def replay(self, key: str, lines: Lines) -> Call:
        """Ask for a purchase again, after the end of everything, until the answer is final."""
        return await self._insist(0, key, lines, "replay", patience_s=REPLAY_PATIENCE_S)

    async def read(
        self, book_id: int, errand: int = 0, *, fresh: bool = False, front: str = ""
    ) -> Call:
        """Read a book, past the cache where `fresh`, at any front where none is named."""
        headers = {"cache-control": "no-cache"} if fresh else None
        front = front or self._front(errand)
        asked = self._fronts[front].call("GET", f"/info/{book_id}", headers=headers)
        return await self._call(errand, "read", asked, lines=((book_id, 0),), front=front)

    def _front(self, errand: int, silent: str = "") -> str:
        """Return the front that an errand goes to next; another than one that said nothing."""
        if self._habits.in_turns:
            self._sent[errand] += 1
            those = [front for front in self._fronts if front != silent]
            return those[(errand + self._sent[errand]) % len(those)]
        turn = next(self._turns) if errand % 2 else 0
        return list(self._fronts)[(errand // 2 + turn) % len(self._fronts)]

    async def _do(self, errand: Errand) -> None:
        if errand.act == "restock":
            ((book_id, copies),) = errand.lines
            path = f"/update/{book_id}/amount_of_items/{copies}"
            keeper = self._keepers[errand.number % len(self._keepers)]
            asked = keeper.call("PUT", path, headers=self._authorization)
            await self._call(errand.number, "restock", asked, lines=errand.lines)
        elif errand.act == "read":
            await self.read(errand.lines[0][0], errand.number, fresh=errand.fresh)
        elif errand.gives_up_after_s is not None:
            timeout_s = errand.gives_up_after_s
            await self._ask(errand.number, self._key(errand), errand.lines, timeout_s=timeout_s)
        else:
            await self._buy(errand)

    def _key(self, errand: Errand) -> str:
        return f"{self._seed}-{errand.number}"

    async def _buy(self, errand: Errand) -> None:
        key = self._key(errand)
        at_once: list[Coroutine[Any, Any, Call]] = [
            self._insist(
                errand.number,
                key,
                errand.lines,
                leaves=errand.leaves_when_accepted,
                hurries_s=errand.hurries_s,
            )
        ]
        at_once += [
            self._ask(errand.number, key, errand.lines)
            for after_s in errand.duplicates_s
            if not after_s
        ]
        if errand.other_lines and errand.other_at_once:
            at_once += [self._ask(errand.number, key, errand.other_lines)]
        calls = await asyncio.gather(*at_once)
        bought = calls[0]
        if bought.status not in {CREATED, ACCEPTED}:
            return
        order_id = str(said(bought.body).order_id)
        if errand.looks:
            await self.read(errand.lines[0][0], errand.number, fresh=errand.fresh)
            await self._look(errand.number, order_id)
        if errand.cancels:
            together = [self._cancel(errand.number, order_id)]
            if bought.status == ACCEPTED:
                together += [self._again(errand, key)]
            await asyncio.gather(*together)
        for after_s in filter(None, errand.duplicates_s):
            await asyncio.sleep(after_s)
            await self._again(errand, key)
        if errand.other_lines and not errand.other_at_once:
            await self._ask(errand.number, key, errand.other_lines)
        if errand.looks:
            await self._look(errand.number, order_id)

    async def _look(self, errand: int, order_id: str) -> None:
        front = self._front(errand)
        asked = self._fronts[front].call("GET", f"/orders/{order_id}")
        await self._call(errand, "look", asked, order_id=order_id, front=front)

    async def _again(self, errand: Errand, key: str) -> None:
        await self._ask(errand.number, key, errand.lines)

    async def _cancel(self, errand: int, order_id: str) -> None:
        give_up_s = monotonic() + PATIENCE_S
        while monotonic() < give_up_s:
            front = self._front(errand)
            asked = self._fronts[front].call("POST", f"/orders/{order_id}/cancel")
            call = await self._call(errand, "cancel", asked, order_id=order_id, front=front)
            if 0 < call.status < 500:
                return
            await asyncio.sleep(self._habits.pause_s)

    async def _insist(
        self,
        errand: int,
        key: str,
        lines: Lines,
        act: Act = "buy",
        *,
        leaves: bool = False,
        patience_s: float = PATIENCE_S,
        hurries_s: float | None = None,
    ) -> Call:
        """Ask again with the same key until the answer is final, or no patience is left."""
        give_up_s = monotonic() + patience_s
        if hurries_s is not None:
            call = await self._ask(errand, key, lines, act, hurries_s=hurries_s)
            if is_final(call) or (call.body and said(call.body).definite):
                return call
        silent = ""
        while True:
            call = await self._ask(errand, key, lines, act, silent=silent)
            silent = "" if call.status else call.front
            if is_final(call) or (leaves and call.status == ACCEPTED) or monotonic() > give_up_s:
                return call
            await asyncio.sleep(self._habits.pause_s)

    async def _ask(
        self,
        errand: int,
        key: str,
        lines: Lines,
        act: Act = "buy",
        *,
        timeout_s: float | None = None,
        hurries_s: float | None = None,
        silent: str = "",
    ) -> Call:
        """Ask for a purchase, once."""
        headers = {"bazar-deadline-ms": f"{1000 * hurries_s:.0f}"} if hurries_s else None
        items = [{"id": book_id, "quantity": copies} for book_id, copies in lines]
        if len(items) == 1:
            path, body = f"/purchase/{items[0].pop('id')}", dict[str, object](items[0])
        else:
            path, body = "/orders", {"lines": items}
        front = self._front(errand, silent)
        asked = self._fronts[front].call("POST", path, body, key=key, headers=headers)
        return await self._call(
            errand, act, asked, lines=lines, key=key, front=front, timeout_s=timeout_s
        )

    async def _call(
        self,
        errand: int,
        act: Act,
        asked: Coroutine[Any, Any, Reply],
        *,
        lines: Lines = (),
        key: str = "",
        order_id: str = "",
        front: str = "",
        timeout_s: float | None = None,
    ) -> Call:
        """Send a request and tell what became of it."""
        answer = None
        started_s = monotonic()
        try:
            async with asyncio.timeout(timeout_s or self._habits.call_timeout_s):
                answer = await asked
        except (RequestError, TimeoutError):
            pass
        call = Call(
            errand=errand,
            act=act,
            started_s=started_s,
            ended_s=monotonic(),
            status=answer.status if answer else 0,
            lines=lines,
            key=key,
            order_id=order_id,
            body=answer.content.decode() if answer else "",
            location=answer.headers.get("location", "") if answer else "",
            front=front,
            sold_now="catalog" in answer.headers.get("server-timing", "") if answer else False,
        )
        self._tell(call)
        return call
