"""Style sheets, scripts and pictures of our own, each under a name that holds its fingerprint.

What has its fingerprint in its name never changes, so a browser asks for it once. A fingerprint of
another build gets today's file, to be asked for again each time: while one front after the other
is renewed, no page is left without its style.
"""

import gzip
import mimetypes
import re
from hashlib import blake2b
from importlib.resources import files
from typing import NamedTuple

from starlette.responses import Response

from bazar.kit.errors import RouteNotFound
from bazar.kit.http.answers import Headers, ReadyResponse
from bazar.kit.http.coding import takes_gzip
from bazar.kit.http.request import Request
from bazar.kit.web.answers import FOR_EVER, SECURITY

_NAME = re.compile(r"([a-z][a-z0-9-]*)\.([0-9a-f]{10})\.([a-z0-9]+)")
_FINGERPRINT_BYTES = 5
_SPARE = re.compile(rb"/\*.*?\*/|\n\s*", re.DOTALL)
"""What a style sheet does without: comments, and spaces at the beginning of a line."""


class _File(NamedTuple):
    plain: bytes
    packed: bytes
    fingerprint: str
    media_type: str


class Static:
    """The static files of a package, in memory."""

    def __init__(self, package: str) -> None:
        """Read `package/static`."""
        self._files = {
            file.name: _read(file.name, file.read_bytes())
            for file in files(package).joinpath("static").iterdir()
            if file.is_file() and not file.name.startswith((".", "__"))
        }
        together = "".join(one.fingerprint for _, one in sorted(self._files.items()))
        self.build = blake2b(together.encode(), digest_size=_FINGERPRINT_BYTES).hexdigest()
        """A fingerprint of them all."""

    def address(self, name: str) -> str:
        """Return the path of a file such as `shop.css`."""
        stem, _, end = name.rpartition(".")
        return f"/static/{stem}.{self._files[name].fingerprint}.{end}"

    def answer(self, request: Request, name: str) -> Response:
        """Answer a file of this or another build.

        Raises:
            RouteNotFound: definite; there is no such file.
        """
        found = _NAME.fullmatch(name)
        file = self._files.get(f"{found[1]}.{found[3]}") if found else None
        if found is None or file is None:
            message = f"there is nothing at /static/{name[:100]}"
            raise RouteNotFound(message)
        current = found[2] == file.fingerprint
        body = file.packed if takes_gzip(request) else file.plain
        headers: Headers = [
            (b"content-type", file.media_type.encode()),
            (b"cache-control", FOR_EVER.encode() if current else b"no-cache"),
            (b"content-length", b"%d" % len(body)),
            (b"vary", b"Accept-Encoding"),
        ]
        if body is file.packed:
            headers.append((b"content-encoding", b"gzip"))
        return ReadyResponse(body, 200, headers + SECURITY)


def _read(name: str, plain: bytes) -> _File:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    if name.endswith(".css"):
        plain = _SPARE.sub(b"", plain)
    fingerprint = blake2b(plain, digest_size=_FINGERPRINT_BYTES).hexdigest()
    return _File(plain, gzip.compress(plain, 9, mtime=0), fingerprint, kind)
