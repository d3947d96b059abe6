"""What a process shows who it is with, and whom it believes: three files of a folder.

A service reads `ca.pem` and its own pair, and nothing else: the key that signs has no business on
a host that sells. What is wrong with a file is found at the start, and said with what to do.

Source: docs/decisions/0044-certificates-name-roles.md
"""

import asyncio
import os
import shlex
import stat
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from bazar.kit.clock import Clock, as_datetime, now_ms
from bazar.kit.errors import StartupError
from bazar.kit.log import get_logger
from bazar.kit.peers.roles import Role

if TYPE_CHECKING:  # most shops have no certificates, and some not what reads them
    from cryptography.x509 import Certificate

    from bazar.kit.peers.certificates import Key, Pair

INSTALL = "pip install 'bazar[tls]'"
AUTHORITY_FILE = "ca.pem"
WARN_DAYS = 30
"""Before a certificate ends people are told of it."""
DAY_S = 24 * 3600.0
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_OF_ROOT = stat.S_IWGRP | stat.S_IXGRP | stat.S_IRWXO
"""A group may read what is root's: so are the secrets of Kubernetes and of systemd given out."""
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class Credentials:
    """The three files of a role, read and found proper."""

    role: Role
    folder: Path
    authority_pem: bytes
    identity_pem: bytes
    """The key and the certificate."""
    ends_at: datetime
    """When the certificate ends."""
    authority_ends_at: datetime

    @property
    def files(self) -> tuple[Path, Path, Path]:
        """Return the files of the authority, the certificate and the key."""
        return (self.folder / AUTHORITY_FILE, *pair_files(self.folder, self.role))

    def ending(self, now: datetime) -> dict[Path, datetime]:
        """Return which of the certificates end soon, and when."""
        authority_file, file, _key = self.files
        ends = {file: self.ends_at, authority_file: self.authority_ends_at}
        return {one: at for one, at in ends.items() if days_left(at, now) < WARN_DAYS}


def days_left(ends_at: datetime, now: datetime) -> int:
    """Return for how many whole days more a certificate holds."""
    return (ends_at - now.replace(microsecond=0)).days


async def watch(credentials: Credentials, clock: Clock = now_ms, pause_s: float = DAY_S) -> None:
    """Say in the log, once a day and for ever, which certificates end soon."""
    while True:
        now = as_datetime(clock())
        for file, ends_at in credentials.ending(now).items():
            get_logger().warning(
                "certificate-ends",
                file=str(file),
                on=f"{ends_at:%Y-%m-%d}",
                days_left=days_left(ends_at, now),
            )
        await asyncio.sleep(pause_s)


def pair_files(folder: Path, role: str) -> tuple[Path, Path]:
    """Return where the certificate of a role is, and its key."""
    return folder / f"{role}.pem", folder / f"{role}.key"


def check_installed() -> None:
    """Make sure that there is something to read certificates with.

    Raises:
        StartupError: there is not.
    """
    if find_spec("cryptography") is None:
        message = f"certificates need the Python package cryptography; get it with: {INSTALL}"
        raise StartupError(message)


def read_credentials(folder: Path, role: Role, now: datetime | None = None) -> Credentials:
    """Return what a role shows, from the three files that its host has.

    Args:
        folder: that `bazar certificates` made, or a copy of the three files.
        role: of this process.
        now: the time; None: it is now.

    Raises:
        StartupError: a file is missing, cannot be read, is not what it should be, or has ended.
    """
    check_installed()
    from bazar.kit.peers import certificates

    now = now or as_datetime(now_ms())
    if not folder.is_dir():
        message = (
            f"there is no folder {folder} of certificates; make one with "
            f"'bazar certificates {shlex.quote(str(folder))}', or name another one with --tls"
        )
        raise StartupError(message)
    authority_pem, authorities = read_authorities(folder)
    pair = read_pair(folder, role)
    authority_file, (file, _key) = folder / AUTHORITY_FILE, pair_files(folder, role)
    signers = [one for one in authorities if certificates.is_signed(pair.certificate, one)]
    if not signers:
        refuse(
            file,
            f"was not signed by the authority in {authority_file}: copy all three files from one "
            "folder of 'bazar certificates'",
        )
    check_time(authority_file, signers[0], now)
    check_time(file, pair.certificate, now)
    return Credentials(
        role,
        folder,
        authority_pem,
        pair.key_pem + pair.certificate_pem,
        pair.ends_at,
        signers[0].not_valid_after_utc,
    )


def read_authorities(folder: Path) -> tuple[bytes, "list[Certificate]"]:
    """Return whom a process believes, as bytes and as certificates.

    Raises:
        StartupError: the file cannot be read, is another user's, others may write to it, or it
            holds no authority.
    """
    from bazar.kit.peers import certificates

    file = folder / AUTHORITY_FILE
    pem, status = _content(file)
    if fault := authority_fault(status.st_uid, status.st_mode, os.geteuid()):
        refuse(file, f"{fault} {file}")
    try:
        found = certificates.read_certificates(pem)
    except certificates.NotProper as error:
        refuse(file, str(error))
    for one in found:
        if not certificates.is_authority(one):
            refuse(file, "holds a certificate that is not that of an authority")
    return pem, found


def read_pair(folder: Path, role: Role) -> "Pair":
    """Return the certificate and the key of a role, which belong together.

    Raises:
        StartupError: a file cannot be read, or is not that of this role.
    """
    from bazar.kit.peers import certificates

    file, key_file = pair_files(folder, role)
    pem, _status = _content(file)
    key = read_key_file(key_file)
    try:
        one = certificates.read_certificates(pem)[0]
    except certificates.NotProper as error:
        refuse(file, str(error))
    if not certificates.belongs(key, one):
        refuse(key_file, f"is not the key of {file}: copy both from one folder")
    if not certificates.is_of_role(one, role):
        refuse(file, f"is not the certificate of the role {role}")
    return certificates.Pair(one, key)


def read_key_file(file: Path) -> "Key":
    """Return the key in a file that nobody else may read.

    Raises:
        StartupError: it cannot be read, others may read it, or it holds no key.
    """
    from bazar.kit.peers import certificates

    pem, status = _content(file)
    fault = key_fault(status.st_uid, status.st_mode, os.geteuid())
    if fault:
        refuse(file, f"{fault}: chmod 600 {file}")
    try:
        return certificates.read_key(pem)
    except certificates.NotProper as error:
        refuse(file, str(error))


def key_fault(owner: int, mode: int, user: int) -> str:
    """Return why a key in a file is not ours alone; empty: it is.

    Args:
        owner: of the file.
        mode: of the file.
        user: who wants to use it.
    """
    if owner not in {user, 0}:
        return "belongs to another user, who may read it; make a copy of your own, and"
    if mode & (_OTHERS if owner == user else _OTHERS_OF_ROOT):
        return "may be read by others; if nobody has"
    return ""


def authority_fault(owner: int, mode: int, user: int) -> str:
    """Return why others may say whom we believe, and what to do; empty: they may not.

    Args:
        owner: of the file.
        mode: of the file.
        user: who wants to use it.
    """
    if owner not in {user, 0}:
        return "is another user's, who may change it; make it your own, or: chown root"
    if mode & _OTHERS_WRITE:
        return "may be changed by others; if it is what it should be: chmod go-w"
    return ""


def check_time(file: Path, one: "Certificate", now: datetime) -> None:
    """Make sure that a certificate holds now.

    Raises:
        StartupError: it does not.
    """
    if now >= one.not_valid_after_utc:
        refuse(
            file,
            f"ended on {one.not_valid_after_utc:%Y-%m-%d}: run 'bazar certificates' on the folder "
            "that holds ca.key, and copy the files again",
        )
    if now < one.not_valid_before_utc:
        day = f"{one.not_valid_before_utc:%Y-%m-%d}"
        refuse(file, f"holds from {day} on: set the clock of this machine")


def _content(file: Path) -> tuple[bytes, os.stat_result]:
    try:
        with file.open("rb") as opened:
            return opened.read(), os.fstat(opened.fileno())
    except FileNotFoundError:
        message = (
            f"there is no {file}: copy it from the folder that 'bazar certificates' has made, or "
            "run it there again"
        )
        raise StartupError(message) from None
    except OSError as error:
        message = f"cannot read {file}: {error.strerror}"
        raise StartupError(message) from error


def refuse(file: Path, reason: str) -> NoReturn:
    """Say what is wrong with a file.

    Raises:
        StartupError: always.
    """
    message = f"{file} {reason}"
    raise StartupError(message)
