"""Backups of a service's database while it is open: what is asked for, answered and refused."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Protocol

from msgspec import Meta, Struct

from bazar.kit.errors import BazarError
from bazar.kit.identity import ID_MAX

BackupId = Annotated[str, Meta(pattern="^[0-9a-z-]{1,64}$")]


class BackupRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Begin a backup."""

    id: BackupId
    """Made by who asks. The same again is the same backup; another one ends it."""


class PieceQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which piece of a backup to read."""

    after: Annotated[int, Meta(ge=0, le=ID_MAX)] = 0
    """So many bytes lie before it."""


class BackupState(Struct, frozen=True, kw_only=True):
    """How far a backup is."""

    id: str
    made: bool
    """Whether all of it is there to be read; until then the database is being copied."""
    size_bytes: int
    """0 until it is made."""
    sha256: str
    """Of all of it, in hexadecimal digits; empty until it is made."""


class BackupNotFound(BazarError):
    """There is no such backup, or not any more."""

    code = "backup-not-found"
    status = 404
    title = "There is no such backup"
    hint = "Begin again: a new backup ends the one before, and so does the service."
    definite = True


class NoRoomForBackup(BazarError):
    """The disk of the database has no room for a copy of it."""

    code = "no-room-for-backup"
    status = 507
    title = "There is no room for a backup"
    hint = "Make room where the database is; a backup needs as much as that for a moment."
    definite = True


class BackupElsewhere(BazarError):
    """The database is backed up by its own programs."""

    code = "backup-elsewhere"
    status = 409
    title = "PostgreSQL makes its own backups"
    hint = "docs/postgresql.md, 'Backups', says how."
    definite = True


class Backups(Protocol):
    """Makes a copy of a database as it is at one moment, while it is used."""

    async def begin(
        self, backup_id: str, beside: Callable[[str], Awaitable[object]] | None = None
    ) -> BackupState:
        """Take the moment, and begin to copy.

        Args:
            backup_id: the same again is the same backup.
            beside: has something else take its moment, given the id under which it does so:
                until that is done, nothing is written here. Both then show one moment.

        Raises:
            NoRoomForBackup: definite.
            Unavailable: what is beside did not answer soon enough.
        """
        ...

    def state(self, backup_id: str) -> BackupState:
        """Tell how far a backup is.

        Raises:
            BackupNotFound: definite.
            Unavailable: it could not be made.
        """
        ...

    async def piece(self, backup_id: str, after: int) -> bytes:
        """Return the next bytes of a backup that is made; none at its end.

        Raises:
            BackupNotFound: definite.
        """
        ...

    async def end(self, backup_id: str) -> None:
        """Forget a backup, and free its room.

        Raises:
            BackupNotFound: definite.
        """
        ...
