"""Fetch the databases of an open shop, both as they were at one moment."""

import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from time import sleep

from bazar.kit.backup import BackupState
from bazar.tools.remote import RemoteError
from bazar.tools.shop import Keeping, Shop

POLL_S = 0.1


def fetch(shop: Shop, folder: Path, progress: Callable[[int], None]) -> datetime:
    """Write the databases into a folder, as `catalog.db` and `order.db`; return of which moment.

    The order service takes the moment together with the catalog: see `docs/decisions`. Each then
    makes a copy of its database as it was, which is fetched a piece at a time.

    Args:
        shop: may be open and busy.
        folder: is there.
        progress: is told of each piece how long it is.

    Raises:
        RemoteError: a service refused, did not answer, or has another backup to make by now.
        OSError: the disk has no room.
    """
    begun = shop.order.begin_backup(secrets.token_hex(8))
    made_at = datetime.now(UTC)
    services: tuple[Keeping, ...] = (shop.catalog, shop.order)
    try:
        for service in services:
            _fetch(service, begun.id, folder / f"{service.name}.db", progress)
    finally:
        for service in services:
            with suppress(RemoteError):  # it goes by itself after a while
                service.end_backup(begun.id)
    return made_at


def _fetch(service: Keeping, backup_id: str, path: Path, progress: Callable[[int], None]) -> None:
    state = _made(service, backup_id)
    digest, after = sha256(), 0
    with path.open("xb") as file:
        while piece := service.backup_piece(backup_id, after):
            file.write(piece)
            digest.update(piece)
            after += len(piece)
            progress(len(piece))
    if (after, digest.hexdigest()) != (state.size_bytes, state.sha256):
        message = f"the backup of the {service.name} service was damaged on its way; begin again"
        raise RemoteError(message)


def _made(service: Keeping, backup_id: str) -> BackupState:
    """Wait until a copy is made; it is refused where it fails or is ended."""
    while not (state := service.backup(backup_id)).made:
        sleep(POLL_S)
    return state
