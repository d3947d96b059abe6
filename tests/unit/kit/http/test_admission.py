"""What a request must be before anything of it is looked at."""

from collections.abc import MutableMapping, Sequence
from typing import Any

import pytest

from bazar.kit.errors import BazarError, InvalidRequest
from bazar.kit.http.admission import (
    Admission,
    CodingNotImplemented,
    CrossSite,
    InvalidFraming,
    InvalidHost,
    UnsupportedMediaType,
    WrongHost,
    check_media_type,
)
from bazar.kit.http.request import Request

Pairs = Sequence[tuple[str, str]]
ANYWHERE = Admission()
AT_HOME = Admission(loopback=True, public_hosts=["shop.example", " Other.Example. ", ""])


def made(method: str, *headers: tuple[str, str], version: str = "1.1") -> Request:
    """Return a request with these headers."""

    async def never(*_given: object) -> MutableMapping[str, Any]:
        raise NotImplementedError

    scope = {
        "type": "http",
        "http_version": version,
        "method": method,
        "path": "/",
        "query_string": b"",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }
    return Request(scope, never, never)


def verdict(rules: Admission, request: Request) -> type[BazarError] | None:
    """Return which error a request meets, if any."""
    try:
        rules.check(request)
    except BazarError as error:
        return type(error)
    return None


LENGTH, CHUNKED = ("content-length", "2"), ("transfer-encoding", "chunked")


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ([], None),
        ([LENGTH], None),
        ([LENGTH, ("x-a", "1"), ("x-a", "2")], None),
        ([LENGTH, CHUNKED], InvalidFraming),
        ([CHUNKED, LENGTH], InvalidFraming),
        ([CHUNKED], InvalidFraming),
        ([("transfer-encoding", " Chunked\t")], InvalidFraming),
        ([LENGTH, LENGTH], InvalidFraming),
        ([LENGTH, ("content-length", "3")], InvalidFraming),
        ([("transfer-encoding", "gzip, chunked")], CodingNotImplemented),
        ([("transfer-encoding", "gzip"), CHUNKED], CodingNotImplemented),
        ([CHUNKED, CHUNKED], CodingNotImplemented),
        ([("transfer-encoding", "identity"), LENGTH], CodingNotImplemented),
        ([("transfer-encoding", "chunked;q=1")], CodingNotImplemented),
        ([("transfer-encoding", ",chunked")], CodingNotImplemented),
        ([("transfer-encoding", "")], CodingNotImplemented),
        ([("origin", "http://a"), ("origin", "http://a"), ("host", "a")], InvalidRequest),
        ([("content-type", "application/json"), ("content-type", "text/plain")], InvalidRequest),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "BREW"])
def test_a_request_has_one_end(method: str, headers: Pairs, error: type[BazarError] | None) -> None:
    """Whatever the method, known or not; the connection is closed where another may hide."""
    assert error is verdict(ANYWHERE, made(method, *headers))
    if error in {InvalidFraming, CodingNotImplemented}:
        assert error.definite
        assert (b"connection", b"close") in error.headers


@pytest.mark.parametrize(
    ("host", "anywhere", "at_home"),
    [
        ("localhost", None, None),
        ("LocalHost.:5000", None, None),
        ("shop.localhost", None, None),
        ("127.0.0.1:5000", None, None),
        ("127.1.2.3", None, None),
        ("[::1]:5000", None, None),
        ("bazar", None, None),
        ("shop.example", None, None),
        ("SHOP.example.:443", None, None),
        ("other.example", None, None),
        ("evil.example", None, WrongHost),
        ("localhost.evil.example", None, WrongHost),
        ("127.0.0.1.evil.example", None, WrongHost),
        ("shop.example.evil.example", None, WrongHost),
        ("evil-shop.example", None, WrongHost),
        ("192.168.1.5:5000", None, WrongHost),
        ("0.0.0.0:5000", None, WrongHost),
        ("[::]", None, WrongHost),
        ("[2001:db8::1]:80", None, WrongHost),
        ("", InvalidHost, InvalidHost),
        (":80", InvalidHost, InvalidHost),
        ("a, b", InvalidHost, InvalidHost),
        ("a b", InvalidHost, InvalidHost),
        ("[", InvalidHost, InvalidHost),
        ("a@b", InvalidHost, InvalidHost),
        ("a/b", InvalidHost, InvalidHost),
        ("a:80:80", InvalidHost, InvalidHost),
        ("a:x", InvalidHost, InvalidHost),
        ("a:65536", InvalidHost, InvalidHost),
        ("a..b", InvalidHost, InvalidHost),
        ("[::::]", InvalidHost, InvalidHost),
        ("[1.2.3.4]", InvalidHost, InvalidHost),
        ("\xff", InvalidHost, InvalidHost),
    ],
)
def test_a_request_is_for_a_host_that_this_is(
    host: str, anywhere: type[BazarError] | None, at_home: type[BazarError] | None
) -> None:
    """On the loopback address: no name that a stranger can own, but those that were given."""
    for rules, error in ((ANYWHERE, anywhere), (AT_HOME, at_home), (AT_HOME, at_home)):
        assert error is verdict(rules, made("GET", ("host", host)))


def test_two_hosts_are_none_and_only_the_old_protocol_may_leave_it_out() -> None:
    """Equal ones too, in any version; the server makes an empty one of none."""
    for version in ("1", "1.1"):
        for other in ("a", "b"):
            twice = made("GET", ("host", "a"), ("host", other), version=version)
            assert InvalidHost is verdict(ANYWHERE, twice)
    assert None is verdict(ANYWHERE, made("GET", ("host", ""), version="1"))
    assert None is verdict(AT_HOME, made("GET", ("host", ""), version="1"))


HOME = "127.0.0.1:5000"


@pytest.mark.parametrize(
    ("site", "origin", "host", "allowed"),
    [
        (None, None, HOME, True),
        ("same-origin", None, HOME, True),
        ("none", None, HOME, True),
        ("same-origin", f"http://{HOME}", HOME, True),
        ("same-site", f"http://{HOME}", HOME, True),
        (None, f"http://{HOME}", HOME, True),
        (None, "https://shop", "shop", True),
        (None, "https://shop", "shop:443", True),
        (None, "http://SHOP.", "shop:80", True),
        (None, "http://[::1]:5000", "[::1]:5000", True),
        (None, "https://shop.example", HOME, True),
        ("same-origin", "https://shop.example:8443", HOME, True),
        ("cross-site", None, HOME, False),
        ("cross-site", f"http://{HOME}", HOME, False),
        ("same-site", None, HOME, False),
        ("same-site", "http://127.0.0.1:6000", HOME, False),
        ("Cross-Site", None, HOME, False),
        ("unheard-of", None, HOME, False),
        ("same-origin", "https://evil.example", HOME, False),
        (None, "null", HOME, False),
        (None, "", HOME, False),
        (None, "https://evil.example", HOME, False),
        (None, "https://evil.shop.example", HOME, False),
        (None, "http://127.0.0.1", HOME, False),
        (None, "https://shop", "shop:80", False),
        (None, f"ftp://{HOME}", HOME, False),
        (None, f"http://{HOME}/", HOME, False),
        (None, f"http://evil@{HOME}", HOME, False),
        (None, f"http://{HOME}@evil.example", HOME, False),
        (None, f"http://{HOME}, http://{HOME}", HOME, False),
        (None, "http://[", HOME, False),
        (None, "http://", HOME, False),
        (None, HOME, HOME, False),
    ],
)
def test_a_page_of_another_site_changes_nothing(
    site: str | None, origin: str | None, host: str, *, allowed: bool
) -> None:
    """Whichever of the two headers tells it; to read is another matter."""
    given = {"host": host, "sec-fetch-site": site, "origin": origin}
    headers = [(name, value) for name, value in given.items() if value is not None]
    for method in ("POST", "PUT", "PATCH", "DELETE", "BREW"):
        found = verdict(AT_HOME, made(method, *headers))
        assert (None if allowed else CrossSite) is found, (method, headers)
    for method in ("GET", "HEAD", "OPTIONS"):
        assert None is verdict(AT_HOME, made(method, *headers))


def test_an_origin_without_a_host_is_nobodys() -> None:
    """There is nothing that it could be equal to."""
    assert CrossSite is verdict(ANYWHERE, made("POST", ("origin", "http://a")))


@pytest.mark.parametrize(
    ("kind", "allowed"),
    [
        (None, True),
        ("", True),
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("application/merge-patch+json", True),
        ("text/plain", False),
        ("text/plain; application/json", False),
        ("text/json", False),
        ("application/jsonp", False),
        ("application/x+json+xml", False),
        ("multipart/form-data; boundary=x", False),
        ("application/octet-stream", False),
        ("*/*", False),
        ("application/json, text/plain", False),
    ],
)
def test_a_body_is_json_where_it_is_said_to_be_something(
    kind: str | None, *, allowed: bool
) -> None:
    """What a page may send without asking first is refused; so is all else that is not JSON."""
    request = made("POST", *([] if kind is None else [("content-type", kind)]))
    if allowed:
        check_media_type(request)
        return
    with pytest.raises(UnsupportedMediaType, match="not application/json"):
        check_media_type(request)


@pytest.mark.parametrize("coding", ["gzip", "identity, gzip", "br", "GZIP"])
def test_a_packed_body_is_refused(coding: str) -> None:
    """It would only look like broken JSON; the answer says what is taken."""
    check_media_type(made("POST", ("content-encoding", "Identity")))
    with pytest.raises(UnsupportedMediaType, match="packed") as refused:
        check_media_type(made("POST", ("content-encoding", coding)))
    assert (b"accept-encoding", b"identity") in refused.value.headers


def test_an_invited_page_may_change_something() -> None:
    """Who it is was found out before; where the request ends and for whom it is still counts."""
    foreign = made("POST", ("host", "localhost"), ("origin", "http://a"))
    assert CrossSite is verdict(AT_HOME, foreign)
    AT_HOME.check(foreign, invited=True)
    with pytest.raises(WrongHost):
        AT_HOME.check(made("POST", ("host", "evil.example")), invited=True)


def test_a_form_is_taken_for_json_only_where_no_browser_sends_it() -> None:
    """`curl -d` calls everything a form; a browser says where it is."""
    form = ("content-type", "application/x-www-form-urlencoded; charset=utf-8")
    check_media_type(made("POST", form))
    for header in (("origin", "http://a"), ("sec-fetch-site", "same-origin")):
        with pytest.raises(UnsupportedMediaType):
            check_media_type(made("POST", form, header))
