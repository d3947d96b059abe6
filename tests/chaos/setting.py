"""Where a storm passes: on which database, with how many of each service, and what links them."""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bazar.tools.remote import Addresses
from chaos import network, plan, supervisor
from chaos.database import NAME as DATABASE
from chaos.database import address
from chaos.network import Link
from support.processes import SERVICES
from support.running import Replicas, ThreeServices, role_of

Engine = Literal["sqlite", "postgresql"]
ENGINES: tuple[Engine, ...] = ("sqlite", "postgresql")
TALKS = (("client", "front"), ("front", "order"), ("front", "catalog"), ("order", "catalog"))
"""Who asks whom."""
KEEPS = (("catalog", DATABASE), ("order", DATABASE))
"""Who keeps its data in a database that is a party of its own."""


@dataclass(frozen=True)
class Setting:
    """A kind of shop."""

    engine: Engine = "sqlite"
    replicas: int = 1
    """Of the catalog, and of the order service; SQLite has one of each."""
    fronts: int = 1

    @property
    def processes(self) -> Replicas:
        """Return how many processes of each service there are."""
        return Replicas(catalog=self.replicas, order=self.replicas, front=self.fronts)

    @property
    def shared(self) -> bool:
        """Tell whether the database is a party of its own."""
        return self.engine == "postgresql"

    def names(self, party: str) -> tuple[str, ...]:
        """Return the names of all that are one kind of party."""
        return self.processes.names(party) if party in SERVICES else (party,)

    def links(self) -> list[Sequence[str]]:
        """Return the names of the links between each two kinds of parties."""
        return [
            [link(near, far) for near in self.names(one) for far in self.names(other)]
            for one, other in (*TALKS, *(KEEPS if self.shared else ()))
        ]

    def kinds(self) -> list[plan.Kind]:
        """Return every fault with its targets; those of services come twice."""
        of_services = [
            (kind, self.names(service), plan.PROCESS_LASTS_S[kind])
            for kind in ("kill -9", "stop")
            for service in SERVICES
        ]
        of_links = [
            (kind, links, plan.LINK_LASTS_S) for kind in network.FAULTS for links in self.links()
        ]
        of_database = [(kind, [DATABASE], plan.PROCESS_LASTS_S[kind]) for kind in supervisor.FAULTS]
        shared = of_database if self.shared else []
        return [*of_services, *of_services, *shared, *of_links]


def link(near: str, far: str) -> str:
    """Return the name of the link from one party to another."""
    return f"{near} to {far}"


async def linked(
    stack: AsyncExitStack, setting: Setting, shop: ThreeServices, socket: Path | None
) -> Mapping[str, Link]:
    """Put a link between each two parties that talk to each other.

    Args:
        stack: closes them.
        setting: says which.
        shop: not started yet; its processes are told to go by the links.
        socket: of the database, where that is a party of its own.
    """
    links: dict[str, Link] = {}
    for name in (name for group in setting.links() for name in group):
        far = name.rpartition(" ")[2]
        to = socket if far == DATABASE else shop.urls[far]
        assert to is not None
        links[name] = await stack.enter_async_context(Link(name, to))
    for name in shop.names:
        if name in setting.names("catalog"):
            seen = shop.everywhere()
        else:
            catalogs, orders = (
                ",".join(links[link(name, far)].url for far in setting.names(party))
                if (role_of(name), party) in TALKS
                else shop.urls[name]
                for party in ("catalog", "order")
            )
            seen = Addresses(shop.addresses.front, catalogs, orders)
        shop.seen[name] = seen
        if setting.shared and role_of(name) != "front":
            shop.databases[name] = address(links[link(name, DATABASE)].url, role_of(name))
    return links
