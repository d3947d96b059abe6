"""Answers packed with gzip, for who takes that: large ones that hold no secret, once a version.

How it works: a route says that its answers are large and public. What was packed is remembered by
the ETag of the answer, which is a digest of its bytes, so a list that many ask for is packed once,
until it is another list. The packed form has an ETag of its own: that of the plain one with `-gzip`
at its end.

What may be packed is chosen route by route and page by page. A packed length tells how alike two
parts of an answer are: where one is a secret and the other was typed by a stranger who sees the
length, the secret can be guessed letter by letter (BREACH). So nothing that is for one reader alone
is packed: no order, no basket, no checkout, nothing that the service secret opens.

Source: RFC 9110, sections 8.4.1.3, 8.8.3.3, 12.5.3 and 12.5.5;
docs/decisions/0041-http-for-strangers.md
"""

import asyncio
import gzip
import re
from dataclasses import replace
from functools import lru_cache

from starlette.responses import Response

from bazar.kit.http.answers import Headers, ReadyResponse, unless_held
from bazar.kit.http.endpoint import Endpoint
from bazar.kit.http.request import Request

PACKED_BYTES_MIN = 1024
"""Of an answer as it is; a smaller one fits in a packet as it is."""
AT_ONCE_BYTES_MAX = 8 * 1024
"""So much is packed on the event loop, in a fifth of a millisecond; more in a thread."""
HELD_BYTES_MAX = 16 * 1024 * 1024
"""Of packed answers, in each service."""
LEVEL = 6
_OK = 200
_ETAG = b"etag"
_VARY = (b"vary", b"Accept-Encoding")
_ENCODING = (b"content-encoding", b"gzip")
_AUTHORIZATION = b"authorization"
_TAG_END = b'-gzip"'
_CODING = re.compile(
    r"(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+)"
    r"(?:[ \t]*;[ \t]*[qQ]=(?P<q>0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?"
)
_HEADERS_REMEMBERED_MAX = 256


def takes_gzip(request: Request) -> bool:
    """Tell whether a client likes gzip at least as much as the plain form."""
    if b"accept-encoding" not in request.raw_headers:
        return False
    return _takes(",".join(request.header_list("accept-encoding")))


@lru_cache(_HEADERS_REMEMBERED_MAX)
def _takes(text: str) -> bool:
    """Weigh what an Accept-Encoding header says; what is not written properly says nothing."""
    weights: dict[str, float] = {}
    for part in text.split(","):
        found = _CODING.fullmatch(part.strip(" \t"))
        if found:
            name = found["name"].lower()
            weights["gzip" if name == "x-gzip" else name] = float(found["q"] or 1)
    packed = weights.get("gzip", weights.get("*", 0.0))
    return packed > 0 and packed >= weights.get("identity", 0.0)


def packed_tag(tag: bytes) -> bytes:
    """Return the ETag of the packed form of an answer."""
    return tag[:-1] + _TAG_END


def pack(body: bytes) -> bytes:
    """Pack bytes, in the same way each time."""
    return gzip.compress(body, LEVEL, mtime=0)


class Packer:
    """Packs answers, and remembers what it has packed."""

    def __init__(self) -> None:
        """Start empty."""
        self._held: dict[bytes, bytes] = {}
        self._packing: dict[bytes, asyncio.Future[bytes]] = {}
        self.bytes = 0
        self.packed = 0
        """How often something was packed."""

    def around(self, endpoint: Endpoint) -> Endpoint:
        """Return an endpoint whose answers are packed where its route says that they may be."""
        if not endpoint.route.packed:
            return endpoint
        answer = endpoint.answer

        async def coded(request: Request) -> Response:
            return await self.coded(request, await answer(request))

        return replace(endpoint, answer=coded)

    async def coded(self, request: Request, response: Response) -> Response:
        """Return an answer in the form that its asker likes best."""
        response.raw_headers.append(_VARY)
        body = bytes(response.body)
        if (
            response.status_code != _OK
            or len(body) < PACKED_BYTES_MIN
            or _AUTHORIZATION in request.raw_headers
            or not takes_gzip(request)
        ):
            return response
        headers = [_coded(name, value) for name, value in response.raw_headers]
        held = unless_held(request, ReadyResponse(b"", _OK, headers))
        if held.status_code != _OK:
            return held
        tag = next((value for name, value in headers if name == _ETAG), b"")
        packed = await self._packed(tag, body)
        return ReadyResponse(packed, _OK, [*_measured(headers, packed), _ENCODING])

    async def _packed(self, tag: bytes, body: bytes) -> bytes:
        held = self._held.get(tag)
        if held is not None:
            return held
        if len(body) <= AT_ONCE_BYTES_MAX:
            packed = self._pack(body)
        else:
            packed = await asyncio.shield(self._under_way(tag, body))
        if tag:
            self._keep(tag, packed)
        return packed

    def _under_way(self, tag: bytes, body: bytes) -> asyncio.Future[bytes]:
        """Return the packing of an answer in a thread; all who ask for the same share it."""
        packing = self._packing.get(tag)
        if packing is None:
            packing = asyncio.ensure_future(asyncio.to_thread(self._pack, body))
            if tag:
                self._packing[tag] = packing
                packing.add_done_callback(lambda _done: self._packing.pop(tag, None))
        return packing

    def _pack(self, body: bytes) -> bytes:
        self.packed += 1
        return pack(body)

    def _keep(self, tag: bytes, packed: bytes) -> None:
        if tag in self._held or len(packed) > HELD_BYTES_MAX:
            return
        while self.bytes + len(packed) > HELD_BYTES_MAX:
            self.bytes -= len(self._held.pop(next(iter(self._held))))
        self._held[tag] = packed
        self.bytes += len(packed)


def _coded(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    return (name, packed_tag(value)) if name == _ETAG else (name, value)


def _measured(headers: Headers, body: bytes) -> Headers:
    return [
        (name, b"%d" % len(body) if name == b"content-length" else value) for name, value in headers
    ]
