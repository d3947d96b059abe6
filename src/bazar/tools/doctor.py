"""Check what most often goes wrong on a machine, and say what to do about it."""

import os
import platform
import shutil
import stat
import sys
from pathlib import Path

import msgspec

from bazar.kit.data.sqlite import SQLITE_VERSION_MIN, sqlite_version
from bazar.kit.http.operations import Health
from bazar.kit.process.config import SECRET_FILE
from bazar.tools.remote import RemoteError, Shop
from bazar.wire.stock import StockReport

DISK_FREE_BYTES_MIN = 200 * 1024 * 1024
_PRIVATE = stat.S_IRWXG | stat.S_IRWXO


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    what: str
    ok: bool
    found: str
    advice: str = ""


def examine(shop: Shop, data: Path) -> list[Check]:
    """Look at Python, SQLite, the data folder, the secret, and each service.

    Args:
        shop: where the services should be.
        data: the data folder.
    """
    return [
        Check("python", ok=True, found=f"{platform.python_version()} ({sys.executable})"),
        _sqlite(),
        *_folder(data),
        *(_service(shop, service) for service in ("catalog", "order", "front")),
        _secret_accepted(shop),
    ]


def _sqlite() -> Check:
    version = sqlite_version()
    return Check(
        "sqlite",
        version >= SQLITE_VERSION_MIN,
        ".".join(map(str, version)),
        "" if version >= SQLITE_VERSION_MIN else "run 'make install' again",
    )


def _folder(data: Path) -> list[Check]:
    if not data.is_dir():
        advice = "'bazar up' makes it; or name another one with --data"
        return [Check("data folder", ok=True, found=f"{data} is not there", advice=advice)]
    writable = os.access(data, os.W_OK)
    free = shutil.disk_usage(data).free
    checks = [
        Check(
            "data folder",
            writable,
            f"{data.absolute()} is {'writable' if writable else 'not writable'}",
            "" if writable else "change its owner, or name another folder with --data",
        ),
        Check(
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
        checks.append(
            Check("secret file", private, found, "" if private else f"chmod 600 {secret}")
        )
    return checks


def _service(shop: Shop, service: str) -> Check:
    url = getattr(shop.addresses, service)
    try:
        health = shop.call(service, "GET", "/readyz", Health)
    except RemoteError as error:
        return Check(service, ok=False, found=f"{url} is not ready", advice=str(error))
    if health.service != service:
        advice = f"this address belongs to the {health.service} service"
        return Check(service, ok=False, found=url, advice=advice)
    return Check(service, ok=True, found=f"{url} is ready (version {health.version})")


def _secret_accepted(shop: Shop) -> Check:
    try:
        report = shop.call("catalog", "GET", "/stock-report", StockReport)
    except RemoteError as error:
        return Check("secret", ok=False, found="not tried or not accepted", advice=str(error))
    return Check("secret", ok=True, found=f"accepted; {report.books} books")
