"""Static files are kept for ever under their fingerprint, and small."""

import gzip

import pytest

from bazar.kit.errors import RouteNotFound
from bazar.kit.web.static import Static
from support.pages import asked

STATIC = Static("bazar.front.storefront")
STYLE_GZIP_BYTES_MAX = 7 * 1024
SCRIPT_GZIP_BYTES_MAX = 2 * 1024


def name_of(file: str) -> str:
    """Return the name under which a file is asked for."""
    return STATIC.address(file).removeprefix("/static/")


def test_a_file_of_this_build_is_kept_for_ever() -> None:
    """Its name changes when it does."""
    answer = STATIC.answer(asked(), name_of("shop.css"))
    assert "public, max-age=31536000, immutable" == answer.headers["cache-control"]
    assert "text/css; charset=utf-8" == answer.headers["content-type"]


def test_a_file_of_another_build_is_todays_and_asked_for_again() -> None:
    """So no page is without its style while fronts are renewed."""
    current = STATIC.answer(asked(), name_of("shop.css"))
    other = STATIC.answer(asked(), "shop.0123456789.css")
    assert bytes(current.body) == bytes(other.body)
    assert "no-cache" == other.headers["cache-control"]


@pytest.mark.parametrize(
    "name", ["shop.css", "shop.0123456789.js.css", "../app.0123456789.py", "nix.0123456789.css", ""]
)
def test_anything_else_is_not_there(name: str) -> None:
    """Only the files of the folder are, by their names alone."""
    with pytest.raises(RouteNotFound):
        STATIC.answer(asked(), name)


@pytest.mark.parametrize(
    ("file", "bytes_max"), [("shop.css", STYLE_GZIP_BYTES_MAX), ("shop.js", SCRIPT_GZIP_BYTES_MAX)]
)
def test_what_each_first_visit_costs_is_bounded(file: str, bytes_max: int) -> None:
    """On its way it is packed."""
    answer = STATIC.answer(asked(headers={"accept-encoding": "gzip"}), name_of(file))
    assert "gzip" == answer.headers["content-encoding"]
    assert len(answer.body) <= bytes_max
    assert bytes(STATIC.answer(asked(), name_of(file)).body) == gzip.decompress(answer.body)
