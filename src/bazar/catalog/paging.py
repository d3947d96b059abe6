"""Page cursors: from the text of a request to what a store can compare."""

import base64
import binascii
import math
from typing import NamedTuple

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


def encode_place(key: float | str, book_id: int) -> str:
    """Return the cursor that continues after a book, by its place in the order of its list."""
    return _encoded(f"{key}:{book_id}")


def decode_place(cursor: str) -> tuple[float, int]:
    """Return the place, which is a number, and the book id that a cursor holds.

    Raises:
        InvalidRequest: it is not one of ours.
    """
    key, book_id = decode_title_place(cursor)
    try:
        place = float(key)
    except ValueError:
        raise _bad(cursor) from None
    if not math.isfinite(place):
        raise _bad(cursor)
    return place, book_id


def decode_title_place(cursor: str) -> tuple[str, int]:
    """Return the beginning of a title and the book id that a cursor of a list by title holds.

    Raises:
        InvalidRequest: it is not one of ours.
    """
    try:
        key, _, number = _decoded(cursor).rpartition(":")
        book_id = int(number)
    except (ValueError, binascii.Error):
        raise _bad(cursor) from None
    if not 0 <= book_id < 2**63:
        raise _bad(cursor)
    return key, book_id


class SearchPlace(NamedTuple):
    """The place of a book among the matches of a search."""

    until: int | None
    """Up to which id the matches were few, and are put into an order by score; None for tiers."""
    key: int | None
    """Score, which comes negative, or number of the tier; None before the first book."""
    book_id: int


def encode_search_place(place: SearchPlace) -> str:
    """Return the cursor that continues a search after a book."""
    until = "" if place.until is None else place.until
    return _encoded(f"{until}:{place.key}:{place.book_id}")


def decode_search_place(cursor: str) -> SearchPlace:
    """Return the place that a cursor of a search holds.

    Raises:
        InvalidRequest: it is not one of ours.
    """
    try:
        until, key, book_id = _decoded(cursor).split(":")
        place = SearchPlace(int(until) if until else None, int(key), int(book_id))
    except (ValueError, binascii.Error):
        raise _bad(cursor) from None
    if not (0 <= (place.until or 0) < 2**63 and 0 <= place.book_id < 2**63):
        raise _bad(cursor)
    if place.until is None and int(key) < 0:
        raise _bad(cursor)
    return place


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decoded(cursor: str) -> str:
    padded = cursor + "=" * (-len(cursor) % 4)
    return base64.b64decode(padded, b"-_", validate=True).decode()


def _bad(cursor: str) -> InvalidRequest:
    message = f"after={cursor[:40]!r} is not a cursor of ours; follow the Link header"
    return InvalidRequest(message, member="after")
