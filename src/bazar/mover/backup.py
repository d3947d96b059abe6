"""`bazar backup` and `bazar restore`: a shop in one file, and out of it again.

A backup is taken over the API of an open shop, from both of its services at one moment. What
arrives is audited before it gets its name, and once more before a shop is made of it.

Source: docs/decisions/0039-backups.md
"""

import asyncio
import errno
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bazar import __version__
from bazar.catalog.app import SCHEMA as CATALOG_SCHEMA
from bazar.catalog.checking import Checking as CatalogChecking
from bazar.catalog.store.sqlite import SqliteStore as CatalogStore
from bazar.cluster import STARTED_FILE
from bazar.kit.data.migrate import steps
from bazar.kit.data.sqlite import SqliteDatabase
from bazar.kit.data.sqlite_tables import DiskFull, SqliteTables, Unreadable
from bazar.kit.errors import StartupError
from bazar.kit.files import flush_folder, is_part, part_folder, whole_file
from bazar.kit.lock import hold
from bazar.kit.process.config import RESTORING_FILE, SECRET_FILE
from bazar.kit.secret import read_secret
from bazar.mover.archive import FORMAT, About, digest_of, opened_archive, unpack, write_archive
from bazar.mover.auditing import differences
from bazar.order.app import SCHEMA as ORDER_SCHEMA
from bazar.order.checking import Checking as OrderChecking
from bazar.order.store.sqlite import SqliteStore as OrderStore
from bazar.tools.backup import fetch
from bazar.tools.remote import LOCK_FILE
from bazar.tools.shop import Shop

CATALOG, ORDER = "catalog.db", "order.db"
FILES = (SECRET_FILE, ORDER, CATALOG)
"""What a data folder is made of, and so a backup."""
LOCKS = (LOCK_FILE, f"{CATALOG}.lock", f"{ORDER}.lock")
_NOTHING = {"lost+found", *LOCKS}
"""What may lie in a folder that is empty all the same: a new disk has the first."""
Progress = Callable[[int], None]
"""Is told how many more bytes have arrived."""


class _Damaged(Exception):
    """A database is not one any more."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made, or that a shop was made of."""

    file: Path
    size_bytes: int
    made_at: datetime
    differences: list[str]
    """What the audit found wrong in it."""
    audited: bool = True
    """Whether it could be: a backup of another release cannot."""
    aside: Path | None = None
    """Where the folder is now whose place the shop has taken."""


def back_up(shop: Shop, file: Path, progress: Progress, *, replace: bool) -> Backup:
    """Write a backup of an open shop into a file.

    Args:
        shop: on SQLite.
        file: gets its name once it is whole, and audited.
        progress: is told of what arrives.
        replace: whether a file of that name goes.

    Raises:
        FileExistsError: there is one that is to stay.
        RemoteError: the shop refused, or did not answer.
        StartupError, OSError: it cannot be kept here.
    """
    real_file = not file.exists() or file.is_file()
    beside = file.parent if real_file else Path(tempfile.gettempdir())
    with (
        whole_file(file, replace=replace) as opened,
        part_folder(beside, file.name) as folder,
    ):
        made_at = fetch(shop, folder, progress)
        (folder / SECRET_FILE).write_text(f"{shop.secret}\n", "utf-8")
        found = _audit(folder)
        about = About(
            format=FORMAT,
            release=__version__,
            made_at=made_at,
            digests={name: digest_of(folder / name) for name in FILES},
            differences=found or [],
        )
        size_bytes = write_archive(opened, about, folder)
    return Backup(file, size_bytes, made_at, about.differences, audited=found is not None)


def restore(file: Path, data: Path, *, replace: bool, as_it_is: bool) -> Backup:
    """Make a data folder of a backup; it is there as a whole or not at all.

    Args:
        file: of the backup.
        data: the folder.
        replace: whether one that is not empty is put aside.
        as_it_is: whether differences that the audit finds are no reason to stop.

    Raises:
        StartupError: the backup is damaged, the folder is not empty or in use, or the disk refuses.
    """
    data = Path(os.path.realpath(data))
    with _told_of(data), opened_archive(file) as opened:
        fills = data.is_dir() and is_empty(data)
        if data.exists() and not fills:
            _check_replaceable(data, replace=replace)
        beside = data if fills else data.parent
        beside.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _staged(beside, data.name) as folder:
            about = unpack(opened, FILES, folder)
            read_secret(folder / SECRET_FILE)
            found = _audit(folder)
            _check_differences(found or [], as_it_is=as_it_is)
            (folder / STARTED_FILE).touch(mode=0o600)
            flush_folder(folder)
            size_bytes = opened.seek(0, os.SEEK_END)
            aside = None
            if fills:
                fill(folder, data)
            else:
                aside = _put_into_place(folder, data)
    return Backup(file, size_bytes, about.made_at, found or [], found is not None, aside)


@contextmanager
def _told_of(data: Path) -> Iterator[None]:
    """Say of what the disk refuses that it is about the data folder.

    Raises:
        StartupError: the disk refused something.
    """
    try:
        yield
    except OSError as error:
        message = f"cannot restore into {data}: {error.strerror or error}"
        raise StartupError(message) from error


@contextmanager
def _staged(beside: Path, name: str) -> Iterator[Path]:
    """Make the folder in which the backup is unpacked.

    Raises:
        StartupError: it cannot be made there.
    """
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(part_folder(beside, name))
        except OSError as error:
            message = f"cannot restore there: cannot write to {beside}: {error.strerror or error}"
            raise StartupError(message) from error
        yield folder


def is_empty(data: Path) -> bool:
    """Tell whether a folder holds nothing but what a new disk, or a killed restore, leaves there.

    Raises:
        OSError: it cannot be looked into.
    """
    names = {entry.name for entry in data.iterdir()}
    left = {*FILES, STARTED_FILE, RESTORING_FILE} if RESTORING_FILE in names else set()
    return all(is_part(name) for name in names - _NOTHING - left)


def _check_replaceable(data: Path, *, replace: bool) -> None:
    """Make sure that what is there may be put aside, and can be.

    Raises:
        StartupError: it is to stay, or its name cannot be given to another folder.
    """
    if not replace:
        what = "not empty" if data.is_dir() else "no folder"
        message = (
            f"{data} is {what}; name another folder with --data, or have it put aside with "
            "--replace"
        )
        raise StartupError(message)
    reason = ""
    if os.path.ismount(data):
        reason = "a disk is mounted there"
    elif not os.access(data.parent, os.W_OK | os.X_OK):
        reason = f"{data.parent} cannot be written to"
    if reason:
        message = (
            f"{data} cannot be put aside, since {reason}: move what is in it elsewhere, and "
            "restore once more"
        )
        raise StartupError(message)


def _audit(folder: Path) -> list[str] | None:
    """Return what is wrong with the databases in a folder; None where this release cannot tell.

    Raises:
        StartupError: they are of a newer release.
        OSError: the disk refuses.
    """
    try:
        return asyncio.run(_differences(folder)) if _is_of_this_release(folder) else None
    except (DiskFull, _Damaged) as error:
        if isinstance(error, DiskFull) or isinstance(error.__cause__, DiskFull):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        return [str(error)]
    finally:
        for one in folder.iterdir():
            if one.name not in FILES:  # locks, and the empty log of a database that was only read
                one.unlink()


def _is_of_this_release(folder: Path) -> bool:
    """Tell whether this release can look at the databases in a folder, or they are of an older one.

    Raises:
        StartupError: they are of a newer one.
        _Damaged: nobody can tell.
    """
    older = False
    for name, schema in ((CATALOG, CATALOG_SCHEMA), (ORDER, ORDER_SCHEMA)):
        newest = steps(schema)[-1][0]
        try:
            with closing(SqliteTables(folder / name)) as tables:
                number = tables.schema_number()
        except (StartupError, Unreadable) as error:
            message = f"{name} cannot be read: {error.__cause__ or error}"
            raise _Damaged(message) from error.__cause__
        if number > newest:
            message = f"{name} is of a newer release: install that one"
            raise StartupError(message)
        older = older or number < newest
    return not older


async def _differences(folder: Path) -> list[str]:
    catalog = _opened(folder / CATALOG)
    try:
        order = _opened(folder / ORDER)
        try:
            return await differences(
                CatalogChecking(catalog, CatalogStore()), OrderChecking(order, OrderStore())
            )
        finally:
            await order.close()
    finally:
        await catalog.close()


def _opened(path: Path) -> SqliteDatabase:
    """Open a database of a backup.

    Raises:
        _Damaged: it cannot be.
    """
    try:
        return SqliteDatabase(path)
    except StartupError as error:
        message = f"{path.name} cannot be read: {error.__cause__ or error}"
        raise _Damaged(message) from error.__cause__


def _check_differences(found: list[str], *, as_it_is: bool) -> None:
    if found and not as_it_is:
        message = (
            f"the audit finds differences in the backup: {'; '.join(found)}. Nothing was restored; "
            "to restore it as it is, add --as-it-is"
        )
        raise StartupError(message)


def _put_into_place(folder: Path, data: Path) -> Path | None:
    """Give the restored folder its name; return where the one is that had it, if it held anything.

    Raises:
        StartupError: services use that one.
    """
    if not data.exists():
        folder.rename(data)
        flush_folder(data.parent)
        return None
    with _nobody_in(data):
        stamp = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        aside = data.with_name(f"{data.name}.{stamp}")
        data.rename(aside)
        folder.rename(data)
    flush_folder(data.parent)
    return aside


def fill(folder: Path, data: Path) -> None:
    """Move the restored files into a folder that is there, such as the root of a disk.

    A file that says so is there from before the first until after the last of them, so no service
    opens what a kill leaves, and the next restore begins anew.

    Raises:
        StartupError: somebody uses the folder, or has put something there.
        OSError: the disk refuses.
    """
    with _nobody_in(data):
        if not is_empty(data):
            message = f"something else has come into {data} meanwhile. Nothing was restored"
            raise StartupError(message)
        (data / RESTORING_FILE).touch(mode=0o600)
        flush_folder(data)
        for name in (*FILES, STARTED_FILE):
            (folder / name).replace(data / name)
        flush_folder(data)
        (data / RESTORING_FILE).unlink()
        flush_folder(data)


@contextmanager
def _nobody_in(data: Path) -> Iterator[None]:
    """Keep services out of a data folder.

    Raises:
        StartupError: one is there.
    """
    with ExitStack() as held:
        for name in LOCKS:
            held.enter_context(hold(data / name, f"the data folder {data}"))
        yield
