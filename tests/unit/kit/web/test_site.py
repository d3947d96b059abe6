"""A post of a page comes from a page of the site, or is refused."""

import pytest

from bazar.kit.web.site import ForeignForm, Site
from support.pages import asked

OWN = "https://shop.example"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "same-origin", "origin": OWN},
        {"origin": OWN},
    ],
)
def test_a_post_of_an_own_page_is_let_in(headers: dict[str, str]) -> None:
    """The browser says so, in either of two ways."""
    Site(OWN).check_post(asked(headers=headers, method="POST"))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "cross-site", "origin": OWN},
        {"origin": "https://evil.example"},
        {"origin": "http://shop.example"},
        {"origin": "https://shop.example:8443"},
        {"origin": "null"},
        {"origin": ""},
    ],
)
def test_any_other_post_is_refused(headers: dict[str, str]) -> None:
    """Also where nothing says whence it came."""
    with pytest.raises(ForeignForm):
        Site(OWN).check_post(asked(headers=headers, method="POST"))


def test_without_a_public_address_the_host_that_was_asked_for_counts() -> None:
    """So a shop on this machine works by any of its names."""
    site = Site()
    own = {"host": "localhost:5000", "origin": "http://localhost:5000"}
    site.check_post(asked(headers=own, method="POST"))
    with pytest.raises(ForeignForm):
        site.check_post(asked(headers=own | {"origin": "http://localhost:6000"}, method="POST"))
    assert "http://localhost:5000" == site.seen_by(asked(headers=own))
    assert OWN == Site(f"{OWN}/").seen_by(asked(headers=own))
