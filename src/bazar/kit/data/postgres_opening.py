"""A look at a PostgreSQL before a service opens: what is wrong with it is told in one line."""

import asyncio
from time import monotonic

import asyncpg

from bazar.kit.data.postgres_pool import CONNECT_TIMEOUT_S, lost
from bazar.kit.errors import StartupError

VERSION_MIN = 15
PATIENCE_S = 10.0
"""A server that starts, or whose standby takes over, is there again by then."""
_PAUSE_S = 0.2
_ENCODING = "UTF8"


async def check_postgres(url: str, shown: str) -> None:
    """Make sure that a database can be used; wait for its server where it is away.

    Args:
        url: of the database.
        shown: the same, for the message: without its password.

    Raises:
        StartupError: it cannot be used.
    """
    give_up_s = monotonic() + PATIENCE_S
    while True:
        try:
            await _look(url, shown)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
            if not _may_pass(error) or monotonic() > give_up_s:
                message = f"the database {shown} cannot be used: {_reason(error)}"
                raise StartupError(message) from error
            await asyncio.sleep(_PAUSE_S)
        else:
            return


async def _look(url: str, shown: str) -> None:
    connection = await asyncpg.connect(
        url,
        timeout=CONNECT_TIMEOUT_S,
        target_session_attrs="read-write" if "," in url else None,
    )
    try:
        version = connection.get_server_version().major
        encoding = connection.get_settings().server_encoding
    finally:
        await connection.close(timeout=CONNECT_TIMEOUT_S)
    if version < VERSION_MIN:
        message = f"{shown} is on PostgreSQL {version}; {VERSION_MIN} or newer is needed"
        raise StartupError(message)
    if encoding != _ENCODING:
        message = f"the database {shown} is encoded in {encoding}; make it with ENCODING 'UTF8'"
        raise StartupError(message)


def _may_pass(error: Exception) -> bool:
    """Tell whether an error is about the server's state, and not about what it was told."""
    return lost(error) and not isinstance(error, ValueError)


def _reason(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
