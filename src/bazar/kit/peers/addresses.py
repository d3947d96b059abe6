"""What an address of a service is, and what `mdns:` stands for among them."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Self
from urllib.parse import quote, unquote

MDNS = "mdns:"
"""In place of an address: whoever of this shop announces itself on the network."""
SHOP_DEFAULT = "bazar"
SHOP_BYTES_MAX = 200
"""Of a name in UTF-8; what an announcement says has at most 255 bytes."""


class Address(NamedTuple):
    """Of one target."""

    url: str
    """Without a last slash."""
    host: str = ""
    """What it is called in the Host header, where that is not what stands in the address."""


Addresses = frozenset[Address]
Tell = Callable[[str], None]
"""Takes in what a service says of how it is announced, whenever that is another."""
Prove = Callable[[Address], Awaitable[bool]]
"""Tells whether an address belongs to the service of this shop, and the service is ready."""


class Looking(NamedTuple):
    """Whose announcements count, and where they are listened for."""

    shop: str = SHOP_DEFAULT
    interfaces: tuple[str, ...] = ()
    """Addresses or names of interfaces of this machine; none: all of them."""

    def __str__(self) -> str:
        """Return it as one word, for where addresses stand with commas between them."""
        return f"{MDNS}{quote(self.shop, safe='')}@{quote('+'.join(self.interfaces), safe='+:')}"

    @classmethod
    def read(cls, word: str) -> Self:
        """Return what `mdns:` means, alone or as `str` writes it."""
        shop, _, interfaces = word.removeprefix(MDNS).partition("@")
        named = tuple(unquote(interfaces).split("+")) if interfaces else ()
        return cls(unquote(shop) or SHOP_DEFAULT, named)


def url_at(host: str, port: int) -> str:
    """Return the address of what listens at a port, as it is used wherever it was announced."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def announced_as(shop: str, hosts: Sequence[str], port: int) -> str:
    """Return what a service says of how it is announced, on one line."""
    return " ".join([quote(shop, safe=""), *(url_at(host, port) for host in hosts)])


def is_announced(said: str, shop: str, url: str) -> bool:
    """Tell whether that says that an address is one of a service of a shop."""
    named, *urls = said.split(" ")
    return named == quote(shop, safe="") and url in urls
