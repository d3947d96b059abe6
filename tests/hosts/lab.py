"""What a run strikes at: the hosts of a shop, and its database."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from hosts.network import Network
from hosts.shop import ShopOfHosts


class Database(Protocol):
    """A PostgreSQL on hosts of its own."""

    def urls(self) -> dict[str, str]:
        """Return the address of each database, by the service that uses it."""

    def whole(self) -> bool:
        """Tell whether nothing is missing."""


@dataclass(frozen=True)
class Lab:
    """A shop and its database, on hosts that can be struck."""

    network: Network
    shop: ShopOfHosts
    database: Database
    random: Random
    moved: set[str] = field(default_factory=set)
    """The hosts that have another address than at first."""

    def pick(self, role: str) -> str:
        """Return the name of a host that runs a service, any of them."""
        return self.random.choice(self.shop.replicas.names(role))

    def addresses(self, *roles: str) -> list[str]:
        """Return the addresses of all hosts that run some services."""
        return [self.shop.hosts[name].address for name in self.shop.replicas.names(*roles)]


@dataclass(frozen=True)
class Struck:
    """A fault that has struck."""

    target: str
    """Which host, or which link."""
    heal: Callable[[], None]


@dataclass(frozen=True)
class Fault:
    """What may happen to hosts and to what is between them."""

    strike: Callable[[Lab], Struck]
    bound_s: float
    """No buyer may wait longer for an answer, beyond what one waits without a fault."""
    holds_s: float
    """How long it lasts, at least."""
    until_served: bool = False
    """It lasts until somebody has bought something again, too."""
    before_the_fronts: bool = False
    """Buyers feel it themselves: who hears nothing asks the other front."""


Faults = Mapping[str, Fault]
