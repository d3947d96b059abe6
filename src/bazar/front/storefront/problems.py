"""What went wrong, told to people: a page for each kind of error, in their language."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from starlette.responses import Response

from bazar.front.storefront.frame import Frame, Head
from bazar.kit.errors import BazarError, Overloaded
from bazar.kit.http.answers import Headers, Ready
from bazar.kit.http.request import Request
from bazar.kit.signing import SAFE_METHODS
from bazar.kit.web.answers import HTML, NO_STORE, SECURITY, TRANSPORT
from bazar.kit.web.texts import Texts

BREATH_S = 5
"""After which a page that could not be shown asks again by itself."""
_RETRY_AFTER = b"retry-after"
_ALLOW = b"allow"


@dataclass(frozen=True, slots=True)
class Words:
    """What an error page says."""

    title: str
    text: str
    home: bool = True
    """Whether it shows the ways on."""


def _not_found(texts: Texts, _error: BazarError, _request: Request) -> Words:
    _ = texts.gettext
    return Words(
        _("This shelf is empty"),
        _("There is no page at this address. Search for a book, or look at what we have."),
    )


def _foreign(texts: Texts, _error: BazarError, _request: Request) -> Words:
    _ = texts.gettext
    return Words(
        _("This form came from another page. Open it again."),
        _("Nothing was done. Go back to our page, open it anew, and send it from there."),
    )


def _refused(texts: Texts, _error: BazarError, _request: Request) -> Words:
    _ = texts.gettext
    return Words(
        _("We could not read that"),
        _("Nothing was done. Go back and try it once more."),
    )


def _too_often(texts: Texts, error: BazarError, _request: Request) -> Words:
    wait_s = _wait_s(error)
    return Words(
        texts.gettext("That was a little too often"),
        texts.ngettext(
            "Nothing was done. Wait %(n)s second, then try again.",
            "Nothing was done. Wait %(n)s seconds, then try again.",
            wait_s,
        ),
    )


def _broken(texts: Texts, _error: BazarError, request: Request) -> Words:
    _ = texts.gettext
    return Words(
        _("That did not work"),
        _("Something broke here, and we have a note of it: %(id)s.", id=request.id),
    )


def _away(texts: Texts, _error: BazarError, _request: Request | None) -> Words:
    _ = texts.gettext
    return Words(
        _("The shop takes a breath"),
        _("We can't reach our stock room. Your basket is safe. This page asks again by itself."),
        home=False,
    )


_WORDS: dict[int, Callable[[Texts, BazarError, Request], Words]] = {
    403: _foreign,
    404: _not_found,
    405: _not_found,
    429: _too_often,
    500: _broken,
    503: _away,
}


class Pages:
    """Handlers of pages, whose errors are pages too."""

    def __init__(self, frame: Frame) -> None:
        """Draw in this frame."""
        self._frame = frame

    async def error_page(self, request: Request, error: BazarError) -> Response:
        """Tell what went wrong."""
        return error_page(self._frame, request, error)


def error_page(frame: Frame, request: Request, error: BazarError) -> Response:
    """Return the page that tells of an error."""
    seen = frame.visit(request)
    texts = frame.texts(seen.language)
    status = HTTPStatus.NOT_FOUND if error.status == HTTPStatus.METHOD_NOT_ALLOWED else error.status
    words = _WORDS.get(error.status, _refused)(texts, error, request)
    headers = [one for one in error.headers if one[0] != _ALLOW]
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        wait = b"%d" % _wait_s(error)
        headers = [one for one in headers if one[0] != _RETRY_AFTER]
        headers.append((_RETRY_AFTER, wait))
        if request.method in SAFE_METHODS:  # else the browser would ask for what is behind a form
            headers.append((b"refresh", wait))
    head = Head(title=words.title, path="/", index=False)
    return frame.show(
        seen,
        "problem.html",
        head,
        status,
        caching=NO_STORE,
        headers=headers,
        words=words,
    )


def crowded_page(frame: Frame, language: str) -> Ready:
    """Return the page of a shop that is too full, to be sent without a look at who asks."""
    words = _away(frame.texts(language), Overloaded(""), None)
    head = Head(title=words.title, path="/", index=False)
    drawn = frame.draw(language, "problem.html", head, words=words)
    body = b"".join(one.plain for one in drawn.pieces)
    headers: Headers = [
        (b"content-type", HTML.encode()),
        (b"cache-control", NO_STORE.encode()),
        (b"content-length", b"%d" % len(body)),
        *SECURITY,
        *([TRANSPORT] if frame.site.secure else []),
    ]
    return Ready(HTTPStatus.SERVICE_UNAVAILABLE, body, headers)


def _wait_s(error: BazarError) -> int:
    return next((int(value) for name, value in error.headers if name == _RETRY_AFTER), BREATH_S)
