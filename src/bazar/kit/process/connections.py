"""How many connections this process may hold, and which it closes where they get scarce.

A connection is an open file. A server that has none left cannot even refuse, and spins, so the
places are fitted to the limit of the system. A client that only holds them gives way to others:
one that says nothing, and one that begins a request and does not go on.

Source: docs/decisions/0019-nothing-stops-a-service-unseen.md
"""

import asyncio
import os
import resource
import socket
import struct
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from bazar.kit import log
from bazar.kit.http.app import Client

CONNECTIONS_MAX = 8192
FILES_KEPT = 256
"""For databases, the log, and the way to other services while nobody is served."""
LOOK_INTERVAL_S = 0.25
CROWDED_SHARE = 0.75
"""Of the places that may be taken before idle connections give way."""
IDLE_MS_MIN = 2000
"""A connection that was quiet for less keeps its place; a feed speaks once a second."""
_TCP_INFO = struct.Struct("=44x3I64x2Q")
"""Milliseconds since data was sent, since an acknowledgement was, since data came in; bytes that
were acknowledged, and that came in. Source: linux/tcp.h, struct tcp_info"""


def raise_file_limit() -> int:
    """Raise this process's limit of open files as far as it may; return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(OSError, ValueError):  # some systems name a hard limit that they do not grant
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    if soft == resource.RLIM_INFINITY:
        return 2 * CONNECTIONS_MAX + FILES_KEPT
    if connections_max(soft) < CONNECTIONS_MAX:
        log.get_logger().warning(
            "few-files",
            limit=soft,
            connections_max=connections_max(soft),
            advice=f"allow {2 * CONNECTIONS_MAX + FILES_KEPT} open files, such as with ulimit -n",
        )
    return soft


def connections_max(files: int) -> int:
    """Return how many connections to take with so many open files.

    Each caller may need a connection to another service as well.
    """
    kept = min(FILES_KEPT, files // 4)
    return max(1, min(CONNECTIONS_MAX, (files - kept) // 2))


@dataclass(frozen=True, slots=True)
class Connection:
    """An open connection of this server."""

    descriptor: int
    inode: int
    idle_ms: int
    """Since its last byte, either way, or since it came; 0 while its answer is due."""


class Crowding:
    """Closes the connections that were idle for longest while nearly all places are taken.

    Source: nginx does the same, ngx_drain_connections
    """

    def __init__(
        self, listening: socket.socket, places: int, waiting: Callable[[], Iterable[Client]]
    ) -> None:
        """Watch the connections that come in on a socket.

        Args:
            listening: that socket.
            places: for connections.
            waiting: tells whose request is here as a whole, and who has no answer yet.
        """
        self._address = listening.getsockname()[1]
        self._places = places
        self._waiting = waiting

    async def run(self) -> None:
        """Look again and again; cancel it to end it."""
        while True:
            await asyncio.sleep(LOOK_INTERVAL_S)
            # Told before it is looked who is idle: a request that comes in between is too young.
            waiting = frozenset([int(port) for _host, port in self._waiting()])
            await asyncio.to_thread(self.relieve, waiting)

    def relieve(self, waiting: Container[int]) -> int:
        """Close idle connections until enough places are free.

        Args:
            waiting: the ports of the clients whose answer is due. Two addresses may share one;
                then both keep their places.

        Returns:
            How many were closed.
        """
        if len(_open_files()) <= self._places * CROWDED_SHARE:
            return 0
        connections = list(self._connections(waiting))
        excess = len(connections) - int(self._places * CROWDED_SHARE)
        idle = [one for one in connections if one.idle_ms >= IDLE_MS_MIN]
        idle.sort(key=lambda one: one.idle_ms, reverse=True)
        closed = [one for one in idle[: max(excess, 0)] if _end(one)]
        if closed:
            log.get_logger().warning("crowded", closed=len(closed), open=len(connections))
        return len(closed)

    def _connections(self, waiting: Container[int]) -> Iterator[Connection]:
        for descriptor in _open_files():
            with suppress(OSError), _taken(descriptor) as one:
                if one.family in {socket.AF_INET, socket.AF_INET6} and (
                    one.getsockname()[1] == self._address
                ):
                    idle_ms = _idle_ms(one, asked=one.getpeername()[1] in waiting)
                    yield Connection(descriptor, os.fstat(descriptor).st_ino, idle_ms)


def _open_files() -> list[int]:
    """Return the numbers of all open files; where the system does not tell, none."""
    with suppress(OSError):
        return [int(name) for name in os.listdir("/proc/self/fd")]  # noqa: PTH208  many, and often
    return []


def _taken(descriptor: int) -> socket.socket:
    """Return a second handle of a socket; closing it leaves the connection open.

    Raises:
        OSError: it is none.
    """
    copy = os.dup(descriptor)
    try:
        return socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        raise


def _idle_ms(one: socket.socket, *, asked: bool) -> int:
    info = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
    sent_ms, _, received_ms, bytes_sent, _ = _TCP_INFO.unpack(info)
    never_answered = bytes_sent <= 1  # the handshake counts as 1
    due = asked and (never_answered or received_ms < sent_ms)
    return 0 if due else int(min(sent_ms, received_ms))


def _end(connection: Connection) -> bool:
    """Shut a connection down, if its number still is its own; the server then closes it."""
    with suppress(OSError), _taken(connection.descriptor) as one:
        if os.fstat(one.fileno()).st_ino == connection.inode:
            one.shutdown(socket.SHUT_RDWR)
            return True
    return False
