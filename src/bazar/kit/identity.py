"""Identifiers: of orders, which nobody can guess, and of requests, which need only differ."""

import secrets
from functools import lru_cache
from itertools import count
from os import urandom

from bazar.kit.clock import Clock, now_ms

ID_LENGTH = 26
"""Of an order id, in characters."""
ID_MAX = 2**53 - 1
"""Of a number that is an id: exact in every JSON reader, far from where SQLite's row ids end."""
REQUEST_ID_HEADER = b"x-request-id"
REQUEST_ID_LENGTH_MAX = 64

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_TIME_LETTERS = 10
_RANDOM_LETTERS = ID_LENGTH - _TIME_LETTERS
_LETTERS = (_ALPHABET * (256 // len(_ALPHABET))).encode()
"""For each byte a letter; each letter stands there eight times, so that all are as likely."""
PROCESS = secrets.token_hex(4)
"""Tells this process from all others, those at the same address before and after it too."""
_REQUESTS = count(1)


def new_id(clock: Clock = now_ms) -> str:
    """Return 26 characters: 48 bits of time, then 80 random bits.

    Ids made later sort later, to the millisecond and as well as clocks go, so that new rows land
    at the end of an index. The 80 random bits keep them unguessable.

    Source: docs/decisions/0007-order-ids.md
    """
    return _time(clock()) + urandom(_RANDOM_LETTERS).translate(_LETTERS).decode()


@lru_cache(maxsize=1)
def _time(ms: int) -> str:
    """Return a time as letters; kept, since many ids are made in one millisecond."""
    return "".join([_ALPHABET[ms >> shift & 31] for shift in range(45, -1, -5)])


def is_id(text: str) -> bool:
    """Tell whether a text has the form of an id."""
    return len(text) == ID_LENGTH and all(letter in _ALPHABET for letter in text)


def new_request_id() -> str:
    """Return an id that no other request of any process has; it is no secret."""
    return f"{PROCESS}-{next(_REQUESTS):x}"


def new_key() -> str:
    """Return an idempotency key with 128 random bits."""
    return secrets.token_urlsafe(16)
