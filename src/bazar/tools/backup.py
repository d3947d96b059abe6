"""Fetch the databases of an open shop, both as they were at one moment."""

import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from time import monotonic, sleep

from bazar.kit.backup import BackupState
from bazar.tools.remote import RemoteError
from bazar.tools.shop import Keeping, Shop

POLL_S = 0.1
KEEP_S = 60.0
"""So often both services are told that their copies are wanted, while one of them is fetched."""


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
        states = _made(services, begun.id)
        kept_at = monotonic()

        def arrived(size_bytes: int) -> None:
            nonlocal kept_at
            progress(size_bytes)
            if monotonic() - kept_at >= KEEP_S:
                _states(services, begun.id)
                kept_at = monotonic()

        for service, state in zip(services, states, strict=True):
            _fetch(service, state, folder / f"{service.name}.db", arrived)
    finally:
        for service in services:
            with suppress(RemoteError):  # it goes by itself after a while
                service.end_backup(begun.id)
    return made_at


def _fetch(
    service: Keeping, state: BackupState, path: Path, progress: Callable[[int], None]
) -> None:
    digest, after = sha256(), 0
    with path.open("xb") as file:
        while piece := service.backup_piece(state.id, after):
            file.write(piece)
            digest.update(piece)
            after += len(piece)
            progress(len(piece))
    if (after, digest.hexdigest()) != (state.size_bytes, state.sha256):
        message = f"the backup of the {service.name} service was damaged on its way; begin again"
        raise RemoteError(message)


def _made(services: Sequence[Keeping], backup_id: str) -> list[BackupState]:
    """Wait until all copies are made; it is refused where one fails or is ended.

    All are asked in turn, since a service forgets one that nobody asks for.
    """
    while True:
        states = _states(services, backup_id)
        if all(state.made for state in states):
            return states
        sleep(POLL_S)


def _states(services: Sequence[Keeping], backup_id: str) -> list[BackupState]:
    return [service.backup(backup_id) for service in services]
