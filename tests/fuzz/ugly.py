"""Requests that no client should send, as bytes. None of them may do anything."""

from collections.abc import Iterator
from dataclasses import dataclass

from bazar.kit.http.request import BODY_BYTES_MAX

HEADER_BYTES = 20 * 1024
PATH_BYTES = 64 * 1024
BRACKETS = 100_000
"""More than a body may hold; half as many fit."""

NUMBERS = {
    "zero": "0",
    "minus zero": "-0",
    "negative": "-1",
    "over the limit": "1001",
    "2^31": str(2**31),
    "2^53": str(2**53),
    "2^63": str(2**63),
    "2^64": str(2**64),
    "a thousand digits": "9" * 1000,
    "1e308": "1e308",
    "1e400": "1e400",
    "minus 1e400": "-1e400",
    "a fraction": "1.5",
    "NaN": "NaN",
    "Infinity": "Infinity",
    "minus Infinity": "-Infinity",
    "a leading zero": "01",
    "a plus": "+1",
    "hexadecimal": "0x1",
    "an underscore": "1_0",
    "text": '"1"',
    "digits of another script": "\u0661",
    "digits of another script in text": '"\u0661"',
    "true": "true",
    "null": "null",
    "a list": "[1]",
    "an object": "{}",
    "nothing": "",
}
PATH_NUMBERS = {
    "zero": "0",
    "minus zero": "-0",
    "negative": "-1",
    "2^53": str(2**53),
    "2^63": str(2**63),
    "2^64": str(2**64),
    "a thousand digits": "9" * 1000,
    "a fraction": "1.0",
    "an exponent": "1e0",
    "NaN": "NaN",
    "a plus": "%2B1",
    "a space": "%201",
    "a newline": "1%0A",
    "NUL": "1%00",
    "digits of another script": "%D9%A1",
    "full-width digits": "%EF%BC%91",
    "overlong UTF-8": "%C0%B1",
    "broken UTF-8": "%FF1",
    "a semicolon": "1;1",
    "a null byte cut": "1%00.json",
    "SQL": "1%20OR%201=1",
}
KEYS = {
    "of 10 KiB": [b'"' + b"k" * 10_240 + b'"'],
    "of 256 characters": [b"k" * 256],
    "empty": [b""],
    "of nothing in quotes": [b'""'],
    "with a quote that stays open": [b'"key'],
    "with a quote amid it": [b'"k"ey"'],
    "with a backslash at its end": [b'"key\\"'],
    "with a tab": [b'"k\tey"'],
    "with UTF-8": ["schlüssel".encode()],
    "with broken UTF-8": [b'"\xff\xfe"'],
    "with bare spaces": [b"k e y"],
    "as a list": [b'"one", "two"'],
    "twice": [b'"one"', b'"two"'],
    "twice the same": [b'"one"', b'"one"'],
    "with a newline": [b'"one\n two"'],
    "with a carriage return": [b'"one\r two"'],
    "with NUL": [b'"one\0two"'],
}


@dataclass(frozen=True)
class Write:
    """A request that would change something, had it come in good order."""

    path: str
    body: str
    """With `%s` for a number."""
    path_with_number: str
    """With `%s` for the id of a book."""
    headers: bytes = b""
    method: str = "POST"
    takes_key: bool = True
    body_bytes_max: int = BODY_BYTES_MAX

    def request(
        self, body: bytes, *headers: bytes, length: bool = True, path: str | None = None
    ) -> bytes:
        """Return it with this body and further header lines, on a connection of its own."""
        lines = [*headers, b"Content-Length: %d" % len(body)] if length else list(headers)
        start = f"{self.method} {self.path if path is None else path} HTTP/1.1\r\n".encode()
        more = b"".join(line + b"\r\n" for line in [b"Connection: close", *lines])
        return start + b"Host: bazar\r\n" + self.headers + more + b"\r\n" + body

    def good(self) -> bytes:
        """Return it in good order."""
        return self.request((self.body % 1).encode())


def refused(write: Write) -> Iterator[tuple[str, bytes]]:
    """Yield what must be refused, by name."""
    yield from _numbers(write)
    yield from _bodies(write)
    yield from _framing(write)
    yield from _smuggled(write)
    yield from two_ends(write)
    yield from _heads(write)
    if write.takes_key:
        body = (write.body % 1).encode()
        for name, lines in KEYS.items():
            yield f"key {name}", write.request(body, *(b"Idempotency-Key: " + key for key in lines))


def _numbers(write: Write) -> Iterator[tuple[str, bytes]]:
    for name, number in NUMBERS.items():
        yield f"number: {name}", write.request((write.body % number).encode())
    for name, number in PATH_NUMBERS.items():
        path = write.path_with_number % number
        yield f"id: {name}", write.request((write.body % 1).encode(), path=path)


def _bodies(write: Write) -> Iterator[tuple[str, bytes]]:
    good = (write.body % 1).encode()
    doubled = write.body.replace('"quantity": %s', '"quantity": -1, "quantity": 1')
    bodies = {
        "BOM": b"\xef\xbb\xbf" + good,
        "UTF-16": good.decode().encode("utf-16"),
        "broken UTF-8": good.replace(b"quantity", b"quant\xffity"),
        "a broken surrogate": good.replace(b"quantity", b"\\ud800"),
        "NUL": b"\0" + good,
        "NUL after it": good + b"\0",
        "two values": good + good,
        "an open end": good[:-1],
        "a comment": b"/**/" + good,
        "single quotes": good.replace(b'"', b"'"),
        "an unknown member": good.replace(b'"quantity": 1', b'"quantity": 1, "__proto__": {}'),
        "a member twice, first wrong": doubled.encode(),
        "deep brackets": b"[" * (BODY_BYTES_MAX - 1),
        "deep braces": b'{"quantity":' * 5000,
        "deep unknown members": b'{"x":' + b"[" * 50_000,
        "too many brackets": b"[" * BRACKETS,
        "a form": b"quantity=1",
        "XML": b"<quantity>1</quantity>",
    }
    for name, body in bodies.items():
        yield f"body: {name}", write.request(body)


def _framing(write: Write) -> Iterator[tuple[str, bytes]]:
    good = (write.body % 1).encode()
    size = len(good)
    chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (size, good)
    lengths = {
        "two lengths": [b"Content-Length: 0", b"Content-Length: %d" % size],
        "a list of lengths": [b"Content-Length: 0, %d" % size],
        "a length with a plus": [b"Content-Length: +%d" % size],
        "a negative length": [b"Content-Length: -1"],
        "a length in hexadecimal": [b"Content-Length: 0x10"],
        "a length past 2^64": [b"Content-Length: 18446744073709551617"],
        "no length in it": [b"Content-Length: "],
        "a length of a gigabyte": [b"Content-Length: 1073741824"],
        "a length that is too long": [b"Content-Length: %d" % (size + 10)],
    }
    for name, lines in lengths.items():
        yield name, write.request(good, *lines, length=False)
    chunks = {
        "a size that is no number": b"zz\r\n" + good,
        "a negative size": b"-1\r\n" + good,
        "a size past 2^64": b"fffffffffffffffff\r\n" + good,
        "a size that is too small": b"1\r\n" + good + b"\r\n0\r\n\r\n",
        "a size without its line end": b"%x" % size + good,
        "an extension of 100 KB": b"%x;%b\r\n%b" % (size, b"a" * 100_000, good),
        "an extension each, 5,000 times": b"1;a=b\r\n{\r\n" * 5000,
        "trailers of 100 KB": chunk[:-2] + b"a: b\r\n" * 17_000 + b"\r\n",
        "bare line feeds": chunk.replace(b"\r\n", b"\n"),
    }
    if write.body_bytes_max == BODY_BYTES_MAX:
        chunks["more than a body may hold"] = b"10000\r\n" + b" " * 0x10000 + b"\r\n" + chunk
    for name, body in chunks.items():
        yield (
            f"chunks: {name}",
            write.request(body, b"Transfer-Encoding: chunked", length=False),
        )


def _smuggled(write: Write) -> Iterator[tuple[str, bytes]]:
    """Yield a request that another may hide behind, where two readers would disagree on its end."""
    hidden = b"0\r\n\r\n" + write.good()
    size = b"Content-Length: %d" % len(hidden)
    chunked = b"Transfer-Encoding: chunked"
    pairs = {
        "length, then chunks": [size, chunked],
        "chunks, then length": [chunked, size],
        "unknown coding": [b"Transfer-Encoding: xchunked", size],
        "identity": [b"Transfer-Encoding: identity", size],
        "chunked is not last": [b"Transfer-Encoding: chunked, identity", size],
        "chunked twice": [b"Transfer-Encoding: chunked, chunked", size],
        "a space before the colon": [b"Transfer-Encoding : chunked", size],
        "a vertical tab": [b"Transfer-Encoding: \x0bchunked", size],
        "a folded line": [b"Transfer-Encoding:\r\n chunked", size],
        "a line feed in a header": [b"X: y\nTransfer-Encoding: chunked", size],
        "two codings": [chunked, b"Transfer-Encoding: identity", size],
        "a length of 0 and another": [b"Content-Length: 0", size],
        "the hidden one as a body": [size],
    }
    start = b"POST /nowhere HTTP/1.1\r\nHost: bazar\r\nConnection: keep-alive\r\n"
    for name, lines in pairs.items():
        head = b"".join(line + b"\r\n" for line in lines)
        yield f"smuggled: {name}", start + head + b"\r\n" + hidden
    yield (
        "smuggled: in HTTP/1.0",
        start.replace(b"1.1", b"1.0") + chunked + b"\r\n\r\n" + hidden,
    )


TWO_ENDS = {
    "length, then chunks": [b"Content-Length: %d", b"Transfer-Encoding: chunked"],
    "chunks, then length": [b"Transfer-Encoding: chunked", b"Content-Length: %d"],
    "a short length, then chunks": [b"Content-Length: 4", b"Transfer-Encoding: chunked"],
    "chunks, then a length of words": [b"Transfer-Encoding: chunked", b"Content-Length: two"],
    "chunks between two lengths": [
        b"Content-Length: 0",
        b"Transfer-Encoding: chunked",
        b"Content-Length: %d",
    ],
    "capitals": [b"CONTENT-LENGTH: %d", b"TRANSFER-ENCODING: CHUNKED"],
    "gzip, chunked": [b"Transfer-Encoding: gzip, chunked"],
    "gzip, then chunked": [b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked"],
    "chunked, chunked": [b"Transfer-Encoding: chunked, chunked"],
    "identity, chunked": [b"Transfer-Encoding: identity, chunked", b"Content-Length: %d"],
}
"""What the server itself lets through, though another might end it elsewhere."""


def two_ends(write: Write, path: str | None = None) -> Iterator[tuple[str, bytes]]:
    """Yield a write whose end is not certain, and behind it one in good order."""
    good = (write.body % 1).encode()
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(good), good)
    for name, lines in TWO_ENDS.items():
        sized = [line.replace(b"%d", str(len(body)).encode()) for line in lines]
        first = write.request(body, *sized, length=False, path=path)
        kept_open = first.replace(b"Connection: close\r\n", b"")
        yield f"two ends: {name}", kept_open + write.good()


def _heads(write: Write) -> Iterator[tuple[str, bytes]]:
    good = (write.body % 1).encode()
    headers = {
        "a folded header": b"X-A: b\r\n c",
        "a header with NUL": b"X-A: b\0c",
        "a header of 20 KiB": b"X-A: " + b"a" * HEADER_BYTES,
        "1,000 headers": b"\r\n".join(b"X-%d: y" % number for number in range(1000)),
        "a header without a name": b": y",
        "a header without a colon": b"hello",
        "a header name with a space": b"X A: y",
        "a header name of UTF-8": "X-ä: y".encode(),
    }
    for name, line in headers.items():
        yield name, write.request(good, line)
    yield "a path of 64 KiB", write.request(good, path="/" + "a" * PATH_BYTES)
    yield "HTTP/0.9", f"{write.method} {write.path}\r\n\r\n".encode()
    yield "HTTP/2 at once", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0" + write.good()
    yield "HTTP/3", write.good().replace(b"HTTP/1.1", b"HTTP/3.0")
    yield "a TLS hello", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(200)
    yield "no method", write.good().partition(b" ")[2]
    yield "a method of 10 KB", b"A" * 10_000 + write.good()
    yield "a bare carriage return", write.good().replace(b"\r\n", b"\r")
    yield "a raw byte in the path", write.good().replace(b" /", b" /\xff", 1)
    paths = {
        "two slashes": "/" + write.path,
        "dots": "/nowhere/.." + write.path,
        "dots in percents": "/nowhere/%2e%2e" + write.path,
        "NUL before it": "/%00" + write.path,
        "NUL after it": write.path + "%00",
        "a newline after it": write.path + "%0A",
        "a backslash": write.path.replace("/", "\\"),
        "slashes in percents": write.path.replace("/", "%2F"),
        "dots and slashes in overlong UTF-8": "/%C0%AE" + write.path.replace("/", "%C0%AF"),
        "a path parameter": write.path + ";x=y",
        "capitals": write.path.upper(),
        "percents of percents": write.path.replace("/", "/%25"),
    }
    for name, path in paths.items():
        yield f"path: {name}", write.request(good, path=path)


def odd(_write: Write) -> Iterator[tuple[str, bytes]]:
    """Yield what is unusual and does no harm: it gets an answer, or an end."""
    last = b"Connection: close\r\n\r\n"
    yield "no Host", b"GET /healthz HTTP/1.1\r\n" + last
    yield "two Hosts", b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n" + last
    yield "absolute form", b"GET http://elsewhere.test/healthz HTTP/1.1\r\nHost: x\r\n" + last
    yield "CONNECT", b"CONNECT elsewhere.test:443 HTTP/1.1\r\nHost: x\r\n" + last
    yield "TRACE", b"TRACE /healthz HTTP/1.1\r\nHost: x\r\n" + last
    yield "OPTIONS of all", b"OPTIONS * HTTP/1.1\r\nHost: x\r\n" + last
    yield "bare line feeds", b"GET /healthz HTTP/1.1\nHost: x\nConnection: close\n\n"
    yield "empty lines first", b"\r\n\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n" + last
    yield "a GET with a body", b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n" + last
    yield (
        "upgrade to HTTP/2",
        (
            b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\n"
            b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
        ),
    )
    yield (
        "upgrade to a web socket",
        (
            b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        ),
    )
    for name, path in {
        "two slashes": "//healthz",
        "dots": "/../../etc/passwd",
        "dots in percents": "/%2e%2e/%2e%2e/etc/passwd",
        "dots below docs": "/docs/..%2f..%2fetc%2fpasswd",
        "NUL": "/docs/%00",
        "broken UTF-8": "/search/%FF%FE",
        "overlong UTF-8": "/search/%C0%AF%C0%AE",
        "broken percents": "/search/%zz%",
        "raw UTF-8": "/search/\u0661",
        "a broken query": "/books?limit=%00&&&==&\u0661=%FF",
    }.items():
        yield f"path: {name}", f"GET {path} HTTP/1.1\r\nHost: x\r\n".encode() + last
    yield "nothing at all", b""
    yield "half a request", b"GET /heal"
    yield (
        "Expect, and then nothing",
        (b"POST /orders HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 20\r\n\r\n"),
    )
    yield "an unknown Expect", b"GET /healthz HTTP/1.1\r\nHost: x\r\nExpect: more\r\n" + last
