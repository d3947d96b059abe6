"""Connecting to PostgreSQL, and what an error of a connection says about it.

Nothing here or above cancels what a connection is doing: to cancel a COMMIT that waits for a
synchronous standby makes a row visible that a failover may lose, and says that all went well. What
takes too long has its connection cut instead; the server looks whether its client is still there.

Source: postgresql.org/docs/current/warm-standby.html#SYNCHRONOUS-REPLICATION;
docs/decisions/0029-postgresql-through-asyncpg.md
"""

import asyncio
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from socket import gaierror
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

import asyncpg

CONNECT_TIMEOUT_S = 2.0
ASK_AGAIN_S = 0.1
"""Between two questions to a host that said no, while another one says nothing."""
LEAST_S = 0.05
"""That a host has to answer such a question."""
STATEMENTS_KEPT = 400
"""Prepared ones, of one connection; all that a service sends are fewer."""
SETTINGS = {
    "application_name": "bazar",
    "jit": "off",
    "TimeZone": "UTC",
    "client_connection_check_interval": "100ms",
}
"""Of each session. The last one ends the statement of a connection that was cut."""
MARK = "SELECT pg_logical_emit_message(true, 'bazar', '')"
"""Has a commit that writes nothing wait all the same until all before it is where it has to be."""
_OF_THE_SERVER = ("08", "53", "57", "25006", "25P03", "25P04")
"""How the SQLSTATEs begin that are about the connection or the server, and not about a statement:
whole classes; a server that takes no writes any more; a session that took too long."""
_NEVER = ("28", "3D")
"""How those begin that no patience helps against: who may not enter, a database that is not there.
"""

DRIVER_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)
"""All that a connection raises."""

_ANY = "target_session_attrs="
"""Of an address that says itself which kind of server will do."""
_TIMELINE = "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)"
"""A number that grows, in hexadecimal, whenever a standby takes the place of a primary."""
_timelines: dict[str, int] = {}
"""By address, of the last server of several that this process has used."""
_ERRNO = re.compile(r"\[Errno ([0-9]+)\]")

Connection = Any
"""An asyncpg connection; asyncpg has no types."""


class Away(Exception):
    """There is no connection, or the one that was used is lost; nothing was committed."""


class Refused(Away):
    """No connection will be opened, however often it is tried."""


class Unknown(Exception):
    """Nobody knows whether something was committed, nor whether it will outlive a failover."""


def answered(error: BaseException) -> bool:
    """Tell whether an error is the server's answer to a statement, so that its connection is well.

    Source: postgresql.org/docs/current/errcodes-appendix.html
    """
    state = error.sqlstate if isinstance(error, asyncpg.PostgresError) else None
    return state is not None and not state.startswith(_OF_THE_SERVER)


def lost(error: BaseException, connection: Connection) -> bool:
    """Tell whether an error says that a connection cannot be used any more.

    The driver has one kind of error for a closed connection and for values that do not fit.
    """
    if isinstance(error, asyncpg.InterfaceError):
        return bool(connection.is_closed())
    return isinstance(error, (*DRIVER_ERRORS, Away)) and not answered(error)


def unsent(error: Exception) -> bool:
    """Tell whether the driver found a connection lost before it sent anything."""
    if isinstance(error, asyncpg.InternalClientError):
        return str(error).startswith(("cannot switch to state", "not connected"))
    return isinstance(error, asyncpg.InterfaceError)


async def connect(url: str, settings: Mapping[str, str] = SETTINGS) -> Connection:
    """Connect; where the address names several hosts, to the first that answers and takes writes.

    All are asked at once, so one that hangs keeps nobody from the next. While one says nothing the
    others are asked again and again: in the end one of them takes its place.

    Raises:
        Refused: the address is wrong, or it will never let us in.
        Away: no host answers in time and takes writes.
    """
    hosts = each_host(url)
    if len(hosts) == 1:
        return await _connect(url, settings, CONNECT_TIMEOUT_S)
    asked = _Asked(url, settings, asyncio.get_running_loop().time() + CONNECT_TIMEOUT_S, {*hosts})
    tries = {asyncio.ensure_future(_insist(each, asked)) for each in hosts}
    waiting, reasons = tries, []
    chosen: Connection = None
    try:
        while waiting and chosen is None:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                if one.exception() is None:
                    chosen = chosen or one.result()
                else:
                    reasons.append(one.exception())
    finally:
        for one in tries:
            one.cancel()
            one.add_done_callback(lambda ended: _let_go(ended, chosen))
    if chosen is None:
        kind = Refused if all(isinstance(one, Refused) for one in reasons) else Away
        raise kind("; ".join(map(str, reasons)))
    return chosen


def _let_go(tried: asyncio.Task[Connection], chosen: Connection) -> None:
    """Close a connection that came second."""
    if not tried.cancelled() and tried.exception() is None and tried.result() is not chosen:
        tried.result().terminate()


@dataclass(frozen=True)
class _Asked:
    """Several hosts that are asked for one connection."""

    url: str
    """That names them all."""
    settings: Mapping[str, str]
    until_s: float
    silent: set[str]
    """The addresses of those that have not answered yet."""


async def _insist(host: str, asked: _Asked) -> Connection:
    """Connect to one host; again while another one says nothing."""
    now_s = asyncio.get_running_loop().time
    while True:
        try:
            found = await _connect(host, asked.settings, max(asked.until_s - now_s(), LEAST_S))
            return found if _ANY in host else await _not_replaced(found, asked.url)
        except Away as error:
            asked.silent.discard(host)
            if isinstance(error, Refused) or not asked.silent or now_s() > asked.until_s:
                raise
        await asyncio.sleep(ASK_AGAIN_S)


async def _not_replaced(connection: Connection, url: str) -> Connection:
    """Return a connection, unless this process has used a server that came after this one.

    A primary that stood still does not know that another one has taken its place, until somebody
    tells it. Nothing is acknowledged there any more, but it would answer as things were.

    Raises:
        Away: it is to one that was replaced.

    Source: postgresql.org/docs/current/continuous-archiving.html, Timelines
    """
    try:
        with cut_after(CONNECT_TIMEOUT_S, connection):
            timeline = int(await connection.fetchval(_TIMELINE), 16)
    except DRIVER_ERRORS as error:
        connection.terminate()
        message = f"the connection was lost as it opened: {error}"
        raise Away(message) from None
    except BaseException:  # who asked has another one
        connection.terminate()
        raise
    latest = _timelines.get(url, 0)
    if timeline < latest:
        connection.terminate()
        message = f"another host has taken its place (timeline {timeline}, now {latest})"
        raise Away(message)
    _timelines[url] = timeline
    return connection


async def _connect(url: str, settings: Mapping[str, str], timeout_s: float) -> Connection:
    try:
        return await asyncpg.connect(
            url,
            timeout=timeout_s,
            statement_cache_size=STATEMENTS_KEPT,
            max_cached_statement_lifetime=0,
            server_settings=settings,
            target_session_attrs=None if _ANY in url else "read-write",
        )
    except TimeoutError:
        message = f"no answer within {CONNECT_TIMEOUT_S:g} s"
        raise Away(message) from None
    except asyncpg.TargetServerAttributeNotMatched:
        message = "it does not take writes"
        raise Away(message) from None
    except asyncpg.PostgresError as error:
        kind = Refused if str(error.sqlstate).startswith(_NEVER) else Away
        raise kind(str(error)) from None
    except OSError as error:
        raise Away(system_reason(error)) from None
    except ValueError:
        # Its text may hold a part of a password that is not written as it should be.
        message = "its address is not valid: postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
        raise Refused(message) from None
    except (asyncpg.InterfaceError, asyncpg.InternalClientError):
        message = "the connection was lost as it opened"
        raise Away(message) from None


def system_reason(error: OSError) -> str:
    """Return why there is no connection in the system's words, whichever event loop asked.

    Where a name stands for several addresses, one error tells of all of them.
    """
    numbers = [int(number) for number in _ERRNO.findall(str(error))]
    if error.errno is not None and error.errno > 0:
        numbers = [error.errno]
    if not numbers or isinstance(error, gaierror):
        return error.strerror or str(error)
    return "; ".join(dict.fromkeys(map(os.strerror, numbers)))


def each_host(url: str) -> list[str]:
    """Return an address of several hosts as one address for each of them.

    Source: postgresql.org/docs/current/libpq-connect.html, Specifying Multiple Hosts
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return [url]  # connecting says what is wrong
    query = dict(parse_qsl(parts.query))
    who, at, hosts = parts.netloc.rpartition("@")
    if "," in hosts:
        return [_at(parts, f"{who}{at}{host}", query) for host in hosts.split(",")]
    named = query.get("host", "").split(",")
    ports = query.get("port", "").split(",")
    if len(named) == 1:
        return [url]
    ports = ports if len(ports) == len(named) else ports[:1] * len(named)
    pairs = zip(named, ports, strict=True)
    return [_at(parts, parts.netloc, query | {"host": h} | _port(p)) for h, p in pairs]


def _port(port: str) -> dict[str, str]:
    return {"port": port} if port else {}


def _at(parts: SplitResult, where: str, query: Mapping[str, str]) -> str:
    return parts._replace(netloc=where, query=urlencode(query)).geturl()


class cut_after:  # noqa: N801  reads as a function
    """Cut connections that take longer, which nothing else can stop without a lie."""

    def __init__(self, limit_s: float, *connections: Connection) -> None:
        """Begin to count."""
        self._limit_s = limit_s
        self._connections = connections
        self._cut = False
        self._timer = asyncio.get_running_loop().call_later(limit_s, self._end)

    def _end(self) -> None:
        self._cut = True
        for one in self._connections:
            one.terminate()

    def __enter__(self) -> None:
        """Do nothing more."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Stop counting; where a connection was cut, say so instead of what came of it.

        Raises:
            Away: one was cut, so that nothing is known to be committed.
        """
        self._timer.cancel()
        if self._cut and error is not None and lost(error, self._connections[0]):
            message = f"no answer within {self._limit_s:g} s"
            raise Away(message) from error
