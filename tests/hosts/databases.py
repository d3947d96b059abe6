"""One PostgreSQL on a host of its own, as long as it lives."""

from pathlib import Path

from bazar.kit.process.postgres_server import USER, prepare
from hosts.network import NETWORK, Network, Program
from support.processes import START_TIMEOUT_S, environment, wait_for

DATABASES = ("catalog", "order")
PORT = 5432


class OneServer:
    """A server that all catalogs and order services share."""

    def __init__(self, network: Network, folder: Path) -> None:
        """Make its folder, and start it on a new host.

        Raises:
            StartupError: there is no PostgreSQL on this machine.
        """
        self.host = network.add("database")
        server = prepare(folder / "postgres", DATABASES)
        with (folder / "postgres" / "data" / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {NETWORK}.0.0/16 trust\n")
        command = server.command({"listen_addresses": "*"})
        self.host.start(Program("postgres", command, environment(), folder / "postgres.log"))
        running = self.host.running["postgres"]
        wait_for("PostgreSQL is ready", lambda: server.is_ready(running.pid), START_TIMEOUT_S)

    def urls(self) -> dict[str, str]:
        """Return the address of each database, by the service that uses it."""
        where = f"postgresql://{USER}@{self.host.address}:{PORT}"
        return {name: f"{where}/{name}?sslmode=disable" for name in DATABASES}

    def whole(self) -> bool:
        """Tell whether nothing is missing."""
        return self.host.running["postgres"].poll() is None
