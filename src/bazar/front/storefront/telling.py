"""Pages of text: what the keeper of the shop wrote, else our own words where a shop needs some."""

import re
from dataclasses import dataclass

from starlette.responses import Response

from bazar.front.storefront.frame import Drawn, Frame, Head
from bazar.front.storefront.keeping import Keeping
from bazar.front.storefront.looking import Look
from bazar.front.storefront.problems import Pages
from bazar.kit.errors import RouteNotFound
from bazar.kit.http.endpoint import route
from bazar.kit.http.request import Request
from bazar.kit.web.texts import noted

_BETWEEN_PARAGRAPHS = re.compile(r"\n\s*\n")


@dataclass(frozen=True, slots=True)
class _Page:
    title: str
    paragraphs: tuple[str, ...] = ()
    """Our own words, where the keeper wrote none."""


_PAGES = {
    "delivery": _Page(
        noted("Collecting and delivery"),
        (
            noted("You can collect what you order at our counter. We put it aside at once."),
            noted("What else we offer, and what it costs, the checkout shows before you order."),
        ),
    ),
    "returns": _Page(
        noted("Returns"),
        (
            noted("You can cancel an order on its page until we hand it over or send it."),
            noted("For anything after that, come by or write to us: we find a way."),
        ),
    ),
    "order": _Page(
        noted("Find my order"),
        (
            noted("Each order has a page of its own, whose address you saw when you ordered."),
            noted("If you can't find it, ask us with the six letters of the order, or your name."),
        ),
    ),
    "privacy": _Page(noted("Privacy")),
    "imprint": _Page(noted("Imprint")),
}


class Telling(Pages):
    """The handler of pages of text."""

    def __init__(self, frame: Frame, keeping: Keeping) -> None:
        """Show what is kept or drawn."""
        super().__init__(frame)
        self._keeping = keeping

    @route("GET", "/page/{name}", answers={}, page=True)
    async def text(self, request: Request) -> Response:
        """Show a page of text."""
        seen = self._frame.visit(request)
        name = request.path_params["name"]

        async def draw(look: Look) -> Drawn:
            return await self._draw(look, seen.language, name)

        key = (seen.language, "page", name)
        return self._frame.send(seen, await self._keeping.page(key, request.id, draw))

    async def _draw(self, look: Look, language: str, name: str) -> Drawn:
        shop, texts = await look.shop(), self._frame.texts(language)
        ours = _PAGES.get(name)
        if name in shop.texts:
            written = shop.texts[name].replace("\r\n", "\n").strip()
            paragraphs = _BETWEEN_PARAGRAPHS.split(written)
        else:
            paragraphs = [texts.gettext(text) for text in ours.paragraphs] if ours else []
        if not any(paragraphs):
            message = f"there is no page {name[:100]}"
            raise RouteNotFound(message)
        title = texts.gettext(ours.title) if ours else name.replace("-", " ").capitalize()
        head = Head(title=title, path=f"/page/{name}")
        return self._frame.draw(language, "text.html", head, paragraphs=paragraphs)
