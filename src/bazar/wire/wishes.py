"""Who wants to be told when a book is back, as the front says it to the order service."""

from typing import Annotated

from msgspec import Meta, Struct

from bazar.wire.limits import EMAIL_LENGTH_MAX, BookId
from bazar.wire.orders import Language

WISH_DAYS_MAX = 180
"""After which a wish ends, if the book has not come back."""
STOP_KEY_LENGTH = 32
StopKey = Annotated[str, Meta(pattern=f"^[0-9a-f]{{{STOP_KEY_LENGTH}}}$")]
"""Stands for an address in the links of letters."""
Email = Annotated[str, Meta(min_length=3, max_length=EMAIL_LENGTH_MAX)]


class MailState(Struct, frozen=True):
    """Whether the shop sends mail."""

    on: bool


class WishRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Write to this address, once, when this book is back."""

    book_id: BookId
    email: Email
    language: Language = "en"


class StopWishes(Struct, frozen=True, forbid_unknown_fields=True):
    """Forget every wish of an address, as a link in a letter names it."""

    stop_key: StopKey


class ForgetWishes(Struct, frozen=True, forbid_unknown_fields=True):
    """Forget every wish of an address."""

    email: Email


class WishesEnded(Struct, frozen=True):
    """How many wishes were forgotten."""

    wishes: int
