"""One request and its answer: signed and proved where the shop's secret is known, else plain."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

import msgspec
from pyreqwest.client import SyncClient
from pyreqwest.http import Url

from bazar.kit.errors import Problem
from bazar.kit.http.idempotency import KEY_HEADER
from bazar.kit.peers.answers import Stranger
from bazar.kit.peers.signer import ASKS_MAX, Peer, Signer
from bazar.kit.signing import digest


class Asked(NamedTuple):
    """What is asked."""

    service: str
    method: str
    path: str
    """With its query string, percent-encoded."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    timeout: timedelta


class Told(NamedTuple):
    """What is answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NotBelieved(Exception):
    """An answer that is not proved; the message says what it was."""

    def __init__(self, message: str, *, undone: bool) -> None:
        """Say whether nobody can have done what was asked, whoever has the call."""
        super().__init__(message)
        self.undone = undone


class Restarted(Exception):
    """Another process is there than a moment ago; nobody knows what the one before did."""


@dataclass(slots=True)
class Asking:
    """Asks services, and remembers of each address who is there."""

    _signers: dict[str, Signer] = field(default_factory=dict)
    _peers: dict[str, Peer] = field(default_factory=dict)

    def ask(self, client: SyncClient, address: str, asked: Asked, secret: str) -> Told:
        """Send a request, signed anew where it is for another moment than the one there.

        Args:
            client: sends it.
            address: of the service.
            asked: what is asked.
            secret: of the shop; where it is empty, the call is plain, and its answer proves
                nothing.

        Raises:
            RequestError: no answer.
            NotBelieved: the answer is not proved.
            Restarted: it may or may not have been done.
        """
        url = Url(address + asked.path)
        if not secret:
            return _send(client, url, asked, asked.headers)
        signer = self._signers.setdefault(asked.service, Signer(asked.service, secret))
        peer = self._peers.setdefault(address, Peer())
        for _asked in range(ASKS_MAX):
            call = signer.call(peer, asked.method, url, asked.headers, asked.body)
            told = _send(client, url, asked, {**asked.headers, "authorization": call.header})
            try:
                proved = signer.believed(call, told.status, told.headers, digest(told.body))
            except Stranger as error:
                reason = f"{error}{_code(told.body)}"
                raise NotBelieved(reason, undone=call.undone) from error
            if not signer.is_outdated(peer, told.status, proved, told.body):
                return Told(told.status, proved, told.body)
            if not call.undone and KEY_HEADER not in asked.headers:
                break
        message = f"the {asked.service} service was started anew meanwhile"
        raise Restarted(message)


def _send(client: SyncClient, url: Url, asked: Asked, headers: Mapping[str, str]) -> Told:
    request = client.request(asked.method, url).timeout(asked.timeout)
    for name, value in headers.items():
        request = request.header(name, value)
    if asked.body:
        request = request.body_bytes(asked.body)
    response = request.build().send()
    return Told(response.status, response.headers, response.bytes().to_bytes())


def _code(content: bytes) -> str:
    """Return what an answer that is not believed says of itself, as the end of a sentence."""
    try:
        return f"; it says {msgspec.json.decode(content, type=Problem).code[:40]!r}"
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
