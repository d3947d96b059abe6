"""Who wants to be told when a book is back: what is kept of them. Pure rules, no I/O."""

import hmac
from hashlib import blake2b

from msgspec import Struct

from bazar.order.buyers import same_person
from bazar.wire.orders import Language
from bazar.wire.wishes import STOP_KEY_LENGTH, WISH_DAYS_MAX

WISHES_OF_ADDRESS_MAX = 20
"""Of books, for one e-mail address."""
WISHES_MAX = 100_000
"""Of all addresses."""
_DAY_MS = 24 * 3600 * 1000
_NAME_BYTES = 16


class Wish(Struct, frozen=True):
    """An address to write to, once, when a book is back."""

    wish_id: int
    """0 until the database has chosen one."""
    book_id: int
    email: str
    stop_key: str
    language: Language
    asked_at_ms: int

    @property
    def email_key(self) -> str:
        """Return the address as it is compared."""
        return same_person(self.email)


def stop_key(secret: str, email: str) -> str:
    """Return what stands for an address in the links of letters.

    It is made from the address and the secret of the shop, so it still ends what there is when the
    wish that the letter was about is gone; and it does not give the address away.
    """
    name = blake2b(same_person(email).encode(), digest_size=_NAME_BYTES).digest()
    return hmac.new(b"wishes " + secret.encode(), name, "sha256").hexdigest()[:STOP_KEY_LENGTH]


def too_old_ms(now_ms: int) -> int:
    """Return the time before which wishes were asked for that have ended by now."""
    return now_ms - WISH_DAYS_MAX * _DAY_MS
