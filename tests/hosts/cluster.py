"""PostgreSQL on three hosts: a primary, a standby that has every commit, and one more.

Patroni runs each server, and asks etcd, which runs on all three, who is to be the primary. In its
strict synchronous mode nothing is acknowledged that only one host has. That needs three: with two
nobody could buy while one is away.

Source: patroni.readthedocs.io/en/latest/replication_modes.html; docs/postgresql.md
"""

import json
import shutil
import sys
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import msgspec

from bazar.kit.errors import StartupError
from bazar.kit.process.postgres_programs import as_a_user, find_programs, locale
from bazar.kit.process.postgres_server import USER
from hosts.databases import DATABASES, PORT
from hosts.network import NETWORK, Host, Network, Program
from support.processes import environment, wait_for

PLACE = Path(sys.prefix) / "hosts"
"""Patroni's own place: the packages of Debian that it would find elsewhere do not fit it."""
SERVERS = 3
START_S_MAX = 120.0
ASK_S_MAX = 1.0
SWITCH_S_MAX = 60.0
CLIENT_PORT, PEER_PORT, REST_PORT = 2379, 2380, 8008
NODES = tuple(f"database-{number}" for number in range(1, SERVERS + 1))
HEARTBEAT_MS, ELECTION_MS = "50", "500"
"""Half of what etcd has by itself. When its own leader is lost every lease, and that of the
primary too, lasts longer by the time of an election."""
DYNAMIC = {
    "ttl": 20,
    "loop_wait": 2,
    "retry_timeout": 3,
    "primary_start_timeout": 5,
    "synchronous_mode": True,
    "synchronous_mode_strict": True,
    "postgresql": {
        "use_pg_rewind": True,
        "parameters": {
            "wal_log_hints": "on",
            "max_wal_size": "1GB",
            "wal_retrieve_retry_interval": "500ms",
            "wal_receiver_timeout": "5s",
            "wal_sender_timeout": "5s",
            "jit": "off",
        },
    },
}
"""What all nodes agree on. `ttl` is the shortest that Patroni takes: after it another one leads."""


class Cluster:
    """Three hosts with a server each, of which Patroni makes one the primary."""

    def __init__(self, network: Network, folder: Path) -> None:
        """Put three hosts on the network, and wait until both databases are there.

        Raises:
            StartupError: Patroni, etcd or PostgreSQL is missing.
        """
        if not (PLACE / "bin" / "patroni").exists():
            message = f"Patroni is not in {PLACE}: 'make hosts' puts it there"
            raise StartupError(message)
        if not shutil.which("etcd"):
            message = "etcd is missing: apt-get install etcd-server"
            raise StartupError(message)
        self.hosts: dict[str, Host] = {name: network.add(name) for name in NODES}
        for name, host in self.hosts.items():
            self._start(name, host, folder)
        wait_for("a primary with a standby", self.whole, START_S_MAX)
        self._make_databases(folder)
        wait_for("a primary with a standby", self.whole, START_S_MAX)

    def urls(self) -> dict[str, str]:
        """Return the address of each database, by the service that uses it."""
        where = ",".join(f"{host.address}:{PORT}" for host in self.hosts.values())
        return {name: f"postgresql://{USER}@{where}/{name}?sslmode=disable" for name in DATABASES}

    def whole(self) -> bool:
        """Tell whether there is a primary, two standbys that follow it, and one that it waits for.

        Every node has to answer, and say the same.
        """
        for host in self.hosts.values():
            members = self._members(host)
            roles = sorted(member["role"] for member in members)
            states = {member["state"] for member in members}
            leader = [member for member in members if member["role"] == "leader"]
            if roles != ["leader", "replica", "sync_standby"]:
                return False
            if states - {"running", "streaming"} or leader[0]["state"] != "running":
                return False
            if len({member.get("timeline") for member in members}) > 1:
                return False
        return True

    def leader(self) -> str:
        """Return the name of the node that is the primary."""
        found: list[str] = []

        def find() -> bool:
            found[:] = [
                member["name"]
                for host in self.hosts.values()
                for member in self._members(host)
                if member["role"] == "leader"
            ]
            return bool(found)

        wait_for("a primary", find, START_S_MAX)
        return found[0]

    def standby(self) -> str:
        """Return the name of the node that the primary waits for."""
        members = self._members(self.hosts[self.leader()])
        return next(str(member["name"]) for member in members if member["role"] == "sync_standby")

    def switch(self) -> None:
        """Have the standby that has everything become the primary, as before work on a host."""
        leader, candidate = self.leader(), self.standby()
        asked = HTTPConnection(self.hosts[leader].address, REST_PORT, timeout=SWITCH_S_MAX)
        asked.request("POST", "/switchover", json.dumps({"leader": leader, "candidate": candidate}))
        said = asked.getresponse()
        assert said.status == HTTPStatus.OK, said.read()

    def _members(self, host: Host) -> list[Any]:
        """Return what a node says of all of them; nothing where it does not answer."""
        with suppress(OSError, HTTPException, ValueError, KeyError):
            asked = HTTPConnection(host.address, REST_PORT, timeout=ASK_S_MAX)
            asked.request("GET", "/cluster")
            return list(msgspec.json.decode(asked.getresponse().read())["members"])
        return []

    def _start(self, name: str, host: Host, folder: Path) -> None:
        place = folder / name
        place.mkdir()
        peers = {one: f"http://{other.address}:{PEER_PORT}" for one, other in self.hosts.items()}
        here = f"http://{host.address}"
        etcd = [
            "etcd",
            *("--name", name),
            *("--data-dir", str(place / "etcd")),
            *("--listen-client-urls", f"http://0.0.0.0:{CLIENT_PORT}"),
            *("--advertise-client-urls", f"{here}:{CLIENT_PORT}"),
            *("--listen-peer-urls", f"{here}:{PEER_PORT}"),
            *("--initial-advertise-peer-urls", peers[name]),
            *("--initial-cluster", ",".join(f"{one}={url}" for one, url in peers.items())),
            *("--heartbeat-interval", HEARTBEAT_MS),
            *("--election-timeout", ELECTION_MS),
            *("--log-level", "error"),
        ]
        host.start(Program("etcd", etcd, environment(), place / "etcd.log"))
        settings = place / "patroni.json"
        settings.write_text(json.dumps(self._settings(name, place), indent=2))
        patroni = [*as_a_user(), str(PLACE / "bin" / "patroni"), str(settings)]
        host.start(Program("patroni", patroni, environment(), place / "patroni.log"))

    def _settings(self, name: str, place: Path) -> dict[str, object]:
        """Return what Patroni is told; JSON is YAML too."""
        address = self.hosts[name].address
        who = {"username": USER, "sslmode": "disable"}
        return {
            "scope": "bazar",
            "name": name,
            "restapi": {
                "listen": f"{address}:{REST_PORT}",
                "connect_address": f"{address}:{REST_PORT}",
            },
            "etcd3": {"hosts": [f"{host.address}:{CLIENT_PORT}" for host in self.hosts.values()]},
            "bootstrap": {
                "dcs": DYNAMIC,
                "initdb": ["no-instructions", {"encoding": "UTF8"}, {"locale": locale()}],
            },
            "postgresql": {
                "listen": f"0.0.0.0:{PORT}",
                "connect_address": f"{address}:{PORT}",
                "bin_dir": str(find_programs().folder),
                "data_dir": str(place / "data"),
                "pgpass": str(place / "pgpass"),
                "authentication": {"superuser": who, "replication": who, "rewind": who},
                "parameters": {"unix_socket_directories": ""},
                "pg_hba": [
                    "local all all trust",
                    "host all all 127.0.0.1/32 trust",
                    "host replication all 127.0.0.1/32 trust",
                    f"host all all {NETWORK}.0.0/16 trust",
                    f"host replication all {NETWORK}.0.0/16 trust",
                ],
            },
        }

    def _make_databases(self, folder: Path) -> None:
        """Make both databases, as an administrator does."""
        leader = self.leader()
        words = [
            str(find_programs().folder / "createdb"),
            "-U",
            USER,
            "-h",
            self.hosts[leader].address,
        ]
        for name in DATABASES:
            made = self.hosts[leader].run([*words, name], folder / "createdb.log")
            assert made == 0, f"createdb failed: {folder / 'createdb.log'}"
