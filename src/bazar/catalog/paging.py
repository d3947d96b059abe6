"""Page cursors: from the text of a request to what a store can compare."""

import base64
import binascii
import math

from bazar.kit.errors import InvalidRequest

_ID_DIGITS_MAX = 18
"""Any number of so many digits is a number of 63 bits."""


def decode_id(cursor: str | None) -> int:
    """Return the book id that a cursor of a list in order of id holds, 0 where there is none.

    Raises:
        InvalidRequest: it is not one of ours.
    """
    cursor = cursor or "0"
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= _ID_DIGITS_MAX):
        raise _bad(cursor)
    return int(cursor)


def encode_match(score: float, book_id: int) -> str:
    """Return the cursor that continues after this match."""
    return base64.urlsafe_b64encode(f"{score!r}:{book_id}".encode()).decode().rstrip("=")


def decode_match(cursor: str) -> tuple[float, int]:
    """Return the score and book id that a cursor of a search by words holds.

    Raises:
        InvalidRequest: it is not one of ours.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        score, _, book_id = base64.b64decode(padded, b"-_", validate=True).decode().partition(":")
        found = float(score), int(book_id)
    except (ValueError, binascii.Error):
        raise _bad(cursor) from None
    if not math.isfinite(found[0]) or not 0 <= found[1] < 2**63:
        raise _bad(cursor)
    return found


def _bad(cursor: str) -> InvalidRequest:
    message = f"after={cursor[:40]!r} is not a cursor of ours; follow the Link header"
    return InvalidRequest(message, member="after")
