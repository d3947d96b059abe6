"""The first page: what kind of shop this is, and where to begin."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.responses import Response

from bazar.front.storefront.cards import Cards, Shelf
from bazar.front.storefront.described import shop_data
from bazar.front.storefront.frame import Drawn, Frame, Head
from bazar.front.storefront.keeping import Keeping
from bazar.front.storefront.links import topic_path
from bazar.front.storefront.looking import Look
from bazar.front.storefront.problems import Pages
from bazar.front.storefront.showing import Shown, shown
from bazar.kit.clock import passing_s
from bazar.kit.errors import Overloaded, Unavailable
from bazar.kit.http.endpoint import route
from bazar.kit.http.request import Request
from bazar.kit.web import figures
from bazar.kit.web.answers import NO_STORE
from bazar.kit.web.texts import noted
from bazar.wire.books import Book, BookList, BookQuery, TopicCount
from bazar.wire.problems import BookNotFound
from bazar.wire.shop import Shop

SHELF_BOOKS = 6
SHELF_BOOKS_MIN = 3
"""A shelf with fewer is left out."""
PICKS = 3
LAST_AGE_S_MAX = 600
"""How long the last page is shown while the catalog is away."""
_SHELVES: tuple[tuple[BookList, str], ...] = (
    ("new", noted("New on the table")),
    ("bought", noted("Most bought this month")),
    ("last", noted("Last copies")),
)


@dataclass(frozen=True, slots=True)
class Window:
    """What stands in the shop's window."""

    shop: Shop
    topics: list[TopicCount]
    shelves: dict[BookList, list[Book]]
    picks: list[Book]
    seen_at: datetime
    seen_at_s: float


class Home(Pages):
    """The handler of the first page."""

    def __init__(self, frame: Frame, keeping: Keeping, cards: Cards) -> None:
        """Show what is kept or drawn."""
        super().__init__(frame)
        self._keeping = keeping
        self._cards = cards
        self._last: Window | None = None

    @route("GET", "/", answers={}, page=True)
    async def home(self, request: Request) -> Response:
        """Show the first page; while the catalog is away the last one, for ten minutes."""
        seen = self._frame.visit(request)

        async def draw(look: Look) -> Drawn:
            self._last = await _window(look)
            return self._draw(seen.language, self._last, "")

        try:
            drawn = await self._keeping.page((seen.language, "home"), request.id, draw)
        except (Unavailable, Overloaded):
            last = self._last
            if last is None or passing_s() - last.seen_at_s > LAST_AGE_S_MAX:
                raise
            as_of = figures.clock_time(last.seen_at, last.shop.time_zone)
            drawn = self._draw(seen.language, last, as_of)
            return self._frame.send(seen, drawn, caching=NO_STORE)
        return self._frame.send(seen, drawn)

    def _draw(self, language: str, window: Window, as_of: str) -> Drawn:
        frame, texts, shop = self._frame, self._frame.texts(language), window.shop
        claim = shop.claim or texts.gettext("If it is on this page, it is on our shelf.")
        sentence = shop.sentence or _sentence(shop, texts.gettext)
        head = Head(
            title=texts.gettext(shop.name),
            path="/",
            description=sentence,
            data=shop_data(
                shop,
                frame.site.url + frame.href(language, "/"),
                frame.site.url + frame.href(language, "/find"),
            ),
        )
        shelves = [
            Shelf(name, texts.gettext(title), self._cards.of(books, language), f"/find?list={name}")
            for name, title in _SHELVES
            if len(books := window.shelves[name]) >= SHELF_BOOKS_MIN
        ]
        picks: list[Shown] = [shown(book, texts) for book in window.picks]
        return frame.draw(
            language,
            "home.html",
            head,
            claim=claim,
            sentence=sentence,
            picks=picks if len(picks) == PICKS else [],
            topics=[(one.topic, one.books, topic_path(one.topic)) for one in window.topics],
            shelves=shelves,
            as_of=as_of,
        )


async def _window(look: Look) -> Window:
    shop = await look.shop()
    queries = [BookQuery(list=name, limit=SHELF_BOOKS) for name, _title in _SHELVES]
    topics, lists = await asyncio.gather(
        look.topics(), asyncio.gather(*[look.listed(query) for query in queries])
    )
    shelves = {name: one.books for (name, _title), one in zip(_SHELVES, lists, strict=True)}
    picks = [book for book_id in shop.picks if (book := await _pick(look, book_id))]
    picks = picks or (shelves["bought"] or shelves["new"])[:PICKS]
    return Window(shop, topics, shelves, picks, datetime.now(UTC), passing_s())


async def _pick(look: Look, book_id: int) -> Book | None:
    try:
        book = await look.book(book_id)
    except BookNotFound:
        return None
    return None if book.retired else book


def _sentence(shop: Shop, _: Callable[[str], str]) -> str:
    """Say what happens with an order, in our own words."""
    if "post" in shop.deliveries:
        return _(
            "Order and we put your copy aside that same moment. "
            "Collect it from our counter tomorrow, or let us post it."
        )
    return _(
        "Order and we put your copy aside that same moment. Collect it from our counter tomorrow."
    )
