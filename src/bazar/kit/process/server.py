"""Run one service in this process: granian on uvloop, until a signal or the parent's death.

The server is embedded, so a service is a single process: there is no worker that could outlive
its parent, hold a port, or hold a database.

Source: docs/decisions/0004-one-process-a-service.md, 0019-nothing-stops-a-service-unseen.md
"""

import asyncio
import errno
import gc
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, suppress
from typing import Any, NamedTuple

import uvloop
from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.server.embed import Server

from bazar.kit import log
from bazar.kit.errors import StartupError
from bazar.kit.http.app import HttpApp
from bazar.kit.peers.credentials import Credentials
from bazar.kit.process.connections import Crowding, connections_max, raise_file_limit
from bazar.kit.process.probing import PROBERS_MAX, Probes
from bazar.kit.process.stopping import stop_signals

SUPERVISOR_FD_VARIABLE = "BAZAR_SUPERVISOR_FD"
PULSE_FD_VARIABLE = "BAZAR_PULSE_FD"
PULSE_INTERVAL_S = 0.25
BACKLOG = 2048
HEADER_BYTES_MAX = 16 * 1024
HEADER_TIMEOUT_MS = 10_000
SEND_TIMEOUT_MS = 10_000
"""How long a client may leave an answer unread."""
SEND_BUFFER_BYTES = 256 * 1024
"""What the kernel keeps for one such client; by itself it would keep megabytes."""
STOP_TIMEOUT_S = 8.0
EXIT_SERVER_ENDED = 70
"""The server ended though nobody told it to. Source: sysexits(3), EX_SOFTWARE"""
EXIT_ORPHANED = 75
ORPHAN_PATIENCE_S = 0.1
"""How long a service without a supervisor waits for a reader of its log before it ends."""
SWITCH_INTERVAL_S = 0.0005
"""How long the event loop keeps Python's lock while another thread wants it. The threads of the
server and the client want it only to hand over an answer (docs/performance.md)."""

GARBAGE_THRESHOLD = 10_000
"""New objects between two looks for garbage; Python's own 700 are a handful of requests."""

WITHDRAW_TIMEOUT_S = 1.0

Running = Callable[[], AbstractAsyncContextManager[HttpApp]]
Announce = Callable[[HttpApp, str, int], Coroutine[None, None, None]]
"""Tells others of a service that listens on this host and port, until it is cancelled."""


class NotOurs(StartupError):
    """It is no address of this machine, and waiting does not make it one."""


def bound_socket(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Return a socket that has this address, and does not listen yet.

    Args:
        host: an address of this machine, or a name that has one.
        port: 1 to 65535.
        shared: whether other processes of the same user may have the address too, if they say so
            as well; the kernel then spreads new connections over them.

    Raises:
        StartupError: the address is taken, or not one of this machine.

    Source: socket(7), SO_REUSEPORT
    """
    refused: OSError | None = None
    for family, at in _places(host, port):
        opened = socket.socket(family)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if shared:
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            opened.bind(at)
        except OSError as error:
            opened.close()
            refused = refused or error
        else:
            return opened
    assert refused is not None, "a name that is known has an address"
    raise _cannot_listen(host, port, refused) from refused


def _places(host: str, port: int) -> list[tuple[int, Any]]:
    """Return what a host stands for, each as a family and its address; IPv4 before IPv6.

    Raises:
        StartupError: nothing is known under this name.
    """
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
        )
    except (OSError, UnicodeError) as error:
        message = (
            f"cannot listen on {address(host, port)}: no address is known under this name; name "
            "one of this machine with --host"
        )
        raise NotOurs(message) from error
    return sorted({(one[0], one[4]) for one in found}, key=lambda one: one[0])


def check_port(host: str, port: int) -> None:
    """Make sure that an address is free.

    Raises:
        StartupError: it is taken, or not an address of this machine.
    """
    bound_socket(host, port).close()


class Place(NamedTuple):
    """Where a service listens, and how."""

    host: str
    """An address of this machine."""
    port: int
    """1 to 65535."""
    tls: Credentials | None = None
    """Whom callers see and must show; None: it is served in the clear, to all."""
    probe_port: int | None = None
    """Answers in the clear whether the service is well; None: there is none."""

    @property
    def url(self) -> str:
        """Return its address."""
        return f"{'https' if self.tls else 'http'}://{address(self.host, self.port)}"


def serve(running: Running, place: Place, announce: Announce | None = None) -> int:
    """Serve until told to stop; then finish what is in flight.

    Args:
        running: opens the service and closes it; gives the application in between.
        place: where.
        announce: begins once the service listens, and is cancelled before it stops.

    Returns:
        The exit code: 0, or 70 where the server ended by itself.

    Raises:
        StartupError: the address is taken, or the service cannot start.
    """
    files = raise_file_limit()
    with ExitStack() as opened:
        ports = [port for port in (place.port, place.probe_port) if port is not None]
        sockets = [
            opened.enter_context(bound_socket(place.host, port, shared=is_worker()))
            for port in ports
        ]
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        return uvloop.run(_serve(running, place, sockets, connections_max(files), announce))


def is_worker() -> bool:
    """Tell whether this process shares its port with others that its supervisor started."""
    return PULSE_FD_VARIABLE in os.environ


def address(host: str, port: int) -> str:
    """Return host and port as they stand in an address of the web.

    Source: RFC 3986, section 3.2.2
    """
    return f"{f'[{host}]' if ':' in host else host}:{port}"


def _cannot_listen(host: str, port: int, error: OSError) -> StartupError:
    reason = error.strerror or str(error)
    message = f"cannot listen on {address(host, port)}: {reason}; "
    if error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
        return NotOurs(f"{message}name an address of this machine with --host")
    return StartupError(f"{message}choose another port")


class _Server(Server):
    """Serves on a socket that is open already."""

    _shd: Any
    _sfd: Any
    _ssp: Any
    listening: socket.socket

    def _init_shared_socket(self) -> None:
        holder: Any = SocketHolder
        self._sfd = self.listening.detach()  # granian closes it
        self._shd, self._ssp = holder(self._sfd, False, BACKLOG), None  # noqa: FBT003  granian's own


def _listen(bound: socket.socket) -> None:
    """Let a socket listen, with options that every connection inherits.

    They bound what a client costs that does not read; granian itself waits for it without an end.

    Raises:
        StartupError: another process came first.

    Source: tcp(7), TCP_USER_TIMEOUT; socket(7), SO_SNDBUF
    """
    bound.setblocking(False)  # noqa: FBT003  the standard library's own
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SEND_TIMEOUT_MS)
    try:
        bound.listen(BACKLOG)
    except OSError as error:
        host, port = bound.getsockname()[:2]
        raise _cannot_listen(host, port, error) from error


async def _serve(
    running: Running,
    place: Place,
    sockets: Sequence[socket.socket],
    connections: int,
    announce: Announce | None,
) -> int:
    bound, *probed = sockets
    logging.getLogger("_granian").setLevel(logging.ERROR)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in stop_signals():
        loop.add_signal_handler(number, stop.set)
    watch_supervisor()
    async with running() as app:
        _listen(bound)
        host, port = bound.getsockname()[:2]
        servers = [_server(app, bound, connections, place.tls)]
        for one in probed:
            _listen(one)
            servers.append(_server(Probes(app), one, PROBERS_MAX, None))
        gc.collect()
        gc.freeze()  # what is here now stays; looking through it again and again finds nothing
        gc.set_threshold(GARBAGE_THRESHOLD)
        serving, *others = [asyncio.create_task(one.serve()) for one in servers]
        stopping = asyncio.create_task(stop.wait())
        crowds = [
            asyncio.create_task(Crowding(one, places, lambda: app.waiting).run())
            for one, places in ((bound, connections), *((one, PROBERS_MAX) for one in probed))
        ]
        pulse = asyncio.create_task(_pulse())
        log.get_logger().info(
            "listening", url=place.url, pid=os.getpid(), connections_max=connections
        )
        announcing = asyncio.create_task(announce(app, host, port)) if announce else None
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        ended = None if stop.is_set() else _reason(serving)
        if announcing is not None:
            announcing.cancel()
        app.on_stop()
        for server in servers:
            server.stop()  # type: ignore[no-untyped-call]  # granian's own
        await asyncio.wait({serving, *others}, timeout=STOP_TIMEOUT_S)
        if announcing is not None:
            await asyncio.wait({announcing}, timeout=WITHDRAW_TIMEOUT_S)
        for crowd in crowds:
            crowd.cancel()
        pulse.cancel()
        stopping.cancel()
    if ended is not None:
        log.get_logger().error("server-ended", reason=ended, pid=os.getpid())
        return EXIT_SERVER_ENDED
    log.get_logger().info("stopped", pid=os.getpid())
    return 0


def _server(
    app: HttpApp | Probes, bound: socket.socket, connections: int, tls: Credentials | None
) -> _Server:
    server = _Server(
        app,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        backlog=BACKLOG,
        backpressure=connections,
        log_enabled=False,
        http1_settings=HTTP1Settings(
            header_read_timeout=HEADER_TIMEOUT_MS, max_buffer_size=HEADER_BYTES_MAX
        ),
        **_secured(tls),
    )
    server.listening = bound
    return server


def _secured(tls: Credentials | None) -> dict[str, Any]:
    """Return what the server is told of TLS: nobody gets in without a certificate of the shop."""
    if tls is None:
        return {}
    authority, certificate, key = tls.files
    return {
        "ssl_cert": certificate,
        "ssl_key": key,
        "ssl_protocol_min": SSLProtocols.tls13,
        "ssl_ca": authority,
        "ssl_client_verify": True,
    }


def _reason(serving: asyncio.Task[None]) -> str:
    """Return why the server ended though nobody told it to."""
    error = serving.exception()
    return "it gave no reason" if error is None else f"{type(error).__name__}: {error}"


async def _pulse() -> None:
    """Say again and again that the event loop runs, to a supervisor that cannot ask."""
    given = os.environ.get(PULSE_FD_VARIABLE)
    if given is None:
        return
    os.set_blocking(int(given), False)
    while True:
        with suppress(OSError):  # it did not read for long, or is gone; others see to that
            os.write(int(given), b".")
        await asyncio.sleep(PULSE_INTERVAL_S)


def watch_supervisor() -> None:
    """End this process when the supervisor's end of the pipe closes, however it died.

    A thread waits for that, so that a service whose event loop hangs ends as well.
    """
    given = os.environ.get(SUPERVISOR_FD_VARIABLE)
    if given is None:
        return

    def wait() -> None:
        with suppress(OSError):
            os.read(int(given), 1)
        log.get_logger().error("supervisor-died")
        log.flush(ORPHAN_PATIENCE_S)
        os._exit(EXIT_ORPHANED)

    threading.Thread(target=wait, name="orphaned", daemon=True).start()
