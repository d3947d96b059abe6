"""The routes by which a service's database is backed up while it is open."""

from collections.abc import Awaitable, Callable

from starlette.responses import Response

from bazar.kit.backup import (
    BackupElsewhere,
    BackupNotFound,
    BackupRequest,
    Backups,
    BackupState,
    NoRoomForBackup,
    PieceQuery,
)
from bazar.kit.errors import Unavailable
from bazar.kit.http.answers import json_response
from bazar.kit.http.endpoint import Link, route
from bazar.kit.http.request import Request

Beside = Callable[[str], Awaitable[object]]
PIECE_MEDIA_TYPE = "application/octet-stream"


class BackupApi:
    """The handlers of the backups of one service."""

    def __init__(self, backups: Backups | None, beside: Beside | None = None) -> None:
        """Serve these backups.

        Args:
            backups: None where the database is one that others back up.
            beside: has another service take its moment together with this one.
        """
        self._backups = backups
        self._beside = beside

    @property
    def _there(self) -> Backups:
        if self._backups is None:
            message = (
                "this shop is kept by PostgreSQL, whose pg_dump makes backups of one database; "
                "stop the shop, dump catalog and order, keep the secret with them, and start it"
            )
            raise BackupElsewhere(message)
        return self._backups

    @route(
        "POST",
        "/backups",
        answers={200: BackupState},
        errors=(BackupElsewhere, NoRoomForBackup, Unavailable),
        secret=True,
        links=(Link(200, "backup", "backup_id", "/id"),),
    )
    async def begin_backup(self, _request: Request, body: BackupRequest) -> Response:
        """Begin a backup of the database as it is now; it ends the one before."""
        return json_response(await self._there.begin(body.id, self._beside))

    @route(
        "GET",
        "/backups/{backup_id}",
        answers={200: BackupState},
        errors=(BackupElsewhere, BackupNotFound, Unavailable),
        secret=True,
    )
    async def backup(self, request: Request) -> Response:
        """Tell how far a backup is."""
        return json_response(self._there.state(request.path_params["backup_id"]))

    @route(
        "GET",
        "/backups/{backup_id}/content",
        answers={200: None},
        errors=(BackupElsewhere, BackupNotFound),
        secret=True,
        media_type=PIECE_MEDIA_TYPE,
    )
    async def backup_content(self, request: Request, query: PieceQuery) -> Response:
        """Send the next piece of a backup, at most a mebibyte; the end is empty."""
        piece = await self._there.piece(request.path_params["backup_id"], query.after)
        return Response(piece, media_type=PIECE_MEDIA_TYPE, headers={"cache-control": "no-store"})

    @route(
        "POST",
        "/backups/{backup_id}/end",
        answers={200: None},
        errors=(BackupElsewhere, BackupNotFound),
        secret=True,
    )
    async def end_backup(self, request: Request) -> Response:
        """Free the room that a backup takes."""
        await self._there.end(request.path_params["backup_id"])
        return json_response(None)
