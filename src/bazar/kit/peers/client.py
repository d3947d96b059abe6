"""The client between services: it waits out a restart, within the caller's deadline.

Every call here may be sent twice: reads change nothing, and purchases, reservations and cancels
are decided once by their key or order id. So a call whose connection fails is sent again, with a
growing pause, until the deadline. What is then left is an indefinite error.

Where a service has several targets, a call that one of them does not answer goes to another at
once. One that is only slow goes on meanwhile: whichever answers first counts. Such a second call
comes out of a budget (`balancing.py`). Where all are out the call waits until one is back.

An answer counts only if it says that it is from the service, and the shop, that was asked: a port
that was freed may belong to something else by now.

Source: docs/decisions/0031-several-targets-one-service.md
"""

import asyncio
import random
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta

from msgspec import Struct
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    ConnectError,
    ConnectTimeoutError,
)

from bazar.kit.deadline import DEADLINE_HEADER, DEADLINE_MS_MAX, Deadline
from bazar.kit.errors import Unavailable
from bazar.kit.identity import REQUEST_ID_HEADER
from bazar.kit.log import get_logger
from bazar.kit.peers.addresses import Address
from bazar.kit.peers.answers import FAILURES, Answer, Stranger, heed_cancel, is_slow, reason
from bazar.kit.peers.balancing import Target, Targets
from bazar.kit.peers.discovery import Discovery
from bazar.kit.peers.racing import Race, Rules
from bazar.kit.secret import SERVICE_HEADER, service_identity

PAUSE_S_FIRST = 0.02
PAUSE_S_MAX = 0.25
CONNECT_TIMEOUT = timedelta(seconds=1)
READ_TIMEOUT = timedelta(milliseconds=DEADLINE_MS_MAX)
"""Ends an exchange that nobody waits for any more: to cancel its caller does not end it."""
PROBE_TIMEOUT = timedelta(milliseconds=250)
LINE_BYTES_MAX = 4096
_OK = 200
_DEADLINE = DEADLINE_HEADER.decode()
_REQUEST_ID = REQUEST_ID_HEADER.decode()
_CLIMBS = re.compile(r"[^?]*(/(\.|%2e){1,2}([/?]|$)|[\\#\x00-\x20])", re.IGNORECASE)
"""Also what the transport would take for a slash, leave out, or take for the end."""


class _Sending(Struct):
    """A call on its way."""

    method: str
    path: str
    deadline: Deadline
    request_id: str
    body: bytes | None
    hedge: bool
    sent: int = 0
    """How often it may have arrived."""


_UNSENT = (ConnectError, ConnectTimeoutError)


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
    """Another service, at one address or at several."""

    def __init__(  # noqa: PLR0913  what a service is
        self,
        name: str,
        urls: str,
        client: Client,
        secret: str,
        *,
        tells_secret: bool = True,
        discovery: Discovery | None = None,
    ) -> None:
        """Name the service.

        Args:
            name: in its answers and in error messages.
            urls: http addresses with commas between them; a name stands for all its addresses,
                and `mdns:` for whoever announces itself and proves who it is.
            client: sends the calls.
            secret: of the shop: its answers show that they know it.
            tells_secret: with every call, for what is not open to everybody.
            discovery: of its addresses, where it is another than that of the urls.
        """
        self.name = name
        self._identity = service_identity(name, secret)
        self._client = client
        self._authorization = f"Bearer {secret}" if tells_secret and secret else ""
        self._discovery = discovery or Discovery(urls, service=name)
        self.targets = Targets(name, self._probe)
        self.targets.set(self._discovery.known)
        self.rules = Rules()
        self._streamed: Target | None = None
        self._follower: asyncio.Task[None] | None = None
        self._log = get_logger()

    def start(self) -> None:
        """Start to look names up, and to listen; without anything that may change do nothing."""
        if self._discovery.changes:
            following = self._discovery.follow(self.targets.set, self.proves)
            self._follower = asyncio.create_task(following)

    async def stop(self) -> None:
        """Look nothing up, listen to nobody and probe nobody any more."""
        if self._follower is not None:
            self._follower.cancel()
            with suppress(asyncio.CancelledError):
                await self._follower
        await self.targets.stop()

    async def call(  # noqa: PLR0913  what a call is made of
        self,
        method: str,
        path: str,
        *,
        deadline: Deadline,
        request_id: str = "",
        body: bytes | None = None,
        hedge: bool = False,
    ) -> Answer:
        """Send a request, again and again while nobody answers, until the deadline.

        Args:
            method: of a call that may safely be sent twice, whatever it is.
            path: with its query string, percent-encoded.
            deadline: travels with the call, so that the other side knows how long it may take.
            request_id: joins the log lines of all services.
            body: JSON.
            hedge: ask another target too where one takes longer than most calls do; for reads.

        Raises:
            Unavailable: indefinite; no answer before the deadline.
            ValueError: the path has a segment such as `..`, with which the call would arrive at
                another route than the one that was asked for, and with our secret.
        """
        if _CLIMBS.match(path):
            message = f"a path for the {self.name} service may not climb: {path}"
            raise ValueError(message)
        sending = _Sending(method, path, deadline, request_id, body, hedge)
        targets = self.targets
        if targets.only is None:
            self.rules.retries.count()
        pause_s = PAUSE_S_FIRST
        outcome, cause, slow = "had no time left", "", False
        while (left_s := deadline.left_s()) > 0:
            try:
                if (target := targets.only) is not None and not self._discovery.changes:
                    answer = await self._attempt(target, sending, left_s)
                else:
                    answer = await self._race(sending)
            except FAILURES as error:
                slow, cause = is_slow(error), reason(error)
                outcome = "did not answer in time" if slow else "cannot be reached"
            else:  # only now: a rival may have been sent while this answer was on its way
                return replace(answer, again=True) if sending.sent > 1 else answer
            heed_cancel()
            self._discovery.hurry()
            await self._pause(pause_s, deadline, slow=slow)
            pause_s = min(pause_s * 2, PAUSE_S_MAX)
        self._log.warning("upstream-away", upstream=self.name, request_id=request_id, reason=cause)
        message = f"the {self.name} service {outcome}"
        raise Unavailable(message)

    async def _pause(self, pause_s: float, deadline: Deadline, *, slow: bool) -> None:
        """Wait for a moment, and until it makes sense to send a call again.

        Args:
            pause_s: the moment.
            deadline: of the call.
            slow: whether it may have reached somebody, so that the next one comes out of a budget.
        """
        bound = slow and self.targets.only is None and self.targets.some_in
        if self.targets.only is None and not bound:
            await self.targets.until_some_in(deadline.left_s())
        while left_s := deadline.left_s():
            await asyncio.sleep(min(pause_s * random.uniform(0.5, 1), left_s))  # noqa: S311
            if not bound or self.rules.retries.take():
                return

    async def _race(self, sending: _Sending) -> Answer:
        return await Race(
            self.targets,
            self.rules,
            lambda target: self._attempt(target, sending, sending.deadline.left_s()),
            hedge=sending.hedge,
        ).run()

    async def stream(self, path: str, silence_s_max: float) -> AsyncGenerator[bytes, None]:
        """Yield the lines of an endless answer, without blank ones, until the other side ends it.

        Raises:
            Unavailable: it cannot be opened, the connection broke, its lines are endless, or no
                line of it ends for that long: a connection that is cut without a word never ends
                by itself, and one that drips says nothing either.
        """
        now_s = asyncio.get_running_loop().time
        target = self._next_to_follow()
        builder = self._client.get(target.url + path).streamed_read_buffer_limit(0)
        if target.address.host:
            builder = builder.header("host", target.address.host)
        async with AsyncExitStack() as open_response:
            by_s = now_s() + silence_s_max
            async with self._heard_by(by_s, silence_s_max, target):
                request = builder.build_streamed()
                response = await open_response.enter_async_context(request)
                self._check(response.headers)
            if response.status != _OK:
                message = f"the {self.name} service answered {response.status} to {path}"
                raise Unavailable(message)
            rest = b""
            while True:
                async with self._heard_by(by_s, silence_s_max, target):
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

    def _next_to_follow(self) -> Target:
        """Return whose stream to follow: another one than the last time, where there is another."""
        targets = self.targets
        last = self._streamed
        target = (targets.another([last]) if last is not None else None) or targets.choose()
        if target is None:
            message = f"no address of the {self.name} service is known"
            raise Unavailable(message)
        self._streamed = target
        return target

    @asynccontextmanager
    async def _heard_by(
        self, by_s: float, silence_s_max: float, target: Target
    ) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout_at(by_s):
                yield
        except TimeoutError:
            message = f"the {self.name} service said nothing for {silence_s_max:g} s"
            self.targets.eject(target, message)
            raise Unavailable(message) from None
        except FAILURES as error:
            heed_cancel()
            self.targets.eject(target, reason(error))
            message = f"the {self.name} service cannot be reached: {reason(error)}"
            raise Unavailable(message) from error

    async def _attempt(self, target: Target, sending: _Sending, left_s: float) -> Answer:
        """Send a call once.

        Raises:
            RequestError: no answer.
            Stranger: the answer is not one of the service that was asked.
        """
        sending.sent += 1
        target.in_flight += 1
        try:
            return await self._send(target, sending, left_s)
        except _UNSENT:
            sending.sent -= 1
            raise
        finally:
            target.in_flight -= 1

    async def _send(self, target: Target, sending: _Sending, left_s: float) -> Answer:
        builder = (
            self._client.request(sending.method, target.url + sending.path)
            .timeout(timedelta(seconds=left_s))
            .header(_DEADLINE, str(int(left_s * 1000)))
        )
        if target.address.host:
            builder = builder.header("host", target.address.host)
        if sending.request_id:
            builder = builder.header(_REQUEST_ID, sending.request_id)
        if self._authorization:
            builder = builder.header("authorization", self._authorization, is_sensitive=True)
        if sending.body is not None:
            builder = builder.header("content-type", "application/json").body_bytes(sending.body)
        response = await builder.build().send()
        headers = response.headers
        self._check(headers)
        content = (await response.bytes()).to_bytes()
        return Answer(response.status, content, headers)

    def _check(self, headers: Mapping[str, str]) -> None:
        """Believe only who says that it is this service of this shop."""
        said = headers.get(SERVICE_HEADER)
        if said != self._identity:
            message = f"it says that it is {said or 'nobody'}, and not {self._identity}"
            raise Stranger(message)

    async def proves(self, address: Address) -> bool:
        """Tell whether whoever announced itself is ready, and the service that it should be."""
        return await self._probe(Target(address))

    async def _probe(self, target: Target) -> bool:
        """Tell whether a target is ready, and the service that it should be."""
        builder = self._client.get(f"{target.url}/readyz").timeout(PROBE_TIMEOUT)
        if target.address.host:
            builder = builder.header("host", target.address.host)
        try:
            response = await builder.build().send()
            self._check(response.headers)
        except FAILURES:
            heed_cancel()
            return False
        return response.status == _OK
