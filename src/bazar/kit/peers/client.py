"""The client between services: it waits out a restart, within the caller's deadline.

Every call here may be sent twice: reads change nothing, and purchases, reservations and cancels
are decided once by their key or order id. So a call whose connection fails is sent again, with a
growing pause, until the deadline. What is then left is an indefinite error.
"""

import asyncio
import random
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import RequestError, RequestTimeoutError

from bazar.kit.deadline import DEADLINE_HEADER, DEADLINE_MS_MAX, Deadline
from bazar.kit.errors import Unavailable
from bazar.kit.identity import REQUEST_ID_HEADER
from bazar.kit.log import get_logger

PAUSE_S_FIRST = 0.02
PAUSE_S_MAX = 0.25
CONNECT_TIMEOUT = timedelta(seconds=1)
READ_TIMEOUT = timedelta(milliseconds=DEADLINE_MS_MAX)
"""Ends an exchange that nobody waits for any more: to cancel its caller does not end it."""
LINE_BYTES_MAX = 4096
_OK = 200
_DEADLINE = DEADLINE_HEADER.decode()
_REQUEST_ID = REQUEST_ID_HEADER.decode()
_CLIMBS = re.compile(r"[^?]*(/(\.|%2e){1,2}([/?]|$)|[\\#\x00-\x20])", re.IGNORECASE)
"""Also what the transport would take for a slash, leave out, or take for the end."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other service said."""

    status: int
    body: bytes
    headers: Mapping[str, str]


def reason(error: RequestError) -> str:
    """Return the innermost cause of a failed request, such as what the system said of it."""
    message, details = (*error.args, {})[:2]
    causes = details.get("causes") or [{"message": message}]
    return str(causes[-1]["message"])


def heed_cancel() -> None:
    """Go on with being cancelled, after a failed request.

    The transport may tell a cancel as a failure like any other; whoever then tries again would
    never end.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def plain_client() -> ClientBuilder:
    """Return the beginnings of a client that keeps connections, follows and unpacks nothing."""
    return (
        ClientBuilder()
        .follow_redirects(enable=False)
        .no_proxy()
        .gzip(enable=False)
        .brotli(enable=False)
        .zstd(enable=False)
        .deflate(enable=False)
    )


def new_client() -> Client:
    """Return the client of a service."""
    return plain_client().connect_timeout(CONNECT_TIMEOUT).read_timeout(READ_TIMEOUT).build()


class Upstream:
    """Another service, at one address."""

    def __init__(self, name: str, url: str, client: Client, secret: str = "") -> None:
        """Name the service for error messages; the secret goes with every call."""
        self.name = name
        self._url = url.rstrip("/")
        self._client = client
        self._authorization = f"Bearer {secret}" if secret else ""
        self._log = get_logger()

    async def call(
        self,
        method: str,
        path: str,
        *,
        deadline: Deadline,
        request_id: str = "",
        body: bytes | None = None,
    ) -> Answer:
        """Send a request, again and again while nobody answers, until the deadline.

        Args:
            method: of a call that may safely be sent twice, whatever it is.
            path: with its query string, percent-encoded.
            deadline: travels with the call, so that the other side knows how long it may take.
            request_id: joins the log lines of all services.
            body: JSON.

        Raises:
            Unavailable: indefinite; no answer before the deadline.
            ValueError: the path has a segment such as `..`, with which the call would arrive at
                another route than the one that was asked for, and with our secret.
        """
        if _CLIMBS.match(path):
            message = f"a path for the {self.name} service may not climb: {path}"
            raise ValueError(message)
        pause_s = PAUSE_S_FIRST
        outcome, cause = "had no time left", ""
        while (left_s := deadline.left_s()) > 0:
            try:
                return await self._send(method, path, left_s, request_id, body)
            except RequestTimeoutError as error:
                outcome, cause = "did not answer in time", reason(error)
            except RequestError as error:
                outcome, cause = "cannot be reached", reason(error)
            heed_cancel()
            await asyncio.sleep(min(pause_s * random.uniform(0.5, 1), deadline.left_s()))  # noqa: S311
            pause_s = min(pause_s * 2, PAUSE_S_MAX)
        self._log.warning("upstream-away", upstream=self.name, request_id=request_id, reason=cause)
        message = f"the {self.name} service {outcome}"
        raise Unavailable(message)

    async def stream(self, path: str, silence_s_max: float) -> AsyncGenerator[bytes, None]:
        """Yield the lines of an endless answer, without blank ones, until the other side ends it.

        Raises:
            Unavailable: it cannot be opened, the connection broke, its lines are endless, or no
                line of it ends for that long: a connection that is cut without a word never ends
                by itself, and one that drips says nothing either.
        """
        now_s = asyncio.get_running_loop().time
        request = self._client.get(self._url + path).streamed_read_buffer_limit(0)
        async with AsyncExitStack() as open_response:
            by_s = now_s() + silence_s_max
            async with self._heard_by(by_s, silence_s_max):
                response = await open_response.enter_async_context(request.build_streamed())
            if response.status != _OK:
                message = f"the {self.name} service answered {response.status} to {path}"
                raise Unavailable(message)
            rest = b""
            while True:
                async with self._heard_by(by_s, silence_s_max):
                    chunk = await response.body_reader.read_chunk()
                if chunk is None:
                    return
                *lines, rest = (rest + chunk.to_bytes()).split(b"\n")
                if len(rest) > LINE_BYTES_MAX:
                    message = f"the {self.name} service sends lines without an end"
                    raise Unavailable(message)
                for line in filter(None, lines):
                    by_s = now_s() + silence_s_max
                    yield line

    @asynccontextmanager
    async def _heard_by(self, by_s: float, silence_s_max: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout_at(by_s):
                yield
        except TimeoutError:
            message = f"the {self.name} service said nothing for {silence_s_max:g} s"
            raise Unavailable(message) from None
        except RequestError as error:
            heed_cancel()
            message = f"the {self.name} service cannot be reached: {reason(error)}"
            raise Unavailable(message) from error

    async def _send(
        self,
        method: str,
        path: str,
        left_s: float,
        request_id: str,
        body: bytes | None,
    ) -> Answer:
        builder = (
            self._client.request(method, self._url + path)
            .timeout(timedelta(seconds=left_s))
            .header(_DEADLINE, str(int(left_s * 1000)))
        )
        if request_id:
            builder = builder.header(_REQUEST_ID, request_id)
        if self._authorization:
            builder = builder.header("authorization", self._authorization, is_sensitive=True)
        if body is not None:
            builder = builder.header("content-type", "application/json").body_bytes(body)
        response = await builder.build().send()
        content = (await response.bytes()).to_bytes()
        return Answer(response.status, content, response.headers)
