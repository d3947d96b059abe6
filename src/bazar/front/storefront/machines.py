"""What browsers and search engines ask for beside pages: files, covers, and signs for machines."""

import gzip

import msgspec
from starlette.responses import Response

from bazar.front.storefront import cover
from bazar.front.storefront.frame import Frame
from bazar.front.storefront.showing import cover_path
from bazar.front.storefront.stockroom import Stockroom
from bazar.front.storefront.visit import PREFIXES
from bazar.kit.errors import InvalidRequest, RouteNotFound
from bazar.kit.http.answers import Headers, ReadyResponse
from bazar.kit.http.coding import takes_gzip
from bazar.kit.http.endpoint import route
from bazar.kit.http.request import Request
from bazar.kit.web.answers import FOR_EVER

DAY = "public, max-age=86400"
"""Of what changes with the build or the settings alone."""
COVERS_MAX = 4096
_SVG = "image/svg+xml"
_COVER_POLICY = b"default-src 'none'; sandbox"
_UNLISTED = ("/admin", "/basket", "/checkout", "/order", "/find", "/tell-me")
_BRAND = "#9b2c2c"
_PAPER = "#fbf7ef"
_ICON = f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="{_BRAND}">\
<path d="M3 4h26v7a4.33 4.33 0 0 1-8.66 0 4.33 4.33 0 0 1-8.68 0A4.33 4.33 0 0 1 3 11z"/>\
<path d="M5 18.5h22V29h-7.5v-6a3.5 3.5 0 0 0-7 0v6H5z"/></svg>"""
_SEARCH = """<?xml version="1.0" encoding="UTF-8"?>
<OpenSearchDescription xmlns="http://a9.com/-/spec/opensearch/1.1/">
<ShortName>{name}</ShortName>
<Description>{name}</Description>
<InputEncoding>UTF-8</InputEncoding>
<Image width="32" height="32" type="image/svg+xml">{site}/favicon.svg</Image>
<Url type="text/html" template="{site}/find?q={{searchTerms}}"/>
</OpenSearchDescription>
"""
_SHORT_NAME_LENGTH_MAX = 16


class Machines:
    """The handlers of what is no page."""

    def __init__(self, frame: Frame, stockroom: Stockroom) -> None:
        """Answer for the shop of this frame, and for the books of this stock room."""
        self._frame = frame
        self._stockroom = stockroom
        self._covers: dict[str, tuple[bytes, bytes]] = {}

    @route("GET", "/static/{name}", answers={})
    async def static(self, request: Request) -> Response:
        """Answer a style sheet or a script."""
        return self._frame.static.answer(request, request.path_params["name"])

    @route("GET", "/cover/{name}", answers={})
    async def cover(self, request: Request) -> Response:
        """Answer a cover; an address of before the book changed gets today's, for once."""
        path = f"/cover/{request.path_params['name']}"
        drawn = self._covers.get(path)
        current = path
        if drawn is None:
            current, drawn = await self._drawn(path, request.id)
        return _cover_response(request, drawn, kept=current == path)

    @route("GET", "/robots.txt", answers={})
    async def robots(self, request: Request) -> Response:
        """Tell search engines what to leave alone."""
        paths = [prefix + path for prefix in PREFIXES.values() for path in _UNLISTED]
        lines = ["User-agent: *", *[f"Disallow: {path}" for path in paths]]
        lines.append(f"Sitemap: {self._frame.site.seen_by(request)}/sitemap.xml\n")
        return _small("\n".join(lines), "text/plain; charset=utf-8")

    @route("GET", "/opensearch.xml", answers={})
    async def opensearch(self, request: Request) -> Response:
        """Tell browsers how to search the shop."""
        name = _xml_text(self._frame.shop.name[:_SHORT_NAME_LENGTH_MAX])
        site = _xml_text(self._frame.site.seen_by(request))
        text = _SEARCH.format(name=name, site=site)
        return _small(text, "application/opensearchdescription+xml")

    @route("GET", "/site.webmanifest", answers={})
    async def manifest(self, _request: Request) -> Response:
        """Tell phones how the shop looks on their first screen."""
        name = self._frame.shop.name
        told = {
            "name": name,
            "short_name": name[:12],
            "start_url": "/",
            "display": "browser",
            "background_color": _PAPER,
            "theme_color": _BRAND,
            "icons": [{"src": "/favicon.svg", "sizes": "any", "type": _SVG}],
        }
        text = msgspec.json.encode(told).decode()
        return _small(text, "application/manifest+json")

    @route("GET", "/favicon.svg", answers={})
    async def favicon(self, _request: Request) -> Response:
        """Answer the mark of the shop."""
        return _small(_ICON, _SVG)

    @route("GET", "/favicon.ico", answers={})
    async def old_favicon(self, _request: Request) -> Response:
        """Answer the mark of the shop to who asks for it by its old name."""
        return _small(_ICON, _SVG)

    async def _drawn(self, path: str, request_id: str) -> tuple[str, tuple[bytes, bytes]]:
        """Draw the cover of a book; return its address too."""
        number = path.removeprefix("/cover/").partition("-")[0]
        if not (path.endswith(".svg") and number.isascii() and number.isdigit()):
            message = f"there is nothing at {path[:100]}"
            raise RouteNotFound(message)
        try:
            book = await self._stockroom.book(int(number[:16]), request_id)
        except InvalidRequest as error:
            raise RouteNotFound(error.detail) from error
        current = cover_path(book)
        drawn = self._covers.get(current)
        if drawn is None:
            plain = cover.draw(book.title, book.author, book.topic)
            drawn = plain, gzip.compress(plain, 9, mtime=0)
            if len(self._covers) >= COVERS_MAX:
                del self._covers[next(iter(self._covers))]
            self._covers[current] = drawn
        return current, drawn


def _cover_response(request: Request, drawn: tuple[bytes, bytes], *, kept: bool) -> Response:
    headers: Headers = [
        (b"content-type", _SVG.encode()),
        (b"cache-control", FOR_EVER.encode() if kept else b"no-cache"),
        (b"content-security-policy", _COVER_POLICY),
        (b"x-content-type-options", b"nosniff"),
        (b"cross-origin-resource-policy", b"same-origin"),
        (b"vary", b"Accept-Encoding"),
    ]
    body = drawn[0]
    if takes_gzip(request):
        body = drawn[1]
        headers.append((b"content-encoding", b"gzip"))
    headers.append((b"content-length", b"%d" % len(body)))
    return ReadyResponse(body, 200, headers)


def _small(text: str, media_type: str) -> Response:
    body = text.encode()
    headers: Headers = [
        (b"content-type", media_type.encode()),
        (b"cache-control", DAY.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"x-content-type-options", b"nosniff"),
    ]
    return ReadyResponse(body, 200, headers)


def _xml_text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
