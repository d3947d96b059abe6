"""Bytes to a service and back, with no HTTP client in between that would mend them."""

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

_STATUS = re.compile(rb"(?:^|\n|})HTTP/1\.[01] (\d{3})\b")
PATIENCE_S = 30.0
"""More than any time after which a service gives up a client."""
READ_BYTES = 65536


@dataclass(frozen=True)
class Heard:
    """What a service sent until it closed the connection, or until nobody waited any more."""

    content: bytes
    ended: bool

    @property
    def statuses(self) -> list[int]:
        """The status of each answer."""
        return [int(status) for status in _STATUS.findall(self.content)]


def place_of(address: str) -> tuple[str, int]:
    """Return host and port of an address."""
    parts = urlsplit(address)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


async def say(address: str, content: bytes, patience_s: float = PATIENCE_S) -> Heard:
    """Send bytes as they are on a connection of their own, and listen until it is closed."""
    reader, writer = await asyncio.open_connection(*place_of(address))
    writer.write(content)
    heard = bytearray()
    ended = False
    with suppress(TimeoutError):
        async with asyncio.timeout(patience_s):
            with suppress(ConnectionError):
                while chunk := await reader.read(READ_BYTES):
                    heard += chunk
            ended = True
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    return Heard(bytes(heard), ended)
