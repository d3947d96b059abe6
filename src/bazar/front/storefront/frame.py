"""What all pages share: the shop, its languages, head and foot, and how a page is sent.

A page is drawn with two holes: how many books are in the basket, and a notice that is said once.
All the rest is the same for everybody who asks in one language, so it can be kept.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from markupsafe import Markup
from starlette.responses import Response

from bazar.front.storefront.visit import NOTICE_COOKIE, PREFIXES, Visit, visit
from bazar.kit.http.answers import Headers, unless_held
from bazar.kit.http.request import Request
from bazar.kit.web import answers, figures
from bazar.kit.web.answers import ASK_FIRST, Piece, piece, small_piece
from bazar.kit.web.cookies import Cookies
from bazar.kit.web.site import Site
from bazar.kit.web.static import Static
from bazar.kit.web.templates import Templates
from bazar.kit.web.texts import Texts, noted, texts
from bazar.wire.shop import CURRENCY_DEFAULT, NAME_DEFAULT, Shop

PACKAGE = "bazar.front.storefront"
WORDS = "bazar.words"
_NEW_SHOP = Shop(version=0, currency=CURRENCY_DEFAULT)
assert noted("Bazar Books") == NAME_DEFAULT  # the name of a new shop is a text of ours
_HOLE = "<!--hole-->"
_TAG_BYTES = 9
_COUNTS_MAX = 1000
_NOTHING = small_piece("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a page says about itself to browsers and search engines."""

    title: str
    """Without the shop's name."""
    path: str
    """Of this page in its best form, without the prefix of its language."""
    description: str = ""
    index: bool = True
    """Whether search engines may list it."""
    image: str = ""
    kind: str = "website"
    """For Open Graph."""
    data: Any = None
    """About its subject, as JSON-LD."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A page without what its reader alone sees."""

    pieces: tuple[Piece, Piece, Piece]
    """Before the basket's number, between it and the notice, and after."""
    tag: str
    """Names these bytes."""


class Frame:
    """The shop around each page."""

    def __init__(
        self, secret: str, site: Site, last_shop: Callable[[], Shop | None] = lambda: None
    ) -> None:
        """Know the shop.

        Args:
            secret: of the service; the cookies' keys are derived from it.
            site: where the pages are.
            last_shop: the settings as they were last seen.
        """
        self.site = site
        self.cookies = Cookies(secret, secure=site.secure)
        self.static = Static(PACKAGE)
        self._last_shop = last_shop
        self._templates: dict[str, Templates] = {}
        self._counts: dict[tuple[str, int], Piece] = {}

    @property
    def shop(self) -> Shop:
        """The settings as they were last seen; before that, those of a new shop."""
        return self._last_shop() or _NEW_SHOP

    def texts(self, language: str) -> Texts:
        """Return what a language says."""
        return texts(WORDS, language)

    def visit(self, request: Request) -> Visit:
        """Look at who asks for a page."""
        return visit(request, self.cookies)

    def href(self, language: str, path: str) -> str:
        """Return the address of a page in a language."""
        return (PREFIXES[language] + path).rstrip("/") or "/"

    def draw(self, language: str, template: str, head: Head, /, **values: object) -> Drawn:
        """Draw a page for everybody, with its holes."""
        return self._drawn(piece, language, template, head, values)

    def _drawn(
        self,
        made: Callable[[str], Piece],
        language: str,
        template: str,
        head: Head,
        values: dict[str, Any],
    ) -> Drawn:
        before, between, after = self._whole(language, template, head, values).split(_HOLE)
        digest = blake2b(digest_size=_TAG_BYTES)
        for part in (before, between, after):
            digest.update(part.encode())
        return Drawn((made(before), made(between), made(after)), digest.hexdigest())

    def draw_part(self, language: str, template: str, /, **values: object) -> Markup:
        """Draw a part of a page, to be put into a page as it is."""
        drawn = self._templates_of(language).draw(template, **values)
        return Markup(drawn)  # noqa: S704  a template escaped what it shows

    def send(
        self,
        seen: Visit,
        drawn: Drawn,
        status: int = 200,
        *,
        caching: str = ASK_FIRST,
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> Response:
        """Fill the holes of a page and send it, or say that its reader has it still."""
        first, second, third = drawn.pieces
        count, notice = self._count(seen.language, seen.copies), _NOTHING
        if seen.notice:
            said = self._templates_of(seen.language).draw("notice.html", notice=seen.notice)
            notice = small_piece(said)
        pieces = (first, count, second, notice, third)
        response = answers.page(seen.request, pieces, status, caching=caching)
        response.raw_headers += headers
        if self.site.secure:
            response.raw_headers.append(answers.TRANSPORT)
        if seen.notice:
            response.raw_headers.append(self.cookies.gone(NOTICE_COOKIE))
            return response
        if caching == ASK_FIRST and status == answers.OK:
            tag = f'W/"{drawn.tag}-{self.static.build}-{seen.language}-{seen.copies}"'
            response.raw_headers.append((b"etag", tag.encode()))
            return unless_held(seen.request, response)
        return response

    def show(  # noqa: PLR0913  a page is what it is
        self,
        seen: Visit,
        template: str,
        head: Head,
        status: int = 200,
        *,
        caching: str = ASK_FIRST,
        headers: Headers | None = None,
        **values: object,
    ) -> Response:
        """Draw a page for one reader alone, and send it; such a page is not packed."""
        drawn = self._drawn(answers.bare_piece, seen.language, template, head, values)
        return self.send(seen, drawn, status, caching=caching, headers=headers or ())

    def _count(self, language: str, copies: int) -> Piece:
        drawn = self._counts.get((language, copies))
        if drawn is None:
            templates = self._templates_of(language)
            drawn = small_piece(templates.draw("count.html", copies=copies))
            if copies <= _COUNTS_MAX:
                self._counts[(language, copies)] = drawn
        return drawn

    def _whole(self, language: str, template: str, head: Head, values: dict[str, Any]) -> str:
        return self._templates_of(language).draw(
            template,
            hole=Markup(_HOLE),  # noqa: S704  ours
            head=head,
            shop=self.shop,
            canonical=self.site.url + self.href(language, head.path),
            others={
                name: self.href(name, head.path) for name in PREFIXES if name in self.shop.languages
            },
            site_url=self.site.url,
            **({"q": "", "plain": False} | values),
        )

    def _templates_of(self, language: str) -> Templates:
        templates = self._templates.get(language)
        if templates is None:
            shared = {
                "static": self.static.address,
                "href": lambda path: self.href(language, path),
                "price": lambda amount, currency: figures.price(amount, currency, language),
                "year": figures.year,
            }
            templates = Templates(PACKAGE, self.texts(language), shared)
            self._templates[language] = templates
        return templates
