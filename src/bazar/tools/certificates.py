"""The folder of a shop's certificates: made once, and brought up to date as often as one likes.

Everything is looked at before anything is written. Each file is there as a whole or not at all,
its key before a certificate: so a run that is killed leaves nothing that the next one does not
finish. What is there and not ours is never touched: it is named, and nothing is done.

Source: docs/decisions/0044-certificates-name-roles.md
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from bazar.kit.clock import as_datetime, now_ms
from bazar.kit.errors import StartupError
from bazar.kit.files import part_folder, whole_file
from bazar.kit.peers.credentials import (
    AUTHORITY_FILE,
    check_installed,
    check_time,
    days_left,
    pair_files,
    read_authorities,
    read_key_file,
    read_pair,
    refuse,
)
from bazar.kit.peers.roles import ROLES, Role

if TYPE_CHECKING:  # only who has it can sign
    from bazar.kit.peers.certificates import Pair

AUTHORITY_KEY_FILE = "ca.key"
AUTHORITY = "ca"
_AWAY = "move it away, and run the command again to have another one made"
_TAKEN = frozenset({errno.EEXIST, errno.ENOTEMPTY})

Done = Literal["made", "renewed", "kept"]


class Certified(msgspec.Struct, frozen=True):
    """A certificate of the folder, and what was done about it."""

    file: str
    role: str
    """Whose it is; `ca` is the authority's."""
    done: Done
    ends_at: datetime
    days_left: int


class _Plan(msgspec.Struct):
    """What is to be written, in this order; and what the folder will hold then."""

    files: list[tuple[Path, bytes, bool]] = []
    """Each with whether it takes the place of one that is there."""
    certificates: list[tuple[str, "Pair", Done]] = []


def certify(folder: Path, now: datetime | None = None) -> list[Certified]:
    """Have a folder hold an authority, and a pair of each role that holds for long enough.

    Args:
        folder: where it is, or will be.
        now: the time; None: it is now.

    Returns:
        What it holds: the authority, then the roles.

    Raises:
        StartupError: something in the folder is not what it should be, or cannot be written.
            Nothing was changed, but for files that are whole.
    """
    check_installed()
    now = now or as_datetime(now_ms())
    try:
        if folder.exists():
            with _alone(folder):
                done = _write(_planned(folder, now))
        else:
            folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with part_folder(folder.parent, folder.name) as part:
                done = _write(_planned(part, now))
                part.rename(folder)
    except OSError as error:
        if error.errno in _TAKEN:
            message = f"somebody else has just written to {folder}; run the command again"
            raise StartupError(message) from error
        message = f"cannot write to {folder}: {error.strerror}"
        raise StartupError(message) from error
    return [
        Certified(f"{role}.pem", role, what, pair.ends_at, days_left(pair.ends_at, now))
        for role, pair, what in done
    ]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other runs of this command away from a folder.

    Raises:
        StartupError: another one is at work there, or it is no folder.
    """
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except NotADirectoryError as error:
        message = f"{folder} is no folder; name another one"
        raise StartupError(message) from error
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        message = f"another 'bazar certificates' is at work in {folder}; run it again in a moment"
        raise StartupError(message) from error
    finally:
        os.close(opened)


def _planned(folder: Path, now: datetime) -> _Plan:
    """Look at everything, and return what is to be done.

    Raises:
        StartupError: something is not what it should be.
    """
    plan = _Plan()
    authority = _authority(folder, plan, now)
    for role in ROLES:
        _role(folder, role, authority, plan, now)
    return plan


def _authority(folder: Path, plan: _Plan, now: datetime) -> "Pair":
    """Return the authority of a folder, or plan a new one for an empty folder."""
    from bazar.kit.peers import certificates

    file, key_file = folder / AUTHORITY_FILE, folder / AUTHORITY_KEY_FILE
    if not key_file.exists():
        _refuse_copy(folder)
        key = certificates.new_key()
        plan.files.append((key_file, certificates.key_pem(key), False))
    else:
        key = read_key_file(key_file)
    if file.exists():
        _pem, (one, *_others) = read_authorities(folder)
        if not certificates.belongs(key, one):
            refuse(key_file, f"is not the key of {file}: name the folder that holds both")
        check_time(file, one, now)
        authority = certificates.Pair(one, key)
        plan.certificates.append((AUTHORITY, authority, "kept"))
    else:  # the first run, or one that was killed after it had written the key
        authority = certificates.authority(key, now)
        plan.files.append((file, authority.certificate_pem, False))
        plan.certificates.append((AUTHORITY, authority, "made"))
    return authority


def _refuse_copy(folder: Path) -> None:
    """Refuse a folder that has certificates, and not the key that signs them.

    Raises:
        StartupError: it is one.
    """
    files = [
        folder / AUTHORITY_FILE,
        *(file for role in ROLES for file in pair_files(folder, role)),
    ]
    there = [file.name for file in files if file.exists()]
    if there:
        message = (
            f"{folder} holds {there[0]} and no {AUTHORITY_KEY_FILE}, so nothing can be signed "
            "there: run the command on the folder that it made first, or name a new one"
        )
        raise StartupError(message)


def _role(folder: Path, role: Role, authority: "Pair", plan: _Plan, now: datetime) -> None:
    """Plan what a role needs."""
    from bazar.kit.peers import certificates

    file, key_file = pair_files(folder, role)
    if file.exists():
        if not key_file.exists():
            refuse(file, f"is there without {key_file.name}: {_AWAY}")
        pair = read_pair(folder, role)
        if not certificates.is_signed(pair.certificate, authority.certificate):
            refuse(file, f"was signed by another authority than {AUTHORITY_FILE}: {_AWAY}")
        if not _is_near_end(pair, authority, now):
            plan.certificates.append((role, pair, "kept"))
            return
        done: Done = "renewed"
    else:
        done = "made"
    if key_file.exists():
        key = read_key_file(key_file)
    else:
        key = certificates.new_key()
        plan.files.append((key_file, certificates.key_pem(key), False))
    pair = certificates.certificate(authority, role, key, now)
    plan.files.append((file, pair.certificate_pem, done == "renewed"))
    plan.certificates.append((role, pair, done))


def _is_near_end(pair: "Pair", authority: "Pair", now: datetime) -> bool:
    """Tell whether a certificate ends soon, and a new one would hold for longer."""
    from bazar.kit.peers.certificates import RENEW_DAYS

    return (
        days_left(pair.ends_at, now) < RENEW_DAYS and days_left(authority.ends_at, pair.ends_at) > 0
    )


def _write(plan: _Plan) -> list[tuple[str, "Pair", Done]]:
    for file, content, replaces in plan.files:
        with whole_file(file, replace=replaces) as opened:
            opened.write(content)
    return plan.certificates
