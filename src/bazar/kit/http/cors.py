"""Pages of other origins that may read what is answered here, and write: named one by one.

How it works: a browser lets a page read an answer of another origin where the answer names the
page's own. Before it sends what a plain form could not, it asks with OPTIONS. Nothing is ever said
of credentials, so no cookie goes along; who is asked has to know what it needs from the request.

Which origins those are is chosen at the start. Every answer then says `Vary: Origin`, since a cache
on its way must not give the answer for one page to another.

Source: Fetch Standard, section 3.2 (CORS protocol); RFC 6454, sections 6.1 and 6.2
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from bazar.kit.errors import Headers, StartupError

ORIGINS_MAX = 64
TAKEN = (
    "content-type",
    "idempotency-key",
    "if-none-match",
    "if-match",
    "cache-control",
    "x-request-id",
    "bazar-deadline-ms",
)
"""Headers that such a page may send; the secret of the shop is not among them."""
EXPOSED = (
    "location",
    "etag",
    "retry-after",
    "cache-status",
    "link",
    "idempotency-key",
    "x-request-id",
    "server-timing",
    "allow",
)
"""Headers that its scripts may read, beside those that every script may."""
PREFLIGHT_AGE_S = 7200
"""How long a browser need not ask again; Chromium asks again after that in any case."""
_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_PORT_MAX = 65535
_VARY = (b"vary", b"Origin")


class Cors:
    """The origins that are invited."""

    def __init__(self, origins: Iterable[str]) -> None:
        """Invite these, as `origin_of` returns them."""
        exposed = ", ".join(EXPOSED).encode()
        self._said: dict[bytes | None, Headers] = {
            origin.encode(): (
                _VARY,
                (b"access-control-allow-origin", origin.encode()),
                (b"access-control-expose-headers", exposed),
            )
            for origin in origins
        }
        self._stranger: Headers = (_VARY,)

    def invites(self, origin: bytes | None) -> bool:
        """Tell whether an `Origin` header is that of a page that is invited."""
        return origin in self._said

    def said(self, origin: bytes | None) -> Headers:
        """Return the headers of an answer to a request with this `Origin`, or without one."""
        return self._said.get(origin, self._stranger)

    def add(self, headers: list[tuple[bytes, bytes]], origin: bytes | None) -> None:
        """Add them to those that an answer has: there is one `Vary`, which names all."""
        said = self.said(origin)
        for place, (name, value) in enumerate(headers):
            if name == _VARY[0]:
                headers[place] = (name, value + b", " + _VARY[1])
                headers += said[1:]
                return
        headers += said


def preflight(methods: str) -> Headers:
    """Return what the answer to a browser adds that asks whether a page may send something.

    Args:
        methods: that the path takes, with commas between them.
    """
    return (
        (b"access-control-allow-methods", methods.encode()),
        (b"access-control-allow-headers", ", ".join(TAKEN).encode()),
        (b"access-control-max-age", b"%d" % PREFLIGHT_AGE_S),
    )


def origins_of(given: Iterable[str]) -> tuple[str, ...]:
    """Return origins, each once, of texts that hold one or several with commas between them.

    Raises:
        StartupError: one of them is none, or there are more than 64.
    """
    texts = [one.strip() for text in given for one in text.split(",")]
    origins = tuple(dict.fromkeys(origin_of(text) for text in texts if text))
    if len(origins) > ORIGINS_MAX:
        message = f"--cors takes at most {ORIGINS_MAX} origins, not {len(origins)}"
        raise StartupError(message)
    return origins


def origin_of(text: str) -> str:
    """Return an origin as a browser writes it: small letters, without the usual port and a slash.

    Raises:
        StartupError: it is none, or stands for many.
    """
    if text in {"*", "null"}:
        message = f"--cors takes the origins of your pages one by one, and never {text!r}"
        raise StartupError(message)
    try:
        parts = urlsplit(text)
        plain = parts.netloc.lower()
        if not plain.startswith("["):
            plain = plain.encode("idna").decode()
        proper = (
            parts.scheme in _DEFAULT_PORTS
            and text.partition("://")[2].removesuffix("/") == parts.netloc
            and _HOST.fullmatch(plain)
            and (parts.port is None or 1 <= parts.port <= _PORT_MAX)
        )
    except ValueError:
        proper = None
    if not proper:
        message = f"--cors takes an origin such as http://localhost:3000, not {text[:200]!r}"
        raise StartupError(message)
    return f"{parts.scheme}://{plain.removesuffix(_DEFAULT_PORTS[parts.scheme])}"
