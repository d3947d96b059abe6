"""`bazar backup` and `bazar restore`: a shop in one file, and out of it again.

A backup is taken over the API of an open shop, from both of its services at one moment. What
arrives is audited before it gets its name, and once more before a shop is made of it.

Source: docs/decisions/0039-backups.md
"""

import asyncio
import os
import secrets
import shutil
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
from bazar.kit.data.sqlite_tables import SqliteTables
from bazar.kit.errors import StartupError
from bazar.kit.files import flush_folder, whole_file
from bazar.kit.lock import hold
from bazar.kit.process.config import SECRET_FILE
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
Progress = Callable[[int], None]
"""Is told how many more bytes have arrived."""


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
    with whole_file(file, replace=replace) as opened, _folder_beside(file) as folder:
        made_at = fetch(shop, folder, progress)
        (folder / SECRET_FILE).write_text(f"{shop.secret}\n", "utf-8")
        found = asyncio.run(_audit(folder))
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
    data = data.absolute()
    try:
        if not replace and data.exists() and not (data.is_dir() and not any(data.iterdir())):
            message = (
                f"{data} is not empty; name another folder with --data, or have it put aside with "
                "--replace"
            )
            raise StartupError(message)
        data.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with opened_archive(file) as opened, _folder_beside(data) as folder:
            about = unpack(opened, FILES, folder)
            read_secret(folder / SECRET_FILE)
            found = asyncio.run(_audit(folder))
            _check_differences(found or [], as_it_is=as_it_is)
            (folder / STARTED_FILE).touch(mode=0o600)
            flush_folder(folder)
            size_bytes = opened.seek(0, os.SEEK_END)
            aside = _put_into_place(folder, data)
    except OSError as error:
        message = f"cannot restore into {data}: {error.strerror or error}"
        raise StartupError(message) from error
    return Backup(file, size_bytes, about.made_at, found or [], found is not None, aside)


@contextmanager
def _folder_beside(path: Path) -> Iterator[Path]:
    """Make a folder on the same disk, for its owner alone, that is gone at the end."""
    beside = None if path.exists() and not (path.is_file() or path.is_dir()) else path.parent
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=beside))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _audit(folder: Path) -> list[str] | None:
    """Return what is wrong with the databases in a folder; None where this release cannot tell."""
    for name, schema in ((CATALOG, CATALOG_SCHEMA), (ORDER, ORDER_SCHEMA)):
        newest = steps(schema)[-1][0]
        with closing(SqliteTables(folder / name)) as tables:
            number = tables.schema_number()
        if number > newest:
            message = f"{name} is of a newer release: install that one"
            raise StartupError(message)
        if number < newest:
            return None
    catalog = SqliteDatabase(folder / CATALOG)
    try:
        order = SqliteDatabase(folder / ORDER)
        try:
            return await differences(
                CatalogChecking(catalog, CatalogStore()), OrderChecking(order, OrderStore())
            )
        finally:
            await order.close()
    finally:
        await catalog.close()
        for name in (CATALOG, ORDER):
            (folder / f"{name}.lock").unlink(missing_ok=True)


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
    if not data.exists() or (data.is_dir() and not any(data.iterdir())):
        folder.rename(data)
        flush_folder(data.parent)
        return None
    with ExitStack() as held:
        for name in (LOCK_FILE, f"{CATALOG}.lock", f"{ORDER}.lock"):
            held.enter_context(hold(data / name, f"the data folder {data}"))
        stamp = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        aside = data.with_name(f"{data.name}.{stamp}")
        data.rename(aside)
        folder.rename(data)
    flush_folder(data.parent)
    return aside
