"""Cookies are signed, each for its own name, and marked as the site needs it."""

from time import time

import pytest
from itsdangerous import TimestampSigner

from bazar.kit.web.cookies import Cookies
from support.pages import asked

PLAIN = Cookies("a secret of the tests", secure=False)
SECURE = Cookies("a secret of the tests", secure=True)


def given(cookies: Cookies, name: str, value: object) -> str:
    """Return a cookie as a browser sends it back."""
    return cookies.header(name, value, 60)[1].decode().partition(";")[0]


def test_a_cookie_comes_back_as_it_was_given() -> None:
    """Whatever letters it holds."""
    cookie = given(PLAIN, "notice", ["كتاب", 'a"b;c'])
    assert ["كتاب", 'a"b;c'] == PLAIN.value(asked(headers={"cookie": cookie}), "notice", list, 60)


@pytest.mark.parametrize("change", [lambda text: text[:-1] + "!", lambda text: "a" + text])
def test_a_changed_cookie_counts_for_nothing(change) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Its signature does not fit."""
    name, _, value = given(PLAIN, "basket", [1]).partition("=")
    request = asked(headers={"cookie": f"{name}={change(value)}"})
    assert None is PLAIN.value(request, "basket", list, 60)


def test_a_cookie_under_another_name_counts_for_nothing() -> None:
    """Each name signs with a salt of its own."""
    _name, _, value = given(PLAIN, "notice", [1]).partition("=")
    assert None is PLAIN.value(asked(headers={"cookie": f"basket={value}"}), "basket", list, 60)


def test_a_cookie_of_another_secret_counts_for_nothing() -> None:
    """A front with another secret is another shop."""
    other = Cookies("another secret of the tests", secure=False)
    request = asked(headers={"cookie": given(other, "basket", [1])})
    assert None is PLAIN.value(request, "basket", list, 60)


def test_a_cookie_that_is_too_old_counts_for_nothing() -> None:
    """Its age is signed with it."""
    request = asked(headers={"cookie": given(PLAIN, "basket", [1])})
    assert None is PLAIN.value(request, "basket", list, -1)


def test_a_cookie_of_another_shape_counts_for_nothing() -> None:
    """One of an older build is not read as something else."""
    request = asked(headers={"cookie": given(PLAIN, "basket", {"a": 1})})
    assert None is PLAIN.value(request, "basket", list, 60)


def test_over_http_a_cookie_has_its_plain_name() -> None:
    """No script reads it, and no other site has it sent."""
    _, value = PLAIN.header("basket", [], 60)
    assert value.startswith(b"basket=")
    assert value.endswith(b"; Max-Age=60; Path=/; HttpOnly; SameSite=Lax")


def test_over_https_no_other_host_can_set_it() -> None:
    """That is what the prefix means."""
    _, value = SECURE.header("basket", [], 60)
    assert value.startswith(b"__Host-basket=")
    assert value.endswith(b"; SameSite=Lax; Secure")
    cookie = given(SECURE, "basket", [1])
    assert [1] == SECURE.value(asked(headers={"cookie": cookie}), "basket", list, 60)
    assert SECURE.gone("basket")[1].startswith(b"__Host-basket=; Max-Age=0")


@pytest.mark.parametrize(("ahead_s", "expected"), [(3600, [1]), (-30, [1]), (-61, None)])
def test_the_clock_of_another_front_may_be_ahead(
    ahead_s: int, expected: list[int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cookie from the future is as good as another; an old one is over."""
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _self: int(time()) + ahead_s)
    cookie = given(PLAIN, "basket", [1])
    assert expected == PLAIN.value(asked(headers={"cookie": cookie}), "basket", list, 60)
