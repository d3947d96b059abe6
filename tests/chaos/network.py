"""A faulty network: a TCP proxy between two parties, which delays, cuts, half-closes and resets.

Without a fault it passes bytes on as they come. Every fault ends by itself.
"""

import asyncio
import socket
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

CHUNK_BYTES = 65_536
DELAY_S = 0.15
SLOW_BYTES = 48
SLOW_PAUSE_S = 0.004
"""Slow bytes: 48 each 4 ms, about 12 kB/s."""
RESET_AT_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER on, for 0 s: closing sends a reset, and drops what was not sent yet."""


@dataclass(eq=False, slots=True)
class _Pair:
    """The two halves of one connection through the link."""

    near: StreamWriter
    far: StreamWriter

    def reset(self) -> None:
        for writer in (self.near, self.far):
            if not writer.is_closing():
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE
                )
                writer.transport.abort()


class Link:
    """The way from one party to another."""

    def __init__(self, name: str, to: str | Path) -> None:
        """Lead to the party at this address, or this socket; `async with` opens the way."""
        self.name = name
        self.url = ""
        """Of this end."""
        self._to = to
        self._server: asyncio.Server | None = None
        self._pairs: set[_Pair] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._delay_s = 0.0
        self._slow = False
        self._answers_lost = False
        self._passes = asyncio.Event()
        self._passes.set()

    async def __aenter__(self) -> Self:
        """Open this end."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every connection."""
        assert self._server is not None
        self._server.close()
        self._reset_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def delay(self, lasts_s: float) -> None:
        """Let every byte come late."""
        self._delay_s = DELAY_S
        await asyncio.sleep(lasts_s)
        self._delay_s = 0.0

    async def cut(self, lasts_s: float) -> None:
        """Let nothing pass, either way; afterwards what was held goes on, as after a partition."""
        self._passes.clear()
        await asyncio.sleep(lasts_s)
        self._passes.set()

    async def lose_answers(self, lasts_s: float) -> None:
        """Let requests pass and drop the answers; then reset, so that nobody waits for them."""
        self._answers_lost = True
        await asyncio.sleep(lasts_s)
        self._answers_lost = False
        self._reset_all()

    async def half_close(self, lasts_s: float) -> None:
        """End one direction of every connection: toward the near side for half of them."""
        for number, pair in enumerate(list(self._pairs)):
            writer = pair.near if number % 2 else pair.far
            with suppress(OSError, RuntimeError):
                writer.write_eof()
        await asyncio.sleep(lasts_s)

    async def reset(self, lasts_s: float) -> None:
        """Reset every connection, and whoever connects meanwhile."""
        give_up_s = asyncio.get_running_loop().time() + lasts_s
        while True:
            self._reset_all()
            if asyncio.get_running_loop().time() >= give_up_s:
                return
            await asyncio.sleep(0.01)

    async def slow(self, lasts_s: float) -> None:
        """Let the bytes trickle."""
        self._slow = True
        await asyncio.sleep(lasts_s)
        self._slow = False

    def _reset_all(self) -> None:
        for pair in list(self._pairs):
            pair.reset()

    async def _accept(self, reader: StreamReader, near: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await self._passes.wait()
            far_reader, far = await self._reach()
        except (OSError, asyncio.CancelledError):
            near.transport.abort()
            return
        pair = _Pair(near, far)
        self._pairs.add(pair)
        try:
            await asyncio.gather(
                self._pump(reader, far, answers=False), self._pump(far_reader, near, answers=True)
            )
            near.close()
            far.close()
        except (OSError, RuntimeError, asyncio.CancelledError):
            near.transport.abort()
            far.transport.abort()
        finally:
            self._pairs.discard(pair)

    async def _reach(self) -> tuple[StreamReader, StreamWriter]:
        if isinstance(self._to, Path):
            return await asyncio.open_unix_connection(self._to)
        host, _, port = self._to.removeprefix("http://").rpartition(":")
        return await asyncio.open_connection(host, int(port))

    async def _pump(self, reader: StreamReader, writer: StreamWriter, *, answers: bool) -> None:
        while chunk := await reader.read(CHUNK_BYTES):
            if self._delay_s:
                await asyncio.sleep(self._delay_s)
            await self._passes.wait()
            if answers and self._answers_lost:
                continue
            await self._write(writer, chunk)
        writer.write_eof()

    async def _write(self, writer: StreamWriter, chunk: bytes) -> None:
        rest = chunk
        while rest and self._slow and not writer.is_closing():
            writer.write(rest[:SLOW_BYTES])
            rest = rest[SLOW_BYTES:]
            await asyncio.sleep(SLOW_PAUSE_S)
        writer.write(rest)
        await writer.drain()


FAULTS: dict[str, Callable[[Link, float], Awaitable[None]]] = {
    "delay": Link.delay,
    "cut": Link.cut,
    "lost answers": Link.lose_answers,
    "half-close": Link.half_close,
    "reset": Link.reset,
    "slow bytes": Link.slow,
}
"""What a link may suffer, by name."""
