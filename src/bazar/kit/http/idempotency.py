"""The Idempotency-Key header.

Source: draft-ietf-httpapi-idempotency-key-header, section 2.1
"""

import re
from collections.abc import Sequence

from bazar.kit.errors import InvalidRequest
from bazar.kit.identity import new_key

KEY_HEADER = "idempotency-key"
KEY_LENGTH_MAX = 255
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_ESCAPED = re.compile(r'\\(["\\])')
_BARE = re.compile(r"[!#-~]+")


class InvalidKey(InvalidRequest):
    """The Idempotency-Key header is not valid."""

    code = "invalid-idempotency-key"
    title = "The Idempotency-Key is not valid"
    hint = 'Send one header such as Idempotency-Key: "8e03978e-40d5-43dd-bc93-6894a57f9324".'


def format_key(key: str) -> str:
    """Return the header that holds a key."""
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def key_header(key: str) -> tuple[bytes, bytes]:
    """Return the header that tells a key in an answer."""
    return KEY_HEADER.encode("ascii"), format_key(key).encode("latin-1")


def given_or_new_key(headers: Sequence[str]) -> str:
    """Return the key that a request gives, or a new one where it gives none.

    Raises:
        InvalidKey: definite.
    """
    return parse_key(headers) if headers else new_key()


def parse_key(headers: Sequence[str]) -> str:
    """Return the key that the Idempotency-Key headers of a request hold.

    A quoted string, as the standard says, or the bare text between the quotes.

    Raises:
        InvalidKey: definite; missing, several, malformed, empty, or longer than 255.
    """
    if len(headers) != 1:
        message = f"the request has {len(headers)} Idempotency-Key headers, not one"
        raise InvalidKey(message)
    text = headers[0].strip(" \t")
    quoted = _QUOTED.fullmatch(text)
    if quoted:
        key = quoted[1]
        if "\\" in key:
            key = _ESCAPED.sub(r"\1", key)
    elif _BARE.fullmatch(text):
        key = text
    else:
        message = "the key is not a quoted string of visible characters"
        raise InvalidKey(message)
    if not 1 <= len(key) <= KEY_LENGTH_MAX:
        message = f"the key has {len(key)} characters, not 1 to {KEY_LENGTH_MAX}"
        raise InvalidKey(message)
    return key
