"""Buyers of a shop whose power may fail at any moment: what they asked for, and what they heard."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import apsw
from pyreqwest.exceptions import RequestError

from support.order_calls import key as key_header
from support.shops import Caller, Reply

PAUSE_S = 0.005
GIVES_UP = 0.1
"""The share of purchases that nobody answered and that are never asked for again."""
STEP_S = 30.0
OLD_REPEATED = 20
PLENTY = {"title": "RPCs for Noobs", "topic": "tests", "price": 19.99, "quantity": 1_000_000}
SCARCE = {"title": "A rare one", "topic": "tests", "price": 5, "quantity": 2}


@dataclass(frozen=True, eq=False)
class Purchase:
    """What a buyer asks for, under a key of its own."""

    key: str
    path: str
    body: object


@dataclass
class Buyers:
    """Some buyers and a keeper, who write down whatever they hear."""

    catalog: Caller
    order: Caller
    chance: Random
    answers: dict[Purchase, Reply] = field(default_factory=dict)
    """The definite answer to each purchase: 201 or 409."""
    order_ids: dict[str, str] = field(default_factory=dict)
    """By key, of each purchase that was confirmed or accepted."""
    cancelled: set[str] = field(default_factory=set)
    restocks: int = 0
    restocks_asked: int = 0
    undone: int = 0
    """Orders that were heard of as confirmed, and that a cut has left pending."""
    wrong: list[str] = field(default_factory=list)
    """Answers that must never be given."""
    _plenty: int = 0
    _scarce: int = 0
    _asked: int = 0
    _unheard: list[Purchase] = field(default_factory=list)
    _unchecked: list[Purchase] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def set_up(self) -> None:
        """Have two books to buy, one of them sold out again and again."""
        if not self._scarce:
            self._plenty = (await self.catalog.post("/books", PLENTY)).json["id"]
            self._scarce = (await self.catalog.post("/books", SCARCE)).json["id"]

    @asynccontextmanager
    async def rush(self, count: int) -> AsyncIterator[None]:
        """Let some of them act all at once; at the end they leave, whatever they wait for."""
        acting = [asyncio.create_task(self._act()) for _ in range(count)]
        try:
            yield
        finally:
            for one in acting:
                one.cancel()
            for ended in await asyncio.gather(*acting, return_exceptions=True):
                if isinstance(ended, Exception):
                    raise ended

    async def heard_more(self, count: int) -> None:
        """Wait until so many more purchases have their answer."""
        wanted = len(self.answers) + count
        async with asyncio.timeout(STEP_S):
            while len(self.answers) < wanted:
                self._news.clear()
                await self._news.wait()

    async def _act(self) -> None:
        while True:
            dice = self.chance.random()
            try:
                if dice < 0.06:
                    await self._restock()
                elif dice < 0.14 and self.answers:
                    await self._cancel(self.chance.choice(list(self.answers)))
                else:
                    await self._buy(self._next())
            except RequestError:  # nobody answered: the power is out somewhere
                await asyncio.sleep(PAUSE_S)

    def _next(self) -> Purchase:
        """Return what nobody answered, or something new."""
        if self._unheard and self.chance.random() < 0.5:
            return self._unheard.pop()
        self._asked += 1
        key = f"key-{self._asked}"
        one, dice = {"quantity": self.chance.randint(1, 3)}, self.chance.random()
        if dice < 0.2:
            lines = [{"id": self._plenty} | one, {"id": self._scarce, "quantity": 1}]
            return Purchase(key, "/orders", {"lines": lines})
        return Purchase(key, f"/purchase/{self._scarce if dice < 0.4 else self._plenty}", one)

    async def _buy(self, purchase: Purchase) -> None:
        try:
            reply = await self._ask(purchase)
        except (RequestError, asyncio.CancelledError):
            if self.chance.random() >= GIVES_UP:
                self._unheard.append(purchase)
            raise
        if reply.status in {201, 202}:
            self.order_ids[purchase.key] = str(reply.json["order_id"])
        if self._definite(f"purchase {purchase.key}", reply, 201, 409):
            self.answers[purchase] = reply
            self._unchecked.append(purchase)
            self._news.set()
        else:
            self._unheard.append(purchase)

    async def _ask(self, purchase: Purchase) -> Reply:
        return await self.order.post(purchase.path, purchase.body, key_header(purchase.key))

    async def _cancel(self, purchase: Purchase) -> None:
        if self.answers[purchase].status != 201:
            return
        order_id = self.order_ids[purchase.key]
        reply = await self.order.post(f"/orders/{order_id}/cancel")
        if self._definite(f"cancel of order {order_id}", reply, 200):
            self.cancelled.add(order_id)

    async def _restock(self) -> None:
        self.restocks_asked += 1
        reply = await self.catalog.call("PUT", f"/update/{self._scarce}/amount_of_items/1")
        if self._definite("restock", reply, 200):
            self.restocks += 1

    def _definite(self, what: str, reply: Reply, *statuses: int) -> bool:
        """Tell a definite answer from an indefinite one; note any other as wrong."""
        if reply.status not in {202, 503, *statuses}:
            self.wrong.append(f"{what}: it was answered {reply.status} {reply.content[:200]!r}")
        return reply.status in statuses

    def read(self, service: str, path: Path) -> list[str]:
        """Read a database that a cut has left; return what it lacks of all that was heard."""
        try:
            with closing(apsw.Connection(str(path), vfs="unix")) as connection:
                verdict = connection.execute("PRAGMA integrity_check").get
                if verdict != "ok":
                    return [f"{service}.db is damaged: {verdict}"]
                if not self._scarce:
                    return []  # it was still being made; nobody has heard of anything
                lacks = self._of_orders if service == "order" else self._of_catalog
                return list(lacks(connection))
        except apsw.Error as error:
            return [f"what {service}.db held is lost: {error}"]

    def _of_orders(self, connection: apsw.Connection) -> list[str]:
        held = _statuses(connection, "SELECT idempotency_key, status FROM orders")
        self.undone += sum(
            held.get(purchase.key) == "pending"
            for purchase, reply in self.answers.items()
            if reply.status == 201
        )
        lost = [f"order {key} was acknowledged and is lost" for key in self.order_ids.keys() - held]
        refused = [
            f"purchase {purchase.key} was refused, and is {held.get(purchase.key, 'lost')}"
            for purchase, reply in self.answers.items()
            if reply.status == 409 and held.get(purchase.key) != "rejected"
        ]
        back = [
            f"order {key} was cancelled, and is {held.get(key, 'lost')}"
            for key, order_id in self.order_ids.items()
            if order_id in self.cancelled and held.get(key) != "cancelled"
        ]
        return lost + refused + back

    def _of_catalog(self, connection: apsw.Connection) -> list[str]:
        held = _statuses(connection, "SELECT order_id, status FROM reservations")
        lost = [
            f"the sale of order {self.order_ids[purchase.key]} was acknowledged and is lost"
            for purchase, reply in self.answers.items()
            if reply.status == 201
            and held.get(self.order_ids[purchase.key]) not in {"reserved", "released"}
        ]
        received = connection.execute(
            "SELECT count(*) FROM movements WHERE kind = 'received' AND book_id = ? AND copies = 1",
            (self._scarce,),
        ).get
        if not self.restocks <= received <= self.restocks_asked:
            lost.append(
                f"of {self.restocks_asked} restocks {self.restocks} were acknowledged, "
                f"and {received} are there"
            )
        return lost

    async def check(self, *, whole: bool) -> list[str]:
        """Ask for purchases again; return those that are not answered as they were.

        Args:
            whole: for every purchase there ever was, not only for the latest and some others.
        """
        known = list(self.answers)
        some = known if whole else self.chance.sample(known, min(OLD_REPEATED, len(known)))
        found = []
        for purchase in {*self._unchecked, *some}:
            first, again = self.answers[purchase], await self._ask(purchase)
            if (first.status, first.content) != (again.status, again.content):
                found.append(
                    f"purchase {purchase.key} was answered {first.status} {first.content!r}, "
                    f"and later {again.status} {again.content!r}"
                )
        self._unchecked.clear()
        return found

    def count(self, tally: Counter[str]) -> None:
        """Add up what was heard."""
        confirmed = sum(reply.status == 201 for reply in self.answers.values())
        tally["confirmed"] += confirmed
        tally["refused"] += len(self.answers) - confirmed
        tally["cancelled"] += len(self.cancelled)
        tally["restocks"] += self.restocks
        tally["undone"] += self.undone


def _statuses(connection: apsw.Connection, sql: str) -> dict[str, str]:
    return {str(name): str(status) for name, status in connection.execute(sql)}
