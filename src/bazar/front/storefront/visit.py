"""Who asks for a page: in which language, with what in the basket, and what to be told once.

The basket cookie is read here since every page shows how many books are in it.
"""

from dataclasses import dataclass, replace

from msgspec import Struct

from bazar.front.storefront.basket import Basket
from bazar.kit.http.request import Request
from bazar.kit.web.cookies import Cookies, Header
from bazar.wire.orders import Language

LANGUAGES: tuple[Language, ...] = ("en", "ar")
PREFIXES: dict[str, str] = {"en": "", "ar": "/ar"}
"""Of the addresses in each language."""
BASKET_COOKIE = "basket"
BASKET_AGE_S = 60 * 24 * 3600
NOTICE_COOKIE = "notice"
NOTICE_AGE_S = 60


class Notice(Struct, frozen=True, array_like=True):
    """What the next page says once, at its top."""

    kind: str
    """`info`, `good`, `warn` or `bad`."""
    first: str
    """The sentence that says it."""
    then: str = ""


@dataclass(frozen=True, slots=True)
class Visit:
    """One request for a page."""

    request: Request
    language: Language
    path: str
    """That was asked for, without the prefix of its language."""
    basket: Basket | None
    notice: Notice | None

    @property
    def copies(self) -> int:
        """Return how many copies are in the basket."""
        return self.basket.copies if self.basket else 0

    def with_basket(self, basket: Basket) -> "Visit":
        """Return the visit of who has this basket from now on."""
        return replace(self, basket=basket)


def visit(request: Request, cookies: Cookies) -> Visit:
    """Look at who asks."""
    language, path = language_of(request.scope["path"])
    if b"cookie" not in request.raw_headers:
        return Visit(request, language, path, None, None)
    basket = cookies.value(request, BASKET_COOKIE, Basket, BASKET_AGE_S)
    notice = cookies.value(request, NOTICE_COOKIE, Notice, NOTICE_AGE_S)
    return Visit(request, language, path, basket, notice)


def basket_header(cookies: Cookies, basket: Basket) -> Header:
    """Return the header that has a browser keep a basket."""
    return cookies.header(BASKET_COOKIE, basket, BASKET_AGE_S)


def notice_header(cookies: Cookies, notice: Notice) -> Header:
    """Return the header that has the next page say something once."""
    return cookies.header(NOTICE_COOKIE, notice, NOTICE_AGE_S)


def language_of(path: str) -> tuple[Language, str]:
    """Return the language of an address, and the rest of it."""
    for language in LANGUAGES:
        prefix = PREFIXES[language]
        if prefix and (path == prefix or path.startswith(f"{prefix}/")):
            return language, path.removeprefix(prefix) or "/"
    return "en", path
