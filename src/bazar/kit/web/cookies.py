"""Signed cookies: what a browser keeps for us, and cannot change.

`HttpOnly`, `SameSite=Lax` and for the whole site; over https `Secure` and with the prefix
`__Host-`, so no other host of the domain can set them. Each cookie has a salt of its own.

Source: RFC 6265bis, sections 4.1.2 and 4.1.3; itsdangerous
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
from itsdangerous import BadData, TimestampSigner

from bazar.kit.http.request import Request

_COOKIE_BYTES_MAX = 4000
_SALT = "bazar cookie "
T = TypeVar("T")
Header = tuple[bytes, bytes]


class Cookies:
    """Reads and makes the cookies of a site."""

    def __init__(self, secret: str, *, secure: bool) -> None:
        """Sign with a key derived from this secret.

        Args:
            secret: of the service; each cookie's key is derived from it.
            secure: whether the site is reached over https alone.
        """
        self._secret = secret
        self._secure = secure
        self._signers: dict[str, TimestampSigner] = {}

    def value(self, request: Request, name: str, kind: type[T], age_s_max: int) -> T | None:
        """Return what a cookie holds, or None where it is not there, not ours, or too old.

        One that seems to come from the future is as good: another front's clock is ahead of ours,
        or ours was put back.
        """
        given = request.cookies.get(self._full_name(name))
        if not given:
            return None
        try:
            signed, signed_at = self._signer(name).unsign(given, return_timestamp=True)
            if (datetime.now(UTC) - signed_at).total_seconds() > age_s_max:
                return None
            return msgspec.json.decode(_unquoted(signed), type=kind)
        except (BadData, msgspec.DecodeError, ValueError):
            return None

    def header(self, name: str, value: object, age_s_max: int) -> Header:
        """Return the header that gives a browser a cookie.

        Args:
            name: of the cookie.
            value: what msgspec can encode, under 3 kB.
            age_s_max: how long it is kept, seconds.
        """
        signed = self._signer(name).sign(_quoted(msgspec.json.encode(value)))
        assert len(signed) < _COOKIE_BYTES_MAX
        return self._set(name, signed, age_s_max)

    def gone(self, name: str) -> Header:
        """Return the header that takes a cookie away."""
        return self._set(name, b"", 0)

    def _set(self, name: str, value: bytes, age_s_max: int) -> Header:
        rules = f"; Max-Age={age_s_max}; Path=/; HttpOnly; SameSite=Lax"
        if self._secure:
            rules += "; Secure"
        return b"set-cookie", f"{self._full_name(name)}=".encode() + value + rules.encode()

    def _full_name(self, name: str) -> str:
        return f"__Host-{name}" if self._secure else name

    def _signer(self, name: str) -> TimestampSigner:
        signer = self._signers.get(name)
        if signer is None:
            signer = TimestampSigner(self._secret, salt=_SALT + name)
            self._signers[name] = signer
        return signer


def _quoted(value: bytes) -> bytes:
    """Return bytes as characters that a cookie may hold. Source: RFC 6265, section 4.1.1."""
    return urlsafe_b64encode(value).rstrip(b"=")


def _unquoted(value: bytes) -> bytes:
    return urlsafe_b64decode(value + b"=" * (-len(value) % 4))
