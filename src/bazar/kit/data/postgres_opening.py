"""A look at a PostgreSQL before a service opens: what is wrong with it is told in one line."""

import asyncio
from time import monotonic

from bazar.kit.data.postgres_connecting import CONNECT_TIMEOUT_S, Away, Refused, connect
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
            version, encoding = await _look(url)
            break
        except Away as error:
            if isinstance(error, Refused) or monotonic() > give_up_s:
                message = f"the database {shown} cannot be used: {error}"
                raise StartupError(message) from error
            await asyncio.sleep(_PAUSE_S)
    if version < VERSION_MIN:
        message = f"{shown} is in PostgreSQL {version}; {VERSION_MIN} or newer is needed"
        raise StartupError(message)
    if encoding != _ENCODING:
        message = f"the database {shown} has the encoding {encoding}; make one with {_ENCODING}"
        raise StartupError(message)


async def _look(url: str) -> tuple[int, str]:
    """Return the major version of a server, and the encoding of a database.

    Raises:
        Away: it cannot be asked.
    """
    connection = await connect(url)
    try:
        encoding = await connection.fetchval("SHOW server_encoding")
        return connection.get_server_version().major, encoding
    except Exception as error:
        message = f"it was lost again: {error}"
        raise Away(message) from error
    finally:
        await connection.close(timeout=CONNECT_TIMEOUT_S)
