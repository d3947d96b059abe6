"""A look at a PostgreSQL before a service opens: what is wrong with it is told in one line."""

import asyncio
from contextlib import suppress
from time import monotonic
from typing import NamedTuple

from bazar.kit.data.moved import STATE_IS_THERE, UNFINISHED
from bazar.kit.data.postgres_connecting import (
    CONNECT_TIMEOUT_S,
    DRIVER_ERRORS,
    Away,
    Refused,
    connect,
)
from bazar.kit.errors import StartupError

VERSION_MIN = 15
PATIENCE_S = 10.0
"""A server that starts, or whose standby takes over, is there again by then."""
_PAUSE_S = 0.2
_ENCODING = "UTF8"
_IS_THERE = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)"


async def check_postgres(url: str, shown: str, *, moving: bool = False) -> None:
    """Make sure that a database can be used; wait for its server where it is away.

    Args:
        url: of the database.
        shown: the same, for the message: without its password.
        moving: whether a shop is to be moved into it, rather than a service to use it.

    Raises:
        StartupError: it cannot be used.
    """
    give_up_s = monotonic() + PATIENCE_S
    while True:
        try:
            found = await _look(url)
            break
        except Away as error:
            if isinstance(error, Refused) or monotonic() > give_up_s:
                message = f"the database {shown} cannot be used: {error}"
                raise StartupError(message) from error
            await asyncio.sleep(_PAUSE_S)
    if found.version < VERSION_MIN:
        message = f"{shown} is in PostgreSQL {found.version}; {VERSION_MIN} or newer is needed"
        raise StartupError(message)
    if found.encoding != _ENCODING:
        message = (
            f"the database {shown} has the encoding {found.encoding}; make one with {_ENCODING}"
        )
        raise StartupError(message)
    if found.half_moved and not moving:
        message = f"the move of a shop to {shown} is not finished: run that 'bazar move' again"
        raise StartupError(message)


async def make_database(url: str, name: str) -> None:
    """Make a database where it is missing, if this user may; a look at it tells the rest.

    Args:
        url: of another one of the same server.
        name: of the database.
    """
    with suppress(Away, *DRIVER_ERRORS):
        connection = await connect(url)
        try:
            if not await connection.fetchval(_IS_THERE, name):
                sql = f'CREATE DATABASE "{name}" ENCODING {_ENCODING} TEMPLATE template0'
                await connection.execute(sql)
        finally:
            await connection.close(timeout=CONNECT_TIMEOUT_S)


class _Found(NamedTuple):
    """What a look at a database tells."""

    version: int
    encoding: str
    half_moved: bool


async def _look(url: str) -> _Found:
    """Look at a database.

    Raises:
        Away: it cannot be asked.
    """
    connection = await connect(url)
    try:
        encoding = await connection.fetchval("SHOW server_encoding")
        half_moved = await connection.fetchval(STATE_IS_THERE)
        half_moved = half_moved and await connection.fetchval(UNFINISHED)
        return _Found(connection.get_server_version().major, encoding, half_moved)
    except Exception as error:
        message = f"it was lost again: {error}"
        raise Away(message) from error
    finally:
        await connection.close(timeout=CONNECT_TIMEOUT_S)
