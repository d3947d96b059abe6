"""Certificates for tests: a folder of them made once, hosts that have three files, and a shop."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from bazar.kit.peers.credentials import AUTHORITY_FILE, Credentials, pair_files, read_credentials
from bazar.kit.peers.roles import ROLES, Role
from bazar.tools.certificates import certify
from support.processes import free_ports
from support.running import ThreeServices


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def in_days(days: float) -> datetime:
    """Return the time in so many days, or so many days ago."""
    return now() + timedelta(days=days)


def host_of(role: Role, certificates: Path, host: Path) -> Path:
    """Copy to a host what it needs for a role, and return its folder: three files."""
    host.mkdir(parents=True, exist_ok=True)
    for file in (certificates / AUTHORITY_FILE, *pair_files(certificates, role)):
        shutil.copy2(file, host)
    return host


def shown_by(role: Role, certificates: Path) -> Credentials:
    """Return what a role shows, from a folder whose certificates may have ended."""
    file, _key = pair_files(certificates, role)
    return read_credentials(certificates, role, _begins(file))


def _begins(file: Path) -> datetime:
    from bazar.kit.peers.certificates import read_certificates

    return read_certificates(file.read_bytes())[0].not_valid_before_utc


class SecuredServices(ThreeServices):
    """Three services under TLS, each with a folder of three files as on a host of its own."""

    def __init__(self, folder: Path) -> None:
        """Make certificates and hosts; start nothing."""
        super().__init__(folder)
        self.certificates = folder / "certificates"
        certify(self.certificates)
        self.urls = {
            name: url if name == "front" else url.replace("http:", "https:")
            for name, url in self.urls.items()
        }
        self.addresses = replace(
            self.addresses, catalog=self.urls["catalog"], order=self.urls["order"]
        )
        self.hosts: dict[str, Path] = {
            role: host_of(role, self.certificates, folder / f"{role}-tls") for role in ROLES
        }
        self.keeper = self.hosts["keeper"]
        self.probe_port = free_ports(1)[0]
        """Of the catalog."""
        self.tls = read_credentials(self.keeper, "keeper")

    def renew(self, role: str) -> None:
        """Copy to the host of a role what was made anew."""
        for file in self.hosts[role].iterdir():
            shutil.copy2(self.certificates / file.name, file)

    def command(self, service: str) -> list[str]:
        """Return the words that start a process."""
        probes = ["--probe-port", str(self.probe_port)] if service == "catalog" else []
        return [*super().command(service), "--tls", str(self.hosts[service]), *probes]
