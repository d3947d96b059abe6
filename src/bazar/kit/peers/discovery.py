"""Where the targets of a service are: fixed addresses, all that a name stands for, or who says so.

How it works: what is given as a number is an address, for ever. A name is looked up, and looked up
again every few seconds, since replicas come and go; sooner where none of its addresses answers.
What stands for a target is an address, so that each has its own connections; before the first
look-up it is the name. A look-up that fails says nothing: what was known last still holds.
`mdns:` stands for whoever announces itself on the network and has proved who it is (`mdns.py`).

Names find; they never say that something is dead. That is for whoever calls to find out.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from bazar.kit.log import get_logger
from bazar.kit.peers.addresses import MDNS, Address, Addresses, Looking, Prove

if TYPE_CHECKING:
    from bazar.kit.peers.mdns import Announced

LOOK_AGAIN_S = 5.0
HURRY_S = 0.5
"""Between two look-ups while the name has no address, or none that answers."""
_LOCAL = "localhost"
_DEFAULT_PORT = 80


LookUp = Callable[[str, int], Awaitable[Iterable[str]]]


async def look_up(name: str, port: int) -> Sequence[str]:
    """Return every address that a name stands for, ready to be put into a URL.

    Raises:
        OSError: it cannot be looked up now, or there is no such name.
    """
    found = await asyncio.get_running_loop().getaddrinfo(
        name, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
    )
    return [
        f"[{place[0]}]" if family == socket.AF_INET6 else str(place[0])
        for family, _type, _protocol, _name, place in found
    ]


class Discovery:
    """The addresses of one service."""

    def __init__(
        self, urls: str, look_up: LookUp = look_up, *, service: str = "", every_name: bool = False
    ) -> None:
        """Start with what is given, names as they are.

        Args:
            urls: http addresses with commas between them; a name of https stays one, since its
                certificate holds it. `mdns:` is whoever announces itself.
            look_up: gives the addresses of a name.
            service: what it is announced as.
            every_name: is looked up, whatever it is, and is no address before that: certificates
                hold roles and no names.
        """
        given = [url.strip().rstrip("/") for url in urls.split(",") if url.strip()]
        places = [url for url in given if not url.startswith(MDNS)]
        self._named: dict[str, Addresses] = {
            url: frozenset() if every_name else frozenset({Address(url)})
            for url in places
            if _is_to_be_looked_up(urlsplit(url), every_name=every_name)
        }
        self._unknown = set(self._named)
        self._fixed = frozenset(Address(url) for url in places if url not in self._named)
        self.announced: Announced | None = None
        """Who announces itself, where that is asked for."""
        if len(places) < len(given):
            from bazar.kit.peers import mdns  # late: most services need none of it

            looking = next(url for url in given if url.startswith(MDNS))
            self.announced = mdns.Announced(service, Looking.read(looking))
        self._look_up = look_up
        self._hurry = asyncio.Event()
        self._told = self.known
        self._log = get_logger()

    @property
    def changes(self) -> bool:
        """Whether they may ever change, so that somebody has to `follow`."""
        return bool(self._named) or self.announced is not None

    @property
    def known(self) -> Addresses:
        """All that are known now."""
        proven = self.announced.known if self.announced is not None else frozenset()
        return self._fixed.union(proven, *self._named.values())

    def shop_of(self, address: Address) -> str:
        """Return of which shop it has to say that it is; empty where a person named the address."""
        if self.announced is None or address.host or address in self._fixed:
            return ""
        return self.announced.shop

    def hurry(self) -> None:
        """Look up soon: nobody answers where we look."""
        self._hurry.set()
        if self.announced is not None:
            self.announced.hurry()

    async def follow(self, changed: Callable[[Addresses], None], prove: Prove) -> None:
        """Look up names and listen for ever, and tell of each change.

        Args:
            changed: gets all addresses.
            prove: asks whoever announces itself to show that it is of this shop.
        """

        def tell() -> None:
            known = self.known
            if known != self._told:
                new, gone = known - self._told, self._told - known
                self._told = known
                self._log.info("addresses", known=len(known), new=_urls(new), gone=_urls(gone))
                changed(known)

        async with asyncio.TaskGroup() as group:
            if self._named:
                group.create_task(self._follow_names(tell))
            if self.announced is not None:
                group.create_task(self.announced.follow(tell, prove))

    async def _follow_names(self, tell: Callable[[], None]) -> None:
        while True:
            self._hurry.clear()
            for url in self._named:
                await self._ask(url)
            tell()
            await asyncio.sleep(HURRY_S)
            if not self._unknown:
                await self._until_asked()

    async def _until_asked(self) -> None:
        try:
            async with asyncio.timeout(LOOK_AGAIN_S - HURRY_S):
                await self._hurry.wait()
        except TimeoutError:
            return

    async def _ask(self, url: str) -> None:
        parts = urlsplit(url)
        try:
            found = await self._look_up(parts.hostname or "", parts.port or _DEFAULT_PORT)
        except OSError:  # it says nothing; whoever calls finds out whether the last ones are there
            return
        port = f":{parts.port}" if parts.port else ""
        addresses = {
            Address(parts._replace(netloc=f"{one}{port}").geturl(), parts.netloc) for one in found
        }
        if addresses:
            self._named[url] = frozenset(addresses)
            self._unknown.discard(url)


def _is_to_be_looked_up(parts: SplitResult, *, every_name: bool) -> bool:
    host = parts.hostname or ""
    if not every_name and (parts.scheme != "http" or host == _LOCAL):
        return False
    try:
        ip_address(host)
    except ValueError:
        return True
    return False


def _urls(addresses: Addresses) -> list[str]:
    return sorted(address.url for address in addresses)
