"""The floor chain: granian, msgspec, pyreqwest and uvloop as Bazar runs them, without Bazar.

A purchase goes through three processes: `front` takes the book from the path and gathers what
comes while a batch is under way, `middle` passes the batch on and puts the answers together,
`last` tells for each book that it was taken. Nothing is kept, checked, counted or logged, there is
no key, no deadline and no second try. A read is bytes out of a dictionary. So the shop can come
near these figures, and never past them with the same libraries.
"""

import asyncio
import gc
import logging
import signal
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any

import msgspec
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server
from pyreqwest.client import Client, ClientBuilder

BOUGHT = "bought"
"""Among the ready answers, the one to a purchase."""
BATCH_MAX = 256
SWITCH_INTERVAL_S = 0.0005
GARBAGE_THRESHOLD = 10_000
BACKLOG = 2048
CONNECTIONS_MAX = 8192
HEADER_BYTES_MAX = 16 * 1024
HEADER_TIMEOUT_MS = 10_000
STOP_TIMEOUT_S = 5.0
"""But for this one, the values of bazar.kit.process.server and bazar.wire.limits: so they cost the
same. They are written again here, since a floor that imports the house moves with it."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Wish(msgspec.Struct):
    """A purchase, as it goes down the chain."""

    book_id: int


class Taken(msgspec.Struct):
    """What `last` says of one."""

    book_id: int
    left: int


_encode = msgspec.json.Encoder().encode
_wishes = msgspec.json.Decoder(list[Wish]).decode
_taken = msgspec.json.Decoder(list[Taken]).decode
_answers = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Gatherer:
    """While one batch is under way, the next one gathers."""

    def __init__(self, send: Callable[[list[Wish]], Awaitable[Sequence[bytes]]]) -> None:
        """Send through a function that answers a batch in its order."""
        self._send = send
        self._waiting: list[tuple[Wish, asyncio.Future[bytes]]] = []
        self._sending: asyncio.Task[None] | None = None

    async def ask(self, wish: Wish) -> bytes:
        """Return the answer to one purchase."""
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.append((wish, answer))
        if self._sending is None:
            self._sending = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
            try:
                answers = await self._send([wish for wish, _answer in batch])
            except Exception as error:  # noqa: BLE001  whatever it is, each asker hears it
                for _wish, answer in batch:
                    answer.set_exception(error)
                continue
            for (_wish, answer), body in zip(batch, answers, strict=True):
                answer.set_result(body)
        self._sending = None


class Chain:
    """The application of all three, since a name is all that they differ by."""

    def __init__(
        self, name: str, client: Client, behind: str, bought: bytes, ready: Mapping[str, bytes]
    ) -> None:
        """Take who it is, who stands behind it, and the ready answers."""
        self._client = client
        self._behind = f"{behind}/batch"
        self._bought = msgspec.Raw(bought)
        self._ready = ready
        self._gatherer = Gatherer(self._pass_on)
        self._post = {"front": self._front, "middle": self._middle, "last": self._last}[name]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["method"] == "GET":
            status, body = 200, self._ready.get(scope["path"])
        else:
            status, body = 201, await self._post(scope, receive)
        if body is None:
            status, body = 404, b"{}"
        headers = [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _front(self, scope: Message, _receive: Receive) -> bytes:
        return await self._gatherer.ask(Wish(int(scope["path"].rpartition("/")[2])))

    async def _middle(self, scope: Message, receive: Receive) -> bytes:
        taken = _taken(await self._call(await _body(scope, receive)))
        return _encode([self._bought for _one in taken])

    async def _last(self, scope: Message, receive: Receive) -> bytes:
        wishes = _wishes(await _body(scope, receive))
        return _encode([Taken(wish.book_id, 1) for wish in wishes])

    async def _pass_on(self, wishes: list[Wish]) -> Sequence[bytes]:
        return [bytes(answer) for answer in _answers(await self._call(_encode(wishes)))]

    async def _call(self, body: bytes) -> bytes:
        request = self._client.post(self._behind).header("content-type", "application/json")
        response = await request.body_bytes(body).build().send()
        return (await response.bytes()).to_bytes()


async def _body(scope: Message, receive: Receive) -> bytes:
    """Return the body once it has its length: to hear that there is no more costs three threads."""
    length = int(dict(scope["headers"])[b"content-length"])
    body = b""
    while len(body) < length:
        body += (await receive())["body"]
    return body


async def run(name: str, port: int, behind: str, bought: bytes, ready: Mapping[str, bytes]) -> None:
    """Serve on the loopback address until SIGTERM or SIGINT, in this one process.

    Args:
        name: front, middle or last.
        port: to listen on.
        behind: the address of the next one, empty for the last.
        bought: the answer to a purchase.
        ready: the answers to reads, by path.
    """
    logging.getLogger("_granian").setLevel(logging.ERROR)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with ClientBuilder().no_proxy().build() as client:
        server = Server(
            Chain(name, client, behind, bought, ready),
            address="127.0.0.1",
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
        gc.freeze()
        gc.set_threshold(GARBAGE_THRESHOLD)
        serving = asyncio.create_task(server.serve())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        server.stop()  # type: ignore[no-untyped-call]  # granian's own
        await asyncio.wait({serving}, timeout=STOP_TIMEOUT_S)
        stopping.cancel()
