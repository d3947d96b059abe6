"""A page that is put together from packed pieces is one proper answer."""

import gzip

from hypothesis import given
from hypothesis import strategies as st

from bazar.kit.web.answers import gzipped, page, piece, small_piece
from support.pages import asked

TEXTS = st.text(max_size=300)


@given(st.lists(st.tuples(st.booleans(), TEXTS), max_size=6))
def test_pieces_unpack_to_their_texts(texts: list[tuple[bool, str]]) -> None:
    """In their order, whichever are packed well and whichever are not."""
    pieces = [small_piece(text) if small else piece(text) for small, text in texts]
    whole = "".join(text for _small, text in texts).encode()
    assert whole == gzip.decompress(gzipped(pieces))
    assert whole == b"".join(one.plain for one in pieces)


def test_a_page_is_packed_only_for_who_takes_that() -> None:
    """And says so, and by what it differs."""
    pieces = [piece("<p>" * 1000)]
    packed = page(asked(headers={"accept-encoding": "gzip, br"}), pieces)
    plain = page(asked(), pieces)
    assert gzip.decompress(bytes(packed.body)) == bytes(plain.body)
    assert "gzip" == packed.headers["content-encoding"]
    assert "content-encoding" not in plain.headers
    assert "Cookie, Accept-Encoding" == packed.headers["vary"] == plain.headers["vary"]
    assert str(len(packed.body)) == packed.headers["content-length"]


def test_a_page_has_the_headers_that_keep_it_safe() -> None:
    """Exactly these."""
    headers = page(asked(), []).headers
    expected = {
        "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
        "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'; manifest-src 'self'",
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
        "cache-control": "private, no-cache",
    }
    assert expected == {name: headers[name] for name in expected}
