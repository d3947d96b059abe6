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
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta

from msgspec import Struct
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import RequestError
from pyreqwest.http import Url
from pyreqwest.request import RequestBuilder
from pyreqwest.response import Response

from bazar.kit.deadline import DEADLINE_HEADER, DEADLINE_MS_MAX, Deadline
from bazar.kit.errors import Unavailable
from bazar.kit.identity import REQUEST_ID_HEADER
from bazar.kit.log import get_logger
from bazar.kit.peers.addresses import Address, is_announced
from bazar.kit.peers.answers import (
    FAILURES,
    Answer,
    Stranger,
    heed_cancel,
    is_slow,
    is_unsent,
    reason,
)
from bazar.kit.peers.balancing import Target, Targets
from bazar.kit.peers.connecting import secured, secured_url
from bazar.kit.peers.credentials import Credentials
from bazar.kit.peers.discovery import Discovery
from bazar.kit.peers.following import LINE_BYTES_MAX, ProvedLines
from bazar.kit.peers.racing import Race, Rules
from bazar.kit.peers.signer import ASKS_MAX, Call, Signer
from bazar.kit.signing import ANNOUNCED_HEADER, MOMENT_HEADER, PROOF_HEADER, STREAMED, digest
from bazar.kit.steps import steps

PAUSE_S_FIRST = 0.02
PAUSE_S_MAX = 0.25
CONNECT_TIMEOUT = timedelta(seconds=1)
READ_TIMEOUT = timedelta(milliseconds=DEADLINE_MS_MAX)
"""Ends an exchange that nobody waits for any more: to cancel its caller does not end it."""
PROBE_TIMEOUT_MS = 250
_OK = 200
_READY = "/readyz"
_DEADLINE = DEADLINE_HEADER.decode()
_REQUEST_ID = REQUEST_ID_HEADER.decode()
_CLIMBS = re.compile(r"[^?]*(/(\.|%2e){1,2}([/?]|$)|[\\#\x00-\x20])", re.IGNORECASE)
"""Also what the transport would take for a slash, leave out, or take for the end."""


class _Sending(Struct):
    """A call on its way."""

    method: str
    path: str
    deadline: Deadline
    request_id: str = ""
    body: bytes | None = None
    hedge: bool = False
    sent: int = 0
    """How often it may have arrived."""


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


def service_client() -> ClientBuilder:
    """Return the beginnings of the client of a service."""
    return plain_client().connect_timeout(CONNECT_TIMEOUT).read_timeout(READ_TIMEOUT)


def new_client() -> Client:
    """Return the client of a service."""
    return service_client().build()


class Upstream:
    """Another service, at one address or at several."""

    def __init__(  # noqa: PLR0913  what a service is
        self,
        name: str,
        urls: str,
        client: Client,
        secret: str,
        *,
        discovery: Discovery | None = None,
        tls: Credentials | None = None,
    ) -> None:
        """Name the service.

        Args:
            name: in its answers and in error messages.
            urls: http addresses with commas between them; a name stands for all its addresses,
                and `mdns:` for whoever announces itself and proves who it is.
            client: sends the calls.
            secret: of the shop: calls and answers show that they know it, and tell it to nobody.
            discovery: of its addresses, where it is another than that of the urls.
            tls: what we show of ourselves; None: calls go in the clear, or as the address says.
        """
        self.name = name
        self._signer = Signer(name, secret)
        self._client = client
        self._discovery = discovery or Discovery(urls, service=name, every_name=tls is not None)
        self._tls = tls
        self.targets = Targets(name, self._probe, self._reach)
        self.targets.set(self._discovery.known)
        self.rules = Rules()
        self._streamed: Target | None = None
        self._follower: asyncio.Task[None] | None = None
        self._log = get_logger()

    def _reach(self, address: Address) -> Target:
        """Return a target at an address; under TLS it has a client of its own."""
        shop = self._discovery.shop_of(address)
        if self._tls is None:
            return Target(address, shop=shop)
        url, ip, port = secured_url(self.name, address.url)
        builder = secured(service_client(), self._tls, self.name, ip, port)
        return Target(address, url, builder.build(), shop)

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
                slow = is_slow(error)
                # What ends with the time that is left hides no reason that there was before.
                cause = cause if slow and cause else reason(error)
                outcome = "did not answer in time" if slow else "cannot be reached"
            else:  # only now: a rival may have been sent while this answer was on its way
                return replace(answer, again=True) if sending.sent > 1 else answer
            heed_cancel()
            self._discovery.hurry()
            await self._pause(pause_s, deadline, slow=slow)
            pause_s = min(pause_s * 2, PAUSE_S_MAX)
        self._log.warning("upstream-away", upstream=self.name, request_id=request_id, reason=cause)
        if steps.on:
            steps.write("gave-up", call=request_id, upstream=self.name, reason=cause)
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
            Unavailable: it cannot be opened, the connection broke, its lines are endless or not
                proved, or nothing of it is proved for that long: a connection that is cut without a
                word never ends by itself, and one that drips says nothing either.
        """
        now_s = asyncio.get_running_loop().time
        target = self._next_to_follow()
        url = Url(target.url + path)
        call = self._signer.call(target.peer, "GET", url, {})
        builder = self._to(target, "GET", url).header("authorization", call.header)
        builder = builder.streamed_read_buffer_limit(0)
        async with AsyncExitStack() as open_response:
            by_s = now_s() + silence_s_max
            async with self._heard_by(by_s, silence_s_max, target):
                await self._check_announced(target, path)
                response = await open_response.enter_async_context(builder.build_streamed())
                proved = await self._opened(target, call, response, path)
            while True:
                async with self._heard_by(by_s, silence_s_max, target):
                    chunk = await response.body_reader.read_chunk()
                    if chunk is None:
                        return
                    lines = proved.lines(chunk.to_bytes())
                for line in filter(None, lines):
                    by_s = now_s() + silence_s_max
                    yield line

    async def _opened(
        self, target: Target, call: Call, response: Response, path: str
    ) -> ProvedLines:
        """Believe the head of a stream; one that is refused is told, whatever it says beside.

        Raises:
            Stranger: the head is not proved.
            Unavailable: the stream is refused.
        """
        status, headers = response.status, response.headers
        if status == _OK:
            self._signer.believed(call, status, headers, STREAMED)
            return ProvedLines(self._signer, headers[PROOF_HEADER])
        content = b""
        while (chunk := await response.body_reader.read_chunk()) is not None:
            content += chunk.to_bytes()
            if len(content) > LINE_BYTES_MAX:
                break
        found = self._signer.believed(call, status, headers, digest(content))
        self._signer.is_outdated(target.peer, status, found, content)
        message = f"the {self.name} service answered {status} to {path}"
        raise Unavailable(message)

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
            if steps.on:
                return await self._send_watched(target, sending, left_s)
            return await self._send(target, sending, left_s)
        except RequestError as error:
            if is_unsent(error):
                sending.sent -= 1
            raise
        finally:
            target.in_flight -= 1

    async def _send_watched(self, target: Target, sending: _Sending, left_s: float) -> Answer:
        """Send a call once, and write that, and what came of it."""
        about = {"call": sending.request_id, "upstream": self.name, "target": target.url}
        path = sending.path.partition("?")[0]
        steps.write("asked", **about, path=path, left_ms=int(left_s * 1000))
        try:
            answer = await self._send(target, sending, left_s)
        except FAILURES as error:
            steps.write("no-answer", **about, reason=reason(error))
            raise
        except asyncio.CancelledError:
            steps.write("no-answer", **about, reason="nobody waits for it any more")
            raise
        steps.write("answered", **about, status=answer.status)
        return answer

    async def _send(self, target: Target, sending: _Sending, left_s: float) -> Answer:
        """Send a call, signed anew where it is for another process or moment than the one there."""
        headers: dict[str, str] = {}
        if sending.request_id:
            headers[_REQUEST_ID] = sending.request_id
        if sending.body is not None:
            headers["content-type"] = "application/json"
        for _asked in range(ASKS_MAX):
            left_s = min(left_s, sending.deadline.left_s())
            headers[_DEADLINE] = str(int(left_s * 1000))
            await self._check_announced(target, sending.path)  # before it may change anything
            call, answer = await self._ask(target, sending, headers, left_s)
            await self._check_announced(target, sending.path)  # another one may have read for us
            if answer is not None:
                return answer
            if not call.undone:
                sending.sent += 1  # another process may have done it, before it ended
        message = "it takes no call as timely"
        raise Stranger(message)

    async def _ask(
        self, target: Target, sending: _Sending, headers: dict[str, str], left_s: float
    ) -> tuple[Call, Answer | None]:
        """Send one request; return no answer where it was signed for another moment.

        Raises:
            RequestError: no answer.
            Stranger: the answer is not proved.
        """
        url, body = Url(target.url + sending.path), sending.body
        call = self._signer.call(target.peer, sending.method, url, headers, body or b"")
        builder = self._to(target, sending.method, url).timeout(timedelta(seconds=left_s))
        for name, value in headers.items():
            builder = builder.header(name, value)
        builder = builder.header("authorization", call.header)
        if body is not None:
            builder = builder.body_bytes(body)
        response = await builder.build().send()
        content = (await response.bytes()).to_bytes()
        status = response.status
        found = self._signer.believed(call, status, response.headers, digest(content))
        if self._signer.is_outdated(target.peer, status, found, content):
            return call, None
        return call, Answer(status, content, found)

    def _to(self, target: Target, method: str, url: Url) -> RequestBuilder:
        """Begin a request to a target, by the name that it goes by."""
        if target.client is not None:
            return target.client.request(method, url)
        builder = self._client.request(method, url)
        host = target.address.host
        return builder.header("host", host) if host else builder

    async def proves(self, address: Address) -> bool:
        """Tell whether whoever announced itself is ready, and the service that it should be."""
        return await self._probe(self._reach(address))

    async def _probe(self, target: Target) -> bool:
        """Tell whether a target is ready, and the service that it should be.

        One that was announced has to say of itself that it is so, at this very address: whoever
        only passes on what it is asked can do that for no address of his own.
        """
        sending = _Sending("GET", _READY, Deadline(PROBE_TIMEOUT_MS))
        try:
            answer = await self._send(target, sending, PROBE_TIMEOUT_MS / 1000)
        except FAILURES:
            heed_cancel()
            return False
        if target.shop:
            said = answer.headers.get(ANNOUNCED_HEADER, "")
            if not is_announced(said, target.shop, target.address.url):
                return False
            target.checked = answer.headers.get(MOMENT_HEADER, "").partition(" ")[0]
        return answer.status == _OK

    async def _check_announced(self, target: Target, path: str) -> None:
        """See that the process at an address that was announced is one of the shop there.

        Args:
            target: that is asked.
            path: for what.

        Raises:
            Stranger: it does not say so.
        """
        if not target.shop or target.peer.process == target.checked or path == _READY:
            return
        if not await self._probe(target) or target.peer.process != target.checked:
            message = f"it does not say that it is announced there as one of {target.shop}"
            raise Stranger(message)
