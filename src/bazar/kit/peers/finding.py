"""Look once who announces itself on the network, for programs that ask a shop and end."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import NamedTuple

import msgspec
from pyreqwest.client import Client

from bazar.kit.peers.addresses import Address, Addresses, Looking, Prove
from bazar.kit.peers.answers import FAILURES, heed_cancel
from bazar.kit.peers.client import PROBE_TIMEOUT_MS, Upstream, new_client
from bazar.kit.peers.credentials import Credentials
from bazar.kit.peers.mdns import Announced

PROBE_TIMEOUT = timedelta(milliseconds=PROBE_TIMEOUT_MS)
PATIENCE_S = 3.0
"""How long nobody may be found."""
OTHERS_S = 0.3
"""After the first one, for its replicas."""
_OK = 200


class Found(NamedTuple):
    """Who announced itself as one service."""

    proven: Addresses
    """Those that are the service of this shop."""
    strangers: Addresses
    """Those that say so, and do not prove it, or are not ready."""
    shops: frozenset[str]
    """Names of other shops of which such a service is announced."""


class _Health(msgspec.Struct):
    service: str = ""


async def look(
    services: Mapping[str, Looking], secret: str, tls: Credentials | None = None
) -> dict[str, Found]:
    """Return who announces itself, for each service, as soon as there is somebody.

    A front is for everybody and proves nothing: it only has to say that it is one, and ready.

    Args:
        services: names, and where each is looked for.
        secret: of the shop, for the proofs.
        tls: what we show of ourselves, where services are asked under TLS.
    """
    client = new_client()
    try:
        provers = [_prover(name, where, client, secret, tls) for name, where in services.items()]
        looks = map(_found, services, services.values(), provers)
        found = await asyncio.gather(*looks)
    finally:
        await client.close()
    return dict(zip(services, found, strict=True))


def _prover(
    service: str, where: Looking, client: Client, secret: str, tls: Credentials | None
) -> Prove:
    if service != "front":
        return Upstream(service, str(where), client, secret, tls=tls).proves

    async def says_so(address: Address) -> bool:
        try:
            request = client.get(f"{address.url}/readyz").timeout(PROBE_TIMEOUT).build()
            response = await request.send()
            said = msgspec.json.decode((await response.bytes()).to_bytes(), type=_Health)
        except (*FAILURES, msgspec.DecodeError):
            heed_cancel()
            return False
        return response.status == _OK and said.service == service

    return says_so


async def _found(service: str, where: Looking, prove: Prove) -> Found:
    announced, some = Announced(service, where), asyncio.Event()
    following = asyncio.create_task(announced.follow(some.set, prove))
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await some.wait()
            await asyncio.sleep(OTHERS_S)
        proven = announced.known
        return Found(proven, announced.announced - proven, announced.shops)
    finally:
        following.cancel()
        await asyncio.wait({following})
