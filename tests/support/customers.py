"""Many customers at once, who ask again with the same key until they know."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from time import monotonic
from types import TracebackType
from typing import Self

import msgspec
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import RequestError

from bazar.kit.peers.connecting import secured, secured_url
from bazar.kit.peers.credentials import Credentials
from support.shops import Reply

BUY_PATIENCE_S = 45.0


class Customers:
    """Many clients of the front at once."""

    def __init__(self, url: str, role: str = "front", tls: Credentials | None = None) -> None:
        """Call the front at this address, or another service, under TLS where there is a pair."""
        self.url = url
        self._builder = ClientBuilder().no_proxy().timeout(timedelta(seconds=BUY_PATIENCE_S))
        if tls is not None:
            self.url, ip, port = secured_url(role, url)
            self._builder = secured(self._builder, tls, role, ip, port)
        self._client: Client | None = None

    async def __aenter__(self) -> Self:
        """Open the connections."""
        self._client = self._builder.build()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        assert self._client is not None
        await self._client.close()

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request, once.

        Raises:
            RequestError: nobody answered.
        """
        assert self._client is not None
        request = self._client.request(method, self.url + path)
        for name, value in (headers or {}).items():
            request = request.header(name, value)
        if key is not None:
            request = request.header("idempotency-key", f'"{key}"')
        if body is not None:
            request = request.body_bytes(msgspec.json.encode(body))
        response = await request.build().send()
        content = (await response.bytes()).to_bytes()
        return Reply(response.status, dict(response.headers), content)

    async def ask_once(self, book_id: int, key: str) -> Reply | None:
        """Buy a copy; return None where nobody answered. The client never asks again."""
        try:
            return await self.call("POST", f"/purchase/{book_id}", key=key)
        except RequestError:
            return None

    async def buy(self, book_id: int, key: str, patience_s: float = BUY_PATIENCE_S) -> Reply:
        """Buy a copy, asking again with the same key until the answer is definite."""
        give_up_s = monotonic() + patience_s
        while True:
            answer = await self.ask_once(book_id, key)
            if answer is not None and (
                answer.status == 201
                or (answer.code not in {"", "overloaded"} and answer.json["definite"])
            ):
                return answer
            if monotonic() > give_up_s:
                message = f"key {key}: no definite answer in {patience_s:g} s, last {answer}"
                raise AssertionError(message)
            await asyncio.sleep(0.05)
