"""What a request must be before anything of it is looked at: one end, one host, no foreign page.

How it works: the server (hyper) reads the head. It refuses what has two lengths or a coding without
`chunked` at its end. But it takes `Content-Length` beside `Transfer-Encoding`, shows us the second
alone, and closes the connection afterwards. Nobody here can tell such a request from one with
`Transfer-Encoding: chunked` alone, so both are refused: a body needs its length.

A browser sends what any page tells it to, also to a shop on its own machine or behind its firewall.
It cannot be told to lie about where the page is from: `Sec-Fetch-Site` and `Origin` say so. Nor
about the name that it asks for, which tells a page whose name was bound anew to this address.

Source: RFC 9112, sections 3.2, 6.1 and 6.3; Fetch Metadata Request Headers;
docs/decisions/0015-a-body-needs-its-length.md
"""

import re
from collections.abc import Iterable, Mapping, Sized
from functools import lru_cache
from ipaddress import IPv6Address
from urllib.parse import urlsplit

from bazar.kit.errors import BazarError, Headers, InvalidRequest
from bazar.kit.http.request import Request
from bazar.kit.signing import SAFE_METHODS

HOSTS_REMEMBERED_MAX = 256
_HOST = re.compile(r"(?P<name>[\w.-]*|\[[0-9a-fA-F:.]+\])(?::(?P<port>\d{0,5}))?", re.ASCII)
_LOOPBACK = re.compile(r"(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|\[::1\]|[^.\[]*", re.ASCII)
"""A name without a dot is one of this machine or its network: no stranger can own it."""
_OWN_SITES = frozenset({"", "same-origin", "none", "same-site"})
"""What a browser says, or one that is too old to say it, where the page may be one of ours."""
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_JSON = re.compile(r"application/(?:[\w.!#$&^-]+\+)?json", re.ASCII)
_PORT_MAX = 65535
_FORM = "application/x-www-form-urlencoded"
_JSON_SPACE = b" \t\r\n"
_JSON_BEGIN = (b"{", b"[")
"""Of every body that a route takes."""
_CLOSE: Headers = ((b"connection", b"close"),)


class InvalidFraming(InvalidRequest):
    """Where the request ends can be read in two ways."""

    code = "invalid-framing"
    title = "Where the request ends is not certain"
    hint = "Send a body with one Content-Length, and without Transfer-Encoding."
    headers: Headers = _CLOSE


class InvalidHost(InvalidRequest):
    """Whom the request is for can be read in two ways, or in none."""

    code = "invalid-host"
    title = "The Host header is not valid"
    hint = "Send one Host header with the name or the address that you ask."
    headers: Headers = _CLOSE


class CodingNotImplemented(BazarError):
    """The body has a transfer coding that is not known here."""

    code = "coding-not-implemented"
    status = 501
    title = "This transfer coding is not known here"
    hint = "Send the body as it is, with its Content-Length and without Transfer-Encoding."
    definite = True
    headers: Headers = _CLOSE


class WrongHost(BazarError):
    """The request is for another host than this one."""

    code = "wrong-host"
    status = 421
    title = "This host does not go by that name"
    hint = "Ask for localhost, or start the service with --public-host and the name of its proxy."
    definite = True


class CrossSite(BazarError):
    """A page of another site had its reader's browser send the request."""

    code = "cross-site"
    status = 403
    title = "Pages of other sites may not do this"
    hint = (
        "Ask from a page of the shop. Behind a proxy, start it with --public-host and its name; "
        "for a page of yours elsewhere, with --cors and its origin."
    )
    definite = True


class UnsupportedMediaType(BazarError):
    """The body is something else than JSON, or it is packed."""

    code = "unsupported-media-type"
    status = 415
    title = "The body is not JSON"
    hint = "Send JSON and say so: curl -H 'Content-Type: application/json' -d '{\"quantity\": 1}'."
    definite = True
    headers: Headers = ((b"accept", b"application/json"), (b"accept-encoding", b"identity"))


_TWICE: dict[bytes, type[InvalidRequest]] = {
    b"authorization": InvalidRequest,
    b"content-length": InvalidFraming,
    b"content-type": InvalidRequest,
    b"host": InvalidHost,
    b"origin": InvalidRequest,
    b"sec-fetch-site": InvalidRequest,
}
"""What a second one of is, where two readers would take two different requests for one."""


class Admission:
    """The rules of one service."""

    def __init__(self, *, loopback: bool = False, public_hosts: Iterable[str] = ()) -> None:
        """Name the hosts that the service is.

        Args:
            loopback: it listens where only this machine reaches it, so only names of this machine
                are its own, and the public ones.
            public_hosts: names by which a proxy before it is reached, without ports.
        """
        self._loopback = loopback
        self._public_hosts = frozenset(
            _plain(name.strip()) for name in public_hosts if name.strip()
        )
        self._refusal = lru_cache(HOSTS_REMEMBERED_MAX)(self._judge)

    def is_plain(self, given: Mapping[bytes, bytes], headers: Sized) -> bool:
        """Tell at once that a GET would be let in; where it is not sure, `check` is to say so.

        Args:
            given: its headers by name.
            headers: all of them.
        """
        host = given.get(b"host")
        return (
            len(given) == len(headers)
            and b"transfer-encoding" not in given
            and (host is None or self._refusal(host, True) is None)  # noqa: FBT003  cached by place
        )

    def check(self, request: Request, *, invited: bool = False) -> None:
        """Let a request in.

        Args:
            request: as it came.
            invited: it is from a page of another site that may do this.

        Raises:
            InvalidFraming: definite, as all of these; it has a Transfer-Encoding.
            CodingNotImplemented: the same, and it is another one than chunked.
            InvalidRequest: a header is there twice of which there is one.
            InvalidHost: whom it is for is not told, or not clear.
            WrongHost: the service does not go by this name.
            CrossSite: it would change something, and a page of another site sent it.
        """
        headers = request.raw_headers
        if len(headers) != len(request.scope["headers"]):
            _refuse_doubled(request)
        if b"transfer-encoding" in headers:
            _refuse_coding(request)
        host = headers.get(b"host")
        if host is not None:
            refusal = self._refusal(host, request.scope.get("http_version") == "1.1")
            if refusal is not None:
                raise refusal[0](refusal[1])
        if not invited and request.scope["method"] not in SAFE_METHODS:
            self._check_origin(request)

    def _judge(self, host: bytes, required: bool) -> tuple[type[BazarError], str] | None:  # noqa: FBT001
        """Return what is wrong with a Host header, if anything is."""
        found = _HOST.fullmatch(host.decode("latin-1"))
        if not found or not _can_be(found["name"], found["port"]):
            return InvalidHost, "the Host is no name and no address, with or without a port"
        name = _plain(found["name"])
        if not name:
            return (InvalidHost, "the request has no Host header") if required else None
        if self._loopback and not (_LOOPBACK.fullmatch(name) or name in self._public_hosts):
            return WrongHost, f"this service is on the loopback address, and not {name[:100]}"
        return None

    def _check_origin(self, request: Request) -> None:
        headers = request.raw_headers
        if b"origin" not in headers and b"sec-fetch-site" not in headers:
            return  # no browser
        site, origin = request.header(b"sec-fetch-site"), request.header(b"origin")
        if b"origin" in headers:
            own = self._is_own(origin, request.header(b"host"))
        else:
            own = site != "same-site"
        if own and site in _OWN_SITES:
            return
        message = f"the request comes from {(origin or site)[:100]}, which is not this shop"
        raise CrossSite(message)

    def _is_own(self, origin: str, host: str) -> bool:
        """Tell whether an origin is the host that was asked for, or a public name of it."""
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        asked = _HOST.fullmatch(host)
        own = _HOST.fullmatch(parts.netloc)
        default = _DEFAULT_PORTS.get(parts.scheme)
        if default is None or not own or not own["name"] or not asked:
            return False
        if origin != f"{parts.scheme}://{parts.netloc}":
            return False  # with a path, or a user: no origin at all
        if _plain(own["name"]) in self._public_hosts:
            return True
        port = own["port"] or default
        return (_plain(own["name"]), port) == (_plain(asked["name"]), asked["port"] or default)


def check_media_type(request: Request) -> None:
    """Make sure that a body is not said to be something else than JSON, before it is received.

    Forms pass where no browser sends them: `curl -d` and others call everything one, unless told.

    Raises:
        UnsupportedMediaType: definite.

    Source: RFC 9110, sections 8.4 and 15.5.16
    """
    coding = request.header(b"content-encoding").strip(" \t")
    if coding and coding.lower() != "identity":
        message = f"the body is packed ({coding[:100]}); nothing is unpacked here"
        raise UnsupportedMediaType(message)
    given = request.header(b"content-type")
    kind = _kind(given)
    if not kind or _JSON.fullmatch(kind):
        return
    headers = request.raw_headers
    if kind == _FORM and b"origin" not in headers and b"sec-fetch-site" not in headers:
        return
    message = f"the body is {kind[:100]}, not application/json"
    raise UnsupportedMediaType(message)


def check_content(request: Request) -> None:
    """Make sure that a body that is said to be a form is JSON all the same, once it is received.

    Raises:
        UnsupportedMediaType: definite; it is a form indeed, such as `quantity=2`.
    """
    if _kind(request.header(b"content-type")) == _FORM:
        begin = request.content.lstrip(_JSON_SPACE)[:1]
        if begin and begin not in _JSON_BEGIN:
            message = f"the body is a form ({_FORM}), and not JSON"
            raise UnsupportedMediaType(message)


def check_form_type(request: Request) -> None:
    """Make sure that a body is said to be what a browser's form sends.

    Raises:
        UnsupportedMediaType: definite.
    """
    kind = _kind(request.header(b"content-type"))
    if kind != _FORM:
        message = f"the body is {kind[:100] or 'of no type'}, not {_FORM}"
        raise UnsupportedMediaType(message)


def _kind(media_type: str) -> str:
    """Return a media type without its parameters."""
    return media_type.partition(";")[0].strip(" \t").lower()


def _can_be(name: str, port: str | None) -> bool:
    """Tell whether there can be such a host: no empty part, no port or address out of range."""
    if int(port or 0) > _PORT_MAX or ".." in name:
        return False
    try:
        return not name.startswith("[") or bool(IPv6Address(name[1:-1]))
    except ValueError:
        return False


def _plain(name: str) -> str:
    """Return a host name in its usual form."""
    return name.lower().removesuffix(".")


def _refuse_doubled(request: Request) -> None:
    """Refuse two headers where there may be one; most others may be there twice."""
    names = [name for name, _value in request.scope["headers"]]
    for name, error in _TWICE.items():
        if names.count(name) > 1:
            message = f"the request has {names.count(name)} {name.decode()} headers, not one"
            raise error(message)


def _refuse_coding(request: Request) -> None:
    coding = ", ".join(request.header_list("transfer-encoding"))
    if coding.strip(" \t").lower() != "chunked":
        message = f"the body has the transfer coding {coding[:100]!r}"
        raise CodingNotImplemented(message)
    message = "the request has a Transfer-Encoding; a Content-Length beside it could not be seen"
    raise InvalidFraming(message)
