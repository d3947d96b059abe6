"""Answers that are pages: their headers, and their bytes plain or packed.

A page may be put together from pieces that were packed long before, with small new ones between
them. Each piece ends at the border of a byte (a flush), so their packed bytes stand behind each
other as one stream, and only the checksum is worked out for the whole.

Source: RFC 1951, section 3.2.4 (stored blocks); RFC 1952, section 2.3
"""

import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

from starlette.responses import Response

from bazar.kit.http.answers import Headers, ReadyResponse
from bazar.kit.http.coding import takes_gzip
from bazar.kit.http.request import Request

HTML = "text/html; charset=utf-8"
NO_STORE = "no-store"
ASK_FIRST = "private, no-cache"
"""A browser keeps it, and asks before each use whether it still holds."""
FOR_EVER = "public, max-age=31536000, immutable"
PACKED_BYTES_MIN = 256
OK = 200
MOVED = 301
_LEVEL = 6
_RAW = -zlib.MAX_WBITS
_STORED_BYTES_MAX = 0xFFFF
_GZIP_START = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_DEFLATE_END = b"\x03\x00"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "manifest-src 'self'"
)
SECURITY: Headers = [
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=()"),
]
TRANSPORT = (b"strict-transport-security", b"max-age=31536000")
"""Where the site is reached over https alone."""


class Piece(NamedTuple):
    """Some bytes of a page, plain, and packed so that others may follow."""

    plain: bytes
    packed: bytes


def piece(text: str) -> Piece:
    """Pack a text well; for what is sent often."""
    plain = text.encode()
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW)
    return Piece(plain, packer.compress(plain) + packer.flush(zlib.Z_FULL_FLUSH))


def bare_piece(text: str) -> Piece:
    """Take a text as it is, for a page that is never packed."""
    return Piece(text.encode(), b"")


def small_piece(text: str) -> Piece:
    """Take a text of at most 64 kB as it is; for what is sent once."""
    plain = text.encode()
    size = len(plain)
    assert size <= _STORED_BYTES_MAX
    return Piece(plain, struct.pack("<BHH", 0, size, size ^ _STORED_BYTES_MAX) + plain)


def gzipped(pieces: Sequence[Piece]) -> bytes:
    """Return the pieces as one gzip member."""
    check, size = 0, 0
    for one in pieces:
        check = zlib.crc32(one.plain, check)
        size += len(one.plain)
    end = struct.pack("<II", check, size & 0xFFFFFFFF)
    return b"".join([_GZIP_START, *[one.packed for one in pieces], _DEFLATE_END, end])


def page(
    request: Request,
    pieces: Sequence[Piece],
    status: int = 200,
    *,
    caching: str = ASK_FIRST,
    media_type: str = HTML,
) -> Response:
    """Return an answer of pieces, packed where its client takes that and none of them is bare.

    A page for one reader alone is of bare ones (`kit/http/coding.py` says why). A hole that is
    filled for each reader is stored as it is: its length tells nothing of what stands around it.
    """
    headers: Headers = [
        (b"content-type", media_type.encode()),
        (b"cache-control", caching.encode()),
    ]
    if takes_gzip(request) and all(one.packed or not one.plain for one in pieces):
        body = gzipped(pieces)
        headers.append((b"content-encoding", b"gzip"))
    else:
        body = b"".join([one.plain for one in pieces])
    headers += [(b"content-length", b"%d" % len(body)), (b"vary", b"Cookie, Accept-Encoding")]
    return ReadyResponse(body, status, headers + SECURITY)


def see(address: str, status: int = 303) -> Response:
    """Send a browser on to another page."""
    location = address.encode("ascii")
    headers: Headers = [(b"location", location), (b"content-length", b"0")]
    return ReadyResponse(b"", status, [*headers, (b"cache-control", b"no-store"), *SECURITY])
