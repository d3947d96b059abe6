"""A wire to a PostgreSQL that breaks at the moment that a test chooses."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

Where = Literal["before", "after"]
"""Before a message is sent on; or after it, when the server has answered it."""
_SOCKET = ".s.PGSQL.5432"
_READY = b"Z\0\0\0\5I"
"""Source: postgresql.org/docs/current/protocol-message-formats.html, ReadyForQuery"""


class Wire:
    """Stands between clients and the socket of a server."""

    def __init__(self, socket: Path) -> None:
        """Be whole."""
        self._socket = socket
        self._mark = b""
        self._where: Where = "before"
        self._cuts = 0
        self._ends: set[asyncio.StreamWriter] = set()
        self._carried: set[asyncio.Task[None]] = set()
        self.refuses = False
        """Whether new connections are cut at once."""
        self.refused = 0
        """How many were."""
        self.open = asyncio.Event()
        """Unless this is set, new connections hear nothing."""
        self.open.set()
        self.held = 0
        """How many have come, to be carried now or later."""
        self.greeted = 0
        """How many of the next new connections end as soon as the server has let them in."""

    def cut_at(self, mark: bytes, where: Where, times: int = 1) -> None:
        """Cut the next connections that send a message with this in it."""
        self._mark, self._where, self._cuts = mark, where, times

    def cut(self) -> None:
        """Cut all connections."""
        for end in self._ends:
            end.transport.abort()

    @property
    def connections(self) -> int:
        """Return how many there are."""
        return len(self._ends) // 2

    def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection to its end."""
        task = asyncio.create_task(self._carry(reader, writer))
        self._carried.add(task)
        task.add_done_callback(self._carried.discard)

    async def close(self) -> None:
        """End what is carried."""
        self.cut()
        await asyncio.gather(*self._carried)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuses:
            self.refused += 1
            writer.transport.abort()
            return
        self.held += 1
        await self.open.wait()
        from_server, to_server = await asyncio.open_unix_connection(self._socket)
        ends = {writer, to_server}
        self._ends |= ends
        pump = _pump
        if self.greeted:
            self.greeted -= 1
            pump = _greet
        answers = asyncio.create_task(pump(from_server, writer))
        with suppress(OSError):
            while data := await reader.read(1 << 20):
                if self._cuts and self._mark in data:
                    self._cuts -= 1
                    await _ended(answers)
                    if self._where == "after":
                        to_server.write(data)
                        await from_server.read(1)
                    break
                to_server.write(data)
        await _ended(answers)
        for end in ends:
            end.transport.abort()
        self._ends -= ends


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what a server says until it is ready, and end with the same bytes."""
    with suppress(OSError):
        while data := await reader.read(1 << 20):
            writer.write(data)
            if data.endswith(_READY):
                writer.close()
                return


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 20):
            writer.write(data)
    writer.transport.abort()


@asynccontextmanager
async def wire_to(url: str) -> AsyncIterator[tuple[Wire, str]]:
    """Put a wire before a server, and yield it with the address on this side of it."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    wire = Wire(Path(query["host"]) / _SOCKET)
    folder = tempfile.mkdtemp(prefix="wire-")  # the name of a socket is short
    listening = await asyncio.start_unix_server(wire.take, Path(folder) / _SOCKET)
    try:
        yield wire, parts._replace(query=urlencode(query | {"host": folder})).geturl()
    finally:
        listening.close()
        await wire.close()
        shutil.rmtree(folder)
