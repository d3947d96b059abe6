"""Hold the shop to what it said: every purchase has one definite end, and the stock fits.

1. A purchase without a definite answer is asked for again, with its key, until it has one.
2. Each order that a buyer was told of is asked for at the front, and must be confirmed for just
   that book. One that was only accepted must have been decided by now.
3. What left the stock of the load's own books is what was sold, to the copy.
4. `bazar audit` compares everything else: ledger, reservations and orders of the whole shop. For
   books that others may buy too it takes the place of 3.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from itertools import islice
from time import monotonic
from typing import NamedTuple, TypeVar

import msgspec
from pyreqwest.client import Client
from pyreqwest.exceptions import RequestError

from bazar.kit.http.idempotency import KEY_HEADER, format_key
from bazar.kit.process.loop import run_fast
from bazar.load.clients import new_load_client
from bazar.load.purchases import Purchases
from bazar.load.stock import Stock, copies
from bazar.tools.audit import audit
from bazar.tools.remote import RemoteError
from bazar.tools.shop import Shop
from bazar.wire.orders import Order

T = TypeVar("T")

PATIENCE_S = 15.0
"""Without a single answer, after which the check asks no more."""
PAUSE_S = 0.2
ASKING_AT_ONCE = 32
_OK, _NOT_FOUND = 200, 404
_SOLD = frozenset({"confirmed", "fulfilled"})


class Checked(msgspec.Struct, kw_only=True):
    """What the check at the end found."""

    purchases: int
    sold: int
    asked_again: int
    """Purchases that had no definite answer at first."""
    audited: bool
    """Whether ledger, reservations and orders of the whole shop were compared too."""
    differences: list[str]


def check(
    shop: Shop, stock: Stock, purchases: Purchases, watch: Callable[[int, int], None]
) -> Checked:
    """Check all that a load bought.

    Args:
        shop: with the service secret where the whole shop shall be audited.
        stock: the books of the load, before their copies are taken away.
        purchases: what was bought.
        watch: is told how many of how many were asked about.

    Raises:
        RemoteError: the catalog or the order service does not answer, so nothing is sure.
    """
    asked_again = len(purchases.unknown)
    differences = run_fast(_ask_front(shop.addresses.front, purchases, watch))
    differences += stock_differences(shop, stock, purchases)
    if shop.secret:
        differences += audit_differences(shop, purchases)
    return Checked(
        purchases=purchases.asked,
        sold=len(purchases.acknowledged),
        asked_again=asked_again,
        audited=bool(shop.secret),
        differences=differences,
    )


async def _ask_front(
    url: str, purchases: Purchases, watch: Callable[[int, int], None]
) -> list[str]:
    async with new_load_client() as client:
        return await answer_differences(Inquiry(url, client, purchases, PATIENCE_S), watch)


async def answer_differences(inquiry: "Inquiry", watch: Callable[[int, int], None]) -> list[str]:
    """Ask the front about every purchase until all is definite, and return what differs.

    Args:
        inquiry: knows the purchases, and afterwards the end of each.
        watch: is told how many of how many were asked about.
    """
    purchases = inquiry.purchases
    said = await _each(purchases.unknown, inquiry.ask_again, watch)
    said += await _each(purchases.accepted, inquiry.follow_accepted, watch)
    said += await _each(purchases.acknowledged, inquiry.find_confirmed, watch)
    return [*purchases.differences, *filter(None, said)]


class ShownOrder(NamedTuple):
    """An order as the front shows it."""

    status: str
    """`missing` where there is none."""
    lines: list[tuple[int, int]]
    """Books and copies."""


class Inquiry:
    """One question each, asked until it has an answer or the shop is given up."""

    def __init__(self, url: str, client: Client, purchases: Purchases, patience_s: float) -> None:
        """Ask the front at this address; give it up after so long without a single answer."""
        self._url = url
        self._client = client
        self.purchases = purchases
        self._patience_s = patience_s
        self._heard_s = monotonic()

    async def ask_again(self, key: str) -> str:
        """Repeat a purchase with its key."""
        book_id = self.purchases.unknown[key]

        async def known() -> bool | None:
            request = self._client.post(f"{self._url}/purchase/{book_id}")
            response = await request.header(KEY_HEADER, format_key(key)).build().send()
            body = (await response.bytes()).to_bytes()
            return self.purchases.heard_again(key, response.status, body) or None

        if await self._until(known):
            return ""
        return f"purchase {key} of book {book_id}: no definite answer"

    async def follow_accepted(self, order_id: str) -> str:
        """Find the end of an order that was only accepted."""

        async def ended() -> ShownOrder | None:
            shown = await self._order(order_id)
            return None if shown and shown.status == "pending" else shown

        shown = await self._until(ended)
        if shown is None:
            return f"order {order_id} was accepted, and is not decided"
        if shown.status in _SOLD:
            self.purchases.acknowledged[order_id] = self.purchases.accepted[order_id]
        elif shown.status != "rejected":
            return f"order {order_id} was accepted, but it is {shown.status}"
        return ""

    async def find_confirmed(self, order_id: str) -> str:
        """Find an order that its buyer was told of."""
        shown = await self._until(lambda: self._order(order_id))
        if shown is None:
            return f"order {order_id} was confirmed, and the shop does not answer for it"
        if shown.status not in _SOLD:
            return f"order {order_id} was confirmed, but it is {shown.status}"
        book_id = self.purchases.acknowledged[order_id]
        if shown.lines != [(book_id, 1)]:
            return f"order {order_id} was confirmed for book {book_id}, but it is for {shown.lines}"
        return ""

    async def _order(self, order_id: str) -> ShownOrder | None:
        """Look at an order; None where the shop does not say."""
        response = await self._client.get(f"{self._url}/orders/{order_id}").build().send()
        body = (await response.bytes()).to_bytes()
        if response.status == _NOT_FOUND:
            return ShownOrder("missing", [])
        if response.status != _OK:
            return None
        order = msgspec.json.decode(body, type=Order)
        return ShownOrder(order.status, [(line.book_id, line.quantity) for line in order.lines])

    async def _until(self, ask: Callable[[], Awaitable[T | None]]) -> T | None:
        while monotonic() < self._heard_s + self._patience_s:
            with suppress(RequestError, msgspec.DecodeError):
                found = await ask()
                if found is not None:
                    self._heard_s = monotonic()
                    return found
            await asyncio.sleep(PAUSE_S)
        return None


async def _each(
    items: Iterable[str], ask: Callable[[str], Awaitable[str]], watch: Callable[[int, int], None]
) -> list[str]:
    """Ask about each, several at once, and return what was said."""
    left = list(items)
    total, said = len(left), list[str]()

    async def client() -> None:
        while left:
            said.append(await ask(left.pop()))
            watch(len(said), total)

    async with asyncio.TaskGroup() as group:
        for _ in range(ASKING_AT_ONCE):
            group.create_task(client())
    return said


def stock_differences(shop: Shop, stock: Stock, purchases: Purchases) -> list[str]:
    """Compare what left the stock of the load's own books with what was sold.

    Raises:
        RemoteError: the catalog does not answer.
    """
    sold = purchases.sold()
    found = []
    for book_id, before in stock.own.items():
        gone = before - copies(shop, book_id)
        if gone != sold[book_id]:
            found.append(f"book {book_id}: {gone} copies left the stock, {sold[book_id]} were sold")
    return found


def audit_differences(shop: Shop, purchases: Purchases) -> list[str]:
    """Audit the whole shop, once it is sure that it is the one whose front was loaded.

    Raises:
        RemoteError: a service does not answer.
    """
    for order_id in islice(purchases.acknowledged, 1):
        try:
            shop.order.order(order_id)
        except RemoteError as error:
            if error.problem is None or error.problem.status != _NOT_FOUND:
                raise
            text = (
                f"the order service at {shop.addresses.order} does not know order {order_id}, "
                f"which the front at {shop.addresses.front} confirmed"
            )
            return [text]
    return audit(shop).differences
