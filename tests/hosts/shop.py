"""A shop with a host for each of its processes."""

import sys
from collections.abc import Mapping
from pathlib import Path
from time import monotonic

from bazar.kit.peers.credentials import read_credentials
from bazar.tools.certificates import certify
from bazar.tools.remote import DEFAULT_PORTS, Addresses
from chaos.history import History, Started
from hosts.network import Host, Network, Program
from support.processes import BAZAR, SERVICES, environment
from support.running import Replicas, TestedShop, role_of

DOMAIN = "bazar.test"
TWO_EACH = Replicas(2, 2, 2)
PORTS = {str(role): port for role, port in DEFAULT_PORTS.items()}


class ShopOfHosts(TestedShop):
    """Two hosts of each service, or some other number; who asks one knows its name, or nothing."""

    def __init__(
        self,
        network: Network,
        folder: Path,
        databases: Mapping[str, str],
        history: History,
        replicas: Replicas = TWO_EACH,
        *,
        announced: bool = False,
        secured: bool = False,
    ) -> None:
        """Put the hosts on the network; `start` them.

        Args:
            network: that they are on.
            folder: for data and logs.
            databases: an address each, by the name of a service.
            history: is told of every start.
            replicas: how many hosts of each service.
            announced: they announce themselves, and know no name of any other.
            secured: they talk to each other under TLS.
        """
        self.replicas = replicas
        self._announced = announced
        self._certificates = folder / "certificates" if secured else None
        self.hosts: dict[str, Host] = {
            name: network.add(name, f"{role_of(name)}.{DOMAIN}") for name in replicas.names()
        }
        super().__init__(Addresses(*(self._url(role) for role in ("front", "catalog", "order"))))
        self._folder = folder
        if self._certificates is not None:
            certify(self._certificates)
            self.tls = read_credentials(self._certificates, "keeper")
        self._databases = databases
        self._history = history
        self.find()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of its hosts, in the order in which they start."""
        return self.replicas.names()

    def start(self, *names: str) -> None:
        """Start the services of some hosts, or of all."""
        for name in names or self.names:
            log = self._folder / f"{name}.log"
            self._logs.append(log)
            program = Program(
                name, self._command(name), environment({"BAZAR_SECRET": self.secret}), log
            )
            self._note(name)
            self.hosts[name].start(program)

    def lose_power(self, name: str) -> None:
        """Have a host gone."""
        self.hosts[name].lose_power()

    def get_power(self, name: str) -> None:
        """Have it back."""
        self._note(name)
        self.hosts[name].get_power()

    def find(self) -> None:
        """Know where the hosts are now, ourselves; they find each other by their names."""
        self.urls = {name: self._url(name) for name in self.hosts}
        self.addresses = Addresses(*(self._url(role) for role in ("front", "catalog", "order")))
        self._probes.clear()

    def _url(self, name: str) -> str:
        return f"{self._scheme(role_of(name))}://{self.hosts[name].address}:{PORTS[role_of(name)]}"

    def _scheme(self, role: str) -> str:
        return "https" if self._certificates is not None and role != "front" else "http"

    def _command(self, name: str) -> list[str]:
        role = role_of(name)
        words = [sys.executable, *BAZAR, "serve", role, "--host", "0.0.0.0"]  # noqa: S104  no way out
        for other in SERVICES[:2]:
            words += [f"--{other}", self._sought(other)]
        words += ["--announce"] if self._announced else []
        words += ["--tls", str(self._certificates)] if self._certificates is not None else []
        words += ["--database", self._databases[role]] if role in self._databases else []
        return [*words, "--data", str(self._folder / name)]

    def _sought(self, role: str) -> str:
        return (
            "mdns:" if self._announced else f"{self._scheme(role)}://{role}.{DOMAIN}:{PORTS[role]}"
        )

    def _note(self, name: str) -> None:
        self._history.add(Started(service=name, at_s=monotonic()))
