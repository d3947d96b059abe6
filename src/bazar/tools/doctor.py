"""Check what most often goes wrong on a machine, and say what to do about it."""

import os
import platform
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from time import sleep
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from bazar.kit.clock import as_datetime, now_ms
from bazar.kit.data.sqlite import SQLITE_VERSION_MIN, sqlite_version
from bazar.kit.errors import StartupError
from bazar.kit.peers.credentials import (
    WARN_DAYS,
    Credentials,
    days_left,
    pair_files,
    read_credentials,
)
from bazar.kit.peers.roles import ROLES
from bazar.kit.process.config import SECRET_FILE
from bazar.tools.remote import RemoteError
from bazar.tools.shop import Service, Shop

if TYPE_CHECKING:
    from bazar.kit.peers.finding import Found

DISK_FREE_BYTES_MIN = 200 * 1024 * 1024
UNDECIDED_PAUSE_S = 4.0
"""Longer than any decision takes while both services are well."""
UNDECIDED_MAX = 1000
UNDECIDED_SHOWN = 5
ANNOUNCED_SHOWN = 5
SERVICES = ("catalog", "order", "front")
_PRIVATE = stat.S_IRWXG | stat.S_IRWXO


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at, and what was found."""

    what: str
    ok: bool
    found: str
    advice: str = ""


def examine(
    shop: Shop, data: Path, announced: Mapping[str, "Found"] = MappingProxyType({})
) -> list[Finding]:
    """Look at Python, SQLite, the data folder, each service, the secret, and undecided orders.

    Also at certificates, where services are asked under TLS.

    Args:
        shop: where the services should be.
        data: the data folder.
        announced: who announces itself on the network, for each service that is looked for there.
    """
    return [
        *_machine(data),
        *_certificates(shop.tls),
        *(_announced(name, found) for name, found in announced.items()),
        *(
            finding
            for name in SERVICES
            for one in getattr(shop, name).replicas()
            for finding in _service(one)
        ),
        _secret_accepted(shop),
        *_undecided(shop),
    ]


def examine_closed(data: Path, why: str) -> list[Finding]:
    """Look at the machine and a data folder that leads to no shop, and at no other shop.

    Args:
        data: the data folder.
        why: it leads to none, and what to do about it.
    """
    return [*_machine(data), Finding("shop", ok=False, found="nobody was asked", advice=why)]


def _machine(data: Path) -> list[Finding]:
    python = Finding("python", ok=True, found=f"{platform.python_version()} ({sys.executable})")
    return [python, _sqlite(), *_folder(data)]


def _sqlite() -> Finding:
    version = sqlite_version()
    return Finding(
        "sqlite",
        version >= SQLITE_VERSION_MIN,
        ".".join(map(str, version)),
        "" if version >= SQLITE_VERSION_MIN else "run 'make install' again",
    )


def _folder(data: Path) -> list[Finding]:
    if not data.is_dir():
        advice = "'bazar up' makes it; or name another one with --data"
        return [Finding("data folder", ok=True, found=f"{data} is not there", advice=advice)]
    writable = os.access(data, os.W_OK)
    free = shutil.disk_usage(data).free
    findings = [
        Finding(
            "data folder",
            writable,
            f"{data.absolute()} is {'writable' if writable else 'not writable'}",
            "" if writable else "change its owner, or name another folder with --data",
        ),
        Finding(
            "disk",
            free >= DISK_FREE_BYTES_MIN,
            f"{free // 1024**2} MiB free",
            "" if free >= DISK_FREE_BYTES_MIN else "make room: a full disk stops the shop",
        ),
    ]
    secret = data / SECRET_FILE
    if secret.exists():
        private = not secret.stat().st_mode & _PRIVATE
        found = "readable by its owner only" if private else "readable by others"
        findings.append(
            Finding("secret file", private, found, "" if private else f"chmod 600 {secret}")
        )
    return findings


def _announced(name: str, found: "Found") -> Finding:
    """Tell who announces itself, who of them is not believed, and which other shops there are."""
    ours, others = (sorted(one.url for one in those) for those in (found.proven, found.strangers))
    said = [f"{name}: {', '.join(ours) or 'nobody'} announced"]
    if others:
        said.append(f"not ours, or not ready: {_some(others)}")
    if found.shops:
        said.append(f"other shops: {_some([repr(shop) for shop in sorted(found.shops)])}")
    advice = "whoever is there was told nothing" if others else ""
    return Finding("network", bool(ours), "; ".join(said), advice)


def _some(those: Sequence[str]) -> str:
    more = f" and {len(those) - ANNOUNCED_SHOWN} more" if len(those) > ANNOUNCED_SHOWN else ""
    return ", ".join(those[:ANNOUNCED_SHOWN]) + more


def _certificates(tls: Credentials | None) -> Iterator[Finding]:
    """Look at the certificates in the folder that was named: the keeper's, and others there."""
    if tls is None:
        return
    yield _certificate("certificate ca.pem", tls.authority_ends_at)
    for role in ROLES:
        file, _key = pair_files(tls.folder, role)
        if not file.exists():
            continue
        try:
            ends_at = read_credentials(tls.folder, role).ends_at
        except StartupError as error:
            yield Finding(f"certificate {file.name}", ok=False, found=str(file), advice=str(error))
        else:
            yield _certificate(f"certificate {file.name}", ends_at)


def _certificate(what: str, ends_at: datetime) -> Finding:
    left = days_left(ends_at, as_datetime(now_ms()))
    advice = (
        "run 'bazar certificates' on the folder that holds ca.key, copy the files to their hosts "
        "again, and restart the services one by one"
    )
    ok = left >= WARN_DAYS
    return Finding(what, ok, f"until {ends_at:%Y-%m-%d} ({left} days)", "" if ok else advice)


def _service(service: Service) -> Iterator[Finding]:
    """Look whether a service is ready, and how long its certificate holds where it has one."""
    name, url = service.name, service.url
    try:
        health = service.ready()
    except RemoteError as error:
        yield Finding(name, ok=False, found=f"{url} is not ready", advice=str(error))
        return
    if health.service != name:
        advice = f"this address belongs to the {health.service} service"
        yield Finding(name, ok=False, found=url, advice=advice)
        return
    yield Finding(name, ok=True, found=f"{url} is ready (version {health.version})")
    if service.remote.tls is None or name == "front":
        return
    try:
        yield _certificate(f"the {name}'s certificate", service.remote.ends_at(name))
    except RemoteError as error:
        yield Finding(f"the {name}'s certificate", ok=False, found=url, advice=str(error))


def _secret_accepted(shop: Shop) -> Finding:
    try:
        for service in (shop.catalog, shop.order):
            service.last_order_id()
    except RemoteError as error:
        return Finding("secret", ok=False, found="not tried or not accepted", advice=str(error))
    return Finding("secret", ok=True, found="accepted")


def _undecided(shop: Shop) -> list[Finding]:
    """Name the orders that stay undecided between two looks; no clock is asked."""
    try:
        first = {order.order_id for order in shop.order.unsettled(UNDECIDED_MAX)}
        if first:
            sleep(UNDECIDED_PAUSE_S)
        last = first and [order.order_id for order in shop.order.unsettled(UNDECIDED_MAX)]
    except RemoteError:
        return []  # the lines above say that this service does not answer
    stuck = [order_id for order_id in last if order_id in first]
    if not stuck:
        return [Finding("orders", ok=True, found="none waits for long")]
    shown = ", ".join(stuck[:UNDECIDED_SHOWN])
    more = " and more" if len(stuck) > UNDECIDED_SHOWN else ""
    advice = "the catalog may be away; else look for these order ids in the log of both services"
    found = f"undecided for {UNDECIDED_PAUSE_S:g} s and longer: {shown}{more}"
    return [Finding("orders", ok=False, found=found, advice=advice)]
