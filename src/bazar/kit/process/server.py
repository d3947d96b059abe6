"""Run one service in this process: granian on uvloop, until SIGTERM, SIGINT or the parent's death.

The server is embedded, so a service is a single process: there is no worker that could outlive
its parent, hold a port, or hold a database.

Source: docs/decisions/0004-one-process-a-service.md
"""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from bazar.kit import log
from bazar.kit.errors import StartupError
from bazar.kit.http.app import HttpApp

SUPERVISOR_FD_VARIABLE = "BAZAR_SUPERVISOR_FD"
BACKLOG = 2048
CONNECTIONS_MAX = 8192
HEADER_BYTES_MAX = 16 * 1024
HEADER_TIMEOUT_MS = 10_000
SEND_TIMEOUT_MS = 10_000
"""How long a client may leave an answer unread."""
SEND_BUFFER_BYTES = 256 * 1024
"""What the kernel keeps for one such client; by itself it would keep megabytes."""
STOP_TIMEOUT_S = 8.0
EXIT_ORPHANED = 75
SWITCH_INTERVAL_S = 0.0005
"""How long the event loop keeps Python's lock while another thread wants it. The threads of the
server and the client want it only to hand over an answer (docs/performance.md)."""

GARBAGE_THRESHOLD = 10_000
"""New objects between two looks for garbage; Python's own 700 are a handful of requests."""

Running = Callable[[], AbstractAsyncContextManager[HttpApp]]


def check_port(host: str, port: int) -> None:
    """Make sure that an address is free.

    Raises:
        StartupError: it is taken, or not an address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            message = f"cannot listen on {host}:{port}: {error.strerror}; choose another port"
            raise StartupError(message) from error


def serve(running: Running, host: str, port: int) -> None:
    """Serve until told to stop; then finish what is in flight.

    Args:
        running: opens the service and closes it; gives the application in between.
        host: an address of this machine.
        port: 1 to 65535.

    Raises:
        StartupError: the address is taken, or the service cannot start.
    """
    check_port(host, port)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    uvloop.run(_serve(running, host, port))


class _Server(Server):
    """Bounds what a client costs that does not read; granian's own waits for it without an end."""

    _ssp: Any
    _shd: Any

    def _init_shared_socket(self) -> None:
        """Open the socket with options that every connection inherits.

        Source: tcp(7), TCP_USER_TIMEOUT; socket(7), SO_SNDBUF
        """
        super()._init_shared_socket()  # type: ignore[no-untyped-call]  # granian's own
        holder = self._shd or self._ssp.build()
        with socket.socket(fileno=os.dup(holder.get_fd())) as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
            if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
                listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SEND_TIMEOUT_MS)
        self._ssp, self._shd = None, holder


async def _serve(running: Running, host: str, port: int) -> None:
    logging.getLogger("_granian").setLevel(logging.ERROR)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    _watch_supervisor(loop)
    async with running() as app:
        server = _Server(
            app,
            address=host,
            port=port,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            websockets=False,
            backlog=BACKLOG,
            backpressure=CONNECTIONS_MAX,
            log_enabled=False,
            http1_settings=HTTP1Settings(
                header_read_timeout=HEADER_TIMEOUT_MS, max_buffer_size=HEADER_BYTES_MAX
            ),
        )
        gc.collect()
        gc.freeze()  # what is here now stays; looking through it again and again finds nothing
        gc.set_threshold(GARBAGE_THRESHOLD)
        flushing = asyncio.create_task(_every(log.FLUSH_INTERVAL_S, log.flush))
        serving = asyncio.create_task(server.serve())
        log.get_logger().info("listening", url=f"http://{host}:{port}", pid=os.getpid())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        app.on_stop()
        server.stop()  # type: ignore[no-untyped-call]  # granian's own
        await asyncio.wait({serving}, timeout=STOP_TIMEOUT_S)
        flushing.cancel()
        stopping.cancel()
    log.get_logger().info("stopped", pid=os.getpid())
    log.flush()


async def _every(interval_s: float, act: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(interval_s)
        act()


def _watch_supervisor(loop: asyncio.AbstractEventLoop) -> None:
    """End this process when the supervisor's end of the pipe closes, however it died."""
    given = os.environ.get(SUPERVISOR_FD_VARIABLE)
    if given is None:
        return

    def orphaned() -> None:
        log.get_logger().error("supervisor-died")
        sys.stdout.flush()
        os._exit(EXIT_ORPHANED)

    loop.add_reader(int(given), orphaned)
