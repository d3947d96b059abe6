"""The steps of a purchase as log lines, one each, at the level `debug`.

Whoever takes a step asks `steps.on` first, so that it costs nothing where nobody watches. A line
names what it is about by `request_id`, `call` (the call between two services that carries it),
`order` and `key`; by these `bazar trace` puts the lines of all services together.

No line holds a secret. The id of an order opens its page, and a key gets the order's id from
whoever has it: so an order goes by the beginning and the end of its id, which a log tells anyway,
and a key by a digest under the secret of the shop.

Source: docs/decisions/0047-a-purchase-can-be-watched.md
"""

import re
from collections.abc import Iterable
from hashlib import blake2b
from secrets import token_bytes
from socket import gethostname

from bazar.kit import log
from bazar.kit.identity import PROCESS

_ORDER_START = 10
"""Letters of an order id: the time at which it was made."""
_ORDER_END = 6
"""Its reference, which people read out; what lies between has 50 random bits."""
_LETTER = "[0-9a-hjkmnp-tv-z]"
_ORDER_ID = re.compile(
    rf"(?<![0-9A-Za-z])({_LETTER}{{10}}){_LETTER}{{10}}({_LETTER}{{6}})(?![0-9A-Za-z])"
)
_KEY_BYTES_MAX = 64
_DIGEST_BYTES = 6
LINES_SHOWN_MAX = 10
_EVERY_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104  to tell it from others


class Steps:
    """Writes steps, where somebody watches."""

    __slots__ = ("_secret", "on")

    def __init__(self) -> None:
        """Write none, until `watch`."""
        self.on = False
        self._secret = token_bytes(_KEY_BYTES_MAX)

    def watch(self, secret: str, *, on: bool = True) -> None:
        """Write steps from now on; keys go by what only those know who have the secret."""
        digest = blake2b(secret.encode("utf-8", "surrogateescape"), person=b"bazar steps").digest()
        self._secret, self.on = digest, on

    def write(
        self,
        step: str,
        *,
        request_id: str = "",
        call: str = "",
        order_id: str = "",
        key: str = "",
        **facts: object,
    ) -> None:
        """Write a step; one that is empty of a fact does not name it.

        Args:
            step: a name of the table in `wire/steps.py`.
            request_id: of the request that the purchase came with.
            call: id of the call between services that carries it.
            order_id: is written as its name alone.
            key: is written as a digest alone.
            facts: what else is to be said, and may stand in a log.
        """
        about = {
            "request_id": request_id,
            "call": call,
            "order": order_name(order_id),
            "key": key and self._digest(key),
        }
        said = {
            name: without_ids(value) if isinstance(value, str) else value
            for name, value in (about | facts).items()
            if value not in {"", None}
        }
        log.step_line({"step": step} | said)

    def _digest(self, key: str) -> str:
        return blake2b(
            key.encode("utf-8", "surrogateescape"), key=self._secret, digest_size=_DIGEST_BYTES
        ).hexdigest()


steps = Steps()
"""Those of this process."""


def process_name(host: str, port: int) -> str:
    """Return what tells a process from all others: where it listens, and a word of its own.

    Who listens on every address is at the one of its host, which others in its place are not.
    """
    named = gethostname() if host in _EVERY_ADDRESS else host
    return f"{f'[{named}]' if ':' in named else named}:{port}#{PROCESS}"


def order_name(order_id: str) -> str:
    """Return what a log calls an order: enough to find its lines, not enough to open its page."""
    if len(order_id) <= _ORDER_START + _ORDER_END:  # none of ours; somebody made it up
        return order_id
    return f"{order_id[:_ORDER_START]}-{order_id[-_ORDER_END:]}"


def without_ids(text: str) -> str:
    """Return a text, such as a path or a reason, in which orders go by their names."""
    return _ORDER_ID.sub(r"\1-\2", text)


def order_names(order_ids: Iterable[str]) -> str:
    """Return the names of some orders, with commas between them."""
    return ",".join(map(order_name, order_ids))


def lines_text(lines: Iterable[tuple[int, int]]) -> str:
    """Return copies and books of an order as one word, such as `2x17,1x3`, the first ten lines."""
    shown = [f"{copies}x{book_id}" for book_id, copies in lines]
    more = [f"and-{len(shown) - LINES_SHOWN_MAX}-more"] if len(shown) > LINES_SHOWN_MAX else []
    return ",".join(shown[:LINES_SHOWN_MAX] + more)
