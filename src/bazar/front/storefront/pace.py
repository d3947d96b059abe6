"""How much one visitor orders or wishes: so many times an hour, and whether the same books again.

In the memory of this front alone. Neither decides what is sold: the first keeps a stranger with a
loop from emptying the shop, the second asks a question.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from bazar.front.storefront.basket import BasketLine
from bazar.kit.clock import now_ms, passing_s
from bazar.kit.http.request import Request

HOUR_S = 3600
VISITORS_MAX = 10_000
"""Whoever ordered longest ago is forgotten first."""
REPEAT_MS = 10 * 60 * 1000
"""For so long an order of the same books is worth a question."""
Network = IPv4Network | IPv6Network
_OF_ONE_HOUSE = 64
"""Bits of an IPv6 address that one customer gets; the rest is theirs to choose."""


class Pace:
    """Counts orders an hour, or wishes, by network address."""

    def __init__(self, clock: Callable[[], float] = passing_s) -> None:
        """Start with nobody; the clock gives seconds that only pass."""
        self._clock = clock
        self._orders: OrderedDict[str, deque[tuple[float, str]]] = OrderedDict()

    def wait_s(self, visitor: str, key: str, most: int) -> int:
        """Count an order, or return the whole seconds after which this visitor may order again.

        Args:
            visitor: their network address.
            key: of the order; whoever sends it again is not counted again.
            most: orders an hour; 0 for any number.
        """
        orders = self._orders.setdefault(visitor, deque())
        self._orders.move_to_end(visitor)
        if len(self._orders) > VISITORS_MAX:
            self._orders.popitem(last=False)
        now_s = self._clock()
        while orders and orders[0][0] <= now_s - HOUR_S:
            orders.popleft()
        if any(key == counted for _at_s, counted in orders):
            return 0
        if most and len(orders) >= most:
            return int(orders[-most][0] + HOUR_S - now_s) + 1
        orders.append((now_s, key))
        return 0

    def forget(self, visitor: str, key: str) -> None:
        """Count an order no more: nothing was bought."""
        if visitor in self._orders:
            kept = [order for order in self._orders[visitor] if order[1] != key]
            self._orders[visitor] = deque(kept)


class Repeats:
    """Remembers who ordered which books a moment ago."""

    def __init__(self, clock: Callable[[], int] = now_ms) -> None:
        """Start with nothing; the clock gives milliseconds of the day."""
        self._clock = clock
        self._orders: OrderedDict[Hashable, tuple[int, str]] = OrderedDict()

    def before_ms(
        self, visitor: str, email: str, lines: Iterable[BasketLine], key: str
    ) -> int | None:
        """Return when the same visitor ordered the same books under another key, or None."""
        at_ms, before = self._orders.get(_order(visitor, email, lines), (0, key))
        recent = 0 <= self._clock() - at_ms < REPEAT_MS
        return at_ms if before != key and recent else None

    def note(self, visitor: str, email: str, lines: Iterable[BasketLine], key: str) -> None:
        """Remember an order."""
        order = _order(visitor, email, lines)
        if order in self._orders and self._orders[order][1] == key:
            return
        self._orders[order] = self._clock(), key
        self._orders.move_to_end(order)
        if len(self._orders) > VISITORS_MAX:
            self._orders.popitem(last=False)


def _order(visitor: str, email: str, lines: Iterable[BasketLine]) -> Hashable:
    books = frozenset((line.book_id, line.copies) for line in lines)
    return visitor, email.casefold(), books


def asked_by(request: Request, proxies: Sequence[Network]) -> str:
    """Return the network address of who sent a request, as it is counted."""
    client = request.scope.get("client")
    forwarded = request.header_list("x-forwarded-for")
    return visitor_of(client[0] if client else "", forwarded, proxies)


def visitor_of(peer: str, forwarded: Sequence[str], proxies: Sequence[Network]) -> str:
    """Return the network address of who asks, of IPv6 the part that a customer cannot choose.

    Args:
        peer: the other end of the connection.
        forwarded: the headers `X-Forwarded-For`, in order.
        proxies: whose word on this counts; the last address that is none of theirs is the visitor.
    """
    address = peer
    hops = [hop.strip() for header in forwarded for hop in header.split(",")]
    while hops and _is_in(address, proxies):
        address = hops.pop()
    return _house(address)


def _is_in(text: str, networks: Iterable[Network]) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return any(address in network for network in networks)


def _house(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        return text[:_OF_ONE_HOUSE]
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((address.packed, _OF_ONE_HOUSE), strict=False))
