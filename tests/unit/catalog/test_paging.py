"""Page cursors come back as they went, whatever somebody sends."""

import base64
import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bazar.catalog.paging import (
    SearchPlace,
    decode_id,
    decode_place,
    decode_search_place,
    encode_place,
    encode_search_place,
)
from bazar.kit.errors import InvalidRequest


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 2**63 - 1))
@settings(max_examples=100, deadline=None)
def test_a_cursor_comes_back_as_it_went(score: float, book_id: int) -> None:
    """To the last bit, in characters that may stand in an address as they are."""
    cursor = encode_place(score, book_id)
    assert len(cursor) <= 200
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert (score, book_id) == decode_place(cursor)


@given(
    st.one_of(st.none(), st.integers(0, 2**63 - 1)),
    st.integers(-(10**9), 10),
    st.integers(1, 2**63 - 1),
)
@settings(max_examples=100, deadline=None)
def test_a_cursor_of_a_search_comes_back_as_it_went(
    until: int | None, key: int, book_id: int
) -> None:
    """By score or by tier; a tier is no negative number."""
    place = SearchPlace(until, key if until is not None else abs(key), book_id)
    assert place == decode_search_place(encode_search_place(place))


@pytest.mark.parametrize(
    "text", ["", "1:2", ":-1:5", "1:2:-3", "x:1:1", "1::1", "1:None:4", f"{2**63}:1:1", ":1:1:1"]
)
def test_garbage_is_no_cursor_of_a_search(text: str) -> None:
    """Nor is a cursor of another list."""
    for cursor in (_cursor(text), text + "%"):
        with pytest.raises(InvalidRequest, match="not a cursor of ours"):
            decode_search_place(cursor)


def _cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@given(
    st.one_of(
        st.text(max_size=200),
        st.binary(max_size=100).map(lambda data: base64.urlsafe_b64encode(data).decode()),
        st.text(max_size=40).map(_cursor),
        st.tuples(st.floats(), st.integers()).map(lambda pair: _cursor(f"{pair[0]}:{pair[1]}")),
    )
)
@example(_cursor("nan:1"))
@example(_cursor("inf:1"))
@example(_cursor("1.0:99999999999999999999"))
@example(_cursor("1.0:-1"))
@example(_cursor("1_0:1_0"))
@example(_cursor("1.0:" + "9" * 140))
@settings(max_examples=200, deadline=None)
def test_garbage_is_no_cursor(garbage: str) -> None:
    """It is refused, or holds a score and a book id that the database can compare."""
    try:
        score, book_id = decode_place(garbage)
    except InvalidRequest:
        return
    assert math.isfinite(score)
    assert 0 <= book_id < 2**63


@pytest.mark.parametrize("cursor", ["", None, "0"])
def test_a_list_without_a_cursor_begins_at_its_beginning(cursor: str | None) -> None:
    """Every book has an id above 0."""
    assert 0 == decode_id(cursor)


@pytest.mark.parametrize("cursor", ["-1", "1.0", "x", " 1", "+1", "1_0", "٣", "9" * 19])
def test_what_is_no_number_of_ours_is_no_cursor(cursor: str) -> None:
    """Only digits, and no more of them than a book id can have."""
    with pytest.raises(InvalidRequest, match="not a cursor of ours"):
        decode_id(cursor)
    assert 10**18 - 1 == decode_id("9" * 18)
