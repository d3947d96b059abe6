"""Multicast DNS: services announce themselves on a network, and hear of each other.

How it works: a service is one instance of `_bazar-SERVICE._tcp.local.`, whose TXT record names the
shop. The instance has a name that is made up anew each time, since cloned machines share theirs.
Whoever looks asks for all instances, soon at first and seldom later, and hears of new ones at
once. What is heard goes to `candidates.py`: this module believes nobody.

Interfaces come and go. Every half second their addresses are compared with those in use; where
they differ, all is closed, opened and announced anew. It is opened again as often as that fails.

Source: RFC 6762, RFC 6763; docs/decisions/0042-found-by-themselves.md
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from ipaddress import IPv6Address

from zeroconf import (  # type: ignore[attr-defined]  # two of these are offered, and not listed
    DNSOutgoing,
    DNSQuestion,
    Error,
    RecordUpdate,
    RecordUpdateListener,
    ServiceInfo,
    Zeroconf,
)
from zeroconf.asyncio import AsyncZeroconf

from bazar.kit.log import get_logger
from bazar.kit.peers.addresses import (
    Address,
    Addresses,
    Looking,
    Prove,
    Tell,
    announced_as,
    url_at,
)
from bazar.kit.peers.candidates import LASTS_S, Candidates
from bazar.kit.peers.interfaces import (
    Interface,
    as_address,
    interfaces,
    multicast_on,
    reached_at,
)

LOOK_S = 0.5
"""Between two looks at the interfaces of this machine."""
ASK_S_FIRST = 1.0
ASK_S_MAX = 30.0
"""Between two questions to the network; what is announced lasts for four of them."""
ASK_S_MAX_UNKNOWN = 5.0
"""While nobody is known."""
EXPIRE_S = 1.0
"""Between two looks whether announcements have run out."""
ADDRESSES_MAX = 4
"""Of one instance; the others are not looked at."""
SHOPS_MAX = 16
"""Names of other shops that are remembered, for people."""
PROVING_MAX = 16
"""Who are asked for a proof at the same time."""
PROVING_A_TURN = 4
TURN_S = 0.02
"""What is heard in this time is looked at together."""
VERSION = "1"
_QUERY = 0
_INTERNET = 1
_PTR = 12
_PORTS = range(1, 65536)
_NO_PROOF = "it does not prove that it is of our shop: it may have another secret"

Opened = Callable[[AsyncZeroconf, Sequence[Interface]], Awaitable[None]]
See = Callable[[Sequence[str]], Sequence[Interface]]


def kind(service: str) -> str:
    """Return as what a service is announced."""
    return f"_bazar-{service}._tcp.local."


class Network:
    """Multicast DNS on some interfaces of this machine, opened again whenever those change."""

    def __init__(self, named: Sequence[str], opened: Opened, see: See = interfaces) -> None:
        """Use these interfaces, all where none is named; `opened` is called each time.

        Args:
            named: by address or by name.
            opened: gets the network, and what it is open on.
            see: returns the interfaces of this machine that are meant.
        """
        self._named = named
        self._see = see
        self._opened = opened
        self._on: Sequence[Interface] | None = None
        self._failed = ""
        self.zeroconf: AsyncZeroconf | None = None
        self._last: AsyncZeroconf | None = None
        """What was open before, until it is closed."""
        self._log = get_logger()
        logging.getLogger("zeroconf").setLevel(logging.CRITICAL)  # it writes where nobody reads

    async def run(self) -> None:
        """Keep it open for ever; cancelled, withdraw what was announced."""
        try:
            while True:
                there = self._see(self._named)
                if there != self._on or (self._failed and there):
                    await self._change(there)
                await asyncio.sleep(LOOK_S)
        finally:
            for one in (self._last, self.zeroconf):  # the first, where a change was interrupted
                await self._close(one)

    async def _change(self, there: Sequence[Interface]) -> None:
        """Open anew, and only then close what was open: what asks meanwhile hears something."""
        self._last, self.zeroconf, self._on = self.zeroconf, None, there
        try:
            if there:
                self.zeroconf = AsyncZeroconf(interfaces=multicast_on(there))
                await self.zeroconf.zeroconf.async_wait_for_start()
                await self._opened(self.zeroconf, there)
            self._failed = ""
        except (OSError, RuntimeError, Error) as error:
            if self._failed != str(error):
                self._tell(there, str(error))
            self._failed = str(error) or "it says no reason"
            await self._close(self.zeroconf)
            self.zeroconf = None
        await self._close(self._last)
        self._last = None
        if not there:
            self._tell(there, "there is no such interface with an address")

    def _tell(self, on: Sequence[Interface], reason: str) -> None:
        named = [*self._named] or [one.name for one in on]
        self._log.warning("no-multicast", on=named, reason=reason)

    @staticmethod
    async def _close(opened: AsyncZeroconf | None) -> None:
        if opened is not None:
            with suppress(OSError, RuntimeError, Error):
                await opened.async_close()


async def announce(  # noqa: PLR0913  what an announcement is made of
    service: str,
    host: str,
    port: int,
    looking: Looking,
    ready: Callable[[], Awaitable[bool]],
    *,
    tell: Tell = lambda _said: None,
    see: See = interfaces,
) -> None:
    """Announce a service from when it is ready until this is cancelled, and then withdraw it.

    Args:
        service: its name.
        host: the address that it listens on; 0.0.0.0 and :: are all of them.
        port: that it listens on.
        looking: for which shop, and on which interfaces.
        ready: tells whether it can do its work.
        tell: is told what the service has to say of it, before anybody hears of it.
        see: returns the interfaces of this machine that are meant.
    """
    log = get_logger()

    async def opened(on: AsyncZeroconf, there: Sequence[Interface]) -> None:
        addresses = reached_at(host, there, named=bool(looking.interfaces))
        if not addresses:
            return
        tell(announced_as(looking.shop, addresses, port))
        await on.async_register_service(
            _announcement(service, addresses, port, looking.shop), cooperating_responders=True
        )
        log.info("announced", shop=looking.shop, port=port, addresses=list(addresses))

    while not await ready():  # noqa: ASYNC110  it waits for a database, which tells nobody
        await asyncio.sleep(LOOK_S)
    await Network(looking.interfaces, opened, see).run()


def _announcement(service: str, addresses: Sequence[str], port: int, shop: str) -> ServiceInfo:
    name = secrets.token_hex(4)
    return ServiceInfo(
        kind(service),
        f"{name}.{kind(service)}",
        port=port,
        properties={"shop": shop, "v": VERSION},
        server=f"bazar-{name}.local.",
        host_ttl=int(LASTS_S),
        parsed_addresses=list(addresses),
    )


class Hearing(RecordUpdateListener):
    """Which addresses are announced on one network as a service of a shop."""

    def __init__(self, service: str, looking: Looking, candidates: Candidates) -> None:
        """Tell the candidates."""
        self._kind = kind(service)
        self._shop = looking.shop.encode()
        self._candidates = candidates
        self._loopback = False
        self._touched: set[str] = set()
        self._zeroconf: Zeroconf | None = None
        self.changed = asyncio.Event()
        self.shops: set[str] = set()
        """Names of other shops that are announced here."""

    def listen(self, on: Zeroconf, *, loopback: bool) -> None:
        """Listen here from now on.

        Args:
            on: the network.
            loopback: whether addresses of this machine alone may be heard.
        """
        self._zeroconf, self._loopback = on, loopback
        on.async_add_listener(self, None)

    def ask(self) -> None:
        """Ask all of them to announce themselves again."""
        if self._zeroconf is not None:
            question = DNSOutgoing(_QUERY)
            question.add_question(DNSQuestion(self._kind, _PTR, _INTERNET))
            self._zeroconf.async_send(question)

    def async_update_records(
        self,
        zc: Zeroconf,
        now: float,
        records: list[RecordUpdate],
    ) -> None:
        """Take in what one packet says of instances.

        Whoever announces puts all of an instance into one packet. So it is read from there: what
        zeroconf remembers of it may have given way to what others say, on purpose or not.
        """
        by_name: dict[str, list[RecordUpdate]] = {}
        for update in records:
            by_name.setdefault(update.new.name.lower(), []).append(update)
        names = {name for name in by_name if name.endswith(f".{self._kind}")}
        for update in by_name.get(self._kind, ()):
            names.add(str(getattr(update.new, "alias", "")).lower())
        for name in names:
            info = self._info(name)
            if info is None:
                continue
            info.async_update_records(zc, now, by_name.get(name, []))
            info.async_update_records(zc, now, by_name.get(info.server_key or "", []))
            addresses = self._addresses(info)
            if addresses:
                self._hear(name, addresses)
            else:
                self._touched.add(name)

    def async_update_records_complete(self) -> None:
        """Look at what is known by now of those of whom the packet did not say all."""
        touched, self._touched = self._touched, set()
        for name in touched:
            info = self._info(name)
            if info is not None and self._zeroconf is not None:
                info.load_from_cache(self._zeroconf)
                self._hear(name, self._addresses(info))

    def _info(self, name: str) -> ServiceInfo | None:
        try:
            return ServiceInfo(self._kind, name)
        except Error:  # a name that no instance may have
            return None

    def _hear(self, name: str, addresses: Addresses) -> None:
        if self._candidates.hear(name, addresses):
            self.changed.set()

    def _addresses(self, info: ServiceInfo) -> Addresses:
        """Return the addresses of an instance; none where it is not one of our shop."""
        said = info.properties
        shop = said.get(b"shop")
        if shop != self._shop or said.get(b"v") != VERSION.encode():
            if shop and len(self.shops) < SHOPS_MAX:
                self.shops.add(shop.decode(errors="replace"))
            return frozenset()
        port = info.port or 0
        if port not in _PORTS:
            return frozenset()
        there = [one for one in info.parsed_addresses() if self._may_be(one)]
        return frozenset(Address(url_at(one, port)) for one in there[:ADDRESSES_MAX])

    def _may_be(self, text: str) -> bool:
        """Tell whether something that can be asked may be at an address."""
        one = as_address(text)
        if one is None or one.is_multicast or one.is_unspecified or one.is_reserved:
            return False
        if isinstance(one, IPv6Address) and one.is_link_local:
            return False  # an address of the web has no room for its zone
        return self._loopback or not one.is_loopback


class Announced:
    """Who of a service of our shop announces itself, and has proved who it is."""

    def __init__(self, service: str, looking: Looking) -> None:
        """Look for this service."""
        self._looking = looking
        self._candidates = Candidates()
        self._hearing = Hearing(service, looking, self._candidates)
        self._network = Network(looking.interfaces, self._opened)
        self._ask_s = ASK_S_FIRST
        self._ask_now = asyncio.Event()
        self._proofs: set[asyncio.Task[None]] = set()
        self._log = get_logger()

    @property
    def shop(self) -> str:
        """Whose announcements count."""
        return self._looking.shop

    @property
    def known(self) -> Addresses:
        """All that have proved who they are."""
        return self._candidates.proven

    @property
    def announced(self) -> Addresses:
        """All that say that they are it, proved or not."""
        return self._candidates.announced

    @property
    def shops(self) -> frozenset[str]:
        """Names of other shops of which such a service is announced."""
        return frozenset(self._hearing.shops)

    def hurry(self) -> None:
        """Ask the network soon, at most once a second: nobody answers where we look."""
        self._ask_s = ASK_S_FIRST
        self._ask_now.set()

    async def follow(self, changed: Callable[[], None], prove: Prove) -> None:
        """Listen for ever, and tell of each change of what is known."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._network.run())
                group.create_task(self._ask())
                group.create_task(self._expire())
                group.create_task(self._prove(changed, prove))
        finally:
            for proof in self._proofs:
                proof.cancel()

    async def _opened(self, on: AsyncZeroconf, there: Sequence[Interface]) -> None:
        self._hearing.listen(on.zeroconf, loopback=any(one.is_loopback for one in there))
        self._hearing.ask()
        self.hurry()

    async def _ask(self) -> None:
        """Ask the network again and again, less and less often."""
        while True:
            await asyncio.sleep(ASK_S_FIRST)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._ask_s - ASK_S_FIRST):
                    await self._ask_now.wait()
            self._ask_now.clear()
            self._hearing.ask()
            self._ask_s = min(2 * self._ask_s, ASK_S_MAX if self.known else ASK_S_MAX_UNKNOWN)

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(EXPIRE_S)
            self._candidates.expire()

    async def _prove(self, changed: Callable[[], None], prove: Prove) -> None:
        """Let those prove who they are whose turn it is."""
        told = self.known
        while True:
            self._hearing.changed.clear()
            room = min(PROVING_A_TURN, PROVING_MAX - len(self._proofs))
            for address in self._candidates.due(room):
                proof = asyncio.create_task(self._one(address, prove))
                self._proofs.add(proof)
                proof.add_done_callback(self._proofs.discard)
            if self.known != told:
                told = self.known
                changed()
            await asyncio.sleep(TURN_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._hearing.changed.wait()

    async def _one(self, address: Address, prove: Prove) -> None:
        proved = False
        try:
            proved = await prove(address)
        finally:
            if self._candidates.note(address, proved=proved):
                self._log.warning("announced-not-believed", address=address.url, reason=_NO_PROOF)
            self._hearing.changed.set()
